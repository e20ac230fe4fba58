// Buckets on the clock that the service wrote them for. A bucket comes as 2013-03-10T00:00:00-05:00: its date
// and hour are read from that text, so the zone of the reader's computer never matters.

export interface Bucket {
  /** Its start, as the service wrote it. */
  readonly time: string;
  /** Its start and end in milliseconds since 1970. */
  readonly at: number;
  readonly end: number;
  /** Whether the bucket before it is the one right before. */
  readonly follows: boolean;
  readonly wall: Wall;
}

/** A wall clock. */
export interface Wall {
  readonly year: number;
  /** 1 to 12. */
  readonly month: number;
  readonly day: number;
  /** Minutes since midnight. */
  readonly minute: number;
}

const MINUTE = 60_000;
const DAY = 1440 * MINUTE;

export function wallOf(time: string): Wall {
  const [, year, month, day, hour, minute] =
    /^(-?\d+)-(\d\d)-(\d\d)T(\d\d):(\d\d)/.exec(time)?.map(Number) ?? [];
  return {
    year: year ?? 1970,
    month: month ?? 1,
    day: day ?? 1,
    minute: (hour ?? 0) * 60 + (minute ?? 0),
  };
}

/** Days since 1970 of a wall clock's date. */
export function dayNumber(wall: Wall): number {
  return Math.round(Date.UTC(wall.year, wall.month - 1, wall.day) / DAY);
}

const WORDS: { readonly [name: string]: number } = { minute: 1, hour: 60 };

/** Minutes of a granularity shorter than a day; undefined for the others. */
export function minutesOf(granularity: string): number | undefined {
  const [, count, unit] = /^(\d+)([mh])$/.exec(granularity) ?? [];
  return count === undefined ? WORDS[granularity] : Number(count) * (unit === 'h' ? 60 : 1);
}

const LONG: { readonly [name: string]: readonly ['days' | 'months', number] } = {
  day: ['days', 1],
  '1d': ['days', 1],
  week: ['days', 7],
  '1w': ['days', 7],
  month: ['months', 1],
  '1M': ['months', 1],
  quarter: ['months', 3],
  year: ['months', 12],
  '1y': ['months', 12],
};

/** The end of a bucket whose next one is not known, in milliseconds. */
export function endOf(time: string, granularity: string): number {
  const at = Date.parse(time);
  const wall = wallOf(time);
  const minutes = minutesOf(granularity);
  if (minutes !== undefined) {
    return at + (minutes - (wall.minute % minutes)) * MINUTE;
  }
  const long = LONG[granularity];
  if (long === undefined) {
    return at;
  }
  const [unit, count] = long;
  const begin = Date.UTC(wall.year, wall.month - 1, wall.day, 0, wall.minute);
  const end =
    unit === 'days'
      ? Date.UTC(wall.year, wall.month - 1, wall.day + count)
      : Date.UTC(wall.year, wall.month - 1 + count, 1);
  return at + (end - begin);
}

/** What a bucket may differ from its usual length where clocks change. */
const CLOCK_CHANGE = 3 * 60 * MINUTE;

/** The buckets of starts, which are in order. */
export function bucketsOf(times: readonly string[], granularity: string): Bucket[] {
  const slack = minutesOf(granularity) === undefined ? CLOCK_CHANGE : 0;
  const buckets: Bucket[] = [];
  times.forEach((time, index) => {
    const next = times[index + 1];
    const usual = endOf(time, granularity);
    const start = next === undefined ? undefined : Date.parse(next);
    const before = buckets.at(-1);
    const at = Date.parse(time);
    buckets.push({
      time,
      at,
      end: start !== undefined && start <= usual + slack ? start : usual,
      follows: before !== undefined && before.end === at,
      wall: wallOf(time),
    });
  });
  return buckets;
}

const MONTHS = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ');
const WEEKDAYS = 'Thu Fri Sat Sun Mon Tue Wed'.split(' ');

export function monthName(month: number): string {
  return MONTHS[month - 1] ?? String(month);
}

export function clock(minute: number): string {
  const two = (n: number) => String(n).padStart(2, '0');
  return `${two(Math.floor(minute / 60))}:${two(minute % 60)}`;
}

/** A bucket in words: Sun 10 Mar 2013, 01:00 (UTC−05:00). */
export function bucketLabel(time: string, granularity: string): string {
  const wall = wallOf(time);
  const { year, month, day } = wall;
  switch (granularity) {
    case 'year':
    case '1y':
      return String(year);
    case 'quarter':
      return `Q${Math.ceil(month / 3)} ${year}`;
    case 'month':
    case '1M':
      return `${monthName(month)} ${year}`;
    case 'week':
    case '1w':
      return `Week of ${day} ${monthName(month)} ${year}`;
    default: {
      const number = dayNumber(wall);
      const date = `${WEEKDAYS[((number % 7) + 7) % 7]} ${day} ${monthName(month)} ${year}`;
      return minutesOf(granularity) === undefined
        ? date
        : `${date}, ${clock(wall.minute)} ${offsetLabel(time)}`;
    }
  }
}

/** The offset of a time, as UTC−05:00. */
export function offsetLabel(time: string): string {
  const offset = /([+-])(\d\d:\d\d)$/.exec(time);
  return offset === null || offset[2] === '00:00'
    ? 'UTC'
    : `UTC${offset[1] === '-' ? '\u2212' : '+'}${offset[2]}`;
}
