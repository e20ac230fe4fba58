// "Save to dashboard": puts what Explore shows into a dashboard, new or there already.
import { useState } from 'preact/hooks';
import { type Answer, measuresOf } from '../../answer';
import { useAction } from '../../action';
import { Button, Dialog, Field, Gate, Link, ProblemView } from '../../components';
import { readState } from '../../explore/state';
import { useFetched } from '../../fetched';
import { may } from '../../session';
import { type Board, type BoardChart, boardName, type BoardSummary, fittingHeight, isBoardName } from './board';
import { queryDocument, SHARED, sharedOf, titleOf, withChart } from './board';
import { NameField } from './list';
import { isConflict, listBoards, loadBoard, recent, saveBoard } from './store';

interface SaveProps {
  /** Explore's parameters. */
  readonly params: URLSearchParams;
  /** What it shows: from this follows how much room a chart takes. */
  readonly answer: Answer | undefined;
}

/** The button, for those who may write dashboards. */
export function SaveToDashboard(props: SaveProps) {
  const [open, setOpen] = useState(false);
  return may('admin') ? (
    <>
      <Button onClick={() => setOpen(true)}>Save to dashboard</Button>
      {open && <SaveDialog {...props} onClose={() => setOpen(false)} />}
    </>
  ) : null;
}

/** Where a chart was saved. */
type Target = Pick<BoardSummary, 'name' | 'title'>;

interface DialogProps extends SaveProps {
  readonly onClose: () => void;
}

function SaveDialog({ onClose, ...props }: DialogProps) {
  const list = useFetched('boards', listBoards);
  const [done, setDone] = useState<Target>();
  return (
    <Dialog title="Save to dashboard" onClose={onClose}>
      {done === undefined ? (
        <Gate of={list}>
          {(boards) => <SaveForm {...props} boards={boards} onClose={onClose} onDone={setDone} />}
        </Gate>
      ) : (
        <>
          <p role="status">Saved to {done.title || done.name}.</p>
          <footer>
            <Button onClick={onClose}>Go on exploring</Button>
            <Link to={`/d/${done.name}`} class="button primary">
              Open the dashboard
            </Link>
          </footer>
        </>
      )}
    </Dialog>
  );
}

const NEW = '';
/** The range that a chart keeps for itself, instead of following its dashboard's. */
const RANGE = ['from', 'to', 'timezone', 'compare'];

interface FormProps extends DialogProps {
  readonly boards: readonly BoardSummary[];
  readonly onDone: (target: Target) => void;
}

function SaveForm({ params, answer, boards, onClose, onDone }: FormProps) {
  const [target, setTarget] = useState(boards.find(isRecent)?.name ?? boards[0]?.name ?? NEW);
  const [boardTitle, setBoardTitle] = useState('');
  const [typed, setTyped] = useState<string>();
  const [title, setTitle] = useState('');
  const [keepRange, setKeepRange] = useState(false);
  const [at, setAt] = useState<number>();
  const { busy, problem, run } = useAction();
  const name = target === NEW ? (typed ?? (boardTitle === '' ? '' : boardName(boardTitle))) : target;
  const chart = chartOf(params, answer, title, keepRange);
  const submit = (event: Event) => {
    event.preventDefault();
    void run(async () => {
      await (target === NEW
        ? saveBoard(name, newBoard(boardTitle.trim(), params, chart, keepRange), undefined)
        : addTo(name, chart, at));
      recent.name = name;
      onDone(boards.find((board) => board.name === name) ?? { name, title: boardTitle.trim() });
    });
  };
  return (
    <form class="fields" onSubmit={submit}>
      <Field label="Dashboard">
        <select
          value={target}
          onChange={(event) => {
            setTarget(event.currentTarget.value);
            setAt(undefined);
          }}
        >
          {boards.map((board) => (
            <option key={board.name} value={board.name}>
              {board.title || board.name}
            </option>
          ))}
          <option value={NEW}>New dashboard…</option>
        </select>
      </Field>
      {target === NEW ? (
        <>
          <Field label="Title of the dashboard">
            <input required value={boardTitle} onInput={(event) => setBoardTitle(event.currentTarget.value)} />
          </Field>
          <NameField value={name} onInput={setTyped} />
        </>
      ) : (
        <PlaceField name={target} at={at} onChange={setAt} />
      )}
      {at === undefined && (
        <Field label="Title of the chart">
          <input
            value={title}
            placeholder={titleOf(chart)}
            onInput={(event) => setTitle(event.currentTarget.value)}
          />
        </Field>
      )}
      <label class="check">
        <input
          type="checkbox"
          checked={keepRange}
          onChange={(event) => setKeepRange(event.currentTarget.checked)}
        />
        Keep this range, zone and comparison for the chart
      </label>
      {problem && <ProblemView problem={problem} />}
      <footer>
        <Button onClick={onClose}>Cancel</Button>
        <Button kind="primary" type="submit" disabled={busy || !isBoardName(name)}>
          Save
        </Button>
      </footer>
    </form>
  );
}

interface PlaceProps {
  readonly name: string;
  readonly at: number | undefined;
  readonly onChange: (at: number | undefined) => void;
}

function PlaceField({ name, at, onChange }: PlaceProps) {
  const { value } = useFetched(name, (signal) => loadBoard(name, signal));
  return (
    <Field label="Place">
      <select
        value={at === undefined ? '' : String(at)}
        onChange={({ currentTarget: { value: chosen } }) =>
          onChange(chosen === '' ? undefined : Number(chosen))
        }
      >
        <option value="">A new chart at the end</option>
        {value?.board.charts.map((chart, index) => (
          <option key={index} value={String(index)}>
            Instead of {titleOf(chart)}
          </option>
        ))}
      </select>
    </Field>
  );
}

const isRecent = ({ name }: BoardSummary) => name === recent.name;

function chartOf(
  params: URLSearchParams,
  answer: Answer | undefined,
  title: string,
  keepRange: boolean,
): BoardChart {
  const { chart, groupBy, measures, granularity } = readState(params);
  const query = queryDocument(params, keepRange ? [] : RANGE);
  const count = answer === undefined ? measures.length : measuresOf(answer, groupBy).length;
  const height = fittingHeight(chart, granularity !== 'all', count, answer?.rows.length ?? 0);
  return { title: title.trim(), chart, width: chart === 'number' ? 4 : 6, height, query };
}

/** A new dashboard takes over the range, unless the chart keeps it for itself. */
function newBoard(title: string, params: URLSearchParams, chart: BoardChart, keepRange: boolean): Board {
  const shared = sharedOf({ charts: [] }, keepRange ? new URLSearchParams() : params);
  const kept = Object.fromEntries(SHARED.map((name) => [name, name === 'filter' ? '' : shared[name]]));
  return { title, description: '', ...kept, charts: [chart] };
}

/** Adds to the version that stands; if another was saved in between, to that one. */
async function addTo(name: string, chart: BoardChart, at: number | undefined): Promise<void> {
  for (let attempt = 0; ; attempt += 1) {
    const { board, etag } = await loadBoard(name);
    try {
      await saveBoard(name, withChart(board, chart, at), etag);
      return;
    } catch (error) {
      if (!isConflict(error) || attempt === ATTEMPTS) {
        throw error;
      }
    }
  }
}

const ATTEMPTS = 3;
