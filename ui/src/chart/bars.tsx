// Groups without time: a list with a bar behind each, longest first as the answer has them.
import type { Answer, AnswerRow } from '../answer';
import { change } from '../exact';
import { cell } from '../format';
import { ShowAll, useLongList } from './long-list';
import { approx, compared, groupLabel, valueOf } from './series';
import type { GroupPick } from './view';

const FIRST_GROUPS = 100;

interface BarsProps {
  readonly answer: Answer;
  readonly groupBy: readonly string[];
  readonly measure: string;
  readonly onPick?: GroupPick | undefined;
}

export function GroupBars({ answer, groupBy, measure, onPick }: BarsProps) {
  const rows = [...answer.rows].sort(
    (a, b) => (approx(valueOf(b, measure)) ?? -1e308) - (approx(valueOf(a, measure)) ?? -1e308),
  );
  const all = [...rows, ...(answer.other ?? [])];
  const values = all.map((row) => approx(valueOf(row, measure)) ?? 0);
  const [low, high] = [Math.min(0, ...values), Math.max(0, ...values)];
  const scale = (value: number) => ((value - low) / (high - low || 1)) * 100;
  const bar = (row: AnswerRow) => {
    const value = approx(valueOf(row, measure)) ?? 0;
    const from = scale(Math.min(0, value));
    return { left: `${from}%`, width: `${scale(Math.max(0, value)) - from}%` };
  };
  const list = useLongList(rows, FIRST_GROUPS);
  return (
    <>
      <ul class="group-bars" aria-label={`${measure} by ${groupBy.join(' and ')}`}>
        {list.shown.map((row) => {
          const group = Object.fromEntries(
            groupBy.map((dimension) => [dimension, row[dimension] as string | null]),
          );
          const label = groupLabel(Object.values(group));
          return (
            <li key={JSON.stringify(Object.values(group))}>
              <button
                type="button"
                class="group-bar"
                disabled={onPick === undefined}
                title={onPick && `${label}: click to filter, Alt and click to exclude`}
                onClick={(event) => onPick?.(group, event.altKey)}
              >
                <span class="group-fill" style={bar(row)} />
                <span class="group-label">{label}</span>
                <Amount row={row} measure={measure} />
              </button>
            </li>
          );
        })}
        {(answer.other ?? []).map((row) => (
          <li key="other">
            <div class="group-bar other">
              <span class="group-fill" style={bar(row)} />
              <span class="group-label">Other</span>
              <Amount row={row} measure={measure} />
            </div>
          </li>
        ))}
      </ul>
      <ShowAll list={list} count={rows.length} />
    </>
  );
}

function Amount({ row, measure }: { readonly row: AnswerRow; readonly measure: string }) {
  const changed = change(valueOf(row, measure), compared(row, measure));
  return (
    <span class="group-value">
      {cell(valueOf(row, measure))}
      {row['compare'] !== undefined && <span class="group-change">{changed?.text}</span>}
    </span>
  );
}
