// A chart of an answer: one panel for each measure, with one cursor for all of them.
import { useMemo, useState } from 'preact/hooks';
import type { Answer, Provenance } from '../answer';
import { type Definition, isAdditive } from '../catalog';
import { percent } from '../format';
import { Approximate } from './approximate';
import { GroupBars } from './bars';
import { Legend } from './legend';
import { NumberTile } from './number';
import { Plot } from './plot';
import { type ChartData, chartData, valueOf } from './series';
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
  readonly chart: ChartKind;
  readonly measures: readonly string[];
  readonly definition: Definition | undefined;
  readonly title?: string;
  /** Height of all panels together. */
  readonly height?: number;
  /** Without the line of names and totals above each panel. */
  readonly bare?: boolean;
  readonly onPick?: GroupPick | undefined;
  /** A range was chosen: its start, and its end, as the service writes times. */
  readonly onZoom?: ((from: string, to: string) => void) | undefined;
}

export function ChartView(props: ChartViewProps) {
  const { answer, chart, measures, onPick } = props;
  const timed = answer.columns.some((column) => column.name === 'time');
  if (chart === 'table') {
    return <AnswerTable answer={answer} caption={props.title ?? answer.metric} onPick={onPick} />;
  }
  if (chart === 'number' || (!timed && answer.columns.every((column) => column.type !== 'text'))) {
    const row = answer.totals ?? (answer.rows.length === 1 ? answer.rows[0] : undefined);
    return (
      <div class="numbers">
        {measures.map((measure) => (
          <NumberTile
            key={measure}
            large
            row={row}
            measure={measure}
            error={errorOf(answer.provenance, measure)}
          />
        ))}
      </div>
    );
  }
  if (!timed) {
    return (
      <div class={measures.length > 1 ? 'panels side' : 'panels'}>
        {measures.map((measure) => (
          <section key={measure} class="panel">
            <PanelHead {...props} measure={measure} />
            <GroupBars answer={answer} measure={measure} onPick={onPick} />
          </section>
        ))}
      </div>
    );
  }
  return <TimePanels {...props} />;
}

/** The relative error of an approximate measure, as 1.6 %. */
export function errorOf(provenance: Provenance, measure: string): string | undefined {
  const error = provenance.approximate[measure]?.relative_error;
  return error === undefined ? undefined : percent(error);
}

const HEIGHT = 300;
const LOWEST = 130;

function TimePanels(props: ChartViewProps) {
  const { answer, measures, definition, chart, onPick, onZoom } = props;
  const [cursor, setCursor] = useState<number>();
  const first = measures[0] ?? '';
  const data = useMemo(() => chartData(answer, first), [answer, first]);
  const height = Math.max(LOWEST, (props.height ?? HEIGHT) / Math.min(measures.length, 2));
  if (data.buckets.length === 0) {
    return <p class="no-rows">No events in this range.</p>;
  }
  return (
    <div class="panels">
      {data.series.length > 1 && <Legend series={data.series} onPick={onPick} />}
      {measures.map((measure) => {
        const additive = isAdditive(definition, measure);
        const kind = chart === 'stacked' && !additive ? 'line' : chart;
        return (
          <section key={measure} class="panel">
            <PanelHead {...props} measure={measure} />
            {chart === 'stacked' && !additive && data.series.length > 1 && (
              <p class="panel-note muted">Lines, since values of this kind cannot be added up.</p>
            )}
            <Plot
              data={data}
              measure={measure}
              kind={kind === 'number' || kind === 'table' ? 'line' : kind}
              whole={isWhole(answer, measure)}
              additive={additive}
              height={height}
              cursor={cursor}
              onCursor={setCursor}
              onZoom={onZoom && ((from, to) => zoom(data, from, to, onZoom))}
              onPick={onPick && ((series, exclude) => series.group && onPick(series.group, exclude))}
            />
          </section>
        );
      })}
    </div>
  );
}

function isWhole(answer: Answer, measure: string): boolean {
  return answer.columns.some(({ name, type }) => name === measure && type === 'integer');
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

function PanelHead({ answer, measure, measures, bare }: ChartViewProps & { readonly measure: string }) {
  const error = errorOf(answer.provenance, measure);
  if (bare && measures.length < 2) {
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
