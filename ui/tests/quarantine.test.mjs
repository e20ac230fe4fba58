// Quarantine: reasons as facets, the text as it was sent, one deleted, all of a reason deleted.
import assert from 'node:assert/strict';
import { HOSTILE } from './data.mjs';
import { suite } from './harness/suite.mjs';

const VALID = { id: 'one', event: 'purchase', time: '2025-03-03T00:00:00Z', properties: { note: 'first' } };
const CONFLICT = { ...VALID, properties: { note: 'second' } };
const NO_TIME = 60;

const { inPage } = suite({
  load: async (server) => {
    const bad = Array.from({ length: NO_TIME }, (_, n) => ({ id: `t-${n}`, event: 'purchase', time: `never ${n}` }));
    const hostile = HOSTILE.map((text) => ({ event: text, properties: { text } }));
    const unusual = [{ event: 'purchase', amount: 5 }, ...hostile];
    await server.send([VALID]);
    await server.send([VALID, CONFLICT, ...bad, ...unusual]);
  },
});

inPage('reasons are facets with counts, and live in the address', {}, async ({ visit, page, server }) => {
  await visit.go('/ui/quarantine');
  const { codes, total } = await server.value('GET', '/v1/quarantine?limit=1');
  const reasons = page.getByRole('group', { name: 'Reasons' });
  await reasons.getByRole('button', { name: `All ${total}` }).waitFor();
  for (const [code, { entries }] of Object.entries(codes)) {
    await reasons.getByRole('button', { name: `${code} ${entries}`, exact: true }).waitFor();
  }
  await reasons.getByRole('button', { name: 'invalid_time' }).click();
  assert.equal(new URL(page.url()).search, '?code=invalid_time');
  const entries = page.getByRole('list', { name: 'Events in quarantine' }).getByRole('listitem');
  const only = (code) => entries.filter({ hasNotText: code }).first().waitFor({ state: 'detached' });
  await only('invalid_time');
  assert.equal(await entries.count(), 50);
  await page.getByRole('button', { name: 'Show more' }).click();
  await entries.nth(NO_TIME - 1).waitFor();
  assert.equal(await entries.count(), NO_TIME);
  await page.goBack();
  await reasons.getByRole('button', { name: /^All/, pressed: true }).waitFor();
  await reasons.getByRole('button', { name: /conflict/ }).click();
  await only('conflict');
  await entries.filter({ hasText: '"second"' }).waitFor();
  assert.equal(await entries.count(), 1);
});

inPage('the text is shown as it was sent, whatever it holds', {}, async ({ visit, page }) => {
  await visit.go('/ui/quarantine?code=invalid_event');
  const entries = page.getByRole('list', { name: 'Events in quarantine' }).getByRole('listitem');
  await entries.nth(HOSTILE.length - 1).waitFor();
  const raw = (await entries.locator('pre').allTextContents()).join('\n');
  for (const text of HOSTILE) {
    assert(raw.includes(JSON.stringify(text)), `shows ${text.slice(0, 60)}`);
  }
  assert.equal(await page.locator('img').count(), 0);
  const scrolled = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  assert(scrolled <= 0, 'long texts do not widen the page');
});

inPage('one is deleted, then all of its reason, after a question', {}, async ({ visit, page, server }) => {
  await visit.go('/ui/quarantine?code=invalid_time');
  const entries = page.getByRole('list', { name: 'Events in quarantine' }).getByRole('listitem');
  await entries.first().waitFor();
  const id = await entries.first().getByRole('button').getAttribute('aria-label');
  await page.getByRole('button', { name: id, exact: true }).click();
  await page.getByRole('button', { name: id, exact: true }).waitFor({ state: 'detached' });
  await page.getByRole('button', { name: /Delete all of invalid_time/ }).click();
  const question = page.getByRole('dialog', { name: /Delete all/ });
  await question.getByRole('button', { name: 'Keep' }).click();
  await question.waitFor({ state: 'detached' });
  assert.equal((await server.value('GET', '/v1/quarantine?limit=1')).codes.invalid_time.entries, String(NO_TIME - 1));
  await page.getByRole('button', { name: /Delete all of invalid_time/ }).click();
  await question.getByRole('button', { name: /^Delete/ }).click();
  await question.waitFor({ state: 'detached' });
  const left = await server.value('GET', '/v1/quarantine');
  assert.deepEqual(left.entries.filter(({ code }) => code === 'invalid_time'), []);
  assert(left.entries.some(({ kind }) => kind === 'conflict'), 'other reasons stay');
});
