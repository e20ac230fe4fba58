// Where a place of a definition stands in its text: the line that a JSON pointer names, in JSON and in TOML.

/** The steps of a JSON pointer: /measures/a~1b as measures, a/b. */
export function pointerSteps(pointer: string): string[] {
  return pointer
    .split('/')
    .slice(1)
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'));
}

/** The line, from 1, of a character. */
export function lineAt(text: string, at: number): number {
  return text.slice(0, at).split('\n').length;
}

/** Lines by place, the steps of each joined by a character that no text of a definition has. */
type Places = Map<string, number>;

const JOINT = '\u0000';

/** The line of the place, or of the nearest one around it that is there: what is missing belongs there. */
function nearest(places: Places, steps: readonly string[]): number {
  for (let length = steps.length; length > 0; length -= 1) {
    const line = places.get(steps.slice(0, length).join(JOINT));
    if (line !== undefined) {
      return line;
    }
  }
  return places.get('') ?? 1;
}

export function lineOfJsonPointer(text: string, pointer: string): number {
  return nearest(jsonPlaces(text), pointerSteps(pointer));
}

const JSON_TOKEN = /"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g;

interface Frame {
  readonly array: boolean;
  step: string;
  index: number;
}

/** Walks over the tokens; a text that is not whole has the places that could be read. */
function jsonPlaces(text: string): Places {
  const places: Places = new Map();
  const frames: Frame[] = [];
  let key: string | undefined;
  let line = 1;
  let read = 0;
  const note = () => places.set(frames.map((frame) => frame.step).join(JOINT), line);
  for (const { 0: token, index } of text.matchAll(JSON_TOKEN)) {
    line += lineAt(text.slice(read, index), index) - 1;
    read = index;
    const top = frames.at(-1);
    const value = token !== ':' && token !== ',' && token !== '}' && token !== ']';
    if (top !== undefined && !top.array && value && key === undefined) {
      key = unquoted(token);
      top.step = key;
      note();
      continue;
    }
    if (value && (top === undefined || top.array)) {
      note();
    }
    if (token === '{' || token === '[') {
      frames.push({ array: token === '[', step: '0', index: 0 });
      key = undefined;
    } else if (token === '}' || token === ']') {
      frames.pop();
      key = undefined;
    } else if (token === ',' && top !== undefined) {
      top.index += 1;
      top.step = String(top.index);
      key = undefined;
    }
  }
  return places;
}

function unquoted(token: string): string {
  try {
    return String(JSON.parse(token));
  } catch {
    return token;
  }
}

/** Of a file with one `[[metric]]`; pointers are those of the definition. */
export function lineOfTomlPointer(text: string, pointer: string): number {
  return nearest(tomlPlaces(text), pointerSteps(pointer));
}

const TOML_KEY = /^\s*((?:[\w-]+|"(?:[^"\\]|\\.)*"|'[^']*')(?:\s*\.\s*(?:[\w-]+|"(?:[^"\\]|\\.)*"|'[^']*'))*)\s*=/;
const TOML_TABLE = /^\s*\[\[?\s*([^\]]+?)\s*\]\]?/;
const TOML_PART = /[\w-]+|"(?:[^"\\]|\\.)*"|'[^']*'/g;

/** Tables and keys, a line each; what stands within a value belongs to the line of its key. */
function tomlPlaces(text: string): Places {
  const places: Places = new Map();
  let table: string[] = [];
  text.split('\n').forEach((content, index) => {
    const header = TOML_TABLE.exec(content);
    const key = TOML_KEY.exec(content);
    if (key !== null) {
      noteAround(places, [...table, ...parts(key[1] ?? '')], index + 1);
    } else if (header !== null) {
      table = parts(header[1] ?? '');
      table = table[0] === 'metric' ? table.slice(1) : table;
      noteAround(places, table, index + 1);
    }
  });
  return places;
}

function parts(path: string): string[] {
  return (path.match(TOML_PART) ?? []).map((part) =>
    part.startsWith("'") ? part.slice(1, -1) : unquoted(part),
  );
}

/** Notes a place and those around it that have no line yet. */
function noteAround(places: Places, steps: readonly string[], line: number): void {
  for (let length = 0; length <= steps.length; length += 1) {
    const place = steps.slice(0, length).join(JOINT);
    if (length === steps.length || !places.has(place)) {
      places.set(place, places.get(place) ?? line);
    }
  }
}
