//! Buckets that a range cuts: their labels are those of the whole buckets, their values are not.

use merganser_api::answer::{PartialBucket, WidenedRange};
use merganser_core::time::{Grain, TimeRange, Timestamp};

use crate::calendar::{BucketCalendar, Granularity, ZoneOffsets};
use crate::query::resolve::RangeEdges;

/// The buckets that the edges of the query cut, at most one at each end. An edge after `now` does
/// not cut the bucket of `now`: that bucket has no later events yet.
#[must_use]
pub fn partial_buckets(
    calendar: &BucketCalendar,
    grain: Grain,
    edges: RangeEdges,
    now: Option<Timestamp>,
) -> Vec<PartialBucket> {
    if calendar.granularity() == Granularity::All {
        return Vec::new();
    }
    let range = edges.range();
    // What is counted in a bucket: the base buckets that begin in it.
    let counted = |instant: Timestamp| {
        let start = calendar.span(instant).bucket;
        (start, TimeRange { from: grain.ceil(start), to: grain.ceil(calendar.next(start)) })
    };
    let first = counted(range.from);
    let last = counted(grain.floor(Timestamp(range.to.0 - 1)));
    let is_first = edges.from.is_some_and(|from| from > first.1.from && from > Timestamp::MIN);
    let is_open = now.is_some_and(|now| range.to >= now && calendar.span(now).bucket == last.0);
    let is_last = edges.to.is_some_and(|to| to < last.1.to && to < Timestamp::MAX) && !is_open;
    let part = |start: Timestamp| {
        let format = |instant| calendar.zone().format(instant);
        let end = calendar.next(start);
        PartialBucket {
            time: format(start),
            from: format(edges.from.map_or(start, |from| from.max(start))),
            to: format(edges.to.map_or(end, |to| to.min(end))),
        }
    };
    let mut parts = Vec::new();
    if is_first || (is_last && first.0 == last.0) {
        parts.push(part(first.0));
    }
    if is_last && first.0 != last.0 {
        parts.push(part(last.0));
    }
    parts
}

/// Where an answer's buckets, and those that it is compared with, do not begin on the base.
#[must_use]
pub fn widened_ranges(zone: &ZoneOffsets, ranges: &[TimeRange]) -> Vec<WidenedRange> {
    let shown = |range: &TimeRange| WidenedRange {
        from: zone.format(range.from),
        to: zone.format(range.to),
    };
    ranges.iter().map(shown).collect()
}
