//! The ranges that answers are compared with.

use chrono_tz::Tz;
use merganser_api::answer::CompareMode;
use merganser_core::time::{TimeRange, Timestamp};

use super::compare::comparison_range;
use crate::calendar::ZoneOffsets;
use crate::query::TimeExpression;

fn check(tz: Tz, compare: CompareMode, from: &str, to: &str, want: [&str; 2]) {
    let zone = ZoneOffsets::new(tz);
    let at = |text: &str| TimeExpression::parse(text).unwrap().resolve(Timestamp(0), &zone);
    let range = TimeRange { from: at(from), to: at(to) };
    let got = comparison_range(&zone, range, compare);
    assert_eq!([zone.format(got.from), zone.format(got.to)], want, "{from} to {to}");
}

#[test]
fn the_period_before_is_shifted_by_whole_calendar_units_where_both_edges_lie_on_them() {
    let tz = Tz::America__New_York;
    let before = CompareMode::PreviousPeriod;
    for (from, to, want) in [
        ("2013-02-01", "2013-03-01", ["2013-01-01T00:00:00-05:00", "2013-02-01T00:00:00-05:00"]),
        ("2013-04-01", "2013-07-01", ["2013-01-01T00:00:00-05:00", "2013-04-01T00:00:00-04:00"]),
        ("2013-01-01", "2014-01-01", ["2012-01-01T00:00:00-05:00", "2013-01-01T00:00:00-05:00"]),
        // Over a change of the clock, days stay days.
        ("2013-03-10", "2013-03-17", ["2013-03-03T00:00:00-05:00", "2013-03-10T00:00:00-05:00"]),
        ("2012-02-29", "2012-03-01", ["2012-02-28T00:00:00-05:00", "2012-02-29T00:00:00-05:00"]),
        // Otherwise as long as the range itself.
        (
            "2013-03-10T10:00:00-04:00",
            "2013-03-11T10:00:00-04:00",
            ["2013-03-09T09:00:00-05:00", "2013-03-10T10:00:00-04:00"],
        ),
        (
            "2013-05-01T10:00:00-04:00",
            "2013-05-01T12:30:00-04:00",
            ["2013-05-01T07:30:00-04:00", "2013-05-01T10:00:00-04:00"],
        ),
    ] {
        check(tz, before, from, to, want);
    }
}

#[test]
fn the_year_before_is_the_same_local_time() {
    let tz = Tz::America__New_York;
    let before = CompareMode::PreviousYear;
    for (from, to, want) in [
        ("2013-02-01", "2013-03-01", ["2012-02-01T00:00:00-05:00", "2012-03-01T00:00:00-05:00"]),
        ("2012-02-29", "2012-03-01", ["2011-02-28T00:00:00-05:00", "2011-03-01T00:00:00-05:00"]),
        (
            "2014-03-10T02:30:00-04:00",
            "2014-03-10T04:00:00-04:00",
            // 02:30 was skipped on that day.
            ["2013-03-10T03:00:00-04:00", "2013-03-10T04:00:00-04:00"],
        ),
    ] {
        check(tz, before, from, to, want);
    }
}

#[test]
fn the_same_days_of_the_month_before_are_compared_as_far_as_it_has_them() {
    let berlin = |compare, from, to, want: [&str; 2]| {
        let full = want.map(|edge| {
            let time = TimeExpression::parse(edge).unwrap();
            let zone = ZoneOffsets::new(Tz::Europe__Berlin);
            zone.format(time.resolve(Timestamp(0), &zone))
        });
        let full = [&*full[0], &*full[1]];
        check(Tz::Europe__Berlin, compare, from, to, full);
    };
    let month = CompareMode::PreviousMonth;
    for (from, to, want) in [
        // Month to date.
        ("2026-11-01", "2026-11-28", ["2026-10-01", "2026-10-28"]),
        ("2026-11-01", "2026-11-28T13:30:00+01:00", ["2026-10-01", "2026-10-28T13:30:00+01:00"]),
        // Days 1 to 30 of October are all of September.
        ("2026-10-01", "2026-10-31", ["2026-09-01", "2026-10-01"]),
        ("2026-10-01", "2026-10-31T12:00:00+01:00", ["2026-09-01", "2026-10-01"]),
        ("2026-10-01", "2026-11-01", ["2026-09-01", "2026-10-01"]),
        ("2026-03-01", "2026-03-29", ["2026-02-01", "2026-03-01"]),
        ("2026-03-01", "2026-03-30", ["2026-02-01", "2026-03-01"]),
        ("2026-03-01", "2026-03-31", ["2026-02-01", "2026-03-01"]),
        ("2026-03-01", "2026-04-01", ["2026-02-01", "2026-03-01"]),
        ("2024-03-01", "2024-03-30", ["2024-02-01", "2024-03-01"]),
        // All of February is compared with all of January, and some days of it with the same.
        ("2026-02-01", "2026-03-01", ["2026-01-01", "2026-02-01"]),
        ("2026-02-22", "2026-03-01", ["2026-01-22", "2026-01-29"]),
        // A day that the earlier month does not have is compared with its last.
        ("2026-10-31", "2026-11-01", ["2026-09-30", "2026-10-01"]),
        (
            "2026-10-31T10:00:00+01:00",
            "2026-10-31T12:00:00+01:00",
            ["2026-09-30T10:00:00+02:00", "2026-09-30T12:00:00+02:00"],
        ),
        (
            "2026-03-30T22:00:00+02:00",
            "2026-03-31T02:00:00+02:00",
            ["2026-02-28T22:00:00+01:00", "2026-03-01"],
        ),
        ("2026-01-01", "2026-01-15", ["2025-12-01", "2025-12-15"]),
    ] {
        berlin(month, from, to, want);
    }
    for (compare, from, to, want) in [
        (CompareMode::PreviousQuarter, "2026-10-01", "2026-11-28", ["2026-07-01", "2026-08-28"]),
        (CompareMode::PreviousQuarter, "2026-10-01", "2027-01-01", ["2026-07-01", "2026-10-01"]),
        (CompareMode::PreviousQuarter, "2026-04-01", "2026-05-31", ["2026-01-01", "2026-03-01"]),
        (CompareMode::PreviousWeek, "2026-11-23", "2026-11-28", ["2026-11-16", "2026-11-21"]),
        // Of 167 hours and of 168.
        (CompareMode::PreviousWeek, "2026-03-23", "2026-03-30", ["2026-03-16", "2026-03-23"]),
        // Days 1 to 28 of a leap February were compared with one day less.
        (CompareMode::PreviousYear, "2012-02-01", "2012-02-29", ["2011-02-01", "2011-03-01"]),
        (CompareMode::PreviousYear, "2026-01-01", "2026-11-28", ["2025-01-01", "2025-11-28"]),
    ] {
        berlin(compare, from, to, want);
    }
}

/// Whatever the range, something is compared, and it lies before.
#[test]
fn an_earlier_range_is_never_empty_nor_later() {
    for tz in crate::calendar::tests::ZONES {
        let zone = ZoneOffsets::new(tz);
        for at in 0..4_000 {
            let from = Timestamp(1_325_376_000_000_000 + at * 7_920_000_000);
            for minutes in [1, 20, 95, 1440, 4_000, 44_640] {
                let to = Timestamp(from.0 + minutes * 60_000_000);
                for (name, compare) in CompareMode::EACH {
                    let got = comparison_range(&zone, TimeRange { from, to }, compare);
                    assert!(
                        got.from < got.to && got.from < from,
                        "{name} of {from} to {to} in {tz}"
                    );
                }
            }
        }
    }
}
