// Where things stand in a plot of a given size.
import { linear, type Scale } from './scale';
import { approx, type ChartData, compared, type Series, valueOf } from './series';
import { extentOf, type Span, stack } from './stack';
import { type Tick, type TimeTick, timeTicks, valueTicks } from './ticks';

export type PlotKind = 'line' | 'area' | 'stacked' | 'bar';

export interface Size {
  readonly width: number;
  readonly height: number;
}

export interface Layout {
  readonly size: Size;
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
  /** From instants to pixels. */
  readonly x: Scale;
  readonly y: Scale;
  readonly valueTicks: readonly Tick[];
  readonly timeTicks: readonly TimeTick[];
  /** For each series the span of each bucket; null where there is no value. */
  readonly spans: readonly (readonly (Span | null)[])[];
  /** The compared values, as spans from zero. */
  readonly compared: readonly (readonly (number | null)[])[];
}

const TOP = 10;
const BOTTOM = 24;
const RIGHT = 10;
const CHARACTER = 7.2;
const TICK_WIDTH = 84;
const TICK_HEIGHT = 52;

/** The middle of a bucket, where its value and its label stand. */
export function middle(layout: Layout, data: ChartData, index: number): number {
  const bucket = data.buckets[index];
  return bucket === undefined ? 0 : layout.x((bucket.at + bucket.end) / 2);
}

/** The bucket at a pixel, the nearest one where there is none. */
export function bucketAt(layout: Layout, data: ChartData, pixel: number): number | undefined {
  const at = layout.x.invert(pixel);
  let best: number | undefined;
  let nearest = Number.POSITIVE_INFINITY;
  data.buckets.forEach((bucket, index) => {
    const distance = at < bucket.at ? bucket.at - at : at >= bucket.end ? at - bucket.end + 1 : 0;
    if (distance < nearest) {
      nearest = distance;
      best = index;
    }
  });
  return best;
}

export interface LayoutInput {
  readonly data: ChartData;
  readonly measure: string;
  readonly kind: PlotKind;
  readonly size: Size;
  /** Whether the measure's values are whole numbers, which have no tick between two of them. */
  readonly whole: boolean;
  /** Where the plot begins, for panels that stand one above the other; as far left as its labels let it. */
  readonly left?: number | undefined;
}

/** Whether the groups of a bucket lie one on the other. */
export function isPiled(kind: PlotKind): boolean {
  return kind === 'stacked' || kind === 'bar';
}

export function layoutOf({ data, measure, kind, size, whole, ...input }: LayoutInput): Layout {
  const values = data.series.map((series) => valuesOf(series, measure));
  const earlier = data.series.map((series) => series.rows.map((row) => approx(compared(row, measure))));
  const spans = isPiled(kind)
    ? stack(values)
    : values.map((row) => row.map((value) => (value === null ? null : ([0, value] as const))));
  const [low, high] = extentOf([
    ...spans.flat(),
    ...earlier.flat().map((value) => (value === null ? null : ([0, value] as const))),
  ]);
  const yTicks = valueTicks(low, high, Math.max(2, Math.round(size.height / TICK_HEIGHT)), whole);
  // Below zero the axis ends with the values: a whole step for a few minutes less than nothing would be waste.
  const step = (yTicks[1]?.value ?? 1) - (yTicks[0]?.value ?? 0);
  const foot = low < 0 ? Math.max(yTicks[0]?.value ?? low, low - step / 4) : 0;
  const shownTicks = yTicks.filter(({ value }) => value >= foot);
  const own = 8 + CHARACTER * Math.max(1, ...shownTicks.map((tick) => tick.label.length));
  const left = Math.max(own, input.left ?? 0);
  const right = Math.max(left + 20, size.width - RIGHT);
  const bottom = size.height - BOTTOM;
  const first = data.buckets[0]?.at ?? 0;
  const last = data.buckets.at(-1)?.end ?? 1;
  const most = Math.max(2, Math.floor((right - left) / TICK_WIDTH));
  return {
    size,
    left,
    right,
    top: TOP,
    bottom,
    x: linear([first, last], [left, right]),
    y: linear([foot, yTicks.at(-1)?.value ?? 1], [bottom, TOP]),
    valueTicks: shownTicks,
    timeTicks: timeTicks(data.buckets, data.granularity, most, new Date().getFullYear()),
    spans,
    compared: earlier,
  };
}

function valuesOf(series: Series, measure: string): (number | null)[] {
  return series.rows.map((row) => approx(valueOf(row, measure)));
}

/** The series whose mark is at, or nearest to, a pixel of a bucket; undefined if none is near. */
export function seriesAt(
  layout: Layout,
  piled: boolean,
  index: number,
  pixel: number,
): number | undefined {
  const REACH = 24;
  let best: number | undefined;
  let nearest = REACH;
  layout.spans.forEach((spans, at) => {
    const span = spans[index];
    if (span === null || span === undefined) {
      return;
    }
    const [from, to] = [layout.y(span[0]), layout.y(span[1])];
    const inside = pixel >= Math.min(from, to) && pixel <= Math.max(from, to);
    const distance = piled && inside ? 0 : Math.abs(pixel - to);
    if (distance < nearest) {
      nearest = distance;
      best = at;
    }
  });
  return best;
}
