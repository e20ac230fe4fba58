// The answer as a chart with what it is made of, or the refusal.
import { useMemo } from 'preact/hooks';
import { groupsOf } from '../answer';
import type { Problem } from '../api';
import type { Metric } from '../catalog';
import { ChartView, type GroupPick } from '../chart';
import { Button, Loading, ProblemView } from '../components';
import { ProvenanceLine } from '../provenance';
import type { Asked } from './asking';
import { type Changes, type ExploreState, GROUP_LIMIT } from './state';

interface ResultProps {
  readonly state: ExploreState;
  readonly metric: Metric | undefined;
  readonly asked: Asked;
  readonly onPick: GroupPick;
  readonly onZoom: (from: string, to: string) => void;
  readonly onChange: (changes: Changes) => void;
}

/** Refusals after which an incomplete answer may be asked for. */
const PARTIAL_HELPS = ['incomplete', 'backfilling', 'speed_unavailable', 'views_moving', 'not_ready'];

/** Whether the same question may be answered later. */
function mayPass({ status }: Problem): boolean {
  return status === 0 || status === 429 || status >= 500;
}

export function Result({ state, metric, asked, onPick, onZoom, onChange }: ResultProps) {
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
            onZoom={(from, to) => onZoom(shortEdge(from), shortEdge(to))}
          />
          <ProvenanceLine answer={answer} query={asked.query} />
        </>
      )}
    </section>
  );
}

/** An edge as it is written shortest: a date where it is a midnight of the zone. */
function shortEdge(time: string): string {
  return time.replace(/T00:00:00(?:\.0+)?(?:Z|[+-]\d\d:\d\d)$/, '');
}
