// What is drawn: lines, areas, bars, and the bucket that can still grow.
import type { ChartData, Series } from './series';
import { type Layout, middle, type PlotKind } from './layout';
import { areaPath, barsPath, type Box, linePath, lonely, type PathPoint, round } from './paths';
import type { Span } from './stack';
import type { Bucket } from './time';

interface MarksProps {
  readonly data: ChartData;
  readonly layout: Layout;
  readonly kind: PlotKind;
  readonly piled: boolean;
  readonly hatch: string;
  readonly pointed?: string | undefined;
}

/** The colour of a series, faded where another one is pointed at. */
function markClass({ key, color }: Series, pointed: string | undefined): string {
  const faded = pointed !== undefined && pointed !== key;
  return faded ? `${colorClass(color)} faded` : colorClass(color);
}

export function colorClass(color: number): string {
  return `series-${color}`;
}

export function Marks(props: MarksProps) {
  const { data, kind, layout } = props;
  return (
    <g>
      {data.buckets.filter((bucket) => isUnfinished(data, bucket.time)).map((bucket) => (
        <Hatched key={bucket.time} {...props} bucket={bucket} />
      ))}
      {kind === 'bar' ? <Bars {...props} /> : <Lines {...props} />}
      <line class="zero" x1={layout.left} x2={layout.right} y1={layout.y(0)} y2={layout.y(0)} />
      {data.series.map((series, index) => (
        <Compared key={series.key} {...props} series={series} at={index} />
      ))}
    </g>
  );
}

/** A bucket that can still grow, or of which only a part was asked for. */
function isUnfinished(data: ChartData, time: string): boolean {
  return time === data.openBucket || data.partial.has(time);
}

function Hatched({ bucket, layout, hatch }: MarksProps & { readonly bucket: Bucket }) {
  const from = layout.x(bucket.at);
  return (
    <rect
      class="unfinished"
      x={round(from)}
      y={layout.top}
      width={round(Math.max(2, layout.x(bucket.end) - from))}
      height={layout.bottom - layout.top}
      fill={`url(#${hatch})`}
    />
  );
}

function Lines({ data, layout, kind, piled, pointed }: MarksProps) {
  const breaks = (index: number) => data.buckets[index]?.follows === false;
  const x = (index: number) => middle(layout, data, index);
  return (
    <>
      {data.series.map((series, at) => {
        const spans = layout.spans[at] ?? [];
        const points = spans.map((span, index) => pointOf(span, x(index), layout));
        const filled = kind === 'area' || piled;
        return (
          <g key={series.key} class={markClass(series, pointed)}>
            {filled && (
              <path class={piled ? 'area piled' : 'area'} d={areaPath(spans, x, layout.y, breaks)} />
            )}
            <path class="line" d={linePath(points, breaks)} />
            {lonely(points, breaks).map((point) => (
              <circle key={point.x} class="dot" cx={round(point.x)} cy={round(point.y)} r="2.5" />
            ))}
          </g>
        );
      })}
    </>
  );
}

function pointOf(span: Span | null, x: number, layout: Layout): PathPoint | null {
  return span === null ? null : { x, y: layout.y(span[1]) };
}

/** One path a series: hundreds of rectangles would cost more than they show. */
function Bars({ data, layout, hatch, pointed }: MarksProps) {
  return (
    <>
      {data.series.map((series, at) => {
        const bars = (layout.spans[at] ?? []).map((span, index) => barOf(span, index, data, layout));
        const unfinished = bars.filter((_, index) =>
          isUnfinished(data, data.buckets[index]?.time ?? ''),
        );
        return (
          <g key={series.key} class={markClass(series, pointed)}>
            <path class="bar" d={barsPath(bars)} />
            {unfinished.length > 0 && <path d={barsPath(unfinished)} fill={`url(#${hatch})`} />}
          </g>
        );
      })}
    </>
  );
}

const GAP = 1;

function barOf(span: Span | null, index: number, data: ChartData, layout: Layout): Box | null {
  const bucket = data.buckets[index];
  if (span === null || bucket === undefined || span[0] === span[1]) {
    return null;
  }
  const [from, to] = [layout.x(bucket.at), layout.x(bucket.end)];
  const room = to - from > 4 ? to - from - GAP * (to - from > 12 ? 3 : 1) : to - from;
  const [top, foot] = [layout.y(Math.max(...span)), layout.y(Math.min(...span))];
  return {
    x: from + (to - from - room) / 2,
    y: top,
    width: Math.max(0.8, room),
    height: Math.max(0.5, foot - top),
  };
}

interface ComparedProps extends MarksProps {
  readonly series: Series;
  readonly at: number;
}

function Compared({ data, layout, piled, series, at, pointed }: ComparedProps) {
  const values = layout.compared[at] ?? [];
  if (piled && data.series.length > 1) {
    return null;
  }
  const breaks = (index: number) => data.buckets[index]?.follows === false;
  const points = values.map((value, index) =>
    value === null ? null : { x: middle(layout, data, index), y: layout.y(value) },
  );
  const many = data.series.length > 1 ? 'many ' : '';
  return <path class={`compared ${many}${markClass(series, pointed)}`} d={linePath(points, breaks)} />;
}
