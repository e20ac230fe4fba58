// Runs the test files, two at a time, longest first; a name as argument picks those that contain it.
import { readdirSync } from 'node:fs';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';

/** What a file may take, hung browsers and servers included. */
const FILE_MS = 240_000;
const wanted = process.argv[2] ?? '';
const files = readdirSync('.').filter((name) => name.endsWith('.test.mjs') && name.includes(wanted));
let failed = false;
const stream = run({ files, concurrency: 2, timeout: FILE_MS });
stream.on('test:fail', () => {
  failed = true;
});
stream.compose(new spec()).pipe(process.stdout);
stream.on('end', () => {
  process.exitCode = failed || files.length === 0 ? 1 : 0;
});
