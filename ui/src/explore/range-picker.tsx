// The range of time: presets, or edges as one types them.
import { useState } from 'preact/hooks';
import { Button, Field, Popover } from '../components';
import { Opener } from './pickers';
import { PRESETS, rangeLabel } from './range';

interface RangePickerProps {
  readonly from: string;
  readonly to: string;
  readonly openRequest: number;
  readonly onSelect: (from: string, to: string) => void;
}

export function RangePicker(props: RangePickerProps) {
  const label = rangeLabel(props.from, props.to);
  return (
    <Popover name={`Range: ${label}`} openRequest={props.openRequest} label={<Opener text={label} />}>
      {(close) => <Panel {...props} close={close} />}
    </Popover>
  );
}

function Panel({ from, to, onSelect, close }: RangePickerProps & { readonly close: () => void }) {
  const [start, setStart] = useState(from);
  const [end, setEnd] = useState(to);
  const choose = (first: string, last: string) => {
    close();
    onSelect(first.trim(), last.trim());
  };
  return (
    <div class="range-panel">
      <ul class="presets" aria-label="Ranges">
        {PRESETS.map((preset) => (
          <li key={preset.label}>
            <button
              type="button"
              class="menu-item"
              aria-pressed={rangeLabel(from, to) === preset.label}
              onClick={() => choose(preset.from, preset.to)}
            >
              {preset.label}
            </button>
          </li>
        ))}
      </ul>
      <form
        class="range-form"
        onSubmit={(event) => {
          event.preventDefault();
          choose(start, end);
        }}
      >
        <Edge label="From" value={start} onChange={setStart} />
        <Edge label="To, not included" value={end} onChange={setEnd} />
        <p class="field-hint">
          As <code>now-7d</code>, <code>yesterday</code>, <code>2026-11</code>, <code>2026-W47</code>,{' '}
          <code>2026-11-28T12:00:00Z</code>. Empty: open.
        </p>
        <Button kind="primary" type="submit">
          Apply
        </Button>
      </form>
    </div>
  );
}

interface EdgeProps {
  readonly label: string;
  readonly value: string;
  readonly onChange: (value: string) => void;
}

function Edge({ label, value, onChange }: EdgeProps) {
  return (
    <div class="range-edge">
      <Field label={label}>
        <input
          type="text"
          autocomplete="off"
          spellcheck={false}
          value={value}
          onInput={(event) => onChange(event.currentTarget.value)}
        />
      </Field>
      <input
        type="date"
        aria-label={`${label}: date`}
        value={/^\d{4}-\d\d-\d\d$/.test(value) ? value : ''}
        onInput={(event) => event.currentTarget.value !== '' && onChange(event.currentTarget.value)}
      />
    </div>
  );
}
