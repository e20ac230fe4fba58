// What a move of the reader changes in the address: the parameter itself, and what has to follow from it.
import type { ChartKind } from '../chart';
import type { Metric } from '../catalog';
import { type Group, parseFilter, picked, writeFilter } from './filter';
import { fitting, lengthOf, nextGranularity, suggested, zoneFits } from './range';
import {
  type Changes,
  type ExploreState,
  granularityChanges,
  groupChanges,
  withChanges,
} from './state';

/** From the first event to the last, in milliseconds; undefined where that is not known. */
export function extentOf(metric: Metric | undefined): readonly [number, number] | undefined {
  const [first, last] = [Date.parse(metric?.first_bucket ?? ''), Date.parse(metric?.last_bucket ?? '')];
  return Number.isNaN(first) || Number.isNaN(last) ? undefined : [first, last];
}

function baseOf(metric: Metric | undefined): string {
  return metric?.definition.granularity ?? 'minute';
}

/** The granularities that fit what is asked for, and how long its range is, in milliseconds. */
export function choicesOf(state: ExploreState, metric: Metric | undefined, now: number) {
  return {
    fits: fitting(baseOf(metric), state.timezone),
    length: lengthOf(state.from, state.to, now, extentOf(metric)),
  };
}

const MONTH = 30 * 86_400_000;

/** What a reader sees first of a metric: its first measure over all of its events, or over the last month. */
export function firstLook(metric: Metric, browserZone: string, now: number): URLSearchParams {
  const base = baseOf(metric);
  const timezone = zoneFits(base, browserZone) ? browserZone : 'UTC';
  const data = extentOf(metric);
  const grows = data !== undefined && now - data[1] < MONTH && now - data[0] > MONTH;
  const [from, to] = grows ? ['now-30d', 'now'] : ['', ''];
  const length = lengthOf(from, to, now, data) ?? 0;
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
  const base = baseOf(metric);
  const timezone = zoneFits(base, state.timezone) ? state.timezone : 'UTC';
  const names = fitting(base, timezone);
  const fits = state.granularity === 'all' || names.includes(state.granularity);
  return {
    metric: metric.name,
    measures: firstMeasure(metric),
    timezone,
    ...(fits ? {} : { granularity: names[0] }),
    filter: '',
    having: '',
    order_by: '',
    after: '',
    ...groupChanges([], state.params),
  };
}

/** Another range, and the granularity that suits it. */
export function toRange(
  state: ExploreState,
  metric: Metric | undefined,
  from: string,
  to: string,
  now: number,
): Changes {
  const { fits, length } = choicesOf(state, metric, now);
  const next = lengthOf(from, to, now, extentOf(metric));
  const granularity = nextGranularity(state.granularity, length, next, fits);
  return { from, to, granularity: granularity === 'all' ? '' : granularity, after: '' };
}

/** Another chart: a number is of the whole range, a line needs buckets. */
export function toChart(
  state: ExploreState,
  metric: Metric | undefined,
  chart: ChartKind,
  now: number,
): Changes {
  if (chart === 'number') {
    return { chart, ...granularityChanges('all'), granularity: '', totals: 'true' };
  }
  if (state.granularity !== 'all' || chart === 'bar' || chart === 'table') {
    return { chart };
  }
  const { fits, length } = choicesOf(state, metric, now);
  return { chart, ...granularityChanges(suggested(length ?? 0, fits)) };
}

/** A group was clicked. */
export function toGroup(state: ExploreState, group: Group, exclude: boolean): Changes {
  return { filter: writeFilter(picked(parseFilter(state.filter), group, exclude)) };
}
