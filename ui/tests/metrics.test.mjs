// Metrics: the first run from events that arrived, the editor with its errors, preview, save, change, delete.
import assert from 'node:assert/strict';
import { orders } from './data.mjs';
import { plain, shown } from './harness/explore.mjs';
import { suite } from './harness/suite.mjs';

const { inPage } = suite({ load: (server) => server.send(orders(0, 400)) });

const BUYS = `[[metric]]
name = "buys"
event = "purchase"
granularity = "hour"
dimensions = ["country"]

[metric.measures]
buys = { kind = "count" }
amount = { kind = "sum", of = "amount" }
`;

const definition = (page) => page.getByRole('textbox', { name: 'Definition' });

inPage('with no metric, Explore leads to a definition from the events that arrived', {}, async ({ visit, page, server }) => {
  await visit.go('/ui/');
  await page.getByText(/no metric yet/i).first().waitFor();
  await visit.go('/ui/metrics?new=1');
  await page.getByRole('link', { name: /^purchase/ }).click();
  const text = definition(page);
  await page.getByRole('region', { name: 'Properties' }).getByText('account.plan').waitFor();
  assert.match(await text.inputValue(), /event = "purchase"/);
  await page.getByRole('button', { name: 'Preview' }).click();
  await page.getByRole('region', { name: 'Preview' }).getByText('400').first().waitFor();
  await page.getByRole('button', { name: 'Create metric' }).click();
  await page.getByRole('status', { name: 'Saved' }).getByText('succeeded').first().waitFor();
  await page.getByRole('heading', { name: 'purchase', level: 1 }).waitFor();
  await page.getByRole('button', { name: 'Save', exact: true }).waitFor();
  const { metrics } = await server.value('GET', '/v1/metrics');
  assert.equal(metrics.length, 1);
  await page.getByRole('link', { name: 'Explore it' }).click();
  await page.getByRole('main').getByText(/^complete/).waitFor();
});

inPage('an error is marked on its line, in TOML and in JSON', { refused: [422, 400] }, async ({ visit, page }) => {
  await visit.go('/ui/metrics?new=1');
  const text = definition(page);
  for (const [wrong, right, line] of [
    ['"sum", of = "amount +"', '"sum", of = "amount"', 9],
    ['kind = "cuont"', 'kind = "count"', 8],
    ['granularity = "second"', 'granularity = "hour"', 4],
    ['dimensions = ["country" "plan"]', 'dimensions = ["country"]', 5],
  ]) {
    await text.fill(BUYS.replace(right, wrong));
    await page.getByRole('button', { name: 'Preview' }).click();
    await page.getByRole('alert').getByText(`Line ${line}`, { exact: true }).waitFor();
    const selected = await text.evaluate((area) => area.value.slice(area.selectionStart, area.selectionEnd));
    assert.equal(selected, BUYS.replace(right, wrong).split('\n')[line - 1]);
  }
  await text.fill(BUYS);
  await page.getByRole('tab', { name: 'JSON' }).click();
  await page.getByRole('tab', { name: 'JSON', selected: true }).waitFor();
  const json = await text.inputValue();
  assert.equal(JSON.parse(json).name, 'buys');
  const lines = json.replace('"sum"', '"some"').split('\n');
  await text.fill(lines.join('\n'));
  await page.getByRole('button', { name: 'Preview' }).click();
  await page.getByRole('alert').getByText(`Line ${1 + lines.findIndex((one) => one.includes('"some"'))}`, { exact: true }).waitFor();
});

inPage('preview folds the newest events and makes no version; the metric then answers the same', {}, async (t) => {
  const { visit, page, server } = t;
  const before = (await server.value('GET', '/v1/metrics')).metrics.length;
  await visit.go('/ui/metrics?new=1');
  await definition(page).fill(BUYS);
  await page.getByRole('button', { name: 'Preview' }).click();
  const preview = page.getByRole('region', { name: 'Preview' });
  await preview.getByLabel('Dimension of the preview').selectOption('country');
  const table = preview.getByRole('table', { name: 'Rows of the preview' });
  await table.getByRole('columnheader', { name: 'country' }).waitFor();
  const read = async () => (await table.locator('tbody tr').allInnerTexts()).map((row) => row.split('\t').map(plain));
  const previewed = await read();
  assert.equal((await server.value('GET', '/v1/metrics')).metrics.length, before);
  await page.getByRole('button', { name: 'Create metric' }).click();
  await page.getByRole('status', { name: 'Saved' }).getByText('succeeded').first().waitFor();
  await definition(page).fill(BUYS.replace('of = "amount"', 'of = "amuont"'));
  await preview.waitFor({ state: 'detached' });
  const { rows } = await server.value('GET', '/v1/query?metric=buys&group_by=country');
  assert.deepEqual(previewed, rows.map(({ country, buys, amount }) => [shown(country), buys, amount]));
});

inPage('a definition is changed on its own page: a new version, and the page shows it', {}, async ({ visit, page, server }) => {
  await visit.go('/ui/metrics/buys');
  await page.getByRole('link', { name: 'Edit' }).click();
  const text = definition(page);
  const current = await text.inputValue();
  await text.fill(current.replace('[metric.measures]', '[metric.measures]\nrefunds = { kind = "count", filter = "amount < 0" }'));
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  await page.getByRole('status', { name: 'Saved' }).getByText('succeeded').first().waitFor();
  const metric = await server.value('GET', '/v1/metrics/buys');
  assert.equal(metric.version, '2');
  assert('refunds' in metric.definition.measures);
  await page.getByRole('link', { name: 'Done' }).click();
  await page.getByRole('region', { name: 'State' }).getByText('2', { exact: true }).first().waitFor();
});

inPage('a metric is deleted after a question', {}, async ({ visit, page, server }) => {
  await visit.go('/ui/metrics/buys');
  await page.getByRole('button', { name: 'Delete', exact: true }).click();
  const question = page.getByRole('dialog', { name: 'Delete buys?' });
  await question.getByRole('button', { name: 'Keep' }).click();
  await question.waitFor({ state: 'detached' });
  assert.equal((await server.ask('GET', '/v1/metrics/buys')).status, 200);
  await page.getByRole('button', { name: 'Delete', exact: true }).click();
  await question.getByRole('button', { name: 'Delete buys' }).click();
  await page.getByRole('heading', { name: 'Metrics' }).waitFor();
  assert.equal((await server.ask('GET', '/v1/metrics/buys')).status, 404);
});
