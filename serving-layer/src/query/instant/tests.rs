//! Edges in every form, and what is said of those that are none.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use super::*;

fn utc(text: &str) -> Timestamp {
    text.parse::<DateTime<Utc>>().unwrap().into()
}

/// What an edge is in a zone, at a time.
fn at(text: &str, tz: Tz, now: &str) -> String {
    let edge = TimeExpression::parse(text).unwrap_or_else(|error| panic!("{error}"));
    edge.resolve(utc(now), &ZoneOffsets::new(tz)).to_string()
}

#[test]
fn edges_are_read_in_every_form() {
    let tz = Tz::America__New_York;
    for (text, want) in [
        ("2013-01-01T00:00:00Z", "2013-01-01T00:00:00Z"),
        ("2013-01-01T00:00:00.123456789-05:00", "2013-01-01T05:00:00.123456Z"),
        ("2013-01-01T02:00:00 02:00", "2013-01-01T00:00:00Z"),
        ("2013-01-01", "2013-01-01T05:00:00Z"),
        ("2013-07-01", "2013-07-01T04:00:00Z"),
        ("2013-01-01 12:30:00Z", "2013-01-01T12:30:00Z"),
        ("now", "1970-01-11T00:00:00Z"),
        ("now-90m", "1970-01-10T22:30:00Z"),
        ("now-1w", "1970-01-04T00:00:00Z"),
        ("1359633600000", "2013-01-31T12:00:00Z"),
        ("1764288000123", "2025-11-28T00:00:00.123Z"),
        ("-2208988800000", "1900-01-01T00:00:00Z"),
        ("2013", "2013-01-01T05:00:00Z"),
        ("2013-07", "2013-07-01T04:00:00Z"),
        ("2013-Q4", "2013-10-01T04:00:00Z"),
        // The first of January 2026 was a Thursday, so that its week began in 2025.
        ("2026-W01", "2025-12-29T05:00:00Z"),
        ("2026-W53", "2026-12-28T05:00:00Z"),
    ] {
        assert_eq!(at(text, tz, "1970-01-11T00:00:00Z"), want, "{text}");
    }
}

#[test]
fn periods_around_now_begin_on_the_zones_clock() {
    // A Saturday in Berlin, and still the Friday before in New York.
    let now = "2026-11-28T00:30:00Z";
    for (text, berlin, new_york) in [
        ("today", "2026-11-27T23:00:00Z", "2026-11-27T05:00:00Z"),
        ("yesterday", "2026-11-26T23:00:00Z", "2026-11-26T05:00:00Z"),
        ("tomorrow", "2026-11-28T23:00:00Z", "2026-11-28T05:00:00Z"),
        ("this_week", "2026-11-22T23:00:00Z", "2026-11-23T05:00:00Z"),
        ("last_week", "2026-11-15T23:00:00Z", "2026-11-16T05:00:00Z"),
        ("this_month", "2026-10-31T23:00:00Z", "2026-11-01T04:00:00Z"),
        ("last_month", "2026-09-30T22:00:00Z", "2026-10-01T04:00:00Z"),
        ("next_month", "2026-11-30T23:00:00Z", "2026-12-01T05:00:00Z"),
        ("this_quarter", "2026-09-30T22:00:00Z", "2026-10-01T04:00:00Z"),
        ("last_quarter", "2026-06-30T22:00:00Z", "2026-07-01T04:00:00Z"),
        ("this_year", "2025-12-31T23:00:00Z", "2026-01-01T05:00:00Z"),
        ("last_year", "2024-12-31T23:00:00Z", "2025-01-01T05:00:00Z"),
        ("now-1M", "2026-10-28T00:30:00Z", "2026-10-27T23:30:00Z"),
        ("now-9M", "2026-02-28T00:30:00Z", "2026-02-28T00:30:00Z"),
        ("now-1y", "2025-11-28T00:30:00Z", "2025-11-28T00:30:00Z"),
    ] {
        assert_eq!(at(text, Tz::Europe__Berlin, now), berlin, "{text}");
        assert_eq!(at(text, Tz::America__New_York, now), new_york, "{text}");
    }
    // Days of 23 and of 25 hours.
    let berlin = Tz::Europe__Berlin;
    assert_eq!(at("today", berlin, "2025-03-30T10:00:00Z"), "2025-03-29T23:00:00Z");
    assert_eq!(at("tomorrow", berlin, "2025-03-30T10:00:00Z"), "2025-03-30T22:00:00Z");
    assert_eq!(at("today", berlin, "2025-10-26T10:00:00Z"), "2025-10-25T22:00:00Z");
    assert_eq!(at("tomorrow", berlin, "2025-10-26T10:00:00Z"), "2025-10-26T23:00:00Z");
    // The 31st goes to the last day that there is.
    assert_eq!(at("now-1M", Tz::UTC, "2026-03-31T12:00:00Z"), "2026-02-28T12:00:00Z");
    assert_eq!(at("now-1y", Tz::UTC, "2024-02-29T12:00:00Z"), "2023-02-28T12:00:00Z");
}

/// Every zone, at every hour around the changes of the clock of a year: a period begins at the
/// first instant of its first local date.
#[test]
fn today_begins_at_the_first_instant_of_its_date_in_every_zone() {
    for tz in chrono_tz::TZ_VARIANTS.iter().step_by(7) {
        let zone = ZoneOffsets::new(*tz);
        for hour in (0..365 * 24).step_by(5) {
            let now = Timestamp(utc("2011-01-01T00:00:00Z").0 + hour * HOUR_US);
            let date = |time: Timestamp| time.to_utc().unwrap().with_timezone(tz).date_naive();
            for (name, back) in [("today", 0), ("yesterday", 1)] {
                let start = TimeExpression::parse(name).unwrap().resolve(now, &zone);
                let want = date(now) - chrono::Days::new(back);
                // Samoa had no 30 December.
                assert!(date(start) >= want, "{name} at {now} in {tz} is {start}");
                assert!(date(Timestamp(start.0 - 1)) < want, "{name} at {now} in {tz} is {start}");
            }
        }
    }
}

#[test]
fn an_error_of_a_bad_edge_says_what_would_be_right() {
    let mut wrong = Vec::new();
    for (text, right) in [
        ("2013-13-01", "year, month and day"),
        ("2013-1-1", "2013-01-01"),
        ("2013/01/31", "2013-01-31"),
        ("31.01.2013", "2013-01-31"),
        ("01/31/2013", "year, month and day"),
        ("20130131", "2013-01-31"),
        ("2013-1", "`2013-01`"),
        ("2013-W5", "`2013-W05`"),
        ("2013-q2", "`2013-Q2`"),
        ("2025-W53", "no such month, week or quarter"),
        ("2013-Q5", "no such month, week or quarter"),
        ("2013-01-01T00:00:00", "2013-01-01T00:00:00Z is right for UTC"),
        ("2013-01-01 00:00", "the date alone, 2013-01-01, is midnight"),
        ("2013-01-01 12:30:00", "%2B01:00"),
        ("2013-01-01T12:30:00+0100", "2013-01-01T12:30:00+01:00"),
        ("1359633600", "seconds since 1970; milliseconds are right, as 1359633600000"),
        ("1359633600000000", "microseconds since 1970; milliseconds are right, as 1359633600000"),
        ("1359633600000000000", "nanoseconds since 1970; milliseconds are right, as 1359633600000"),
        ("42", "a year (2013) or milliseconds"),
        ("now-", "`now`"),
        ("now-7D", "`now-7d`"),
        ("now-3mo", "`now-3M`"),
        ("now - 7d", "`now-7d`"),
        ("now-7 days", "`now-7d`"),
        ("-7d", "`now-7d`"),
        ("7d", "`now-7d`"),
        ("last_7_days", "`now-7d`"),
        ("Last 30 days", "`now-30d`"),
        ("3 months ago", "`now-3M`"),
        ("12M", "`now-12M`"),
        ("now-30s", "minutes are the finest"),
        ("now+1d", "only times before now"),
        ("now/d", "`today`"),
        ("now-1M/M", "`last_month`"),
        ("this month", "`this_month`"),
        ("Yesterday", "`yesterday`"),
        ("previous_week", "`last_week`"),
        ("current_year", "`this_year`"),
        ("now-99999999999999999999d", "further back"),
        ("now-99999999M", "further back"),
        ("1800-01-01", "1900 to 2200"),
        ("1800", "1900 to 2200"),
        ("9999-01-01T00:00:00Z", "1900 to 2200"),
        ("9999999999999", "1900 to 2200"),
        ("", "RFC 3339"),
        ("nówhere", "RFC 3339"),
        ("now-7é", "RFC 3339"),
        ("2013-01-0é", "RFC 3339"),
        ("2013-é", "RFC 3339"),
        ("é013", "RFC 3339"),
        ("now-d", "`now-1d`"),
    ] {
        match TimeExpression::parse(text) {
            Ok(edge) => wrong.push(format!("`{text}` is {edge:?}")),
            Err(error) if !error.contains(right) => wrong.push(format!("{text}: {error}")),
            Err(_) => {}
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn an_edge_reads_as_it_is_written() {
    for text in ["2013-01-31", "2013-01", "2013-Q1", "2013", "2026-W01", "2020-W53", "today"]
        .into_iter()
        .chain(period::names())
        .chain(["now", "now-90m", "now-14M", "2013-01-31T12:00:00Z"])
    {
        assert_eq!(TimeExpression::parse(text).unwrap().to_string(), text);
    }
}
