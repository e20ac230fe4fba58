// Health: what the service says of itself, and what it says when it is gone.
import assert from 'node:assert/strict';
import { orders, SALES, VISITS } from './data.mjs';
import { STORES } from './harness/server.mjs';
import { suite } from './harness/suite.mjs';

for (const store of STORES) {
  const { inPage } = suite({ store, metrics: SALES + VISITS, load: (server) => server.send(orders(0, 500)) });

  inPage(`${store}: figures are those of the status, and renewed`, {}, async ({ visit, page, server }) => {
    await visit.go('/ui/health');
    await page.getByRole('status').filter({ hasText: 'Ready' }).waitFor();
    const status = await server.value('GET', '/v1/status');
    const card = page.getByRole('region', { name: 'Service' });
    await card.getByText(status.version, { exact: true }).waitFor();
    await card.getByText(status.journal.id).waitFor();
    await page.getByRole('region', { name: 'Speed store' }).getByText(status.speed_store.kind).waitFor();
    const lags = page.getByRole('region', { name: 'Lag of each metric' }).getByRole('row');
    assert.equal(await lags.filter({ hasText: /sales|visits/ }).count(), 2);
    const before = page.getByText('500 since the start');
    await before.waitFor();
    await server.send(orders(500, 600));
    await page.getByText('600 since the start').waitFor();
    assert.equal(await before.count(), 0);
    const backlog = page.locator('.tile').filter({ hasText: 'Events without a run' });
    await backlog.getByText('600', { exact: true }).waitFor();
    await backlog.getByText('runs cover 0 a second').waitFor();
    await server.run('incremental');
    await backlog.getByText('0', { exact: true }).waitFor();
  });
}
