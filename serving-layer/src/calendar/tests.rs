//! Buckets against a naive walk over what `chrono-tz` says, minute by minute.

use chrono::{DateTime, Datelike, Duration, LocalResult, NaiveDate, Offset, TimeZone, Utc};
use chrono_tz::{TZ_VARIANTS, Tz};

use super::*;
use merganser_core::time::HOUR_US;

pub(crate) const ZONES: [Tz; 8] = [
    Tz::America__New_York,
    Tz::Europe__London,
    Tz::Asia__Kolkata,
    Tz::Asia__Kathmandu,
    Tz::Australia__Lord_Howe,
    Tz::America__St_Johns,
    Tz::Pacific__Apia,
    Tz::UTC,
];

fn calendar(tz: Tz, granularity: Granularity) -> BucketCalendar {
    BucketCalendar::new(Arc::new(ZoneOffsets::new(tz)), granularity)
}

fn utc(text: &str) -> Timestamp {
    Timestamp::from(text.parse::<DateTime<Utc>>().unwrap())
}

/// The first date of the period that a date lies in.
fn naive_period(date: NaiveDate, granularity: Granularity) -> NaiveDate {
    let first = |month: u32| NaiveDate::from_ymd_opt(date.year(), month, 1).unwrap();
    match granularity {
        Granularity::Week => date.week(chrono::Weekday::Mon).first_day(),
        Granularity::Month => first(date.month()),
        Granularity::Quarter => {
            first([1, 1, 1, 4, 4, 4, 7, 7, 7, 10, 10, 10][date.month0() as usize])
        }
        Granularity::Year => first(1),
        _ => date,
    }
}

/// Midnight; the earlier of two, and the next instant that there is if it was skipped.
fn naive_midnight(tz: Tz, date: NaiveDate) -> DateTime<Tz> {
    let mut local = date.and_hms_opt(0, 0, 0).unwrap();
    loop {
        match tz.from_local_datetime(&local) {
            LocalResult::Single(time) | LocalResult::Ambiguous(time, _) => return time,
            LocalResult::None => {
                local += Duration::seconds(if date.year() < 1975 { 1 } else { 60 })
            }
        }
    }
}

/// Back by minutes to where the wall clock shows a whole period, or was changed.
fn naive_start(tz: Tz, time: DateTime<Tz>, minutes: i64) -> DateTime<Tz> {
    let offset = time.offset().fix();
    // Where the clock shows at the period's start what it shows now, it was not changed in between:
    // to go there step by step would take minutes for times of long ago.
    let wall = time.naive_local().and_utc().timestamp();
    let whole = time - Duration::seconds(wall.rem_euclid(60 * minutes));
    if whole.offset().fix() == offset {
        return whole - Duration::nanoseconds(i64::from(whole.timestamp_subsec_nanos()));
    }
    let mut start = time;
    // Long ago, offsets had seconds, and changed at any; nowadays clocks change at quarters.
    let step = match time.year() {
        ..1975 => 1,
        2012.. if minutes % 15 == 0 => 900,
        _ => 60,
    };
    start -= Duration::seconds(start.timestamp().rem_euclid(step));
    loop {
        let wall = start.naive_local().and_utc().timestamp();
        let before = start - Duration::seconds(step);
        if wall.rem_euclid(60 * minutes) == 0 || before.offset().fix() != offset {
            return start.with_timezone(&tz);
        }
        start = before;
    }
}

/// The minutes that a part of a day's name says.
pub(crate) fn part_minutes(part: DayPart) -> i64 {
    let name = match part.name() {
        "minute" => "1m",
        "hour" => "1h",
        name => name,
    };
    let (digits, unit) = name.split_at(name.len() - 1);
    digits.parse::<i64>().unwrap() * if unit == "h" { 60 } else { 1 }
}

pub(crate) fn naive(tz: Tz, time: DateTime<Tz>, granularity: Granularity) -> DateTime<Tz> {
    match granularity {
        Granularity::All => unreachable!("has no buckets"),
        Granularity::Part(part) => naive_start(tz, time, part_minutes(part)),
        Granularity::Day
        | Granularity::Week
        | Granularity::Month
        | Granularity::Quarter
        | Granularity::Year => naive_midnight(tz, naive_period(time.date_naive(), granularity)),
    }
}

/// Every day from 2005 to 2035 four times, and every tenth minute around changes of the clock.
fn instants(tz: Tz) -> Vec<DateTime<Tz>> {
    let first = Utc.with_ymd_and_hms(2005, 1, 1, 0, 0, 0).unwrap().with_timezone(&tz);
    let last = Utc.with_ymd_and_hms(2036, 1, 1, 0, 0, 0).unwrap().with_timezone(&tz);
    let mut instants = Vec::new();
    let mut time = first;
    while time < last {
        let next = time + Duration::minutes(347);
        instants.push(time);
        if next.offset().fix() != time.offset().fix() {
            let around = (-1440..1440).step_by(10);
            instants.extend(around.map(|m| time.with_timezone(&tz) + Duration::minutes(m)));
        }
        time = next;
    }
    instants
}

#[test]
fn every_day_of_31_years_buckets_as_chrono_tz_says() {
    for tz in ZONES {
        let instants = instants(tz);
        // Walking back takes long where parts of a day are.
        let rare = [2, 10, 45, 90, 360, 720].map(|n| DayPart::of_minutes(n).unwrap());
        let rare = rare.map(|part| calendar(tz, Granularity::Part(part)));
        let calendars: Vec<BucketCalendar> =
            Granularity::EACH[1..].iter().map(|g| calendar(tz, *g)).collect();
        for (at, time) in instants.iter().enumerate() {
            let parts = rare.iter().filter(|_| at % 97 == 0);
            let calendars = calendars.iter().chain(parts);
            let at = Timestamp(time.timestamp_micros());
            for calendar in calendars {
                let want = naive(tz, *time, calendar.granularity());
                let span = calendar.span(at);
                let what = || format!("{time} {:?} in {tz}", calendar.granularity());
                assert_eq!(span.bucket.0, want.timestamp_micros(), "{}", what());
                assert!(span.range.contains(at), "{}", what());
                let next = calendar.next(span.bucket);
                assert_eq!(calendar.span(next).bucket, next, "{}", what());
                assert!(next > span.bucket, "{}", what());
                assert_eq!(
                    calendar.zone().format(at),
                    time.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true)
                );
            }
        }
    }
}

#[test]
fn days_have_23_and_25_hours() {
    let days = calendar(Tz::America__New_York, Granularity::Day);
    let hours = |day: &str| {
        let start = days.span(utc(day)).bucket;
        (days.next(start).0 - start.0) / HOUR_US
    };
    assert_eq!(hours("2013-03-10T12:00:00Z"), 23);
    assert_eq!(hours("2013-11-03T12:00:00Z"), 25);
    assert_eq!(hours("2013-11-04T12:00:00Z"), 24);
}

#[test]
fn a_repeated_hour_is_two_buckets_and_a_skipped_one_none() {
    let zone = calendar(Tz::America__New_York, Granularity::HOUR);
    let range = TimeRange { from: utc("2013-11-03T04:00:00Z"), to: utc("2013-11-03T08:00:00Z") };
    let shown = |calendar: &BucketCalendar, range| -> Vec<String> {
        let starts = calendar.starts(range, 100);
        starts.into_iter().map(|start| calendar.zone().format(Timestamp(start))).collect()
    };
    assert_eq!(
        shown(&zone, range),
        [
            "2013-11-03T00:00:00-04:00",
            "2013-11-03T01:00:00-04:00",
            "2013-11-03T01:00:00-05:00",
            "2013-11-03T02:00:00-05:00"
        ]
    );
    let range = TimeRange { from: utc("2013-03-10T06:00:00Z"), to: utc("2013-03-10T08:00:00Z") };
    assert_eq!(shown(&zone, range), ["2013-03-10T01:00:00-05:00", "2013-03-10T03:00:00-04:00"]);

    // Half an hour at a time.
    let lord_howe = calendar(Tz::Australia__Lord_Howe, Granularity::HOUR);
    let range = TimeRange { from: utc("2013-04-06T14:00:00Z"), to: utc("2013-04-06T16:00:00Z") };
    assert_eq!(
        shown(&lord_howe, range),
        ["2013-04-07T01:00:00+11:00", "2013-04-07T01:30:00+10:30", "2013-04-07T02:00:00+10:30"]
    );
    let range = TimeRange { from: utc("2013-10-05T14:30:00Z"), to: utc("2013-10-05T16:30:00Z") };
    assert_eq!(
        shown(&lord_howe, range),
        ["2013-10-06T01:00:00+10:30", "2013-10-06T02:30:00+11:00", "2013-10-06T03:00:00+11:00"]
    );
}

#[test]
fn a_day_that_was_skipped_is_no_bucket() {
    let days = calendar(Tz::Pacific__Apia, Granularity::Day);
    let range = TimeRange { from: utc("2011-12-29T10:00:00Z"), to: utc("2011-12-31T11:00:00Z") };
    let starts = days.starts(range, 100);
    let shown: Vec<String> = starts.iter().map(|s| days.zone().format(Timestamp(*s))).collect();
    assert_eq!(
        shown,
        ["2011-12-29T00:00:00-10:00", "2011-12-31T00:00:00+14:00", "2012-01-01T00:00:00+14:00"]
    );
    let skipped = date_start(NaiveDate::from_ymd_opt(2011, 12, 30).unwrap());
    assert_eq!(Timestamp(days.zone().first_at(skipped)), utc("2011-12-30T10:00:00Z"));
}

#[test]
fn a_zone_fits_a_grain_where_its_edges_are_the_grains() {
    let in_2013 = TimeRange { from: utc("2013-01-01T00:00:00Z"), to: utc("2014-01-01T00:00:00Z") };
    let fits = |tz, grain, range| calendar(tz, Granularity::Day).fits(grain, range);
    assert!(fits(Tz::Europe__London, Grain::Hour, in_2013));
    assert!(!fits(Tz::Europe__London, Grain::Day, in_2013));
    assert!(!fits(Tz::Asia__Kolkata, Grain::Hour, in_2013));
    assert!(fits(Tz::Asia__Kathmandu, Grain::Minute, in_2013));
    assert!(fits(Tz::UTC, Grain::Day, TimeRange::ALL));
    let winter = TimeRange { from: utc("2013-01-01T00:00:00Z"), to: utc("2013-02-01T00:00:00Z") };
    assert!(fits(Tz::Europe__London, Grain::Day, winter));
    assert!(!fits(Tz::Australia__Lord_Howe, Grain::Hour, in_2013));
    assert!(fits(Tz::Australia__Lord_Howe, Grain::Hour, winter));
    // Local mean time has seconds.
    let in_1900 = TimeRange { from: Timestamp::MIN, to: utc("1901-01-01T00:00:00Z") };
    assert!(!fits(Tz::Asia__Kolkata, Grain::Minute, in_1900));
    assert!(calendar(Tz::Asia__Kolkata, Granularity::All).fits(Grain::Day, in_1900));
}

#[test]
fn every_zone_can_be_bucketed_from_end_to_end() {
    for tz in TZ_VARIANTS.iter().step_by(23) {
        let zone = Arc::new(ZoneOffsets::new(*tz));
        for granularity in [Granularity::Month, Granularity::Year] {
            let calendar = BucketCalendar::new(Arc::clone(&zone), granularity);
            let starts = calendar.starts(TimeRange::ALL, 10_000);
            assert!(starts.is_sorted_by(|a, b| a < b), "{tz}");
            let want = if granularity == Granularity::Year { 301 } else { 301 * 12 };
            assert!((want..=want + 2).contains(&starts.len()), "{tz}: {}", starts.len());
        }
    }
}

fn window(count: u32, unit: WindowUnit) -> TrailingWindow {
    TrailingWindow::new(count, unit).unwrap()
}

#[test]
fn days_of_a_window_are_the_calendars_and_hours_pass() {
    use WindowUnit::{Day, Hour, Month, Week};
    let days = calendar(Tz::Europe__Berlin, Granularity::Day);
    let hours = calendar(Tz::Europe__Berlin, Granularity::HOUR);
    for (calendar, bucket, length, start) in [
        (&days, "2025-03-29T23:00:00Z", window(1, Day), "2025-03-29T23:00:00Z"),
        (&days, "2025-04-01T22:00:00Z", window(7, Day), "2025-03-26T23:00:00Z"),
        (&days, "2025-04-01T22:00:00Z", window(1, Week), "2025-03-26T23:00:00Z"),
        // 31 March less a month is 28 February, whose day is the first in the window.
        (&days, "2025-03-29T23:00:00Z", window(1, Month), "2025-02-27T23:00:00Z"),
        (&hours, "2025-03-30T08:00:00Z", window(24, Hour), "2025-03-29T09:00:00Z"),
        (&hours, "2025-03-30T08:00:00Z", window(1, Day), "2025-03-29T10:00:00Z"),
        // The second time that it is two o'clock.
        (&hours, "2025-10-26T01:00:00Z", window(1, Hour), "2025-10-26T01:00:00Z"),
        (&hours, "2025-10-26T01:00:00Z", window(1, Day), "2025-10-25T01:00:00Z"),
    ] {
        let got = calendar.window_start(length, utc(bucket));
        assert_eq!(got, utc(start), "{length} at {bucket}");
    }
}

/// Over all changes of two years, in every zone.
#[test]
fn windows_of_days_begin_with_a_bucket_and_never_before_another_that_ends_earlier() {
    use WindowUnit::{Day, Month};
    let parts = [5, 45, 60, 360].map(|n| Granularity::Part(DayPart::of_minutes(n).unwrap()));
    for tz in ZONES {
        for granularity in parts.into_iter().chain([Granularity::Day]) {
            let calendar = calendar(tz, granularity);
            for length in [window(1, Day), window(7, Day), window(1, Month)] {
                let (mut bucket, mut last) =
                    (calendar.span(utc("2012-12-31T12:00:00Z")).bucket, None);
                while bucket < utc("2014-01-15T00:00:00Z") {
                    let start = calendar.window_start(length, bucket);
                    let what = || format!("{length} of {granularity:?} at {bucket} in {tz}");
                    assert!(start <= bucket && calendar.is_start(start), "{}: {start}", what());
                    // The last days of months have the same day a month before.
                    let is_back = last.is_some_and(|last| start < last);
                    assert!(!is_back || length == window(1, Month), "{}: {start}", what());
                    (bucket, last) = (calendar.next(bucket), Some(start));
                }
            }
        }
    }
}
