// Takes the pictures of README and docs/ into a directory; scripts/screenshots calls it.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { openBrowser } from './harness/browser.mjs';
import { endsWithThisProcess } from './harness/process.mjs';
import { until, within } from './harness/wait.mjs';

const directory = process.argv[2];

const JANUARY = 'from=2013-01-01&to=2013-02-01&timezone=America/New_York';
const EXPLORE =
  `metric=flights&measures=departures,delay_p95&group_by=carrier&group_limit=5&other=true&totals=true&` +
  `granularity=day&fill=zero&${JANUARY}`;

/** Name of the file, where, and how large the window is. */
const PICTURES = [
  ['dashboard', '/ui/d/flights', { width: 1280, height: 860 }],
  ['explore', `/ui/explore?${EXPLORE}`, { width: 1280, height: 860 }],
];

const demo = endsWithThisProcess(
  spawn(process.env.MERGANSER_BINARY, ['demo', '--listen', '127.0.0.1:0'], { stdio: ['ignore', 'pipe', 'inherit'] }),
);
const server = { url: await within(120, 'the demo is ready', demoAddress()) };
const browser = await openBrowser();
for (const [name, target, size] of PICTURES) {
  for (const scheme of ['light', 'dark']) {
    const visit = await browser.visit(server, { ...size, scheme, timezone: 'America/New_York', scale: 2 });
    const page = await visit.go(target);
    await until('all charts are drawn', () =>
      page.evaluate(
        () =>
          document.querySelector('.provenance') !== null &&
          document.querySelector('[aria-busy=true], .loading, [role=alert]') === null,
      ),
    );
    writeFileSync(path.join(directory, `${name}-${scheme}.png`), await stillPicture(page));
    await visit.close();
  }
}
await browser.close();
demo.kill('SIGTERM');
await within(30, 'the demo ends', once(demo, 'exit'));

/** A picture of the page once it is painted: the same several times in a row. */
async function stillPicture(page) {
  let before = Buffer.alloc(0);
  let same = 0;
  return until('the picture stands still', async () => {
    await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
    const picture = await page.screenshot({ animations: 'disabled' });
    same = picture.equals(before) ? same + 1 : 0;
    before = picture;
    return same >= 3 && picture;
  });
}

/** The address that the demo prints when it serves. */
async function demoAddress() {
  for await (const line of createInterface({ input: demo.stdout })) {
    const found = /^serving .*?(http:\/\/127\.0\.0\.1:\d+)/.exec(line)?.[1];
    if (found !== undefined) {
      demo.stdout.resume();
      return found;
    }
  }
  throw new Error('the demo ended');
}
