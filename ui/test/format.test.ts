import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytes, cell, dateTime, digits, duration, plural, relative } from '../src/format';
import { Decimal } from '../src/json';

test('digits are grouped and none is lost', () => {
  assert.equal(digits('1234'), '1234');
  assert.equal(digits('12345'), '12\u202f345');
  assert.equal(digits('-1234567.12345678901'), '\u22121\u202f234\u202f567.12345678901');
  const long = '12345678901234567890123456789012345678.000000001';
  assert.equal(digits(long).replaceAll('\u202f', ''), long);
  assert.equal(digits('1e300'), '1e300');
  assert.equal(digits('not a number'), 'not a number');
});

test('cells tell nothing, empty text and zero apart', () => {
  assert.equal(cell(null), '–');
  assert.equal(cell(''), '');
  assert.equal(cell(new Decimal('0')), '0');
});

test('sizes and durations', () => {
  assert.equal(bytes(512), '512 B');
  assert.equal(bytes(1536), '1.5 KiB');
  assert.equal(bytes(new Decimal('123456789')), '118 MiB');
  assert.equal(duration(1.94), '1.9 ms');
  assert.equal(duration(12), '12 ms');
  assert.equal(duration(1200), '1.2 s');
  assert.equal(duration(59_999), '59 s');
  assert.equal(duration(90_000), '1 min');
  assert.equal(duration(100_000_000), '27 h');
  assert.equal(duration(864_000_000), '10 d');
});

test('times against now, and on their own clock', () => {
  const now = Date.parse('2026-11-28T12:00:00Z');
  assert.equal(relative('2026-11-28T11:57:00Z', now), '3 min ago');
  assert.equal(relative('2026-11-28T14:00:00Z', now), 'in 2 h');
  assert.equal(relative('2026-11-28T12:00:00.2Z', now), 'just now');
  assert.equal(dateTime('2013-01-31T14:05:09.25-05:00'), '2013-01-31 14:05:09');
  assert.equal(dateTime('2013-01-31T00:00:00-05:00'), '2013-01-31 00:00');
  assert.equal(dateTime('2026-11-28T22:15:28.4Z'), '2026-11-28 22:15:28 UTC');
});

test('nouns follow their numbers', () => {
  assert.equal(plural(1, 'row'), '1 row');
  assert.equal(plural(0, 'row'), '0 rows');
  assert.equal(plural(new Decimal('20000'), 'entry', 'entries'), '20\u202f000 entries');
});
