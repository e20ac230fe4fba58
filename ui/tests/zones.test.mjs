// The zone of the reader's computer never matters: with the zone in the address the page is the same everywhere.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { orders, SALES } from './data.mjs';
import { Explore } from './harness/explore.mjs';
import { suite } from './harness/suite.mjs';
import { eventually } from './harness/wait.mjs';

const { shared } = suite({ metrics: SALES, load: (server) => server.send(orders()) });

const READERS = ['UTC', 'America/St_Johns', 'Pacific/Kiritimati'];
const STATES = [
  // Both weeks have a day of 23 hours.
  { granularity: 'hour', timezone: 'America/New_York', from: '2025-03-07', to: '2025-03-11' },
  { granularity: 'hour', timezone: 'Europe/Berlin', from: '2025-03-29', to: '2025-04-01' },
  { granularity: 'day', timezone: 'Pacific/Apia', compare: 'previous_week' },
  { granularity: 'week', timezone: 'Australia/Lord_Howe' },
  { granularity: 'month', timezone: 'Asia/Kolkata', chart: 'bar' },
  { granularity: 'day', timezone: 'America/New_York', chart: 'table' },
];

test('three readers in three zones see the same charts, tables and labels', async () => {
  const seen = [];
  for (const timezone of READERS) {
    const visit = await shared.browser.visit(shared.server, { timezone });
    const explore = new Explore(visit);
    const pictures = [];
    for (const state of STATES) {
      await explore.open({ metric: 'sales', measures: 'orders,refunds', fill: 'zero', ...state });
      pictures.push(await picture(explore));
    }
    await visit.close();
    seen.push(pictures);
  }
  STATES.forEach((state, n) => {
    for (const reader of [1, 2]) {
      assert.deepEqual(seen[reader][n], seen[0][n], `${READERS[reader]} sees ${JSON.stringify(state)} as ${READERS[0]} does`);
    }
  });
});

test('a zoom asks for the same instants, wherever the reader is', async () => {
  const ranges = [];
  for (const timezone of READERS) {
    const visit = await shared.browser.visit(shared.server, { timezone });
    const explore = new Explore(visit);
    await explore.open({ metric: 'sales', measures: 'orders', fill: 'zero', granularity: 'day', timezone: 'America/New_York' });
    await explore.hover('orders', 0.25);
    await visit.page.mouse.down();
    await explore.hover('orders', 0.5);
    await visit.page.mouse.up();
    await eventually(() => assert.notEqual(explore.params.from, undefined));
    await explore.settled();
    const { from, to } = await explore.truth();
    ranges.push([from, to]);
    await visit.close();
  }
  assert.deepEqual(ranges[1], ranges[0]);
  assert.deepEqual(ranges[2], ranges[0]);
});

test('without a zone in the address the page opens in that of the reader, and says so there', async () => {
  for (const timezone of READERS) {
    const visit = await shared.browser.visit(shared.server, { timezone });
    const explore = new Explore(visit);
    await visit.go('/ui/explore');
    await explore.act(() => {}, { timezone });
    await visit.close();
  }
});

/** Everything that is drawn and written in the answer; ids of patterns differ from page to page. */
async function picture(explore) {
  await explore.answer.locator('svg path, svg rect, table').first().waitFor({ state: 'attached' });
  return explore.answer.evaluate((element) => {
    const shapes = [...element.querySelectorAll('svg *')].map((shape) =>
      ['d', 'x', 'y', 'x1', 'y1', 'width', 'height', 'class'].map((name) => shape.getAttribute(name)).join(' '),
    );
    const times = [...element.querySelectorAll('time')].map((time) => time.dateTime);
    const sliders = [...element.querySelectorAll('[role=slider]')].map((slider) => slider.ariaValueText);
    const text = element.textContent.replace(/\d+ ms behind/, '');
    return { shapes, times, sliders, text };
  });
}
