// A redis-server of a test's own, with nothing kept on disk.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { endsWithThisProcess } from './process.mjs';
import { until, within } from './wait.mjs';

export class Redis {
  #child;
  #exit;

  static async start(directory) {
    const redis = new Redis();
    redis.port = await freePort();
    const place = ['--port', String(redis.port), '--bind', '127.0.0.1', '--dir', directory];
    const nothingKept = ['--save', '', '--appendonly', 'no', '--maxmemory-policy', 'noeviction'];
    redis.#child = endsWithThisProcess(spawn('redis-server', [...place, ...nothingKept], { stdio: 'ignore' }));
    redis.#exit = once(redis.#child, 'exit');
    await until('redis-server answers', () => answersPing(redis.port));
    return redis;
  }

  get url() {
    return `redis://127.0.0.1:${this.port}`;
  }

  /** Has it hang: it takes connections and commands, and answers none. */
  hang() {
    this.#child.kill('SIGSTOP');
  }

  /** Has it go on. */
  goOn() {
    this.#child.kill('SIGCONT');
  }

  async stop() {
    this.#child.kill('SIGKILL');
    await within(10, 'redis-server ends', this.#exit);
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
