// The metrics that the reader may see, asked for once and kept for all pages.
import { signal } from '@preact/signals';
import { get } from './api';
import type { Decimal } from './json';

export interface MeasureDefinition {
  readonly kind: string;
  readonly of?: string;
  readonly q?: Decimal;
  readonly expr?: string;
  readonly type?: string;
  readonly filter?: string;
}

export type DimensionDefinition =
  | string
  | { readonly name: string; readonly property?: string; readonly expr?: string };

export interface Definition {
  readonly name?: string;
  readonly description?: string;
  readonly event: string | readonly string[];
  readonly filter?: string;
  readonly granularity?: 'minute' | 'hour' | 'day';
  readonly dimensions?: readonly DimensionDefinition[];
  readonly measures: { readonly [name: string]: MeasureDefinition };
}

export interface Metric {
  readonly name: string;
  readonly version: Decimal;
  readonly state: 'active' | 'backfilling';
  readonly progress?: Decimal;
  readonly description?: string | null;
  readonly definition: Definition;
  /** What concerns all tenants together is left out for readers who are bound to a filter. */
  readonly groups?: { readonly batch?: Decimal; readonly speed?: Decimal };
  readonly type_mismatches?: Decimal;
  readonly first_bucket?: string | null;
  readonly last_bucket?: string | null;
  readonly warnings?: readonly string[];
}

/** Undefined until they are there. */
export const metrics = signal<readonly Metric[] | undefined>(undefined);

let asked: Promise<readonly Metric[]> | undefined;

/** The list of metrics; `anew` after a definition changed. */
export function loadMetrics(anew = false): Promise<readonly Metric[]> {
  if (asked === undefined || anew) {
    asked = get<{ metrics: readonly Metric[] }>('/v1/metrics').then(
      (list) => {
        metrics.value = list.metrics;
        return list.metrics;
      },
      (error) => {
        asked = undefined;
        throw error;
      },
    );
  }
  return asked;
}

/** Another reader may see others. */
export function forgetMetrics(): void {
  asked = undefined;
  metrics.value = undefined;
}

/** One metric with its first and last bucket. */
export function loadMetric(name: string, signal?: AbortSignal): Promise<Metric> {
  return get<Metric>(`/v1/metrics/${encodeURIComponent(name)}`, signal);
}

export function dimensionNames(definition: Definition | undefined): string[] {
  return (definition?.dimensions ?? []).map((dimension) =>
    typeof dimension === 'string' ? dimension : dimension.name,
  );
}

/** Whether values of groups or buckets may be added up and mean something. */
export function isAdditive(definition: Definition | undefined, measure: string): boolean {
  const kind = definition?.measures[measure]?.kind;
  return kind === 'count' || kind === 'sum';
}
