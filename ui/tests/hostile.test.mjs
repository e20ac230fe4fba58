// Values that a page must only ever show: markup, long texts, right-to-left, emoji, and ten thousand of them.
import assert from 'node:assert/strict';
import { HOSTILE } from './data.mjs';
import { Explore, plain } from './harness/explore.mjs';
import { suite } from './harness/suite.mjs';
import { eventually } from './harness/wait.mjs';

const METRICS = `
[[metric]]
name = "texts"
description = '"><img src=x onerror="document.title=1">'
event = "text"
granularity = "hour"
dimensions = ["value", "number"]
[metric.measures]
texts = { kind = "count" }
newest = { kind = "latest", of = "value" }
`;
const MANY = 10_000;
/** A filter may have 4,096 bytes; a longer one is refused, and the refusal shown. */
const FILTER_MAX = 4000;
const AT = '2025-03-03T10:00:00Z';

const { inPage } = suite({
  metrics: METRICS,
  load: (server) =>
    server.send([
      ...HOSTILE.flatMap((value, n) =>
        Array.from({ length: 20 - n }, () => ({ event: 'text', time: AT, properties: { value, number: 'all' } })),
      ),
      ...Array.from({ length: MANY }, (_, n) => ({ event: 'text', time: AT, properties: { value: 'many', number: `n${n}` } })),
    ]),
});

const VALUES = { metric: 'texts', measures: 'texts', filter: "number = 'all'", group_by: 'value' };
/** How a text stands in a box of the page: white space runs together. */
const visible = (text) => text.replace(/\s+/g, ' ').trim();

async function checkUntouched(page) {
  assert.equal(await page.locator('img, iframe, script:not([src])').count(), 0);
  assert.doesNotMatch(await page.title(), /broken|^1$/);
  const tooWide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  assert(tooWide <= 0, `the page is ${tooWide} pixels wider than the window`);
}

for (const width of [1280, 360]) {
  inPage(`groups, legends, tables and chips show texts as they are, ${width} pixels wide`, { width, refused: [400] }, async (t) => {
    const { page } = t;
    const explore = new Explore(t.visit);
    for (const chart of [{ chart: 'table' }, { chart: 'bar' }, { granularity: 'day' }, { granularity: 'day', chart: 'bar' }]) {
      await explore.open({ ...VALUES, ...chart });
      const shown = visible(await explore.answer.evaluate((element) => element.textContent));
      for (const value of HOSTILE) {
        assert(shown.includes(visible(value)), `${JSON.stringify(chart)} shows ${value.slice(0, 40)}`);
      }
      await checkUntouched(page);
    }
    for (const [n, value] of HOSTILE.entries()) {
      await explore.open({ ...VALUES, chart: 'table' });
      const pick = explore.answer.locator('td button').filter({ hasText: value.slice(0, 30) }).first();
      await explore.act(() => pick.click(), {
        filter: `number = 'all' AND value = '${value.replaceAll("'", "''")}'`,
      });
      if (value.length > FILTER_MAX) {
        await explore.answer.getByRole('alert').getByText('invalid_filter', { exact: true }).waitFor();
        await checkUntouched(page);
        continue;
      }
      await eventually(async () => {
        assert.deepEqual((await explore.cells()).map((row) => plain(row[1])), [String(20 - n)]);
      });
      await page.getByRole('button', { name: /^Filter: value is/ }).waitFor();
      await checkUntouched(page);
    }
  });
}

inPage('a latest text is shown as a text, not drawn', {}, async ({ visit, page }) => {
  const explore = new Explore(visit);
  await explore.open({ metric: 'texts', measures: 'newest', filter: "number = 'all'" });
  const [row] = (await explore.truth()).rows;
  const number = explore.answer.locator('.number-value');
  await eventually(async () => assert.equal(await number.innerText(), row.newest));
  await checkUntouched(page);
});

inPage('ten thousand values: the picker finds one, charts draw the largest, tables say what they show', {}, async (t) => {
  const { page } = t;
  const explore = new Explore(t.visit);
  await explore.open({ metric: 'texts', measures: 'texts', chart: 'bar' });
  await explore.button('Add a filter').click();
  await page.getByRole('option', { name: 'number' }).click();
  const options = page.getByRole('listbox', { name: 'Values of number' }).getByRole('option');
  await options.first().waitFor();
  assert(await options.count() <= 200, 'a list stays short');
  await page.getByLabel('Search Values of number').fill('n9999');
  await explore.act(() => options.filter({ hasText: 'n9999' }).click(), { filter: "number = 'n9999'" });
  await explore.open({ metric: 'texts', measures: 'texts', group_by: 'number', chart: 'table' });
  const rows = explore.answer.locator('tbody tr');
  const total = Number((await explore.truth()).total_rows);
  assert.equal(total, MANY + 1);
  assert(await rows.count() < 2000, 'a table opens in part');
  await explore.open({ metric: 'texts', measures: 'texts', group_by: 'number', granularity: 'hour' });
  assert(await t.visit.page.locator('svg path').count() < 500, 'a chart draws the largest groups');
  await checkUntouched(page);
});
