// The real binary on a free port of loopback, with a directory of its own: started, asked, killed, started again.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { endsWithThisProcess } from './process.mjs';
import { Redis } from './redis.mjs';
import { within } from './wait.mjs';

const BINARY = process.env.MERGANSER_BINARY ?? path.resolve('../../target/debug/merganser');

/** Stores that the speed views can live in; tests of what they show run on both. */
export const STORES = ['memory', 'redis'];

export class Server {
  #child;
  #exit;
  #directory = mkdtempSync(path.join(tmpdir(), 'merganser-page-'));
  #redis;
  #port = 0;
  #settings;
  #log = '';

  /** Starts one; `metrics` is a text of definitions (TOML), `settings` more arguments of `serve`. */
  static async start({ store = 'memory', metrics = '', settings = [] } = {}) {
    const server = new Server();
    server.#redis = store === 'redis' ? await Redis.start(server.#directory) : undefined;
    writeFileSync(path.join(server.#directory, 'metrics.toml'), metrics);
    server.#settings = settings;
    await server.start();
    return server;
  }

  /** The redis-server behind it, where its store is one. */
  get redis() {
    return this.#redis;
  }

  get url() {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** Starts it again on its directory and port. */
  async start() {
    const at = (name) => path.join(this.#directory, name);
    const fixed = ['--listen', `127.0.0.1:${this.#port}`, '--data-dir', at('data'), '--metrics', at('metrics.toml')];
    const quiet = ['--schedule', '', '--full-schedule', '', '--disk-floor-bytes', '1MiB', '--retire-grace-ms', '500'];
    const store = ['--speed-store', this.#redis?.url ?? 'memory'];
    const environment = Object.entries(process.env).filter(([name]) => !name.startsWith('MERGANSER_'));
    const child = spawn(BINARY, ['serve', ...fixed, ...quiet, ...store, ...this.#settings], {
      env: Object.fromEntries(environment),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    endsWithThisProcess(child);
    child.stderr.setEncoding('utf8').on('data', (text) => {
      this.#log += text;
      appendFileSync(at('log'), text);
    });
    this.#child = child;
    this.#exit = once(child, 'exit');
    const lines = createInterface({ input: child.stdout });
    const first = await within(60, 'the server is ready', Promise.race([once(lines, 'line'), this.#exit]));
    const port = /http:\/\/127\.0\.0\.1:(\d+)/.exec(String(first[0]))?.[1];
    assert(port, `the server did not start:\n${this.#log}`);
    this.#port = Number(port);
  }

  /** Ends it as a crash would. */
  async kill() {
    this.#child.kill('SIGKILL');
    await this.#exit;
  }

  /** Ends it, and fails if it warned of anything but what contains one of `expected`. */
  async stop({ expected = [] } = {}) {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      this.#child.kill('SIGTERM');
      const [code] = await within(30, 'the server stops', this.#exit);
      assert.equal(code, 0, `the server did not stop well:\n${this.#log.slice(-4000)}`);
    }
    await this.#redis?.kill();
    rmSync(this.#directory, { recursive: true, force: true });
    const loud = this.#log
      .split('\n')
      .filter((line) => /^\S+\s+(WARN|ERROR)\s|panicked/.test(line))
      .filter((line) => !expected.some((words) => line.includes(words)));
    assert.deepEqual(loud, [], 'the server warned');
  }

  /** Sends a request; texts go as they are, other bodies as JSON. Answers status, headers, text and value. */
  async ask(method, target, { body, key, headers = {} } = {}) {
    const text = body === undefined || typeof body === 'string' ? body : JSON.stringify(body);
    const reply = await fetch(this.url + target, {
      method,
      body: text,
      headers: {
        accept: 'application/json',
        ...(text === undefined ? {} : { 'content-type': 'application/json' }),
        ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
        ...headers,
      },
    });
    const answer = await reply.text();
    const isJson = /json/.test(reply.headers.get('content-type') ?? '');
    const value = isJson && answer !== '' ? exactJson(answer) : answer;
    return { status: reply.status, headers: reply.headers, text: answer, value };
  }

  /** The value of a request that must succeed. */
  async value(method, target, options) {
    const reply = await this.ask(method, target, options);
    assert(reply.status < 300, `${method} ${target}: ${reply.status} ${reply.text.slice(0, 2000)}`);
    return reply.value;
  }

  /** Sends events (values, or lines that are sent as they are) and waits until queries have them. */
  async send(events, { key } = {}) {
    const body = events.map((event) => (typeof event === 'string' ? event : JSON.stringify(event))).join('\n');
    const headers = { 'content-type': 'application/x-ndjson' };
    const reply = await this.value('POST', '/v1/events?wait=applied', { body, key, headers });
    assert.equal(reply.applied, true, 'the events are applied in time');
    return reply;
  }

  /** Makes a key and gives its text. */
  async key(role, fields = {}, key) {
    return (await this.value('POST', '/v1/keys', { body: { role, ...fields }, key })).key;
  }

  /** Runs the batch layer and waits until the run has ended well. */
  async run(mode = 'incremental', { key } = {}) {
    const started = await this.value('POST', '/v1/runs', { body: { mode }, key });
    const follow = { headers: { accept: 'text/event-stream' }, key };
    const { text } = await this.ask('GET', `/v1/runs/${started.id}`, follow);
    assert.match(text, /"state":\s*"succeeded"/);
  }

  get log() {
    return readFileSync(path.join(this.#directory, 'log'), 'utf8');
  }
}

/** JSON in which every number is its text, so that no digit is lost. */
export function exactJson(text) {
  const quoted = text.replace(/"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*/g, (token) =>
    token.startsWith('"') ? token : `"${token}"`,
  );
  return JSON.parse(quoted);
}
