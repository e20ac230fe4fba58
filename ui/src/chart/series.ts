// From an answer to what is drawn: buckets, and a series for each group.
import type { Answer, AnswerRow, BucketPart } from '../answer';
import { Decimal, type Json } from '../json';
import { type Bucket, bucketsOf } from './time';

export interface Series {
  /** Stable over answers of one query. */
  readonly key: string;
  readonly label: string;
  /** The group's values by dimension; undefined for all together and for what is left over. */
  readonly group: { readonly [dimension: string]: string | null } | undefined;
  readonly kind: 'group' | 'all' | 'other';
  /** Its colour, 1 to 8; 0 for what is left over. */
  readonly color: number;
  /** Rows by bucket; undefined where there is none. */
  readonly rows: readonly (AnswerRow | undefined)[];
}

export interface ChartData {
  readonly buckets: readonly Bucket[];
  readonly series: readonly Series[];
  /** Groups that are not drawn, since no colour is left. */
  readonly hidden: number;
  readonly granularity: string;
  readonly openBucket: string | null;
  /** Of buckets that the range cuts: the part that was asked for. */
  readonly partial: ReadonlyMap<string, BucketPart>;
}

/** Colours, and so groups that are drawn: two of one colour could not be told apart. */
export const COLORS = 8;

/** Label of a group; null is a value that a text cannot be mistaken for. */
export function groupLabel(values: readonly (string | null)[]): string {
  return values.map(valueLabel).join(' · ');
}

export function valueLabel(value: string | null): string {
  return value === null ? '∅' : value === '' ? '“”' : value;
}

/** The value of a measure; null where the row has none or there is no row. */
export function valueOf(row: AnswerRow | undefined, measure: string): Json {
  return row?.[measure] ?? null;
}

/** The value of a measure in the compared bucket. */
export function compared(row: AnswerRow | undefined, measure: string): Json {
  const compare = row?.['compare'];
  return compare !== null && typeof compare === 'object' && !Array.isArray(compare)
    ? ((compare as AnswerRow)[measure] ?? null)
    : null;
}

/** A position of a value; null where it is none. */
export function approx(value: Json): number | null {
  if (!(value instanceof Decimal)) {
    return null;
  }
  const number = value.approx();
  return Number.isFinite(number) ? number : null;
}

/**
 * The series of an answer that has buckets of time; groups in the order of how much of a measure they have. Those that
 * had a colour before keep it while it is free, and so their place.
 */
export function chartData(
  answer: Answer,
  dimensions: readonly string[],
  measure: string,
  memory: Map<string, number> = new Map(),
): ChartData {
  const times = new Set<string>();
  const groups = new Map<string, { values: (string | null)[]; rows: Map<string, AnswerRow> }>();
  for (const row of answer.rows) {
    const values = dimensions.map((dimension) => row[dimension] as string | null);
    const key = JSON.stringify(values);
    let group = groups.get(key);
    if (group === undefined) {
      group = { values, rows: new Map() };
      groups.set(key, group);
    }
    times.add(String(row['time']));
    group.rows.set(String(row['time']), row);
  }
  const other = new Map<string, AnswerRow>();
  for (const row of answer.other ?? []) {
    times.add(String(row['time']));
    other.set(String(row['time']), row);
  }
  const ordered = [...times].sort((a, b) => Date.parse(a) - Date.parse(b));
  const size = (rows: ReadonlyMap<string, AnswerRow>) =>
    [...rows.values()].reduce((sum, row) => sum + Math.abs(approx(valueOf(row, measure)) ?? 0), 0);
  const largest = [...groups]
    .map(([key, group]) => ({ key, ...group, size: size(group.rows) }))
    .sort((a, b) => b.size - a.size);
  const drawn = largest.slice(0, COLORS);
  const colors = colorsOf(drawn.map(({ key }) => key), dimensions.join(), memory);
  const series: Series[] = drawn.map(({ key, values, rows }) => ({
    key,
    label: dimensions.length === 0 ? answer.metric : groupLabel(values),
    group:
      dimensions.length === 0
        ? undefined
        : Object.fromEntries(dimensions.map((dimension, n) => [dimension, values[n] ?? null])),
    kind: dimensions.length === 0 ? 'all' : 'group',
    color: colors.get(key) ?? 0,
    rows: ordered.map((time) => rows.get(time)),
  }));
  series.sort((a, b) => a.color - b.color);
  if (other.size > 0) {
    const rows = ordered.map((time) => other.get(time));
    series.push({ key: 'other', label: 'Other', group: undefined, kind: 'other', color: 0, rows });
  }
  return {
    buckets: bucketsOf(ordered, answer.granularity),
    series,
    hidden: Math.max(0, largest.length - COLORS),
    granularity: answer.granularity,
    openBucket: answer.provenance.open_bucket,
    partial: new Map(answer.provenance.partial_buckets.map((part) => [part.time, part])),
  };
}

/** The colours that groups of all charts got since the page was opened. */
export const COLOR_MEMORY = new Map<string, number>();

const REMEMBERED_MAX = 5000;

/** A colour for each key: its former one if no larger group has it, else one that is free, and best unknown so far. */
function colorsOf(
  keys: readonly string[],
  dimensions: string,
  memory: Map<string, number>,
): Map<string, number> {
  const name = (key: string) => `${dimensions} ${key}`;
  const colors = new Map<string, number>();
  const free = new Set(Array.from({ length: COLORS }, (_, index) => index + 1));
  for (const key of keys) {
    const former = memory.get(name(key)) ?? 0;
    if (free.delete(former)) {
      colors.set(key, former);
    }
  }
  const known = new Set(
    [...memory].filter(([key]) => key.startsWith(name(''))).map(([, color]) => color),
  );
  for (const key of keys.filter((key) => !colors.has(key))) {
    const color = [...free].find((one) => !known.has(one)) ?? [...free][0] ?? 0;
    free.delete(color);
    colors.set(key, color);
    if (!memory.has(name(key)) && memory.size < REMEMBERED_MAX) {
      memory.set(name(key), color);
    }
  }
  return colors;
}
