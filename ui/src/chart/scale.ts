// From values to pixels. Doubles are good enough for a position, and are used for nothing else.

export interface Scale {
  (value: number): number;
  readonly invert: (pixel: number) => number;
}

/** A line through two points; a domain without extent maps to the middle. */
export function linear(
  [from, to]: readonly [number, number],
  [start, end]: readonly [number, number],
): Scale {
  const extent = to - from;
  const scale = (value: number) =>
    extent === 0 ? (start + end) / 2 : start + ((value - from) / extent) * (end - start);
  return Object.assign(scale, {
    invert: (pixel: number) =>
      end === start ? from : from + ((pixel - start) / (end - start)) * extent,
  });
}
