// Health: whether the service takes and answers, how far each part is, and what it uses.
import type { ComponentChildren } from 'preact';
import { get, Problem, request } from '../api';
import { Ago, Chip, type Column, Empty, Facts, Gate, Link, PageHeading, Table } from '../components';
import { type Fetched, useFetched } from '../fetched';
import { bytes, digits, duration, plural } from '../format';
import { type Figures, hitShare, readFigures } from './health/figures';
import { type MetricStatus, positionText, type Status } from './health/status';

const EVERY_MS = 2000;
const FIGURES_EVERY_MS = 10_000;

export function Health() {
  const status = useFetched<Status>('status', (signal) => get('/v1/status', signal), EVERY_MS);
  const ready = useFetched<readonly string[]>('ready', unready, EVERY_MS);
  const figures = useFetched<Figures>('figures', loadFigures, FIGURES_EVERY_MS);
  return (
    <>
      <PageHeading title="Health" />
      <div class="stack">
        <Ready ready={ready} />
        <Gate of={status}>
          {(value) => (
            <>
              <Tiles status={value} />
              <Lags metrics={value.metrics} />
              <SpeedStore store={value.speed_store} figures={figures.value} />
              <Storage status={value} figures={figures.value} />
              <Service status={value} />
            </>
          )}
        </Gate>
      </div>
    </>
  );
}

/** What the service waits for; nothing when it is ready. */
async function unready(signal: AbortSignal): Promise<readonly string[]> {
  try {
    await get('/readyz', signal);
    return [];
  } catch (error) {
    if (error instanceof Problem && error.status === 503) {
      return [error.message];
    }
    throw error;
  }
}

async function loadFigures(signal: AbortSignal): Promise<Figures> {
  const { value } = await request<string>('/metrics', { headers: { Accept: 'text/plain' }, signal });
  return readFigures(value);
}

function Ready({ ready }: { readonly ready: Fetched<readonly string[]> }) {
  const { value, problem } = ready;
  if (problem) {
    return (
      <section class="verdict bad" role="status">
        <strong>{problem.status === 0 ? 'Not reachable' : 'Not known'}</strong>
        <span>{problem.message}</span>
      </section>
    );
  }
  if (value === undefined) {
    return null;
  }
  return value.length === 0 ? (
    <section class="verdict good" role="status">
      <strong>Ready</strong>
      <span>It accepts events and answers queries.</span>
    </section>
  ) : (
    <section class="verdict bad" role="status">
      <strong>Not ready</strong>
      {value.map((reason) => (
        <span key={reason} class="break">
          {reason}
        </span>
      ))}
    </section>
  );
}

interface TileProps {
  readonly name: string;
  readonly note?: ComponentChildren;
  readonly children: ComponentChildren;
}

function Tile({ name, note, children }: TileProps) {
  return (
    <div class="card tile">
      <dt>{name}</dt>
      <dd class="tile-value">{children}</dd>
      {note !== undefined && <dd class="muted">{note}</dd>}
    </div>
  );
}

function Tiles({ status }: { readonly status: Status }) {
  const { backlog, events, query_memory: memory } = status;
  return (
    <dl class="tiles">
      <Tile name="Events a second" note={`${digits(events.accepted)} since the start`}>
        {digits(events.per_second)}
      </Tile>
      <Tile name="Events without a run" note={<BacklogNote backlog={backlog} />}>
        {digits(backlog.events)}
      </Tile>
      <Tile name="Speed views behind" note={status.speed_store.kind}>
        {duration(status.speed_store.lag_ms)}
      </Tile>
      <Tile
        name="Generation"
        note={
          status.published_at && (
            <>
              published <Ago at={status.published_at} />
            </>
          )
        }
      >
        {digits(status.generation)}
      </Tile>
      <Tile name="Memory of answers" note={`of ${bytes(memory.limit_bytes)}`}>
        {bytes(memory.taken_bytes)}
      </Tile>
    </dl>
  );
}

/** How fast runs are, and whether intake waits for them. */
function BacklogNote({ backlog }: { readonly backlog: Status['backlog'] }) {
  const share = Number(backlog.events.text) / Number(backlog.max_events.text);
  return share > 1 ? (
    <span class="bad-text">
      over {digits(backlog.max_events)}: intake {share < 2 ? 'slows down' : 'waits for a run'}
    </span>
  ) : (
    <>runs cover {digits(backlog.covered_per_second)} a second</>
  );
}

const LAG_COLUMNS: readonly Column<MetricStatus>[] = [
  {
    key: 'name',
    title: 'Metric',
    render: ({ name }) => <Link to={`/metrics/${encodeURIComponent(name)}`}>{name}</Link>,
  },
  { key: 'version', title: 'Version', number: true, render: ({ version }) => digits(version) },
  { key: 'lag', title: 'Lag', number: true, render: ({ lag_ms }) => duration(lag_ms) },
  { key: 'behind', title: 'Events behind', number: true, render: ({ behind }) => digits(behind) },
  {
    key: 'boundary',
    title: 'Batch view up to',
    number: true,
    render: ({ boundary }) => (boundary?.offset === undefined ? '–' : digits(boundary.offset)),
  },
];

function Lags({ metrics }: { readonly metrics: readonly MetricStatus[] }) {
  return (
    <section class="card" aria-label="Lag of each metric">
      <h2>Metrics</h2>
      {metrics.length === 0 ? (
        <Empty title="There is no metric yet." />
      ) : (
        <Table caption="Lag of each metric" columns={LAG_COLUMNS} rows={metrics} rowKey={({ name }) => name} />
      )}
    </section>
  );
}

interface StoreProps {
  readonly store: Status['speed_store'];
  readonly figures: Figures | undefined;
}

function SpeedStore({ store, figures }: StoreProps) {
  const groups = figures?.get('merganser_speed_groups');
  const rebuilds = figures?.get('merganser_speed_rebuilds_total');
  const failing = store.state === 'failing';
  return (
    <section class="card" aria-label="Speed store">
      <div class="card-heading">
        <h2>Speed store</h2>
        <Chip label={store.state} tone={failing ? 'bad' : 'good'}>
          {store.state}
        </Chip>
      </div>
      <Facts
        facts={[
          ['Kind', store.kind],
          ['Failing since', store.failing_since && <Ago at={store.failing_since} />],
          ['Why', store.reason && <span class="bad-text">{store.reason}</span>],
          ['Groups held', groups !== undefined && digits(groups)],
          ['Errors', count(figures, 'merganser_speed_store_errors_total')],
          ['Computed from the journal again', rebuilds !== undefined && plural(rebuilds, 'time')],
        ]}
      />
    </section>
  );
}

function Storage({ status, figures }: { readonly status: Status; readonly figures: Figures | undefined }) {
  const free = figures?.get('merganser_disk_free_bytes');
  const share = (cache: string) => {
    const hits = figures && hitShare(figures, cache);
    return hits === undefined ? undefined : `${Math.round(hits * 100)} %`;
  };
  return (
    <section class="card" aria-label="Disk and caches">
      <div class="card-heading">
        <h2>Disk and caches</h2>
      </div>
      <Facts
        facts={[
          ['Data directory', bytes(status.disk.used_bytes)],
          ['Journal', bytes(status.journal.size_bytes)],
          ['Free', free === undefined ? undefined : bytes(free)],
          ['In quarantine', count(figures, 'merganser_quarantine_entries')],
          ['Caches', bytes(status.cache_bytes)],
          ['Answers from the cache', share('answers')],
          ['Parts of views from the cache', share('parts')],
        ]}
      />
    </section>
  );
}

function Service({ status }: { readonly status: Status }) {
  const { journal, next_runs: next } = status;
  return (
    <section class="card" aria-label="Service">
      <div class="card-heading">
        <h2>Service</h2>
      </div>
      <Facts
        facts={[
          ['Version', status.version],
          ['Started', <Ago at={status.started_at} />],
          ['Journal position', positionText(journal.position)],
          ['Journal begins at', positionText(journal.start)],
          ['Journal', <code>{journal.id}</code>],
          ['Next incremental run', next.incremental === null ? 'never' : <Ago at={next.incremental} />],
          ['Next full run', next.full === null ? 'never' : <Ago at={next.full} />],
        ]}
      />
    </section>
  );
}

function count(figures: Figures | undefined, name: string): string | undefined {
  const value = figures?.get(name);
  return value === undefined ? undefined : digits(value);
}
