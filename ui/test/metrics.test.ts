import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Problem } from '../src/api';
import type { Definition } from '../src/catalog';
import { curlLine } from '../src/first-run';
import { Decimal, readJson, type Writable } from '../src/json';
import { markOf } from '../src/pages/metrics/definition';
import { lineOfJsonPointer, lineOfTomlPointer } from '../src/pages/metrics/place';
import { nameLike, type Property, suggest } from '../src/pages/metrics/suggest';
import { definitionJson, definitionToml } from '../src/pages/metrics/toml';

const JSON_TEXT = `{
  "name": "sales",
  "event": ["purchase",
            "refund"],
  "dimensions": ["country", {"name": "plan",
    "property": "account.plan"}],
  "measures": {
    "a": { "kind": "count" },
    "b/c~d": {
      "kind": "sum", "of": "x, \\"}] y"
    }
  }
}`;

test('a JSON pointer is found on its line', () => {
  const line = (pointer: string) => lineOfJsonPointer(JSON_TEXT, pointer);
  assert.equal(line(''), 1);
  assert.equal(line('/name'), 2);
  assert.equal(line('/event'), 3);
  assert.equal(line('/event/1'), 4);
  assert.equal(line('/dimensions/0'), 5);
  assert.equal(line('/dimensions/1/property'), 6);
  assert.equal(line('/measures/a/kind'), 8);
  assert.equal(line('/measures/b~1c~0d/of'), 10);
});

test('a long text is searched in one pass', () => {
  const many = Array.from({ length: 40_000 }, (_, n) => `"m${n}": {"kind": "count"}`);
  const text = `{\n"measures": {\n${many.join(',\n')}\n}}`;
  const begun = performance.now();
  assert.equal(lineOfJsonPointer(text, '/measures/m39999/kind'), 40_002);
  assert.ok(performance.now() - begun < 2000);
});

test('what is missing is on the line of what it belongs to', () => {
  assert.equal(lineOfJsonPointer(JSON_TEXT, '/measures/a/of'), 8);
  assert.equal(lineOfJsonPointer(JSON_TEXT, '/filter'), 1);
  assert.equal(lineOfJsonPointer('{"measures":\n{"a":', '/measures/a'), 2);
  assert.equal(lineOfJsonPointer('', '/measures/a'), 1);
});

test('a pointer is found in TOML, whether tables, dotted keys or inline', () => {
  const text = `# sales
[[metric]]
name = "sales"
dimensions = ["country",
  "plan"]
measures.orders.kind = "count"

[metric.measures]
revenue = { kind = "sum" }
"odd name" = { kind = "count" }

[metric.measures.late]
kind = "count"
filter = "x >"
`;
  const line = (pointer: string) => lineOfTomlPointer(text, pointer);
  assert.equal(line('/name'), 3);
  assert.equal(line('/dimensions/1'), 4);
  assert.equal(line('/measures/orders/kind'), 6);
  assert.equal(line('/measures/revenue/of'), 9);
  assert.equal(line('/measures/odd name'), 10);
  assert.equal(line('/measures/late/filter'), 14);
  assert.equal(line('/event'), 2);
});

test('an error marks the line that the service or the pointer names', () => {
  const refused = new Problem({ detail: 'wrong', pointer: '/measures/a/kind' }, 422);
  assert.deepEqual(markOf(refused, JSON_TEXT, 'json'), { line: 8, message: 'wrong' });
  const located = new Problem({ detail: 'wrong', pointer: '/name', line: new Decimal('7') }, 422);
  assert.equal(markOf(located, JSON_TEXT, 'toml')?.line, 7);
  const detail = 'TOML parse error at line 9, column 2\n  |\n9 | foo = [\n  |  ^\nunclosed array (at `/foo`)';
  const drawn = new Problem({ detail, line: new Decimal('9') }, 422);
  assert.deepEqual(markOf(drawn, '', 'toml'), { line: 9, message: 'unclosed array (at `/foo`)' });
  assert.equal(markOf(new Problem({ detail: 'busy' }, 503), JSON_TEXT, 'json'), undefined);
  const cut = '{\n  "name": "x",\n  oops\n}';
  let failure: unknown;
  try {
    readJson(cut);
  } catch (error) {
    failure = error;
  }
  assert.equal(markOf(failure, cut, 'json')?.line, 3);
});

const property = (path: string, type: string, examples: readonly Writable[] = []): Property =>
  ({ path, types: { [type]: new Decimal('9'), null: new Decimal('1') }, examples }) as Property;

test('a definition is made from the properties of events', () => {
  const definition = suggest('Order Placed', [
    property('amount', 'number', [new Decimal('19.99')]),
    property('country', 'text', ['DE']),
    property('account.plan.name', 'text', ['pro']),
    property('user_id', 'text', ['u-1']),
    property('comment', 'text', ['a'.repeat(80)]),
    property('"a b"', 'text', ['x']),
    property('time', 'text', ['noon']),
  ]);
  assert.equal(definition.name, 'order_placed');
  assert.equal(definition.event, 'Order Placed');
  assert.deepEqual(definition.dimensions, [
    'country',
    { name: 'account_plan_name', property: 'account.plan.name' },
    { name: 'a_b', property: '"a b"' },
    { name: 'time_2', property: 'time' },
  ]);
  assert.deepEqual(definition.measures, {
    events: { kind: 'count' },
    total_amount: { kind: 'sum', of: 'amount' },
    mean_amount: { kind: 'avg', of: 'amount' },
    distinct_user_id: { kind: 'distinct', of: 'user_id' },
  });
});

test('names are those that the service takes, and distinct', () => {
  assert.equal(nameLike('userId'), 'user_id');
  assert.equal(nameLike('9 lives'), 'lives');
  assert.equal(nameLike('Größe'), 'gro_e');
  assert.equal(nameLike('日本', 'events'), 'events');
  const definition = suggest('e', [property('a.b', 'text'), property('a_b', 'text'), property('events', 'text')]);
  const names = definition.dimensions?.map((one) => (typeof one === 'string' ? one : one.name));
  assert.deepEqual(names, ['a_b', 'a_b_2', 'events']);
  assert.deepEqual(Object.keys(definition.measures), ['events_2']);
});

test('a definition is written as TOML and as JSON', () => {
  const definition: Definition = {
    event: 'purchase',
    name: 'sales',
    description: 'a "b"\nc',
    dimensions: ['country', { name: 'plan', property: 'account.plan' }],
    measures: {
      p95: { q: new Decimal('0.95'), of: 'ms', kind: 'quantile' },
      n: { kind: 'count' },
    },
  };
  assert.equal(
    definitionToml(definition),
    `[[metric]]
name = "sales"
description = "a \\"b\\"\\nc"
event = "purchase"
dimensions = ["country", { name = "plan", property = "account.plan" }]

[metric.measures]
p95 = { kind = "quantile", of = "ms", q = 0.95 }
n = { kind = "count" }
`,
  );
  const again = readJson(definitionJson(definition)) as unknown as Definition;
  assert.deepEqual(again, { ...definition });
  assert.deepEqual(Object.keys(again), ['name', 'description', 'event', 'dimensions', 'measures']);
});

test('the line for a shell is one command', () => {
  const line = curlLine('https://m.example', true);
  assert.ok(line.startsWith('curl https://m.example/v1/events \\\n'));
  assert.ok(line.includes('"Authorization: Bearer $MERGANSER_KEY"'));
  assert.ok(!curlLine('https://m.example', false).includes('Authorization'));
});
