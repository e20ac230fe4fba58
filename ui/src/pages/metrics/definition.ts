// The text of a definition, and what the service says of it.
import { Problem, request, withParams } from '../../api';
import type { Answer } from '../../answer';
import type { Definition, Metric } from '../../catalog';
import { type Decimal, readJson } from '../../json';
import { lineAt, lineOfJsonPointer, lineOfTomlPointer } from './place';
import type { Mark } from './source';
import { definitionJson, definitionToml } from './toml';

export type Format = 'toml' | 'json';

export function written(definition: Definition, format: Format): string {
  return format === 'toml' ? definitionToml(definition) : definitionJson(definition);
}

export interface Preview {
  readonly events: {
    readonly read: Decimal;
    readonly matched: Decimal;
    readonly first_time?: string | null;
    readonly last_time?: string | null;
  };
  readonly columns: Answer['columns'];
  readonly rows: Answer['rows'];
  readonly groups: Decimal;
  readonly type_mismatches?: Decimal | { readonly [use: string]: Decimal };
  readonly warnings?: readonly string[];
  /** The definition as the service read it. */
  readonly definition?: Definition;
}

export interface PreviewOptions {
  readonly granularity?: string;
  readonly group_by?: string;
  readonly limit?: number;
}

const TYPES = { toml: 'application/toml', json: 'application/json' } as const;

/** Folds the newest events with the definition; makes no version of a metric. */
export async function preview(text: string, format: Format, options: PreviewOptions): Promise<Preview> {
  const headers = { 'Content-Type': TYPES[format] };
  const path = withParams('/v1/metrics:preview', { ...options });
  return (await request<Preview>(path, { method: 'POST', headers, body: text })).value;
}

/** The definition of a text. The service reads TOML, so that there is one reader of it. */
export async function readDefinition(text: string, format: Format): Promise<Definition> {
  if (format === 'json') {
    return readJson(text) as unknown as Definition;
  }
  const { definition } = await preview(text, format, { limit: 1 });
  if (definition === undefined) {
    throw new Problem({ detail: 'The service does not read TOML. Write the definition as JSON.' }, 0);
  }
  return definition;
}

export interface Saved {
  readonly metric: Metric;
  /** The run that computes the new version; none where the same definition stood already. */
  readonly run: string | undefined;
}

/** Creates or changes a metric by its definition as JSON, which is sent as it is written. */
export async function save(name: string, json: string): Promise<Saved> {
  const reply = await request<Metric>(`/v1/metrics/${encodeURIComponent(name)}`, {
    method: 'PUT',
    headers: { 'Content-Type': 'application/json' },
    body: json,
  });
  const run = reply.headers.get('Location')?.split('/').at(-1);
  return { metric: reply.value, run: reply.status === 202 ? run : undefined };
}

/** The line that an error is about, if it is about one. */
export function markOf(error: unknown, text: string, format: Format): Mark | undefined {
  if (error instanceof SyntaxError) {
    const at = Number(/at character (\d+)/.exec(error.message)?.[1] ?? text.length);
    return { line: lineAt(text, at), message: `This is not JSON, from column ${columnAt(text, at)} on.` };
  }
  if (!(error instanceof Problem) || (error.status !== 400 && error.status !== 422)) {
    return undefined;
  }
  const line = lineOf(error, text, format);
  return line === undefined ? undefined : { line, message: withoutPicture(error.message) };
}

/** A message of a parser without its drawing of the line, which is marked in the text itself. */
function withoutPicture(message: string): string {
  const lines = message.split('\n').filter((line) => !/^(TOML parse error|\s*\d* \|)/.test(line));
  return lines.join(' ').trim() || message;
}

function columnAt(text: string, at: number): number {
  return at - text.lastIndexOf('\n', at - 1);
}

function lineOf(problem: Problem, text: string, format: Format): number | undefined {
  const line = Number(String(problem.fields['line'] ?? Number.NaN));
  if (line >= 1) {
    return line;
  }
  if (problem.pointer === undefined) {
    return undefined;
  }
  return format === 'json'
    ? lineOfJsonPointer(text, problem.pointer)
    : lineOfTomlPointer(text, problem.pointer);
}
