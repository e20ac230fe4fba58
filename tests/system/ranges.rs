//! Ranges by the calendar, what they are compared with, and events of long ago.

use chrono::{DateTime, Datelike, Duration, Months, NaiveDate, TimeZone, Utc};
use chrono_tz::Tz;
use merganser_core::clock::{Clock, SystemClock};
use serde_json::{Value, json};

use crate::http::{Http, number};
use crate::in_both_stores;
use crate::server::{Place, Store};

/// Days that events go back.
const DAYS: i64 = 75;

fn now() -> DateTime<Utc> {
    SystemClock.now().to_utc().unwrap()
}

/// An event every two hours.
fn times(now: DateTime<Utc>) -> Vec<DateTime<Utc>> {
    (1..DAYS * 12).map(|n| now - Duration::minutes(n * 120)).collect()
}

fn lines(times: &[DateTime<Utc>]) -> Vec<String> {
    let line = |(n, time): (usize, &DateTime<Utc>)| {
        json!({"id": format!("r-{n}-{}", time.timestamp()), "event": "flight",
            "time": time.to_rfc3339(), "properties": {"carrier": "UA"}})
        .to_string()
    };
    times.iter().enumerate().map(line).collect()
}

/// Midnight of a date whose midnight there is once.
fn midnight(zone: Tz, date: NaiveDate) -> DateTime<Utc> {
    let local = date.and_hms_opt(0, 0, 0).unwrap();
    zone.from_local_datetime(&local).single().unwrap().to_utc()
}

fn within(times: &[DateTime<Utc>], from: DateTime<Utc>, to: DateTime<Utc>) -> usize {
    times.iter().filter(|time| from <= **time && **time < to).count()
}

fn instant(text: &Value) -> DateTime<Utc> {
    DateTime::parse_from_rfc3339(text.as_str().unwrap()).unwrap().to_utc()
}

fn ask(http: &Http, more: Value) -> Value {
    let mut query = json!({"metric": "flights", "measures": ["departures"]});
    query.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    http.query(&query)
}

fn calendar_ranges_equal_a_naive_count(store: Store) {
    let place = Place::new(store);
    let server = place.start();
    let times = times(now());
    let lines = lines(&times);
    server.http.send(&lines[..lines.len() / 2]);
    server.run("incremental");
    server.http.send(&lines[lines.len() / 2..]);
    for zone in [Tz::UTC, Tz::Europe__Berlin, Tz::America__New_York] {
        check_months(&server.http, zone, &times);
        check_cut_day(&server.http, zone, &times);
    }
    // A period is its beginning at either end.
    let same = server
        .http
        .post("/v1/query", &json!({"metric": "flights", "from": "2026-11", "to": "2026-11"}));
    assert_eq!((same.status, &same.body["code"]), (400, &json!("empty_range")));
    assert!(same.body["detail"].as_str().unwrap().contains("`to=2026-12`"), "{}", same.body);
    server.stop();
    place.check_log(&[]);
}

/// Last month, and this month so far compared with the same days of the last.
fn check_months(http: &Http, zone: Tz, times: &[DateTime<Utc>]) {
    let asked_at = now();
    let this = asked_at.with_timezone(&zone).date_naive().with_day(1).unwrap();
    let last = this - Months::new(1);
    let (this, last) = (midnight(zone, this), midnight(zone, last));
    let answer =
        ask(http, json!({"from": "last_month", "to": "this_month", "timezone": zone.name()}));
    assert_eq!((instant(&answer["from"]), instant(&answer["to"])), (last, this), "{zone}");
    assert_eq!(number(&answer["rows"][0]["departures"]), within(times, last, this), "{zone}");

    let answer = ask(
        http,
        json!({"from": "this_month", "compare": "previous_month", "granularity": "month",
            "timezone": zone.name()}),
    );
    let compare = &answer["compare"];
    assert_eq!(compare["kind"], "previous_month");
    assert_eq!(instant(&compare["from"]), last, "{zone}: {compare}");
    let to = instant(&compare["to"]);
    assert!(to <= this && to > last, "{zone}: {compare}");
    let day = |time: DateTime<Utc>| time.with_timezone(&zone).day();
    let last_day = day(to - Duration::microseconds(1));
    assert!(last_day == day(asked_at) || to == this, "{zone}: {compare}");
    if let Some(row) = answer["rows"].get(0) {
        assert_eq!(number(&row["departures"]), within(times, this, asked_at), "{zone}");
        assert_eq!(number(&row["compare"]["departures"]), within(times, last, to), "{zone}");
        assert_eq!(instant(&row["compare"]["time"]), last, "{zone}");
    }
}

/// From a morning on: the first day is not whole, and named.
fn check_cut_day(http: &Http, zone: Tz, times: &[DateTime<Utc>]) {
    let day = now().with_timezone(&zone).date_naive() - chrono::Days::new(5);
    let from = midnight(zone, day) + Duration::minutes(370);
    let answer = ask(
        http,
        json!({"from": from.timestamp_millis(), "granularity": "1d", "timezone": zone.name()}),
    );
    let part = &answer["provenance"]["partial_buckets"][0];
    let (from, to) = (instant(&part["from"]), instant(&part["to"]));
    assert_eq!(from, instant(&answer["from"]), "{zone}");
    assert_eq!(part["time"], answer["rows"][0]["time"], "{zone}");
    assert_eq!(number(&answer["rows"][0]["departures"]), within(times, from, to), "{zone}");
    assert_eq!(answer["provenance"]["partial_buckets"].as_array().unwrap().len(), 1, "{zone}");
}

/// Local mean time had seconds, which no base has.
fn an_event_of_1900_refuses_no_answer(store: Store) {
    let place = Place::new(store);
    let server = place.start();
    let old = Utc.with_ymd_and_hms(1900, 1, 1, 0, 0, 30).unwrap();
    server.http.send(&lines(&[old]));
    server.run("incremental");
    let new = times(now());
    server.http.send(&lines(&new));
    for zone in ["Europe/Paris", "Asia/Kolkata", "Asia/Shanghai", "America/Sao_Paulo"] {
        for granularity in ["hour", "day", "month", "year"] {
            let answer = ask(&server.http, json!({"granularity": granularity, "timezone": zone}));
            let rows = answer["rows"].as_array().unwrap();
            let total: usize = rows.iter().map(|row| number(&row["departures"])).sum();
            assert_eq!(total, new.len() + 1, "{granularity} in {zone}");
            let widened = &answer["provenance"]["widened_buckets"][0];
            assert!(instant(&widened["from"]) <= old, "{granularity} in {zone}: {widened}");
            assert!(instant(&widened["to"]) > old, "{granularity} in {zone}: {widened}");
        }
    }
    server.stop();
    place.check_log(&[]);
}

in_both_stores!(calendar_ranges_equal_a_naive_count, an_event_of_1900_refuses_no_answer);
