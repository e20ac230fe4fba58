// A server for work on the page: builds on every change, serves dist/ under /ui as the binary does, with its
// headers, and hands everything else to a running service.
//   node dev.mjs --port 8090 --server http://127.0.0.1:8080
import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { createServer, request } from 'node:http';

const option = (name, fallback) => {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? fallback : process.argv[at + 1];
};
const port = Number(option('port', '8090'));
const service = new URL(option('server', 'http://127.0.0.1:8080'));

const TYPES = { js: 'text/javascript', css: 'text/css', svg: 'image/svg+xml', html: 'text/html' };
const HEADERS = {
  'Content-Security-Policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'",
  'Cache-Control': 'no-cache',
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
};

async function serveFile(response, name) {
  const kind = name.split('.').at(-1);
  try {
    const body = await readFile(new URL(`dist/${name}`, import.meta.url));
    response.writeHead(200, { ...HEADERS, 'Content-Type': `${TYPES[kind]}; charset=utf-8` }).end(body);
  } catch {
    response.writeHead(404).end();
  }
}

function forward(incoming, response) {
  const headers = { ...incoming.headers, host: service.host };
  if (headers.origin !== undefined) {
    headers.origin = service.origin;
  }
  const { hostname, port: to } = service;
  const outgoing = request(
    { hostname, port: to, path: incoming.url, method: incoming.method, headers },
    (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    },
  );
  outgoing.on('error', () => response.headersSent || response.writeHead(502).end());
  response.on('close', () => outgoing.destroy());
  incoming.pipe(outgoing);
}

createServer((incoming, response) => {
  const path = new URL(incoming.url, 'http://page').pathname;
  const asset = /^\/ui\/assets\/([a-z-]+\.[a-z]+)$/.exec(path)?.[1];
  if (asset !== undefined) {
    void serveFile(response, asset);
  } else if (path === '/' || path === '/ui') {
    response.writeHead(307, { Location: '/ui/' }).end();
  } else if (path.startsWith('/ui/')) {
    void serveFile(response, 'index.html');
  } else {
    forward(incoming, response);
  }
}).listen(port, '127.0.0.1', () => console.log(`http://127.0.0.1:${port}/ui/`));

if (!process.argv.includes('--no-build')) {
  spawn(process.execPath, ['build.mjs', '--watch'], { stdio: 'inherit', cwd: new URL('.', import.meta.url) });
}
