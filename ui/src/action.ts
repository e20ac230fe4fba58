// Something that the reader does and the service answers: under way, refused, done.
import { useState } from 'preact/hooks';
import { asProblem, type Problem } from './api';

export interface Action {
  readonly busy: boolean;
  readonly problem: Problem | undefined;
  /** Runs it unless one is under way; says whether it was done. */
  readonly run: (work: () => Promise<unknown>) => Promise<boolean>;
  readonly clear: () => void;
}

export function useAction(): Action {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem>();
  const run = async (work: () => Promise<unknown>) => {
    if (busy) {
      return false;
    }
    setBusy(true);
    setProblem(undefined);
    try {
      await work();
      return true;
    } catch (error) {
      setProblem(asProblem(error));
      return false;
    } finally {
      setBusy(false);
    }
  };
  return { busy, problem, run, clear: () => setProblem(undefined) };
}
