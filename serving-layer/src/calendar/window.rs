//! Windows that end with a bucket: where each starts.
//!
//! Minutes and hours are elapsed time, counted back from the instant at which the bucket ends.
//! Days, weeks, months and years are those of the calendar, counted back on the local clock from
//! the end of the bucket's period: a window of 7 days over hours begins at the same hour a week
//! before, whether a day between had 23 hours or 25. Where clocks go back and the same local times
//! come again, windows wait at the latest end that there was, so that none begins before another
//! that ends earlier.

use std::fmt;

use chrono::Months;
use merganser_core::time::{DAY_US, HOUR_US, MINUTE_US, Timestamp};

use super::{BucketCalendar, Granularity, date_of, date_start};

/// The unit of a window's length.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WindowUnit {
    /// 60 seconds.
    Minute,
    /// 60 minutes.
    Hour,
    /// A calendar day.
    Day,
    /// Seven calendar days.
    Week,
    /// A calendar month.
    Month,
    /// A calendar year.
    Year,
}

impl WindowUnit {
    /// All of them by the letter that they are written as.
    pub const EACH: [(char, Self); 6] = [
        ('m', Self::Minute),
        ('h', Self::Hour),
        ('d', Self::Day),
        ('w', Self::Week),
        ('M', Self::Month),
        ('y', Self::Year),
    ];
}

/// How far back windows reach from the ends of buckets: a number of units, at least one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TrailingWindow {
    count: u32,
    unit: WindowUnit,
}

/// A length in what it is counted in.
#[derive(Clone, Copy)]
enum WindowLength {
    /// Microseconds that pass.
    Elapsed(i64),
    /// Microseconds of the local clock.
    Local(i64),
    Months(u32),
}

impl TrailingWindow {
    /// The longest: all years that events can have.
    const DAYS_MAX: i64 = 400 * 366;

    /// A window of so many units; none if that is nothing, or longer than events go back.
    #[must_use]
    pub fn new(count: u32, unit: WindowUnit) -> Option<Self> {
        let window = Self { count, unit };
        let days = match window.length() {
            WindowLength::Elapsed(length) | WindowLength::Local(length) => length / DAY_US,
            WindowLength::Months(months) => i64::from(months) * 366 / 12,
        };
        (count > 0 && days <= Self::DAYS_MAX).then_some(window)
    }

    /// By how much a window may start before that of an earlier bucket: at any time of the day, a
    /// month before the 29th to the 31st of March is the 28th of February at that time.
    pub(crate) const fn back_max_us(self) -> i64 {
        match self.unit {
            WindowUnit::Month | WindowUnit::Year => 5 * DAY_US,
            WindowUnit::Minute | WindowUnit::Hour | WindowUnit::Day | WindowUnit::Week => 0,
        }
    }

    fn length(self) -> WindowLength {
        let count = i64::from(self.count);
        match self.unit {
            WindowUnit::Minute => WindowLength::Elapsed(count * MINUTE_US),
            WindowUnit::Hour => WindowLength::Elapsed(count * HOUR_US),
            WindowUnit::Day => WindowLength::Local(count * DAY_US),
            WindowUnit::Week => WindowLength::Local(count * 7 * DAY_US),
            WindowUnit::Month => WindowLength::Months(self.count),
            WindowUnit::Year => WindowLength::Months(self.count.saturating_mul(12)),
        }
    }

    /// What would be right in its place, if windows of it do not begin where buckets of a
    /// granularity do.
    #[must_use]
    pub fn misfit(self, granularity: Granularity) -> Option<String> {
        let multiple = |count: i64, of: i64, one: &str, each: i64| {
            let below = count.div_euclid(of) * of;
            let fits = [below, below + of].into_iter().filter(|fit| *fit > 0);
            let fits: Vec<String> = fits.map(|fit| format!("`{}{one}`", fit / each)).collect();
            (count % of != 0).then(|| fits.join(" or "))
        };
        let of_months = |each: i64| match self.length() {
            WindowLength::Months(months) => multiple(months.into(), each, "M", 1),
            WindowLength::Elapsed(length) | WindowLength::Local(length) => {
                let near = (length / DAY_US + 15) / 30;
                Some(format!("`{}M`", (near / each).max(1) * each))
            }
        };
        match (granularity, self.length()) {
            (Granularity::All, _) => None,
            (Granularity::Month, _) => of_months(1),
            (Granularity::Quarter, _) => of_months(3),
            (Granularity::Year, _) => of_months(12),
            (Granularity::Week, WindowLength::Months(months)) => {
                Some(format!("`{}w`", (i64::from(months) * 30 + 3) / 7))
            }
            (Granularity::Week, WindowLength::Elapsed(length) | WindowLength::Local(length)) => {
                multiple(length, 7 * DAY_US, "w", 7 * DAY_US)
            }
            (Granularity::Day | Granularity::Part(_), WindowLength::Months(_)) => None,
            (
                Granularity::Day | Granularity::Part(_),
                WindowLength::Elapsed(length) | WindowLength::Local(length),
            ) => {
                let of = granularity.length().unwrap_or(DAY_US);
                let (one, each) = [("d", DAY_US), ("h", HOUR_US)]
                    .into_iter()
                    .find(|(_, each)| of % each == 0)
                    .unwrap_or(("m", MINUTE_US));
                multiple(length, of, one, each)
            }
        }
    }
}

impl fmt::Display for TrailingWindow {
    /// As it is written in a query.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let letter = WindowUnit::EACH.iter().find(|(_, unit)| *unit == self.unit);
        write!(f, "{}{}", self.count, letter.map_or('d', |(letter, _)| *letter))
    }
}

impl BucketCalendar {
    /// Where the window that ends with a bucket starts. It need not be where a bucket does.
    #[must_use]
    pub fn window_start(&self, window: TrailingWindow, bucket: Timestamp) -> Timestamp {
        let start = match window.length() {
            WindowLength::Elapsed(length) => self.next(bucket).0 - length,
            WindowLength::Local(length) => self.zone.first_at(self.local_end(bucket) - length),
            WindowLength::Months(months) => {
                let end = self.local_end(bucket);
                let date = date_of(end.div_euclid(DAY_US));
                let date = date.checked_sub_months(Months::new(months)).unwrap_or_default();
                self.zone.first_at(date_start(date) + end.rem_euclid(DAY_US))
            }
        };
        Timestamp(start)
    }

    /// The local time at which the period ends that a bucket is, or is a part of.
    fn local_end(&self, bucket: Timestamp) -> i64 {
        let stretch = self.zone.offset_span(bucket.0);
        let (_, end) = self.granularity.period(bucket.0 + stretch.offset);
        let before = self.zone.offset_span(stretch.begin - 1);
        let (_, end_before) = self.granularity.period(stretch.begin - 1 + before.offset);
        // Later only where clocks went back.
        end.max(if before.offset > stretch.offset { end_before } else { end })
    }

    /// Whether a bucket starts at an instant.
    #[must_use]
    pub fn is_start(&self, instant: Timestamp) -> bool {
        self.span(instant).bucket == instant
    }
}
