// The plain choices: chart, granularity, comparison, and what is asked for less often.
import type { ComponentChildren } from 'preact';
import { useId } from 'preact/hooks';
import { Field, Popover } from '../components';
import { CHART_KINDS, type ChartKind } from '../chart';
import { GRANULARITIES } from './range';
import { type Changes, GROUP_LIMIT, havingChanges } from './state';

interface SelectProps {
  readonly label: string;
  readonly value: string;
  readonly options: readonly (readonly [value: string, label: string])[];
  readonly onSelect: (value: string) => void;
  readonly id?: string;
  readonly 'aria-describedby'?: string;
}

/** A native list; a value that is none of the options is offered too, since the address may have it. */
export function Select({ label, value, options, onSelect, ...rest }: SelectProps) {
  const known = options.some(([name]) => name === value);
  return (
    <select
      {...rest}
      class="select"
      aria-label={label}
      value={value}
      onChange={(event) => onSelect(event.currentTarget.value)}
    >
      {!known && <option value={value}>{value}</option>}
      {options.map(([name, text]) => (
        <option key={name} value={name}>
          {text}
        </option>
      ))}
    </select>
  );
}

interface GranularityProps {
  readonly current: string;
  readonly fitting: readonly string[];
  readonly length: number | undefined;
  readonly onSelect: (granularity: string) => void;
}

/** Most rows that the service gives; more buckets than that cannot be drawn. */
const ROWS_MAX = 10_000;

export function GranularitySelect({ current, fitting, length, onSelect }: GranularityProps) {
  const offered = GRANULARITIES.filter(
    ([name, , bucket]) =>
      fitting.includes(name) && (length === undefined || length / bucket <= ROWS_MAX),
  );
  return (
    <Select
      label="Granularity"
      value={current}
      options={[['all', 'Whole range'], ...offered.map(([name, label]) => [name, label] as const)]}
      onSelect={onSelect}
    />
  );
}

const COMPARE: readonly (readonly [string, string])[] = [
  ['', 'No comparison'],
  ['previous_period', 'Previous period'],
  ['previous_week', 'Previous week'],
  ['previous_month', 'Previous month'],
  ['previous_quarter', 'Previous quarter'],
  ['previous_year', 'Previous year'],
];

export function CompareSelect({
  current,
  onSelect,
}: {
  readonly current: string;
  readonly onSelect: (compare: string) => void;
}) {
  return (
    <Select id="compare" label="Compare" value={current} options={COMPARE} onSelect={onSelect} />
  );
}

const ICONS: { readonly [kind in ChartKind]: ComponentChildren } = {
  line: <path d="M1 12l4-5 4 3 6-8" />,
  area: <path d="M1 12l4-5 4 3 6-8v12H1z" class="filled" />,
  stacked: (
    <>
      <path d="M1 14v-3l5-2 4 1 5-3v7z" class="filled" />
      <path d="M1 7l5-3 4 1 5-4" />
    </>
  ),
  bar: <path d="M3 14V8M8 14V3M13 14V6" class="wide" />,
  number: <path d="M5 2L4 14M12 2l-1 12M2 5.5h12M1.5 10.5h12" />,
  table: <path d="M1.5 2.5h13v11h-13zM1.5 6h13M6 6v7.5" />,
};

const NAMES: { readonly [kind in ChartKind]: string } = {
  line: 'Line',
  area: 'Area',
  stacked: 'Stacked area',
  bar: 'Bars',
  number: 'Number',
  table: 'Table',
};

interface ChartKindsProps {
  readonly current: ChartKind;
  readonly onSelect: (kind: ChartKind) => void;
}

export function ChartKinds({ current, onSelect }: ChartKindsProps) {
  return (
    <div class="segments chart-kinds" role="group" aria-label="Chart">
      {CHART_KINDS.map((kind) => (
        <button
          key={kind}
          type="button"
          aria-pressed={kind === current}
          aria-label={NAMES[kind]}
          title={NAMES[kind]}
          onClick={() => onSelect(kind)}
        >
          <svg width="16" height="16" viewBox="0 0 16 16" aria-hidden="true">
            {ICONS[kind]}
          </svg>
        </button>
      ))}
    </div>
  );
}

const WINDOWS = ['7d', '28d', '30d', '90d', '12M'];

interface MoreProps {
  readonly params: URLSearchParams;
  readonly timed: boolean;
  readonly grouped: boolean;
  readonly onChange: (changes: Changes) => void;
}

const FILL: readonly (readonly [string, string])[] = [
  ['', 'Leave out'],
  ['zero', 'Zero'],
  ['null', 'A gap'],
  ['previous', 'The value before'],
];

export function More({ params, timed, grouped, onChange }: MoreProps) {
  return (
    <Popover class="button quiet" name="More options" label="More">
      {() => (
        <div class="more">
          {timed && (
            <>
              <Field label="Empty buckets">
                <Select
                  label="Empty buckets"
                  value={params.get('fill') ?? ''}
                  options={FILL}
                  onSelect={(fill) => onChange({ fill })}
                />
              </Field>
              <Text
                label="Window"
                hint="Each bucket merges what ends with it, as 7d or 28d"
                value={params.get('window') ?? ''}
                suggestions={WINDOWS}
                onChange={(window) => onChange({ window })}
              />
            </>
          )}
          {grouped && (
            <>
              <Text
                label="Groups"
                hint="The largest over the whole range"
                value={params.get('group_limit') ?? ''}
                onChange={(limit) => onChange({ group_limit: limit || GROUP_LIMIT })}
              />
              <Check
                label="All others as one"
                value={params.get('other') === 'true'}
                onChange={(other) => onChange({ other: other ? 'true' : '' })}
              />
            </>
          )}
          <Text
            label="Having"
            hint="SQL over measures, after the merge"
            value={params.get('having') ?? ''}
            onChange={(having) => onChange(havingChanges(having, params))}
          />
          <Check
            label="Total of the range"
            value={params.get('totals') === 'true'}
            onChange={(totals) => onChange({ totals: totals ? 'true' : '' })}
          />
          <Check
            label="Allow incomplete answers"
            value={params.get('partial') === 'allow'}
            onChange={(partial) => onChange({ partial: partial ? 'allow' : '' })}
          />
        </div>
      )}
    </Popover>
  );
}

/** What changes every value and would not be seen while More is closed. */
export function OptionChips({ params, onChange }: Pick<MoreProps, 'params' | 'onChange'>) {
  const chip = (name: string, without: Changes) => {
    const label = `${name} ${params.get(name)}`;
    return params.get(name) ? (
      <span key={name} class="chip">
        <bdi class="chip-text">{label}</bdi>
        <button
          type="button"
          class="chip-remove"
          aria-label={`Remove ${label}`}
          onClick={() => onChange(without)}
        >
          ×
        </button>
      </span>
    ) : null;
  };
  return (
    <>
      {chip('window', { window: '' })}
      {chip('having', havingChanges('', params))}
    </>
  );
}

interface TextProps {
  readonly label: string;
  readonly hint: string;
  readonly value: string;
  readonly suggestions?: readonly string[];
  readonly onChange: (value: string) => void;
}

function Text({ label, hint, value, suggestions = [], onChange }: TextProps) {
  const list = useId();
  return (
    <>
      <Field label={label} hint={hint}>
        <input
          type="text"
          list={list}
          autocomplete="off"
          spellcheck={false}
          value={value}
          onChange={(event) => onChange(event.currentTarget.value.trim())}
        />
      </Field>
      <datalist id={list}>
        {suggestions.map((text) => (
          <option key={text} value={text} />
        ))}
      </datalist>
    </>
  );
}

interface CheckProps {
  readonly label: string;
  readonly value: boolean;
  readonly onChange: (value: boolean) => void;
}

function Check({ label, value, onChange }: CheckProps) {
  return (
    <label class="check">
      <input
        type="checkbox"
        checked={value}
        onChange={(event) => onChange(event.currentTarget.checked)}
      />
      {label}
    </label>
  );
}
