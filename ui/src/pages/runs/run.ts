// Batch runs, as the service describes them.
import { request } from '../../api';
import type { Decimal } from '../../json';

export type RunState = 'queued' | 'running' | 'publishing' | 'succeeded' | 'failed' | 'cancelled';

export interface Run {
  readonly id: string;
  readonly state: RunState;
  readonly mode: 'incremental' | 'full';
  readonly trigger: string;
  readonly metrics?: readonly string[];
  readonly backfill?: Decimal;
  readonly progress: Decimal;
  readonly step: string;
  readonly events: Decimal;
  readonly days: Decimal;
  readonly attempt?: Decimal;
  readonly scheduled_for?: string;
  readonly started_at: string | null;
  readonly ended_at: string | null;
  readonly error: string | null;
  readonly audit: { readonly compared: Decimal; readonly differences: Decimal } | null;
  readonly generation: Decimal | null;
}

export function isUnderWay(run: Run): boolean {
  return run.state === 'queued' || run.state === 'running' || run.state === 'publishing';
}

export function runPath(id: string): string {
  return `/v1/runs/${encodeURIComponent(id)}`;
}

/** Starts a run of all metrics or of some. */
export async function startRun(mode: Run['mode'], metrics?: readonly string[]): Promise<Run> {
  return (await request<Run>('/v1/runs', { method: 'POST', body: { mode, metrics } })).value;
}

/** How long it took, or has taken so far. */
export function tookMs(run: Run, now: number): number | undefined {
  if (run.started_at === null) {
    return undefined;
  }
  const end = run.ended_at === null ? now : Date.parse(run.ended_at);
  return Math.max(0, end - Date.parse(run.started_at));
}

/** What it was for, in words. */
export function purpose(run: Run): string {
  const names = run.metrics?.join(', ');
  if (run.backfill !== undefined) {
    return `backfill${names === undefined ? '' : ` of ${names}`}`;
  }
  return names === undefined ? run.mode : `${run.mode}, of ${names}`;
}
