// Chromium without a window. What it notices while a page is open is kept: errors of scripts, reports of the content
// security policy, requests to other hosts, refused requests.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { chromium } from 'playwright-core';

const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Starts a browser; each visit is a profile of its own. */
export async function openBrowser() {
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: FLAGS,
    chromiumSandbox: false,
  });
  return {
    visit: (server, options) => Visit.open(browser, server, options),
    close: () => browser.close(),
  };
}

/** One reader's window on a server. */
export class Visit {
  #findings = [];
  #refused = [];
  #hosts = new Set();

  /**
   * `timezone`, `scheme` (light, dark), `width`, `height` are those of the reader's computer; `motion` is false for
   * readers who asked for less of it; `scale` is pixels of the screen for each of the page.
   */
  static async open(browser, server, options = {}) {
    const { timezone = 'UTC', scheme = 'light', width = 1280, height = 900, motion = false, scale = 1 } = options;
    const visit = new Visit();
    visit.server = server;
    visit.context = await browser.newContext({
      baseURL: server.url,
      viewport: { width, height },
      deviceScaleFactor: scale,
      timezoneId: timezone,
      colorScheme: scheme,
      reducedMotion: motion ? 'no-preference' : 'reduce',
      locale: 'en-GB',
      permissions: ['clipboard-read', 'clipboard-write'],
    });
    visit.context.setDefaultTimeout(15_000);
    await visit.#watch();
    if (process.env.PAGE_DIST !== undefined) {
      await visit.context.route('**/ui/**', serveFrom(process.env.PAGE_DIST));
    }
    visit.page = await visit.context.newPage();
    return visit;
  }

  async #watch() {
    await this.context.exposeBinding('reportViolation', (_, text) => this.#findings.push(text));
    await this.context.addInitScript(() => {
      document.addEventListener('securitypolicyviolation', (event) =>
        window.reportViolation(`policy: ${event.violatedDirective} ${event.blockedURI} ${event.sample}`),
      );
    });
    this.context.on('weberror', (error) => this.#findings.push(`script: ${error.error().stack}`));
    this.context.on('console', (message) => {
      const failedLoad = message.text().startsWith('Failed to load resource');
      if (['error', 'warning'].includes(message.type()) && !failedLoad) {
        this.#findings.push(`console: ${message.text()}`);
      }
    });
    this.context.on('request', (request) => this.#hosts.add(new URL(request.url()).origin));
    this.context.on('response', (response) => {
      if (response.status() >= 400) {
        this.#refused.push(`${response.status()} ${new URL(response.url()).pathname}`);
      }
    });
  }

  /** Opens a path below the server's address. */
  async go(target) {
    await this.page.goto(target, { waitUntil: 'domcontentloaded' });
    return this.page;
  }

  /** Goes to a path within the page, as Back and Forward do. */
  async follow(target) {
    await this.page.evaluate((href) => {
      history.pushState(null, '', href);
      dispatchEvent(new PopStateEvent('popstate'));
    }, target);
  }

  /** Runs `act` and gives the answer of the next request whose path matches. */
  async answerOf(pattern, act) {
    const [response] = await Promise.all([
      this.page.waitForResponse((one) => pattern.test(new URL(one.url()).pathname)),
      act(),
    ]);
    return response;
  }

  /** Fails on anything that a well-behaved page does not do. `refused` are statuses that the test provoked. */
  check({ refused = [] } = {}) {
    const unexpected = this.#refused.filter((line) => !refused.some((one) => line.startsWith(String(one))));
    assert.deepEqual(this.#findings, [], 'the browser has nothing to complain of');
    assert.deepEqual(unexpected, [], 'no request is refused');
    const own = [this.server.url, 'data:', 'null'];
    assert.deepEqual([...this.#hosts].filter((origin) => !own.includes(origin)), [], 'no other host is asked');
  }

  async close(options) {
    await this.context.close();
    this.check(options);
  }

  /** Fails on what axe finds wrong with the page as it is now. */
  async checkAccessibility(where) {
    await this.page.evaluate(AXE);
    const found = await this.page.evaluate(async (tags) => {
      const { violations } = await window.axe.run(document, { runOnly: { type: 'tag', values: tags } });
      return violations.map(({ id, nodes }) => ({
        id,
        nodes: nodes.map(({ target, failureSummary }) => `${target}: ${failureSummary}`),
      }));
    }, AXE_TAGS);
    assert.deepEqual(found, [], `axe finds nothing on ${where}`);
  }
}

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const AXE_TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

const TYPES = { js: 'text/javascript', css: 'text/css', svg: 'image/svg+xml', html: 'text/html' };
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'";

/** Serves the files of a build in place of those in the binary (PAGE_DIST), as the binary would. */
function serveFrom(directory) {
  return async (route) => {
    const asset = /\/ui\/assets\/([a-z-]+\.[a-z]+)$/.exec(new URL(route.request().url()).pathname)?.[1];
    const name = asset ?? 'index.html';
    await route.fulfill({
      path: path.join(directory, name),
      headers: { 'content-type': `${TYPES[name.split('.').at(-1)]}; charset=utf-8`, 'content-security-policy': POLICY },
    });
  };
}
