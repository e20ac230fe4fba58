// A chart of an answer: one panel for each measure, with one cursor for all of them.
import { useMemo, useState } from 'preact/hooks';
import { type Answer, type AnswerColumn, isNumber, measuresOf, type Provenance } from '../answer';
import { type Definition, isAdditive } from '../catalog';
import { percent } from '../exact';
import { digits, plural } from '../format';
import { Approximate } from './approximate';
import { GroupBars } from './bars';
import { Legend } from './legend';
import { NumberTile } from './number';
import { layoutOf, type PlotKind } from './layout';
import { Plot } from './plot';
import { type ChartData, COLOR_MEMORY, COLORS, chartData, valueOf } from './series';
import { AnswerTable } from './table';

export type ChartKind = 'line' | 'area' | 'stacked' | 'bar' | 'number' | 'table';

export const CHART_KINDS: readonly ChartKind[] = ['line', 'area', 'stacked', 'bar', 'number', 'table'];

/** A group was chosen, to be filtered by or to be excluded. */
export type GroupPick = (
  group: { readonly [dimension: string]: string | null },
  exclude: boolean,
) => void;

export interface ChartViewProps {
  readonly answer: Answer;
  /** The query. */
  readonly question?: string;
  /** The dimensions of the query. */
  readonly groupBy: readonly string[];
  readonly chart: ChartKind;
  readonly definition: Definition | undefined;
  readonly title?: string;
  /** Height of all panels together. */
  readonly height?: number;
  /** Without the line of names and totals above each panel. */
  readonly bare?: boolean;
  readonly onPick?: GroupPick | undefined;
  /** The groups that are too many are to be drawn as one. */
  readonly onOthers?: (() => void) | undefined;
  /** A range was chosen: its start, and its end, as the service writes times. */
  readonly onZoom?: ((from: string, to: string) => void) | undefined;
}

export function ChartView(props: ChartViewProps) {
  const { answer } = props;
  const sent = answer.rows.length;
  return (
    <>
      {answer.total_rows.approx() > sent && (
        <p class={isLimited(props.question) ? 'panel-note' : 'panel-note warning'}>
          {isLimited(props.question) ? 'The first ' : 'Not all of it: '}
          {digits(sent)} of {plural(answer.total_rows, 'row')}
          {isLimited(props.question) ? ', as the limit says' : ' were sent'}.
        </p>
      )}
      {sent === 0 ? <p class="no-rows">No events in this range.</p> : <Chart {...props} />}
    </>
  );
}

/** Whether the question itself asked for no more rows. */
function isLimited(question: string | undefined): boolean {
  return new URLSearchParams(question).has('limit');
}

function Chart(props: ChartViewProps) {
  const { answer, groupBy, chart, onPick } = props;
  const measures = measuresOf(answer, groupBy);
  const timed = answer.columns.some((column) => column.name === 'time');
  if (chart === 'table') {
    const caption = props.title ?? answer.metric;
    return <AnswerTable answer={answer} groupBy={groupBy} caption={caption} onPick={onPick} />;
  }
  if (chart === 'number' || (!timed && groupBy.length === 0)) {
    return <Numbers answer={answer} measures={measures} />;
  }
  if (timed) {
    return <TimePanels {...props} measures={measures} />;
  }
  return (
    <div class={measures.length > 1 ? 'panels side' : 'panels'}>
      {measures.map(({ name }) => (
        <section key={name} class="panel">
          <PanelHead {...props} measure={name} count={measures.length} />
          <GroupBars answer={answer} groupBy={groupBy} measure={name} onPick={onPick} />
        </section>
      ))}
    </div>
  );
}

interface NumbersProps {
  readonly answer: Answer;
  readonly measures: readonly AnswerColumn[];
}

function Numbers({ answer, measures }: NumbersProps) {
  const row = answer.totals ?? (answer.rows.length === 1 ? answer.rows[0] : undefined);
  if (row === undefined) {
    return (
      <p class="no-rows">
        There are {plural(answer.total_rows, 'row')}, and a number is of one: ask for no buckets and
        no groups, or for the total of the range.
      </p>
    );
  }
  return (
    <div class="numbers">
      {measures.map(({ name }) => (
        <NumberTile
          key={name}
          large
          row={row}
          measure={name}
          error={errorOf(answer.provenance, name)}
        />
      ))}
    </div>
  );
}

/** The relative error of an approximate measure, as 1.6 %. */
export function errorOf(provenance: Provenance, measure: string): string | undefined {
  const error = provenance.approximate[measure]?.relative_error;
  return error === undefined ? undefined : percent(error);
}

const HEIGHT = 300;
const LOWEST = 130;

interface TimePanelsProps extends ChartViewProps {
  readonly measures: readonly AnswerColumn[];
}

function TimePanels(props: TimePanelsProps) {
  const { answer, groupBy, measures, definition, chart, onPick, onZoom } = props;
  const [cursor, setCursor] = useState<number>();
  const [pointed, setPointed] = useState<string>();
  const first = measures.find(isNumber)?.name ?? '';
  const groups = groupBy.join();
  const data = useMemo(
    () => chartData(answer, groupBy, first, COLOR_MEMORY),
    [answer, groups, first],
  );
  const height = Math.max(LOWEST, (props.height ?? HEIGHT) / Math.min(measures.length, 2));
  const names = measures.map(({ name }) => name).join();
  const { panels, left } = useMemo(
    () => panelsOf(data, measures, chart, definition, height),
    [data, names, chart, definition, height],
  );
  return (
    <div class="panels">
      {data.series.some(({ kind }) => kind !== 'all') && <Legend series={data.series} onPick={onPick} onPoint={setPointed} />}
      {data.hidden > 0 && (
        <p class="panel-note hidden-groups">
          Drawn are the largest {COLORS} of {digits(COLORS + data.hidden)} groups; the table has all.
          {props.onOthers && (
            <button type="button" class="button" onClick={props.onOthers}>
              Draw the others as one
            </button>
          )}
        </p>
      )}
      {panels.map(({ column, name, apart, kind, whole }) => (
        <section key={name} class="panel">
          <PanelHead {...props} measure={name} count={measures.length} />
          {!isNumber(column) && <p class="panel-note">Texts: the table shows them.</p>}
          {apart && <p class="panel-note">Lines, since values of this kind cannot be added up.</p>}
          {isNumber(column) && (
            <Plot
              data={data}
              measure={name}
              kind={kind}
              whole={whole}
              left={left}
              height={height}
              pointed={pointed}
              cursor={cursor}
              onCursor={setCursor}
              onZoom={onZoom && ((from, to) => zoom(data, from, to, onZoom))}
              onPick={onPick && ((series, exclude) => series.group && onPick(series.group, exclude))}
            />
          )}
        </section>
      ))}
    </div>
  );
}

/** What each panel draws, and the edge at which all begin, so that a bucket stands above itself. */
function panelsOf(
  data: ChartData,
  measures: readonly AnswerColumn[],
  chart: ChartKind,
  definition: Definition | undefined,
  height: number,
) {
  const piled = chart === 'stacked' || chart === 'bar';
  const panels = measures.map((column) => {
    const apart = piled && !isAdditive(definition, column.name) && data.series.length > 1;
    const kind: PlotKind = apart || chart === 'number' || chart === 'table' ? 'line' : chart;
    return { column, name: column.name, apart, kind, whole: column.type === 'integer' };
  });
  const size = { width: 0, height };
  const edges = panels
    .filter(({ column }) => isNumber(column))
    .map(({ name, kind, whole }) => layoutOf({ data, measure: name, kind, whole, size }).left);
  return { panels, left: Math.max(0, ...edges) };
}

function zoom(
  data: ChartData,
  from: number,
  to: number,
  onZoom: (from: string, to: string) => void,
): void {
  const [first, last] = [data.buckets[from], data.buckets[to]];
  const next = data.buckets[to + 1];
  if (first !== undefined && last !== undefined) {
    const end = next?.follows ? next.time : new Date(last.end).toISOString();
    onZoom(first.time, end);
  }
}

interface PanelHeadProps extends ChartViewProps {
  readonly measure: string;
  /** Of panels. */
  readonly count: number;
}

function PanelHead({ answer, measure, count, bare }: PanelHeadProps) {
  const error = errorOf(answer.provenance, measure);
  if (bare && count < 2) {
    return null;
  }
  if (answer.totals !== undefined && valueOf(answer.totals, measure) !== undefined) {
    return <NumberTile row={answer.totals} measure={measure} error={error} />;
  }
  return (
    <h2 class="panel-title">
      {measure}
      {error !== undefined && <Approximate error={error} />}
    </h2>
  );
}
