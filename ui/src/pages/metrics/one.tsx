// One metric: what it counts, how far it is computed, and what it could not use.
import { useState } from 'preact/hooks';
import { useAction } from '../../action';
import { get, request, withParams } from '../../api';
import { type Definition, dimensionNames, loadMetrics, type MeasureDefinition } from '../../catalog';
import { Button, Chip, type Column, Confirm, CopyText, Facts, Field } from '../../components';
import { Gate, Link, PageHeading, ProblemView, Progress, Table, Tabs } from '../../components';
import { useFetched } from '../../fetched';
import { cell, dateTime, digits, plural } from '../../format';
import type { Decimal } from '../../json';
import { navigate, place } from '../../router';
import { may } from '../../session';
import { startRun } from '../runs/run';
import { type Format, written } from './definition';
import { DefinitionEditor } from './editor';
import { type MetricDetail, metricUrl, type Omission } from './metric';
import { Warnings } from './preview';

const EVERY_MS = 3000;

export function OneMetric({ name }: { readonly name: string }) {
  const found = useFetched<MetricDetail>(name, (signal) => get(metricUrl(name), signal), EVERY_MS);
  const editing = place.value.params.has('edit') && may('admin');
  const [deleting, setDeleting] = useState(false);
  const run = useAction();
  const here = `/metrics/${encodeURIComponent(name)}`;
  const remove = async () => {
    await request(metricUrl(name), { method: 'DELETE' });
    await loadMetrics(true);
    navigate('/metrics');
  };
  const compute = () => void run.run(async () => navigate(`/runs/${(await startRun('full', [name])).id}`));
  return (
    <>
      <PageHeading title={name}>
        <Link to="/explore" params={new URLSearchParams({ metric: name })} class="button primary">
          Explore
        </Link>
        {may('admin') && !editing && (
          <>
            <Link to={here} params={new URLSearchParams({ edit: '1' })} class="button plain">
              Edit
            </Link>
            <Button disabled={run.busy} onClick={compute}>
              Compute anew
            </Button>
            <Button kind="danger" onClick={() => setDeleting(true)}>
              Delete
            </Button>
          </>
        )}
      </PageHeading>
      {run.problem && <ProblemView problem={run.problem} />}
      <Gate of={found}>
        {(metric) =>
          editing ? (
            <DefinitionEditor
              name={name}
              first={{ name, ...(metric.next?.definition ?? metric.definition) }}
              actions={
                <Link to={here} class="button quiet">
                  Done
                </Link>
              }
            />
          ) : (
            <Details metric={metric} />
          )
        }
      </Gate>
      {deleting && (
        <Confirm
          title={`Delete ${name}?`}
          action={`Delete ${name}`}
          onConfirm={remove}
          onClose={() => setDeleting(false)}
        >
          <p>
            The metric no longer answers, and its views go. Events stay: the same definition, created again,
            is computed from all of them.
          </p>
        </Confirm>
      )}
    </>
  );
}

function Details({ metric }: { readonly metric: MetricDetail }) {
  const { definition, next } = metric;
  const mismatches = metric.type_mismatches;
  return (
    <div class="stack">
      {metric.description && <p class="lead break">{metric.description}</p>}
      <Backfill metric={metric} />
      <section class="card" aria-label="State">
        <Facts
          facts={[
            ['State', <StateChip state={metric.state} />],
            ['Version', next ? `${metric.version}, next ${next.version}` : String(metric.version)],
            ['First bucket', metric.first_bucket && dateTime(metric.first_bucket)],
            ['Last bucket', metric.last_bucket && dateTime(metric.last_bucket)],
            ['Groups in the batch view', metric.groups?.batch && digits(metric.groups.batch)],
            ['Groups in the speed view', metric.groups?.speed && digits(metric.groups.speed)],
            ['Batch view up to', metric.boundary?.offset && digits(metric.boundary.offset)],
            [
              'Type mismatches',
              mismatches && (
                <span class={mismatches.text === '0' ? undefined : 'bad-text'}>{digits(mismatches)}</span>
              ),
            ],
            ['Events', eventText(definition.event)],
            ['Only where', definition.filter && <code>{definition.filter}</code>],
            ['Base bucket', definition.granularity ?? 'minute'],
          ]}
        />
      </section>
      <Warnings warnings={metric.warnings ?? []} />
      {metric.omissions && metric.omissions.length > 0 && (
        <section class="card" aria-label="Values that were not used">
          <h2>Values that were not used</h2>
          <Table
            caption="Values that were not used"
            columns={OMISSION_COLUMNS}
            rows={metric.omissions}
            rowKey={(_, index) => String(index)}
          />
        </section>
      )}
      <Measures definition={definition} />
      <Dimensions metric={metric.name} definition={definition} />
      <Source definition={{ ...definition, name: metric.name }} />
    </div>
  );
}

export function StateChip({ state }: { readonly state: MetricDetail['state'] }) {
  return (
    <Chip label={state} tone={state === 'active' ? 'good' : 'warn'}>
      {state}
    </Chip>
  );
}

function Backfill({ metric }: { readonly metric: MetricDetail }) {
  const progress = metric.next?.progress ?? metric.progress;
  if (progress === undefined) {
    return null;
  }
  return (
    <section class="card stack live-run" aria-label="Backfill">
      <p>
        {metric.next
          ? `Version ${metric.next.version} is computed from all events. Version ${metric.version} answers meanwhile.`
          : 'It is computed from all events, and answers when that is done.'}
      </p>
      <Progress label="Progress of the backfill" value={progress.approx()} />
      <p class="muted">
        {Math.floor(progress.approx() * 100)} % · <Link to="/runs">Runs</Link>
      </p>
    </section>
  );
}

function eventText(event: Definition['event']): string {
  return typeof event === 'string' ? (event === '*' ? 'all' : event) : event.join(', ');
}

const OMISSION_COLUMNS: readonly Column<Omission>[] = [
  { key: 'use', title: 'Use', render: ({ use }) => <code class="break">{use}</code> },
  { key: 'kind', title: 'Why', render: ({ kind }) => REASONS[kind] ?? kind },
  { key: 'property', title: 'Property', render: ({ property }) => <code>{property ?? '–'}</code> },
  { key: 'example', title: 'Example', render: ({ example }) => <code class="break">{example?.json ?? '–'}</code> },
  { key: 'count', title: 'Values', number: true, render: ({ count }) => cell(count) },
];

const REASONS: { readonly [kind: string]: string } = {
  mismatched: 'another type',
  no_result: 'no result',
  rounded: 'rounded',
  absent: 'no event has it',
};

type Named = MeasureDefinition & { readonly name: string };

const MEASURE_COLUMNS: readonly Column<Named>[] = [
  { key: 'name', title: 'Measure', render: ({ name }) => name },
  { key: 'kind', title: 'Kind', render: ({ kind, q }) => (q === undefined ? kind : `${kind} ${q}`) },
  {
    key: 'of',
    title: 'Of',
    render: ({ of, expr }) => <code class="break">{of ?? expr ?? '–'}</code>,
  },
  { key: 'filter', title: 'Only where', render: ({ filter }) => <code class="break">{filter ?? '–'}</code> },
];

function Measures({ definition }: { readonly definition: Definition }) {
  const rows = Object.entries(definition.measures).map(([name, measure]) => ({ name, ...measure }));
  return (
    <section class="card" aria-label="Measures">
      <h2>Measures</h2>
      <Table caption="Measures" columns={MEASURE_COLUMNS} rows={rows} rowKey={({ name }) => name} />
    </section>
  );
}

interface ValuesPage {
  readonly counted_by: string | null;
  readonly total_values: Decimal;
  readonly values: readonly { readonly value: string | null; readonly count?: Decimal }[];
}

const VALUES = 20;

interface DimensionsProps {
  readonly metric: string;
  readonly definition: Definition;
}

function Dimensions({ metric, definition }: DimensionsProps) {
  const names = dimensionNames(definition);
  const [current, setCurrent] = useState(names[0] ?? '');
  if (names.length === 0) {
    return null;
  }
  const dimension = definition.dimensions?.find((one) => typeof one !== 'string' && one.name === current);
  const origin = typeof dimension === 'object' ? (dimension.expr ?? dimension.property) : undefined;
  return (
    <section class="card stack" aria-label="Dimensions">
      <h2>Dimensions</h2>
      <Tabs
        label="Dimension"
        tabs={names.map((name) => [name, name] as const)}
        current={current}
        onSelect={setCurrent}
      />
      {origin !== undefined && (
        <p class="muted">
          from <code class="break">{origin}</code>
        </p>
      )}
      <DimensionValues key={current} metric={metric} dimension={current} />
    </section>
  );
}

function DimensionValues({ metric, dimension }: { readonly metric: string; readonly dimension: string }) {
  const [prefix, setPrefix] = useState('');
  const path = `${metricUrl(metric)}/dimensions/${encodeURIComponent(dimension)}`;
  const url = withParams(path, { prefix, limit: VALUES, partial: 'allow' });
  const found = useFetched<ValuesPage>(url, (signal) => get(url, signal));
  return (
    <>
      <Field label={`Values of ${dimension} that begin with`}>
        <input
          class="prefix"
          value={prefix}
          spellcheck={false}
          onInput={(event) => setPrefix(event.currentTarget.value)}
        />
      </Field>
      <Gate of={found}>
        {({ values, total_values, counted_by }) =>
          values.length === 0 ? (
            <p class="muted">No value.</p>
          ) : (
            <>
              <Table
                caption={`Values of ${dimension}`}
                columns={[
                  { key: 'value', title: 'Value', render: ({ value }) => <span class="break">{value ?? '∅'}</span> },
                  { key: 'count', title: counted_by ?? 'Count', number: true, render: ({ count }) => cell(count) },
                ]}
                rows={values}
                rowKey={({ value }) => String(value === null ? 0 : `v${value}`)}
              />
              <p class="table-count muted">
                {digits(values.length)} of {plural(total_values, 'value')}, the most frequent first
              </p>
            </>
          )
        }
      </Gate>
    </>
  );
}

function Source({ definition }: { readonly definition: Definition }) {
  const [format, setFormat] = useState<Format>('toml');
  return (
    <section class="card stack" aria-label="Definition">
      <h2>Definition</h2>
      <Tabs
        label="Format of the definition"
        tabs={[
          ['toml', 'TOML'],
          ['json', 'JSON'],
        ]}
        current={format}
        onSelect={setFormat}
      />
      <CopyText text={written(definition, format)} what="the definition" />
    </section>
  );
}
