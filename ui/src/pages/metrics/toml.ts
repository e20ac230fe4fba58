// Writes a definition as TOML, as a file of metrics has it.
import type { Definition, DimensionDefinition, MeasureDefinition } from '../../catalog';
import { type Json, type Writable, writeJson } from '../../json';

/** Texts of TOML's basic strings are those of JSON, but for the character that JSON leaves as it is. */
function quoted(text: string): string {
  return JSON.stringify(text).replaceAll('\u007f', '\\u007f');
}

function key(name: string): string {
  return /^[\w-]+$/.test(name) ? name : quoted(name);
}

function value(json: Json | Writable): string {
  if (typeof json === 'string') {
    return quoted(json);
  }
  if (Array.isArray(json)) {
    return `[${json.map(value).join(', ')}]`;
  }
  if (json !== null && typeof json === 'object' && json.constructor === Object) {
    return table(json as { readonly [name: string]: Json });
  }
  return writeJson(json as Writable);
}

function table(fields: { readonly [name: string]: Json | undefined }): string {
  const entries = Object.entries(fields).filter(([, field]) => field !== undefined);
  const written = entries.map(([name, field]) => `${key(name)} = ${value(field as Json)}`);
  return written.length === 0 ? '{}' : `{ ${written.join(', ')} }`;
}

const MEASURE_ORDER = ['kind', 'of', 'expr', 'q', 'type', 'places', 'filter'];

function measure(definition: MeasureDefinition): string {
  const fields = definition as unknown as { readonly [name: string]: Json };
  const names = [...MEASURE_ORDER, ...Object.keys(fields)];
  return table(Object.fromEntries(names.map((name) => [name, fields[name]] as const)) as never);
}

const LINE_MAX = 100;

function dimensions(list: readonly DimensionDefinition[]): string {
  const items = list.map((item) => value(item as Writable));
  const line = `dimensions = [${items.join(', ')}]`;
  return line.length <= LINE_MAX ? line : `dimensions = [\n  ${items.join(',\n  ')},\n]`;
}

/** One `[[metric]]`. */
export function definitionToml(definition: Definition): string {
  const { name, description, event, filter, granularity, dimensions: list } = definition;
  const lines = ['[[metric]]'];
  const optional = { name, description, event, filter, granularity };
  for (const [field, content] of Object.entries(optional)) {
    if (content !== undefined) {
      lines.push(`${field} = ${value(content as Writable)}`);
    }
  }
  if (list !== undefined && list.length > 0) {
    lines.push(dimensions(list));
  }
  lines.push('', '[metric.measures]');
  for (const [measureName, content] of Object.entries(definition.measures)) {
    lines.push(`${key(measureName)} = ${measure(content)}`);
  }
  return `${lines.join('\n')}\n`;
}

/** The definition as JSON for people, in the order of the fields of TOML. */
export function definitionJson(definition: Definition): string {
  const { name, description, event, filter, granularity, dimensions: list, measures, ...rest } = definition;
  const ordered = { name, description, event, filter, granularity, dimensions: list, measures, ...rest };
  return `${writeJson(ordered as unknown as Writable, '  ')}\n`;
}
