// Tabs: a choice among views of one thing.
import type { ComponentChildren } from 'preact';
import { moveFocus } from './menu';

interface TabsProps<Name extends string> {
  readonly label: string;
  readonly tabs: readonly (readonly [Name, ComponentChildren])[];
  readonly current: Name;
  readonly onSelect: (name: Name) => void;
}

export function Tabs<Name extends string>({ label, tabs, current, onSelect }: TabsProps<Name>) {
  return (
    <div class="tabs" role="tablist" aria-label={label} onKeyDown={moveFocus}>
      {tabs.map(([name, title]) => (
        <button
          key={name}
          type="button"
          role="tab"
          aria-selected={name === current}
          tabIndex={name === current ? 0 : -1}
          onClick={() => onSelect(name)}
        >
          {title}
        </button>
      ))}
    </div>
  );
}
