// The groups of a chart, by their colours. Each is a button that filters.
import { colorClass } from './marks';
import type { Series } from './series';
import type { GroupPick } from './view';

interface LegendProps {
  readonly series: readonly Series[];
  readonly onPick?: GroupPick | undefined;
  /** The pointer or the focus is on a series, or on none. */
  readonly onPoint: (key: string | undefined) => void;
}

export function Legend({ series, onPick, onPoint }: LegendProps) {
  return (
    <ul class="legend" aria-label="Groups">
      {series.map(({ key, label, color, group }) => {
        const content = (
          <>
            <span class={`swatch ${colorClass(color)}`} />
            <span class="legend-label">{label}</span>
          </>
        );
        return (
          <li
            key={key}
            onMouseEnter={() => onPoint(key)}
            onMouseLeave={() => onPoint(undefined)}
            onFocusIn={() => onPoint(key)}
            onFocusOut={() => onPoint(undefined)}
          >
            {group === undefined || onPick === undefined ? (
              <span class="legend-item">{content}</span>
            ) : (
              <button
                type="button"
                class="legend-item"
                title={`${label}: click to filter, Alt and click to exclude`}
                onClick={(event) => onPick(group, event.altKey)}
              >
                {content}
              </button>
            )}
          </li>
        );
      })}
    </ul>
  );
}
