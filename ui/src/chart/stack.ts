// Stacking: values above zero pile upwards, those below downwards; what is missing adds nothing.

export type Span = readonly [from: number, to: number];

/** For each series the span of each bucket; null where the series has no value. */
export function stack(series: readonly (readonly (number | null)[])[]): (Span | null)[][] {
  const up: number[] = [];
  const down: number[] = [];
  return series.map((values) =>
    values.map((value, index) => {
      if (value === null) {
        return null;
      }
      const pile = value < 0 ? down : up;
      const from = pile[index] ?? 0;
      pile[index] = from + value;
      return [from, from + value] as const;
    }),
  );
}

/** The lowest and highest value of spans, zero included. */
export function extentOf(spans: Iterable<Span | null>): [number, number] {
  let low = 0;
  let high = 0;
  for (const span of spans) {
    if (span !== null) {
      low = Math.min(low, span[0], span[1]);
      high = Math.max(high, span[0], span[1]);
    }
  }
  return [low, high];
}
