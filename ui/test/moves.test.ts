import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Answer } from '../src/answer';
import type { Metric } from '../src/catalog';
import { firstLook, groundOf, toChart, toGroup, toMetric, toRange } from '../src/explore/moves';
import { type Changes, granularityChanges, havingChanges, queryOf, readState, withChanges } from '../src/explore/state';

const NOW = Date.parse('2026-11-28T22:15:00Z');

function metric(changes: object = {}, base = 'minute'): Metric {
  return {
    name: 'm',
    first_bucket: '2013-01-01T10:00:00Z',
    last_bucket: '2014-01-01T04:00:00Z',
    definition: {
      event: 'e',
      granularity: base,
      measures: { late: { kind: 'count', filter: 'x' }, many: { kind: 'count' }, sum: { kind: 'sum' } },
    },
    ...changes,
  } as unknown as Metric;
}

const state = (query: string) => readState(new URLSearchParams(query));
const after = (query: string, changes: Changes) =>
  queryOf(withChanges(new URLSearchParams(query), changes));

test('the first look is at all events, or at the last month where events still come', () => {
  const zone = 'Asia/Kathmandu';
  assert.equal(
    queryOf(firstLook(metric(), zone, NOW)),
    'metric=m&measures=many&granularity=day&timezone=Asia/Kathmandu&fill=zero&totals=true',
  );
  const growing = metric({ last_bucket: '2026-11-28T22:14:00Z' });
  assert.equal(
    queryOf(firstLook(growing, zone, NOW)),
    'metric=m&measures=many&from=now-30d&to=now&granularity=day&timezone=Asia/Kathmandu&fill=zero&totals=true',
  );
  assert.equal(firstLook(metric({}, 'hour'), zone, NOW).get('timezone'), 'UTC');
});

test('where the extent is not told, an answer shows it, and until then days are asked for', () => {
  const bound = metric({ first_bucket: undefined, last_bucket: null });
  assert.equal(firstLook(bound, 'UTC', NOW).get('granularity'), 'day');
  assert.equal(groundOf(bound).extent, undefined);
  const rows = ['2013-01-01T00:00:00Z', '2013-01-03T00:00:00Z'].map((time) => ({ time }));
  const ground = groundOf(bound, { rows } as unknown as Answer);
  assert.deepEqual(ground.extent, [Date.parse('2013-01-01'), Date.parse('2013-01-03')]);
});

test('another range takes its granularity along, and forgets a position to wait for', () => {
  const query = 'metric=m&granularity=day&after=0:5';
  assert.equal(
    after(query, toRange(state(query), groundOf(metric()), '2013-02-01', '2013-02-03', NOW)),
    'metric=m&from=2013-02-01&to=2013-02-03&granularity=15m',
  );
  const all = 'metric=m';
  assert.equal(after(all, toRange(state(all), groundOf(metric()), 'now-7d', 'now', NOW)), 'metric=m&from=now-7d&to=now');
});

test('another chart keeps buckets only where it has some', () => {
  const query = 'metric=m&granularity=day&fill=zero&window=7d';
  assert.equal(after(query, toChart(state(query), groundOf(metric()), 'number', NOW)), 'metric=m&totals=true');
  assert.equal(after(query, toChart(state(query), groundOf(metric()), 'bar', NOW)), query);
  assert.equal(
    after('metric=m', toChart(state('metric=m'), groundOf(metric()), 'line', NOW)),
    'metric=m&granularity=day&fill=zero',
  );
});

test('what a condition leaves out is a gap, unless another fill was chosen', () => {
  const having = (query: string, text: string) =>
    after(query, havingChanges(text, new URLSearchParams(query)));
  assert.equal(having('granularity=day&fill=zero', 'n'), 'having=n&granularity=day&fill=null');
  assert.equal(having('having=n&granularity=day&fill=null', ''), 'granularity=day&fill=zero');
  assert.equal(having('fill=previous', 'n'), 'having=n&fill=previous');
  assert.equal(having('', 'n'), 'having=n');
  assert.equal(after('having=n', granularityChanges('day', 'n')), 'having=n&granularity=day&fill=null');
  const query = 'metric=x&having=n';
  assert.equal(after(query, toChart(state(query), groundOf(metric()), 'line', NOW)), `${query}&granularity=day&fill=null`);
});

test('another metric begins anew, with a zone and buckets that fit it', () => {
  const query = "metric=x&group_by=a&filter=a='1'&from=now-1d&granularity=5m&timezone=Europe/Berlin&group_limit=8&other=true";
  assert.equal(
    after(query, toMetric(state(query), metric({}, 'hour'))),
    'metric=m&measures=many&from=now-1d&granularity=hour&timezone=Europe/Berlin',
  );
  assert.equal(
    after(query, toMetric(state(query), metric({}, 'day'))),
    'metric=m&measures=many&from=now-1d&granularity=day&timezone=UTC',
  );
});

test('a click on a group becomes the filter', () => {
  assert.deepEqual(toGroup(state('metric=m'), { a: null }, false), { filter: 'a IS NULL' });
});
