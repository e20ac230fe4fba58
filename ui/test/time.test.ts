import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bucketLabel, bucketsOf, offsetLabel } from '../src/chart/time';
import { timeTicks } from '../src/chart/ticks';
import { localOf, starts } from './clocks';

// Clocks that change at 2:00, at 1:00, by half an hour, at midnight (skipped and repeated), by quarters of an hour in
// the offset, and a zone that left out a whole day.
const CHANGES: readonly (readonly [zone: string, around: string])[] = [
  ['America/New_York', '2013-03-10'],
  ['America/New_York', '2013-11-03'],
  ['Europe/Berlin', '2024-03-31'],
  ['Europe/Berlin', '2024-10-27'],
  ['Australia/Lord_Howe', '2024-04-07'],
  ['Australia/Lord_Howe', '2024-10-06'],
  ['America/Sao_Paulo', '2017-10-15'],
  ['America/Havana', '2024-11-03'],
  ['Asia/Beirut', '2022-03-27'],
  ['Asia/Kathmandu', '2024-03-31'],
  ['Pacific/Chatham', '2024-04-07'],
  ['Pacific/Apia', '2011-12-30'],
];
const DAY = 86_400_000;

function around(zone: string, date: string, granularity: string, days: number) {
  const middle = Date.parse(`${date}T00:00Z`);
  // The first one is left out: the range cuts it, and the service would write its true start.
  const times = starts(zone, granularity, middle - days * DAY, middle + days * DAY).slice(1);
  return { times, buckets: bucketsOf(times, granularity) };
}

test('buckets follow each other where clocks change', () => {
  for (const [zone, date] of CHANGES) {
    for (const [granularity, days] of [['15m', 1], ['hour', 2], ['6h', 4], ['day', 20]] as const) {
      const { buckets } = around(zone, date, granularity, days);
      const gaps = buckets.slice(1).filter((bucket) => !bucket.follows);
      // The day that Samoa left out is a gap of the calendar.
      const allowed = zone === 'Pacific/Apia' && granularity === 'day' ? 1 : 0;
      assert.ok(gaps.length <= allowed, `${zone} ${granularity}: ${gaps.map((gap) => gap.time)}`);
      for (const bucket of buckets) {
        assert.ok(bucket.end > bucket.at, `${zone} ${bucket.time}`);
      }
    }
  }
});

test('a missing bucket is a gap, also beside a change of clocks', () => {
  for (const [zone, date] of CHANGES) {
    for (const [granularity, days] of [['hour', 2], ['day', 6], ['week', 30], ['month', 120]] as const) {
      const { times } = around(zone, date, granularity, days);
      const middle = Math.floor(times.length / 2);
      for (const missing of [middle - 1, middle, middle + 1]) {
        const buckets = bucketsOf(times.filter((_, at) => at !== missing), granularity);
        assert.equal(buckets[missing]?.follows, false, `${zone} ${granularity} ${times[missing]}`);
      }
    }
  }
});

test('ticks stand at beginnings on the clock of the zone', () => {
  for (const [zone, date] of CHANGES) {
    for (const [granularity, days] of [['15m', 1], ['hour', 1], ['hour', 3], ['6h', 8], ['day', 24]] as const) {
      for (const most of [3, 6, 12]) {
        const { buckets, times } = around(zone, date, granularity, days);
        const ticks = timeTicks(buckets, granularity, most);
        const context = `${zone} ${date} ${granularity} ${most}`;
        assert.ok(ticks.length >= 1 && ticks.length <= most, `${context}: ${ticks.length}`);
        for (const { index, label } of ticks) {
          const local = localOf(zone, Date.parse(times[index] ?? ''));
          if (/^\d\d:\d\d$/.test(label)) {
            const minute = Number(label.slice(0, 2)) * 60 + Number(label.slice(3));
            assert.equal(minute, local.minute, context);
          } else {
            const day = Number(local.date.slice(8));
            assert.ok(label.startsWith(`${day} `) || /^\d{4}$|^[A-Z]/.test(label), `${context}: ${label}`);
            const before = localOf(zone, Date.parse(times[index] ?? '') - 60_000);
            assert.notEqual(before.date, local.date, `${context}: a date stands where its day begins`);
          }
        }
      }
    }
  }
});

test('a day of 23 and one of 25 hours', () => {
  const label = (zone: string, date: string, hour: string) => {
    const from = Date.parse(`${date}T${hour}:00Z`);
    const buckets = bucketsOf(starts(zone, 'hour', from, from + DAY), 'hour');
    return timeTicks(buckets, 'hour', 24).map((tick) => tick.label);
  };
  assert.deepEqual(label('America/New_York', '2013-03-10', '05').slice(0, 4), [
    '10 Mar',
    '01:00',
    '03:00',
    '04:00',
  ]);
  // The hour that comes twice is two buckets and one tick.
  assert.deepEqual(label('America/New_York', '2013-11-03', '04').slice(0, 4), [
    '3 Nov',
    '01:00',
    '02:00',
    '03:00',
  ]);
  // Midnight was skipped: the day begins at one.
  assert.equal(label('America/Sao_Paulo', '2017-10-15', '03')[0], '01:00');
});

test('months and years', () => {
  const from = Date.parse('2012-12-31T23:00Z');
  const months = bucketsOf(starts('Europe/Berlin', 'month', from, from + 730 * DAY), 'month');
  const labels = timeTicks(months, 'month', 10).map((tick) => tick.label);
  assert.deepEqual(labels, ['2013', 'Apr', 'Jul', 'Oct', '2014', 'Apr', 'Jul', 'Oct']);
  const days = bucketsOf(starts('Europe/Berlin', 'day', from, from + 119 * DAY), 'day');
  assert.deepEqual(timeTicks(days, 'day', 6).map((tick) => tick.label), ['2013', 'Feb', 'Mar', 'Apr']);
});

test('the year is said once where it is not this year', () => {
  const from = Date.parse('2013-01-06T00:00Z');
  const days = bucketsOf(starts('UTC', 'day', from, from + 20 * DAY), 'day');
  const labels = (year: number) => timeTicks(days, 'day', 4, year).map((tick) => tick.label);
  assert.deepEqual(labels(2026), ['7 Jan 2013', '14 Jan', '21 Jan']);
  assert.deepEqual(labels(2013), ['7 Jan', '14 Jan', '21 Jan']);
});

test('sparse buckets have ticks too', () => {
  const buckets = bucketsOf(['2013-03-02T00:00:00Z', '2013-07-09T00:00:00Z', '2014-01-05T00:00:00Z'], 'day');
  assert.deepEqual(timeTicks(buckets, 'day', 2).map((tick) => tick.index), [0, 2]);
  assert.deepEqual(timeTicks([], 'day', 5), []);
});

test('buckets in words', () => {
  assert.equal(bucketLabel('2013-03-10T03:00:00-04:00', 'hour'), 'Sun 10 Mar 2013, 03:00 UTC\u221204:00');
  assert.equal(bucketLabel('2013-03-04T00:00:00-05:00', 'week'), 'Week of 4 Mar 2013');
  assert.equal(bucketLabel('2013-10-01T00:00:00-04:00', 'quarter'), 'Q4 2013');
  assert.equal(bucketLabel('1969-12-29T00:00:00Z', 'day'), 'Mon 29 Dec 1969');
  assert.equal(offsetLabel('2024-01-01T00:00:00+05:45'), 'UTC+05:45');
});
