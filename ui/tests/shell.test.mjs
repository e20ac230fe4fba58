// The frame of the page: navigation, title, theme, the keyboard's way in, the first address.
import assert from 'node:assert/strict';
import { orders, SALES } from './data.mjs';
import { suite } from './harness/suite.mjs';
import { eventually } from './harness/wait.mjs';

const { inPage } = suite({ metrics: SALES, load: (server) => server.send(orders(0, 300)) });

const ground = (page) => page.evaluate(() => getComputedStyle(document.body).backgroundColor);

inPage('a browser that asks for / is led to the page; the navigation goes to each, and titles say where', {}, async (t) => {
  const { visit, page } = t;
  await visit.go('/');
  assert.match(new URL(page.url()).pathname, /^\/ui\//);
  const links = page.getByRole('navigation', { name: 'Pages' }).getByRole('listitem').getByRole('link');
  for (const name of await links.allInnerTexts()) {
    await page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name, exact: true }).click();
    await page.waitForFunction((title) => document.title.startsWith(title), name);
    await page.getByRole('main').getByRole('heading', { level: 1 }).waitFor();
    assert.equal(await page.locator('nav [aria-current=page]').innerText(), name);
  }
});

inPage('the switch of colours holds against the system, and is kept', { scheme: 'dark' }, async ({ visit, page }) => {
  await visit.go('/ui/metrics');
  const dark = await ground(page);
  await page.getByLabel('Colours').selectOption('light');
  await eventually(async () => assert.notEqual(await ground(page), dark));
  await page.reload();
  await page.getByLabel('Colours').waitFor();
  assert.notEqual(await ground(page), dark);
  await page.getByLabel('Colours').selectOption('system');
  await eventually(async () => assert.equal(await ground(page), dark));
});

inPage('by the keyboard the content is the first stop', {}, async ({ visit, page }) => {
  await visit.go('/ui/metrics');
  await page.getByRole('link', { name: 'sales', exact: true }).waitFor();
  await page.keyboard.press('Tab');
  assert.equal(await page.evaluate(() => document.activeElement.textContent), 'Skip to content');
  await page.keyboard.press('Enter');
  assert.equal(await page.evaluate(() => document.activeElement.id), 'main');
});

inPage('on a phone the navigation opens from a button and closes on the way', { width: 360 }, async ({ visit, page }) => {
  await visit.go('/ui/metrics');
  const runs = page.getByRole('link', { name: 'Runs', exact: true });
  await page.getByRole('heading', { name: 'Metrics' }).waitFor();
  assert.equal(await runs.isVisible(), false);
  await page.getByRole('button', { name: 'Menu' }).click();
  await runs.click();
  await page.getByRole('heading', { name: 'Runs', level: 1 }).waitFor();
  assert.equal(await runs.isVisible(), false);
});
