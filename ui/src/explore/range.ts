// Ranges of time as they are typed, and the granularity that suits them. The service alone says what a range
// means; here it is only estimated, to choose buckets that are neither too many nor too few.

export interface Preset {
  readonly label: string;
  readonly from: string;
  readonly to: string;
}

/** Those up to now say so, since a comparison over the whole range needs both ends. */
export const PRESETS: readonly Preset[] = [
  { label: 'Last hour', from: 'now-1h', to: 'now' },
  { label: 'Last 24 hours', from: 'now-24h', to: 'now' },
  { label: 'Last 7 days', from: 'now-7d', to: 'now' },
  { label: 'Last 30 days', from: 'now-30d', to: 'now' },
  { label: 'Last 90 days', from: 'now-90d', to: 'now' },
  { label: 'Last 12 months', from: 'now-12M', to: 'now' },
  { label: 'Today', from: 'today', to: 'now' },
  { label: 'Yesterday', from: 'yesterday', to: 'today' },
  { label: 'This week', from: 'this_week', to: 'now' },
  { label: 'Last week', from: 'last_week', to: 'this_week' },
  { label: 'This month', from: 'this_month', to: 'now' },
  { label: 'Last month', from: 'last_month', to: 'this_month' },
  { label: 'This year', from: 'this_year', to: 'now' },
  { label: 'All time', from: '', to: '' },
];

const UNIT_NAMES: { readonly [unit: string]: string } = {
  m: 'minute',
  h: 'hour',
  d: 'day',
  w: 'week',
  M: 'month',
  y: 'year',
};

/** A range in words. */
export function rangeLabel(from: string, to: string): string {
  const preset = PRESETS.find(
    (known) => known.from === from && (known.to === to || (to === '' && known.to === 'now')),
  );
  if (preset !== undefined) {
    return preset.label;
  }
  const last = /^now-(\d+)([mhdwMy])$/.exec(from);
  if (last !== null && (to === '' || to === 'now')) {
    const unit = UNIT_NAMES[last[2] ?? ''] ?? '';
    return `Last ${last[1] === '1' ? unit : `${last[1]} ${unit}s`}`;
  }
  if (to === '') {
    return `Since ${short(from)}`;
  }
  return from === '' ? `Before ${short(to)}` : `${short(from)} – ${short(to)}`;
}

function short(edge: string): string {
  return edge.replace(/^(\d{4}-\d\d-\d\d)T(\d\d:\d\d)(?::00)?(?:\.0+)?(?:Z|[+-]\d\d:\d\d)$/, '$1 $2');
}

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const UNITS: { readonly [unit: string]: number } = {
  m: MINUTE,
  h: HOUR,
  d: DAY,
  w: 7 * DAY,
  M: 30.44 * DAY,
  y: 365.25 * DAY,
};
const PERIODS: { readonly [period: string]: number } = {
  day: DAY,
  week: 7 * DAY,
  month: 30.44 * DAY,
  quarter: 91.3 * DAY,
  year: 365.25 * DAY,
};

/** About when an edge is; undefined where only the service knows. */
export function estimate(edge: string, now: number): number | undefined {
  const relative = /^now(?:-(\d+)([mhdwMy]))?$/.exec(edge);
  if (relative !== null) {
    return now - Number(relative[1] ?? 0) * (UNITS[relative[2] ?? 'm'] ?? 0);
  }
  const day = Math.floor(now / DAY) * DAY;
  switch (edge) {
    case 'today':
      return day;
    case 'yesterday':
      return day - DAY;
    case 'tomorrow':
      return day + DAY;
  }
  const current = /^(this|last|next)_(week|month|quarter|year)$/.exec(edge);
  if (current !== null) {
    return beginning(current[2] ?? '', now) + shift(current[1]) * (PERIODS[current[2] ?? ''] ?? 0);
  }
  if (/^-?\d{12,14}$/.test(edge)) {
    return Number(edge);
  }
  return named(edge);
}

function shift(word: string | undefined): number {
  return word === 'last' ? -1 : word === 'next' ? 1 : 0;
}

function beginning(period: string, now: number): number {
  const date = new Date(now);
  const [year, month] = [date.getUTCFullYear(), date.getUTCMonth()];
  switch (period) {
    case 'week':
      return now - ((date.getUTCDay() + 6) % 7) * DAY;
    case 'month':
      return Date.UTC(year, month);
    case 'quarter':
      return Date.UTC(year, month - (month % 3));
    default:
      return Date.UTC(year, 0);
  }
}

function named(edge: string): number | undefined {
  const week = /^(\d{4})-W(\d\d)$/.exec(edge);
  if (week !== null) {
    return Date.UTC(Number(week[1]), 0, 1 + 7 * (Number(week[2]) - 1));
  }
  const quarter = /^(\d{4})-Q([1-4])$/.exec(edge);
  if (quarter !== null) {
    return Date.UTC(Number(quarter[1]), 3 * (Number(quarter[2]) - 1));
  }
  if (!/^\d{4}(?:-\d\d){0,2}(?:[Tt ].*)?$/.test(edge)) {
    return undefined;
  }
  const at = Date.parse(edge);
  return Number.isNaN(at) ? undefined : at;
}

/** The length of a range in milliseconds; `data` is where the metric's events lie, for open ends. */
export function lengthOf(
  from: string,
  to: string,
  now: number,
  data: readonly [number, number] | undefined,
): number | undefined {
  const start = from === '' ? data?.[0] : estimate(from, now);
  const end = to === '' ? (data === undefined ? now : data[1]) : estimate(to, now);
  return start === undefined || end === undefined ? undefined : Math.max(0, end - start);
}

/** Most buckets that a chart is made of unless the reader chooses so. */
export const BUCKETS_MAX = 400;

/** Granularities from short to long, with about how long each bucket is. */
export const GRANULARITIES: readonly (readonly [name: string, label: string, length: number])[] = [
  ['minute', 'Minute', MINUTE],
  ['5m', '5 minutes', 5 * MINUTE],
  ['10m', '10 minutes', 10 * MINUTE],
  ['15m', '15 minutes', 15 * MINUTE],
  ['30m', '30 minutes', 30 * MINUTE],
  ['hour', 'Hour', HOUR],
  ['3h', '3 hours', 3 * HOUR],
  ['6h', '6 hours', 6 * HOUR],
  ['12h', '12 hours', 12 * HOUR],
  ['day', 'Day', DAY],
  ['week', 'Week', 7 * DAY],
  ['month', 'Month', 30.44 * DAY],
  ['quarter', 'Quarter', 91.3 * DAY],
  ['year', 'Year', 365.25 * DAY],
];

/** Those that are chosen only by readers: a range alone asks for units that people think in. */
const UNUSUAL = ['10m', '30m', '3h', '6h', '12h'];

/** Names that fit a metric's base bucket and a zone. */
export function fitting(base: string, zone: string): string[] {
  const shortest = GRANULARITIES.find(([name]) => name === base)?.[2] ?? MINUTE;
  return GRANULARITIES.filter(([, , length]) => length >= shortest && zoneFits(base, zone)).map(
    ([name]) => name,
  );
}

/** Whether a zone's days begin on base buckets, as far as the browser knows the zone. */
export function zoneFits(base: string, zone: string): boolean {
  if (base === 'minute') {
    return true;
  }
  const offsets = offsetsOf(zone);
  return offsets.every((offset) => (base === 'hour' ? offset % 60 === 0 : offset === 0));
}

function offsetsOf(zone: string): number[] {
  const year = new Date().getUTCFullYear();
  return [0, 6].map((month) => {
    try {
      const parts = new Intl.DateTimeFormat('en', { timeZone: zone, timeZoneName: 'longOffset' })
        .formatToParts(Date.UTC(year, month, 15))
        .find(({ type }) => type === 'timeZoneName')?.value;
      const [, sign = '+', hours = '0', minutes = '0'] =
        /GMT([+-])(\d\d):(\d\d)/.exec(parts ?? '') ?? [];
      return (Number(hours) * 60 + Number(minutes)) * (sign === '-' ? -1 : 1);
    } catch {
      return 0;
    }
  });
}

/** The shortest granularity with few enough buckets. */
export function suggested(length: number, names: readonly string[], most = BUCKETS_MAX): string {
  const fits = GRANULARITIES.find(
    ([name, , bucket]) =>
      names.includes(name) && !UNUSUAL.includes(name) && length / bucket <= most,
  );
  return fits?.[0] ?? names.at(-1) ?? 'day';
}

/**
 * The granularity for a new range: a choice of the reader stays as long as it makes neither too many buckets nor
 * a single one; what had followed from the range before follows from the new one.
 */
export function nextGranularity(
  current: string,
  before: number | undefined,
  after: number | undefined,
  names: readonly string[],
): string {
  if (current === 'all' || after === undefined) {
    return current;
  }
  const bucket = GRANULARITIES.find(([name]) => name === current)?.[2];
  const automatic = before !== undefined && suggested(before, names) === current;
  const possible = bucket !== undefined && names.includes(current);
  const sensible = possible && after / bucket <= BUCKETS_MAX && after / bucket >= 2;
  return sensible && !automatic ? current : suggested(after, names);
}
