// What a dashboard shares among its charts: range, zone, filter, comparison.
import { dimensionNames, type Metric } from '../../catalog';
import { Filters } from '../../explore/filters';
import { CompareSelect } from '../../explore/options';
import { ZonePicker } from '../../explore/pickers';
import { RangePicker } from '../../explore/range-picker';
import type { Shared } from './board';

interface SettingsProps {
  readonly shared: Shared;
  readonly metrics: readonly Metric[];
  readonly open: { readonly range: number; readonly filter: number };
  readonly onChange: (changes: Partial<Shared>) => void;
}

export function SharedSettings({ shared, metrics, open, onChange }: SettingsProps) {
  return (
    <div class="controls board-settings">
      <Filters
        metric={offered(metrics)}
        filter={shared.filter}
        openRequest={open.filter}
        onChange={(filter) => onChange({ filter })}
      />
      <span class="controls-gap" />
      <RangePicker
        from={shared.from}
        to={shared.to}
        openRequest={open.range}
        onSelect={(from, to) => onChange({ from, to })}
      />
      <ZonePicker current={shared.timezone || 'UTC'} onSelect={(timezone) => onChange({ timezone })} />
      <CompareSelect current={shared.compare} onSelect={(compare) => onChange({ compare })} />
    </div>
  );
}

/** The first metric with the dimensions that all have: a filter holds for every chart. */
function offered(metrics: readonly Metric[]): Metric | undefined {
  const [first, ...others] = metrics;
  if (first === undefined) {
    return undefined;
  }
  const dimensions = dimensionNames(first.definition).filter((name) =>
    others.every(({ definition }) => dimensionNames(definition).includes(name)),
  );
  return { ...first, definition: { ...first.definition, dimensions } };
}
