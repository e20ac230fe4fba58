// Who sees what: roles, bound readers, a wrong key, log-out, a session that ends.
import assert from 'node:assert/strict';
import { ORDERS, orders, SALES, VISITS } from './data.mjs';
import { Explore, plain } from './harness/explore.mjs';
import { logIn, offeredPages } from './harness/login.mjs';
import { suite } from './harness/suite.mjs';
import { eventually } from './harness/wait.mjs';

const { inPage, shared } = suite({
  metrics: SALES + VISITS,
  load: async (server, shared) => {
    await server.send(orders());
    shared.admin = await server.key('admin', { note: 'Ada' });
    shared.reader = await server.key('read', {}, shared.admin);
    shared.acme = await server.key('read', { filter: "tenant = 'acme'", note: 'Acme' }, shared.admin);
    shared.sales = await server.key('read', { metrics: ['sales'] }, shared.admin);
    shared.ingest = await server.key('ingest', {}, shared.admin);
  },
});

const LOOK = ['Explore', 'Dashboards', 'Metrics'];
const TOTAL = '/ui/explore?metric=sales&measures=orders';
const HERE = { refused: ['401'] };

inPage('an admin is offered every page, and may act', HERE, async ({ visit, page }) => {
  await logIn(visit, shared.admin);
  assert.deepEqual(await offeredPages(page), [...LOOK, 'Runs', 'Health', 'Quarantine', 'Keys']);
  await visit.go('/ui/runs');
  await page.getByRole('button', { name: 'Start a run' }).waitFor();
  await page.getByRole('button', { name: 'Change schedule' }).waitFor();
});

// What the page asks for before it knows the reader is refused, and then not shown.
const HIDDEN = { refused: ['401', '403'] };

inPage('a reader is offered what may be read, and no action', HIDDEN, async ({ visit, page }) => {
  await logIn(visit, shared.reader);
  assert.deepEqual(await offeredPages(page), [...LOOK, 'Runs', 'Health']);
  await visit.go('/ui/runs');
  await page.getByRole('heading', { name: 'Schedule' }).waitFor();
  for (const name of ['Start a run', 'Change schedule', 'Cancel']) {
    assert.equal(await page.getByRole('button', { name }).count(), 0, name);
  }
  await visit.go('/ui/metrics/sales');
  await page.getByRole('heading', { name: 'sales', exact: true }).waitFor();
  assert.equal(await page.getByRole('button', { name: /Edit|Delete|Change/ }).count(), 0);
  for (const hidden of ['keys', 'quarantine']) {
    await visit.go(`/ui/${hidden}`);
    await page.getByText('This key may not see this page.').waitFor();
  }
});

inPage('a bound reader sees its part, everywhere', HIDDEN, async ({ visit, page, server }) => {
  await logIn(visit, shared.acme);
  assert.deepEqual(await offeredPages(page), LOOK);
  await page.getByRole('link', { name: 'sales', exact: true }).waitFor();
  assert.equal(await page.getByText('visits').count(), 0, 'a metric without the dimension is not offered');
  const explore = new Explore(visit);
  await visit.go(TOTAL);
  await explore.settled();
  const part = (await explore.truth({ key: shared.acme })).rows[0].orders;
  assert.equal(part, String(ORDERS / 3));
  const number = explore.answer.locator('.number-value');
  await eventually(async () => assert.equal(plain(await number.innerText()), part));
  await explore.button('Add a filter').click();
  await page.getByRole('option', { name: 'tenant' }).click();
  const values = page.getByRole('listbox', { name: 'Values of tenant' }).getByRole('option');
  await values.first().waitFor();
  assert.equal(await values.count(), 1);
  await page.keyboard.press('Escape');
  for (const hidden of ['runs', 'health', 'keys', 'quarantine']) {
    await visit.go(`/ui/${hidden}`);
    await page.getByText('This key may not see this page.').waitFor();
  }
  assert.equal((await page.content()).includes('zeta'), false);
  assert.equal((await server.ask('GET', '/v1/runs', { key: shared.acme })).status, 403);
});

inPage('a reader that is bound to a metric is offered that one', HERE, async ({ visit, page }) => {
  await logIn(visit, shared.sales, TOTAL);
  const explore = new Explore(visit);
  await explore.settled();
  await explore.button(/^Metric/).click();
  const options = page.getByRole('listbox', { name: 'Metric' }).getByRole('option');
  assert.deepEqual((await options.allInnerTexts()).map((text) => text.includes('sales')), [true]);
});

inPage('a wrong key is refused with the reason, and not kept', HERE, async ({ visit, page }) => {
  await visit.go(TOTAL);
  await page.getByLabel('Key').fill('mg_nobody_knows_this_one');
  await page.getByRole('button', { name: 'Log in' }).click();
  await page.getByRole('alert').getByText('401').first().waitFor();
  assert.equal((await visit.context.cookies()).length, 0);
});

inPage('a key that only sends events reads nothing', HIDDEN, async ({ visit, page }) => {
  await visit.go(TOTAL);
  await page.getByLabel('Key').fill(shared.ingest);
  await page.getByRole('button', { name: 'Log in' }).click();
  await page.getByText(/may not see this page|403/).first().waitFor();
});

inPage('the log-in keeps the address, the log-out ends the session', HERE, async ({ visit, page }) => {
  await logIn(visit, shared.admin, TOTAL);
  const explore = new Explore(visit);
  await explore.settled();
  assert.deepEqual(explore.params, { metric: 'sales', measures: 'orders' });
  const [cookie] = await visit.context.cookies();
  assert.deepEqual([cookie.name, cookie.httpOnly, cookie.sameSite, cookie.path], ['merganser-session', true, 'Strict', '/']);
  await page.getByRole('button', { name: 'Log out' }).click();
  await page.getByLabel('Key').waitFor();
  const old = `${cookie.name}=${cookie.value}`;
  const reply = await shared.server.ask('GET', '/v1/runs', { headers: { cookie: old, 'sec-fetch-site': 'same-origin' } });
  assert.equal(reply.status, 401);
});

inPage('a session ends with the server; the same address comes back after the log-in', HERE, async (t) => {
  await logIn(t.visit, shared.reader, TOTAL);
  const explore = new Explore(t.visit);
  await explore.settled();
  await t.server.kill();
  await t.server.start();
  await explore.button(/^Measures/).click();
  await t.page.getByRole('option', { name: /^refunds/ }).click();
  await t.page.getByLabel('Key').fill(shared.reader);
  await t.page.getByRole('button', { name: 'Log in' }).click();
  await explore.settled();
  assert.equal(explore.params.measures, 'orders,refunds');
  const [row] = (await explore.truth({ key: shared.reader })).rows;
  const values = await explore.answer.locator('.number-value').allInnerTexts();
  assert.deepEqual(values.map(plain), [row.orders, row.refunds]);
});
