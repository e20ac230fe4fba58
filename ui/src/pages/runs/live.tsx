// A run that is under way, followed as it goes on.
import { useEffect, useState } from 'preact/hooks';
import { useAction } from '../../action';
import { follow, type Problem, request } from '../../api';
import { now } from '../../clock';
import { Button, Chip, Progress, ProblemView } from '../../components';
import { duration, plural } from '../../format';
import { may } from '../../session';
import { isUnderWay, purpose, type Run, type RunState, runPath, tookMs } from './run';

/** The run as it is now: the given one, then what the service sends until it has ended. */
export function useRun(id: string, first?: Run): { run: Run | undefined; problem: Problem | undefined } {
  const [run, setRun] = useState<Run | undefined>(first);
  const [problem, setProblem] = useState<Problem>();
  useEffect(() => {
    const stop = follow<Run>(runPath(id), {
      onValue: (value) => {
        setRun(value);
        setProblem(undefined);
        if (!isUnderWay(value)) {
          stop();
        }
      },
      onProblem: setProblem,
    });
    return stop;
  }, [id]);
  return { run: run?.id === id ? run : first, problem };
}

interface LiveRunProps {
  readonly id: string;
  readonly first?: Run;
  readonly onEnd?: (run: Run) => void;
}

export function LiveRun({ id, first, onEnd }: LiveRunProps) {
  const { run, problem } = useRun(id, first);
  const cancel = useAction();
  const ended = run !== undefined && !isUnderWay(run);
  useEffect(() => {
    if (run !== undefined && ended) {
      onEnd?.(run);
    }
  }, [ended]);
  if (run === undefined) {
    return problem ? <ProblemView problem={problem} /> : null;
  }
  const took = tookMs(run, now.value);
  return (
    <section class="card stack live-run" aria-label={`Run ${id}`}>
      <div class="row">
        <StateChip state={run.state} />
        <strong class="break">{purpose(run)}</strong>
        <span class="muted">{run.id}</span>
        {may('admin') && (run.state === 'queued' || run.state === 'running') && (
          <Button
            class="end"
            disabled={cancel.busy}
            onClick={() => void cancel.run(() => request(runPath(id), { method: 'DELETE' }))}
          >
            Cancel
          </Button>
        )}
      </div>
      {!ended && <Progress label={`Progress of ${id}`} value={run.progress.approx()} />}
      <p class="row muted">
        <span class="break">{run.step}</span>
        <span>{plural(run.events, 'event')}</span>
        <span>{plural(run.days, 'day')}</span>
        {took !== undefined && <span>{duration(took)}</span>}
      </p>
      {run.error !== null && <p class="bad-text break">{run.error}</p>}
      {cancel.problem && <ProblemView problem={cancel.problem} />}
    </section>
  );
}

const TONES = {
  queued: 'plain',
  running: 'plain',
  publishing: 'plain',
  succeeded: 'good',
  failed: 'bad',
  cancelled: 'warn',
} as const;

export function StateChip({ state }: { readonly state: RunState }) {
  return (
    <Chip label={state} tone={TONES[state]}>
      {state}
    </Chip>
  );
}
