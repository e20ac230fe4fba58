import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Decimal, type Json, readJson, writeJson } from '../src/json';

test('numbers keep every digit', () => {
  const text = '12345678901234567890123456789012345678.000000001';
  assert.equal((readJson(text) as Decimal).text, text);
  assert.equal(writeJson(readJson(`{"a":[${text},-0,1e400]}`) as Json), `{"a":[${text},-0,1e400]}`);
});

test('everything else is read as JSON.parse reads it', () => {
  const texts = [
    '{}',
    '[]',
    ' {"a" : [true, false , null, "x"] } ',
    '"\\u00fc \\" \\\\ \\n \\ud83d\\ude00"',
    '{"\\"": "<img src=x onerror=alert(1)>"}',
    '[[[[]]],{"a":{"b":[{}]}}]',
  ];
  for (const text of texts) {
    assert.deepEqual(readJson(text), JSON.parse(text));
  }
});

test('what is no JSON is refused', () => {
  const texts = ['', '{', '[1,]', '{"a":}', '01', '1.', '.5', '+1', '"a', '"\n"', 'nul', '[1 2]', '{} x'];
  for (const text of [...texts, "{'a':1}", '['.repeat(5000)]) {
    assert.throws(() => readJson(text), SyntaxError, text.slice(0, 20));
  }
});

test('a member named __proto__ is a member', () => {
  const value = readJson('{"__proto__":{"x":"y"}}') as { [key: string]: Json };
  assert.deepEqual(Object.keys(value), ['__proto__']);
  assert.equal(Object.getPrototypeOf(value), Object.prototype);
});

test('what is written can be read again', () => {
  const value = { a: [1, 'ü', new Decimal('0.10')], b: undefined, c: {}, d: [] };
  assert.equal(writeJson(value), '{"a":[1,"ü",0.10],"c":{},"d":[]}');
  assert.deepEqual(readJson(writeJson(value, '  ')), readJson(writeJson(value)));
});
