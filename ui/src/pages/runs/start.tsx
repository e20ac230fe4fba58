// The form that starts a run of some metrics.
import { useState } from 'preact/hooks';
import { useAction } from '../../action';
import { get } from '../../api';
import { Button, Dialog, Empty, Gate, ProblemView } from '../../components';
import { useFetched } from '../../fetched';
import { type Run, startRun } from './run';

interface StartProps {
  readonly onClose: () => void;
  readonly onStart: (run: Run) => void;
}

export function StartRun({ onClose, onStart }: StartProps) {
  const list = useFetched('metrics', (signal) =>
    get<{ metrics: readonly { readonly name: string }[] }>('/v1/metrics', signal),
  );
  const [mode, setMode] = useState<Run['mode']>('full');
  const [chosen, setChosen] = useState<readonly string[]>([]);
  const { busy, problem, run } = useAction();
  const toggle = (name: string) =>
    setChosen(chosen.includes(name) ? chosen.filter((other) => other !== name) : [...chosen, name]);
  const start = async (event: Event) => {
    event.preventDefault();
    if (await run(async () => onStart(await startRun(mode, chosen)))) {
      onClose();
    }
  };
  return (
    <Dialog title="Run some metrics" onClose={onClose}>
      <form class="fields" onSubmit={(event) => void start(event)}>
        <fieldset>
          <legend>Mode</legend>
          {(['incremental', 'full'] as const).map((name) => (
            <label key={name} class="check">
              <input type="radio" name="mode" checked={mode === name} onChange={() => setMode(name)} />
              {name === 'full' ? 'Full: computes everything anew' : 'Incremental: folds what is new'}
            </label>
          ))}
        </fieldset>
        <fieldset>
          <legend>Metrics</legend>
          <Gate of={list}>
            {({ metrics }) =>
              metrics.length === 0 ? (
                <Empty title="There is no metric yet." />
              ) : (
                metrics.map(({ name }) => (
                  <label key={name} class="check">
                    <input
                      type="checkbox"
                      checked={chosen.includes(name)}
                      onChange={() => toggle(name)}
                    />
                    {name}
                  </label>
                ))
              )
            }
          </Gate>
        </fieldset>
        {problem && <ProblemView problem={problem} />}
        <footer>
          <Button onClick={onClose}>Cancel</Button>
          <Button kind="primary" type="submit" disabled={busy || chosen.length === 0}>
            Start run
          </Button>
        </footer>
      </form>
    </Dialog>
  );
}
