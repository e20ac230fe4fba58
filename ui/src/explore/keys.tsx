// Keys of Explore, and the list of them.
import { useEffect } from 'preact/hooks';
import { Dialog } from '../components';

export const KEYS: readonly (readonly [key: string, meaning: string])[] = [
  ['/', 'Choose a metric'],
  ['f', 'Add a filter'],
  ['t', 'Choose a range'],
  ['c', 'Choose a comparison'],
  ['← →', 'Read the buckets of the chart that has the focus'],
  ['Shift ← →', 'Choose buckets, Enter zooms in'],
  ['?', 'This list'],
];

/** Calls what a key means, unless it is typed into a control. */
export function useKeys(meanings: { readonly [key: string]: () => void }): void {
  useEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      const target = event.target as HTMLElement;
      const typing = target.closest('input, select, textarea, dialog, [popover], [contenteditable]');
      const modified = event.ctrlKey || event.metaKey || event.altKey;
      const meant = Object.hasOwn(meanings, event.key) ? meanings[event.key] : undefined;
      if (meant !== undefined && typing === null && !modified && !event.defaultPrevented) {
        event.preventDefault();
        meant();
      }
    };
    addEventListener('keydown', pressed);
    return () => removeEventListener('keydown', pressed);
  });
}

export function KeyList({ onClose }: { readonly onClose: () => void }) {
  return (
    <Dialog title="Keyboard and pointer" onClose={onClose}>
      <dl class="facts">
        {KEYS.map(([key, meaning]) => (
          <>
            <dt key={key}>
              <kbd>{key}</kbd>
            </dt>
            <dd>{meaning}</dd>
          </>
        ))}
        <dt>Click</dt>
        <dd>Filter by a group</dd>
        <dt>Alt click</dt>
        <dd>Exclude a group</dd>
        <dt>Drag</dt>
        <dd>Zoom into a range</dd>
        <dt>Back</dt>
        <dd>Undo</dd>
      </dl>
    </Dialog>
  );
}
