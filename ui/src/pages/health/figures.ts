// Reads the text of /metrics (Prometheus' format) for the few figures that the status does not have.

export type Figures = ReadonlyMap<string, number>;

const LINE = /^([a-zA-Z_:][\w:]*)(\{[^}]*\})? (\S+)/;

/** Every figure by its name; those with labels by name and labels as they stand, and their sum by the name. */
export function readFigures(text: string): Figures {
  const figures = new Map<string, number>();
  for (const line of text.split('\n')) {
    const parts = LINE.exec(line);
    const value = Number(parts?.[3] ?? Number.NaN);
    if (parts === null || Number.isNaN(value)) {
      continue;
    }
    const [, name = '', labels] = parts;
    figures.set(name, (labels === undefined ? 0 : (figures.get(name) ?? 0)) + value);
    if (labels !== undefined) {
      figures.set(name + labels, value);
    }
  }
  return figures;
}

/** Hits among all look-ups of a cache, 0 to 1; undefined before the first one. */
export function hitShare(figures: Figures, cache: string): number | undefined {
  const hits = figures.get(`merganser_cache_hits_total{cache="${cache}"}`) ?? 0;
  const misses = figures.get(`merganser_cache_misses_total{cache="${cache}"}`) ?? 0;
  return hits + misses === 0 ? undefined : hits / (hits + misses);
}
