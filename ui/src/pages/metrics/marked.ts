// Work on a text: what is wrong with a line of it is shown there and nowhere else.
import { useState } from 'preact/hooks';
import { useAction } from '../../action';
import type { Problem } from '../../api';
import { type Format, markOf } from './definition';
import type { Mark } from './source';

export interface MarkedAction {
  readonly busy: boolean;
  /** What is wrong, where it is about no line. */
  readonly problem: Problem | undefined;
  readonly mark: Mark | undefined;
  /** Runs it; without a text nothing can be marked. */
  readonly attempt: (text: string | undefined, format: Format, work: () => Promise<void>) => void;
  readonly clear: () => void;
}

export function useMarkedAction(): MarkedAction {
  const { busy, problem, run, clear } = useAction();
  const [mark, setMark] = useState<Mark>();
  const attempt = (text: string | undefined, format: Format, work: () => Promise<void>) =>
    void run(async () => {
      setMark(undefined);
      try {
        await work();
      } catch (error) {
        const found = text === undefined ? undefined : markOf(error, text, format);
        if (found === undefined) {
          throw error;
        }
        setMark(found);
      }
    });
  return {
    busy,
    problem,
    mark,
    attempt,
    clear: () => {
      setMark(undefined);
      clear();
    },
  };
}
