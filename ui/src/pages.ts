// The pages and their order in the navigation. A page is a component; it reads `place` for its parameters.
import type { ComponentType } from 'preact';
import { Explore } from './pages/explore';

export interface Page {
  /** The first part of its path below /ui: `explore` for /ui/explore and what is below it. */
  readonly name: string;
  readonly title: string;
  readonly group: 'look' | 'operate';
  /** The role that it takes; without it the navigation leaves the page out. */
  readonly role: 'read' | 'admin';
  /** Whether keys that are bound to metrics or a filter are refused. */
  readonly unbound?: boolean;
  readonly component: ComponentType;
}

export const pages: readonly Page[] = [
  { name: 'explore', title: 'Explore', group: 'look', role: 'read', component: Explore },
];
