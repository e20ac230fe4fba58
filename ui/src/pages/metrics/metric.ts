// A metric with all that the service says of one.
import type { Definition, Metric } from '../../catalog';
import type { Decimal } from '../../json';

export interface Omission {
  readonly use: string;
  readonly kind: string;
  readonly property?: string;
  readonly count?: Decimal;
  readonly example?: { readonly json?: string; readonly type?: string };
}

export interface MetricDetail extends Metric {
  readonly boundary?: { readonly epoch?: Decimal; readonly offset?: Decimal };
  readonly omissions?: readonly Omission[];
  /** A newer version that does not answer yet. */
  readonly next?: {
    readonly version: Decimal;
    readonly progress?: Decimal;
    readonly definition?: Definition;
  };
}

export function metricUrl(name: string): string {
  return `/v1/metrics/${encodeURIComponent(name)}`;
}
