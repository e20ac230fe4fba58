// An answer as it is: every row, every digit.
import { type Answer, type AnswerColumn, type AnswerRow, isNumber } from '../answer';
import { type Column, Table } from '../components/table';
import { cell, digits, plural } from '../format';
import { ShowAll, useLongList } from './long-list';
import { compared, valueLabel } from './series';
import { bucketLabel } from './time';
import type { GroupPick } from './view';

const FIRST_ROWS = 500;

interface AnswerTableProps {
  readonly answer: Answer;
  readonly groupBy: readonly string[];
  readonly caption: string;
  readonly onPick?: GroupPick | undefined;
}

export function AnswerTable({ answer, groupBy, caption, onPick }: AnswerTableProps) {
  const columns: Column<AnswerRow>[] = answer.columns.flatMap((column) => {
    const { name } = column;
    const number = isNumber(column);
    const own: Column<AnswerRow> = {
      key: name,
      title: name,
      number,
      render: (row) => (
        <Cell answer={answer} groupBy={groupBy} row={row} column={column} onPick={onPick} />
      ),
    };
    return isMeasure(column, groupBy) && answer.compare !== undefined
      ? [own, { key: `${name}:compare`, title: 'earlier', number, render: (row) => earlier(row, name) }]
      : [own];
  });
  const rows = [...answer.rows, ...(answer.other ?? [])];
  const list = useLongList(rows, FIRST_ROWS);
  return (
    <>
      <Table
        caption={caption}
        columns={columns}
        rows={list.shown}
        rowKey={(_, index) => String(index)}
        foot={answer.totals && <Totals answer={answer} groupBy={groupBy} totals={answer.totals} />}
      />
      <ShowAll list={list} count={rows.length} />
      <p class="table-count muted">
        {String(answer.rows.length) === answer.total_rows.text
          ? plural(answer.total_rows, 'row')
          : `${digits(answer.rows.length)} of ${plural(answer.total_rows, 'row')}`}
        {answer.other?.length ? '; all other groups are one: More, Groups has the limit' : ''}
      </p>
    </>
  );
}

function isMeasure({ name }: AnswerColumn, groupBy: readonly string[]): boolean {
  return name !== 'time' && !groupBy.includes(name);
}

interface CellProps {
  readonly answer: Answer;
  readonly groupBy: readonly string[];
  readonly row: AnswerRow;
  readonly column: AnswerColumn;
  readonly onPick?: GroupPick | undefined;
}

function Cell({ answer, groupBy, row, column, onPick }: CellProps) {
  const { name } = column;
  const value = row[name];
  if (name === 'time') {
    return <time dateTime={String(value)}>{bucketLabel(String(value), answer.granularity)}</time>;
  }
  if (isMeasure(column, groupBy)) {
    const text = cell(value);
    return isNumber(column) ? <>{text}</> : <span class="cell-text" title={text}>{text}</span>;
  }
  if (value === undefined) {
    return <span class="muted">Other</span>;
  }
  const label = valueLabel(value as string | null);
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

interface TotalsProps {
  readonly answer: Answer;
  readonly groupBy: readonly string[];
  readonly totals: AnswerRow;
}

function Totals({ answer, groupBy, totals }: TotalsProps) {
  return (
    <tr>
      {answer.columns.flatMap((column, index) => {
        const { name } = column;
        const number = isNumber(column);
        const measure = isMeasure(column, groupBy);
        const text = measure ? cell(totals[name]) : index === 0 ? 'All' : '';
        const own = (
          <td key={name} class={number ? 'number' : undefined}>
            {text}
          </td>
        );
        return measure && answer.compare !== undefined
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
