// A dashboard's document, and everything about it that is decided without the browser.
import type { ChartKind } from '../../chart';
import type { Definition } from '../../catalog';
import { Decimal, type Json, type Writable, writeJson } from '../../json';
import { BUCKETS_MAX, fitting, lengthOf, rangeLabel, suggested } from '../../explore/range';
import { usualFill } from '../../explore/state';

/** Names and values as POST /v1/query takes them. */
export type Query = { readonly [name: string]: Json };

export interface BoardChart {
  readonly title?: string;
  readonly chart: ChartKind;
  /** Columns of the grid, of 12. */
  readonly width?: Decimal | number;
  /** Rows of the grid. */
  readonly height?: Decimal | number;
  readonly query: Query;
}

/** What holds for all charts that do not say otherwise themselves. */
export interface Shared {
  readonly from: string;
  readonly to: string;
  readonly timezone: string;
  readonly filter: string;
  readonly compare: string;
}

export type SharedName = keyof Shared;

export const SHARED: readonly SharedName[] = ['from', 'to', 'timezone', 'filter', 'compare'];

export interface Board extends Partial<Shared> {
  readonly title?: string;
  readonly description?: string;
  readonly charts: readonly BoardChart[];
}

export interface BoardSummary {
  readonly name: string;
  readonly title?: string;
  readonly charts: Decimal;
  readonly updated_at?: string;
}

export const WIDTH_MAX = 12;
export const HEIGHT_MAX = 8;
const WIDTH = 6;
const HEIGHT = 2;

export function widthOf(chart: BoardChart): number {
  return within(chart.width, WIDTH, WIDTH_MAX);
}

export function heightOf(chart: BoardChart): number {
  return within(chart.height, HEIGHT, HEIGHT_MAX);
}

function within(size: Decimal | number | undefined, fallback: number, most: number): number {
  const value = size instanceof Decimal ? size.approx() : (size ?? fallback);
  return Number.isFinite(value) ? Math.min(most, Math.max(1, Math.round(value))) : fallback;
}

/** The shared settings: what the address says, or else the document. */
export function sharedOf(board: Board, params: URLSearchParams): Shared {
  const value = (name: SharedName) => params.get(name) ?? board[name] ?? '';
  return {
    from: value('from'),
    to: value('to'),
    timezone: value('timezone'),
    filter: value('filter'),
    compare: value('compare'),
  };
}

/** The address with a setting; one that the document has anyway is left out. */
export function withShared(
  board: Board,
  params: URLSearchParams,
  changes: Partial<Shared>,
): URLSearchParams {
  const next = new URLSearchParams(params);
  for (const [name, value] of Object.entries(changes)) {
    if (value === (board[name as SharedName] ?? '')) {
      next.delete(name);
    } else {
      next.set(name, value);
    }
  }
  return next;
}

function text(value: Json | undefined): string {
  return value === undefined || value === null ? '' : String(value);
}

function both(first: string, second: string): string {
  return first === '' || second === '' ? first + second : `(${first}) AND (${second})`;
}

const OWN_FIRST = ['from', 'to', 'timezone', 'compare'] as const;
const TIMED: readonly ChartKind[] = ['line', 'area', 'stacked'];

/** Where a metric's events lie and what its buckets are: for charts whose granularity follows the range. */
export interface MetricExtent {
  readonly definition: Definition;
  readonly data: readonly [number, number] | undefined;
}

/**
 * A chart's query within a dashboard, as parameters of GET /v1/query. What a chart says itself goes before what
 * the dashboard says; filters hold both. A chart over time without a granularity gets the one that suits the
 * range; undefined while that needs the metric, which is not there yet.
 */
export function chartParams(
  chart: BoardChart,
  shared: Shared,
  metric: MetricExtent | undefined,
  now: number,
): URLSearchParams | undefined {
  const { query } = chart;
  const all: { [name: string]: string } = {};
  for (const [name, value] of Object.entries(query)) {
    all[name] = parameter(value);
  }
  for (const name of OWN_FIRST) {
    all[name] ||= shared[name];
  }
  all['filter'] = both(shared.filter, text(query['filter']));
  if (text(query['granularity']) === '' && TIMED.includes(chart.chart)) {
    if (metric === undefined) {
      return undefined;
    }
    Object.assign(all, granularityFor(all, metric, now));
  }
  return new URLSearchParams(Object.entries(all).filter(([, value]) => value !== ''));
}

function granularityFor(all: { readonly [name: string]: string }, metric: MetricExtent, now: number) {
  const names = fitting(metric.definition.granularity ?? 'minute', all['timezone'] || 'UTC');
  const length = lengthOf(all['from'] ?? '', all['to'] ?? '', now, metric.data) ?? 0;
  const granularity = suggested(length, names, Math.min(BUCKETS_MAX, 200));
  return { granularity, fill: all['fill'] || usualFill(all['having'] ?? '') };
}

/** A value of a document as the text of a parameter: lists with commas, positions as 0:12,1:7. */
function parameter(value: Json): string {
  if (Array.isArray(value)) {
    return value.map(text).join(',');
  }
  if (value !== null && typeof value === 'object' && !(value instanceof Decimal)) {
    return Object.entries(value)
      .map(([partition, offset]) => `${partition}:${text(offset)}`)
      .join(',');
  }
  return text(value);
}

const LISTS = ['measures', 'group_by', 'order_by'];
const NUMBERS = ['limit', 'offset', 'group_limit'];
const FLAGS = ['totals', 'other', 'limit_per_bucket'];
const NOT_STORED = ['chart', 'live', 'after'];

/** Explore's parameters as a document's query, without what the dashboard shares. */
export function queryDocument(params: URLSearchParams, leaveOut: readonly string[] = []): Query {
  const query: { [name: string]: Json } = {};
  for (const [name, value] of params) {
    if (NOT_STORED.includes(name) || leaveOut.includes(name)) {
      continue;
    }
    if (LISTS.includes(name)) {
      query[name] = value.split(',').filter((item) => item !== '');
    } else if (NUMBERS.includes(name) && /^\d+$/.test(value)) {
      query[name] = new Decimal(value);
    } else {
      query[name] = FLAGS.includes(name) ? value === 'true' : value;
    }
  }
  return query;
}

/** The list with the item at `from` moved to `to`, as far as there is a place. */
export function moved<T>(list: readonly T[], from: number, to: number): readonly T[] {
  const item = list[from];
  if (item === undefined || to < 0 || to >= list.length) {
    return list;
  }
  const rest = list.filter((_, at) => at !== from);
  return [...rest.slice(0, to), item, ...rest.slice(to)];
}

/** The chart with another size, within the grid. */
export function resized(chart: BoardChart, wider: number, taller: number): BoardChart {
  return {
    ...chart,
    width: within(widthOf(chart) + wider, WIDTH, WIDTH_MAX),
    height: within(heightOf(chart) + taller, HEIGHT, HEIGHT_MAX),
  };
}

/** As in the style sheet. */
export const ROW_PX = 160;
export const GAP_PX = 14;
/** Title, provenance and paddings of a card. */
const FRAME_PX = 80;
const [TILE_PX, PLOT_PX, NAME_PX, LINE_PX] = [72, 190, 40, 34];

/** The rows of the grid that a chart needs to show all of itself, as far as there are so many. */
export function fittingHeight(chart: ChartKind, timed: boolean, measures: number, rows: number): number {
  const count = Math.max(1, measures);
  const list = rows * LINE_PX + (count > 1 ? NAME_PX : 0);
  const content =
    chart === 'number'
      ? count * TILE_PX
      : chart === 'table'
        ? (rows + 2) * LINE_PX
        : timed
          ? NAME_PX + count * PLOT_PX + (count - 1) * 2 * GAP_PX
          : count * list;
  const least = chart === 'number' ? 1 : 2;
  const height = Math.ceil((content + FRAME_PX + GAP_PX) / (ROW_PX + GAP_PX));
  return Math.min(HEIGHT_MAX, Math.max(least, height));
}

/** What a chart says itself about range, zone and comparison where its dashboard says otherwise. */
export function ownSettings({ query }: BoardChart, shared: Shared): string[] {
  const own = (name: SharedName) => text(query[name]) || shared[name];
  const differs = (name: SharedName) => own(name) !== shared[name];
  return [
    differs('from') || differs('to') ? rangeLabel(own('from'), own('to')) : '',
    differs('timezone') ? own('timezone').replaceAll('_', ' ') : '',
    differs('compare') ? `compared with ${own('compare').replace('_', ' ')}` : '',
  ].filter((part) => part !== '');
}

/** The dashboard with a chart put at a place, or at its end. */
export function withChart(board: Board, chart: BoardChart, at?: number): Board {
  return {
    ...board,
    charts:
      at === undefined || at >= board.charts.length
        ? [...board.charts, chart]
        : board.charts.map((old, place) =>
            place === at ? { ...old, chart: chart.chart, query: chart.query } : old,
          ),
  };
}

/** What a chart is called: its title, or else what it shows. */
export function titleOf({ title, query }: BoardChart): string {
  if (title !== undefined && title !== '') {
    return title;
  }
  const list = (name: string) => (Array.isArray(query[name]) ? (query[name] as Json[]).map(text) : []);
  const what = list('measures').join(', ') || text(query['metric']);
  const groups = list('group_by').join(', ');
  return groups === '' ? what : `${what} by ${groups}`;
}

/** The document for people, its fields in the order in which they are described. */
export function boardText(board: Board): string {
  const { title, description, from, to, timezone, filter, compare, charts, ...rest } = board;
  const ordered = { title, description, from, to, timezone, filter, compare, ...rest };
  return `${writeJson({ ...ordered, charts: (charts ?? []).map(chartFields) } as Writable, '  ')}\n`;
}

function chartFields({ title, chart, width, height, query, ...rest }: BoardChart) {
  const { metric, ...others } = query ?? {};
  return { title, chart, width, height, query: { metric, ...others }, ...rest };
}

const NAME = /^[a-z][a-z0-9_-]{0,63}$/;

export function isBoardName(name: string): boolean {
  return NAME.test(name);
}

/** A name that is like a title. */
export function boardName(title: string): string {
  const plain = title
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^[^a-z]+|-+$/g, '')
    .slice(0, 64);
  return plain === '' ? 'dashboard' : plain;
}
