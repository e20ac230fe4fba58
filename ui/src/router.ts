// Where the reader is: the address is the state, and the browser's history is the undo.
import { signal } from '@preact/signals';

export interface Place {
  /** Below /ui, as /explore or /d/flights. */
  readonly path: string;
  readonly params: URLSearchParams;
}

const BASE = '/ui';

export const place = signal<Place>(read());

function read(): Place {
  const { pathname, search } = globalThis.location ?? { pathname: BASE, search: '' };
  const path = pathname.startsWith(BASE) ? pathname.slice(BASE.length) : pathname;
  return { path: path === '' ? '/' : path.replace(/(.)\/$/, '$1'), params: new URLSearchParams(search) };
}

globalThis.addEventListener?.('popstate', () => {
  place.value = read();
});

/** The address of a path below /ui. Commas, colons and slashes stay readable. */
export function hrefOf(path: string, params?: URLSearchParams): string {
  const query = params === undefined ? '' : readable(params);
  return BASE + path + (query === '' ? '' : `?${query}`);
}

/** Parameters as text in which what need not be escaped is not. */
export function readable(params: URLSearchParams): string {
  return params
    .toString()
    .replaceAll('%2C', ',')
    .replaceAll('%3A', ':')
    .replaceAll('%2F', '/')
    .replaceAll('%28', '(')
    .replaceAll('%29', ')')
    .replaceAll('%27', "'");
}

/** Goes to a path. `replace` leaves no step behind that Back would return to. */
export function navigate(path: string, params?: URLSearchParams, replace = false): void {
  const href = hrefOf(path, params);
  if (href === location.pathname + location.search) {
    return;
  }
  if (replace) {
    history.replaceState(null, '', href);
  } else {
    history.pushState(null, '', href);
  }
  const before = place.value.path;
  place.value = read();
  if (place.value.path !== before && !replace) {
    scrollTo(0, 0);
  }
}
