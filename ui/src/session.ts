// Who the reader is. The key itself is sent once and never kept here: the service gives a cookie that scripts
// cannot read.
import { signal } from '@preact/signals';
import { forgetMetrics } from './catalog';
import { get, onUnauthorized, Problem, request } from './api';

export interface Session {
  readonly authentication: 'none' | 'key' | 'session' | 'required';
  readonly key: { readonly id: string; readonly note?: string | null } | null;
  readonly roles: readonly string[];
  /** The metrics and the filter that the key is bound to; null for an unbound one. */
  readonly scope: { readonly metrics?: readonly string[]; readonly filter?: string } | null;
}

/** Undefined until the service has said it. */
export const session = signal<Session | undefined>(undefined);

const OPEN: Session = { authentication: 'none', key: null, roles: ['admin'], scope: null };

/** Asks who the reader is. */
export async function loadSession(): Promise<void> {
  try {
    session.value = await get<Session>('/v1/session');
  } catch (error) {
    // A service without the route asks for no key on loopback; a real refusal shows with the first request.
    if (error instanceof Problem && error.status === 404) {
      session.value = OPEN;
    } else {
      throw error;
    }
  }
}

/** Exchanges a key for a session. */
export async function logIn(key: string): Promise<void> {
  await request('/v1/session', { method: 'POST', body: { key } });
  forgetMetrics();
  await loadSession();
}

/** Ends the session. */
export async function logOut(): Promise<void> {
  await request('/v1/session', { method: 'DELETE' });
  forgetMetrics();
  await loadSession();
}

/**
 * Whether the reader may do what needs a role; `unbound` for what bound readers may not see. True until it is known,
 * so that the page can ask for what it will show.
 */
export function may(role: 'read' | 'admin', unbound = false): boolean {
  const current = session.value;
  if (current === undefined) {
    return true;
  }
  if (current.authentication === 'required') {
    return false;
  }
  if (current.authentication === 'none' || current.roles.includes('admin')) {
    return true;
  }
  return role === 'read' && current.roles.includes('read') && !(unbound && current.scope !== null);
}

onUnauthorized.call = () => {
  const current = session.value;
  if (current !== undefined && current.authentication !== 'required') {
    session.value = { authentication: 'required', key: null, roles: [], scope: null };
  }
};
