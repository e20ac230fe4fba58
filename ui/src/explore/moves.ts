// What a move of the reader changes in the address: the parameter itself, and what has to follow from it.
import type { Answer } from '../answer';
import type { ChartKind } from '../chart';
import type { Metric } from '../catalog';
import { type Group, parseFilter, picked, writeFilter } from './filter';
import { fitting, lengthOf, nextGranularity, suggested, zoneFits } from './range';
import {
  type Changes,
  type ExploreState,
  granularityChanges,
  groupChanges,
  havingChanges,
  withChanges,
} from './state';

/** What a metric allows: its base bucket, and from when to when it has events, in milliseconds. */
export interface Ground {
  readonly base: string;
  readonly extent: readonly [number, number] | undefined;
}

/** Readers who are bound to a filter are not told a metric's extent; then an answer over time shows it. */
export function groundOf(metric: Metric | undefined, answer?: Answer): Ground {
  const rows = answer?.rows ?? [];
  return {
    base: metric?.definition.granularity ?? 'minute',
    extent:
      span(metric?.first_bucket, metric?.last_bucket) ??
      span(rows[0]?.['time'], rows.at(-1)?.['time']),
  };
}

function span(first: unknown, last: unknown): readonly [number, number] | undefined {
  const [start, end] = [Date.parse(String(first)), Date.parse(String(last))];
  return Number.isNaN(start) || Number.isNaN(end) ? undefined : [start, end];
}

/** The granularities that fit what is asked for, and how long its range is, in milliseconds. */
export function choicesOf(state: ExploreState, { base, extent }: Ground, now: number) {
  return {
    fits: fitting(base, state.timezone),
    length: lengthOf(state.from, state.to, now, extent),
  };
}

const MONTH = 30 * 86_400_000;
/** How long a range is taken to be of which nothing is known: long enough for days. */
const UNKNOWN = 12 * MONTH;

/** What a reader sees first of a metric: its first measure over all of its events, or over the last month. */
export function firstLook(metric: Metric, browserZone: string, now: number): URLSearchParams {
  const { base, extent } = groundOf(metric);
  const timezone = zoneFits(base, browserZone) ? browserZone : 'UTC';
  const grows = extent !== undefined && now - extent[1] < MONTH && now - extent[0] > MONTH;
  const [from, to] = grows ? ['now-30d', 'now'] : ['', ''];
  const length = lengthOf(from, to, now, extent) ?? UNKNOWN;
  return withChanges(new URLSearchParams(), {
    metric: metric.name,
    measures: firstMeasure(metric),
    from,
    to,
    timezone,
    totals: 'true',
    ...granularityChanges(suggested(length, fitting(base, timezone))),
  });
}

/** A count, if there is one: that is what people ask for first. */
function firstMeasure({ definition }: Metric): string | undefined {
  const measures = Object.entries(definition.measures);
  const counts = measures.filter(([, { kind, filter }]) => kind === 'count' && filter === undefined);
  return (counts[0] ?? measures[0])?.[0];
}

/** Another metric: its first measure, without what is said in the other's names. */
export function toMetric(state: ExploreState, metric: Metric): Changes {
  const { base } = groundOf(metric);
  const timezone = zoneFits(base, state.timezone) ? state.timezone : 'UTC';
  const names = fitting(base, timezone);
  const fits = state.granularity === 'all' || names.includes(state.granularity);
  return {
    metric: metric.name,
    measures: firstMeasure(metric),
    timezone,
    ...(fits ? {} : { granularity: names[0] }),
    filter: '',
    ...havingChanges('', state.params),
    order_by: '',
    after: '',
    ...groupChanges([], state.params),
  };
}

/** Another range, and the granularity that suits it. */
export function toRange(
  state: ExploreState,
  ground: Ground,
  from: string,
  to: string,
  now: number,
): Changes {
  const { fits, length } = choicesOf(state, ground, now);
  const next = lengthOf(from, to, now, ground.extent);
  const granularity = nextGranularity(state.granularity, length, next, fits);
  return { from, to, granularity: granularity === 'all' ? '' : granularity, after: '' };
}

/** Another chart: a number is of the whole range, a line needs buckets. */
export function toChart(
  state: ExploreState,
  ground: Ground,
  chart: ChartKind,
  now: number,
): Changes {
  if (chart === 'number') {
    return { chart, ...granularityChanges('all'), granularity: '', totals: 'true' };
  }
  if (state.granularity !== 'all' || chart === 'bar' || chart === 'table') {
    return { chart };
  }
  const { fits, length } = choicesOf(state, ground, now);
  return { chart, ...granularityChanges(suggested(length ?? UNKNOWN, fits), state.params.get('having') ?? '') };
}

/** A group was clicked. */
export function toGroup(state: ExploreState, group: Group, exclude: boolean): Changes {
  return { filter: writeFilter(picked(parseFilter(state.filter), group, exclude)) };
}
