// Answers that change under an open page: events that come in, a pause, a server that is killed and started again, a
// store that hangs.
import assert from 'node:assert/strict';
import { orders, SALES } from './data.mjs';
import { Explore, plain } from './harness/explore.mjs';
import { STORES } from './harness/server.mjs';
import { suite } from './harness/suite.mjs';
import { eventually } from './harness/wait.mjs';

const TOTAL = { metric: 'sales', measures: 'orders', filter: "tenant = 'acme'" };
const DAYS = { metric: 'sales', measures: 'orders', granularity: 'day', fill: 'zero', timezone: 'Europe/Berlin' };

/** Waits until the one number on the page is what the service answers. */
async function isTrue(explore) {
  await eventually(async () => {
    const { rows } = await explore.truth();
    assert.equal(plain(await explore.answer.locator('.number-value').innerText()), rows[0].orders);
  });
}

for (const store of STORES) {
  const { inPage } = suite({
    store,
    metrics: SALES,
    load: (server) => server.send(orders(0, 300)),
    expected: store === 'redis' ? ['speed store'] : [],
  });

  inPage(`${store}: a live answer follows events, pauses, and goes on`, {}, async ({ visit, page, server }) => {
    const explore = new Explore(visit);
    await explore.open(TOTAL);
    await explore.button('Live').click();
    await isTrue(explore);
    await server.send(orders(300, 600));
    await isTrue(explore);
    assert.equal(explore.params.live, 'true');
    const ended = page.waitForEvent('requestfailed', (request) => request.url().includes('/v1/query?'));
    await explore.button('Pause').click();
    await ended;
    const before = await explore.answer.locator('.number-value').innerText();
    await server.send(orders(600, 900));
    await server.run();
    const now = (await explore.truth()).rows[0].orders;
    assert.notEqual(plain(before), now);
    assert.equal(await explore.answer.locator('.number-value').innerText(), before);
    await explore.button('Resume').click();
    await isTrue(explore);
    await explore.button('Live').click();
    await eventually(() => assert.equal(explore.params.live, undefined));
  });

  inPage(`${store}: a server that is killed and started again under live charts`, {}, async ({ visit, page, server }) => {
    const explore = new Explore(visit);
    await explore.open({ ...DAYS, filter: "country = 'DE'", live: 'true', compare: 'previous_week' });
    const { params } = explore;
    const before = await explore.plot('orders').getAttribute('aria-valuetext');
    await server.kill();
    const problem = explore.answer.getByRole('alert');
    await problem.getByText(/cannot be reached/).waitFor();
    assert.equal(await explore.plot('orders').getAttribute('aria-valuetext'), before, 'the last answer stays');
    await server.start();
    await server.send(orders(900, 1200));
    await problem.waitFor({ state: 'detached' });
    await eventually(async () => {
      const { rows } = await explore.truth();
      await explore.plot('orders').focus();
      await page.keyboard.press('End');
      assert(plain(await explore.plot('orders').getAttribute('aria-valuetext')).includes(`: ${rows.at(-1).orders}`));
      assert.equal(Number(await explore.plot('orders').getAttribute('aria-valuenow')), rows.length - 1);
    });
    assert.deepEqual(explore.params, params);
  });

  inPage(`${store}: a change of filter while the server is away`, {}, async ({ visit, page, server }) => {
    const explore = new Explore(visit);
    await explore.open(DAYS);
    await server.kill();
    await explore.button(/^Range/).click();
    await page.getByRole('button', { name: 'This year' }).click();
    const problem = explore.answer.getByRole('alert');
    await problem.getByText(/cannot be reached/).waitFor();
    assert.equal(explore.params.from, 'this_year');
    await server.start();
    await explore.act(() => page.goBack(), { from: undefined });
    await problem.waitFor({ state: 'detached' });
    assert.match(await explore.provenance(), /^complete/);
  });

  if (store === 'redis') {
    inPage('a store that is away: the refusal offers what there is, which is shown as incomplete', { refused: [503] }, async (t) => {
      const explore = new Explore(t.visit);
      await t.server.run();
      await explore.open(TOTAL);
      await t.server.redis.kill();
      try {
        await t.visit.go(`/ui/explore?${new URLSearchParams({ ...TOTAL, measures: 'amount' })}`);
        const problem = explore.answer.getByRole('alert');
        await problem.getByText('503').first().waitFor({ timeout: 30_000 });
        await problem.getByRole('button', { name: 'Show what there is' }).click();
        const line = explore.answer.locator('.provenance.incomplete');
        await line.waitFor({ timeout: 30_000 });
        assert.match(await line.innerText(), /^incomplete/);
        assert.equal(explore.params.partial, 'allow');
        const [colour, red] = await line.evaluate((element) => {
          const probe = element.ownerDocument.createElement('span');
          probe.className = 'bad-text';
          element.append(probe);
          const colours = [getComputedStyle(element).color, getComputedStyle(probe).color];
          probe.remove();
          return colours;
        });
        assert.equal(colour, red, 'it is red');
      } finally {
        await t.server.redis.start();
      }
      await eventually(async () => {
        await t.page.reload();
        await explore.settled();
        assert.match(await explore.provenance(), /^complete/);
      }, 60);
    });
  }
}
