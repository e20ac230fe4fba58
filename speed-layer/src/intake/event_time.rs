//! An event's time, as it is spelled in JSON: RFC 3339 text with an offset, or integer
//! milliseconds since 1970.

use chrono::{DateTime, Utc};
use shared::time::Timestamp;

use super::envelope::{excerpt, unescape};

const EXPECTED: &str = "expected RFC 3339 with an offset, as `2026-11-21T10:00:00.123Z`, or \
                        integer milliseconds since 1970";

/// Reads the JSON text of a time, cut to the microsecond. A leap second is the second after it.
///
/// # Errors
/// What was wrong: no time, before the year 1900, after the year 2200, or after `latest`.
pub(super) fn read(json: &str, latest: Timestamp) -> Result<Timestamp, String> {
    let time = match unescape(json) {
        Some(text) => DateTime::parse_from_rfc3339(&text)
            .map(|time| Timestamp::from(time.with_timezone(&Utc)))
            .map_err(|error| format!("`time` is `{}` ({error}); {EXPECTED}", excerpt(&text)))?,
        None => millis(json)?,
    };
    if time < Timestamp::MIN || time >= Timestamp::MAX {
        return Err(format!("`time` is {}, outside of the years 1900 to 2200", excerpt(json)));
    }
    if time > latest {
        return Err(format!(
            "`time` is {time}, too far ahead of the server's clock; the latest that is taken now \
             is {latest}"
        ));
    }
    Ok(time)
}

fn millis(json: &str) -> Result<Timestamp, String> {
    let is_integer = json.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    if !is_integer {
        return Err(format!("`time` is `{}`; {EXPECTED}", excerpt(json)));
    }
    json.parse::<i64>()
        .ok()
        .and_then(|millis| millis.checked_mul(1000))
        .map(Timestamp)
        .ok_or_else(|| format!("`time` is {}, outside of the years 1900 to 2200", excerpt(json)))
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
            ("0", 0),
            ("-1", -1000),
            ("1763719200123", 1_763_719_200_123_000),
        ] {
            assert_eq!(at(json), Ok(micros), "{json}");
        }
    }

    #[test]
    fn what_is_no_time_says_what_would_be() {
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
            assert!(error.contains("RFC 3339"), "{json}: {error}");
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
        assert_eq!(read("5", Timestamp(5000)), Ok(Timestamp(5000)));
        assert!(read("5", Timestamp(4999)).unwrap_err().contains("ahead"));
    }
}
