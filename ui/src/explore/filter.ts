// The filter is SQL in the address. What is simple in it becomes chips; the rest stays the text that it is.

export type FilterChip =
  | {
      readonly kind: 'values';
      readonly dimension: string;
      readonly exclude: boolean;
      /** Null is the value of events without one. */
      readonly values: readonly (string | null)[];
    }
  | { readonly kind: 'text'; readonly text: string };

interface Token {
  readonly type: 'word' | 'quoted' | 'text' | 'mark';
  /** The content: of words in capitals, of texts without quotes. */
  readonly value: string;
  readonly raw: string;
  readonly from: number;
  readonly to: number;
}

const TOKEN = /\s*(?:([A-Za-z_][\w.]*)|"((?:[^"]|"")*)"|'((?:[^']|'')*)'|(<>|!=|<=|>=|[^\s]))/y;

function tokensOf(sql: string): Token[] | undefined {
  const tokens: Token[] = [];
  TOKEN.lastIndex = 0;
  for (;;) {
    const found = TOKEN.exec(sql);
    if (found === null) {
      break;
    }
    const [all, word, quoted, text, mark] = found;
    const to = TOKEN.lastIndex;
    const raw = all.trimStart();
    const base = { raw, from: to - raw.length, to };
    if (word !== undefined) {
      tokens.push({ type: 'word', value: word.toUpperCase(), ...base });
    } else if (quoted !== undefined) {
      tokens.push({ type: 'quoted', value: quoted.replaceAll('""', '"'), ...base });
    } else if (text !== undefined) {
      tokens.push({ type: 'text', value: text.replaceAll("''", "'"), ...base });
    } else {
      tokens.push({ type: 'mark', value: mark ?? '', ...base });
    }
  }
  const end = tokens.at(-1)?.to ?? 0;
  const broken = tokens.some(({ type, value }) => type === 'mark' && (value === "'" || value === '"'));
  return sql.slice(end).trim() === '' && !broken ? tokens : undefined;
}

/** The chips of a filter. Written again they mean the same. */
export function parseFilter(sql: string): FilterChip[] {
  if (sql.trim() === '') {
    return [];
  }
  const tokens = tokensOf(sql);
  const parts = tokens && conjuncts(tokens);
  if (parts === undefined) {
    return [{ kind: 'text', text: sql.trim() }];
  }
  return parts.map(
    (part) =>
      valuesOf(part) ?? { kind: 'text', text: sql.slice(part[0]?.from, part.at(-1)?.to) },
  );
}

type ValuesChip = Extract<FilterChip, { kind: 'values' }>;

/** What stands between the ANDs of the outermost level; undefined where that is not the outermost operator. */
function conjuncts(tokens: readonly Token[]): Token[][] | undefined {
  const parts: Token[][] = [[]];
  let depth = 0;
  for (const token of tokens) {
    const word = token.type === 'word' ? token.value : '';
    if (token.type === 'mark') {
      depth += token.value === '(' ? 1 : token.value === ')' ? -1 : 0;
    }
    if (depth < 0 || (depth === 0 && (word === 'OR' || word === 'BETWEEN' || word === 'CASE'))) {
      return undefined;
    }
    if (depth === 0 && word === 'AND') {
      parts.push([]);
    } else {
      parts.at(-1)?.push(token);
    }
  }
  return depth === 0 && parts.every((part) => part.length > 0) ? parts : undefined;
}

/** A condition on the values of one dimension, if it is one. */
function valuesOf(tokens: readonly Token[]): ValuesChip | undefined {
  if (!shape(tokens).endsWith(' OR NAME IS NULL )') || tokens[0]?.value !== '(') {
    return plainValues(tokens);
  }
  const simple = plainValues(tokens.slice(1, -5));
  if (simple === undefined || simple.dimension !== nameOf(tokens.at(-4))) {
    return undefined;
  }
  const values = simple.values.filter((value) => value !== null);
  return { ...simple, values: simple.exclude ? values : [...values, null] };
}

/** The same without `OR … IS NULL`. What differs from a text is also not null: SQL's <> leaves out nulls. */
function plainValues(tokens: readonly Token[]): ValuesChip | undefined {
  const dimension = nameOf(tokens[0]);
  if (dimension === undefined) {
    return undefined;
  }
  const texts = tokens.filter(({ type }) => type === 'text').map(({ value }) => value);
  const base = { kind: 'values', dimension } as const;
  switch (shape(tokens).replace(/TEXT(?: , TEXT)+/, 'TEXT')) {
    case 'NAME = TEXT':
      return texts.length === 1 ? { ...base, exclude: false, values: texts } : undefined;
    case 'NAME <> TEXT':
    case 'NAME != TEXT':
      return texts.length === 1 ? { ...base, exclude: true, values: [...texts, null] } : undefined;
    case 'NAME IN ( TEXT )':
      return { ...base, exclude: false, values: texts };
    case 'NAME NOT IN ( TEXT )':
      return { ...base, exclude: true, values: [...texts, null] };
    case 'NAME IS NULL':
      return { ...base, exclude: false, values: [null] };
    case 'NAME IS NOT NULL':
      return { ...base, exclude: true, values: [null] };
    default:
      return undefined;
  }
}

const KEYWORDS = new Set(
  `ALL AND ANY AS ASC BETWEEN BY CASE CAST DESC DISTINCT ELSE END ESCAPE EXISTS FALSE FROM GROUP HAVING ILIKE
  IN INTERVAL IS LIKE LIMIT NOT NULL OFFSET ON OR ORDER SELECT SIMILAR SOME TABLE THEN TRUE UNION UNKNOWN
  VALUES WHEN WHERE WITH`.split(/\s+/),
);

function shape(tokens: readonly Token[]): string {
  return tokens
    .map(({ type, value }) => {
      switch (type) {
        case 'text':
          return 'TEXT';
        case 'quoted':
          return 'NAME';
        case 'word':
          return KEYWORDS.has(value) ? value : 'NAME';
        default:
          return value;
      }
    })
    .join(' ');
}

function nameOf(token: Token | undefined): string | undefined {
  if (token?.type === 'quoted') {
    return token.value;
  }
  return token?.type === 'word' && !KEYWORDS.has(token.value) ? token.raw.toLowerCase() : undefined;
}

/** A name as SQL: quoted only where it would be read as something else. */
export function sqlName(name: string): string {
  return /^[a-z_][a-z0-9_]*$/.test(name) && !KEYWORDS.has(name.toUpperCase())
    ? name
    : `"${name.replaceAll('"', '""')}"`;
}

export function sqlText(value: string): string {
  return `'${value.replaceAll("'", "''")}'`;
}

/** The SQL of chips. */
export function writeFilter(chips: readonly FilterChip[]): string {
  return chips
    .map((chip) => (chip.kind === 'text' ? bracketed(chip.text, chips.length) : valuesSql(chip)))
    .filter((sql) => sql !== '')
    .join(' AND ');
}

/** A text that is more than a conjunction is put in brackets beside others. */
function bracketed(text: string, chips: number): string {
  const tokens = tokensOf(text);
  return chips > 1 && (tokens === undefined || conjuncts(tokens) === undefined) ? `(${text})` : text;
}

function valuesSql({ dimension, exclude, values }: ValuesChip): string {
  const name = sqlName(dimension);
  const texts = values.filter((value) => value !== null).map(sqlText);
  const withNull = values.includes(null);
  if (texts.length === 0) {
    return withNull ? `${name} IS ${exclude ? 'NOT ' : ''}NULL` : '';
  }
  const list = `(${texts.join(', ')})`;
  const some = exclude
    ? texts.length === 1 ? `${name} <> ${texts[0]}` : `${name} NOT IN ${list}`
    : texts.length === 1 ? `${name} = ${texts[0]}` : `${name} IN ${list}`;
  return exclude === withNull ? some : `(${some} OR ${name} IS NULL)`;
}

export type Group = { readonly [dimension: string]: string | null };

/** Chips after a group was clicked: filtered by it, or without it. */
export function picked(chips: readonly FilterChip[], group: Group, exclude: boolean): FilterChip[] {
  if (exclude && Object.keys(group).length > 1) {
    return [...chips, { kind: 'text', text: otherThan(group) }];
  }
  return Object.entries(group).reduce<FilterChip[]>(
    (before, [dimension, value]) =>
      exclude ? excluded(before, dimension, value) : included(before, dimension, value),
    [...chips],
  );
}

/** Every combination of values but one. */
function otherThan(group: Group): string {
  const parts = Object.entries(group).map(([dimension, value]) => {
    const name = sqlName(dimension);
    return value === null ? `${name} IS NOT NULL` : `${name} <> ${sqlText(value)} OR ${name} IS NULL`;
  });
  return `(${parts.join(' OR ')})`;
}

function included(
  chips: readonly FilterChip[],
  dimension: string,
  value: string | null,
): FilterChip[] {
  const others = chips.filter(
    (chip) => chip.kind === 'text' || chip.dimension !== dimension || chip.exclude,
  );
  return [...others, { kind: 'values', dimension, exclude: false, values: [value] }];
}

function excluded(
  chips: readonly FilterChip[],
  dimension: string,
  value: string | null,
): FilterChip[] {
  const at = chips.findIndex(
    (chip) => chip.kind === 'values' && chip.exclude && chip.dimension === dimension,
  );
  const chip = chips[at];
  if (chip?.kind !== 'values') {
    return [...chips, { kind: 'values', dimension, exclude: true, values: [value] }];
  }
  const values = chip.values.includes(value) ? chip.values : [...chip.values, value];
  return chips.map((other, index) => (index === at ? { ...chip, values } : other));
}
