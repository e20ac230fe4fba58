// A refusal, shown as the problem document that it is.
import type { ComponentChildren } from 'preact';
import type { Problem } from '../api';
import { writeJson } from '../json';

interface ProblemProps {
  readonly problem: Problem;
  /** Buttons that may help: try again, allow an incomplete answer. */
  readonly children?: ComponentChildren;
}

export function ProblemView({ problem, children }: ProblemProps) {
  const place = problem.parameter ?? problem.pointer;
  return (
    <section class="problem" role="alert">
      <p class="problem-title">
        {problem.status > 0 && <span class="problem-status">{problem.status}</span>} {problem.title}
      </p>
      <p class="problem-detail">{withCode(problem.message)}</p>
      <p class="problem-code">
        <code>{problem.code}</code>
        {place !== undefined && (
          <>
            {' at '}
            <code>{place}</code>
          </>
        )}
        {problem.retryAfter !== undefined && ` · try again in ${problem.retryAfter} s`}
      </p>
      {children && <div class="problem-actions">{children}</div>}
      {problem.status > 0 && (
        <details>
          <summary>Problem document</summary>
          <pre>{writeJson(problem.fields, '  ')}</pre>
        </details>
      )}
    </section>
  );
}

/** A text in which what stands between backticks is code. */
export function withCode(text: string): ComponentChildren {
  return text.split('`').map((part, at) => (at % 2 === 1 ? <code key={at}>{part}</code> : part));
}
