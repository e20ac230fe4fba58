// One measure over time: marks, axes, a cursor that reads the buckets, and a brush that snaps to them.
import { useEffect, useId, useMemo, useRef, useState } from 'preact/hooks';
import { bucketAt, type Layout, layoutOf, middle, isPiled, type PlotKind, seriesAt } from './layout';
import { colorClass, Marks } from './marks';
import { round } from './paths';
import { CursorTip, spokenBucket } from './cursor';
import type { ChartData, Series } from './series';

export interface PlotProps {
  readonly data: ChartData;
  readonly measure: string;
  readonly kind: PlotKind;
  readonly whole: boolean;
  readonly left: number;
  readonly height: number;
  /** The series that is pointed at in the legend: the others fade. */
  readonly pointed?: string | undefined;
  readonly cursor: number | undefined;
  readonly onCursor: (index: number | undefined) => void;
  /** Buckets `from` up to and with `to` were chosen. */
  readonly onZoom?: ((from: number, to: number) => void) | undefined;
  readonly onPick?: ((series: Series, exclude: boolean) => void) | undefined;
}

/** Pixels below which a drag is a click. */
const CLICK = 5;

export function Plot(props: PlotProps) {
  const { data, measure, kind, height, whole, left, cursor, onCursor, onZoom, onPick, pointed } = props;
  const frame = useRef<HTMLDivElement>(null);
  const width = useWidth(frame);
  const hatch = useId();
  const layout = useMemo(
    () => layoutOf({ data, measure, kind, whole, left, size: { width, height } }),
    [data, measure, kind, whole, left, width, height],
  );
  const piled = isPiled(kind);
  const [anchor, setAnchor] = useState<number>();
  const pressed = useRef<{ x: number; y: number; index: number } | undefined>(undefined);
  const [dragging, setDragging] = useState(false);

  const at = (event: PointerEvent) => {
    const box = frame.current?.getBoundingClientRect();
    return { x: event.clientX - (box?.left ?? 0), y: event.clientY - (box?.top ?? 0) };
  };
  const onPointerDown = (event: PointerEvent) => {
    const { x, y } = at(event);
    const index = bucketAt(layout, data, x);
    if (event.button === 0 && index !== undefined) {
      pressed.current = { x, y, index };
      onCursor(index);
    }
  };
  const onPointerMove = (event: PointerEvent) => {
    const { x } = at(event);
    const index = bucketAt(layout, data, x);
    onCursor(index);
    const start = pressed.current;
    if (start !== undefined && onZoom !== undefined && Math.abs(x - start.x) > CLICK && !dragging) {
      frame.current?.setPointerCapture(event.pointerId);
      setAnchor(start.index);
      setDragging(true);
    }
  };
  const onPointerUp = (event: PointerEvent) => {
    const start = pressed.current;
    pressed.current = undefined;
    const { x, y } = at(event);
    const index = bucketAt(layout, data, x);
    if (dragging) {
      setDragging(false);
      setAnchor(undefined);
      if (anchor !== undefined && index !== undefined) {
        onZoom?.(Math.min(anchor, index), Math.max(anchor, index));
      }
    } else if (start !== undefined && index !== undefined && event.pointerType !== 'touch') {
      // A finger reads the values; it filters in the legend, where it hits what it means.
      const near = seriesAt(layout, piled, index, y);
      const series = near === undefined ? undefined : data.series[near];
      if (series?.group !== undefined) {
        onPick?.(series, event.altKey);
      }
    }
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const last = data.buckets.length - 1;
    const next = nextCursor(event.key, cursor, last);
    if (next !== undefined) {
      event.preventDefault();
      setAnchor(event.shiftKey ? (anchor ?? cursor ?? next) : undefined);
      onCursor(next);
    } else if (event.key === 'Enter' && anchor !== undefined && cursor !== undefined) {
      event.preventDefault();
      setAnchor(undefined);
      onZoom?.(Math.min(anchor, cursor), Math.max(anchor, cursor));
    } else if (event.key === 'Escape') {
      setAnchor(undefined);
      onCursor(undefined);
    }
  };
  const stop = () => {
    pressed.current = undefined;
    setDragging(false);
    setAnchor(undefined);
  };

  const fixed = useMemo(
    () => (
      <>
        <Axes layout={layout} data={data} />
        <Marks data={data} layout={layout} kind={kind} piled={piled} hatch={hatch} pointed={pointed} />
      </>
    ),
    [data, layout, kind, piled, hatch, pointed],
  );
  const shown = Math.min(cursor ?? data.buckets.length - 1, data.buckets.length - 1);
  return (
    <div
      ref={frame}
      class={dragging ? 'plot dragging' : 'plot'}
      role="slider"
      tabIndex={0}
      aria-label={`${measure} over time`}
      aria-orientation="horizontal"
      aria-valuemin={0}
      aria-valuemax={Math.max(0, data.buckets.length - 1)}
      aria-valuenow={Math.max(0, shown)}
      aria-valuetext={spokenBucket(data, measure, shown)}
      onPointerDown={onPointerDown}
      onPointerMove={onPointerMove}
      onPointerUp={onPointerUp}
      onPointerCancel={stop}
      onPointerLeave={(event) =>
        !dragging && event.pointerType !== 'touch' && onCursor(undefined)
      }
      onKeyDown={onKeyDown}
      onBlur={() => onCursor(undefined)}
    >
      <svg width={width} height={height} aria-hidden="true">
        <defs>
          <pattern
            id={hatch}
            width="6"
            height="6"
            patternUnits="userSpaceOnUse"
            patternTransform="rotate(45)"
          >
            <line class="hatch" x1="0" y1="0" x2="0" y2="6" />
          </pattern>
        </defs>
        {width > 0 && fixed}
        {cursor !== undefined && data.buckets[cursor] !== undefined && (
          <CursorMarks data={data} layout={layout} index={cursor} />
        )}
        {anchor !== undefined && cursor !== undefined && (
          <Brush data={data} layout={layout} from={anchor} to={cursor} />
        )}
      </svg>
      {cursor !== undefined && data.buckets[cursor] !== undefined && (
        <CursorTip data={data} measure={measure} index={cursor} layout={layout} />
      )}
    </div>
  );
}

function nextCursor(key: string, cursor: number | undefined, last: number): number | undefined {
  switch (key) {
    case 'ArrowRight':
      return cursor === undefined ? 0 : Math.min(last, cursor + 1);
    case 'ArrowLeft':
      return cursor === undefined ? last : Math.max(0, cursor - 1);
    case 'Home':
      return 0;
    case 'End':
      return last;
    default:
      return undefined;
  }
}

function useWidth(frame: { current: HTMLElement | null }): number {
  const [width, setWidth] = useState(0);
  useEffect(() => {
    const element = frame.current;
    if (element === null) {
      return;
    }
    setWidth(element.clientWidth);
    const observer = new ResizeObserver(() => setWidth(element.clientWidth));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  return width;
}

interface PartProps {
  readonly data: ChartData;
  readonly layout: Layout;
}

function Axes({ data, layout }: PartProps) {
  const { left, right, bottom, y } = layout;
  return (
    <g class="axes">
      {layout.valueTicks.map(({ value, label }) => (
        <g key={label}>
          <line class="grid" x1={left} x2={right} y1={round(y(value))} y2={round(y(value))} />
          <text x={left - 8} y={round(y(value))} dy="0.32em" text-anchor="end">
            {label}
          </text>
        </g>
      ))}
      {layout.timeTicks.map(({ index, label, major }) => (
        <text
          key={index}
          class={major ? 'major' : undefined}
          x={round(clamp(middle(layout, data, index), left + 4, right - 12))}
          y={bottom + 17}
          text-anchor="middle"
        >
          {label}
        </text>
      ))}
    </g>
  );
}

function clamp(value: number, low: number, high: number): number {
  return Math.max(low, Math.min(high, value));
}

function CursorMarks({ data, layout, index }: PartProps & { readonly index: number }) {
  const x = round(middle(layout, data, index));
  return (
    <g class="cursor">
      <line x1={x} x2={x} y1={layout.top} y2={layout.bottom} />
      {data.series.map((series, at) => {
        const span = layout.spans[at]?.[index];
        return span === null || span === undefined ? null : (
          <circle
            key={series.key}
            class={colorClass(series.color)}
            cx={x}
            cy={round(layout.y(span[1]))}
            r="3.5"
          />
        );
      })}
    </g>
  );
}

interface BrushProps extends PartProps {
  readonly from: number;
  readonly to: number;
}

function Brush({ data, layout, from, to }: BrushProps) {
  const first = data.buckets[Math.min(from, to)];
  const last = data.buckets[Math.max(from, to)];
  if (first === undefined || last === undefined) {
    return null;
  }
  const x = layout.x(first.at);
  return (
    <rect
      class="brush"
      x={round(x)}
      y={layout.top}
      width={round(layout.x(last.end) - x)}
      height={layout.bottom - layout.top}
    />
  );
}
