// Small parts of every page.
import { type ButtonHTMLAttributes, cloneElement, type ComponentChildren, type VNode } from 'preact';
import { useId } from 'preact/hooks';
import { hrefOf, navigate } from '../router';

interface ButtonProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  readonly kind?: 'plain' | 'primary' | 'danger' | 'quiet';
  readonly disabled?: boolean;
  readonly type?: 'button' | 'submit';
  readonly children?: ComponentChildren;
}

export function Button({ kind = 'plain', type = 'button', class: more, ...rest }: ButtonProps) {
  return <button type={type} class={`button ${kind} ${more ?? ''}`.trim()} {...rest} />;
}

interface LinkProps {
  readonly to: string;
  readonly params?: URLSearchParams;
  readonly class?: string;
  readonly current?: boolean;
  readonly onGo?: () => void;
  readonly children?: ComponentChildren;
}

/** A link within the page; with a modifier or the middle button the browser opens it as any other. */
export function Link({ to, params, current, onGo, children, ...rest }: LinkProps) {
  const go = (event: MouseEvent) => {
    if (event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey) {
      event.preventDefault();
      onGo?.();
      navigate(to, params);
    }
  };
  return (
    <a href={hrefOf(to, params)} onClick={go} aria-current={current ? 'page' : undefined} {...rest}>
      {children}
    </a>
  );
}

interface ChipProps {
  readonly label: string;
  readonly tone?: 'plain' | 'exclude' | 'good' | 'warn' | 'bad';
  readonly onRemove?: () => void;
  readonly children: ComponentChildren;
}

/** A small piece of state: a filter that can be taken away, or the state of a run. */
export function Chip({ label, tone = 'plain', onRemove, children }: ChipProps) {
  return (
    <span class={`chip ${tone}`} title={label}>
      <span class="chip-text">{children}</span>
      {onRemove && (
        <button type="button" class="chip-remove" aria-label={`Remove ${label}`} onClick={onRemove}>
          ×
        </button>
      )}
    </span>
  );
}

/** Something is under way: shown only after a moment, so that fast answers do not flicker. */
export function Loading({ label = 'Loading' }: { readonly label?: string }) {
  return (
    <div class="loading" role="status">
      <span class="loading-dots" aria-hidden="true" />
      {label}…
    </div>
  );
}

interface EmptyProps {
  readonly title: string;
  readonly children?: ComponentChildren;
}

/** There is nothing here, and what can be done about it. */
export function Empty({ title, children }: EmptyProps) {
  return (
    <div class="empty">
      <p class="empty-title">{title}</p>
      {children}
    </div>
  );
}

interface HeadingProps {
  readonly title: string;
  readonly children?: ComponentChildren;
}

/** The title of a page, with its actions at the right. */
export function PageHeading({ title, children }: HeadingProps) {
  return (
    <div class="page-heading">
      <h1>{title}</h1>
      {children && <div class="page-actions">{children}</div>}
    </div>
  );
}

interface FieldProps {
  readonly label: string;
  readonly hint?: ComponentChildren;
  readonly error?: string | undefined;
  /** The control. */
  readonly children: VNode;
}

/** A control with its name, and with what describes it apart from the name. */
export function Field({ label, hint, error, children }: FieldProps) {
  const id = useId();
  const notes = hint || error ? `${id}-notes` : undefined;
  return (
    <div class="field">
      <label class="field-label" for={id}>
        {label}
      </label>
      {cloneElement(children, { id, 'aria-describedby': notes })}
      {notes && (
        <div id={notes}>
          {hint && <div class="field-hint">{hint}</div>}
          {error && (
            <div class="field-error" role="alert">
              {error}
            </div>
          )}
        </div>
      )}
    </div>
  );
}
