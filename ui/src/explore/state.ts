// The state of Explore is the address, with the names of /v1/query; `chart` and `live` are the page's own.
import { CHART_KINDS, type ChartKind } from '../chart';
import { readable } from '../router';

/** Names in the order in which the address has them. What is not known is kept, for the service to judge. */
const ORDER = [
  'metric',
  'measures',
  'group_by',
  'filter',
  'having',
  'from',
  'to',
  'granularity',
  'timezone',
  'compare',
  'fill',
  'window',
  'order_by',
  'group_limit',
  'other',
  'totals',
  'limit',
  'offset',
  'limit_per_bucket',
  'partial',
  'after',
] as const;

const OWN = ['chart', 'live'] as const;

export type ParameterName = (typeof ORDER)[number] | (typeof OWN)[number];

export type Changes = { readonly [name in ParameterName]?: string | undefined };

export interface ExploreState {
  readonly metric: string;
  /** As they were asked for; empty for all. */
  readonly measures: readonly string[];
  readonly groupBy: readonly string[];
  readonly filter: string;
  readonly from: string;
  readonly to: string;
  readonly granularity: string;
  readonly timezone: string;
  readonly compare: string;
  readonly chart: ChartKind;
  readonly live: boolean;
  readonly params: URLSearchParams;
}

export function readState(params: URLSearchParams): ExploreState {
  const text = (name: ParameterName) => params.get(name) ?? '';
  const list = (name: ParameterName) => text(name).split(',').filter((item) => item !== '');
  const granularity = text('granularity') || 'all';
  return {
    metric: text('metric'),
    measures: list('measures'),
    groupBy: list('group_by'),
    filter: text('filter'),
    from: text('from'),
    to: text('to'),
    granularity,
    timezone: text('timezone') || 'UTC',
    compare: text('compare'),
    chart: chartOf(text('chart'), granularity, list('group_by').length),
    live: text('live') === 'true',
    params,
  };
}

/** The chart that was chosen, or the one that suits what is asked for. */
function chartOf(chosen: string, granularity: string, groups: number): ChartKind {
  const known = CHART_KINDS.find((kind) => kind === chosen);
  return known ?? (granularity !== 'all' ? 'line' : groups > 0 ? 'bar' : 'number');
}

/** The parameters with changes, in their order; an empty text takes one away. */
export function withChanges(params: URLSearchParams, changes: Changes): URLSearchParams {
  const all = new Map(params);
  for (const [name, value] of Object.entries(changes)) {
    if (value === undefined || value === '') {
      all.delete(name);
    } else {
      all.set(name, value);
    }
  }
  const known: readonly string[] = [...ORDER, ...OWN];
  const unknown = [...all.keys()].filter((name) => !known.includes(name));
  const ordered = [...ORDER, ...unknown, ...OWN].filter((name) => all.has(name));
  return new URLSearchParams(ordered.map((name) => [name, all.get(name) ?? '']));
}

/** The part of the address that /v1/query is asked with. */
export function queryOf(params: URLSearchParams, leaveOut: readonly ParameterName[] = []): string {
  const left: readonly string[] = [...OWN, ...leaveOut];
  return readable(new URLSearchParams([...params].filter(([name]) => !left.includes(name))));
}

/** What other parameters follow from a choice of groups. */
export function groupChanges(groupBy: readonly string[], params: URLSearchParams): Changes {
  if (groupBy.length === 0) {
    return { group_by: '', group_limit: '', other: '', limit_per_bucket: '' };
  }
  const limit = params.get('group_limit') ?? GROUP_LIMIT;
  return { group_by: groupBy.join(','), group_limit: limit, other: params.get('other') ?? 'true' };
}

export const GROUP_LIMIT = '8';

/** What other parameters follow from a choice of granularity. */
export function granularityChanges(granularity: string, having = ''): Changes {
  return granularity === 'all'
    ? { granularity, fill: '', window: '' }
    : { granularity, fill: usualFill(having) };
}

/** Buckets that a condition leaves out are not zero: they are gaps. */
export function usualFill(having: string): string {
  return having === '' ? 'zero' : 'null';
}

/** Another condition, and the usual fill with it, unless another one was chosen. */
export function havingChanges(having: string, params: URLSearchParams): Changes {
  const usual = params.get('fill') === usualFill(params.get('having') ?? '');
  return usual ? { having, fill: usualFill(having) } : { having };
}
