// An answer as it is: every row, every digit.
import type { Answer, AnswerRow } from '../answer';
import { type Column, Table } from '../components/table';
import { cell, plural } from '../format';
import { compared } from './series';
import { bucketLabel } from './time';
import type { GroupPick } from './view';

interface AnswerTableProps {
  readonly answer: Answer;
  readonly caption: string;
  readonly onPick?: GroupPick | undefined;
}

export function AnswerTable({ answer, caption, onPick }: AnswerTableProps) {
  const columns: Column<AnswerRow>[] = answer.columns.flatMap(({ name, type }) => {
    const number = type === 'integer' || type === 'decimal';
    const own: Column<AnswerRow> = {
      key: name,
      title: name,
      number,
      render: (row) => <Cell answer={answer} row={row} name={name} onPick={onPick} />,
    };
    return number && answer.compare !== undefined
      ? [own, { key: `${name}:compare`, title: 'earlier', number, render: (row) => earlier(row, name) }]
      : [own];
  });
  const rest = answer.other ?? [];
  return (
    <>
      <Table
        caption={caption}
        columns={columns}
        rows={[...answer.rows, ...rest]}
        rowKey={(_, index) => String(index)}
        foot={answer.totals && <Totals answer={answer} totals={answer.totals} />}
      />
      <p class="table-count muted">
        {plural(answer.rows.length, 'row')} of {plural(answer.total_rows, 'row')}
      </p>
    </>
  );
}

interface CellProps {
  readonly answer: Answer;
  readonly row: AnswerRow;
  readonly name: string;
  readonly onPick?: GroupPick | undefined;
}

function Cell({ answer, row, name, onPick }: CellProps) {
  const value = row[name];
  if (name === 'time') {
    return <time dateTime={String(value)}>{bucketLabel(String(value), answer.granularity)}</time>;
  }
  const dimension = answer.columns.some((column) => column.name === name && column.type === 'text');
  if (!dimension) {
    return <>{cell(value)}</>;
  }
  if (value === undefined) {
    return <span class="muted">Other</span>;
  }
  const label = value === null ? '∅' : String(value);
  return onPick === undefined ? (
    <>{label}</>
  ) : (
    <button
      type="button"
      class="cell-pick"
      title={`${label}: click to filter, Alt and click to exclude`}
      onClick={(event) => onPick({ [name]: value as string | null }, event.altKey)}
    >
      {label}
    </button>
  );
}

function earlier(row: AnswerRow, name: string) {
  return <span class="muted">{cell(compared(row, name))}</span>;
}

function Totals({ answer, totals }: { readonly answer: Answer; readonly totals: AnswerRow }) {
  return (
    <tr>
      {answer.columns.flatMap(({ name, type }, index) => {
        const number = type === 'integer' || type === 'decimal';
        const text = number ? cell(totals[name]) : index === 0 ? 'All' : '';
        const own = (
          <td key={name} class={number ? 'number' : undefined}>
            {text}
          </td>
        );
        return number && answer.compare !== undefined
          ? [
              own,
              <td key={`${name}:compare`} class="number muted">
                {cell(compared(totals, name))}
              </td>,
            ]
          : [own];
      })}
    </tr>
  );
}
