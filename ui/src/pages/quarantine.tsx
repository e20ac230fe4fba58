// Quarantine: events that were not counted, why, and as they were sent.
import { useEffect, useState } from 'preact/hooks';
import { useAction } from '../action';
import { asProblem, get, type Problem, request, withParams } from '../api';
import { Ago, Button, Chip, Confirm, Empty, Gate, PageHeading, ProblemView, withCode } from '../components';
import { useFetched } from '../fetched';
import { digits, plural } from '../format';
import type { Decimal } from '../json';
import { navigate, place } from '../router';

interface Entry {
  readonly id: string;
  readonly kind: 'invalid' | 'conflict';
  readonly code: string;
  readonly message: string;
  readonly index?: Decimal;
  readonly count: Decimal;
  readonly raw: string;
  readonly raw_truncated: boolean;
  readonly received_at: string;
  readonly last_received_at: string;
}

interface EntryPage {
  readonly entries: readonly Entry[];
  readonly next: string | null;
  readonly total: Decimal;
  readonly dropped: Decimal;
  readonly codes: { readonly [code: string]: { readonly entries: Decimal; readonly dropped: Decimal } };
}

/** The pages that follow a first one. */
interface Followed {
  readonly of: EntryPage | undefined;
  readonly more: readonly EntryPage[];
}

const PAGE = 50;
const DELETE_PAGE = 1000;
const DELETES_AT_ONCE = 6;

function load(code: string | undefined, after: string | null, limit: number, signal?: AbortSignal) {
  return get<EntryPage>(withParams('/v1/quarantine', { code, after: after ?? undefined, limit }), signal);
}

function drop(id: string): Promise<unknown> {
  return request(`/v1/quarantine/${encodeURIComponent(id)}`, { method: 'DELETE' });
}

/** Deletes every entry, or every one of a reason, that is there now; tells how many are gone. */
async function dropAll(code: string | undefined, onProgress: (gone: number) => void): Promise<void> {
  let gone = 0;
  let after: string | null = null;
  do {
    const page: EntryPage = await load(code, after, DELETE_PAGE);
    const ids = page.entries.map(({ id }) => id);
    after = page.next;
    const worker = async () => {
      for (let id = ids.pop(); id !== undefined; id = ids.pop()) {
        await drop(id);
        gone += 1;
        onProgress(gone);
      }
    };
    await Promise.all(Array.from({ length: DELETES_AT_ONCE }, worker));
  } while (after !== null);
}

export function Quarantine() {
  const code = place.value.params.get('code') ?? undefined;
  const first = useFetched<EntryPage>(`quarantine ${code ?? ''}`, (signal) => load(code, null, PAGE, signal));
  const [followed, setFollowed] = useState<Followed>({ of: undefined, more: [] });
  const [gone, setGone] = useState<ReadonlySet<string>>(new Set());
  const [asking, setAsking] = useState(false);
  const next = useAction();
  useEffect(() => setGone(new Set()), [first.value]);
  // A page that comes after the list has become another one is not of it.
  const more = followed.of === first.value ? followed.more : [];
  const last = more.at(-1) ?? first.value;
  const loadMore = () =>
    void next.run(async () => {
      const page = await load(code, last?.next ?? null, PAGE);
      setFollowed({ of: first.value, more: [...more, page] });
    });
  return (
    <>
      <PageHeading title="Quarantine">
        <Button onClick={first.reload}>Refresh</Button>
      </PageHeading>
      <Gate of={first}>
        {(page) => {
          const entries = [page, ...more].flatMap((one) => one.entries).filter(({ id }) => !gone.has(id));
          if (page.total.text === '0') {
            return <Nothing page={page} />;
          }
          return (
            <div class="stack">
              <Reasons page={page} code={code} onDelete={() => setAsking(true)} />
              {entries.length === 0 && <Empty title="No event is here for this reason, any more." />}
              <ul class="entries" aria-label="Events in quarantine">
                {entries.map((entry) => (
                  <EntryCard
                    key={entry.id}
                    entry={entry}
                    onGone={() => setGone(new Set([...gone, entry.id]))}
                  />
                ))}
              </ul>
              {next.problem && <ProblemView problem={next.problem} />}
              {last?.next && (
                <div>
                  <Button disabled={next.busy || first.loading} onClick={loadMore}>
                    Show more
                  </Button>
                </div>
              )}
            </div>
          );
        }}
      </Gate>
      {asking && first.value && (
        <DeleteAll
          code={code}
          count={code === undefined ? first.value.total : first.value.codes[code]?.entries}
          onClose={() => setAsking(false)}
          onDone={first.reload}
        />
      )}
    </>
  );
}

function Nothing({ page }: { readonly page: EntryPage }) {
  return (
    <Empty title="Nothing is in quarantine.">
      <p>Events that are invalid, or that have the id of another event, are kept here with the reason.</p>
      {page.dropped.text !== '0' && <p>{plural(page.dropped, 'entry', 'entries')} went, as it was full.</p>}
    </Empty>
  );
}

interface ReasonsProps {
  readonly page: EntryPage;
  readonly code: string | undefined;
  readonly onDelete: () => void;
}

function Reasons({ page, code, onDelete }: ReasonsProps) {
  const reasons = Object.entries(page.codes).sort(
    ([, a], [, b]) => b.entries.approx() - a.entries.approx(),
  );
  const show = (chosen: string | undefined) =>
    navigate('/quarantine', new URLSearchParams(chosen === undefined ? {} : { code: chosen }));
  return (
    <div class="card-heading reasons">
      <div class="actions" role="group" aria-label="Reasons">
        <Facet name="All" count={page.total} current={code === undefined} onSelect={() => show(undefined)} />
        {reasons.map(([name, { entries }]) => (
          <Facet
            key={name}
            name={name}
            count={entries}
            current={code === name}
            onSelect={() => show(name)}
          />
        ))}
      </div>
      {(code === undefined || page.codes[code] !== undefined) && (
        <Button kind="danger" onClick={onDelete}>
          {code === undefined ? 'Delete all…' : `Delete all of ${code}…`}
        </Button>
      )}
      {page.dropped.text !== '0' && (
        <p class="muted">
          {plural(page.dropped, 'older entry', 'older entries')} went, as the quarantine was full.
        </p>
      )}
    </div>
  );
}

interface FacetProps {
  readonly name: string;
  readonly count: Decimal;
  readonly current: boolean;
  readonly onSelect: () => void;
}

function Facet({ name, count, current, onSelect }: FacetProps) {
  return (
    <button type="button" class="facet" aria-pressed={current} onClick={onSelect}>
      {name} <span class="muted">{digits(count)}</span>
    </button>
  );
}

interface EntryProps {
  readonly entry: Entry;
  readonly onGone: () => void;
}

function EntryCard({ entry, onGone }: EntryProps) {
  const { busy, problem, run } = useAction();
  const remove = async () => {
    if (await run(() => drop(entry.id))) {
      onGone();
    }
  };
  return (
    <li class="card entry">
      <div class="row">
        <Chip label={entry.code} tone={entry.kind === 'conflict' ? 'warn' : 'bad'}>
          {entry.code}
        </Chip>
        <span class="muted">{entry.id}</span>
        <span class="muted">
          <Ago at={entry.last_received_at} />
        </span>
        {entry.count.text !== '1' && <span class="muted">came {digits(entry.count)} times</span>}
        <Button class="end" disabled={busy} aria-label={`Delete ${entry.id}`} onClick={() => void remove()}>
          Delete
        </Button>
      </div>
      <p class="break">{withCode(entry.message)}</p>
      <pre class="raw" tabIndex={0} aria-label={`${entry.id} as it was sent`}>
        {entry.raw}
        {entry.raw_truncated && '…'}
      </pre>
      {problem && <ProblemView problem={problem} />}
    </li>
  );
}

interface DeleteAllProps {
  readonly code: string | undefined;
  readonly count: Decimal | undefined;
  readonly onClose: () => void;
  readonly onDone: () => void;
}

function DeleteAll({ code, count, onClose, onDone }: DeleteAllProps) {
  const [done, setDone] = useState(0);
  const [problem, setProblem] = useState<Problem>();
  const remove = async () => {
    try {
      await dropAll(code, setDone);
    } catch (error) {
      setProblem(asProblem(error));
      throw error;
    } finally {
      onDone();
    }
  };
  return (
    <Confirm
      title={code === undefined ? 'Delete all events in quarantine?' : `Delete all events of ${code}?`}
      action={`Delete ${count === undefined ? '' : digits(count)}`.trim()}
      onConfirm={remove}
      onClose={onClose}
    >
      <p>
        Their texts are gone then, and cannot be sent again from here. Events that come in meanwhile may go
        as well.
      </p>
      {done > 0 && !problem && <p role="status">{digits(done)} deleted</p>}
    </Confirm>
  );
}
