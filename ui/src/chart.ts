// The chart module, for pages to import from one place.
export { AnswerTable } from './chart/table';
export { CHART_KINDS, type ChartKind, ChartView, errorOf, type GroupPick } from './chart/view';
