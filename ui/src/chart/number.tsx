// A number, and how it stands against the compared one.
import type { AnswerRow } from '../answer';
import { change } from '../exact';
import { cell } from '../format';
import { compared, valueOf } from './series';
import { Approximate } from './approximate';

interface NumberProps {
  readonly row: AnswerRow | undefined;
  readonly measure: string;
  /** The relative error of an estimate. */
  readonly error?: string | undefined;
  readonly large?: boolean;
}

export function NumberTile({ row, measure, error, large }: NumberProps) {
  const value = valueOf(row, measure);
  const earlier = compared(row, measure);
  const changed = change(value, earlier);
  return (
    <div class={large ? 'number-tile large' : 'number-tile'}>
      <span class="number-name">
        {measure}
        {error !== undefined && <Approximate error={error} />}
      </span>
      <span class={typeof value === 'string' ? 'number-value text' : 'number-value'}>{cell(value)}</span>
      {row?.['compare'] !== undefined && (
        <span class="number-compare">
          {changed && <span class="number-change">{changed.text}</span>} from {cell(earlier)}
        </span>
      )}
    </div>
  );
}
