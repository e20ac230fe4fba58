// A table that scrolls by itself when the window is narrow.
import type { ComponentChildren } from 'preact';

export interface Column<Row> {
  readonly key: string;
  readonly title: ComponentChildren;
  /** Numbers stand at the right, with digits of one width. */
  readonly number?: boolean;
  readonly render: (row: Row) => ComponentChildren;
}

interface TableProps<Row> {
  readonly caption: string;
  readonly columns: readonly Column<Row>[];
  readonly rows: readonly Row[];
  readonly rowKey: (row: Row, index: number) => string;
  readonly onRow?: ((row: Row, event: MouseEvent) => void) | undefined;
  readonly foot?: ComponentChildren;
}

export function Table<Row>({ caption, columns, rows, rowKey, onRow, foot }: TableProps<Row>) {
  return (
    <div class="table-scroll" tabIndex={0} role="group" aria-label={caption}>
      <table>
        <caption class="visually-hidden">{caption}</caption>
        <thead>
          <tr>
            {columns.map((column) => (
              <th key={column.key} scope="col" class={column.number ? 'number' : undefined}>
                {column.title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row, index) => (
            <tr
              key={rowKey(row, index)}
              class={onRow ? 'clickable' : undefined}
              onClick={onRow ? (event) => onRow(row, event) : undefined}
            >
              {columns.map((column) => (
                <td key={column.key} class={column.number ? 'number' : undefined}>
                  {column.render(row)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
        {foot && <tfoot>{foot}</tfoot>}
      </table>
    </div>
  );
}
