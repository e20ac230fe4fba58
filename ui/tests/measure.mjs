// Measures the page against a running service:
//   node measure.mjs --server http://127.0.0.1:8080 [--state 'metric=flights&…'] [--loads 10] [--updates 3600] [--lighthouse]
// - from the request of the page to its first chart, in a browser without a cache;
// - from a click on a group to the chart of the new answer;
// - memory under a live answer, unless --updates is 0. The service sends a change once a second at most; here a proxy
//   between page and service repeats the answer with other numbers, as fast as the page takes them: 3,600 updates are
//   those of an hour;
// - with --lighthouse its marks for performance and accessibility (lighthouse comes from npm, by npx).
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { createServer, request } from 'node:http';
import { promisify } from 'node:util';
import { openBrowser } from './harness/browser.mjs';
import { Explore } from './harness/explore.mjs';
import { until } from './harness/wait.mjs';

const LIGHTHOUSE = 'lighthouse@12';
const GROUPS_SHOWN = '.legend button';

const option = (name, fallback) => {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? fallback : process.argv[at + 1];
};
const server = { url: option('server', 'http://127.0.0.1:8080').replace(/\/$/, '') };
const loads = Number(option('loads', '10'));
const updates = Number(option('updates', '3600'));
const key = option('key', process.env.MERGANSER_KEY);

const browser = await openBrowser();
try {
  const state = option('state') ?? (await firstState());
  console.log(`${server.url}/ui/explore?${state}`);
  report('first chart, ms', await firstCharts(state));
  report('change of filter, ms', await filterChanges(state));
  if (updates > 0) {
    await memory(state);
  }
  if (process.argv.includes('--lighthouse')) {
    for (const target of [`/ui/explore?${state}`, '/ui/d']) {
      await lighthouse(target);
    }
  }
} finally {
  await browser.close();
}

async function open(target, of = server) {
  const visit = await browser.visit(of, { motion: true });
  if (key !== undefined) {
    // The session is made in this window, as the page's own form would.
    await visit.go('/ui/');
    await visit.page.getByLabel('Key').fill(key);
    await visit.page.getByRole('button', { name: 'Log in' }).click();
    await visit.page.getByRole('navigation', { name: 'Pages' }).waitFor();
  }
  await visit.context.addInitScript(watchCharts);
  await visit.go(target);
  return visit;
}

/** In the page: notes when a chart is drawn first, and when the answer after a click is. */
function watchCharts() {
  const DRAWN = '.plot .line, .plot .bars path, .plot .area, .plot path, .group-bar, .number-value, tbody tr';
  window.marks = {};
  addEventListener('pointerup', () => (window.marks.click = performance.now()), true);
  let busy = false;
  new MutationObserver(() => {
    const result = document.querySelector('.result');
    if (window.marks.first === undefined && document.querySelector(DRAWN) !== null) {
      requestAnimationFrame(() => (window.marks.first ??= performance.now()));
    }
    const now = result?.getAttribute('aria-busy') === 'true';
    if (busy && !now) {
      requestAnimationFrame(() => (window.marks.answer = performance.now()));
    }
    busy = now;
  }).observe(document, { subtree: true, childList: true, attributes: true });
}

/** What Explore opens on, by groups of the first dimension. */
async function firstState() {
  const visit = await open('/ui/explore');
  const explore = new Explore(visit);
  await until('the page has chosen a state', () => explore.params.metric);
  await explore.settled();
  await explore.button(/^Group by/).click();
  await visit.page.getByRole('listbox', { name: 'Group by' }).getByRole('option').first().click();
  await until('the page has its groups', () => explore.params.group_by);
  await explore.settled();
  const { search } = new URL(visit.page.url());
  await visit.context.close();
  return search.slice(1);
}

async function firstCharts(state) {
  const times = [];
  for (let n = 0; n < loads; n += 1) {
    const visit = await open(`/ui/explore?${state}`);
    await visit.page.waitForFunction(() => window.marks.first !== undefined);
    times.push(await visit.page.evaluate(() => window.marks.first));
    await visit.context.close();
  }
  return times;
}

async function filterChanges(state) {
  const visit = await open(`/ui/explore?${state}`);
  const { page } = visit;
  const explore = new Explore(visit);
  await explore.settled();
  const times = [];
  const groups = await page.locator(GROUPS_SHOWN).count();
  for (let n = 0; n < groups; n += 1) {
    await page.evaluate(() => delete window.marks.answer);
    await page.locator(GROUPS_SHOWN).nth(n).click();
    await page.waitForFunction(() => window.marks.answer > window.marks.click);
    times.push(await page.evaluate(() => window.marks.answer - window.marks.click));
    await page.goBack();
    await explore.settled();
    await page.locator(GROUPS_SHOWN).nth(groups - 1).waitFor();
  }
  await visit.context.close();
  return times;
}

async function memory(state) {
  const proxy = await startProxy();
  const visit = await open(`/ui/explore?${state}&live=true`, { url: proxy.url });
  const devtools = await visit.context.newCDPSession(visit.page);
  const held = async () => {
    await devtools.send('HeapProfiler.collectGarbage');
    const { usedSize } = await devtools.send('Runtime.getHeapUsage');
    const { nodes, jsEventListeners } = await devtools.send('Memory.getDOMCounters');
    return { mib: (usedSize / 2 ** 20).toFixed(2), nodes, listeners: jsEventListeners };
  };
  const steps = 10;
  for (let step = 1; step <= steps; step += 1) {
    const wanted = Math.ceil((updates * step) / steps);
    await until(`${wanted} updates are sent`, () => proxy.sent() >= wanted, 600);
    const { mib, nodes, listeners } = await held();
    console.log(`after ${proxy.sent()} updates: ${mib} MiB of heap, ${nodes} nodes, ${listeners} listeners`);
  }
  await visit.context.close();
  proxy.stop();
}

/** Forwards to the service; answers that are followed it repeats with other numbers. */
async function startProxy() {
  const { hostname, port } = new URL(server.url);
  let sent = 0;
  const forward = (incoming, headers, onAnswer) => {
    const outgoing = request({ hostname, port, path: incoming.url, method: incoming.method, headers }, onAnswer);
    incoming.pipe(outgoing);
    return outgoing;
  };
  const http = createServer((incoming, response) => {
    const headers = { ...incoming.headers, host: new URL(server.url).host };
    if (headers.origin !== undefined) {
      headers.origin = server.url;
    }
    if (headers.accept !== 'text/event-stream') {
      forward(incoming, headers, (answer) => {
        response.writeHead(answer.statusCode, answer.headers);
        answer.pipe(response);
      });
      return;
    }
    forward(incoming, { ...headers, accept: 'application/json', 'accept-encoding': 'identity' }, async (answer) => {
      const text = (await answer.setEncoding('utf8').toArray()).join('');
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      while (!response.destroyed) {
        sent += 1;
        // The last digit of the counts goes round, so that every chart is drawn anew.
        const changed = text.replace(/(:\d+)\d([,}])/g, `$1${sent % 10}$2`);
        if (!response.write(`data: ${changed}\n\n`)) {
          await once(response, 'drain').catch(() => {});
        }
        await new Promise((done) => setTimeout(done, 10));
      }
    });
  }).listen(0, '127.0.0.1');
  await once(http, 'listening');
  return {
    url: `http://127.0.0.1:${http.address().port}`,
    sent: () => sent,
    stop: () => http.closeAllConnections() ?? http.close(),
  };
}

async function lighthouse(target) {
  const flags = '--chrome-flags=--headless --no-sandbox --disable-gpu';
  const wanted = ['--only-categories=performance,accessibility', '--output=json', '--quiet', '--preset=desktop'];
  const { stdout } = await promisify(execFile)(
    'npx',
    ['--yes', LIGHTHOUSE, server.url + target, flags, ...wanted],
    { env: { ...process.env, CHROME_PATH: process.env.CHROMIUM ?? '/usr/bin/chromium' }, maxBuffer: 2 ** 28 },
  );
  const { categories, audits } = JSON.parse(stdout);
  const marks = Object.values(categories).map(({ title, score }) => `${title} ${Math.round(score * 100)}`);
  console.log(`lighthouse, ${target.split('?')[0]}: ${marks.join(', ')}`);
  for (const { title, score, scoreDisplayMode } of Object.values(audits)) {
    if (score !== null && score < 0.9 && scoreDisplayMode !== 'informative') {
      console.log(`  ${title}: ${score}`);
    }
  }
}

function report(what, times) {
  const sorted = [...times].sort((a, b) => a - b);
  const at = (share) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]?.toFixed(0);
  console.log(`${what}: median ${at(0.5)}, longest ${at(1)}, of ${times.length}`);
}
