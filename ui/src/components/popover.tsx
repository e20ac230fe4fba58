// A button that opens a panel below itself: menus, pickers, explanations. The browser's popover keeps it
// above everything and closes it on Escape and on a click elsewhere.
import type { ComponentChildren } from 'preact';
import { useEffect, useId, useRef, useState } from 'preact/hooks';

interface PopoverProps {
  readonly label: ComponentChildren;
  /** Said to screen readers instead of the label. */
  readonly name?: string;
  readonly class?: string;
  /** Increases when the panel is to open by a key. */
  readonly openRequest?: number;
  /** The panel; called only while it is open. */
  readonly children: (close: () => void) => ComponentChildren;
}

const EDGE = 8;

export function Popover({ label, name, class: more, openRequest, children }: PopoverProps) {
  const [open, setOpen] = useState(false);
  const button = useRef<HTMLButtonElement>(null);
  const panel = useRef<HTMLDivElement>(null);
  const id = useId();

  useEffect(() => {
    const element = panel.current;
    if (element === null) {
      return;
    }
    const toggled = (event: Event) => {
      const opened = (event as ToggleEvent).newState === 'open';
      setOpen(opened);
      // A panel that was opened by a key has no element that the browser would give the focus back to.
      if (!opened && document.activeElement === document.body) {
        button.current?.focus();
      }
    };
    element.addEventListener('toggle', toggled);
    return () => element.removeEventListener('toggle', toggled);
  }, []);

  useEffect(() => {
    if (openRequest !== undefined && openRequest > 0) {
      panel.current?.showPopover();
    }
  }, [openRequest]);

  useEffect(() => {
    if (!open || button.current === null || panel.current === null) {
      return;
    }
    const place = () => beside(button.current as HTMLElement, panel.current as HTMLElement);
    place();
    // A finger wants to see the list, not a keyboard on the screen.
    const control = matchMedia('(pointer: coarse)').matches ? undefined : firstControl(panel.current);
    (control ?? panel.current).focus();
    addEventListener('resize', place);
    addEventListener('scroll', place, { passive: true });
    return () => {
      removeEventListener('resize', place);
      removeEventListener('scroll', place);
    };
  }, [open]);

  const close = () => {
    panel.current?.hidePopover();
    button.current?.focus();
  };
  return (
    <>
      <button
        ref={button}
        type="button"
        class={more ?? 'button plain'}
        aria-label={name}
        aria-expanded={open}
        aria-controls={id}
        popovertarget={id}
      >
        {label}
      </button>
      <div ref={panel} id={id} class="popover" popover="auto" tabIndex={-1}>
        {open && children(close)}
      </div>
    </>
  );
}

function firstControl(panel: HTMLElement): HTMLElement | undefined {
  return panel.querySelector<HTMLElement>('input, select, [role^=menuitem], [role=option]') ?? undefined;
}

function beside(button: HTMLElement, panel: HTMLElement): void {
  const at = button.getBoundingClientRect();
  const size = panel.getBoundingClientRect();
  const width = document.documentElement.clientWidth;
  const below = at.bottom + 4;
  const fits = below + size.height <= innerHeight - EDGE || at.top < innerHeight / 2;
  const left = Math.max(EDGE, Math.min(at.left, width - size.width - EDGE));
  const top = fits ? below : Math.max(EDGE, at.top - size.height - 4);
  panel.style.left = `${left}px`;
  panel.style.top = `${top}px`;
  panel.style.maxHeight = `${Math.max(160, innerHeight - top - EDGE)}px`;
}
