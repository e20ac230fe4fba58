// A list to choose from, with a search where it is long: one value, or several.
import type { ComponentChildren } from 'preact';
import { useId, useState } from 'preact/hooks';
import { moveFocus } from './menu';

export interface Option {
  readonly value: string;
  readonly label?: ComponentChildren;
  readonly hint?: ComponentChildren;
}

interface PickerProps {
  /** What is chosen, for screen readers. */
  readonly name: string;
  readonly options: readonly Option[];
  readonly selected: readonly string[];
  readonly multiple?: boolean;
  readonly onSelect: (value: string) => void;
  /** Called with what is typed, where the options come from the service. */
  readonly onSearch?: (text: string) => void;
  /** Whether what is typed may be chosen although it is no option. */
  readonly free?: boolean;
  readonly footer?: ComponentChildren;
}

const SEARCH_FROM = 9;
const SHOWN = 200;

export function Picker(props: PickerProps) {
  const { name, options, selected, multiple, onSelect, onSearch, free, footer } = props;
  const [text, setText] = useState('');
  const id = useId();
  const wanted = text.trim().toLowerCase();
  const found = onSearch
    ? options
    : options.filter(({ value }) => value.toLowerCase().includes(wanted));
  const shown = found.slice(0, SHOWN);
  const searchable = onSearch !== undefined || free || options.length >= SEARCH_FROM;
  const enter = (event: KeyboardEvent) => {
    if (event.key === 'Enter') {
      event.preventDefault();
      const first = shown[0]?.value ?? (free && text.trim() !== '' ? text.trim() : undefined);
      if (first !== undefined) {
        onSelect(first);
      }
    } else if (event.key === 'ArrowDown') {
      event.preventDefault();
      document.getElementById(id)?.querySelector<HTMLElement>('[role=option]')?.focus();
    }
  };
  return (
    <div class="picker">
      {searchable && (
        <input
          type="search"
          class="picker-search"
          aria-label={`Search ${name}`}
          placeholder="Search"
          autocomplete="off"
          spellcheck={false}
          value={text}
          onKeyDown={enter}
          onInput={(event) => {
            setText(event.currentTarget.value);
            onSearch?.(event.currentTarget.value);
          }}
        />
      )}
      <div
        id={id}
        role="listbox"
        aria-label={name}
        aria-multiselectable={multiple}
        class="menu"
        tabIndex={-1}
        onKeyDown={moveFocus}
      >
        {shown.map((option) => (
          <Row
            key={option.value}
            option={option}
            chosen={selected.includes(option.value)}
            onSelect={onSelect}
          />
        ))}
        {shown.length === 0 && <p class="picker-none muted">Nothing matches.</p>}
      </div>
      {found.length > shown.length && (
        <p class="picker-none muted">And {found.length - shown.length} more: type to find them.</p>
      )}
      {footer}
    </div>
  );
}

interface RowProps {
  readonly option: Option;
  readonly chosen: boolean;
  readonly onSelect: (value: string) => void;
}

function Row({ option, chosen, onSelect }: RowProps) {
  const { value, label, hint } = option;
  return (
    <button
      type="button"
      role="option"
      aria-selected={chosen}
      class="menu-item"
      onClick={() => onSelect(value)}
    >
      <span class="picker-label">
        <span class="picker-mark" aria-hidden="true">
          {chosen ? '✓' : ''}
        </span>
        <bdi>{label ?? value}</bdi>
      </span>
      {hint && <span class="menu-hint">{hint}</span>}
    </button>
  );
}
