// Numbers and times as people read them. A number is formatted from its text: every digit that the service
// sent is shown.
import { Decimal, type Json } from './json';

const GROUP = '\u202f';

/** 1234567.125 as 1 234 567.125, with narrow spaces between the groups. */
export function digits(value: Decimal | string | number): string {
  const text = String(value);
  const parts = /^(-?)(\d+)((?:\.\d+)?(?:[eE][+-]?\d+)?)$/.exec(text);
  if (parts === null) {
    return text;
  }
  const [, sign = '', whole = '', rest = ''] = parts;
  return (sign === '' ? '' : '\u2212') + grouped(whole) + rest;
}

function grouped(whole: string): string {
  return whole.length < 5 ? whole : whole.replace(/\B(?=(?:\d{3})+$)/g, GROUP);
}

/** A cell of an answer: text, number, or – where there is no value. */
export function cell(value: Json | undefined): string {
  if (value === null || value === undefined) {
    return '–';
  }
  return value instanceof Decimal ? digits(value) : String(value);
}

const BYTE_UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

/** 1536 as 1.5 KiB. */
export function bytes(value: Decimal | number): string {
  let amount = typeof value === 'number' ? value : value.approx();
  let unit = 0;
  while (amount >= 1024 && unit < BYTE_UNITS.length - 1) {
    amount /= 1024;
    unit += 1;
  }
  return `${unit === 0 || amount >= 100 ? Math.round(amount) : amount.toFixed(1)} ${BYTE_UNITS[unit]}`;
}

/** A duration in milliseconds as 12 ms, 1.2 s, 3 min, 2 h, 5 d. */
export function duration(ms: Decimal | number): string {
  const amount = typeof ms === 'number' ? ms : ms.approx();
  if (amount < 1000) {
    return `${amount < 10 && amount !== Math.round(amount) ? amount.toFixed(1) : Math.round(amount)} ms`;
  }
  for (const [unit, size, next] of DURATIONS) {
    if (amount < next) {
      const count = amount / size;
      return `${unit === 's' && count < 10 ? count.toFixed(1) : Math.floor(count)} ${unit}`;
    }
  }
  return '–';
}

const DURATIONS: readonly (readonly [string, number, number])[] = [
  ['s', 1000, 60_000],
  ['min', 60_000, 3_600_000],
  ['h', 3_600_000, 172_800_000],
  ['d', 86_400_000, Number.POSITIVE_INFINITY],
];

/** An instant against now: 3 min ago, in 2 h, just now. */
export function relative(instant: string, now: number): string {
  const difference = now - Date.parse(instant);
  if (Number.isNaN(difference)) {
    return instant;
  }
  if (Math.abs(difference) < 1000) {
    return 'just now';
  }
  const size = duration(Math.floor(Math.abs(difference) / 1000) * 1000).replace('.0 s', ' s');
  return difference > 0 ? `${size} ago` : `in ${size}`;
}

/** RFC 3339 as 2013-01-31 14:05:09, on the clock that it was written for; that of UTC is named. */
export function dateTime(instant: string): string {
  const parts = /^(\d{4}-\d\d-\d\d)T(\d\d:\d\d)(?::(\d\d))?/.exec(instant);
  if (parts === null) {
    return instant;
  }
  const [, date, minute, second] = parts;
  const seconds = second === undefined || second === '00' ? '' : `:${second}`;
  return `${date} ${minute}${seconds}${instant.endsWith('Z') ? ' UTC' : ''}`;
}

/** `count` and a noun: 1 row, 2 rows. */
export function plural(count: Decimal | number, one: string, many = `${one}s`): string {
  const text = String(count);
  return `${digits(text)} ${text === '1' ? one : many}`;
}
