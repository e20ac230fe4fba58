// Paths of lines and areas, as the text of an SVG path. A gap in the values is a gap in the line.
import type { Span } from './stack';

export interface PathPoint {
  readonly x: number;
  readonly y: number;
}

/** Stretches of neighbouring points. `breaks` says whether a new one begins at an index. */
export function stretches<T>(
  points: readonly (T | null)[],
  breaks: (index: number) => boolean,
): [start: number, points: T[]][] {
  const found: [number, T[]][] = [];
  let current: T[] | undefined;
  points.forEach((point, index) => {
    if (point === null) {
      current = undefined;
      return;
    }
    if (current === undefined || breaks(index)) {
      current = [];
      found.push([index, current]);
    }
    current.push(point);
  });
  return found;
}

/** A line; a point without neighbours is left to `lonely`. */
export function linePath(
  points: readonly (PathPoint | null)[],
  breaks: (index: number) => boolean,
): string {
  return stretches(points, breaks)
    .filter(([, stretch]) => stretch.length > 1)
    .map(([, stretch]) => `M${stretch.map(at).join('L')}`)
    .join('');
}

/** Points without neighbours, which a line would not show. */
export function lonely(
  points: readonly (PathPoint | null)[],
  breaks: (index: number) => boolean,
): PathPoint[] {
  return stretches(points, breaks).flatMap(([, stretch]) => (stretch.length === 1 ? stretch : []));
}

/** The area between two edges of spans. */
export function areaPath(
  spans: readonly (Span | null)[],
  x: (index: number) => number,
  y: (value: number) => number,
  breaks: (index: number) => boolean,
): string {
  return stretches(spans, breaks)
    .filter(([, stretch]) => stretch.length > 1)
    .map(([start, stretch]) => {
      const edge = (side: 0 | 1) =>
        stretch.map((span, n) => at({ x: x(start + n), y: y(span[side]) }));
      return `M${edge(1).join('L')}L${edge(0).reverse().join('L')}Z`;
    })
    .join('');
}

export interface Box extends PathPoint {
  readonly width: number;
  readonly height: number;
}

/** Boxes beside each other. */
export function barsPath(boxes: readonly (Box | null)[]): string {
  return boxes
    .filter((box) => box !== null)
    .map((box) => `M${at(box)}h${round(box.width)}v${round(box.height)}h${round(-box.width)}z`)
    .join('');
}

function at({ x, y }: PathPoint): string {
  return `${round(x)},${round(y)}`;
}

/** Tenths of a pixel: what the eye can see, in few characters. */
export function round(pixel: number): number {
  return Math.round(pixel * 10) / 10;
}
