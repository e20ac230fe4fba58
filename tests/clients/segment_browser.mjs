// Sends events with Segment's SDK for browsers, from a page of another origin, in Chromium: server,
// key, how many. The page is served here, at the port PAGE_PORT; nothing else is asked for anything.
import { createServer } from "node:http";
import { readFile, readdir } from "node:fs/promises";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { chromium } from "playwright-core";

const [server, writeKey, count] = process.argv.slice(2);
const port = Number(process.env.PAGE_PORT);
const origin = `http://127.0.0.1:${port}`;
const bundles = path.resolve("node_modules/@segment/analytics-next/dist/umd");

const page = `<!doctype html><title>shop</title>
<script>window.analytics = { _cdn: ${JSON.stringify(origin)} };</script>
<script src="/analytics-next/bundles/index.js"></script>`;
const known = new Set(await readdir(bundles));
const site = createServer(async (request, response) => {
  const name = path.basename(new URL(request.url, origin).pathname);
  if (known.has(name)) response.writeHead(200, { "content-type": "text/javascript" }).end(await readFile(path.join(bundles, name)));
  else if (request.url === "/") response.writeHead(200, { "content-type": "text/html" }).end(page);
  else response.writeHead(request.url === "/favicon.ico" ? 204 : 404).end();
});
await new Promise((resolve) => site.listen(port, "127.0.0.1", resolve));

/** In the page: half of the calls one by one, half in batches. */
async function send({ host, protocol, origin, writeKey, count }) {
  const load = (deliveryStrategy) => {
    const segment = { apiKey: writeKey, apiHost: host, protocol, deliveryStrategy };
    const cdnSettings = { integrations: { "Segment.io": segment }, metrics: { sampleRate: 0 } };
    const options = { integrations: { "Segment.io": segment }, disableClientPersistence: true };
    return window.AnalyticsNext.AnalyticsBrowser.load({ writeKey, cdnURL: origin, cdnSettings }, options);
  };
  const single = load({ strategy: "standard", config: {} });
  const batching = load({ strategy: "batching", config: { size: 10, timeout: 100 } });
  for (let n = 0; n < count; n++) {
    const analytics = n % 2 ? batching : single;
    const properties = { client: "segment-browser", amount: n };
    if (n % 5 === 0) analytics.identify(`user-${n % 7}`, properties);
    else if (n % 5 === 1) analytics.page("Home", properties);
    else if (n % 5 === 2) analytics.group("group-1", properties);
    else if (n % 5 === 3) analytics.screen("Main", properties);
    else analytics.track("Order Completed", properties);
    if (n % 20 === 0) await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

const directory = mkdtempSync(path.join(tmpdir(), "chromium-"));
const browser = await chromium.launchPersistentContext(directory, {
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  headless: true,
  args: [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    // No request leaves this machine, whatever asks; to intercept them would leave out preflights.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
  ],
});
let code = 1;
try {
  const delivered = new Set();
  const refused = [];
  const tab = await browser.newPage();
  tab.on("request", (request) => new URL(request.url()).hostname !== "127.0.0.1" && refused.push(request.url()));
  tab.on("console", (message) => message.type() === "error" && console.error("page:", message.text().slice(0, 200)));
  tab.on("response", (response) => {
    const request = response.request();
    if (request.method() !== "POST" || response.status() !== 200) return;
    const body = JSON.parse(request.postData());
    for (const message of body.batch ?? [body]) delivered.add(message.messageId);
  });
  await tab.goto(origin);
  const { host, protocol } = new URL(server);
  await tab.evaluate(send, { host: `${host}/v1`, protocol: protocol.replace(":", ""), origin, writeKey, count: Number(count) });
  const deadline = Date.now() + 150_000;
  while (delivered.size < Number(count) && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 100));
  if (refused.length) console.error("asked elsewhere:", refused.slice(0, 3));
  else if (delivered.size !== Number(count)) console.error(`delivered ${delivered.size} of ${count}`);
  else code = 0;
} finally {
  await browser.close();
  site.close();
  rmSync(directory, { recursive: true, force: true });
}
process.exit(code);
