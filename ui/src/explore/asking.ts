// Asks for the answer of an address: once, or again whenever it changes.
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { Answer } from '../answer';
import { asProblem, follow, get, isAbort, type Problem } from '../api';

export interface Asked {
  readonly answer: Answer | undefined;
  /** The query that the answer is of; it may be the one before while the next is under way. */
  readonly query: string;
  readonly problem: Problem | undefined;
  readonly loading: boolean;
  readonly again: () => void;
}

const START = { answer: undefined, query: '', problem: undefined, loading: false } as const;

/** Asked for once; followed by server-sent events; or what was followed stays as it is. */
export type AskMode = 'once' | 'live' | 'paused';

export function useAnswer(query: string, mode: AskMode): Asked {
  const [state, setState] = useState<Omit<Asked, 'again'>>(START);
  const [round, setRound] = useState(0);
  const shown = useRef('');
  // Before the browser paints, since there is no reason to wait for that.
  useLayoutEffect(() => {
    if (query === '') {
      setState(START);
      return;
    }
    if (mode === 'paused' && shown.current === query) {
      return;
    }
    const url = `/v1/query?${query}`;
    const take = (answer: Answer) => {
      shown.current = query;
      setState({ answer, query, problem: undefined, loading: false });
    };
    const fail = (problem: Problem) => {
      // A live answer that broke off stays visible, with the problem above it.
      setState((before) => ({
        ...before,
        answer: shown.current === query ? before.answer : undefined,
        problem,
        loading: false,
      }));
    };
    setState((before) => ({ ...before, loading: true }));
    if (mode === 'live') {
      return follow<Answer>(url, { onValue: take, onProblem: fail });
    }
    const control = new AbortController();
    get<Answer>(url, control.signal).then(
      (answer) => !control.signal.aborted && take(answer),
      (error) => !isAbort(error) && !control.signal.aborted && fail(asProblem(error)),
    );
    return () => control.abort();
  }, [query, mode, round]);
  return { ...state, again: () => setRound((n) => n + 1) };
}
