//! Instants, half-open ranges of them, and the base buckets that states are kept in.

use arrow::datatypes::{DataType, TimeUnit};
use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Microseconds in a minute.
pub const MINUTE_US: i64 = 60_000_000;
/// Microseconds in an hour.
pub const HOUR_US: i64 = 60 * MINUTE_US;
/// Microseconds in a UTC day.
pub const DAY_US: i64 = 24 * HOUR_US;

/// An instant: microseconds since 1970-01-01T00:00:00Z, negative before.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// The start of the year 1900: the earliest event time that is accepted.
    pub const MIN: Self = Self(-2_208_988_800_000_000);
    /// The start of the year 2201: event times lie before it.
    pub const MAX: Self = Self(7_289_654_400_000_000);

    /// The UTC date and time; `None` only far outside of [`Timestamp::MIN`] and [`Timestamp::MAX`].
    #[must_use]
    pub fn to_utc(self) -> Option<DateTime<Utc>> {
        DateTime::from_timestamp_micros(self.0)
    }

    /// Milliseconds from `earlier` to this, 0 if it is not earlier.
    #[must_use]
    pub fn millis_since(self, earlier: Self) -> u64 {
        u64::try_from(self.0.saturating_sub(earlier.0) / 1000).unwrap_or(0)
    }

    /// The UTC day it lies in, in days since 1970-01-01.
    #[must_use]
    pub fn day(self) -> i64 {
        self.0.div_euclid(DAY_US)
    }
}

impl From<DateTime<Utc>> for Timestamp {
    fn from(time: DateTime<Utc>) -> Self {
        Self(time.timestamp_micros())
    }
}

impl fmt::Display for Timestamp {
    /// RFC 3339 in UTC, with as many digits of the second as are needed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.to_utc() {
            Some(time) => f.write_str(&time.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true)),
            None => write!(f, "{} µs", self.0),
        }
    }
}

/// A half-open range of instants, `[from, to)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct TimeRange {
    /// The first instant inside.
    pub from: Timestamp,
    /// The first instant after.
    pub to: Timestamp,
}

impl TimeRange {
    /// Everything that an event's time can be.
    pub const ALL: Self = Self { from: Timestamp::MIN, to: Timestamp::MAX };

    /// Whether `time` lies inside.
    #[must_use]
    pub fn contains(&self, time: Timestamp) -> bool {
        self.from <= time && time < self.to
    }

    /// Whether the two share an instant.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        self.from < other.to && other.from < self.to
    }

    /// Whether nothing lies inside.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.from >= self.to
    }
}

/// The grain in which states are kept, in UTC. A metric's base is one of these; coarser ones are
/// its rollups.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    ToSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Grain {
    /// 60 seconds.
    #[default]
    Minute,
    /// 60 minutes.
    Hour,
    /// A UTC day.
    Day,
}

impl Grain {
    /// Length in microseconds.
    #[must_use]
    pub const fn micros(self) -> i64 {
        match self {
            Self::Minute => MINUTE_US,
            Self::Hour => HOUR_US,
            Self::Day => DAY_US,
        }
    }

    /// The start of the bucket that `time` lies in.
    #[must_use]
    pub const fn floor(self, time: Timestamp) -> Timestamp {
        Timestamp(time.0.div_euclid(self.micros()) * self.micros())
    }

    /// The first bucket start that is not before `time`.
    #[must_use]
    pub const fn ceil(self, time: Timestamp) -> Timestamp {
        let floor = self.floor(time);
        if floor.0 == time.0 { floor } else { Timestamp(floor.0 + self.micros()) }
    }

    /// This grain and the coarser ones: the rollups that the batch layer keeps.
    #[must_use]
    pub const fn rollups(self) -> &'static [Grain] {
        match self {
            Self::Minute => &[Self::Minute, Self::Hour, Self::Day],
            Self::Hour => &[Self::Hour, Self::Day],
            Self::Day => &[Self::Day],
        }
    }

    /// Its name in definitions and file names.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::Day => "day",
        }
    }
}

impl fmt::Display for Grain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The type of every time column.
#[must_use]
pub fn timestamp_type() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_before_1970_begin_before_their_instants() {
        assert_eq!(Grain::Minute.floor(Timestamp(-1)), Timestamp(-MINUTE_US));
        assert_eq!(Grain::Day.floor(Timestamp(-DAY_US)), Timestamp(-DAY_US));
        assert_eq!(Grain::Hour.ceil(Timestamp(1)), Timestamp(HOUR_US));
        assert_eq!(Grain::Hour.ceil(Timestamp(HOUR_US)), Timestamp(HOUR_US));
    }

    #[test]
    fn the_bounds_are_the_years_they_say() {
        assert_eq!(Timestamp::MIN.to_string(), "1900-01-01T00:00:00Z");
        assert_eq!(Timestamp::MAX.to_string(), "2201-01-01T00:00:00Z");
        assert_eq!(Timestamp(1_500).to_string(), "1970-01-01T00:00:00.001500Z");
    }
}
