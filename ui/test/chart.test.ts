import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Answer } from '../src/answer';
import { areaPath, barsPath, linePath, lonely } from '../src/chart/paths';
import { linear } from '../src/chart/scale';
import { bucketAt, layoutOf, middle, seriesAt } from '../src/chart/layout';
import { chartData } from '../src/chart/series';
import { extentOf, stack } from '../src/chart/stack';
import { powerLabel, valueTicks } from '../src/chart/ticks';
import { Decimal, readJson } from '../src/json';

test('a scale and its inverse', () => {
  const scale = linear([10, 20], [100, 0]);
  assert.equal(scale(15), 50);
  assert.equal(scale.invert(50), 15);
  assert.equal(linear([5, 5], [0, 100])(5), 50);
});

test('ticks are round, span the values, and their labels have no noise of floats', () => {
  for (const [low, high] of [
    [0, 1],
    [0, 0.3],
    [0, 7],
    [-3, 12],
    [-0.004, 0.009],
    [0, 336776],
    [0, 1e14],
    [0, 3.2e37],
    [5, 5],
    [0, 0],
    [-1000, -10],
  ] as const) {
    const ticks = valueTicks(low, high, 5);
    assert.ok(ticks.length >= 2 && ticks.length <= 12, `${low} ${high}: ${ticks.length}`);
    assert.ok((ticks[0]?.value ?? 0) <= low && (ticks.at(-1)?.value ?? 0) >= high);
    ticks.forEach(({ value, label }, at) => {
      assert.ok(label.length <= 8, label);
      assert.ok(at === 0 || value > (ticks[at - 1]?.value ?? 0));
    });
    assert.equal(new Set(ticks.map(({ label }) => label)).size, ticks.length, `${low} ${high}`);
  }
  assert.deepEqual(valueTicks(0, 0.3, 3).map(({ label }) => label), ['0', '0.1', '0.2', '0.3']);
  assert.deepEqual(valueTicks(0, 2, 5, true).map(({ label }) => label), ['0', '1', '2']);
});

test('labels of powers of ten', () => {
  assert.equal(powerLabel(15, 5), '1.5M');
  assert.equal(powerLabel(-2, 4), '\u221220k');
  assert.equal(powerLabel(5, 3), '5000');
  assert.equal(powerLabel(25, -3), '0.025');
  assert.equal(powerLabel(2, 20), '2e20');
  assert.equal(powerLabel(10, -1), '1');
});

test('stacking with gaps and negatives', () => {
  assert.deepEqual(
    stack([
      [1, null, -1, 0],
      [2, 3, 4, null],
      [-5, null, -2, -1],
    ]),
    [
      [[0, 1], null, [0, -1], [0, 0]],
      [[1, 3], [0, 3], [0, 4], null],
      [[0, -5], null, [-1, -3], [0, -1]],
    ],
  );
  assert.deepEqual(extentOf([[0, 3], null, [-1, -3]]), [-3, 3]);
  assert.deepEqual(extentOf([]), [0, 0]);
});

test('a gap in the values is a gap in the line', () => {
  const points = [{ x: 0, y: 1 }, { x: 1, y: 2 }, null, { x: 3, y: 4 }, { x: 4, y: 5 }, { x: 5, y: 5 }];
  const never = () => false;
  assert.equal(linePath(points, never), 'M0,1L1,2M3,4L4,5L5,5');
  assert.equal(linePath(points, (index) => index === 4), 'M0,1L1,2M4,5L5,5');
  assert.deepEqual(lonely(points, (index) => index === 4), [{ x: 3, y: 4 }]);
  assert.equal(
    areaPath([[0, 1], [0, 2], null, [0, 9]], (index) => index, (value) => -value, never),
    'M0,-1L1,-2L1,0L0,0Z'.replaceAll('-0,', '0,'),
  );
});

test('bars are boxes of one path', () => {
  const boxes = [{ x: 1, y: 2, width: 3.04, height: 4 }, null, { x: 10, y: 0, width: 1, height: 0.5 }];
  assert.equal(barsPath(boxes), 'M1,2h3v4h-3zM10,0h1v0.5h-1z');
});

const ANSWER = readJson(`{
  "metric":"m","from":null,"to":null,"granularity":"day","timezone":"UTC",
  "columns":[{"name":"time","type":"timestamp"},{"name":"d","type":"text"},{"name":"n","type":"integer"}],
  "rows":[{"time":"2024-01-01T00:00:00Z","d":"a","n":1},{"time":"2024-01-01T00:00:00Z","d":null,"n":40},
          {"time":"2024-01-02T00:00:00Z","d":"null","n":5},{"time":"2024-01-04T00:00:00Z","d":"a","n":2}],
  "other":[{"time":"2024-01-02T00:00:00Z","n":7}],
  "total_rows":4,
  "provenance":{"generation":1,"metric_version":1,"complete":true,"missing":[],
    "batch":{"events":1,"published_at":""},"speed":{"events":0,"through":{"0":1},"behind_events":0,"lag_ms":0},
    "approximate":{},"open_bucket":"2024-01-04T00:00:00Z","partial_buckets":[]}}`) as unknown as Answer;

test('an answer becomes buckets and series, the largest first', () => {
  const data = chartData(ANSWER, ['d'], 'n');
  assert.deepEqual(data.buckets.map(({ follows }) => follows), [false, true, false]);
  assert.deepEqual(data.series.map(({ label, kind, color }) => [label, kind, color]), [
    ['∅', 'group', 1],
    ['null', 'group', 2],
    ['a', 'group', 3],
    ['Other', 'other', 0],
  ]);
  assert.deepEqual(data.series[0]?.group, { d: null });
  assert.deepEqual(data.series[2]?.rows.map((row) => String(row?.['n'])), ['1', 'undefined', '2']);
});

test('groups keep their colours from answer to answer', () => {
  const memory = new Map<string, number>();
  chartData(ANSWER, ['d'], 'n', memory);
  const rows = ANSWER.rows.filter((row) => row['d'] !== 'null');
  const grown = [...rows, { ...rows[0], d: 'new', n: new Decimal('1000') }] as Answer['rows'];
  const after = chartData({ ...ANSWER, rows: grown }, ['d'], 'n', memory);
  assert.deepEqual(after.series.map(({ label, color }) => [label, color]), [
    ['∅', 1],
    ['a', 3],
    ['new', 4],
    ['Other', 0],
  ]);
  const filtered = ANSWER.rows.filter((row) => row['d'] === 'a');
  assert.equal(chartData({ ...ANSWER, rows: filtered }, ['d'], 'n', memory).series[0]?.color, 3);
  const alone = chartData({ ...ANSWER, rows: grown }, ['d'], 'n');
  assert.equal(alone.series[0]?.label, 'new');
});

test('a pixel finds its bucket, and the mark that is there', () => {
  const data = chartData(ANSWER, ['d'], 'n');
  const size = { width: 400, height: 200 };
  const layout = layoutOf({ data, measure: 'n', kind: 'bar', size, whole: true });
  data.buckets.forEach((_, index) => {
    assert.equal(bucketAt(layout, data, middle(layout, data, index)), index);
  });
  assert.equal(bucketAt(layout, data, -50), 0);
  assert.equal(bucketAt(layout, data, 900), 2);
  assert.equal(seriesAt(layout, true, 0, layout.y(20)), 0);
  assert.equal(seriesAt(layout, true, 0, layout.y(40.5)), 2);
  assert.equal(seriesAt(layout, true, 1, layout.y(9)), 3);
});
