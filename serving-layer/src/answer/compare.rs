//! The earlier range that an answer is compared with, and where its rows are found there.

use chrono::{Datelike, Months, NaiveDate};
use merganser_api::answer::{CompareMode, ComparedRange, PartialBucket};
use merganser_core::time::{DAY_US, Grain, TimeRange, Timestamp};

use super::partial_buckets;
use super::rows::{GroupRow, MergedStates};
use crate::calendar::{BucketCalendar, Granularity, ZoneOffsets, date_of, date_start};
use crate::query::resolve::RangeEdges;

/// The earlier range that an answer is compared with.
#[derive(Clone, Debug, PartialEq)]
pub struct ComparisonRange {
    /// How it was chosen.
    pub kind: CompareMode,
    /// It.
    pub range: TimeRange,
    /// Those of its buckets that it cuts.
    pub partial_buckets: Vec<PartialBucket>,
}

impl ComparisonRange {
    /// Names the buckets that some of the range's edges cut.
    #[must_use]
    pub fn new(
        kind: CompareMode,
        range: TimeRange,
        cut: RangeEdges,
        calendar: &BucketCalendar,
        grain: Grain,
    ) -> Self {
        let partial_buckets = partial_buckets::partial_buckets(calendar, grain, cut, None);
        Self { kind, range, partial_buckets }
    }

    /// As clients see it.
    #[must_use]
    pub fn shown(&self, zone: &ZoneOffsets) -> ComparedRange {
        ComparedRange {
            kind: self.kind,
            from: zone.format(self.range.from),
            to: zone.format(self.range.to),
            partial_buckets: self.partial_buckets.clone(),
        }
    }

    /// The same as JSON.
    #[must_use]
    pub fn to_json(&self, zone: &ZoneOffsets) -> String {
        // A struct of texts, whose serialization cannot fail.
        serde_json::to_string(&self.shown(zone)).unwrap_or_default()
    }
}

/// The earlier range, as the calendar has it: back by a year, a quarter, a month or a week, or, for
/// the period before, by months or days where both edges lie on them, else by the range's length.
pub(crate) fn comparison_range(
    zone: &ZoneOffsets,
    range: TimeRange,
    compare: CompareMode,
) -> TimeRange {
    let (from, to) = (zone.local(range.from.0), zone.local(range.to.0));
    let shifted = match compare {
        CompareMode::PreviousYear => same_days(from, to, 12),
        CompareMode::PreviousQuarter => same_days(from, to, 3),
        CompareMode::PreviousMonth => same_days(from, to, 1),
        CompareMode::PreviousWeek => Some((from - 7 * DAY_US, to - 7 * DAY_US)),
        CompareMode::PreviousPeriod => match (whole_months(from, to), whole_days(from, to)) {
            (Some(months), _) => months_back(from, months).zip(Some(from)),
            (None, Some(length)) => Some((from - length, from)),
            (None, None) => None,
        },
    };
    let length = range.to.0 - range.from.0;
    let (from, to) = match shifted {
        Some((from, to)) => (zone.first_at(from), zone.first_at(to)),
        None => (range.from.0 - length, range.from.0),
    };
    // Where clocks went back, a later instant can have an earlier local time.
    let to = if to > from { to } else { from + length };
    TimeRange { from: Timestamp(from), to: Timestamp(to) }
}

/// The same days so many months earlier; whole months are compared with whole months. Days that the
/// earlier month does not have are its last one: a range that ends within them, and began before
/// that day, is compared with all of the month.
fn same_days(from: i64, to: i64, months: u32) -> Option<(i64, i64)> {
    let first = months_back(from, months)?;
    if whole_months(from, to).is_some() {
        return Some((first, months_back(to, months)?));
    }
    // The edge is the first instant after: its day is the one that it ends.
    let last_day = (to - 1).div_euclid(DAY_US);
    let day = date_start(date_of(last_day).checked_sub_months(Months::new(months))?);
    let is_clamped = date_of(day.div_euclid(DAY_US)).day() != date_of(last_day).day();
    let is_one_day = from.div_euclid(DAY_US) == last_day;
    let into_day = to - last_day * DAY_US;
    Some((first, day + if is_clamped && !is_one_day { DAY_US } else { into_day }))
}

/// A local time so many months earlier; a day that the earlier month does not have goes to its
/// last.
fn months_back(local: i64, months: u32) -> Option<i64> {
    let date = date_of(local.div_euclid(DAY_US)).checked_sub_months(Months::new(months))?;
    Some(date_start(date) + local.rem_euclid(DAY_US))
}

fn whole_months(from: i64, to: i64) -> Option<u32> {
    let first_of = |local: i64| -> Option<NaiveDate> {
        let date = date_of(local.div_euclid(DAY_US));
        (local.rem_euclid(DAY_US) == 0 && date.day() == 1).then_some(date)
    };
    let month = |date: NaiveDate| date.year() * 12 + date.month0() as i32;
    u32::try_from(month(first_of(to)?) - month(first_of(from)?)).ok().filter(|n| *n > 0)
}

fn whole_days(from: i64, to: i64) -> Option<i64> {
    let whole = from.rem_euclid(DAY_US) == 0 && to.rem_euclid(DAY_US) == 0;
    (whole && from < to).then_some(to - from)
}

/// For each row, the start of the bucket with the same index in the earlier range.
pub(super) fn buckets(
    rows: &[GroupRow],
    starts: &[i64],
    before_starts: &[i64],
) -> Vec<Option<i64>> {
    let of = |row: &GroupRow| {
        let bucket = starts.binary_search(&row.time).ok()?;
        before_starts.get(bucket).copied()
    };
    rows.iter().map(of).collect()
}

/// For each row, the group with the same dimension values in its bucket of the earlier range.
pub(super) fn matches(
    merged: &MergedStates,
    rows: &[GroupRow],
    before: &MergedStates,
    buckets: &[Option<i64>],
    dimensions: usize,
) -> Vec<Option<u32>> {
    let of = |(row, bucket): (&GroupRow, &Option<i64>)| {
        let values = (0..dimensions).map(|at| merged.table.dimension(row.key as usize, at));
        let group = before.table.group_of(Timestamp((*bucket)?), &values.collect::<Vec<_>>());
        group.and_then(|group| u32::try_from(group).ok())
    };
    rows.iter().zip(buckets).map(of).collect()
}

/// Starts of the buckets that base buckets of `range` lie in.
pub(super) fn starts(
    calendar: &BucketCalendar,
    grain: Grain,
    range: TimeRange,
    groups_max: usize,
) -> Vec<i64> {
    if calendar.granularity() == Granularity::All {
        return vec![0];
    }
    // Where buckets do not begin on the base, the last base bucket may begin in the one before.
    let to = Timestamp(grain.floor(Timestamp(range.to.0 - 1)).0 + 1);
    calendar.starts(TimeRange { from: range.from, to }, groups_max)
}
