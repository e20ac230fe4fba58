// Pointer and keys on a plot: a cursor that reads the buckets, a drag that chooses some, a click on a group.
import type { RefObject } from 'preact';
import { useRef, useState } from 'preact/hooks';
import { bucketAt, isPiled, type Layout, type PlotKind, seriesAt } from './layout';
import type { ChartData, Series } from './series';

export interface InputProps {
  readonly data: ChartData;
  readonly kind: PlotKind;
  readonly cursor: number | undefined;
  readonly onCursor: (index: number | undefined) => void;
  /** Buckets `from` up to and with `to` were chosen. */
  readonly onZoom?: ((from: number, to: number) => void) | undefined;
  readonly onPick?: ((series: Series, exclude: boolean) => void) | undefined;
}

export interface PlotInput {
  /** The bucket at which the choice of a stretch began; the cursor is its other end. */
  readonly anchor: number | undefined;
  readonly dragging: boolean;
  readonly handlers: {
    readonly onPointerDown: (event: PointerEvent) => void;
    readonly onPointerMove: (event: PointerEvent) => void;
    readonly onPointerUp: (event: PointerEvent) => void;
    readonly onPointerCancel: () => void;
    readonly onPointerLeave: (event: PointerEvent) => void;
    readonly onKeyDown: (event: KeyboardEvent) => void;
    readonly onBlur: () => void;
  };
}

/** Pixels below which a drag is a click. */
const CLICK = 5;

export function usePlotInput(
  props: InputProps,
  layout: Layout,
  frame: RefObject<HTMLElement | null>,
): PlotInput {
  const { data, cursor, onCursor, onZoom } = props;
  const [anchor, setAnchor] = useState<number>();
  const [dragging, setDragging] = useState(false);
  const pressed = useRef<{ readonly x: number; readonly index: number }>(undefined);
  const zoom = (from: number | undefined, to: number | undefined) => {
    if (from !== undefined && to !== undefined) {
      onZoom?.(Math.min(from, to), Math.max(from, to));
    }
  };
  const stop = () => {
    pressed.current = undefined;
    setDragging(false);
    setAnchor(undefined);
  };
  const onPointerDown = (event: PointerEvent) => {
    const { x, index } = placeOf(event, frame, layout, data);
    if (event.button === 0 && index !== undefined) {
      pressed.current = { x, index };
      onCursor(index);
    }
  };
  const onPointerMove = (event: PointerEvent) => {
    const { x, index } = placeOf(event, frame, layout, data);
    onCursor(index);
    const start = pressed.current;
    if (start !== undefined && onZoom !== undefined && Math.abs(x - start.x) > CLICK && !dragging) {
      frame.current?.setPointerCapture(event.pointerId);
      setAnchor(start.index);
      setDragging(true);
    }
  };
  const onPointerUp = (event: PointerEvent) => {
    const place = placeOf(event, frame, layout, data);
    if (dragging) {
      zoom(anchor, place.index);
    } else if (pressed.current !== undefined && event.pointerType !== 'touch') {
      // A finger reads the values; it filters in the legend, where it hits what it means.
      pick(place, props, layout, event.altKey);
    }
    stop();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const next = nextCursor(event.key, cursor, data.buckets.length - 1);
    if (next !== undefined) {
      event.preventDefault();
      setAnchor(event.shiftKey ? (anchor ?? cursor ?? next) : undefined);
      onCursor(next);
    } else if (event.key === 'Enter' && anchor !== undefined) {
      event.preventDefault();
      setAnchor(undefined);
      zoom(anchor, cursor);
    } else if (event.key === 'Escape') {
      setAnchor(undefined);
      onCursor(undefined);
    }
  };
  const onPointerLeave = (event: PointerEvent) => {
    if (!dragging && event.pointerType !== 'touch') {
      onCursor(undefined);
    }
  };
  const onBlur = () => onCursor(undefined);
  const pointer = { onPointerDown, onPointerMove, onPointerUp, onPointerCancel: stop, onPointerLeave };
  return { anchor, dragging, handlers: { ...pointer, onKeyDown, onBlur } };
}

interface Place {
  readonly x: number;
  readonly y: number;
  readonly index: number | undefined;
}

function placeOf(
  event: PointerEvent,
  frame: RefObject<HTMLElement | null>,
  layout: Layout,
  data: ChartData,
): Place {
  const box = frame.current?.getBoundingClientRect();
  const [x, y] = [event.clientX - (box?.left ?? 0), event.clientY - (box?.top ?? 0)];
  return { x, y, index: bucketAt(layout, data, x) };
}

function pick(
  { y, index }: Place,
  { data, kind, onPick }: InputProps,
  layout: Layout,
  exclude: boolean,
): void {
  const near = index === undefined ? undefined : seriesAt(layout, isPiled(kind), index, y);
  const series = near === undefined ? undefined : data.series[near];
  if (series?.group !== undefined) {
    onPick?.(series, exclude);
  }
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
