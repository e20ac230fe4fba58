// What a definition makes of the newest events, before it is a metric.
import type { AnswerRow } from '../../answer';
import { type Column, Empty, Facts, Table, withCode } from '../../components';
import { cell, dateTime, digits, plural } from '../../format';
import { Decimal } from '../../json';
import type { Preview, PreviewOptions } from './definition';

interface OptionsProps {
  readonly options: PreviewOptions;
  readonly dimensions: readonly string[];
  readonly onChange: (options: PreviewOptions) => void;
}

const GRANULARITIES = ['all', 'hour', 'day', 'week', 'month'];

export function PreviewOptionFields({ options, dimensions, onChange }: OptionsProps) {
  return (
    <div class="row">
      <label class="row">
        <span class="muted">by</span>
        <select
          aria-label="Buckets of the preview"
          value={options.granularity ?? 'all'}
          onChange={(event) => onChange({ ...options, granularity: event.currentTarget.value })}
        >
          {GRANULARITIES.map((name) => (
            <option key={name} value={name}>
              {name === 'all' ? 'no time' : name}
            </option>
          ))}
        </select>
      </label>
      {dimensions.length > 0 && (
        <label class="row">
          <span class="muted">and</span>
          <select
            aria-label="Dimension of the preview"
            value={options.group_by ?? ''}
            onChange={(event) => onChange({ ...options, group_by: event.currentTarget.value })}
          >
            <option value="">no dimension</option>
            {dimensions.map((name) => (
              <option key={name} value={name}>
                {name}
              </option>
            ))}
          </select>
        </label>
      )}
    </div>
  );
}

export function PreviewResult({ result }: { readonly result: Preview }) {
  const { events, columns, rows } = result;
  const matched = events.matched.text !== '0';
  return (
    <>
      <Facts
        facts={[
          ['Newest events read', digits(events.read)],
          ['Of this metric', digits(events.matched)],
          ['From', events.first_time && dateTime(events.first_time)],
          ['To', events.last_time && dateTime(events.last_time)],
          ['Groups', digits(result.groups)],
          ['Type mismatches', mismatches(result.type_mismatches)],
        ]}
      />
      <Warnings warnings={result.warnings ?? []} />
      {matched ? (
        <Table
          caption="Rows of the preview"
          columns={columns.map(column)}
          rows={rows}
          rowKey={(_, index) => String(index)}
        />
      ) : (
        <Empty title={`None of the ${plural(events.read, 'newest event')} is of this metric.`}>
          <p>Look at `event` and `filter`. A metric may also be defined before its events arrive.</p>
        </Empty>
      )}
    </>
  );
}

export function Warnings({ warnings }: { readonly warnings: readonly string[] }) {
  if (warnings.length === 0) {
    return null;
  }
  return (
    <ul class="warnings" aria-label="Warnings">
      {warnings.map((warning) => (
        <li key={warning}>{withCode(warning)}</li>
      ))}
    </ul>
  );
}

function column({ name, type }: Preview['columns'][number]): Column<AnswerRow> {
  const number = type === 'integer' || type === 'decimal';
  return { key: name, title: name, number, render: (row) => shown(row, name, type) };
}

function shown(row: AnswerRow, name: string, type: string): string {
  const value = row[name];
  if (type === 'text' && value === null) {
    return '∅';
  }
  return type === 'timestamp' && typeof value === 'string' ? dateTime(value) : cell(value);
}

function mismatches(found: Preview['type_mismatches']): string {
  if (found === undefined) {
    return '';
  }
  if (found instanceof Decimal) {
    return digits(found);
  }
  const uses = Object.entries(found);
  return uses.length === 0 ? '0' : uses.map(([use, count]) => `${use}: ${digits(count)}`).join(', ');
}
