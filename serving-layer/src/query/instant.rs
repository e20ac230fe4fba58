//! Edges of a range as they are written: an instant, a date or another period of the calendar, or
//! relative to now.
//!
//! A period stands for its beginning, at either end of the range: `from=2026-11&to=2026-12` is
//! November, as `from=2026-11-01&to=2026-12-01` is.

mod hint;
mod period;
#[cfg(test)]
mod tests;

use std::fmt;
use std::ops::RangeInclusive;

use chrono::{DateTime, Months, NaiveDate};
use merganser_core::text::excerpt;
use merganser_core::time::{DAY_US, HOUR_US, MINUTE_US, Timestamp};

use crate::calendar::{ZoneOffsets, date_of, date_start};
pub use period::CalendarPeriod;

/// Milliseconds since 1970: smaller numbers look like seconds, greater ones like microseconds.
const MILLIS: RangeInclusive<i64> = 100_000_000_000..=99_999_999_999_999;
/// Months that are subtracted at most: those of all years that events can have.
const MONTHS_MAX: u32 = 12 * 400;

/// An edge of a range, before clock and zone are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TimeExpression {
    /// An instant.
    At(Timestamp),
    /// The beginning, in the query's zone, of the period that begins on a date.
    Of(CalendarPeriod, NaiveDate),
    /// The beginning of the period that now lies in, or of one so many periods later.
    Current(CalendarPeriod, i8),
    /// So many µs before now.
    Ago(i64),
    /// So many months before now, by the calendar of the query's zone.
    MonthsAgo(u32),
}

impl TimeExpression {
    /// Reads an edge.
    ///
    /// # Errors
    /// Says what would be right.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if let Some(rest) = text.strip_prefix("now")
            && let Some(ago) = ago(rest)
        {
            return Ok(ago);
        }
        if let Some((period, ahead)) = period::current(text) {
            return Ok(Self::Current(period, ahead));
        }
        if let Some((period, date)) = period::named(text) {
            return in_years(Timestamp(date_start(date)), text).map(|_| Self::Of(period, date));
        }
        if let Ok(millis) = text.parse::<i64>()
            && MILLIS.contains(&millis.saturating_abs())
        {
            return in_years(Timestamp(millis.saturating_mul(1000)), text).map(Self::At);
        }
        // A `+` that was not escaped in a query string arrives as a space.
        let time = text.replacen(' ', "+", usize::from(text.contains(['T', 't'])));
        match DateTime::parse_from_rfc3339(&time) {
            Ok(time) => in_years(Timestamp(time.timestamp_micros()), text).map(Self::At),
            Err(_) => Err(hint::for_text(text)),
        }
    }

    /// The instant, given clock and zone.
    #[must_use]
    pub fn resolve(self, now: Timestamp, zone: &ZoneOffsets) -> Timestamp {
        match self {
            Self::At(time) => time,
            Self::Of(_, date) => Timestamp(zone.first_at(date_start(date))),
            Self::Current(period, ahead) => {
                let today = date_of(zone.local(now.0).div_euclid(DAY_US));
                let first = period.first(today);
                let first = period.shift(first, i32::from(ahead)).unwrap_or(first);
                Timestamp(zone.first_at(date_start(first)))
            }
            Self::Ago(ago) => Timestamp(now.0.saturating_sub(ago)),
            Self::MonthsAgo(months) => {
                let local = zone.local(now.0);
                let date = date_of(local.div_euclid(DAY_US));
                let date = date.checked_sub_months(Months::new(months)).unwrap_or(NaiveDate::MIN);
                let local = date_start(date).saturating_add(local.rem_euclid(DAY_US));
                Timestamp(zone.first_at(local.max(Timestamp::MIN.0 - DAY_US)))
            }
        }
    }

    /// The edge at the end of the period that this one begins.
    pub(super) fn end(self) -> Option<Self> {
        match self {
            Self::Of(period, date) => Some(Self::Of(period, period.shift(date, 1)?)),
            Self::Current(period, ahead) => Some(Self::Current(period, ahead.checked_add(1)?)),
            Self::At(_) | Self::Ago(_) | Self::MonthsAgo(_) => None,
        }
    }
}

impl fmt::Display for TimeExpression {
    /// As it is written in a query.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::At(time) => time.fmt(f),
            Self::Of(period, date) => f.write_str(&period.name_of(*date)),
            Self::Current(period, ahead) => f.write_str(&period.name_of_current(*ahead)),
            Self::Ago(0) => f.write_str("now"),
            Self::Ago(ago) => write!(f, "now-{}m", ago / MINUTE_US),
            Self::MonthsAgo(months) => write!(f, "now-{months}M"),
        }
    }
}

/// What is subtracted from now: nothing, or as `-7d`.
fn ago(text: &str) -> Option<TimeExpression> {
    if text.is_empty() {
        return Some(TimeExpression::Ago(0));
    }
    let text = text.strip_prefix('-')?;
    let digits = text.get(..text.len().checked_sub(1)?)?;
    if !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let months = |each: u32| {
        let months = digits.parse::<u32>().ok()?.checked_mul(each)?;
        (months <= MONTHS_MAX).then_some(TimeExpression::MonthsAgo(months))
    };
    let unit = match text.as_bytes().last()? {
        b'm' => MINUTE_US,
        b'h' => HOUR_US,
        b'd' => DAY_US,
        b'w' => 7 * DAY_US,
        b'M' => return months(1),
        b'y' => return months(12),
        _ => return None,
    };
    let ago = digits.parse::<i64>().ok()?.checked_mul(unit)?;
    (ago <= Timestamp::MAX.0).then_some(TimeExpression::Ago(ago))
}

fn in_years(time: Timestamp, text: &str) -> Result<Timestamp, String> {
    // A day more on either side, since a date begins up to 14 hours before or after UTC's.
    let known = Timestamp::MIN.0 - DAY_US..=Timestamp::MAX.0 + DAY_US;
    if known.contains(&time.0) {
        Ok(time)
    } else {
        let text = excerpt(text);
        Err(format!("`{text}` lies outside of the years 1900 to 2200 that events can have"))
    }
}
