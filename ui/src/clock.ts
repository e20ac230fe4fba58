// The time of the reader's clock, once a second while somebody looks.
import { signal } from '@preact/signals';

export const now = signal(Date.now());

globalThis.document?.addEventListener('visibilitychange', tick);
if (globalThis.document !== undefined) {
  setInterval(tick, 1000);
}

function tick(): void {
  if (!document.hidden) {
    now.value = Date.now();
  }
}
