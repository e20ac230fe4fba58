// A dashboard in edit mode: the controls of each chart, and the document as text.
import { type Board, type BoardChart, heightOf, moved, resized, titleOf, widthOf } from './board';
import { CHART_KINDS, type ChartKind } from '../../chart';
import { Button, Field } from '../../components';

interface ChartControlsProps {
  readonly board: Board;
  readonly at: number;
  readonly onChange: (board: Board) => void;
}

/** Title, kind, order and size of one chart; all by buttons, so that every key and pointer can do it. */
export function ChartControls({ board, at, onChange }: ChartControlsProps) {
  const chart = board.charts[at] as BoardChart;
  const title = titleOf(chart);
  const setCharts = (charts: readonly BoardChart[]) => onChange({ ...board, charts });
  const replace = (next: BoardChart) =>
    setCharts(board.charts.map((old, place) => (place === at ? next : old)));
  const step = (label: string, text: string, off: boolean, act: () => void) => (
    <Button class="small" aria-label={`${label}: ${title}`} title={label} disabled={off} onClick={act}>
      {text}
    </Button>
  );
  return (
    <div class="board-controls">
      <div class="row">
        <input
          class="board-name"
          aria-label={`Title of ${title}`}
          value={chart.title ?? ''}
          placeholder={title}
          onInput={(event) => replace({ ...chart, title: event.currentTarget.value })}
        />
        <select
          aria-label={`Kind of ${title}`}
          value={chart.chart}
          onChange={(event) => replace({ ...chart, chart: event.currentTarget.value as ChartKind })}
        >
          {CHART_KINDS.map((kind) => (
            <option key={kind} value={kind}>
              {kind}
            </option>
          ))}
        </select>
      </div>
      <div class="row">
        <span class="steps" role="group" aria-label={`Place of ${title}`}>
          {step('Move earlier', '←', at === 0, () => setCharts(moved(board.charts, at, at - 1)))}
          {step('Move later', '→', at === board.charts.length - 1, () =>
            setCharts(moved(board.charts, at, at + 1)),
          )}
        </span>
        <span class="steps" role="group" aria-label={`Width of ${title}`}>
          {step('Narrower', '−', widthOf(chart) === 1, () => replace(resized(chart, -1, 0)))}
          <span class="muted">{widthOf(chart)} wide</span>
          {step('Wider', '+', widthOf(chart) === 12, () => replace(resized(chart, 1, 0)))}
        </span>
        <span class="steps" role="group" aria-label={`Height of ${title}`}>
          {step('Lower', '−', heightOf(chart) === 1, () => replace(resized(chart, 0, -1)))}
          <span class="muted">{heightOf(chart)} high</span>
          {step('Higher', '+', heightOf(chart) === 8, () => replace(resized(chart, 0, 1)))}
        </span>
        <Button
          kind="danger"
          class="small"
          aria-label={`Remove ${title}`}
          onClick={() => setCharts(board.charts.filter((_, place) => place !== at))}
        >
          Remove
        </Button>
      </div>
    </div>
  );
}

interface HeadProps {
  readonly board: Board;
  readonly onChange: (board: Board) => void;
}

export function BoardHead({ board, onChange }: HeadProps) {
  return (
    <section class="card fields board-head" aria-label="Title and description">
      <Field label="Title">
        <input
          value={board.title ?? ''}
          onInput={(event) => onChange({ ...board, title: event.currentTarget.value })}
        />
      </Field>
      <Field label="Description">
        <input
          value={board.description ?? ''}
          onInput={(event) => onChange({ ...board, description: event.currentTarget.value })}
        />
      </Field>
    </section>
  );
}
