// Keys, as the service describes them, and the form's fields as what it takes.
import type { Decimal } from '../../json';

export type Role = 'ingest' | 'read' | 'admin';

export interface Key {
  readonly id: string;
  readonly role: Role;
  /** Its text; only in the answer that made it. */
  readonly key?: string;
  readonly note?: string | null;
  readonly metrics?: readonly string[] | null;
  readonly filter?: string | null;
  readonly set?: { readonly [property: string]: string } | null;
  readonly requests_per_s?: Decimal | null;
  readonly created_at: string;
  readonly expires_at?: string | null;
}

export interface KeyForm {
  readonly role: Role;
  readonly note: string;
  readonly expires: string;
  readonly metrics: readonly string[];
  readonly filter: string;
  /** Properties that are fixed: a line each, as `tenant=acme`. */
  readonly set: string;
  readonly rate: string;
}

export const EMPTY_FORM: KeyForm = {
  role: 'read',
  note: '',
  expires: '',
  metrics: [],
  filter: '',
  set: '',
  rate: '',
};

/** The form as the body of a request; fields that the role does not have are left out. */
export function keyRequest(form: KeyForm) {
  const reader = form.role === 'read';
  return {
    role: form.role,
    note: form.note.trim() || undefined,
    expires: form.expires.trim() || undefined,
    metrics: reader && form.metrics.length > 0 ? form.metrics : undefined,
    filter: (reader && form.filter.trim()) || undefined,
    set: form.role === 'ingest' ? properties(form.set) : undefined,
    requests_per_s: form.rate === '' ? undefined : Number(form.rate),
  };
}

/** Lines of `name=value`; undefined if there are none. A line without `=` is a name without a value. */
export function properties(text: string): { [name: string]: string } | undefined {
  const entries = text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .map((line): [string, string] => {
      const at = line.indexOf('=');
      return at < 0 ? [line, ''] : [line.slice(0, at).trim(), line.slice(at + 1).trim()];
    });
  return entries.length === 0 ? undefined : Object.fromEntries(entries);
}

/** What a key is bound to, in a line each. */
export function scopeLines(key: Key): string[] {
  return [
    ...(key.metrics ? [`metrics: ${key.metrics.join(', ')}`] : []),
    ...(key.filter ? [`filter: ${key.filter}`] : []),
    ...Object.entries(key.set ?? {}).map(([name, value]) => `sets ${name} = ${value}`),
    ...(key.requests_per_s ? [`${key.requests_per_s} requests/s`] : []),
  ];
}
