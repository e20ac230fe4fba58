// The budget of the built page: what is committed, and what goes over the wire.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';

test('the page keeps to its budget', () => {
  const files = ['index.html', 'app.js', 'app.css', 'icon.svg'].map((name) => readFileSync(`dist/${name}`));
  const raw = files.reduce((sum, file) => sum + file.length, 0);
  const sent = files.reduce((sum, file) => sum + gzipSync(file).length, 0);
  assert.ok(raw <= 300 * 1024, `${raw} bytes, more than 300 KB`);
  assert.ok(sent <= 90 * 1024, `${sent} bytes compressed, more than 90 KB`);
});
