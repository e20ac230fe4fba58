import assert from 'node:assert/strict';
import { test } from 'node:test';
import { change, percent, sum } from '../src/exact';
import type { Answer } from '../src/answer';
import { curlLine, frozen } from '../src/explore/share';
import { estimate, fitting, lengthOf, nextGranularity, rangeLabel, suggested } from '../src/explore/range';
import { queryOf, readState, withChanges } from '../src/explore/state';
import { Decimal, readJson } from '../src/json';
import { lineOf } from '../src/provenance';

const NOW = Date.parse('2026-11-28T22:15:00Z');
const DAY = 86_400_000;

test('the address has the names of the query, in one order, and keeps what it does not know', () => {
  const params = new URLSearchParams('chart=bar&to=today&metric=m&x=1&live=true');
  const changed = withChanges(params, { from: 'now-7d', to: '', granularity: 'day' });
  assert.equal(String(changed), 'metric=m&from=now-7d&granularity=day&x=1&chart=bar&live=true');
  assert.equal(queryOf(changed), 'metric=m&from=now-7d&granularity=day&x=1');
});

test('without a chart in the address the question suggests one', () => {
  const kind = (query: string) => readState(new URLSearchParams(query)).chart;
  assert.equal(kind('metric=m'), 'number');
  assert.equal(kind('metric=m&group_by=a'), 'bar');
  assert.equal(kind('metric=m&granularity=day'), 'line');
  assert.equal(kind('metric=m&granularity=day&chart=pie'), 'line');
});

test('ranges are estimated as the service means them', () => {
  assert.equal(estimate('now-7d', NOW), NOW - 7 * DAY);
  assert.equal(estimate('today', NOW), Date.parse('2026-11-28'));
  assert.equal(estimate('2026-11', NOW), Date.parse('2026-11-01'));
  assert.equal(estimate('2026-Q3', NOW), Date.parse('2026-07-01'));
  assert.equal(estimate('2013', NOW), Date.parse('2013-01-01'));
  assert.equal(estimate('this_month', NOW), Date.parse('2026-11-01'));
  assert.equal(estimate('1785110400000', NOW), 1785110400000);
  assert.equal(estimate('soon', NOW), undefined);
  assert.equal(lengthOf('', '', NOW, [0, DAY]), DAY);
  assert.equal(lengthOf('now-1h', '', NOW, undefined), 3_600_000);
  assert.equal(rangeLabel('now-3w', ''), 'Last 3 weeks');
  assert.equal(rangeLabel('now-7d', ''), 'Last 7 days');
  assert.equal(rangeLabel('now-7d', 'now'), 'Last 7 days');
  assert.equal(rangeLabel('2013-03-10T01:00:00-05:00', '2013-03-11'), '2013-03-10 01:00 – 2013-03-11');
});

test('granularity suits the range, and a choice of the reader stays while it is sensible', () => {
  const all = fitting('minute', 'Asia/Kathmandu');
  assert.equal(suggested(3_600_000, all), 'minute');
  assert.equal(suggested(365 * DAY, all), 'day');
  assert.equal(suggested(16 * DAY, all), 'hour');
  assert.equal(suggested(30 * DAY, all), 'day');
  assert.equal(nextGranularity('6h', 30 * DAY, 20 * DAY, all), '6h');
  assert.equal(suggested(40 * 365 * DAY, all), 'quarter');
  // What followed from the range goes on to do so.
  assert.equal(nextGranularity('day', 365 * DAY, 7 * DAY, all), 'hour');
  assert.equal(nextGranularity('week', 365 * DAY, 90 * DAY, all), 'week');
  assert.equal(nextGranularity('week', 365 * DAY, DAY, all), '5m');
  assert.equal(nextGranularity('all', 365 * DAY, DAY, all), 'all');
});

test('only what fits base and zone is offered', () => {
  assert.deepEqual(fitting('hour', 'Asia/Kathmandu'), []);
  assert.equal(fitting('hour', 'Europe/Berlin')[0], 'hour');
  assert.deepEqual(fitting('day', 'Europe/Berlin'), []);
  assert.equal(fitting('day', 'UTC')[0], 'day');
});

test('a change is computed without floats', () => {
  const text = (now: string, before: string) => change(new Decimal(now), new Decimal(before))?.text;
  assert.equal(text('103.2', '100'), '+3.2\u202f%');
  assert.equal(text('99.95', '100'), '\u22120.1\u202f%');
  assert.equal(text('0', '5'), '\u2212100.0\u202f%');
  assert.equal(text('5', '5.000'), '0.0\u202f%');
  assert.equal(text('12345678901234567890123456789012345678', '12345678901234567890123456789012345677'), '0.0\u202f%');
  assert.equal(text('2e2', '1e2'), '+100.0\u202f%');
  assert.equal(text('1', '0'), undefined);
  assert.equal(text('1', '-1'), undefined);
  assert.equal(change(null, new Decimal('1')), undefined);
});

test('a sum has every digit', () => {
  const text = (...values: (string | null)[]) =>
    sum(values.map((value) => (value === null ? null : new Decimal(value))))?.text;
  assert.equal(text('0.1', '0.2', null), '0.3');
  assert.equal(text('12345678901234567890', '0.5', '-1'), '12345678901234567889.5');
  assert.equal(text('-0.75', '0.5'), '-0.25');
  assert.equal(text('1e400', '-1e999'), undefined);
});

test('a share as a percentage', () => {
  assert.equal(percent(new Decimal('0.01625')), '1.6\u202f%');
  assert.equal(percent(new Decimal('0.01')), '1\u202f%');
  assert.equal(percent(new Decimal('1.5e-2')), '1.5\u202f%');
  assert.equal(percent(new Decimal('0')), '0\u202f%');
});

test('the line for the shell survives quotes', () => {
  globalThis.location = { origin: 'http://h' } as Location;
  const params = new URLSearchParams({ metric: 'm', filter: "a = 'x; rm'", chart: 'line' });
  const line = curlLine(params);
  assert.ok(line.endsWith("'http://h/v1/query?metric=m&filter=a+%3D+%27x%3B+rm%27'"), line);
});

function answer(complete: boolean): Answer {
  return readJson(`{"metric":"m","from":"2013-01-01T00:00:00-05:00","to":null,"rows":[],"provenance":{
    "generation":12,"metric_version":1,"complete":${complete},"missing":${complete ? '[]' : '["speed"]'},
    "batch":{"events":336000,"published_at":""},
    "speed":{"events":776,"through":{"0":336776,"1":12345678901234567890},"behind_events":0,"lag_ms":12},
    "approximate":{"aircraft":{"method":"hll","relative_error":0.01625}},"open_bucket":null,"partial_buckets":[]}}`) as
    unknown as Answer;
}

test('the line says what the answer is made of', () => {
  assert.equal(
    lineOf(answer(true).provenance).join(' · '),
    'complete · through 0:336776,1:12345678901234567890 · 12 ms behind · generation 12 · aircraft ± 1.6\u202f%',
  );
  assert.equal(lineOf(answer(false).provenance)[0], 'incomplete: speed');
});

test('a frozen link keeps the range and what was seen', () => {
  const params = new URLSearchParams('metric=m&from=now-7d&chart=line&live=true');
  const link = frozen(params, answer(true));
  assert.equal(link.get('from'), '2013-01-01T00:00:00-05:00');
  assert.ok(Date.parse(link.get('to') ?? '') <= Date.now());
  assert.equal(link.get('after'), '0:336776,1:12345678901234567890');
  assert.deepEqual([link.get('live'), link.get('chart')], [null, 'line']);
});
