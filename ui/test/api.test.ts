import assert from 'node:assert/strict';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { eventData, follow, get, Problem, request, withParams } from '../src/api';
import { Decimal, writeJson } from '../src/json';

async function served(listener: RequestListener, use: (url: string) => Promise<void>): Promise<void> {
  const server: Server = createServer(listener);
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  try {
    await use(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

async function problemOf(promise: Promise<unknown>): Promise<Problem> {
  const error = await promise.then(
    () => assert.fail('no problem'),
    (error: unknown) => error,
  );
  assert.ok(error instanceof Problem);
  return error;
}

test('an answer keeps its digits, a body is written with them', async () => {
  const digits = '12345678901234567890.000000000000000001';
  let received = '';
  await served(
    (incoming, response) => {
      incoming.on('data', (data) => (received += data));
      incoming.on('end', () =>
        response.writeHead(201, { 'Content-Type': 'application/json', ETag: '"1"' }).end(`[${digits}]`),
      );
    },
    async (url) => {
      const body = { value: new Decimal(digits) };
      const reply = await request(url, { method: 'PUT', body });
      assert.equal(writeJson(reply.value), `[${digits}]`);
      assert.equal(reply.headers.get('ETag'), '"1"');
      assert.equal(received, `{"value":${digits}}`);
    },
  );
});

test('a refusal is the problem that the service wrote', async () => {
  const document = '{"title":"Bad Request","detail":"no","code":"unknown_metric","parameter":"metric"}';
  await served(
    (_, response) =>
      response
        .writeHead(503, { 'Content-Type': 'application/problem+json', 'Retry-After': '7' })
        .end(document),
    async (url) => {
      const problem = await problemOf(get(url));
      assert.equal(problem.message, 'no');
      assert.deepEqual(
        [problem.status, problem.code, problem.parameter, problem.retryAfter],
        [503, 'unknown_metric', 'metric', 7],
      );
    },
  );
});

test('a refusal without a document, and no service at all, are problems too', async () => {
  let gone = '';
  await served(
    (_, response) => response.writeHead(502, { 'Content-Type': 'text/html' }).end('<h1>proxy</h1>'),
    async (url) => {
      gone = url;
      const problem = await problemOf(get(url));
      assert.deepEqual([problem.status, problem.message], [502, '<h1>proxy</h1>']);
    },
  );
  const problem = await problemOf(get(gone));
  assert.deepEqual([problem.status, problem.code], [0, 'no_connection']);
});

test('a stream is followed over its ends, in pieces of any size', async () => {
  let connections = 0;
  await served(
    (_, response) => {
      connections += 1;
      const n = connections;
      response.writeHead(200, { 'Content-Type': 'text/event-stream' });
      response.write(': hello\n\nevent: answer\nda');
      setTimeout(() => {
        response.write(`ta: {"n":${n}1}\n\ndata: {"n":${n}2}\n`);
        response.end('\n');
      }, 20);
    },
    async (url) => {
      const values: string[] = [];
      await new Promise<void>((done) => {
        const stop = follow(url, {
          onValue: (value) => {
            values.push(writeJson(value));
            if (values.length === 4) {
              stop();
              done();
            }
          },
          onProblem: (problem) => assert.fail(problem.message),
        });
      });
      assert.deepEqual(values, ['{"n":11}', '{"n":12}', '{"n":21}', '{"n":22}']);
    },
  );
});

test('a stream that is refused is not asked for again, one that cannot be now is', async () => {
  for (const [status, again] of [
    [400, false],
    [503, true],
  ] as const) {
    let asked = 0;
    await served(
      (_, response) => {
        asked += 1;
        response.writeHead(status).end();
      },
      async (url) => {
        const stop = await new Promise<() => void>((done) => {
          let problems = 0;
          const stop = follow(url, {
            onValue: () => assert.fail('no value'),
            onProblem: () => {
              problems += 1;
              if (problems === (again ? 2 : 1)) {
                done(stop);
              }
            },
          });
        });
        stop();
        assert.equal(asked, again ? 2 : 1);
      },
    );
  }
});

test('parameters and events', () => {
  assert.equal(withParams('/x', { a: 'b c', none: undefined, empty: '', n: 0 }), '/x?a=b+c&n=0');
  assert.equal(withParams('/x', {}), '/x');
  assert.equal(eventData('event: answer\ndata: 1\ndata:2\nid: 3'), '1\n2');
});
