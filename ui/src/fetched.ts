// What a component asks of the service: the value, the problem, and whether it is under way.
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { asProblem, isAbort, type Problem } from './api';

export interface Fetched<T> {
  /** The newest value; while another is under way the former stays, so that nothing jumps. */
  readonly value: T | undefined;
  readonly problem: Problem | undefined;
  readonly loading: boolean;
  readonly reload: () => void;
}

/**
 * Asks anew whenever `key` changes; an empty key asks nothing. `every` repeats it, in milliseconds, while the
 * page can be seen.
 */
export function useFetched<T>(
  key: string,
  ask: (signal: AbortSignal) => Promise<T>,
  every?: number,
): Fetched<T> {
  const [state, setState] = useState<Omit<Fetched<T>, 'reload'>>(START);
  const [round, setRound] = useState(0);
  const latest = useRef(ask);
  latest.current = ask;
  // Before the browser paints, since there is no reason to wait for that.
  useLayoutEffect(() => {
    if (key === '') {
      setState({ ...START, loading: false });
      return;
    }
    const control = new AbortController();
    setState((before) => ({ ...before, loading: true }));
    latest.current(control.signal).then(
      (value) => !control.signal.aborted && setState({ value, problem: undefined, loading: false }),
      (error) => {
        if (!isAbort(error) && !control.signal.aborted) {
          setState((before) => ({ ...before, problem: asProblem(error), loading: false }));
        }
      },
    );
    return () => control.abort();
  }, [key, round]);
  useEffect(() => {
    if (every === undefined) {
      return;
    }
    const timer = setInterval(() => !document.hidden && setRound((n) => n + 1), every);
    return () => clearInterval(timer);
  }, [every]);
  return { ...state, reload: () => setRound((n) => n + 1) };
}

const START = { value: undefined, problem: undefined, loading: true } as const;
