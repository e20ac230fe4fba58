// Every page in every light and on every width: axe finds nothing, nothing is wider than the window, and the browser
// has nothing to complain of.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DASHBOARD, HOSTILE, orders, SALES, VISITS } from './data.mjs';
import { suite } from './harness/suite.mjs';


const { shared } = suite({
  metrics: SALES + VISITS,
  load: async (server, shared) => {
    await server.send(orders(0, 2000));
    await server.run();
    await server.send(orders(2000));
    await server.send(HOSTILE.map((text) => ({ event: 'purchase', time: text, properties: { text } })).concat([orders()[0]]));
    await server.value('PUT', '/v1/dashboards/shop', { body: DASHBOARD });
    shared.admin = await server.key('admin', { note: HOSTILE[0] });
    await server.key('read', { note: HOSTILE.at(-1).slice(0, 3000), metrics: ['sales'] }, shared.admin);
    shared.run = (await server.value('GET', '/v1/runs', { key: shared.admin })).runs[0].id;
  },
});

const DAYS = 'metric=sales&granularity=day&timezone=America/New_York&fill=zero';
const GROUPS = `${DAYS}&measures=orders,mean_amount&group_by=country&group_limit=8&other=true&totals=true`;

/** Where, what is there when the page is, and what to press before looking. */
const PLACES = [
  ['/ui/explore', /complete/],
  [`/ui/explore?${DAYS}&measures=orders&compare=previous_week&totals=true`, /complete/],
  [`/ui/explore?${GROUPS}`, /complete/],
  [`/ui/explore?${GROUPS}&chart=stacked`, /complete/, 'Share'],
  [`/ui/explore?${GROUPS}&chart=bar`, /complete/, 'Add a filter'],
  [`/ui/explore?${GROUPS}&chart=table`, /complete/, /^Range/],
  ['/ui/explore?metric=sales&measures=orders,buyers,mean_amount&totals=true', /complete/, /^complete/],
  ['/ui/explore?metric=sales&group_by=country,plan&measures=orders,amount', /complete/, /^Time zone/],
  ['/ui/explore?metric=sales&from=2001-01-01&to=2001-02-01&granularity=day&measures=orders', /complete/, 'More options'],
  ['/ui/explore?metric=sales&filter=land+%3D+5', /invalid_filter/],
  ['/ui/explore?metric=none', /none/],
  ['/ui/explore?metric=sales&measures=orders', /complete/, 'Save to dashboard'],
  ['/ui/d', /Shop/, 'New dashboard'],
  ['/ui/d/shop', /complete/, 'More'],
  ['/ui/d/shop?edit=1', /6 wide/],
  ['/ui/metrics', /Orders by the hour/],
  ['/ui/metrics?new=1', /Create metric/],
  ['/ui/metrics/sales', /Type mismatches/, 'Delete'],
  ['/ui/metrics/sales?edit=1', /Preview/],
  ['/ui/runs', /succeeded/, 'Start a run'],
  ['/ui/runs', /succeeded/, 'Change schedule'],
  ['/ui/runs/RUN', /Events folded/],
  ['/ui/health', /Ready/],
  ['/ui/quarantine', /invalid_time/],
  ['/ui/keys', /admin/, 'Create a key'],
];

for (const scheme of ['light', 'dark']) {
  for (const width of [1280, 360]) {
    test(`every page, ${scheme}, ${width} pixels wide`, () => inEveryPlace({ scheme, width }));
  }
}

async function inEveryPlace(how) {
  const { browser, server, admin, run } = shared;
  const visit = await browser.visit(server, how);
  const { page } = visit;
  try {
    await visit.go('/ui/');
    await page.getByLabel('Key').waitFor();
    await visit.checkAccessibility('the log-in');
    await page.getByLabel('Key').fill(admin);
    await page.getByRole('button', { name: 'Log in' }).click();
    await page.getByRole('main').getByText(/complete/).first().waitFor();
    for (const [target, ready, press] of PLACES) {
      await visit.go(target.replace('RUN', run));
      await page.getByRole('main').getByText(ready).first().waitFor();
      await visit.checkAccessibility(target);
      await checkWidth(page, target);
      if (press !== undefined) {
        await page.getByRole('main').getByRole('button', { name: press }).first().click();
        await page.locator(':popover-open, dialog[open]').first().waitFor();
        await visit.checkAccessibility(`${target}, ${press}`);
        await checkWidth(page, target);
      }
    }
    await visit.follow('/ui/nowhere');
    await page.getByRole('main').getByText(/No such page/).first().waitFor();
    await visit.checkAccessibility('an address of no page');
    await checkWidth(page, '/ui/nowhere');
    assert.equal(await page.locator('img, script:not([src])').count(), 0);
  } catch (error) {
    await visit.context.close();
    throw error;
  }
  await visit.close({ refused: ['401', '400 /v1/query', '404 /v1/query', '404 /v1/metrics/none'] });
}

async function checkWidth(page, where) {
  const tooWide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  assert(tooWide <= 0, `${where} is ${tooWide} pixels wider than the window`);
}
