// The shape of an answer of /v1/query.
import type { Decimal, Json } from './json';

export interface AnswerColumn {
  readonly name: string;
  readonly type: 'timestamp' | 'text' | 'integer' | 'decimal';
}

export type Values = { readonly [name: string]: Decimal | string | null };

export type AnswerRow = { readonly [name: string]: Json };

export interface BucketPart {
  readonly time: string;
  readonly from: string;
  readonly to: string;
}

export interface Provenance {
  readonly generation: Decimal;
  readonly metric_version: Decimal;
  readonly complete: boolean;
  readonly missing: readonly string[];
  readonly batch: { readonly events: Decimal; readonly published_at: string };
  readonly speed: {
    readonly events: Decimal;
    readonly through: { readonly [partition: string]: Decimal };
    readonly reach?: { readonly [partition: string]: Decimal };
    readonly behind_events: Decimal;
    readonly lag_ms: Decimal;
  };
  readonly approximate: {
    readonly [measure: string]: { readonly method?: string; readonly relative_error?: Decimal };
  };
  readonly open_bucket: string | null;
  readonly partial_buckets: readonly BucketPart[];
  readonly widened_buckets?: readonly { readonly from: string; readonly to: string }[];
}

export interface Answer {
  readonly metric: string;
  readonly from: string | null;
  readonly to: string | null;
  readonly granularity: string;
  readonly timezone: string;
  readonly window?: string;
  readonly compare?: {
    readonly kind: string;
    readonly from: string;
    readonly to: string;
    readonly partial_buckets: readonly BucketPart[];
  };
  readonly columns: readonly AnswerColumn[];
  readonly rows: readonly AnswerRow[];
  readonly total_rows: Decimal;
  /** One merge over every group and bucket, with `totals=true`. */
  readonly totals?: AnswerRow;
  /** One merge a bucket of what is not in `rows`, with `other=true`. */
  readonly other?: readonly AnswerRow[];
  readonly warnings?: readonly string[];
  readonly provenance: Provenance;
}

/** The dimensions of a query as it stands in an address. */
export function groupsOf(query: string): string[] {
  const groups = new URLSearchParams(query).get('group_by') ?? '';
  return groups.split(',').filter((name) => name !== '');
}

/** The measures of an answer, in its order: what is neither time nor a dimension. Some are texts. */
export function measuresOf(answer: Answer, groupBy: readonly string[]): AnswerColumn[] {
  return answer.columns.filter(({ name }) => name !== 'time' && !groupBy.includes(name));
}

export function isNumber({ type }: AnswerColumn): boolean {
  return type === 'integer' || type === 'decimal';
}
