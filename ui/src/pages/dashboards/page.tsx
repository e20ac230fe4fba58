// One dashboard: looked at, or edited on the page and as text.
import { useEffect, useMemo, useState } from 'preact/hooks';
import { loadMetric, type Metric } from '../../catalog';
import { Button, Confirm, Empty, Gate, Link, Menu, PageHeading, ProblemView, Tabs } from '../../components';
import { parseFilter, picked, writeFilter } from '../../explore/filter';
import { useKeys } from '../../explore/keys';
import { useFetched } from '../../fetched';
import { readJson } from '../../json';
import { navigate, place } from '../../router';
import { may } from '../../session';
import { useMarkedAction } from '../metrics/marked';
import { SourceField } from '../metrics/source';
import { type Board, type BoardChart, boardText, type MetricExtent, type Shared, sharedOf, withShared } from './board';
import { ChartCard } from './card';
import { Conflict } from './conflict';
import { useDraft, useWarning } from './draft';
import { BoardHead, ChartControls } from './edit';
import { SharedSettings } from './settings';
import { deleteBoard, isConflict, loadBoard, recent, saveBoard, type Stored } from './store';

const LIVE_MS = 5000;

export function BoardPage({ name }: { readonly name: string }) {
  const loaded = useFetched(name, (signal) => loadBoard(name, signal));
  const [written, setWritten] = useState<Stored>();
  const stored = written ?? loaded.value;
  const editing = place.value.params.has('edit') && may('admin');
  useEffect(() => {
    if (stored !== undefined) {
      document.title = `${stored.board.title || name} · Merganser`;
      Object.assign(recent, { name, timezone: stored.board.timezone ?? '' });
    }
  }, [stored]);
  if (stored === undefined) {
    return (
      <>
        <PageHeading title={name} />
        <Gate of={loaded}>{() => null}</Gate>
      </>
    );
  }
  return editing ? (
    <EditBoard key={stored.etag} name={name} stored={stored} onSaved={setWritten} />
  ) : (
    <LookAtBoard name={name} board={stored.board} />
  );
}

function LookAtBoard({ name, board }: { readonly name: string; readonly board: Board }) {
  const { path, params } = place.value;
  const [deleting, setDeleting] = useState(false);
  const live = params.get('live') === 'true';
  const change = (changes: Partial<Shared>) => navigate(path, withShared(board, params, changes));
  const set = (param: string, on: boolean) => {
    const next = new URLSearchParams(params);
    on ? next.set(param, param === 'live' ? 'true' : '1') : next.delete(param);
    navigate(path, next, param === 'live');
  };
  const remove = async () => {
    await deleteBoard(name);
    navigate('/d');
  };
  return (
    <>
      <PageHeading title={board.title || name}>
        <Button
          aria-pressed={live}
          class={live ? 'live running' : 'live'}
          title={`Ask again every ${LIVE_MS / 1000} s`}
          onClick={() => set('live', !live)}
        >
          <span class="live-dot" aria-hidden="true" />
          Live
        </Button>
        {may('admin') && (
          <>
            <Button onClick={() => set('edit', true)}>Edit</Button>
            <Menu
              label="More"
              name="More"
              items={[{ label: 'Delete…', danger: true, onSelect: () => setDeleting(true) }]}
            />
          </>
        )}
      </PageHeading>
      {board.description && <p class="lead board-lead break">{board.description}</p>}
      <Grid
        board={board}
        shared={sharedOf(board, params)}
        every={live ? LIVE_MS : undefined}
        onShared={change}
      />
      {deleting && (
        <Confirm
          title={`Delete ${name}?`}
          action={`Delete ${name}`}
          onConfirm={remove}
          onClose={() => setDeleting(false)}
        >
          <p>The dashboard goes for everybody. Metrics and events stay.</p>
        </Confirm>
      )}
    </>
  );
}

interface GridProps {
  readonly board: Board;
  readonly shared: Shared;
  readonly every?: number | undefined;
  readonly onShared: (changes: Partial<Shared>) => void;
  /** Given in edit mode. */
  readonly onBoard?: (board: Board) => void;
}

function Grid({ board, shared, every, onShared, onBoard }: GridProps) {
  const metrics = useMetrics(board);
  const [open, setOpen] = useState({ range: 0, filter: 0 });
  useKeys({
    t: () => setOpen({ ...open, range: open.range + 1 }),
    f: () => setOpen({ ...open, filter: open.filter + 1 }),
    c: () => document.getElementById('compare')?.focus(),
  });
  return (
    <>
      <SharedSettings
        shared={shared}
        metrics={(metrics ?? []).map(({ metric }) => metric)}
        open={open}
        onChange={onShared}
      />
      {board.charts.length === 0 && (
        <Empty title="There is no chart yet.">
          <p>
            Look at a metric in <Link to="/explore">Explore</Link>, then choose “Save to dashboard”.
          </p>
        </Empty>
      )}
      <div class="board">
        {board.charts.map((chart, at) => (
          <ChartCard
            key={at}
            chart={chart}
            shared={shared}
            metric={metrics && (extentIn(metrics, chart) ?? UNKNOWN)}
            every={every}
            onPick={(group, exclude) =>
              onShared({ filter: writeFilter(picked(parseFilter(shared.filter), group, exclude)) })
            }
            onZoom={(from, to) => onShared({ from, to })}
          >
            {onBoard && <ChartControls board={board} at={at} onChange={onBoard} />}
          </ChartCard>
        ))}
      </div>
    </>
  );
}

interface KnownMetric {
  readonly metric: Metric;
  readonly extent: MetricExtent;
}

/** The metrics of the charts, each asked for once. One that cannot be read is left out: its chart says why. */
function useMetrics(board: Board): readonly KnownMetric[] | undefined {
  const names = [...new Set(board.charts.map(({ query }) => String(query['metric'] ?? '')))];
  const found = useFetched(names.filter((name) => name !== '').join(','), async (signal) => {
    const all = names.map((name) => loadMetric(name, signal).catch(() => undefined));
    return (await Promise.all(all)).flatMap((metric) => (metric === undefined ? [] : [metric]));
  });
  return useMemo(
    () => found.value?.map((metric) => ({ metric, extent: extentOf(metric) })),
    [found.value],
  );
}

/** Of a metric that cannot be read: the service then says why, in place of the chart. */
const UNKNOWN: MetricExtent = { definition: { event: '*', measures: {} }, data: undefined };

function extentIn(metrics: readonly KnownMetric[], { query }: BoardChart): MetricExtent | undefined {
  return metrics.find(({ metric }) => metric.name === query['metric'])?.extent;
}

function extentOf({ definition, first_bucket, last_bucket }: Metric): MetricExtent {
  const [first, last] = [Date.parse(first_bucket ?? ''), Date.parse(last_bucket ?? '')];
  return { definition, data: Number.isNaN(first) || Number.isNaN(last) ? undefined : [first, last] };
}

interface EditProps {
  readonly name: string;
  readonly stored: Stored;
  readonly onSaved: (stored: Stored) => void;
}

type Mode = 'charts' | 'text';

function EditBoard({ name, stored, onSaved }: EditProps) {
  const { path, params } = place.value;
  const draft = useDraft(name, stored, params);
  const { board } = draft;
  const [text, setText] = useState<string>();
  const [conflict, setConflict] = useState<Board>();
  const { busy, problem, mark, attempt } = useMarkedAction();
  const mode: Mode = text === undefined ? 'charts' : 'text';
  const unsaved = text !== undefined || draft.changed;
  useWarning(unsaved);

  const leave = (to = path) => {
    draft.forget();
    navigate(to);
  };
  /** The document of the text, or of the charts. */
  const current = (): Board => (text === undefined ? board : (readJson(text) as unknown as Board));
  const switchTo = (next: Mode) =>
    attempt(text, 'json', async () => {
      const document = current();
      draft.set({ ...document, charts: document.charts ?? [] });
      setText(next === 'text' ? boardText(document) : undefined);
    });
  const save = (to = path) =>
    attempt(text, 'json', async () => {
      const document = current();
      try {
        onSaved(await saveBoard(name, document, draft.etag));
        leave(to);
      } catch (error) {
        if (!isConflict(error)) {
          throw error;
        }
        setConflict(document);
      }
    });
  return (
    <>
      <PageHeading title={board.title || name}>
        {unsaved && <span class="muted">Not saved yet</span>}
        <Button disabled={busy} onClick={() => (unsaved ? save('/explore') : leave('/explore'))}>
          {unsaved ? 'Save and add from Explore' : 'Add from Explore'}
        </Button>
        <Button onClick={() => leave()}>Cancel</Button>
        <Button kind="primary" disabled={busy} onClick={() => save()}>
          Save
        </Button>
      </PageHeading>
      <div class="stack board-edit">
        {problem && <ProblemView problem={problem} />}
        <Tabs
          label="Edit as"
          tabs={MODES}
          current={mode}
          onSelect={(next) => next !== mode && switchTo(next)}
        />
        {text === undefined ? (
          <EditCharts board={board} onChange={draft.set} />
        ) : (
          <SourceField label="Dashboard as JSON" value={text} mark={mark} onInput={setText} />
        )}
      </div>
      {conflict && (
        <Conflict
          name={name}
          mine={conflict}
          onClose={() => setConflict(undefined)}
          onDone={(taken) => {
            onSaved(taken);
            leave();
          }}
        />
      )}
    </>
  );
}

const MODES: readonly (readonly [Mode, string])[] = [
  ['charts', 'Charts'],
  ['text', 'Text'],
];

interface EditChartsProps {
  readonly board: Board;
  readonly onChange: (board: Board) => void;
}

function EditCharts({ board, onChange }: EditChartsProps) {
  return (
    <>
      <BoardHead board={board} onChange={onChange} />
      <Grid
        board={board}
        shared={sharedOf(board, new URLSearchParams())}
        onShared={(changes) => onChange({ ...board, ...changes })}
        onBoard={onChange}
      />
    </>
  );
}
