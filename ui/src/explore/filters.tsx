// Filters as chips. Values come from the service with how often they occur.
import { useState } from 'preact/hooks';
import { get, withParams } from '../api';
import { Button, Field, Picker, Popover, ProblemView } from '../components';
import { dimensionNames, type Metric } from '../catalog';
import { useFetched } from '../fetched';
import { digits } from '../format';
import type { Decimal } from '../json';
import { valueLabel } from '../chart/series';
import { type FilterChip, parseFilter, writeFilter } from './filter';

interface FiltersProps {
  readonly metric: Metric | undefined;
  readonly filter: string;
  readonly openRequest: number;
  readonly onChange: (filter: string) => void;
}

export function Filters({ metric, filter, openRequest, onChange }: FiltersProps) {
  const chips = parseFilter(filter);
  const replace = (at: number, chip: FilterChip | undefined) =>
    onChange(writeFilter(chips.flatMap((known, n) => (n !== at ? [known] : chip ? [chip] : []))));
  return (
    <div class="filters">
      {chips.map((chip, at) =>
        chip.kind === 'text' ? (
          <TextChip
            key={at}
            text={chip.text}
            filter={filter}
            onChange={onChange}
            onRemove={() => replace(at, undefined)}
          />
        ) : (
          <ValuesChip
            key={at}
            metric={metric}
            chip={chip}
            onChange={(changed) => replace(at, changed)}
          />
        ),
      )}
      <Popover
        class="button quiet"
        openRequest={openRequest}
        name="Add a filter"
        label={<>+ Filter</>}
      >
        {(close) => (
          <AddFilter
            metric={metric}
            filter={filter}
            onText={(text) => {
              close();
              onChange(text);
            }}
            onChip={(chip) => {
              close();
              onChange(writeFilter([...chips, chip]));
            }}
          />
        )}
      </Popover>
    </div>
  );
}

interface TextChipProps {
  readonly text: string;
  readonly filter: string;
  readonly onChange: (filter: string) => void;
  readonly onRemove: () => void;
}

/** What is no list of values: shown as the SQL that it is, and edited as text. */
function TextChip({ text, filter, onChange, onRemove }: TextChipProps) {
  return (
    <span class="chip">
      <Popover class="chip-button" name={`Filter: ${text}`} label={<code>{text}</code>}>
        {(close) => (
          <FilterText
            filter={filter}
            onApply={(changed) => {
              close();
              onChange(changed);
            }}
          />
        )}
      </Popover>
      <button type="button" class="chip-remove" aria-label={`Remove filter: ${text}`} onClick={onRemove}>
        ×
      </button>
    </span>
  );
}

interface FilterTextProps {
  readonly filter: string;
  readonly onApply: (filter: string) => void;
}

function FilterText({ filter, onApply }: FilterTextProps) {
  const [text, setText] = useState(filter);
  return (
    <form
      class="filter-text"
      onSubmit={(event) => {
        event.preventDefault();
        onApply(text.trim());
      }}
    >
      <Field label="Filter" hint="SQL over dimensions: = <> < > IN LIKE IS NULL AND OR NOT">
        <textarea
          class="code"
          rows={4}
          spellcheck={false}
          value={text}
          onInput={(event) => setText(event.currentTarget.value)}
        />
      </Field>
      <Button kind="primary" type="submit">
        Apply
      </Button>
    </form>
  );
}

type Values = Extract<FilterChip, { kind: 'values' }>;

interface ValuesChipProps {
  readonly metric: Metric | undefined;
  readonly chip: Values;
  readonly onChange: (chip: Values | undefined) => void;
}

const NAMED = 3;

function chipLabel({ dimension, exclude, values }: Values): string {
  const named = values.slice(0, NAMED).map(valueLabel).join(', ');
  const more = values.length > NAMED ? ` and ${values.length - NAMED} more` : '';
  return `${dimension} ${exclude ? 'is not' : 'is'} ${named}${more}`;
}

function ValuesChip({ metric, chip, onChange }: ValuesChipProps) {
  const label = chipLabel(chip);
  return (
    <span class={chip.exclude ? 'chip exclude' : 'chip'}>
      <Popover class="chip-button" name={`Filter: ${label}`} label={<bdi>{label}</bdi>}>
        {() => <ValuesEditor metric={metric} chip={chip} onChange={onChange} />}
      </Popover>
      <button
        type="button"
        class="chip-remove"
        aria-label={`Remove filter: ${label}`}
        onClick={() => onChange(undefined)}
      >
        ×
      </button>
    </span>
  );
}

function ValuesEditor({ metric, chip, onChange }: ValuesChipProps) {
  return (
    <div class="values-editor">
      <div class="segments" role="group" aria-label="Include or exclude">
        {[false, true].map((exclude) => (
          <button
            key={String(exclude)}
            type="button"
            aria-pressed={chip.exclude === exclude}
            onClick={() => onChange({ ...chip, exclude })}
          >
            {exclude ? 'is not' : 'is'}
          </button>
        ))}
      </div>
      <ValuePicker
        metric={metric}
        dimension={chip.dimension}
        selected={chip.values}
        onToggle={(value) => {
          const without = chip.values.filter((known) => known !== value);
          const values = without.length === chip.values.length ? [...without, value] : without;
          onChange(values.length === 0 ? undefined : { ...chip, values });
        }}
      />
    </div>
  );
}

interface AddFilterProps {
  readonly metric: Metric | undefined;
  readonly filter: string;
  readonly onChip: (chip: FilterChip) => void;
  readonly onText: (filter: string) => void;
}

function AddFilter({ metric, filter, onChip, onText }: AddFilterProps) {
  const [dimension, setDimension] = useState<string>();
  const [written, setWritten] = useState(false);
  if (written) {
    return <FilterText filter={filter} onApply={onText} />;
  }
  if (dimension === undefined) {
    return (
      <Picker
        name="Dimension"
        options={dimensionNames(metric?.definition).map((value) => ({ value }))}
        selected={[]}
        onSelect={setDimension}
        footer={
          <button type="button" class="menu-item" onClick={() => setWritten(true)}>
            Write as text…
          </button>
        }
      />
    );
  }
  return (
    <ValuePicker
      metric={metric}
      dimension={dimension}
      selected={[]}
      onToggle={(value) => onChip({ kind: 'values', dimension, exclude: false, values: [value] })}
    />
  );
}

interface DimensionValues {
  readonly counted_by: string | null;
  readonly total_values: Decimal;
  readonly values: readonly { readonly value: string | null; readonly count?: Decimal }[];
}

interface ValuePickerProps {
  readonly metric: Metric | undefined;
  readonly dimension: string;
  readonly selected: readonly (string | null)[];
  readonly onToggle: (value: string | null) => void;
}

const VALUES = 50;
/** Values as keys of a list in which null is not the text "null". */
const key = (value: string | null) => (value === null ? 'null' : `=${value}`);

function ValuePicker({ metric, dimension, selected, onToggle }: ValuePickerProps) {
  const [prefix, setPrefix] = useState('');
  const path = `/v1/metrics/${metric?.name ?? ''}/dimensions/${dimension}`;
  const url = withParams(path, { prefix, limit: VALUES, partial: 'allow' });
  const found = useFetched(metric === undefined ? '' : url, (signal) =>
    get<DimensionValues>(url, signal),
  );
  if (found.problem) {
    return <ProblemView problem={found.problem} />;
  }
  const list = found.value?.values ?? [];
  const known = new Set(list.map(({ value }) => key(value)));
  const chosen = prefix === '' ? selected.filter((value) => !known.has(key(value))) : [];
  const total = found.value?.total_values.approx() ?? 0;
  return (
    <Picker
      name={`Values of ${dimension}`}
      multiple
      onSearch={setPrefix}
      options={[
        ...chosen.map((value) => ({ value: key(value), label: valueLabel(value) })),
        ...list.map(({ value, count }) => ({
          value: key(value),
          label: valueLabel(value),
          hint: count && digits(count),
        })),
      ]}
      selected={selected.map(key)}
      onSelect={(chosen) => onToggle(chosen === 'null' ? null : chosen.slice(1))}
      footer={
        <p class="picker-none muted">
          {total > list.length && `${digits(total - list.length)} more: type how they begin. `}
          {found.value?.counted_by && `Counts are of all time, by ${found.value.counted_by}.`}
        </p>
      }
    />
  );
}
