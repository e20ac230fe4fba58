// One chart of a dashboard, with its own answer and what that is made of.
import type { ComponentChildren } from 'preact';
import { type Answer, groupsOf, measuresOf } from '../../answer';
import { get } from '../../api';
import { ChartView, type GroupPick } from '../../chart';
import { Button, Link, Loading, ProblemView } from '../../components';
import { withChanges } from '../../explore/state';
import { useFetched } from '../../fetched';
import { ProvenanceLine } from '../../provenance';
import { readable } from '../../router';
import { type BoardChart, chartParams, heightOf, type MetricExtent, type Shared } from './board';
import { GAP_PX, ownSettings, ROW_PX, titleOf, widthOf } from './board';

interface CardProps {
  readonly chart: BoardChart;
  readonly shared: Shared;
  readonly metric: MetricExtent | undefined;
  /** Milliseconds after which it asks again. */
  readonly every: number | undefined;
  /** Controls in edit mode. */
  readonly children?: ComponentChildren;
  readonly onPick: GroupPick;
  readonly onZoom: (from: string, to: string) => void;
}

/** Title, provenance and paddings; the names of groups above a chart over time. */
const FRAME_PX = 100;
const LEGEND_PX = 40;
const LOWEST_PX = 120;
/** Columns from which on measures stand beside each other, each with its name above. */
const BESIDE = 8;
const NAME_PX = 36;
/** Between panels; the line of a chart's own settings. */
const PANEL_GAP_PX = 28;
const OWN_PX = 22;

export function ChartCard({ chart, shared, metric, every, children, onPick, onZoom }: CardProps) {
  const params = chartParams(chart, shared, metric, Date.now());
  const query = params === undefined ? '' : readable(params);
  const asked = useFetched(
    query,
    async (signal) => ({ answer: await get<Answer>(`/v1/query?${query}`, signal), query }),
    every,
  );
  const title = titleOf(chart);
  const own = ownSettings(chart, shared);
  const [width, height] = [widthOf(chart), heightOf(chart)];
  const answer = asked.value?.answer;
  const groupBy = groupsOf(asked.value?.query ?? '');
  const count = answer === undefined ? 0 : measuresOf(answer, groupBy).length;
  const beside = count > 1 && width >= BESIDE;
  return (
    <section
      class={children ? 'card board-chart editing' : 'card board-chart'}
      aria-label={title}
      aria-busy={asked.loading}
      style={{ '--w': width, '--h': height }}
    >
      <div class="board-title">
        <h2 class="break">{title}</h2>
        {params && !children && (
          <Link
            to="/explore"
            params={withChanges(params, { chart: chart.chart })}
            class="button quiet small"
          >
            <span aria-hidden="true">↗</span>
            <span class="visually-hidden">Explore {title}</span>
          </Link>
        )}
      </div>
      {own.length > 0 && <p class="board-own">Its own: {own.join(' · ')}</p>}
      {children}
      <div class={beside ? 'board-body beside' : 'board-body'} tabIndex={-1}>
        {asked.problem && (
          <ProblemView problem={asked.problem}>
            <Button onClick={asked.reload}>Try again</Button>
          </ProblemView>
        )}
        {answer && !(asked.problem && asked.value?.query !== query) && (
          <ChartView
            answer={answer}
            question={asked.value?.query ?? ''}
            groupBy={groupBy}
            chart={chart.chart}
            definition={metric?.definition}
            title={title}
            height={plotHeight(height, groupBy.length, count, beside) - (own.length > 0 ? OWN_PX : 0)}
            bare
            onPick={onPick}
            onZoom={onZoom}
          />
        )}
        {!answer && !asked.problem && <Loading />}
      </div>
      {answer && <ProvenanceLine answer={answer} query={asked.value?.query ?? query} />}
    </section>
  );
}

/** The height of all panels, two of which are one above the other unless they stand beside each other. */
function plotHeight(rows: number, groups: number, measures: number, beside: boolean): number {
  const above = measures > 1 && !beside ? 2 : 1;
  const heads = measures > 1 ? above * NAME_PX + (above - 1) * PANEL_GAP_PX : 0;
  const taken = FRAME_PX + (groups > 0 ? LEGEND_PX : 0) + heads;
  const height = Math.max(LOWEST_PX, rows * ROW_PX + (rows - 1) * GAP_PX - taken);
  return beside ? 2 * height : height;
}
