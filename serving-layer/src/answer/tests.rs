//! The ranges that answers are compared with.

use chrono_tz::Tz;
use shared::time::{Grain, TimeRange, Timestamp};

use super::compare::earlier;
use crate::calendar::Zone;
use crate::query::{Compare, Instant};

fn check(tz: Tz, compare: Compare, from: &str, to: &str, want: [&str; 2]) {
    let zone = Zone::new(tz);
    let at = |text: &str| Instant::parse(text).unwrap().resolve(Timestamp(0), &zone);
    let range = TimeRange { from: at(from), to: at(to) };
    let got = earlier(&zone, Grain::Minute, range, compare);
    assert_eq!([zone.format(got.from), zone.format(got.to)], want, "{from} to {to}");
}

#[test]
fn the_period_before_is_shifted_by_whole_calendar_units_where_both_edges_lie_on_them() {
    let tz = Tz::America__New_York;
    let before = Compare::PreviousPeriod;
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
    let before = Compare::PreviousYear;
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
