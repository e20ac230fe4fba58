// The pickers of Explore: metric, measures, groups, zone.
import { Picker, Popover } from '../components';
import { dimensionNames, type Metric } from '../catalog';

interface MetricPickerProps {
  readonly metrics: readonly Metric[];
  readonly current: string;
  readonly openRequest: number;
  readonly onSelect: (name: string) => void;
}

export function MetricPicker({ metrics, current, openRequest, onSelect }: MetricPickerProps) {
  return (
    <Popover
      class="metric-button"
      name={`Metric: ${current || 'none'}`}
      openRequest={openRequest}
      label={<Opener text={current || 'Choose a metric'} />}
    >
      {(close) => (
        <Picker
          name="Metric"
          options={metrics.map(({ name, description }) => ({ value: name, hint: description }))}
          selected={[current]}
          onSelect={(name) => {
            close();
            onSelect(name);
          }}
        />
      )}
    </Popover>
  );
}

/** A label of a button that opens a list. */
export function Opener({ text }: { readonly text: string }) {
  return (
    <>
      <span class="button-text">{text}</span>
      <Caret />
    </>
  );
}

function Caret() {
  return (
    <svg class="caret" width="10" height="6" viewBox="0 0 10 6" aria-hidden="true">
      <path d="M1 1l4 4 4-4" />
    </svg>
  );
}

interface MeasurePickerProps {
  readonly metric: Metric | undefined;
  readonly selected: readonly string[];
  readonly onSelect: (measures: string[]) => void;
}

export function MeasurePicker({ metric, selected, onSelect }: MeasurePickerProps) {
  const measures = Object.entries(metric?.definition.measures ?? {});
  const shown = selected.length === 0 ? measures.map(([name]) => name) : selected;
  const first = shown[0] ?? 'Measures';
  const label = shown.length > 1 ? `${first} and ${shown.length - 1} more` : first;
  return (
    <Popover name={`Measures: ${label}`} label={<Opener text={label} />}>
      {() => (
        <Picker
          name="Measures"
          multiple
          options={measures.map(([name, { kind, of, expr }]) => ({
            value: name,
            hint: expr ?? (of === undefined ? kind : `${kind} of ${of}`),
          }))}
          selected={shown}
          onSelect={(name) => onSelect(toggled(shown, name, measures.length))}
        />
      )}
    </Popover>
  );
}

/** The list with or without a name; never empty. */
function toggled(list: readonly string[], name: string, most: number): string[] {
  const without = list.filter((known) => known !== name);
  const next = without.length === list.length ? [...list, name] : without;
  return next.length === 0 || next.length > most ? [name] : next;
}

const GROUPS_MAX = 2;

interface GroupPickerProps {
  readonly metric: Metric | undefined;
  readonly selected: readonly string[];
  readonly onSelect: (dimensions: string[]) => void;
}

export function GroupPicker({ metric, selected, onSelect }: GroupPickerProps) {
  const label = selected.length === 0 ? 'Group by' : `by ${selected.join(', ')}`;
  return (
    <Popover name={`Group by: ${selected.join(', ') || 'nothing'}`} label={<Opener text={label} />}>
      {() => (
        <Picker
          name="Group by"
          multiple
          options={dimensionNames(metric?.definition).map((value) => ({ value }))}
          selected={selected}
          onSelect={(name) =>
            onSelect(
              selected.includes(name)
                ? selected.filter((known) => known !== name)
                : [...selected, name].slice(-GROUPS_MAX),
            )
          }
        />
      )}
    </Popover>
  );
}

interface ZonePickerProps {
  readonly current: string;
  readonly onSelect: (zone: string) => void;
}

export function browserZone(): string {
  return Intl.DateTimeFormat().resolvedOptions().timeZone || 'UTC';
}

export function ZonePicker({ current, onSelect }: ZonePickerProps) {
  return (
    <Popover name={`Time zone: ${current}`} label={<Opener text={current.replaceAll('_', ' ')} />}>
      {(close) => (
        <Picker
          name="Time zone"
          free
          options={zones().map((value) => ({
            value,
            label: value.replaceAll('_', ' '),
            hint: value === browserZone() ? 'this browser' : undefined,
          }))}
          selected={[current]}
          onSelect={(zone) => {
            close();
            onSelect(zone);
          }}
        />
      )}
    </Popover>
  );
}

function zones(): string[] {
  return [...new Set(['UTC', browserZone(), ...Intl.supportedValuesOf('timeZone')])];
}
