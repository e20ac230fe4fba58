// Runs: started, followed, cancelled, scheduled.
import assert from 'node:assert/strict';
import { orders, SALES, VISITS } from './data.mjs';
import { suite } from './harness/suite.mjs';

// Enough events for a full run to take seconds.
const { inPage } = suite({ metrics: SALES + VISITS, load: (server) => server.send(orders(0, 20_000)) });

inPage('a run is started from the menu and followed to its end', {}, async ({ visit, page, server }) => {
  await visit.go('/ui/runs');
  await page.getByRole('button', { name: 'Start a run' }).click();
  await page.getByRole('menuitem', { name: 'Incremental' }).click();
  const row = page.getByRole('row').filter({ hasText: 'incremental' });
  await row.filter({ hasText: 'succeeded' }).waitFor();
  const [run] = (await server.value('GET', '/v1/runs')).runs;
  assert.equal(run.mode, 'incremental');
  await row.getByText(run.id).click();
  await page.getByRole('heading', { name: run.id }).waitFor();
  assert.equal(new URL(page.url()).pathname, `/ui/runs/${run.id}`);
  await page.getByRole('region', { name: 'Facts' }).getByText('succeeded').first().waitFor();
  await page.goBack();
  await row.first().waitFor();
});

inPage('a run of some metrics', {}, async ({ visit, page, server }) => {
  await visit.go('/ui/runs');
  await page.getByRole('button', { name: 'Start a run' }).click();
  await page.getByRole('menuitem', { name: /Some metrics/ }).click();
  const dialog = page.getByRole('dialog', { name: 'Run some metrics' });
  await dialog.getByRole('checkbox', { name: 'visits' }).check();
  await dialog.getByRole('button', { name: 'Start run' }).click();
  await dialog.waitFor({ state: 'detached' });
  await page.getByRole('row').filter({ hasText: 'visits' }).filter({ hasText: 'succeeded' }).waitFor();
  const [run] = (await server.value('GET', '/v1/runs')).runs;
  assert.deepEqual([run.mode, run.metrics], ['full', ['visits']]);
});

inPage('the schedule: a bad one is refused at its field, a good one is kept', { refused: [422] }, async (t) => {
  const { visit, page, server } = t;
  await visit.go('/ui/runs');
  await page.getByRole('button', { name: 'Change schedule' }).click();
  const dialog = page.getByRole('dialog', { name: 'Change schedule' });
  await dialog.getByLabel('Incremental runs').fill('every morning');
  await dialog.getByRole('button', { name: 'Save' }).click();
  await dialog.getByRole('alert').waitFor();
  await dialog.getByLabel('Incremental runs').fill('0 0 1 1 *');
  await dialog.getByLabel('Time zone').fill('Europe/Berlin');
  await dialog.getByRole('button', { name: 'Save' }).click();
  await dialog.waitFor({ state: 'detached' });
  const card = page.getByRole('region', { name: 'Schedule' });
  await card.getByText('0 0 1 1 *').waitFor();
  await card.getByText('Europe/Berlin').waitFor();
  const schedule = await server.value('GET', '/v1/schedule');
  assert.deepEqual([schedule.incremental, schedule.timezone], ['0 0 1 1 *', 'Europe/Berlin']);
});

inPage('a run is cancelled while it works, and its progress moves by itself', {}, async ({ visit, page, server }) => {
  await visit.go('/ui/runs');
  await page.getByRole('button', { name: 'Start a run' }).click();
  await page.getByRole('menuitem', { name: /Full/ }).click();
  const live = page.getByRole('region', { name: /^Run run-/ });
  await live.getByRole('progressbar').waitFor();
  await live.getByText('running').waitFor();
  await live.getByRole('button', { name: 'Cancel' }).click();
  await page.getByRole('row').filter({ hasText: 'cancelled' }).waitFor();
  const [run] = (await server.value('GET', '/v1/runs')).runs;
  assert.equal(run.state, 'cancelled');
});
