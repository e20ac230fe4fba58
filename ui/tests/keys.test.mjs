// Keys: made (the text shown once), bound, revoked; and the log-in that they bring.
import assert from 'node:assert/strict';
import { orders, SALES, VISITS } from './data.mjs';
import { logIn } from './harness/login.mjs';
import { suite } from './harness/suite.mjs';

const { inPage, shared } = suite({ metrics: SALES + VISITS, load: (server) => server.send(orders(0, 500)) });

inPage('the first key: its text is shown once, and the page logs in with it', {}, async ({ visit, page, server }) => {
  await visit.go('/ui/keys');
  await page.getByRole('button', { name: 'Create the first key' }).click();
  const form = page.getByRole('dialog', { name: 'Create the first key' });
  await form.getByLabel('Note').fill('the first');
  await form.getByRole('button', { name: 'Create key' }).click();
  const made = page.getByRole('dialog', { name: /^Key / });
  shared.admin = await made.locator('pre').textContent();
  assert.match(shared.admin, /^\S{20,}$/);
  await made.getByRole('button', { name: 'Copy the key' }).click();
  await made.getByText('Copied').waitFor();
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), shared.admin);
  await made.getByRole('button', { name: /log in with it/ }).click();
  await page.getByRole('row').filter({ hasText: 'the first' }).waitFor();
  assert.equal((await page.content()).includes(shared.admin), false);
  assert.equal((await server.ask('GET', '/v1/keys')).status, 401);
  const kept = await page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie]));
  assert.equal(kept.includes(shared.admin), false);
  assert.equal(kept.includes('merganser-session'), false, 'scripts cannot read the cookie');
});

inPage('a reader is bound to a metric and a filter; a bad filter is refused at its field', { refused: [401, 422] }, async (t) => {
  const { visit, page, server } = t;
  await logIn(t.visit, shared.admin);
  await visit.go('/ui/keys');
  await page.getByRole('button', { name: 'Create a key' }).click();
  const form = page.getByRole('dialog', { name: 'Create a key' });
  await form.getByLabel('Role').selectOption('read');
  await form.getByLabel('Note').fill('"><img src=x onerror=alert(1)> of Acme');
  await form.getByRole('checkbox', { name: 'sales' }).check();
  await form.getByLabel('Only where').fill('tenant == acme');
  await form.getByRole('button', { name: 'Create key' }).click();
  await form.getByRole('alert').waitFor();
  await form.getByLabel('Only where').fill("tenant = 'acme'");
  await form.getByRole('button', { name: 'Create key' }).click();
  const made = page.getByRole('dialog', { name: /^Key / });
  shared.acme = await made.locator('pre').textContent();
  await made.getByRole('button', { name: 'I have kept it' }).click();
  const row = page.getByRole('row').filter({ hasText: 'of Acme' });
  await row.getByText("filter: tenant = 'acme'").waitFor();
  await row.getByText('metrics: sales').waitFor();
  const { keys } = await server.value('GET', '/v1/keys', { key: shared.admin });
  assert.deepEqual(keys.map(({ role }) => role), ['admin', 'read']);
});

inPage('a key is revoked after a question, and ends what it opened', { refused: [401] }, async (t) => {
  const { visit, page, server, browser } = t;
  const reader = await browser.visit(server);
  await logIn(reader, shared.acme);
  await logIn(t.visit, shared.admin);
  await visit.go('/ui/keys');
  const row = page.getByRole('row').filter({ hasText: 'of Acme' });
  await row.getByRole('button', { name: /^Revoke/ }).click();
  const question = page.getByRole('dialog', { name: /^Revoke/ });
  await question.getByRole('button', { name: 'Revoke', exact: true }).click();
  await question.waitFor({ state: 'detached' });
  await row.waitFor({ state: 'detached' });
  await reader.go('/ui/metrics');
  await reader.page.getByLabel('Key').waitFor();
  await reader.close({ refused: [401] });
});
