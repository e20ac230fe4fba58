// What the service would write, made another way: by the runtime's own knowledge of zones, quarter by quarter.

const QUARTER = 15 * 60_000;

export interface Local {
  readonly date: string;
  readonly minute: number;
  readonly offset: number;
}

const formats = new Map<string, Intl.DateTimeFormat>();

const locals = new Map<string, Local>();

/** The wall clock of a zone at an instant. */
export function localOf(zone: string, at: number): Local {
  const key = `${zone} ${at}`;
  const known = locals.get(key) ?? compute(zone, at);
  locals.set(key, known);
  return known;
}

function compute(zone: string, at: number): Local {
  let format = formats.get(zone);
  if (format === undefined) {
    format = new Intl.DateTimeFormat('en-US', {
      timeZone: zone,
      hourCycle: 'h23',
      year: 'numeric',
      month: '2-digit',
      day: '2-digit',
      hour: '2-digit',
      minute: '2-digit',
    });
    formats.set(zone, format);
  }
  const parts = Object.fromEntries(format.formatToParts(at).map(({ type, value }) => [type, value]));
  const date = `${parts['year']}-${parts['month']}-${parts['day']}`;
  const minute = Number(parts['hour']) * 60 + Number(parts['minute']);
  return { date, minute, offset: Date.parse(`${date}T00:00Z`) / 60_000 + minute - at / 60_000 };
}

const two = (n: number) => String(n).padStart(2, '0');

/** An instant as the service writes it. */
export function written(zone: string, at: number): string {
  const { date, minute, offset } = localOf(zone, at);
  const size = Math.abs(offset);
  const zulu = zone === 'UTC' ? 'Z' : undefined;
  return `${date}T${two(Math.floor(minute / 60))}:${two(minute % 60)}:00${
    zulu ?? `${offset < 0 ? '-' : '+'}${two(Math.floor(size / 60))}:${two(size % 60)}`
  }`;
}

/** Starts of all buckets of a range: those of a day or longer by dates, shorter ones by the run of the clock. */
export function starts(zone: string, granularity: string, from: number, to: number): string[] {
  const minutes = { '15m': 15, hour: 60, '6h': 360 }[granularity];
  let before = '';
  const found: string[] = [];
  for (let at = from; at < to; at += QUARTER) {
    const local = localOf(zone, at);
    const key =
      minutes === undefined
        ? period(local.date, granularity)
        : `${local.date} ${Math.floor(local.minute / minutes)} ${local.offset}`;
    if (key !== before) {
      found.push(written(zone, at));
      before = key;
    }
  }
  return found;
}

function period(date: string, granularity: string): string {
  const [year = '', month = ''] = date.split('-');
  switch (granularity) {
    case 'week':
      return String(Math.floor((Date.parse(date) / 86_400_000 - 4) / 7));
    case 'month':
      return `${year}-${month}`;
    case 'year':
      return year;
    default:
      return date;
  }
}
