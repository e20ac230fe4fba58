// One measure over time: marks, axes, a cursor that reads the buckets, and a brush that snaps to them.
import type { RefObject } from 'preact';
import { useEffect, useId, useMemo, useRef, useState } from 'preact/hooks';
import { Axes, Brush, CursorMarks } from './axes';
import { CursorTip, spokenBucket } from './cursor';
import { type InputProps, usePlotInput } from './input';
import { isPiled, layoutOf } from './layout';
import { Marks } from './marks';

export interface PlotProps extends InputProps {
  readonly measure: string;
  readonly whole: boolean;
  readonly left: number;
  readonly height: number;
  /** The series that is pointed at in the legend: the others fade. */
  readonly pointed?: string | undefined;
}

export function Plot(props: PlotProps) {
  const { data, measure, kind, height, whole, left, cursor, pointed } = props;
  const frame = useRef<HTMLDivElement>(null);
  const width = useWidth(frame);
  const hatch = useId();
  const layout = useMemo(
    () => layoutOf({ data, measure, kind, whole, left, size: { width, height } }),
    [data, measure, kind, whole, left, width, height],
  );
  const { anchor, dragging, handlers } = usePlotInput(props, layout, frame);
  const piled = isPiled(kind);
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
      {...handlers}
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
        <CursorTip data={data} measure={measure} index={cursor} layout={layout} piled={piled} />
      )}
    </div>
  );
}

function useWidth(frame: RefObject<HTMLElement | null>): number {
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
