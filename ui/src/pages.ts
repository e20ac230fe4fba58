// The pages and their order in the navigation. A page is a component; it reads `place` for its parameters.
import type { ComponentType } from 'preact';
import { Dashboards } from './pages/dashboards';
import { Explore } from './pages/explore';
import { Health } from './pages/health';
import { Keys } from './pages/keys';
import { Metrics } from './pages/metrics';
import { Quarantine } from './pages/quarantine';
import { Runs } from './pages/runs';

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
  { name: 'd', title: 'Dashboards', group: 'look', role: 'read', component: Dashboards },
  { name: 'metrics', title: 'Metrics', group: 'look', role: 'read', component: Metrics },
  { name: 'runs', title: 'Runs', group: 'operate', role: 'read', unbound: true, component: Runs },
  { name: 'health', title: 'Health', group: 'operate', role: 'read', unbound: true, component: Health },
  { name: 'quarantine', title: 'Quarantine', group: 'operate', role: 'admin', component: Quarantine },
  { name: 'keys', title: 'Keys', group: 'operate', role: 'admin', component: Keys },
];
