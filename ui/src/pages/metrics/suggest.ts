// A first definition, made from the properties of events that have arrived.
import type { Definition, DimensionDefinition, MeasureDefinition } from '../../catalog';
import type { Decimal, Json } from '../../json';

export interface Property {
  /** As expressions write it. */
  readonly path: string;
  readonly types: { readonly [type: string]: Decimal };
  readonly examples: readonly Json[];
}

export interface Properties {
  readonly events: { readonly read: Decimal; readonly matched: Decimal };
  readonly event_types: readonly { readonly event: string; readonly events: Decimal }[];
  readonly properties: readonly Property[];
}

const DIMENSIONS_MAX = 5;
const NUMBERS_MAX = 3;
const IDS_MAX = 2;
/** Longer texts are sentences and addresses, not what one groups by. */
const LABEL_MAX = 40;
const NAME_MAX = 64;
const TAKEN = ['time', 'compare'];

/** A name of a metric, measure or dimension that is like a text. */
export function nameLike(text: string, fallback = 'value'): string {
  const plain = text
    .normalize('NFKD')
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '_')
    .replace(/^[^a-z]+|_+$/g, '')
    .slice(0, NAME_MAX);
  return plain === '' ? fallback : plain;
}

function isOf(property: Property, ...types: readonly string[]): boolean {
  const seen = Object.keys(property.types).filter((type) => type !== 'null');
  return seen.length > 0 && seen.every((type) => types.includes(type));
}

function isId(property: Property): boolean {
  return /(^|[_."])(id|uuid|guid|key|token|email|url|hash)s?"?$|[a-z]Id$/i.test(property.path);
}

function isLabel(property: Property): boolean {
  return (
    isOf(property, 'text', 'string', 'boolean') &&
    !isId(property) &&
    property.examples.every((example) => String(example).length <= LABEL_MAX)
  );
}

/** How many events come, of whom, the totals and means of numbers, by short texts. */
export function suggest(event: string, properties: readonly Property[]): Definition {
  const used = new Set(TAKEN);
  const free = (wanted: string) => {
    let name = wanted.slice(0, NAME_MAX);
    for (let n = 2; used.has(name); n += 1) {
      name = `${wanted.slice(0, NAME_MAX - 4)}_${n}`;
    }
    used.add(name);
    return name;
  };
  const dimensions: DimensionDefinition[] = properties
    .filter(isLabel)
    .slice(0, DIMENSIONS_MAX)
    .map(({ path }) => {
      const name = free(nameLike(path));
      return name === path ? path : { name, property: path };
    });
  const measures: { [name: string]: MeasureDefinition } = { [free('events')]: { kind: 'count' } };
  for (const { path } of properties.filter((one) => isOf(one, 'number') && !isId(one)).slice(0, NUMBERS_MAX)) {
    measures[free(`total_${nameLike(path)}`)] = { kind: 'sum', of: path };
    measures[free(`mean_${nameLike(path)}`)] = { kind: 'avg', of: path };
  }
  for (const { path } of properties.filter(isId).slice(0, IDS_MAX)) {
    measures[free(`distinct_${nameLike(path)}`)] = { kind: 'distinct', of: path };
  }
  return { name: nameLike(event, 'events'), event, dimensions, measures };
}

/** What to start from where nothing has arrived. */
export const TEMPLATE: Definition = {
  name: 'purchases',
  description: 'What was bought',
  event: 'purchase',
  dimensions: ['country'],
  measures: {
    orders: { kind: 'count' },
    revenue: { kind: 'sum', of: 'amount' },
    customers: { kind: 'distinct', of: 'subject' },
  },
};
