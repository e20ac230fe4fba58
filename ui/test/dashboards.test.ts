import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Decimal, readJson, type Writable, writeJson } from '../src/json';
import {
  type Board,
  type BoardChart,
  boardName,
  boardText,
  chartParams,
  fittingHeight,
  heightOf,
  isBoardName,
  moved,
  ownSettings,
  queryDocument,
  resized,
  sharedOf,
  titleOf,
  widthOf,
  withChart,
  withShared,
} from '../src/pages/dashboards/board';

const SHARED = { from: '2013-01-01', to: '2013-02-01', timezone: 'America/New_York', filter: '', compare: '' };
const NOW = Date.parse('2026-11-28T00:00:00Z');

function chart(query: Writable, more: Partial<BoardChart> = {}): BoardChart {
  return { chart: 'bar', query: readJson(writeJson(query)) as BoardChart['query'], ...more };
}

const paramsOf = (one: BoardChart, shared = SHARED) => {
  const params = chartParams(one, shared, undefined, NOW);
  return params === undefined ? undefined : Object.fromEntries(params);
};

test('a chart takes over what the dashboard says', () => {
  assert.deepEqual(paramsOf(chart({ metric: 'flights', measures: ['departures', 'late'], limit: 8 })), {
    metric: 'flights',
    measures: 'departures,late',
    limit: '8',
    from: '2013-01-01',
    to: '2013-02-01',
    timezone: 'America/New_York',
  });
});

test('what a chart says itself goes first, and both filters hold', () => {
  const own = chart({ metric: 'm', from: 'now-7d', timezone: 'UTC', filter: "a = 'x' OR b = 'y'", compare: 'previous_year' });
  assert.deepEqual(paramsOf(own, { ...SHARED, filter: "c = 'z'", compare: 'previous_period' }), {
    metric: 'm',
    from: 'now-7d',
    to: '2013-02-01',
    timezone: 'UTC',
    filter: "(c = 'z') AND (a = 'x' OR b = 'y')",
    compare: 'previous_year',
  });
});

test('a chart over time without a granularity takes the one that suits the range', () => {
  const line = chart({ metric: 'm' }, { chart: 'line' });
  assert.equal(paramsOf(line), undefined);
  const metric = { definition: { event: 'e', measures: {} }, data: undefined };
  const granularity = (to: string) => chartParams(line, { ...SHARED, to }, metric, NOW)?.get('granularity');
  assert.equal(granularity('2013-02-01'), 'day');
  assert.equal(granularity('2013-01-02'), '15m');
  assert.equal(granularity('2023-01-01'), 'month');
  const fixed = chart({ metric: 'm', granularity: 'hour' }, { chart: 'line' });
  assert.equal(paramsOf(fixed)?.['granularity'], 'hour');
});

test('positions and flags are written as parameters', () => {
  const params = paramsOf(chart({ metric: 'm', after: { 0: 12, 1: 7 }, totals: true, other: false }));
  assert.equal(params?.['after'], '0:12,1:7');
  assert.equal(params?.['totals'], 'true');
  assert.equal(params?.['other'], 'false');
});

test('what Explore shows becomes a query of the document, and back', () => {
  const params = new URLSearchParams(
    'metric=flights&measures=departures,late&group_by=carrier&group_limit=8&other=true&from=now-7d&timezone=UTC&chart=line&live=true&after=0:12',
  );
  const query = queryDocument(params, ['from', 'to', 'timezone', 'compare']);
  assert.deepEqual(query, {
    metric: 'flights',
    measures: ['departures', 'late'],
    group_by: ['carrier'],
    group_limit: new Decimal('8'),
    other: true,
  });
  assert.equal(queryDocument(params)['from'], 'now-7d');
  const again = paramsOf({ chart: 'bar', query });
  assert.equal(again?.['measures'], 'departures,late');
  assert.equal(again?.['group_limit'], '8');
});

test('the address overrides the document, and only with what differs', () => {
  const board: Board = { from: '2013-01-01', timezone: 'UTC', charts: [] };
  const params = withShared(board, new URLSearchParams(), { from: 'now-7d', timezone: 'UTC' });
  assert.equal(params.toString(), 'from=now-7d');
  assert.equal(sharedOf(board, params).from, 'now-7d');
  assert.equal(sharedOf(board, params).timezone, 'UTC');
  assert.equal(sharedOf(board, withShared(board, params, { from: '' })).from, '');
  assert.equal(withShared(board, params, { from: '2013-01-01' }).toString(), '');
});

test('charts move within the list and never leave it', () => {
  assert.deepEqual(moved(['a', 'b', 'c'], 0, 2), ['b', 'c', 'a']);
  assert.deepEqual(moved(['a', 'b', 'c'], 2, 1), ['a', 'c', 'b']);
  assert.deepEqual(moved(['a', 'b'], 0, -1), ['a', 'b']);
  assert.deepEqual(moved(['a', 'b'], 1, 2), ['a', 'b']);
  assert.deepEqual(moved([], 0, 0), []);
});

test('a chart gets the height that its measures and rows need', () => {
  assert.deepEqual([1, 2, 4, 40].map((count) => fittingHeight('number', false, count, 1)), [1, 2, 3, 8]);
  assert.deepEqual([0, 1, 2].map((count) => fittingHeight('line', true, count, 31)), [2, 2, 4]);
  assert.deepEqual([1, 9, 100].map((rows) => fittingHeight('bar', false, 1, rows)), [2, 3, 8]);
  assert.ok(fittingHeight('bar', false, 2, 9) > fittingHeight('bar', false, 1, 9));
  assert.deepEqual([1, 9].map((rows) => fittingHeight('table', false, 2, rows)), [2, 3]);
});

test('a chart says what it has of its own, and only that', () => {
  assert.deepEqual(ownSettings(chart({ metric: 'm', filter: "a = 'x'" }), SHARED), []);
  assert.deepEqual(ownSettings(chart({ metric: 'm', from: '2013-01-01', timezone: 'America/New_York' }), SHARED), []);
  const own = chart({ metric: 'm', from: 'now-7d', to: 'now', timezone: 'UTC', compare: 'previous_week' });
  assert.deepEqual(ownSettings(own, SHARED), ['Last 7 days', 'UTC', 'compared with previous week']);
});

test('sizes stay within the grid', () => {
  const one = chart({ metric: 'm' });
  assert.deepEqual([widthOf(one), heightOf(one)], [6, 2]);
  const large = resized(resized(one, 100, 100), 1, 1);
  assert.deepEqual([widthOf(large), heightOf(large)], [12, 8]);
  const small = resized(one, -100, -100);
  assert.deepEqual([widthOf(small), heightOf(small)], [1, 1]);
  assert.equal(widthOf({ ...one, width: new Decimal('4.0') }), 4);
  assert.equal(widthOf({ ...one, width: new Decimal('1e99') }), 12);
});

test('a chart is added at the end, or takes a place and keeps its title and size', () => {
  const first = chart({ metric: 'a' }, { title: 'First', width: 4 });
  const second = chart({ metric: 'b' }, { chart: 'line', title: 'Second' });
  const board: Board = { charts: [first] };
  assert.deepEqual(withChart(board, second).charts, [first, second]);
  assert.deepEqual(withChart(board, second, 0).charts, [
    { title: 'First', width: 4, chart: 'line', query: second.query },
  ]);
});

test('a chart without a title is called by what it shows', () => {
  assert.equal(titleOf(chart({ metric: 'm' })), 'm');
  assert.equal(titleOf(chart({ metric: 'm', measures: ['a', 'b'], group_by: ['c'] })), 'a, b by c');
  assert.equal(titleOf(chart({ metric: 'm' }, { title: 'T' })), 'T');
});

test('names follow titles, and are those that the service takes', () => {
  assert.equal(boardName('Sales & returns, 2026'), 'sales-returns-2026');
  assert.equal(boardName('2026'), 'dashboard');
  assert.ok(isBoardName(boardName('Ä title that is longer than sixty-four characters, and goes on and on')));
  assert.ok(!isBoardName('Sales') && !isBoardName('') && !isBoardName('a b'));
});

test('a document is written with its digits, and its fields in order', () => {
  const stored = '{"charts":[{"chart":"bar","query":{"limit":1e3,"metric":"m"},"title":"C","width":6}],"title":"T","to":""}';
  const text = boardText(readJson(stored) as unknown as Board);
  assert.deepEqual(readJson(text), readJson(stored));
  assert.match(text, /1e3/);
  const order = ['"title": "T"', '"to"', '"charts"', '"title": "C"', '"chart"', '"width"', '"metric"', '"limit"'];
  const places = order.map((part) => text.indexOf(part));
  assert.deepEqual(places, [...places].sort((a, b) => a - b));
  assert.ok(!places.includes(-1));
});
