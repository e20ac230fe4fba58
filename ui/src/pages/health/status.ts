// What /v1/status says.
import type { Decimal } from '../../json';

type Position = { readonly [partition: string]: Decimal };

export interface MetricStatus {
  readonly name: string;
  readonly version: Decimal;
  readonly lag_ms: Decimal;
  readonly behind: Decimal;
  readonly boundary?: { readonly epoch?: Decimal; readonly offset?: Decimal };
}

export interface Status {
  readonly version: string;
  readonly started_at: string;
  readonly uptime_s: Decimal;
  readonly generation: Decimal;
  readonly published_at?: string;
  readonly backlog: { readonly events: Decimal; readonly max_events: Decimal; readonly covered_per_second: Decimal };
  readonly events: { readonly accepted: Decimal; readonly per_second: Decimal };
  readonly journal: {
    readonly id: string;
    readonly position: Position;
    readonly start: Position;
    readonly size_bytes: Decimal;
  };
  readonly disk: { readonly used_bytes: Decimal };
  readonly cache_bytes: Decimal;
  readonly query_memory: { readonly limit_bytes: Decimal; readonly taken_bytes: Decimal };
  readonly speed_store: {
    readonly kind: string;
    readonly state: 'ok' | 'failing';
    readonly lag_ms: Decimal;
    readonly failing_since: string | null;
    readonly reason: string | null;
  };
  readonly metrics: readonly MetricStatus[];
  readonly next_runs: { readonly incremental: string | null; readonly full: string | null };
}

/** The next offset of each partition, as 0:336776. */
export function positionText(position: Position): string {
  return Object.entries(position)
    .map(([partition, offset]) => `${partition}:${offset}`)
    .join(', ');
}
