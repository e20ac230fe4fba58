// A word with an explanation, for the pointer, the keyboard and screen readers alike.
import type { ComponentChildren } from 'preact';
import { useId, useState } from 'preact/hooks';

interface TooltipProps {
  readonly text: string;
  readonly children: ComponentChildren;
}

export function Tooltip({ text, children }: TooltipProps) {
  const [shown, setShown] = useState(false);
  const id = useId();
  return (
    <span
      class="tooltip"
      onMouseEnter={() => setShown(true)}
      onMouseLeave={() => setShown(false)}
      onFocusIn={() => setShown(true)}
      onFocusOut={() => setShown(false)}
      onKeyDown={(event) => event.key === 'Escape' && setShown(false)}
    >
      <span tabIndex={0} class="tooltip-word" aria-describedby={id}>
        {children}
      </span>
      <span role="tooltip" id={id} class="tooltip-text" hidden={!shown}>
        {text}
      </span>
    </span>
  );
}
