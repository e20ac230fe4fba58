// A redis-server of a test's own, with nothing kept on disk.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { endsWithThisProcess } from './process.mjs';
import { until, within } from './wait.mjs';

export class Redis {
  #child;
  #directory;
  #port;

  static async start(directory) {
    const redis = new Redis();
    redis.#directory = directory;
    redis.#port = await freePort();
    await redis.start();
    return redis;
  }

  get url() {
    return `redis://127.0.0.1:${this.#port}`;
  }

  /** Starts it, again on its port, empty. */
  async start() {
    const place = ['--port', String(this.#port), '--bind', '127.0.0.1', '--dir', this.#directory];
    const nothingKept = ['--save', '', '--appendonly', 'no', '--maxmemory-policy', 'noeviction'];
    this.#child = endsWithThisProcess(spawn('redis-server', [...place, ...nothingKept], { stdio: 'ignore' }));
    await until('redis-server answers', () => answersPing(this.#port));
  }

  /** Ends it as a crash would. */
  async kill() {
    const exit = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await within(10, 'redis-server ends', exit);
  }
}

async function freePort() {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address();
  probe.close();
  await once(probe, 'close');
  return port;
}

function answersPing(port) {
  return new Promise((done) => {
    const socket = connect(port, '127.0.0.1', () => socket.write('PING\r\n'));
    socket.once('data', (reply) => {
      done(String(reply).startsWith('+PONG'));
      socket.destroy();
    });
    socket.once('error', () => done(false));
  });
}
