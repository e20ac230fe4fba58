// The chart module, for pages to import from one place.
export { CHART_KINDS, type ChartKind, ChartView, type GroupPick } from './chart/view';
