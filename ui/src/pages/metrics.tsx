// Metrics: what the service counts.
import { get } from '../api';
import { type Column, Gate, Link, PageHeading, Progress, Table } from '../components';
import { useFetched } from '../fetched';
import { FirstRun } from '../first-run';
import { cell, digits } from '../format';
import { place } from '../router';
import { may } from '../session';
import type { MetricDetail } from './metrics/metric';
import { NewMetric, newMetricParams } from './metrics/new';
import { OneMetric, StateChip } from './metrics/one';

const EVERY_MS = 5000;

export function Metrics() {
  const { path, params } = place.value;
  const name = path.split('/')[2];
  if (name !== undefined) {
    return <OneMetric key={name} name={decodeURIComponent(name)} />;
  }
  return params.has('new') && may('admin') ? <NewMetric /> : <MetricList />;
}

function MetricList() {
  const list = useFetched('metrics', loadList, EVERY_MS);
  const none = list.value?.length === 0;
  return (
    <>
      <PageHeading title="Metrics">
        {may('admin') && list.value && !none && (
          <Link to="/metrics" params={newMetricParams()} class="button primary">
            New metric
          </Link>
        )}
      </PageHeading>
      <Gate of={list}>
        {(metrics) =>
          metrics.length === 0 ? (
            <FirstRun />
          ) : (
            <section class="card" aria-label="Metrics">
              <Table caption="Metrics" columns={COLUMNS} rows={metrics} rowKey={({ name }) => name} />
            </section>
          )
        }
      </Gate>
    </>
  );
}

async function loadList(signal: AbortSignal): Promise<readonly MetricDetail[]> {
  return (await get<{ metrics: readonly MetricDetail[] }>('/v1/metrics', signal)).metrics;
}

const COLUMNS: readonly Column<MetricDetail>[] = [
  {
    key: 'name',
    title: 'Metric',
    render: ({ name, description }) => (
      <>
        <Link to={`/metrics/${encodeURIComponent(name)}`}>{name}</Link>
        {description && <div class="muted break">{description}</div>}
      </>
    ),
  },
  { key: 'state', title: 'State', render: State },
  { key: 'version', title: 'Version', number: true, render: ({ version }) => digits(version) },
  {
    key: 'groups',
    title: 'Groups',
    number: true,
    render: ({ groups }) => cell(groups?.batch),
  },
  {
    key: 'mismatches',
    title: 'Mismatches',
    number: true,
    render: ({ type_mismatches }) => (
      <span class={(type_mismatches?.text ?? '0') === '0' ? undefined : 'bad-text'}>{cell(type_mismatches)}</span>
    ),
  },
  {
    key: 'explore',
    title: <span class="visually-hidden">Explore</span>,
    number: true,
    render: ({ name }) => (
      <Link to="/explore" params={new URLSearchParams({ metric: name })}>
        Explore<span class="visually-hidden"> {name}</span>
      </Link>
    ),
  },
];

function State(metric: MetricDetail) {
  const progress = metric.next?.progress ?? metric.progress;
  return (
    <>
      <StateChip state={metric.state} />
      {progress && <Progress label={`Backfill of ${metric.name}`} value={progress.approx()} />}
    </>
  );
}
