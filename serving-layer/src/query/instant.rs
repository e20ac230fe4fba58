//! Edges of a range as they are written: RFC 3339, a date, or relative to now.

use chrono::{DateTime, NaiveDate};
use shared::time::{DAY_US, HOUR_US, MINUTE_US, Timestamp};

use crate::calendar::{Zone, date_start};

/// An edge of a range, before clock and zone are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Instant {
    /// An instant.
    At(Timestamp),
    /// Midnight of a date in the query's zone.
    Date(NaiveDate),
    /// So many µs before now.
    Ago(i64),
}

impl Instant {
    /// Reads an edge.
    ///
    /// # Errors
    /// Says what would be right.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let expected = || {
            format!(
                "`{}` is not a time; RFC 3339 with an offset (2013-01-31T12:00:00Z), a date \
                 (2013-01-31) or a time relative to now (now, now-90m, now-7d) is right",
                super::parameters::short(text)
            )
        };
        if let Some(rest) = text.strip_prefix("now") {
            return ago(rest).map(Self::Ago).ok_or_else(expected);
        }
        if text.len() == 10
            && let Ok(date) = NaiveDate::parse_from_str(text, "%Y-%m-%d")
        {
            return in_years(Timestamp(date_start(date)), text).map(|_| Self::Date(date));
        }
        // A `+` that was not escaped in a query string arrives as a space.
        let text = text.replacen(' ', "+", usize::from(text.contains(['T', 't'])));
        let time = DateTime::parse_from_rfc3339(&text).map_err(|_| expected())?;
        in_years(Timestamp(time.timestamp_micros()), &text).map(Self::At)
    }

    /// The instant, given clock and zone.
    #[must_use]
    pub fn resolve(self, now: Timestamp, zone: &Zone) -> Timestamp {
        match self {
            Self::At(time) => time,
            Self::Date(date) => Timestamp(zone.first_at(date_start(date))),
            Self::Ago(ago) => Timestamp(now.0.saturating_sub(ago)),
        }
    }
}

/// What is subtracted from now, µs: empty, or as `-7d`.
fn ago(text: &str) -> Option<i64> {
    if text.is_empty() {
        return Some(0);
    }
    let text = text.strip_prefix('-')?;
    let unit = match text.as_bytes().last()? {
        b'm' => MINUTE_US,
        b'h' => HOUR_US,
        b'd' => DAY_US,
        b'w' => 7 * DAY_US,
        _ => return None,
    };
    let digits = &text[..text.len() - 1];
    let count: i64 = digits.parse().ok().filter(|_| digits.bytes().all(|b| b.is_ascii_digit()))?;
    count.checked_mul(unit).filter(|ago| *ago <= Timestamp::MAX.0)
}

fn in_years(time: Timestamp, text: &str) -> Result<Timestamp, String> {
    // A day more on either side, since a date begins up to 14 hours before or after UTC's.
    let known = Timestamp::MIN.0 - DAY_US..=Timestamp::MAX.0 + DAY_US;
    if known.contains(&time.0) {
        Ok(time)
    } else {
        Err(format!("`{text}` lies outside of the years 1900 to 2200 that events can have"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edges_are_read_in_every_form() {
        let zone = Zone::new(chrono_tz::America::New_York);
        let at = |text: &str| {
            Instant::parse(text).map(|i| i.resolve(Timestamp(10 * DAY_US), &zone).to_string())
        };
        for (text, want) in [
            ("2013-01-01T00:00:00Z", "2013-01-01T00:00:00Z"),
            ("2013-01-01T00:00:00.123456789-05:00", "2013-01-01T05:00:00.123456Z"),
            ("2013-01-01T02:00:00 02:00", "2013-01-01T00:00:00Z"),
            ("2013-01-01", "2013-01-01T05:00:00Z"),
            ("2013-07-01", "2013-07-01T04:00:00Z"),
            ("now", "1970-01-11T00:00:00Z"),
            ("now-90m", "1970-01-10T22:30:00Z"),
            ("now-1w", "1970-01-04T00:00:00Z"),
        ] {
            assert_eq!(at(text).as_deref(), Ok(want), "{text}");
        }
        for text in [
            "yesterday",
            "2013-13-01",
            "2013-1-1",
            "2013-01-01T00:00:00",
            "now-",
            "now-d",
            "now-+7d",
            "now+1d",
            "now-7y",
            "now-99999999999999999999d",
            "now-9999999999999w",
            "1800-01-01",
            "9999-01-01T00:00:00Z",
            "nówhere",
            "now-7é",
            "2013-01-0é",
        ] {
            assert!(at(text).is_err(), "{text}");
        }
    }
}
