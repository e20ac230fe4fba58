// JSON without floats. The service writes numbers of up to 38 digits; JSON.parse would round them. Here a
// number stays the text that was sent.

/** A number exactly as it was written. */
export class Decimal {
  constructor(readonly text: string) {}

  /** The nearest double: for positions of pixels and for small counts, never for what is shown. */
  approx(): number {
    return Number(this.text);
  }

  toString(): string {
    return this.text;
  }
}

export type Json = null | boolean | string | Decimal | Json[] | { [key: string]: Json };

const SPACE = /[ \t\n\r]*/y;
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const STRING = /"(?:[^"\\\u0000-\u001f]|\\.)*"/y;
const DEPTH = 200;

class Reader {
  private at = 0;

  constructor(private readonly text: string) {}

  document(): Json {
    const value = this.value(0);
    this.match(SPACE);
    if (this.at !== this.text.length) {
      this.fail();
    }
    return value;
  }

  private value(depth: number): Json {
    if (depth > DEPTH) {
      this.fail();
    }
    this.match(SPACE);
    switch (this.text[this.at]) {
      case '{':
        return this.object(depth);
      case '[':
        return this.array(depth);
      case '"':
        return this.string();
      case 't':
        return this.word('true', true);
      case 'f':
        return this.word('false', false);
      case 'n':
        return this.word('null', null);
      default:
        return new Decimal(this.match(NUMBER) || this.fail());
    }
  }

  private object(depth: number): Json {
    const object: { [key: string]: Json } = {};
    this.items('}', () => {
      this.match(SPACE);
      const key = this.string();
      this.expect(':');
      const value = this.value(depth + 1);
      // A plain assignment of this one name would change the object's prototype.
      if (key === '__proto__') {
        Object.defineProperty(object, key, { value, enumerable: true });
      } else {
        object[key] = value;
      }
    });
    return object;
  }

  private array(depth: number): Json {
    const array: Json[] = [];
    this.items(']', () => array.push(this.value(depth + 1)));
    return array;
  }

  private items(end: string, item: () => void): void {
    this.at += 1;
    this.match(SPACE);
    if (this.text[this.at] === end) {
      this.at += 1;
      return;
    }
    for (;;) {
      item();
      this.match(SPACE);
      const next = this.text[this.at];
      this.at += 1;
      if (next === end) {
        return;
      }
      if (next !== ',') {
        this.fail();
      }
    }
  }

  private string(): string {
    const quoted = this.match(STRING) || this.fail();
    return quoted.includes('\\') ? (JSON.parse(quoted) as string) : quoted.slice(1, -1);
  }

  private word<T>(text: string, value: T): T {
    if (!this.text.startsWith(text, this.at)) {
      this.fail();
    }
    this.at += text.length;
    return value;
  }

  private expect(character: string): void {
    this.match(SPACE);
    if (this.text[this.at] !== character) {
      this.fail();
    }
    this.at += 1;
  }

  private match(pattern: RegExp): string {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text)?.[0] ?? '';
    this.at += found.length;
    return found;
  }

  private fail(): never {
    throw new SyntaxError(`not JSON at character ${this.at}`);
  }
}

/** Reads JSON; throws a SyntaxError where it is none. */
export function readJson(text: string): Json {
  return new Reader(text).document();
}

/** What can be written: undefined members are left out. */
export type Writable =
  | null
  | boolean
  | string
  | number
  | Decimal
  | undefined
  | readonly Writable[]
  | { readonly [key: string]: Writable };

/** Writes JSON; a Decimal as the text that it came as. */
export function writeJson(value: Writable, indent = '', at = ''): string {
  if (value instanceof Decimal) {
    return value.text;
  }
  if (value === null || typeof value !== 'object') {
    return JSON.stringify(value) ?? 'null';
  }
  const inner = at + indent;
  const [open, close, items] = Array.isArray(value)
    ? ['[', ']', (value as readonly Writable[]).map((item) => writeJson(item, indent, inner))]
    : ['{', '}', members(value as { [key: string]: Writable }, indent, inner)];
  if (items.length === 0) {
    return open + close;
  }
  return indent === ''
    ? open + items.join(',') + close
    : `${open}\n${inner}${items.join(`,\n${inner}`)}\n${at}${close}`;
}

function members(object: { [key: string]: Writable }, indent: string, inner: string): string[] {
  return Object.entries(object)
    .filter(([, value]) => value !== undefined)
    .map(
      ([key, value]) =>
        `${JSON.stringify(key)}:${indent === '' ? '' : ' '}${writeJson(value, indent, inner)}`,
    );
}
