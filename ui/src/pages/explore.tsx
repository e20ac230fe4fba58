// Explore: ask for a metric and see what the answer is made of. All of its state is in the address.
import { useEffect, useMemo, useState } from 'preact/hooks';
import { groupsOf } from '../answer';
import type { Problem } from '../api';
import { Button, Loading, PageHeading, ProblemView } from '../components';
import { loadMetric, loadMetrics, type Metric, metrics } from '../catalog';
import { type ChartKind, ChartView, type GroupPick } from '../chart';
import { useFetched } from '../fetched';
import { FirstRun } from '../first-run';
import { ProvenanceLine } from '../provenance';
import { SaveToDashboard } from './dashboards/save';
import { navigate, place } from '../router';
import { useAnswer } from '../explore/asking';
import { parseFilter, picked, writeFilter } from '../explore/filter';
import { Filters } from '../explore/filters';
import { KeyList, useKeys } from '../explore/keys';
import { ChartKinds, CompareSelect, GranularitySelect, More } from '../explore/options';
import {
  browserZone,
  GroupPicker,
  MeasurePicker,
  MetricPicker,
  ZonePicker,
} from '../explore/pickers';
import { fitting, lengthOf, nextGranularity, suggested, zoneFits } from '../explore/range';
import { RangePicker } from '../explore/range-picker';
import { Share } from '../explore/share';
import {
  type Changes,
  type ExploreState,
  GROUP_LIMIT,
  granularityChanges,
  groupChanges,
  queryOf,
  readState,
  withChanges,
} from '../explore/state';

export function Explore() {
  const { params } = place.value;
  const state = useMemo(() => readState(params), [params]);
  const list = useFetched('metrics', () => loadMetrics());
  const known = metrics.value;
  const name = state.metric || known?.[0]?.name || '';
  const detail = useFetched(name, (signal) => loadMetric(name, signal));
  const metric = detail.value?.name === name ? detail.value : known?.find((one) => one.name === name);
  useEffect(() => {
    if (state.metric === '' && detail.value?.name === name && name !== '') {
      navigate('/explore', firstLook(detail.value), true);
    }
  }, [state.metric, detail.value, name]);
  if (list.problem && known === undefined && state.metric === '') {
    return (
      <ProblemView problem={list.problem}>
        <Button onClick={list.reload}>Try again</Button>
      </ProblemView>
    );
  }
  if (known?.length === 0 && state.metric === '') {
    return (
      <>
        <PageHeading title="Explore" />
        <FirstRun />
      </>
    );
  }
  return state.metric === '' ? <Loading /> : <Board state={state} metric={metric} />;
}

/** What a reader sees first of a metric: its first measure over all of its events, or over the last month. */
function firstLook(metric: Metric): URLSearchParams {
  const base = metric.definition.granularity ?? 'minute';
  const zone = zoneFits(base, browserZone()) ? browserZone() : 'UTC';
  const now = Date.now();
  const data = extentOf(metric);
  const recent = data !== undefined && now - data[1] < 30 * 86_400_000;
  const from = recent && now - data[0] > 30 * 86_400_000 ? 'now-30d' : '';
  const length = lengthOf(from, '', now, data) ?? 0;
  return withChanges(new URLSearchParams(), {
    metric: metric.name,
    measures: firstMeasure(metric),
    from,
    to: from === '' ? '' : 'now',
    timezone: zone,
    totals: 'true',
    ...granularityChanges(suggested(length, fitting(base, zone))),
  });
}

/** A count, if there is one: that is what people ask for first. */
function firstMeasure({ definition }: Metric): string | undefined {
  const measures = Object.entries(definition.measures);
  const counts = measures.filter(([, { kind, filter }]) => kind === 'count' && filter === undefined);
  return (counts[0] ?? measures[0])?.[0];
}

/** From the first event to the last, in milliseconds. */
function extentOf(metric: Metric | undefined): readonly [number, number] | undefined {
  const [first, last] = [Date.parse(metric?.first_bucket ?? ''), Date.parse(metric?.last_bucket ?? '')];
  return Number.isNaN(first) || Number.isNaN(last) ? undefined : [first, last];
}

interface BoardProps {
  readonly state: ExploreState;
  readonly metric: Metric | undefined;
}

function Board({ state, metric }: BoardProps) {
  const { params } = state;
  const [paused, setPaused] = useState(false);
  const [open, setOpen] = useState({ metric: 0, filter: 0, range: 0 });
  const [help, setHelp] = useState(false);
  const query = queryOf(params);
  const asked = useAnswer(query, state.live && !paused);
  const base = metric?.definition.granularity ?? 'minute';
  const fits = fitting(base, state.timezone);
  const data = extentOf(metric);
  const length = lengthOf(state.from, state.to, Date.now(), data);

  const change = (changes: Changes, replace = false) =>
    navigate('/explore', withChanges(params, changes), replace);
  const setRange = (from: string, to: string) => {
    const after = lengthOf(from, to, Date.now(), data);
    const granularity = nextGranularity(state.granularity, length, after, fits);
    change({ from, to, granularity: granularity === 'all' ? undefined : granularity, after: '' });
  };
  const setChart = (chart: ChartKind) => {
    const timed = state.granularity !== 'all';
    if (chart === 'number') {
      change({ chart, ...granularityChanges('all'), granularity: '', totals: 'true' });
    } else if (!timed && chart !== 'bar' && chart !== 'table') {
      change({ chart, ...granularityChanges(suggested(length ?? 0, fits)) });
    } else {
      change({ chart });
    }
  };
  const pick: GroupPick = (group, exclude) =>
    change({ filter: writeFilter(picked(parseFilter(state.filter), group, exclude)) });
  const setMetric = (name: string) => {
    const next = metrics.value?.find((one) => one.name === name);
    const base = next?.definition.granularity ?? 'minute';
    const timezone = zoneFits(base, state.timezone) ? state.timezone : 'UTC';
    const names = fitting(base, timezone);
    const { granularity } = state;
    change({
      timezone,
      ...(granularity === 'all' || names.includes(granularity) ? {} : { granularity: names[0] }),
      metric: name,
      measures: next && firstMeasure(next),
      filter: '',
      having: '',
      order_by: '',
      after: '',
      ...groupChanges([], params),
    });
  };

  useKeys((key) => {
    switch (key) {
      case '/':
        setOpen({ ...open, metric: open.metric + 1 });
        return true;
      case 'f':
        setOpen({ ...open, filter: open.filter + 1 });
        return true;
      case 't':
        setOpen({ ...open, range: open.range + 1 });
        return true;
      case 'c':
        document.getElementById('compare')?.focus();
        return true;
      case '?':
        setHelp(true);
        return true;
      default:
        return false;
    }
  });

  return (
    <div class="explore">
      <div class="page-heading">
        <h1>
          <span class="visually-hidden">Explore </span>
          <MetricPicker
            metrics={metrics.value ?? []}
            current={state.metric}
            openRequest={open.metric}
            onSelect={setMetric}
          />
        </h1>
        <div class="page-actions">
          <Live state={state} paused={paused} onPause={setPaused} onChange={change} />
          <SaveToDashboard params={params} />
          <Share params={params} answer={asked.answer} />
        </div>
      </div>
      <div class="controls">
        <MeasurePicker
          metric={metric}
          selected={state.measures}
          onSelect={(measures) => change({ measures: measures.join(',') })}
        />
        <GroupPicker
          metric={metric}
          selected={state.groupBy}
          onSelect={(groups) => change(groupChanges(groups, params))}
        />
        <span class="controls-gap" />
        <RangePicker from={state.from} to={state.to} openRequest={open.range} onSelect={setRange} />
        <GranularitySelect
          current={state.granularity}
          fitting={fits}
          length={length}
          onSelect={(granularity) => change(granularityChanges(granularity))}
        />
        <ZonePicker current={state.timezone} onSelect={(timezone) => change({ timezone })} />
        <CompareSelect current={state.compare} onSelect={(compare) => change({ compare })} />
      </div>
      <div class="controls">
        <Filters
          metric={metric}
          filter={state.filter}
          openRequest={open.filter}
          onChange={(filter) => change({ filter })}
        />
        <span class="controls-gap" />
        <More
          params={params}
          timed={state.granularity !== 'all'}
          grouped={state.groupBy.length > 0}
          onChange={change}
        />
        <ChartKinds current={state.chart} onSelect={setChart} />
      </div>
      <Result state={state} metric={metric} asked={asked} onPick={pick} onZoom={setRange} onChange={change} />
      <button type="button" class="button quiet keys-hint" onClick={() => setHelp(true)}>
        Keyboard <kbd>?</kbd>
      </button>
      {help && <KeyList onClose={() => setHelp(false)} />}
    </div>
  );
}

interface LiveProps {
  readonly state: ExploreState;
  readonly paused: boolean;
  readonly onPause: (paused: boolean) => void;
  readonly onChange: (changes: Changes, replace?: boolean) => void;
}

function Live({ state, paused, onPause, onChange }: LiveProps) {
  const running = state.live && !paused;
  return (
    <>
      {state.live && (
        <Button kind="quiet" onClick={() => onPause(!paused)}>
          {paused ? 'Resume' : 'Pause'}
        </Button>
      )}
      <Button
        aria-pressed={state.live}
        class={running ? 'live running' : 'live'}
        onClick={() => {
          onPause(false);
          onChange({ live: state.live ? '' : 'true' }, true);
        }}
      >
        <span class="live-dot" aria-hidden="true" />
        Live
      </Button>
    </>
  );
}

/** Whether the same question may be answered later. */
function mayPass({ status }: Problem): boolean {
  return status === 0 || status === 429 || status >= 500;
}

interface ResultProps extends BoardProps {
  readonly asked: ReturnType<typeof useAnswer>;
  readonly onPick: GroupPick;
  readonly onZoom: (from: string, to: string) => void;
  readonly onChange: (changes: Changes) => void;
}

/** Refusals after which an incomplete answer may be asked for. */
const PARTIAL_HELPS = ['incomplete', 'backfilling', 'speed_unavailable', 'views_moving', 'not_ready'];

function Result({ state, metric, asked, onPick, onZoom, onChange }: ResultProps) {
  const { answer, problem } = asked;
  const groupBy = useMemo(() => groupsOf(asked.query), [asked.query]);
  return (
    <section class="card result" aria-busy={asked.loading} aria-label="Answer">
      {problem && (
        <ProblemView problem={problem}>
          {mayPass(problem) && <Button onClick={asked.again}>Try again</Button>}
          {PARTIAL_HELPS.includes(problem.code) && (
            <Button onClick={() => onChange({ partial: 'allow' })}>Show what there is</Button>
          )}
        </ProblemView>
      )}
      {answer === undefined ? (
        !problem && <Loading />
      ) : (
        <>
          <ChartView
            answer={answer}
            question={asked.query}
            groupBy={groupBy}
            chart={state.chart}
            definition={metric?.definition}
            onPick={onPick}
            onOthers={() => onChange({ group_limit: GROUP_LIMIT, other: 'true' })}
            onZoom={(from, to) => onZoom(edge(from), edge(to))}
          />
          <ProvenanceLine answer={answer} query={asked.query} />
        </>
      )}
    </section>
  );
}

/** An edge as it is written shortest: a date where it is a midnight of the zone. */
function edge(time: string): string {
  return time.replace(/T00:00:00(?:\.0+)?(?:Z|[+-]\d\d:\d\d)$/, '');
}
