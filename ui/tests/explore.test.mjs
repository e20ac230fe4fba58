// Explore: each control changes the address, and the address is the query.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { orders, SALES, VISITS } from './data.mjs';
import { Explore, plain, shown } from './harness/explore.mjs';
import { suite } from './harness/suite.mjs';
import { eventually } from './harness/wait.mjs';

const { inPage, shared } = suite({
  metrics: SALES + VISITS,
  load: async (server) => {
    await server.send(orders(0, 1500));
    await server.run();
    await server.send(orders(1500));
  },
});

const DAYS = { metric: 'sales', measures: 'orders', granularity: 'day', timezone: 'America/New_York', fill: 'zero' };
const GROUPS = { ...DAYS, group_by: 'country' };

function inExplore(name, options, body) {
  inPage(name, options, (t) => body(new Explore(t.visit), t));
}

inExplore('without a state it opens on the first metric, and says so in the address', {}, async (explore, { visit }) => {
  await visit.go('/ui/');
  await explore.act(() => {}, { metric: 'sales', measures: 'orders', granularity: 'day' });
  assert.match(await explore.provenance(), /^complete · through 0:2100 · .* behind · generation \d+$/);
});

inExplore('metric, measures and groups are picked', {}, async (explore, { page }) => {
  await explore.open(DAYS);
  await explore.button(/^Measures/).click();
  await explore.act(() => page.getByRole('option', { name: /^mean_amount/ }).click(), { measures: 'orders,mean_amount' });
  await explore.act(() => page.getByRole('option', { name: /^orders/ }).click(), { measures: 'mean_amount' });
  await page.keyboard.press('Escape');
  await explore.plot('mean_amount').waitFor();
  await explore.button(/^Group by/).click();
  await explore.act(() => page.getByRole('option', { name: 'country' }).click(), { group_by: 'country' });
  await explore.act(() => page.getByRole('option', { name: 'plan' }).click(), { group_by: 'country,plan' });
  await page.keyboard.press('Escape');
  await page.goBack();
  await explore.act(() => page.goBack(), { group_by: undefined });
  await explore.button(/^Metric/).click();
  await explore.act(() => page.getByRole('option', { name: /^visits/ }).click(), { metric: 'visits', measures: 'visits' });
  await explore.plot('visits').waitFor();
});

inExplore('a click on a group filters, with Alt it excludes, and Back undoes both', {}, async (explore, { page }) => {
  await explore.open(GROUPS);
  const [first, second] = await explore.groups();
  const legend = page.getByRole('list', { name: 'Groups' });
  await explore.act(() => legend.getByRole('button', { name: first }).click(), { filter: `country = '${first}'` });
  assert.deepEqual(await eventually(async () => chips(page, 1)), [`country is ${first}`]);
  await explore.act(() => page.goBack(), { filter: undefined });
  await explore.act(() => legend.getByRole('button', { name: second }).click({ modifiers: ['Alt'] }), {
    filter: `(country <> '${second}' OR country IS NULL)`,
  });
  await eventually(async () => assert.equal((await explore.groups()).includes(second), false));
  await explore.act(() => page.goBack(), { filter: undefined });
  await eventually(async () => assert.equal((await explore.groups())[1], second));
});

inExplore('a click on a line filters by its group', {}, async (explore, { page }) => {
  await explore.open(GROUPS);
  const plot = explore.plot('orders');
  await explore.hover('orders', 0.5);
  const [first] = await explore.groups();
  const mark = await plot.locator('.cursor circle').first().boundingBox();
  const click = () => page.mouse.click(mark.x + mark.width / 2, mark.y + mark.height / 2);
  await explore.act(click, { filter: `country = '${first}'` });
});

inExplore('a drag over the chart zooms to whole buckets', {}, async (explore, { page }) => {
  await explore.open(DAYS);
  const { rows } = await explore.truth();
  const from = await explore.hover('orders', 0.3);
  await page.mouse.down();
  const to = await explore.hover('orders', 0.6);
  await page.mouse.up();
  await eventually(() => assert.notEqual(explore.params.from, undefined));
  await explore.settled();
  const zoomed = await explore.truth();
  assert.deepEqual([zoomed.from, zoomed.to], [rows[from].time, rows[to + 1].time]);
  await explore.act(() => page.goBack(), { from: undefined, to: undefined });
});

inExplore('the keyboard reads buckets and zooms', {}, async (explore, { page }) => {
  await explore.open(DAYS);
  const { rows } = await explore.truth();
  const plot = explore.plot('orders');
  await plot.focus();
  await page.keyboard.press('Home');
  for (const row of rows.slice(0, 3)) {
    await eventually(async () => assert((await plot.getAttribute('aria-valuetext')).includes(`: ${row.orders}`)));
    await page.keyboard.press('ArrowRight');
  }
  await page.keyboard.press('Shift+ArrowRight');
  await page.keyboard.press('Shift+ArrowRight');
  await plot.locator('.brush').waitFor();
  await page.keyboard.press('Enter');
  await eventually(() => assert.notEqual(explore.params.from, undefined));
  await explore.settled();
  const zoomed = await explore.truth();
  assert.deepEqual([zoomed.from, zoomed.to], [rows[3].time, rows[6].time]);
});

inExplore('keys open the pickers, and ? lists them', {}, async (explore, { page }) => {
  await explore.open(DAYS);
  await page.keyboard.press('/');
  await page.getByRole('listbox', { name: 'Metric' }).waitFor();
  await closePopover(page);
  await page.keyboard.press('f');
  await page.getByRole('listbox', { name: 'Dimension' }).waitFor();
  await closePopover(page);
  await page.keyboard.press('t');
  await page.getByLabel('From', { exact: true }).waitFor();
  await closePopover(page);
  await page.keyboard.press('c');
  await eventually(async () => assert.equal(await page.evaluate(() => document.activeElement.id), 'compare'));
  await explore.plot('orders').focus();
  await page.keyboard.press('?');
  await page.getByRole('dialog', { name: 'Keyboard and pointer' }).waitFor();
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'detached' });
});

/** Escape, and the moment until the browser has taken the focus out of what it hid. */
async function closePopover(page) {
  await page.keyboard.press('Escape');
  await page.waitForFunction(() => document.activeElement.closest('[popover]') === null);
}

inExplore('filters come from values with counts, and are chips that change', {}, async (explore, { page, server }) => {
  await explore.open(DAYS);
  const { values } = await server.value('GET', '/v1/metrics/sales/dimensions/country');
  await explore.button('Add a filter').click();
  await page.getByRole('option', { name: 'country' }).click();
  const list = page.getByRole('listbox', { name: 'Values of country' });
  for (const { value, count } of values.slice(0, 3)) {
    const option = list.getByRole('option', { name: new RegExp(`^(✓ ?)?${value}\\b`) });
    assert.match(plain(await option.innerText()), new RegExp(`\\b${count}$`));
  }
  await page.getByLabel('Search Values of country').fill('J');
  await explore.act(() => list.getByRole('option', { name: /^JP/ }).click(), { filter: "country = 'JP'" });
  await page.keyboard.press('Escape');
  await explore.button(/^Filter: country is JP/).click();
  await explore.act(() => page.getByRole('option', { name: /^DE/ }).click(), { filter: "country IN ('JP', 'DE')" });
  await explore.act(() => page.getByRole('button', { name: 'is not' }).click(), {
    filter: "(country NOT IN ('JP', 'DE') OR country IS NULL)",
  });
  await page.keyboard.press('Escape');
  await explore.act(() => page.getByRole('button', { name: /^Remove filter/ }).click(), { filter: undefined });
});

inExplore('a filter is written as text; one that is none is shown as the refusal', { refused: [400] }, async (t) => {
  const { page } = t;
  await t.open(DAYS);
  await writeFilter(t, "country LIKE 'D%' OR country IS NULL");
  await t.act(() => {}, { filter: "country LIKE 'D%' OR country IS NULL" });
  await page.goBack();
  await writeFilter(t, 'land = 5');
  await t.act(() => {}, { filter: 'land = 5' });
  const problem = t.answer.getByRole('alert');
  await problem.getByText('400').first().waitFor();
  const refusal = await t.server.ask('GET', t.query);
  await problem.getByText(refusal.value.detail.replaceAll('`', '')).waitFor();
  await t.act(() => page.goBack(), { filter: undefined });
  await problem.waitFor({ state: 'detached' });
});

async function writeFilter({ page }, text) {
  await page.getByRole('button', { name: 'Add a filter' }).click();
  await page.getByRole('button', { name: 'Write as text' }).click();
  await page.getByRole('textbox', { name: /^Filter/ }).fill(text);
  await page.getByRole('button', { name: 'Apply' }).click();
}

inExplore('a range is picked, or typed; granularity follows', {}, async (explore, { page }) => {
  await explore.open({ ...DAYS, granularity: 'week' });
  await explore.button(/^Range/).click();
  await page.getByLabel('From', { exact: true }).fill('2025-03-10');
  await page.getByLabel('To, not included', { exact: true }).fill('2025-03-11T12:00:00Z');
  await explore.act(() => page.getByRole('button', { name: 'Apply' }).click(), {
    from: '2025-03-10',
    to: '2025-03-11T12:00:00Z',
  });
  assert.notEqual(explore.params.granularity, 'week', 'one bucket says little');
  await explore.button(/^Range/).click();
  await explore.act(() => page.getByRole('button', { name: 'All time' }).click(), { from: undefined, to: undefined });
});

inExplore('zone, granularity, comparison, fill and chart', {}, async (explore, { page }) => {
  await explore.open(DAYS);
  await explore.button(/^Time zone/).click();
  await page.getByLabel('Search Time zone').fill('Apia');
  await explore.act(() => page.getByRole('option', { name: /Apia/ }).click(), { timezone: 'Pacific/Apia' });
  const granularity = page.getByLabel('Granularity');
  await explore.act(() => granularity.selectOption('week'), { granularity: 'week' });
  await explore.act(() => page.getByLabel('Compare').selectOption('previous_month'), { compare: 'previous_month' });
  await explore.button('More options').click();
  await explore.act(() => page.getByLabel('Empty buckets').selectOption('previous'), { fill: 'previous' });
  await page.keyboard.press('Escape');
  for (const [name, chart] of [['Area', 'area'], ['Stacked area', 'stacked'], ['Bars', 'bar'], ['Table', 'table']]) {
    await explore.act(() => page.getByRole('button', { name, exact: true }).click(), { chart });
  }
  const { rows } = await explore.truth();
  const cells = await explore.cells();
  assert.deepEqual(cells.map((row) => plain(row[1])), rows.map(({ orders }) => orders));
  assert.deepEqual(cells.map((row) => plain(row[2])), rows.map(({ compare }) => shown(compare?.orders)));
});

inExplore('only granularities that fit the metric and the zone are offered', {}, async (explore, { page }) => {
  await explore.open({ metric: 'visits', granularity: 'day', timezone: 'UTC' });
  const options = () => page.getByLabel('Granularity').locator('option').evaluateAll((all) => all.map(({ value }) => value));
  assert.equal((await options()).includes('minute'), false);
  assert((await options()).includes('hour'));
});

inExplore('links, a frozen link, curl and CSV are the same answer', {}, async (explore, { page, server, visit }) => {
  const state = { ...GROUPS, filter: "country IN ('DE', 'FR')", chart: 'table' };
  await explore.open(state);
  const copy = async (name) => {
    await explore.button('Share').click();
    await page.getByRole('menuitem', { name }).click();
    await page.getByRole('status').filter({ hasText: 'copied' }).waitFor({ state: 'attached' });
    return page.evaluate(() => navigator.clipboard.readText());
  };
  const link = new URL(await copy(/^Copy link/));
  assert.deepEqual(Object.fromEntries(link.searchParams), state);
  const frozen = new URL(await copy(/^Copy frozen link/));
  const { from, to, provenance } = await explore.truth();
  assert.equal(frozen.searchParams.get('after'), `0:${provenance.speed.through['0']}`);
  assert(from === null || frozen.searchParams.get('from') === from);
  assert(to === null || frozen.searchParams.get('to') === to);
  const command = await copy(/^Copy as curl/);
  const url = /'(http[^']*)'$/.exec(command)[1].replaceAll('%27', "'");
  assert.equal(decodeURIComponent(url), decodeURIComponent(server.url + explore.query));
  const shownRows = await explore.cells();
  await visit.go(frozen.pathname + frozen.search);
  await explore.settled();
  assert.deepEqual(await explore.cells(), shownRows);
  await explore.button('Share').click();
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('menuitem', { name: 'Download CSV' }).click(),
  ]);
  const csv = await readFile(await download.path(), 'utf8');
  assert.equal(csv, (await server.ask('GET', `${explore.query}&format=csv`)).text);
});

inExplore('what an answer is made of, on a click', {}, async (explore, { page, server }) => {
  await explore.open({ ...DAYS, measures: 'buyers' });
  assert.match(await explore.provenance(), /buyers ± 1\.6/);
  await explore.answer.locator('.provenance').click();
  const dialog = page.getByRole('dialog', { name: 'What this answer is made of' });
  const { provenance } = await explore.truth();
  await dialog.getByText(`${plainCount(provenance.batch.events)} events, published`).waitFor();
  await dialog.getByRole('group', { name: 'Pieces of the plan' }).waitFor();
  const explained = await server.value('GET', explore.query.replace('/v1/query', '/v1/query:explain'));
  const rows = dialog.getByRole('group', { name: 'Pieces of the plan' }).locator('tbody tr');
  assert.equal(await rows.count(), explained.batch.pieces.length + 1);
});

const plainCount = (text) => (text.length < 5 ? text : text.replace(/\B(?=(\d{3})+$)/g, '\u202f'));

inExplore('the bucket that can still grow is hatched, the earlier period dashed', {}, async (explore, { page, server }) => {
  await server.send([{ id: 'now', event: 'purchase', properties: { country: 'DE', amount: 1 } }]);
  for (const chart of ['line', 'bar']) {
    await explore.open({ ...DAYS, from: 'now-3d', compare: 'previous_period', chart });
    const { provenance } = await explore.truth();
    assert.notEqual(provenance.open_bucket, null);
    await page.locator('.plot [fill^="url(#"]').first().waitFor({ state: 'attached' });
  }
  await explore.open({ ...DAYS, from: '2025-03-10', compare: 'previous_week' });
  const lines = page.locator('.plot path');
  await eventually(async () => {
    const dashes = await lines.evaluateAll((all) => all.map((line) => getComputedStyle(line).strokeDasharray));
    assert.deepEqual([...new Set(dashes.map((dash) => dash !== 'none'))].sort(), [false, true]);
  });
});

/** The texts of the filter chips, once there are so many. */
async function chips(page, count) {
  const found = page.getByRole('button', { name: /^Filter: / });
  assert.equal(await found.count(), count);
  return found.allInnerTexts();
}
