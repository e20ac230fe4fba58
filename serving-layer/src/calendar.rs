//! Buckets of answers: which one an instant falls into, in a time zone.
//!
//! A bucket of a day or longer is a local date's period: every instant with a local date of the
//! period belongs to it, and it begins at the first such instant (the next one where midnight, or a
//! whole day, was skipped). So days have 23 or 25 hours where clocks change. Where clocks go back
//! over midnight, as St. John's did at 00:01, the repeated part of the old day still belongs to it.
//!
//! A bucket shorter than a day follows the local wall clock and ends where the offset changes: a
//! repeated hour is two buckets, and one that begins within a skipped hour begins when clocks do.
//!
//! Bucket starts are instants, and always lie in their bucket.

mod day_part;
mod window;
mod zone;

#[cfg(test)]
pub(crate) mod tests;

use std::sync::Arc;

use chrono::{Datelike, NaiveDate};
use merganser_core::time::{DAY_US, Grain, TimeRange, Timestamp};

pub use day_part::DayPart;
pub use window::{TrailingWindow, WindowUnit};
pub use zone::{OffsetSpan, ZoneCache, ZoneOffsets};

/// Days from 0001-01-01, as chrono counts them, to 1970-01-01.
const EPOCH_DAY: i32 = 719_163;

/// The length of an answer's buckets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Granularity {
    /// One bucket for everything.
    #[default]
    All,
    /// A part of a day.
    Part(DayPart),
    /// A calendar day.
    Day,
    /// Seven days from a Monday on.
    Week,
    /// A calendar month.
    Month,
    /// Three months from January, April, July or October on.
    Quarter,
    /// A calendar year.
    Year,
}

impl Granularity {
    /// A minute.
    pub const MINUTE: Self = Self::Part(DayPart(1, "minute"));
    /// An hour.
    pub const HOUR: Self = Self::Part(DayPart(60, "hour"));

    /// Those that are offered: all but the less common parts of a day. Coarsest range first, then
    /// from fine to coarse.
    pub const EACH: [Self; 10] = [
        Self::All,
        Self::MINUTE,
        Self::Part(DayPart(5, "5m")),
        Self::Part(DayPart(15, "15m")),
        Self::HOUR,
        Self::Day,
        Self::Week,
        Self::Month,
        Self::Quarter,
        Self::Year,
    ];

    /// Its name in queries.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Part(part) => part.1,
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
            Self::Quarter => "quarter",
            Self::Year => "year",
        }
    }

    /// Whether its buckets are shorter than those of `grain`.
    #[must_use]
    pub const fn is_finer_than(self, grain: Grain) -> bool {
        match self.length() {
            Some(length) => length < grain.micros(),
            None => false,
        }
    }

    /// Whether buckets of `grain` make up its own, where the clock does not change.
    #[must_use]
    pub const fn is_made_of(self, grain: Grain) -> bool {
        match self.length() {
            Some(length) => length % grain.micros() == 0,
            None => true,
        }
    }

    /// The length of buckets up to a (24-hour) day.
    pub(crate) const fn length(self) -> Option<i64> {
        match self {
            Self::Part(part) => Some(part.length()),
            Self::Day => Some(DAY_US),
            Self::All | Self::Week | Self::Month | Self::Quarter | Self::Year => None,
        }
    }

    /// The local period that a local time lies in: its start, and the next one's.
    pub(crate) fn period(self, local: i64) -> (i64, i64) {
        let day = local.div_euclid(DAY_US);
        match self {
            Self::All => (i64::MIN / 8, i64::MAX / 8),
            Self::Part(_) | Self::Day => {
                let length = self.length().unwrap_or(DAY_US);
                let start = local.div_euclid(length) * length;
                (start, start + length)
            }
            Self::Week => {
                // 1970-01-01 was a Thursday, three days after a Monday.
                let monday = (day + 3).div_euclid(7) * 7 - 3;
                (monday * DAY_US, (monday + 7) * DAY_US)
            }
            Self::Month => months(day, 1),
            Self::Quarter => months(day, 3),
            Self::Year => months(day, 12),
        }
    }
}

/// The period of `length` months that a day, counted from 1970-01-01, lies in.
fn months(day: i64, length: i32) -> (i64, i64) {
    let date = date_of(day);
    let month = date.year() * 12 + date.month0() as i32;
    let first = month.div_euclid(length) * length;
    (month_start(first), month_start(first + length))
}

/// The date of a day, counted from 1970-01-01.
pub(crate) fn date_of(day: i64) -> NaiveDate {
    let day = i32::try_from(day).ok().and_then(|day| day.checked_add(EPOCH_DAY));
    day.and_then(NaiveDate::from_num_days_from_ce_opt).unwrap_or_default()
}

/// The local µs at which a date begins.
pub(crate) fn date_start(date: NaiveDate) -> i64 {
    i64::from(date.num_days_from_ce() - EPOCH_DAY) * DAY_US
}

/// The local µs at which a month begins, counted from January of the year 0.
pub(crate) fn month_start(month: i32) -> i64 {
    let month0 = u32::try_from(month.rem_euclid(12)).unwrap_or(0);
    let date = NaiveDate::from_ymd_opt(month.div_euclid(12), month0 + 1, 1);
    date_start(date.unwrap_or_default())
}

/// A stretch of time within one bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BucketSpan {
    /// Instants of it.
    pub range: TimeRange,
    /// The start of their bucket.
    pub bucket: Timestamp,
}

/// Buckets of one granularity in one zone.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct BucketCalendar {
    zone: Arc<ZoneOffsets>,
    granularity: Granularity,
}

impl BucketCalendar {
    /// The buckets of a granularity in a zone.
    #[must_use]
    pub fn new(zone: Arc<ZoneOffsets>, granularity: Granularity) -> Self {
        Self { zone, granularity }
    }

    /// The granularity.
    #[must_use]
    pub fn granularity(&self) -> Granularity {
        self.granularity
    }

    /// The zone.
    #[must_use]
    pub fn zone(&self) -> &ZoneOffsets {
        &self.zone
    }

    /// The bucket that an instant lies in, and instants around it that do too.
    #[must_use]
    pub fn span(&self, instant: Timestamp) -> BucketSpan {
        if self.granularity == Granularity::All {
            let (from, to) = (Timestamp(i64::MIN / 8), Timestamp(i64::MAX / 8));
            return BucketSpan { range: TimeRange { from, to }, bucket: Timestamp::default() };
        }
        let stretch = self.zone.offset_span(instant.0);
        let (start, next) = self.granularity.period(instant.0 + stretch.offset);
        let from = (start - stretch.offset).max(stretch.begin);
        let to = (next - stretch.offset).min(stretch.end);
        let bucket = match self.granularity.is_finer_than(Grain::Day) {
            true => from,
            // Within the stretch unless the period began before it.
            false if from > stretch.begin && !self.repeats(stretch, start) => from,
            false => self.zone.first_at(start),
        };
        let range = TimeRange { from: Timestamp(from), to: Timestamp(to) };
        BucketSpan { range, bucket: Timestamp(bucket) }
    }

    /// Whether a local time of this stretch can have been before it too.
    fn repeats(&self, stretch: OffsetSpan, local: i64) -> bool {
        let before = self.zone.offset_span(stretch.begin - 1);
        stretch.begin + before.offset > local
    }

    /// The start of the bucket that each instant lies in.
    #[must_use]
    pub fn buckets(&self, instants: &[i64]) -> Vec<i64> {
        let Some(first) = instants.first() else { return Vec::new() };
        let mut span = self.span(Timestamp(*first));
        let start = |instant: &i64| {
            if !span.range.contains(Timestamp(*instant)) {
                span = self.span(Timestamp(*instant));
            }
            span.bucket.0
        };
        instants.iter().map(start).collect()
    }

    /// Where the bucket after the one that starts at `bucket` starts.
    #[must_use]
    pub fn next(&self, bucket: Timestamp) -> Timestamp {
        let span = self.span(bucket);
        if self.granularity == Granularity::All || self.granularity.is_finer_than(Grain::Day) {
            return span.range.to;
        }
        let (_, next) = self.granularity.period(self.zone.local(bucket.0));
        Timestamp(self.zone.first_at(next))
    }

    /// Starts of the buckets that overlap `range`, in order, at most `limit + 1` of them.
    #[must_use]
    pub fn starts(&self, range: TimeRange, limit: usize) -> Vec<i64> {
        let mut starts = Vec::new();
        let mut bucket = self.span(range.from).bucket;
        while bucket < range.to && starts.len() <= limit && !range.is_empty() {
            starts.push(bucket.0);
            bucket = self.next(bucket);
        }
        starts
    }

    /// Whether every edge between two buckets within `range` is one of `grain`'s.
    #[must_use]
    pub fn fits(&self, grain: Grain, range: TimeRange) -> bool {
        self.misfits(grain, range).is_empty()
    }

    /// The parts of `range` in which edges between buckets are not `grain`'s, in order and apart
    /// from each other.
    #[must_use]
    pub fn misfits(&self, grain: Grain, range: TimeRange) -> Vec<TimeRange> {
        let mut misfits: Vec<TimeRange> = Vec::new();
        if self.granularity == Granularity::All {
            return misfits;
        }
        let mut add = |from: Timestamp, to: Timestamp| {
            let (from, to) = (from.max(range.from), to.min(range.to));
            match misfits.last_mut() {
                Some(last) if last.to >= from => last.to = last.to.max(to),
                _ => misfits.push(TimeRange { from, to }),
            }
        };
        let mut at = range.from;
        while at < range.to {
            let stretch = self.zone.offset_span(at.0);
            let change = Timestamp(stretch.end);
            if stretch.offset % grain.micros() != 0 || !self.granularity.is_made_of(grain) {
                add(at, change);
            }
            let bucket = |instant| self.span(Timestamp(instant)).bucket;
            if change < range.to
                && grain.floor(change) != change
                && bucket(change.0 - 1) != bucket(change.0)
            {
                add(grain.floor(change), grain.ceil(change));
            }
            at = change;
        }
        misfits
    }
}
