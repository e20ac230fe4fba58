//! An event's time, as it is spelled in JSON: RFC 3339 text with an offset, or integer
//! milliseconds since 1970.
//!
//! The message about anything else says what it looks like: seconds, microseconds, a number in
//! quotes, a date. Seconds above all: read as milliseconds they would be days in January 1970, and
//! the mistake would go unnoticed.

use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};
use merganser_core::text::excerpt;
use merganser_core::time::Timestamp;

use super::invalid::unescape;

const EXPECTED: &str = "expected RFC 3339 with an offset, as `2026-11-21T10:00:00.123Z`, or \
                        integer milliseconds since 1970";

/// Integers that are closer to zero are seconds by mistake: as milliseconds they lie within three
/// years of 1970, as seconds within three thousand.
const MILLIS_MIN: u64 = 100_000_000_000;

/// Milliseconds that a time may have, about: 1900 to 2200.
const MILLIS_MAX: u64 = 7_300_000_000_000;

/// Reads the JSON text of a time, cut to the microsecond. A leap second is the second after it.
///
/// # Errors
/// What was wrong: no time, before the year 1900, after the year 2200, or after `latest`.
pub(super) fn read(json: &str, latest: Timestamp) -> Result<Timestamp, String> {
    let time = match unescape(json) {
        Some(text) => DateTime::parse_from_rfc3339(&text)
            .map(|time| Timestamp::from(time.with_timezone(&Utc)))
            .map_err(|error| invalid_time(&text, &error))?,
        None => millis(json)?,
    };
    if time < Timestamp::MIN || time >= Timestamp::MAX {
        return Err(out_of_range(json));
    }
    if time > latest {
        return Err(format!(
            "`time` is {time}, too far ahead of the server's clock; the latest that is taken now \
             is {latest}"
        ));
    }
    Ok(time)
}

fn out_of_range(spelled: &str) -> String {
    let hint = likely_unit(spelled).unwrap_or_default();
    format!("`time` is {}, outside of the years 1900 to 2200{hint}", excerpt(spelled))
}

fn millis(json: &str) -> Result<Timestamp, String> {
    let is_integer = json.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    if !is_integer {
        let hint = likely_unit(json).unwrap_or_default();
        return Err(format!("`time` is `{}`{hint}; {EXPECTED}", excerpt(json)));
    }
    let millis = json.parse::<i64>().map_err(|_| out_of_range(json))?;
    if millis.unsigned_abs() < MILLIS_MIN {
        let hint = likely_unit(json).unwrap_or_default();
        return Err(format!("`time` is {json}{hint}; {EXPECTED}"));
    }
    millis.checked_mul(1000).map(Timestamp).ok_or_else(|| out_of_range(json))
}

/// What a number probably counts, if it is none of milliseconds.
fn likely_unit(number: &str) -> Option<String> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let is_number = fraction.bytes().all(|byte| byte.is_ascii_digit());
    let whole = whole.parse::<i64>().ok().filter(|_| is_number)?;
    let millis = |per_ms: i64| (whole / per_ms).to_string();
    let between = |per_ms: u64| (MILLIS_MIN..MILLIS_MAX).contains(&(whole.unsigned_abs() / per_ms));
    let (unit, millis) = match whole.unsigned_abs() {
        below if below < MILLIS_MIN => {
            let digits = fraction.chars().chain("000".chars()).take(3).collect::<String>();
            let zero = whole == 0 && digits == "000";
            ("seconds", if zero { "0".to_owned() } else { format!("{whole}{digits}") })
        }
        _ if between(1_000) => ("microseconds", millis(1_000)),
        _ if between(1_000_000) => ("nanoseconds", millis(1_000_000)),
        _ if fraction.is_empty() => return None,
        _ => ("milliseconds with a fraction", millis(1)),
    };
    match unit {
        "seconds" if whole == 0 => Some(", which looks like seconds".to_owned()),
        _ => Some(format!(", which looks like {unit}; in milliseconds it would be {millis}")),
    }
}

/// Why a text is no time, and what it looks like.
fn invalid_time(text: &str, error: &chrono::ParseError) -> String {
    if has_long_year(text) || text.starts_with('-') && text.matches('-').count() >= 3 {
        return format!("`time` is `{}`, outside of the years 1900 to 2200", excerpt(text));
    }
    let spelled = excerpt(text);
    let is_digits = text.strip_prefix('-').unwrap_or(text).bytes().all(|b| b.is_ascii_digit());
    if is_digits && text.bytes().any(|byte| byte.is_ascii_digit()) {
        let hint = likely_unit(text).unwrap_or_default();
        return format!("`time` is the text `{spelled}`{hint}; a number has no quotes; {EXPECTED}");
    }
    let with_t = text.replacen(' ', "T", 1);
    if NaiveDateTime::parse_from_str(&with_t, "%Y-%m-%dT%H:%M:%S%.f").is_ok() {
        return format!(
            "`time` is `{spelled}`, which has no offset; in UTC it would be `{with_t}Z`"
        );
    }
    if NaiveDate::parse_from_str(text, "%Y-%m-%d").is_ok() {
        return format!(
            "`time` is `{spelled}`, a date without a time; midnight in UTC would be \
             `{text}T00:00:00Z`; {EXPECTED}"
        );
    }
    format!("`time` is `{spelled}` ({error}); {EXPECTED}")
}

/// Whether a text is a date whose year has more than four digits.
fn has_long_year(text: &str) -> bool {
    let digits = text.trim_start_matches(['+', '-']);
    let year = digits.split('-').next().unwrap_or_default();
    let is_year = year.len() > 4 && year.bytes().all(|byte| byte.is_ascii_digit());
    is_year && digits.len() > year.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(json: &str) -> Result<i64, String> {
        read(json, Timestamp::MAX).map(|time| time.0)
    }

    #[test]
    fn offsets_and_any_precision_are_read() {
        for (json, micros) in [
            (r#""1970-01-01T00:00:00Z""#, 0),
            (r#""1970-01-01t01:00:00.5+01:00""#, 500_000),
            (r#""1970-01-01T00:00:00.1234567-00:00""#, 123_456),
            (r#""1970-01-01T00:00:00.000000999999999999999Z""#, 0),
            (r#""1969-12-31T23:59:59.9999999Z""#, -1),
            (r#""1970-01-01T00:00:00\u005a""#, 0),
            (r#""1972-06-30T23:59:60Z""#, 78_796_800_000_000),
            (r#""1972-06-30T23:59:60.25Z""#, 78_796_800_250_000),
            ("100000000000", 100_000_000_000_000),
            ("-100000000000", -100_000_000_000_000),
            ("1763719200123", 1_763_719_200_123_000),
        ] {
            assert_eq!(at(json), Ok(micros), "{json}");
        }
    }

    #[test]
    fn an_error_of_a_time_says_what_would_be_right() {
        for json in [
            r#""yesterday""#,
            r#""2026-11-21""#,
            r#""2026-11-21T10:00:00""#,
            r#""2026-02-29T10:00:00Z""#,
            r#""2026-11-21T24:00:00Z""#,
            r#""2026-11-21T10:00:61Z""#,
            r#""2026-11-21T10:00:0éZ""#,
            r#""""#,
            r#""\ud800""#,
            "1.5",
            "1e3",
            "true",
            "{}",
            "[1]",
        ] {
            let error = at(json).unwrap_err();
            let is_said = error.contains("RFC 3339") || error.contains("in UTC it would be");
            assert!(is_said, "{json}: {error}");
        }
    }

    #[test]
    fn bounds_are_the_years_1900_to_2200_and_the_clock() {
        for json in [
            r#""1899-12-31T23:59:59.999999Z""#,
            r#""2201-01-01T00:00:00Z""#,
            r#""0000-01-01T00:00:00Z""#,
            "9223372036854775807",
            "-99999999999999999999999",
        ] {
            assert!(at(json).unwrap_err().contains("1900 to 2200"), "{json}");
        }
        assert_eq!(at(r#""1900-01-01T00:00:00Z""#), Ok(Timestamp::MIN.0));
        assert_eq!(at(r#""2200-12-31T23:59:59.999999999Z""#), Ok(Timestamp::MAX.0 - 1));
        let (millis, latest) = ("1763719200000", Timestamp(1_763_719_200_000_000));
        assert_eq!(read(millis, latest), Ok(latest));
        assert!(read(millis, Timestamp(latest.0 - 1)).unwrap_err().contains("ahead"));
    }

    #[test]
    fn the_error_of_a_time_in_another_unit_names_the_unit() {
        for (json, words) in [
            ("1763719200", "which looks like seconds; in milliseconds it would be 1763719200000;"),
            ("-1763719200", "seconds; in milliseconds it would be -1763719200000;"),
            ("99999999999", "looks like seconds; in milliseconds it would be 99999999999000;"),
            ("-99999999999", "looks like seconds"),
            ("0", "`time` is 0, which looks like seconds;"),
            ("-0", "looks like seconds"),
            ("1763719200.5", "seconds; in milliseconds it would be 1763719200500;"),
            ("1763719200.1234567", "seconds; in milliseconds it would be 1763719200123;"),
            ("1763719200123.0", "milliseconds with a fraction; in milliseconds it would be"),
            ("1763719200123456", "microseconds; in milliseconds it would be 1763719200123"),
            ("1763719200123456789", "nanoseconds; in milliseconds it would be 1763719200123"),
            (r#""1763719200""#, "the text `1763719200`, which looks like seconds"),
            (r#""1763719200123""#, "the text `1763719200123`; a number has no quotes"),
            (r#""2026-11-21 10:00:00""#, "no offset; in UTC it would be `2026-11-21T10:00:00Z`"),
            (r#""2026-11-21T10:00:00.5""#, "in UTC it would be `2026-11-21T10:00:00.5Z`"),
            (r#""2026-11-21""#, "midnight in UTC would be `2026-11-21T00:00:00Z`"),
            (r#""+10000-01-01T00:00:00Z""#, "`+10000-01-01T00:00:00Z`, outside of the years"),
            (r#""-0001-01-01T00:00:00Z""#, "outside of the years"),
        ] {
            let error = at(json).unwrap_err();
            assert!(error.contains(words), "{json}: {error}");
        }
    }
}
