// What is known of a thing, name by name, and parts that show it.
import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { now } from '../clock';
import { dateTime, relative } from '../format';
import { Button } from './basic';

type Fact = readonly [name: ComponentChildren, value: ComponentChildren];

/** Names and values; facts without a value are left out. */
export function Facts({ facts }: { readonly facts: readonly Fact[] }) {
  return (
    <dl class="fact-grid">
      {facts
        .filter(([, value]) => value !== undefined && value !== null && value !== '')
        .map(([name, value], index) => (
          <div key={index}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
    </dl>
  );
}

/** An instant against now; the instant itself as its title. */
export function Ago({ at }: { readonly at: string | null | undefined }) {
  if (at === null || at === undefined) {
    return <>–</>;
  }
  return (
    <time dateTime={at} title={`${dateTime(at)} ${at.endsWith('Z') ? 'UTC' : ''}`.trim()}>
      {relative(at, now.value)}
    </time>
  );
}

interface ProgressProps {
  readonly label: string;
  /** 0 to 1. */
  readonly value: number;
}

export function Progress({ label, value }: ProgressProps) {
  return (
    <progress class="progress" aria-label={label} max={1} value={value}>
      {Math.floor(value * 100)} %
    </progress>
  );
}

const COPIED_MS = 2000;

interface CopyProps {
  readonly text: string;
  /** What is copied, for screen readers. */
  readonly what: string;
}

/** A button that puts a text on the clipboard, and says so. */
export function CopyButton({ text, what }: CopyProps) {
  const [state, setState] = useState<'' | 'Copied' | 'Not allowed'>('');
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      setState('Copied');
    } catch {
      setState('Not allowed');
    }
    setTimeout(() => setState(''), COPIED_MS);
  };
  return (
    <Button class="copy" aria-label={`Copy ${what}`} onClick={() => void copy()}>
      <span aria-live="polite">{state === '' ? 'Copy' : state}</span>
    </Button>
  );
}

/** A text to be copied, as a command or a key. */
export function CopyText({ text, what }: CopyProps) {
  return (
    <div class="copy-text">
      <pre tabIndex={0}>{text}</pre>
      <CopyButton text={text} what={what} />
    </div>
  );
}
