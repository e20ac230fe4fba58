// Dashboards: saved queries in a grid, under one range, zone, filter and comparison.
import { place } from '../router';
import { BoardPage } from './dashboards/page';
import { BoardList } from './dashboards/list';

export function Dashboards() {
  const name = place.value.path.split('/')[2];
  return name === undefined ? <BoardList /> : <BoardPage key={name} name={decodeURIComponent(name)} />;
}
