// What stands around the marks: axes, the cursor, the stretch that is chosen.
import { type Layout, middle } from './layout';
import { colorClass } from './marks';
import { round } from './paths';
import type { ChartData } from './series';

interface PartProps {
  readonly data: ChartData;
  readonly layout: Layout;
}

export function Axes({ data, layout }: PartProps) {
  const { left, right, bottom, y } = layout;
  return (
    <g class="axes">
      {layout.valueTicks.map(({ value, label }) => (
        <g key={label}>
          <line class="grid" x1={left} x2={right} y1={round(y(value))} y2={round(y(value))} />
          <text x={left - 8} y={round(y(value))} dy="0.32em" text-anchor="end">
            {label}
          </text>
        </g>
      ))}
      {layout.timeTicks.map(({ index, label, major }) => (
        <text
          key={index}
          class={major ? 'major' : undefined}
          x={round(clamp(middle(layout, data, index), label.length > 8 ? 36 : left + 4, right - (label.length > 8 ? 28 : 12)))}
          y={bottom + 17}
          text-anchor="middle"
        >
          {label}
        </text>
      ))}
    </g>
  );
}

function clamp(value: number, low: number, high: number): number {
  return Math.max(low, Math.min(high, value));
}

export function CursorMarks({ data, layout, index }: PartProps & { readonly index: number }) {
  const x = round(middle(layout, data, index));
  return (
    <g class="cursor">
      <line x1={x} x2={x} y1={layout.top} y2={layout.bottom} />
      {data.series.map((series, at) => {
        const span = layout.spans[at]?.[index];
        return span === null || span === undefined ? null : (
          <circle
            key={series.key}
            class={colorClass(series.color)}
            cx={x}
            cy={round(layout.y(span[1]))}
            r="3.5"
          />
        );
      })}
    </g>
  );
}

interface BrushProps extends PartProps {
  readonly from: number;
  readonly to: number;
}

export function Brush({ data, layout, from, to }: BrushProps) {
  const first = data.buckets[Math.min(from, to)];
  const last = data.buckets[Math.max(from, to)];
  if (first === undefined || last === undefined) {
    return null;
  }
  const x = layout.x(first.at);
  return (
    <rect
      class="brush"
      x={round(x)}
      y={layout.top}
      width={round(layout.x(last.end) - x)}
      height={layout.bottom - layout.top}
    />
  );
}
