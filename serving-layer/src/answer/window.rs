//! `window`: each bucket's row is the merge of the buckets that end with it.
//!
//! A group has a row in each bucket of the range whose window holds anything of it, also where the
//! bucket itself holds nothing. So there may be more rows than were merged, and they are bounded as
//! filled rows are.

use merganser_core::time::{TimeRange, Timestamp};
use merganser_metric::table::{SlidingMerge, StateTable, WindowedBucket};

use super::{MergedStates, table_error};
use crate::calendar::{BucketCalendar, TrailingWindow};
use crate::error::ServingError;
use crate::memory::MemoryAccount;
use crate::query::QueryError;
use crate::query::resolve::RangeEdges;
use merganser_api::error_code::ErrorCode;

/// The instants before a range that windows of its buckets reach to; none where it begins with the
/// first event.
#[must_use]
pub(crate) fn reach(
    calendar: &BucketCalendar,
    window: Option<TrailingWindow>,
    edges: RangeEdges,
) -> Option<TimeRange> {
    let (window, to) = (window?, edges.from?);
    let from = calendar.window_start(window, calendar.span(to).bucket).max(Timestamp::MIN);
    let range = TimeRange { from, to };
    (!range.is_empty()).then_some(range)
}

/// What windows are made of.
pub(crate) struct WindowInput<'a> {
    pub(crate) calendar: &'a BucketCalendar,
    pub(crate) window: TrailingWindow,
    /// The answered edges.
    pub(crate) edges: RangeEdges,
    /// What was counted in them.
    pub(crate) counted: &'a MergedStates,
    /// What was counted before, as far as windows reach.
    pub(crate) before: Option<&'a MergedStates>,
    pub(crate) groups_max: usize,
    pub(crate) account: &'a MemoryAccount,
}

/// The rows' states; `check` ends the work when nobody waits for it.
pub(crate) fn slide(
    source: &WindowInput<'_>,
    check: impl Fn() -> Result<(), ServingError>,
) -> Result<MergedStates, ServingError> {
    let WindowInput { counted, before, groups_max, account, .. } = *source;
    let mut held = account.hold(0)?;
    let joined = match before {
        Some(before) => {
            held.resize(before.table.size_bytes() + counted.table.size_bytes())?;
            let mut joined = before.table.without_groups();
            for table in [&before.table, &counted.table] {
                joined.merge_table(table, |time| time).map_err(table_error)?;
            }
            held.resize(joined.size_bytes())?;
            Some(joined)
        }
        None => None,
    };
    let entries: &StateTable = joined.as_ref().unwrap_or(&counted.table);
    let windows = windows(source, entries)?;
    let sorted_bytes = entries.len() * size_of::<u32>();
    let _work = account.hold(windows.len() * size_of::<WindowedBucket>() + sorted_bytes)?;
    let (mut rows, mut rows_held) = (entries.without_groups(), account.hold(0)?);
    let mut sliding = SlidingMerge::new(entries, &windows);
    while sliding.merge_next(&mut rows).map_err(table_error)? {
        check()?;
        rows_held.resize(rows.size_bytes())?;
        if rows.len() > groups_max {
            return Err(ServingError::TooManyGroups { limit: groups_max });
        }
    }
    Ok(counted.with(rows, rows_held))
}

/// The buckets of the range whose windows hold any of the entries, in order.
fn windows(
    source: &WindowInput<'_>,
    entries: &StateTable,
) -> Result<Vec<WindowedBucket>, ServingError> {
    let WindowInput { calendar, window, edges, groups_max, .. } = *source;
    let RangeEdges { from: Some(from), to: Some(to) } = edges else { return Ok(Vec::new()) };
    let mut times: Vec<i64> = (0..entries.len()).map(|group| entries.time(group).0).collect();
    times.sort_unstable();
    times.dedup();
    let mut windows: Vec<WindowedBucket> = Vec::new();
    let mut next = calendar.span(from).bucket;
    for time in times.iter().map(|time| Timestamp(*time)) {
        next = next.max(time);
        while next < to {
            let start = calendar.window_start(window, next);
            if start.0 > time.0 + window.back_max_us() {
                break;
            }
            let after_start = times.partition_point(|time| *time < start.0);
            if times.get(after_start).is_some_and(|time| *time <= next.0) {
                if !calendar.is_start(start) || start > next {
                    return Err(no_start(calendar, window, next, start).into());
                }
                windows.push(WindowedBucket { bucket: next, start });
                if windows.len() > groups_max {
                    return Err(ServingError::TooManyGroups { limit: groups_max });
                }
            }
            next = calendar.next(next);
        }
    }
    Ok(windows)
}

/// What is said where a clock changes by what is no bucket.
fn no_start(
    calendar: &BucketCalendar,
    window: TrailingWindow,
    bucket: Timestamp,
    start: Timestamp,
) -> QueryError {
    let zone = calendar.zone();
    let detail = format!(
        "`window` is `{window}`, and that of the bucket {} would start at {}, within a bucket, \
         since the clock of {} changes; a window in days, as `1d`, would do",
        zone.format(bucket),
        zone.format(start),
        zone.name(),
    );
    QueryError::new(ErrorCode::InvalidParameter, "window", detail)
}
