// Runs: what the batch layer did, does, and will do next.
import { useState } from 'preact/hooks';
import { useAction } from '../action';
import { get } from '../api';
import { now } from '../clock';
import { Ago, Button, type Column, Empty, Facts, Gate, Link, Menu } from '../components';
import { PageHeading, ProblemView, Table } from '../components';
import { useFetched } from '../fetched';
import { dateTime, digits, duration } from '../format';
import type { Decimal } from '../json';
import { place } from '../router';
import { may } from '../session';
import { LiveRun, StateChip, useRun } from './runs/live';
import { isUnderWay, purpose, type Run, startRun, tookMs } from './runs/run';
import { type Schedule, ScheduleCard } from './runs/schedule';
import { StartRun } from './runs/start';

const EVERY_MS = 4000;
const SHOWN = 100;

export function Runs() {
  const id = place.value.path.split('/')[2];
  return id === undefined ? <RunList /> : <OneRun key={id} id={decodeURIComponent(id)} />;
}

interface List {
  readonly runs: readonly Run[];
  readonly total: Decimal;
}

function RunList() {
  const list = useFetched<List>('runs', (signal) => get(`/v1/runs?limit=${SHOWN}`, signal), EVERY_MS);
  const schedule = useFetched<Schedule>('schedule', (signal) => get('/v1/schedule', signal), 30_000);
  const [choosing, setChoosing] = useState(false);
  const start = useAction();
  const begin = (mode: Run['mode']) =>
    void start.run(async () => {
      await startRun(mode);
      list.reload();
    });
  return (
    <>
      <PageHeading title="Runs">
        {may('admin') && (
          <Menu
            label="Start a run"
            name="Start a run"
            class="button primary"
            items={[
              { label: 'Incremental', hint: 'what is new', onSelect: () => begin('incremental') },
              { label: 'Full', hint: 'everything anew', onSelect: () => begin('full') },
              { label: 'Some metrics…', onSelect: () => setChoosing(true) },
            ]}
          />
        )}
      </PageHeading>
      <div class="stack">
        {start.problem && (
          <ProblemView problem={start.problem}>
            <Button onClick={start.clear}>Close</Button>
          </ProblemView>
        )}
        {list.value?.runs
          .filter(isUnderWay)
          .map((run) => <LiveRun key={run.id} id={run.id} first={run} onEnd={list.reload} />)}
        {schedule.value && <ScheduleCard schedule={schedule.value} onChange={schedule.reload} />}
        <section class="card" aria-label="Runs that were made">
          <Gate of={list}>
            {({ runs, total }) =>
              runs.length === 0 ? (
                <Empty title="No run yet.">
                  <p>A run archives events and publishes the batch views. Answers are whole without one, too.</p>
                </Empty>
              ) : (
                <>
                  <Table caption="Runs, newest first" columns={COLUMNS} rows={runs} rowKey={(run) => run.id} />
                  {total.approx() > runs.length && (
                    <p class="table-count muted">
                      The newest {runs.length} of {digits(total)}
                    </p>
                  )}
                </>
              )
            }
          </Gate>
        </section>
      </div>
      {choosing && <StartRun onClose={() => setChoosing(false)} onStart={list.reload} />}
    </>
  );
}

const COLUMNS: readonly Column<Run>[] = [
  { key: 'state', title: 'State', render: (run) => <StateChip state={run.state} /> },
  {
    key: 'run',
    title: 'Run',
    render: (run) => (
      <>
        <Link to={`/runs/${run.id}`} class="nowrap">
          {run.id}
        </Link>
        <div class="muted">{purpose(run)}</div>
      </>
    ),
  },
  { key: 'trigger', title: 'Started by', render: (run) => run.trigger },
  { key: 'ended', title: 'Ended', render: Ended },
  { key: 'took', title: 'Took', number: true, render: Took },
  { key: 'events', title: 'Events', number: true, render: (run) => digits(run.events) },
  { key: 'audit', title: 'Audit', number: true, render: Audit },
  {
    key: 'generation',
    title: 'Generation',
    number: true,
    render: (run) => (run.generation === null ? '–' : digits(run.generation)),
  },
];

function Ended(run: Run) {
  return (
    <span class="nowrap">
      <Ago at={run.ended_at} />
    </span>
  );
}

function Took(run: Run) {
  const ms = tookMs(run, run.ended_at === null ? now.value : 0);
  return ms === undefined ? '–' : duration(ms);
}

/** Whether the groups that both layers hold were equal. */
function Audit(run: Run) {
  if (run.audit === null) {
    return '–';
  }
  const differ = differs(run);
  return (
    <span class={differ ? 'bad-text' : undefined} title={`${digits(run.audit.compared)} groups compared`}>
      {differ ? `${digits(run.audit.differences)} differ` : 'equal'}
    </span>
  );
}

function Differences({ run }: { readonly run: Run }) {
  return (
    <span class={differs(run) ? 'bad-text' : undefined}>
      {run.audit && digits(run.audit.differences)}
    </span>
  );
}

function differs(run: Run): boolean {
  return run.audit !== null && run.audit.differences.text !== '0';
}

function OneRun({ id }: { readonly id: string }) {
  const { run, problem } = useRun(id);
  return (
    <>
      <PageHeading title={id}>
        <Link to="/runs" class="button plain">
          All runs
        </Link>
      </PageHeading>
      <div class="stack">
        {problem && <ProblemView problem={problem} />}
        {run && isUnderWay(run) && <LiveRun id={id} first={run} />}
        {run && <RunFacts run={run} />}
      </div>
    </>
  );
}

function RunFacts({ run }: { readonly run: Run }) {
  return (
    <section class="card stack" aria-label="Facts">
      <Facts
        facts={[
          ['State', <StateChip state={run.state} />],
          ['For', purpose(run)],
          ['Started by', run.trigger],
          ['Step', run.step],
          ['Scheduled for', run.scheduled_for && dateTime(run.scheduled_for)],
          ['Started', run.started_at && dateTime(run.started_at)],
          ['Ended', run.ended_at && dateTime(run.ended_at)],
          ['Took', Took(run)],
          ['Events folded', digits(run.events)],
          ['Days', digits(run.days)],
          ['Attempts', run.attempt && digits(run.attempt)],
          ['Version backfilled', run.backfill && digits(run.backfill)],
          ['Groups compared', run.audit && digits(run.audit.compared)],
          ['Groups that differ', run.audit && <Differences run={run} />],
          ['Generation published', run.generation && digits(run.generation)],
        ]}
      />
      {run.error !== null && (
        <div>
          <h2>Error</h2>
          <pre class="bad-text">{run.error}</pre>
        </div>
      )}
    </section>
  );
}
