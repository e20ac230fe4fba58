//! Instants and dates as text: RFC 3339 in UTC, of any year that a column can hold.
//!
//! Years beyond 9999 and before 0 have a sign (ISO 8601's expanded form), so that the error of
//! a refused value still shows the value.

use chrono::{DateTime, Datelike, SecondsFormat, Utc};

const DAY_SECONDS: i64 = 86_400;

/// An instant, with as many of 0, 3, 6 or 9 decimals as it takes; `nanos` is below a second.
pub(super) fn instant(seconds: i64, nanos: u32) -> String {
    let near = DateTime::<Utc>::from_timestamp(seconds, nanos);
    if let Some(time) = near.filter(|time| (0..=9999).contains(&time.year())) {
        return time.to_rfc3339_opts(SecondsFormat::AutoSi, true);
    }
    let date = date(seconds.div_euclid(DAY_SECONDS));
    let second = seconds.rem_euclid(DAY_SECONDS);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    let fraction = match nanos {
        0 => String::new(),
        _ if nanos.is_multiple_of(1_000_000) => format!(".{:03}", nanos / 1_000_000),
        _ if nanos.is_multiple_of(1_000) => format!(".{:06}", nanos / 1_000),
        _ => format!(".{nanos:09}"),
    };
    format!("{date}T{hour:02}:{minute:02}:{second:02}{fraction}Z")
}

/// The date so many days after 1 January 1970.
pub(super) fn date(days: i64) -> String {
    // "Chrono-compatible low-level date algorithms" (Howard Hinnant), `civil_from_days`: years that
    // begin in March, in cycles of 400.
    const CYCLE_DAYS: i64 = 146_097;
    const MARCH_OF_YEAR_0: i64 = 719_468;
    let (cycle, day) = match days.checked_add(MARCH_OF_YEAR_0) {
        Some(shifted) => (shifted.div_euclid(CYCLE_DAYS), shifted.rem_euclid(CYCLE_DAYS)),
        None => return format!("day {days}"),
    };
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let (day, month) =
        (day - (153 * month + 2) / 5 + 1, if month < 10 { month + 3 } else { month - 9 });
    let year = year + cycle * 400 + i64::from(month <= 2);
    let sign = match year {
        ..0 => "-",
        0..=9999 => "",
        _ => "+",
    };
    format!("{sign}{:04}-{month:02}-{day:02}", year.unsigned_abs())
}

#[cfg(test)]
mod tests {
    use chrono::NaiveDate;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn years_beyond_four_digits_have_a_sign() {
        for (seconds, nanos, text) in [
            (0, 0, "1970-01-01T00:00:00Z"),
            (16_725_225_600, 500_000_000, "2500-01-01T00:00:00.500Z"),
            (253_402_300_799, 999_999_999, "9999-12-31T23:59:59.999999999Z"),
            (253_402_300_800, 0, "+10000-01-01T00:00:00Z"),
            (-62_167_219_200, 0, "0000-01-01T00:00:00Z"),
            (-62_167_219_201, 1_000, "-0001-12-31T23:59:59.000001Z"),
            (i64::MAX, 0, "+292277026596-12-04T15:30:07Z"),
            (i64::MIN, 0, "-292277022657-01-27T08:29:52Z"),
        ] {
            assert_eq!(instant(seconds, nanos), text);
        }
        assert_eq!(date(i64::from(i32::MAX)), "+5881580-07-11");
        assert_eq!(date(i64::from(i32::MIN)), "-5877641-06-23");
    }

    proptest! {
        #[test]
        fn dates_are_those_of_the_calendar(days in -90_000_000_i64..90_000_000) {
            let start = NaiveDate::from_ymd_opt(1970, 1, 1).unwrap();
            let expected = start.checked_add_signed(chrono::TimeDelta::days(days)).unwrap();
            prop_assert_eq!(date(days), expected.to_string());
        }
    }
}
