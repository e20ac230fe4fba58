// Ticks: round values on the axis of values, and beginnings of hours, days, months on the axis of time.
import { digits } from '../format';
import { type Bucket, clock, dayNumber, minutesOf, monthName, type Wall } from './time';

export interface Tick {
  readonly value: number;
  readonly label: string;
}

/**
 * Round values that span `low` to `high`, about `count` of them: multiples of 1, 2 or 5 times a power of ten. Their
 * labels are made from whole numbers, not from sums of fractions, so that none is 0.30000000000000004.
 */
export function valueTicks(low: number, high: number, count: number, whole = false): Tick[] {
  if (!Number.isFinite(low) || !Number.isFinite(high)) {
    return [];
  }
  const extent = high > low ? high - low : Math.abs(high) || 1;
  let exponent = Math.floor(Math.log10(extent / count));
  const rough = extent / count / 10 ** exponent;
  let factor = rough <= 1 ? 1 : rough <= 2 ? 2 : rough <= 5 ? 5 : 10;
  if (factor === 10) {
    factor = 1;
    exponent += 1;
  }
  if (whole && exponent < 0) {
    factor = 1;
    exponent = 0;
  }
  const first = Math.floor(scaled(low, -exponent) / factor + 1e-9);
  const last = Math.ceil(scaled(high, -exponent) / factor - 1e-9);
  const ticks: Tick[] = [];
  for (let n = first; n <= Math.max(last, first + 1); n += 1) {
    ticks.push({ value: scaled(n * factor, exponent), label: powerLabel(n * factor, exponent) });
  }
  return ticks;
}

/** value × 10^exponent with one rounding, since negative powers of ten are no doubles. */
function scaled(value: number, exponent: number): number {
  return exponent < 0 ? value / 10 ** -exponent : value * 10 ** exponent;
}

const SUFFIXES: readonly (readonly [number, string])[] = [
  [12, 'T'],
  [9, 'G'],
  [6, 'M'],
  [3, 'k'],
];

/** A whole number times a power of ten, exactly and short: 15 × 10^5 is 1.5M. */
export function powerLabel(whole: number, exponent: number): string {
  if (whole === 0) {
    return '0';
  }
  const size = exponent + String(Math.abs(whole)).length - 1;
  if (size >= 15 || size < -6) {
    const zeros = /0*$/.exec(String(whole))?.[0].length ?? 0;
    return `${digits(String(whole / 10 ** zeros))}e${exponent + zeros}`;
  }
  const [power, suffix] = (size >= 4 && SUFFIXES.find(([p]) => size >= p)) || [0, ''];
  return digits(shifted(whole, exponent - power)) + suffix;
}

/** The text of whole × 10^exponent. */
function shifted(whole: number, exponent: number): string {
  const sign = whole < 0 ? '-' : '';
  const text = String(Math.abs(whole));
  if (exponent >= 0) {
    return sign + text + '0'.repeat(exponent);
  }
  const padded = text.padStart(1 - exponent, '0');
  const fraction = padded.slice(exponent).replace(/0+$/, '');
  return sign + padded.slice(0, exponent) + (fraction === '' ? '' : `.${fraction}`);
}

export interface TimeTick {
  /** Of the bucket that the tick stands at. */
  readonly index: number;
  readonly label: string;
  /** Whether a day, month or year begins there, which a label of less would not say. */
  readonly major: boolean;
}

interface Step {
  /** Minutes, for steps shorter than a day. */
  readonly minutes: number;
  /** A bucket begins a unit where this differs from that of the bucket before it. */
  readonly unit: (wall: Wall) => number;
  readonly begins: (wall: Wall) => boolean;
}

const WEEK_OF_MONDAYS = 4;
const months = (wall: Wall) => wall.year * 12 + wall.month - 1;
const monday = (wall: Wall) => Math.floor((dayNumber(wall) - WEEK_OF_MONDAYS) / 7);

function minutesStep(minutes: number): Step {
  return {
    minutes,
    unit: (wall) => dayNumber(wall) * 1440 + Math.floor(wall.minute / minutes),
    begins: (wall) => wall.minute % minutes === 0,
  };
}

function daysStep(days: number, unit: Step['unit'], first: (wall: Wall) => boolean): Step {
  return { minutes: days * 1440, unit, begins: (wall) => wall.minute === 0 && first(wall) };
}

function monthsStep(count: number): Step {
  return daysStep(
    28 * count,
    (wall) => Math.floor(months(wall) / count),
    (wall) => wall.day === 1 && months(wall) % count === 0,
  );
}

function weeksStep(count: number): Step {
  return daysStep(
    7 * count,
    (wall) => Math.floor(monday(wall) / count),
    (wall) => (dayNumber(wall) - WEEK_OF_MONDAYS) % (7 * count) === 0,
  );
}

const STEPS: readonly Step[] = [
  ...[1, 5, 10, 15, 30, 60, 120, 180, 360, 720].map(minutesStep),
  daysStep(1, dayNumber, () => true),
  daysStep(2, (wall) => Math.floor(dayNumber(wall) / 2), (wall) => dayNumber(wall) % 2 === 0),
  weeksStep(1),
  weeksStep(2),
  ...[1, 3, 6, 12, 24, 60, 120, 240, 600].map(monthsStep),
];

/** At most `most` ticks, each at a bucket with which a unit begins: the shortest unit that fits is taken. */
export function timeTicks(
  buckets: readonly Bucket[],
  granularity: string,
  most: number,
  thisYear?: number,
): TimeTick[] {
  const shortest = minutesOf(granularity) ?? 1440;
  const room = Math.max(most, 1);
  let [found, minutes] = [firstAndLast(buckets), shortest];
  for (const step of STEPS.filter((step) => step.minutes >= shortest)) {
    const next = beginnings(buckets, step);
    if (next.length < 2) {
      break;
    }
    [found, minutes] = [next, step.minutes];
    if (found.length <= room) {
      break;
    }
  }
  const every = Math.ceil(found.length / room);
  const ticks = found
    .filter((_, at) => at % every === 0)
    .map((index) => ({ index, ...tickLabel((buckets[index] as Bucket).wall, minutes) }));
  return withYear(ticks, buckets, thisYear);
}

/** The first date gets its year where no tick has one and it is not this year. */
function withYear(ticks: TimeTick[], buckets: readonly Bucket[], thisYear?: number): TimeTick[] {
  const first = ticks.findIndex(({ label }) => /[A-Z]/.test(label));
  const [tick, year] = [ticks[first], buckets[ticks[first]?.index ?? 0]?.wall.year];
  const said = thisYear === undefined || ticks.some(({ label }) => /\d{4}$/.test(label));
  return said || tick === undefined || year === thisYear
    ? ticks
    : ticks.map((one) => (one === tick ? { ...tick, label: `${tick.label} ${year}` } : one));
}

/** Where no unit begins twice, the ends say where one is. */
function firstAndLast(buckets: readonly Bucket[]): number[] {
  return buckets.length < 2 ? [...buckets.keys()] : [0, buckets.length - 1];
}

function beginnings(buckets: readonly Bucket[], step: Step): number[] {
  const found: number[] = [];
  let before: Bucket | undefined;
  buckets.forEach((bucket, index) => {
    const begins =
      before === undefined
        ? step.begins(bucket.wall)
        : step.unit(bucket.wall) !== step.unit(before.wall) &&
          (bucket.follows || step.begins(bucket.wall));
    if (begins) {
      found.push(index);
    }
    before = bucket;
  });
  return found;
}

function tickLabel(wall: Wall, step: number): { label: string; major: boolean } {
  const { year, month, day, minute } = wall;
  if (step < 1440 && minute !== 0) {
    return { label: clock(minute), major: false };
  }
  if (step < 28 * 1440) {
    return month === 1 && day === 1
      ? { label: String(year), major: true }
      : { label: `${day} ${monthName(month)}`, major: step < 1440 || day === 1 };
  }
  return month === 1
    ? { label: String(year), major: true }
    : { label: step >= 28 * 12 * 1440 ? `${monthName(month)} ${year}` : monthName(month), major: false };
}
