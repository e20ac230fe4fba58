// What a fetched value looks like before it is there, or when it does not come.
import type { ComponentChildren } from 'preact';
import type { Fetched } from '../fetched';
import { Button, Loading } from './basic';
import { ProblemView } from './problem';

interface GateProps<T> {
  readonly of: Fetched<T>;
  readonly label?: string;
  readonly children: (value: T) => ComponentChildren;
}

/** The value, with a problem above it while it cannot be renewed. */
export function Gate<T>({ of, label, children }: GateProps<T>) {
  const { value, problem, reload } = of;
  return (
    <>
      {problem && (
        <ProblemView problem={problem}>
          <Button onClick={reload}>Try again</Button>
        </ProblemView>
      )}
      {value !== undefined && children(value)}
      {value === undefined && !problem && <Loading {...(label ? { label } : {})} />}
    </>
  );
}
