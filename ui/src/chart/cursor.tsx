// What the cursor reads: a bucket, and the exact value of each series in it.
import { cell, dateTime } from '../format';
import { change, sum } from '../exact';
import { type Layout, middle } from './layout';
import { colorClass } from './marks';
import { type ChartData, compared, type Series, valueOf } from './series';
import { bucketLabel } from './time';

const LINES = 12;

/** The bucket in words, for screen readers. */
export function spokenBucket(data: ChartData, measure: string, index: number): string {
  const bucket = data.buckets[index];
  if (bucket === undefined) {
    return 'no buckets';
  }
  const values = data.series
    .slice(0, LINES)
    .map((series) => {
      const value = cell(valueOf(series.rows[index], measure));
      return series.kind === 'all' ? value : `${series.label} ${value}`;
    })
    .join(', ');
  const label = bucketLabel(bucket.time, data.granularity);
  return [`${label}: ${values}`, ...unfinished(data, bucket.time)].join(', ');
}

/** Why a bucket's values are not those of all of it. */
function unfinished(data: ChartData, time: string): string[] {
  const part = data.partial.get(time);
  return [
    ...(part === undefined ? [] : [`only ${dateTime(part.from)} to ${dateTime(part.to)}`]),
    ...(time === data.openBucket ? ['can still grow'] : []),
  ];
}

interface TipProps {
  readonly data: ChartData;
  readonly measure: string;
  readonly index: number;
  readonly layout: Layout;
  /** Whether the groups lie one on the other, so that their sum can be seen. */
  readonly piled: boolean;
}

export function CursorTip({ data, measure, index, layout, piled }: TipProps) {
  const bucket = data.buckets[index];
  if (bucket === undefined) {
    return null;
  }
  const x = middle(layout, data, index);
  const onLeft = x > layout.size.width / 2;
  const place = onLeft
    ? { right: `${layout.size.width - x + 12}px` }
    : { left: `${x + 12}px` };
  const shown = data.series.filter((series) => series.rows[index] !== undefined).slice(0, LINES);
  const more = data.series.length - shown.length;
  const values = data.series.map((series) => valueOf(series.rows[index], measure));
  const total = piled && shown.length > 1 ? sum(values) : undefined;
  return (
    <div class="tip" style={place} aria-hidden="true">
      <p class="tip-title">{bucketLabel(bucket.time, data.granularity)}</p>
      <table>
        <tbody>
          {shown.map((series) => (
            <TipLine key={series.key} series={series} measure={measure} index={index} />
          ))}
          {total && (
            <tr>
              <th scope="row">Sum</th>
              <td class="number">{cell(total)}</td>
            </tr>
          )}
        </tbody>
      </table>
      {more > 0 && shown.length === LINES && <p class="muted">and {more} more</p>}
      {unfinished(data, bucket.time).map((text) => (
        <p key={text} class="muted">
          {text}
        </p>
      ))}
    </div>
  );
}

interface LineProps {
  readonly series: Series;
  readonly measure: string;
  readonly index: number;
}

function TipLine({ series, measure, index }: LineProps) {
  const row = series.rows[index];
  const value = valueOf(row, measure);
  const earlier = compared(row, measure);
  const changed = change(value, earlier);
  return (
    <tr>
      <th scope="row">
        <span class={`swatch ${colorClass(series.color)}`} />
        <span class="tip-label">{series.kind === 'all' ? measure : series.label}</span>
      </th>
      <td class="number">{cell(value)}</td>
      {row?.['compare'] !== undefined && (
        <td class="number muted">
          {cell(earlier)}
          {changed && ` (${changed.text})`}
        </td>
      )}
    </tr>
  );
}
