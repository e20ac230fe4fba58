// Dashboards: made from Explore, looked at under one range and filter, edited, conflicting, deleted.
import assert from 'node:assert/strict';
import { DASHBOARD, orders, SALES, VISITS } from './data.mjs';
import { plain } from './harness/explore.mjs';
import { suite } from './harness/suite.mjs';
import { eventually } from './harness/wait.mjs';

const { inPage } = suite({ metrics: SALES + VISITS, load: (server) => server.send(orders()) });

const titles = (page) => page.locator('main section h2').allInnerTexts();

async function put(server, name, document = DASHBOARD) {
  await server.value('PUT', `/v1/dashboards/${name}`, { body: document });
}

inPage('from nothing to a dashboard with a chart, from Explore', {}, async ({ visit, page, server }) => {
  await visit.go('/ui/d');
  await page.getByText('There is no dashboard yet.').waitFor();
  await visit.go('/ui/explore?metric=sales&measures=orders&group_by=country&group_limit=4&granularity=day&from=2025-03-03');
  await page.getByRole('button', { name: 'Save to dashboard' }).click();
  const dialog = page.getByRole('dialog', { name: 'Save to dashboard' });
  await dialog.getByLabel('Title of the dashboard').fill('The shop’s first');
  await dialog.getByLabel('Title of the chart').fill('Orders by country');
  await dialog.getByRole('button', { name: 'Save', exact: true }).click();
  await dialog.getByText('Saved to The shop’s first.').waitFor();
  await dialog.getByRole('link', { name: 'Open the dashboard' }).click();
  await page.getByRole('heading', { name: 'The shop’s first' }).waitFor();
  const chart = page.getByRole('region', { name: 'Orders by country' });
  await chart.getByText(/^complete/).waitFor();
  const { dashboards } = await server.value('GET', '/v1/dashboards');
  const document = await server.value('GET', `/v1/dashboards/${dashboards[0].name}`);
  assert.equal(document.from, '2025-03-03');
  assert.deepEqual(document.charts[0].query.group_by, ['country']);
  await chart.getByRole('link', { name: /^Explore/ }).click();
  await page.getByRole('slider', { name: 'orders over time' }).waitFor();
  assert.equal(new URL(page.url()).searchParams.get('group_by'), 'country');
});

inPage('an empty one is made from the list, and its name follows from its title', {}, async ({ visit, page, server }) => {
  await put(server, 'listed');
  await visit.go('/ui/d');
  await page.getByRole('button', { name: 'New dashboard' }).click();
  const dialog = page.getByRole('dialog', { name: 'New dashboard' });
  await dialog.getByLabel('Title').fill('Über uns 2');
  const name = await dialog.getByLabel(/^Name/).inputValue();
  assert.match(name, /^[a-z][a-z0-9_-]*$/);
  await dialog.getByRole('button', { name: 'Create dashboard' }).click();
  await page.getByText('There is no chart yet.').waitFor();
  assert.equal(new URL(page.url()).pathname, `/ui/d/${name}`);
});

inPage('every chart shows what the service answers, under one range, filter and zone', {}, async ({ visit, page, server }) => {
  await put(server, 'shop');
  await visit.go('/ui/d/shop');
  for (const { title } of DASHBOARD.charts) {
    await page.getByRole('region', { name: title, exact: true }).getByText(/^complete/).waitFor();
  }
  const tiles = page.getByRole('region', { name: 'Amount', exact: true }).locator('.number-value');
  const showsAmount = (filter) =>
    eventually(async () => {
      const query = new URLSearchParams({ metric: 'sales', measures: 'amount,buyers', ...filter });
      const [row] = (await server.value('GET', `/v1/query?${query}`)).rows;
      assert.deepEqual((await tiles.allInnerTexts()).map(plain), [row.amount, row.buyers]);
    });
  await showsAmount({});
  await page.getByRole('button', { name: /^Range/ }).click();
  await page.getByLabel('From', { exact: true }).fill('2025-03-05');
  await page.getByLabel('To, not included', { exact: true }).fill('2025-03-20');
  await page.getByRole('button', { name: 'Apply' }).click();
  const range = { from: '2025-03-05', to: '2025-03-20', timezone: 'America/New_York' };
  await showsAmount(range);
  await page.getByRole('region', { name: 'Plans' }).getByRole('button', { name: /^pro/ }).click();
  await showsAmount({ ...range, filter: "plan = 'pro'" });
  assert.equal(new URL(page.url()).searchParams.get('filter'), "plan = 'pro'");
  await page.reload();
  await showsAmount({ ...range, filter: "plan = 'pro'" });
  await page.goBack();
  await showsAmount(range);
});

inPage('charts are moved, resized, renamed, changed in kind and removed', {}, async ({ visit, page, server }) => {
  await put(server, 'edited');
  await visit.go('/ui/d/edited');
  await page.getByRole('button', { name: 'Edit', exact: true }).click();
  await page.getByRole('button', { name: 'Move later: Orders', exact: true }).click();
  await page.getByRole('button', { name: 'Wider: Amount' }).click();
  await page.getByRole('button', { name: 'Higher: Amount' }).click();
  await page.getByLabel('Kind of Plans').selectOption('table');
  await page.getByLabel('Title of Largest').fill('Largest orders');
  await page.getByRole('button', { name: 'Remove By country' }).click();
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  await page.getByRole('button', { name: 'Edit', exact: true }).waitFor();
  assert.deepEqual(await titles(page), ['Orders', 'Amount', 'Plans', 'Largest orders']);
  const { charts } = await server.value('GET', '/v1/dashboards/edited');
  assert.deepEqual(
    charts.map(({ title, chart, width, height }) => [title, chart, width, height]),
    [['Orders', 'line', '6', '3'], ['Amount', 'number', '4', '4'], ['Plans', 'table', '3', '3'], ['Largest orders', 'table', '6', '3']],
  );
});

inPage('as text: what is wrong is marked on its line, what is right is saved', { refused: [422] }, async ({ visit, page, server }) => {
  await put(server, 'text');
  await visit.go('/ui/d/text');
  await page.getByRole('button', { name: 'Edit', exact: true }).click();
  await page.getByRole('tab', { name: 'Text' }).click();
  const field = page.getByLabel('Dashboard as JSON');
  const text = await field.inputValue();
  const lines = text.split('\n');
  const line = lines.findIndex((one) => one.includes('"stacked"'));
  await field.fill(text.replace('"stacked"', '"pie"'));
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  await page.getByText(`Line ${line + 1}`, { exact: true }).waitFor();
  await field.fill(text.replace('"stacked"', '"area"'));
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  await page.getByRole('button', { name: 'Edit', exact: true }).waitFor();
  const { charts } = await server.value('GET', '/v1/dashboards/text');
  assert.equal(charts[1].chart, 'area');
});

for (const [button, title] of [['Take theirs', 'Theirs'], ['Replace with mine', 'Mine']]) {
  inPage(`two who edit at once: ${button.toLowerCase()}`, { refused: [412] }, async ({ visit, page, server }) => {
    const name = `conflict-${title.toLowerCase()}`;
    await put(server, name);
    await visit.go(`/ui/d/${name}`);
    await page.getByRole('button', { name: 'Edit', exact: true }).click();
    await page.getByLabel('Title', { exact: true }).fill('Mine');
    await put(server, name, { ...DASHBOARD, title: 'Theirs' });
    await page.getByRole('button', { name: 'Save', exact: true }).click();
    const dialog = page.getByRole('dialog', { name: 'The dashboard has changed meanwhile' });
    await dialog.getByRole('button', { name: button }).click();
    await page.getByRole('button', { name: 'Edit', exact: true }).waitFor();
    await page.getByRole('heading', { name: title, exact: true, level: 1 }).waitFor();
    assert.equal((await server.value('GET', `/v1/dashboards/${name}`)).title, title);
  });
}

inPage('an edit is left with Cancel, and a dashboard is deleted after a question', {}, async ({ visit, page, server }) => {
  await put(server, 'gone');
  await visit.go('/ui/d/gone');
  await page.getByRole('button', { name: 'Edit', exact: true }).click();
  await page.getByRole('button', { name: 'Remove Orders' }).click();
  await page.getByRole('button', { name: 'Cancel' }).click();
  await page.getByRole('region', { name: 'Orders', exact: true }).waitFor();
  await page.getByRole('button', { name: 'More' }).click();
  await page.getByRole('menuitem', { name: /^Delete/ }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Delete gone' }).click();
  await page.getByRole('heading', { name: 'Dashboards' }).waitFor();
  assert.equal((await server.ask('GET', '/v1/dashboards/gone')).status, 404);
});

inPage('a chart that cannot be answered says why, the others are there', { refused: ['404'] }, async ({ visit, page, server }) => {
  const broken = { title: 'Broken', chart: 'line', width: 6, height: 3, query: { metric: 'gone', granularity: 'day' } };
  await put(server, 'partly', { ...DASHBOARD, charts: [broken, DASHBOARD.charts[0]] });
  await visit.go('/ui/d/partly');
  await page.getByRole('region', { name: 'Broken' }).getByRole('alert').waitFor();
  await page.getByRole('region', { name: 'Orders', exact: true }).getByText(/^complete/).waitFor();
});

inPage('live: charts follow events', {}, async ({ visit, page, server }) => {
  await put(server, 'live');
  await visit.go('/ui/d/live?live=true');
  const tiles = page.getByRole('region', { name: 'Amount', exact: true }).locator('.number-value');
  await tiles.first().waitFor();
  await server.send([{ id: 'late', event: 'purchase', time: '2025-03-10T00:00:00Z', properties: { amount: 1000 } }]);
  const [row] = (await server.value('GET', '/v1/query?metric=sales&measures=amount')).rows;
  await eventually(async () => assert.equal(plain(await tiles.first().innerText()), row.amount));
});
