// What an answer is made of: one line under each chart, and all of it on a click.
import { useState } from 'preact/hooks';
import type { Answer, Provenance } from './answer';
import { get } from './api';
import { Dialog, Loading, ProblemView, type Column, Table } from './components';
import { percent } from './exact';
import { useFetched } from './fetched';
import { bytes, dateTime, digits, duration, plural } from './format';
import { Decimal, type Json } from './json';

interface LineProps {
  readonly answer: Answer;
  /** The query that it answers, for explain; without it the click opens the provenance alone. */
  readonly query?: string;
}

export function ProvenanceLine({ answer, query }: LineProps) {
  const [open, setOpen] = useState(false);
  const { provenance } = answer;
  const warnings = answer.warnings?.length ?? 0;
  const parts = [...lineOf(provenance), ...(warnings > 0 ? [plural(warnings, 'warning')] : [])];
  return (
    <>
      <button
        type="button"
        class={provenance.complete ? 'provenance' : 'provenance incomplete'}
        title="What this answer is made of"
        onClick={() => setOpen(true)}
      >
        {parts.join(' · ')}
      </button>
      {open && (
        <Dialog title="What this answer is made of" wide onClose={() => setOpen(false)}>
          <Details answer={answer} />
          {query !== undefined && <Explain query={query} />}
        </Dialog>
      )}
    </>
  );
}

/** `complete · through 0:336776 · 12 ms behind · generation 12 · aircraft ± 1.6 %` */
export function lineOf(provenance: Provenance): string[] {
  const { speed, approximate } = provenance;
  return [
    provenance.complete ? 'complete' : `incomplete: ${provenance.missing.join(', ') || 'behind'}`,
    `through ${position(speed.through)}`,
    `${duration(speed.lag_ms)} behind`,
    `generation ${provenance.generation}`,
    ...Object.entries(approximate).map(([measure, { relative_error }]) =>
      relative_error === undefined ? `${measure} estimated` : `${measure} ± ${percent(relative_error)}`,
    ),
  ];
}

/** A position as `after` takes it: 0:123456,1:77. */
export function position(through: { readonly [partition: string]: Decimal }): string {
  return Object.entries(through)
    .map(([partition, offset]) => `${partition}:${offset}`)
    .join(',');
}

function Details({ answer }: { readonly answer: Answer }) {
  const { provenance, warnings = [] } = answer;
  const { batch, speed, approximate } = provenance;
  return (
    <dl class="facts">
      <Fact name="Complete">
        {provenance.complete ? 'yes: nothing below the position is missing' : 'no'}
      </Fact>
      {provenance.missing.length > 0 && <Fact name="Missing">{provenance.missing.join('; ')}</Fact>}
      <Fact name="Batch view">
        {plural(batch.events, 'event')}, published {dateTime(batch.published_at)}, generation{' '}
        {digits(provenance.generation)}
      </Fact>
      <Fact name="Speed view">
        {plural(speed.events, 'event')}, {duration(speed.lag_ms)} behind
        {speed.behind_events.text !== '0' && `, ${plural(speed.behind_events, 'event')} not in yet`}
      </Fact>
      <Fact name="Position">
        through {position(speed.through)}: every event below is in the answer, none from it on
        {speed.reach && `; of those up to ${position(speed.reach)} some are`}
      </Fact>
      <Fact name="Metric">
        {answer.metric}, version {digits(provenance.metric_version)}
      </Fact>
      <Fact name="Range">
        {answer.from === null ? 'open' : dateTime(answer.from)} to{' '}
        {answer.to === null ? 'open' : dateTime(answer.to)}, {answer.timezone.replaceAll('_', ' ')}
      </Fact>
      {answer.compare && (
        <Fact name="Compared with">
          {dateTime(answer.compare.from)} to {dateTime(answer.compare.to)}
        </Fact>
      )}
      {provenance.open_bucket && (
        <Fact name="Can still grow">the bucket of {dateTime(provenance.open_bucket)}</Fact>
      )}
      {provenance.partial_buckets.map((part) => (
        <Fact key={part.time} name="Cut bucket">
          {dateTime(part.time)}: only {dateTime(part.from)} to {dateTime(part.to)} was asked for
        </Fact>
      ))}
      {Object.entries(approximate).map(([measure, { method, relative_error }]) => (
        <Fact key={measure} name={measure}>
          an estimate{method && ` (${method})`}
          {relative_error && `, relative error about ${percent(relative_error)}`}
        </Fact>
      ))}
      {warnings.map((warning) => (
        <Fact key={warning} name="Warning">
          {warning}
        </Fact>
      ))}
    </dl>
  );
}

function Fact({ name, children }: { readonly name: string; readonly children: unknown }) {
  return (
    <>
      <dt>{name}</dt>
      <dd>{children as string}</dd>
    </>
  );
}

type Fields = { readonly [name: string]: Json };

interface Explained {
  readonly elapsed_ms?: Decimal;
  readonly merge_ms?: Decimal;
  readonly cached?: boolean;
  readonly rows?: Decimal;
  readonly groups?: Decimal;
  readonly batch?: { readonly pieces?: readonly Fields[] };
  readonly speed?: Fields;
}

function Explain({ query }: { readonly query: string }) {
  const url = `/v1/query:explain?${query}`;
  const found = useFetched(url, (signal) => get<Explained>(url, signal));
  if (found.problem) {
    return <ProblemView problem={found.problem} />;
  }
  if (found.value === undefined) {
    return <Loading label="Explaining" />;
  }
  const { batch, speed, elapsed_ms, merge_ms, cached, rows, groups } = found.value;
  const figures = [
    elapsed_ms && `${duration(elapsed_ms)} in all`,
    merge_ms && `${duration(merge_ms)} to merge`,
    rows && plural(rows, 'row'),
    groups && plural(groups, 'group'),
    cached && 'an equal query finds its rows kept',
  ].filter(Boolean);
  const pieces = [
    ...(batch?.pieces ?? []).map((piece) => pieceOf('batch', piece)),
    ...(speed === undefined ? [] : [pieceOf('speed', speed)]),
  ];
  const names = [...new Set(pieces.flatMap(({ figures }) => Object.keys(figures)))];
  const columns: Column<Piece>[] = [
    { key: 'part', title: 'part', render: ({ part }) => part },
    ...names.map((name) => ({
      key: name,
      title: name.replace(/_ms$/, '').replaceAll('_', ' '),
      number: pieces.some(({ figures }) => figures[name] instanceof Decimal),
      render: ({ figures }: Piece) => figureText(name, figures[name]),
    })),
  ];
  return (
    <section>
      <h3>Explained</h3>
      <p class="muted">{figures.join(' · ')}</p>
      <Table
        caption="Pieces of the plan"
        columns={columns}
        rows={pieces}
        rowKey={(_, index) => String(index)}
      />
    </section>
  );
}

interface Piece {
  /** Where it was read from: the layer, its grain or store, and the stretch of time. */
  readonly part: string;
  readonly figures: Fields;
}

function pieceOf(layer: string, { grain, store, from, to, ...figures }: Fields): Piece {
  const range = [from, to].filter((edge) => typeof edge === 'string').map((edge) => dateTime(edge));
  const kind = [grain, store].filter((name) => typeof name === 'string').join(' ');
  return { part: [layer, kind, range.join(' – ')].filter((text) => text !== '').join(' · '), figures };
}

function figureText(name: string, value: Json | undefined): string {
  if (value === undefined || value === null) {
    return '';
  }
  if (value instanceof Decimal) {
    return name.endsWith('_ms') ? duration(value) : name.startsWith('bytes') ? bytes(value) : digits(value);
  }
  return typeof value === 'boolean' ? (value ? 'yes' : 'no') : typeof value === 'string' ? value : '';
}
