import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type FilterChip, parseFilter, picked, writeFilter } from '../src/explore/filter';

const values = (dimension: string, list: (string | null)[], exclude = false): FilterChip => ({
  kind: 'values',
  dimension,
  exclude,
  values: list,
});

test('simple conditions are chips', () => {
  assert.deepEqual(parseFilter("carrier = 'UA'"), [values('carrier', ['UA'])]);
  assert.deepEqual(parseFilter("carrier in ('UA','O''Hare') and origin is null"), [
    values('carrier', ['UA', "O'Hare"]),
    values('origin', [null]),
  ]);
  assert.deepEqual(parseFilter("carrier <> 'UA'"), [values('carrier', ['UA', null], true)]);
  assert.deepEqual(parseFilter("(carrier <> 'UA' OR carrier IS NULL)"), [
    values('carrier', ['UA'], true),
  ]);
  assert.deepEqual(parseFilter('"order" IS NOT NULL'), [values('order', [null], true)]);
});

test('everything else stays text, as it is', () => {
  for (const sql of [
    "carrier = 'UA' OR origin = 'EWR'",
    "carrier LIKE 'U%'",
    "(carrier = 'UA' OR origin IS NULL)",
    "NOT (carrier = 'UA')",
    "carrier BETWEEN 'A' AND 'B'",
    "carrier = 'UA",
    'carrier =',
    "((a = 'x')",
  ]) {
    assert.deepEqual(parseFilter(sql), [{ kind: 'text', text: sql }], sql);
    assert.equal(writeFilter(parseFilter(sql)), sql);
  }
  assert.deepEqual(parseFilter("dest LIKE 'B%' AND carrier = 'UA'"), [
    { kind: 'text', text: "dest LIKE 'B%'" },
    values('carrier', ['UA']),
  ]);
});

test('chips are written as they are read', () => {
  const hostile = `"><img src=x onerror=alert(1)> ' OR '1'='1 \u202e ∅`;
  for (const exclude of [false, true]) {
    for (const list of [[hostile], [null], ['a', 'b'], ['a', null], ['', 'and', null]]) {
      for (const dimension of ['carrier', 'order', 'in', 'select']) {
        const chips = [values(dimension, list, exclude), values('x', ['1'])];
        assert.deepEqual(parseFilter(writeFilter(chips)), chips);
      }
    }
  }
});

test('a text beside others keeps its meaning', () => {
  const chips = [...parseFilter("a = 'x' OR b = 'y'"), values('c', ['z'])];
  assert.equal(writeFilter(chips), "(a = 'x' OR b = 'y') AND c = 'z'");
});

test('a click filters, or excludes', () => {
  assert.equal(writeFilter(picked([], { carrier: 'UA' }, false)), "carrier = 'UA'");
  assert.equal(
    writeFilter(picked(parseFilter("carrier IN ('UA', 'B6')"), { carrier: 'UA' }, false)),
    "carrier = 'UA'",
  );
  assert.equal(
    writeFilter(picked(picked([], { carrier: 'UA' }, true), { carrier: 'B6' }, true)),
    "(carrier NOT IN ('UA', 'B6') OR carrier IS NULL)",
  );
  assert.equal(
    writeFilter(picked([], { carrier: 'UA', origin: null }, true)),
    "(carrier <> 'UA' OR carrier IS NULL OR origin IS NOT NULL)",
  );
});
