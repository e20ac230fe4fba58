// Explore: ask for a metric and see what the answer is made of. All of its state is in the address.
import { useEffect, useMemo, useState } from 'preact/hooks';
import { Button, Loading, PageHeading, ProblemView } from '../components';
import { loadMetric, loadMetrics, type Metric, metrics } from '../catalog';
import { useFetched } from '../fetched';
import { FirstRun } from '../first-run';
import { SaveToDashboard } from './dashboards/save';
import { recent } from './dashboards/store';
import { navigate, place } from '../router';
import { useAnswer } from '../explore/asking';
import { Filters } from '../explore/filters';
import { KeyList, useKeys } from '../explore/keys';
import { Live } from '../explore/live';
import { choicesOf, firstLook, type Ground, groundOf, toChart, toGroup, toMetric, toRange } from '../explore/moves';
import { ChartKinds, CompareSelect, GranularitySelect, More, OptionChips } from '../explore/options';
import {
  browserZone,
  GroupPicker,
  MeasurePicker,
  MetricPicker,
  ZonePicker,
} from '../explore/pickers';
import { RangePicker } from '../explore/range-picker';
import { Result } from '../explore/result';
import { Share } from '../explore/share';
import {
  type Changes,
  type ExploreState,
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
      navigate('/explore', firstLook(detail.value, recent.timezone || browserZone(), Date.now()), true);
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

interface BoardProps {
  readonly state: ExploreState;
  readonly metric: Metric | undefined;
}

/** How often the pickers were opened by their keys. */
interface Opened {
  readonly metric: number;
  readonly filter: number;
  readonly range: number;
}

function Board({ state, metric }: BoardProps) {
  const { params } = state;
  const [paused, setPaused] = useState(false);
  const [opened, setOpened] = useState<Opened>({ metric: 0, filter: 0, range: 0 });
  const [help, setHelp] = useState(false);
  const asked = useAnswer(queryOf(params), !state.live ? 'once' : paused ? 'paused' : 'live');
  const change = (changes: Changes, replace = false) =>
    navigate('/explore', withChanges(params, changes), replace);
  const setMetric = (name: string) => {
    const next = metrics.value?.find((one) => one.name === name);
    if (next !== undefined) {
      change(toMetric(state, next));
    }
  };
  const ground = groundOf(metric, asked.answer);
  const setRange = (from: string, to: string) =>
    change(toRange(state, ground, from, to, Date.now()));
  const open = (picker: keyof Opened) => setOpened({ ...opened, [picker]: opened[picker] + 1 });
  useKeys({
    '/': () => open('metric'),
    f: () => open('filter'),
    t: () => open('range'),
    c: () => document.getElementById('compare')?.focus(),
    '?': () => setHelp(true),
  });
  return (
    <div class="explore">
      <div class="page-heading">
        <h1>
          <span class="visually-hidden">Explore </span>
          <MetricPicker
            metrics={metrics.value ?? []}
            current={state.metric}
            openRequest={opened.metric}
            onSelect={setMetric}
          />
        </h1>
        <div class="page-actions">
          <Live state={state} paused={paused} onPause={setPaused} onChange={change} />
          <SaveToDashboard params={params} answer={asked.answer} />
          <Share params={params} answer={asked.answer} />
        </div>
      </div>
      <Controls {...{ state, metric, ground, opened, change, setRange }} />
      <Result
        state={state}
        metric={metric}
        asked={asked}
        onPick={(group, exclude) => change(toGroup(state, group, exclude))}
        onZoom={setRange}
        onChange={change}
      />
      <button type="button" class="button quiet keys-hint" onClick={() => setHelp(true)}>
        Keyboard <kbd>?</kbd>
      </button>
      {help && <KeyList onClose={() => setHelp(false)} />}
    </div>
  );
}

interface ControlsProps extends BoardProps {
  readonly ground: Ground;
  readonly opened: Opened;
  readonly change: (changes: Changes) => void;
  readonly setRange: (from: string, to: string) => void;
}

function Controls({ state, metric, ground, opened, change, setRange }: ControlsProps) {
  const { params } = state;
  const { fits, length } = choicesOf(state, ground, Date.now());
  return (
    <>
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
        <RangePicker from={state.from} to={state.to} openRequest={opened.range} onSelect={setRange} />
        <GranularitySelect
          current={state.granularity}
          fitting={fits}
          length={length}
          onSelect={(granularity) => change(granularityChanges(granularity, params.get('having') ?? ''))}
        />
        <ZonePicker current={state.timezone} onSelect={(timezone) => change({ timezone })} />
        <CompareSelect current={state.compare} onSelect={(compare) => change({ compare })} />
      </div>
      <div class="controls">
        <Filters
          metric={metric}
          filter={state.filter}
          openRequest={opened.filter}
          onChange={(filter) => change({ filter })}
        />
        <OptionChips params={params} onChange={change} />
        <span class="controls-gap" />
        <More
          params={params}
          timed={state.granularity !== 'all'}
          grouped={state.groupBy.length > 0}
          onChange={change}
        />
        <ChartKinds
          current={state.chart}
          onSelect={(chart) => change(toChart(state, ground, chart, Date.now()))}
        />
      </div>
    </>
  );
}
