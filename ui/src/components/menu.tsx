// A menu of actions, with the arrow keys.
import type { ComponentChildren } from 'preact';
import { Popover } from './popover';

export interface MenuItem {
  readonly label: ComponentChildren;
  readonly hint?: ComponentChildren;
  readonly onSelect?: () => void;
  /** A file that the item loads instead. */
  readonly download?: { readonly href: string; readonly name: string };
  readonly danger?: boolean;
  readonly disabled?: boolean;
}

interface MenuProps {
  readonly label: ComponentChildren;
  readonly name?: string;
  readonly class?: string;
  readonly items: readonly MenuItem[];
}

export function Menu({ label, name, class: more, items }: MenuProps) {
  return (
    <Popover label={label} {...(name ? { name } : {})} {...(more ? { class: more } : {})}>
      {(close) => (
        <div role="menu" aria-label={name} class="menu" onKeyDown={moveFocus}>
          {items.map((item, index) => (
            <Item key={index} item={item} close={close} />
          ))}
        </div>
      )}
    </Popover>
  );
}

function Item({ item, close }: { readonly item: MenuItem; readonly close: () => void }) {
  const content = (
    <>
      <span>{item.label}</span>
      {item.hint && <span class="menu-hint">{item.hint}</span>}
    </>
  );
  const select = () => {
    close();
    item.onSelect?.();
  };
  if (item.download !== undefined) {
    const { href, name } = item.download;
    return (
      <a role="menuitem" class="menu-item" href={href} download={name} onClick={select}>
        {content}
      </a>
    );
  }
  return (
    <button
      type="button"
      role="menuitem"
      class={item.danger ? 'menu-item danger' : 'menu-item'}
      disabled={item.disabled}
      onClick={select}
    >
      {content}
    </button>
  );
}

/** Moves the focus among the buttons of a list by the arrow keys, Home and End. */
export function moveFocus(event: KeyboardEvent): void {
  const list = event.currentTarget as HTMLElement;
  const items = [...list.querySelectorAll<HTMLElement>('[role^=menuitem], [role=option], [role=tab]')];
  const at = items.indexOf(document.activeElement as HTMLElement);
  const next = nextIndex(event.key, at, items.length);
  if (next !== undefined) {
    event.preventDefault();
    items[next]?.focus();
  }
}

function nextIndex(key: string, at: number, count: number): number | undefined {
  switch (key) {
    case 'ArrowDown':
    case 'ArrowRight':
      return (at + 1) % count;
    case 'ArrowUp':
    case 'ArrowLeft':
      return (at - 1 + count) % count;
    case 'Home':
      return 0;
    case 'End':
      return count - 1;
    default:
      return undefined;
  }
}
