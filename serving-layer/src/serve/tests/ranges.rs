//! Ranges: what they cut, what they are compared with, and old events that have none.

use std::sync::Arc;
use std::thread;

use chrono::{DateTime, Offset, Utc};
use chrono_tz::{TZ_VARIANTS, Tz};
use merganser_api::problem::Problem;
use merganser_core::event::Event;
use merganser_core::testing::event;
use merganser_core::time::{HOUR_US, Timestamp};
use serde_json::{Value, json};

use crate::calendar::Granularity;
use crate::calendar::tests::naive;
use crate::format;
use crate::query::{AnswerFormat, CsvTextStyle, Query};
use crate::serve::ServingSettings;
use crate::testing::{NOW, World, metric};

fn counted(base: &str) -> String {
    format!(
        r#"{{"name":"m","event":"e","granularity":"{base}","dimensions":["a","state"],
            "measures":{{"n":{{"kind":"count"}},"cost":{{"kind":"sum","of":"v"}}}}}}"#
    )
}

fn at(text: &str) -> Timestamp {
    text.parse::<DateTime<Utc>>().unwrap().into()
}

/// One event an hour, the last one now: 2013-04-05T06:07:08Z.
fn hourly(count: i64) -> Arc<World> {
    let hour = |n: i64| event("e", NOW.0 - n * HOUR_US, Some(r#"{"a":"x","v":2}"#));
    let events: Vec<Event> = (0..count).rev().map(hour).collect();
    World::new(metric(&counted("minute")), events, count as usize / 2)
}

async fn ask(world: &Arc<World>, query: Value) -> Result<Value, Problem> {
    let Value::Object(query) = query else { panic!("{query}") };
    let query = Query::from_json(query)?;
    let answer = world.serving(ServingSettings::default()).answer(&query).await?;
    let pieces = format::write(answer, AnswerFormat::Json, CsvTextStyle::default())?;
    let bytes: Vec<u8> = pieces.flat_map(|piece| piece.unwrap().to_vec()).collect();
    Ok(serde_json::from_slice(&bytes).unwrap())
}

#[tokio::test]
async fn buckets_that_the_range_cuts_are_named_and_what_is_open_is_not_one() {
    let world = hourly(24 * 60);
    let partial = |query: Value| {
        let world = &world;
        async move {
            let answer = ask(world, query.clone()).await.unwrap();
            let parts = answer["provenance"]["partial_buckets"].as_array().unwrap();
            let parts: Vec<String> = parts
                .iter()
                .map(|part| {
                    let text = |name: &str| part[name].as_str().unwrap().to_owned();
                    format!("{}: {} to {}", text("time"), text("from"), text("to"))
                })
                .collect();
            let open = answer["provenance"]["open_bucket"].as_str().map(str::to_owned);
            // They do not depend on which rows are answered.
            for more in [json!({"limit": 1}), json!({"group_by": "a", "fill": "zero"})] {
                let mut query = query.clone();
                query.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
                let other = ask(world, query).await.unwrap();
                let provenance = |answer: &Value| answer["provenance"]["partial_buckets"].clone();
                assert_eq!(provenance(&other), provenance(&answer));
            }
            (parts, open)
        }
    };
    let query = |granularity: &str, from: &str, to: &str| {
        let edge = |text: &str| if text.is_empty() { Value::Null } else { json!(text) };
        json!({"metric": "m", "measures": "n", "granularity": granularity, "from": edge(from),
            "to": edge(to)})
    };
    let today = Some("2013-04-05T00:00:00Z".to_owned());
    let three_days = "2013-04-02T00:00:00Z: 2013-04-02T06:07:00Z to 2013-04-03T00:00:00Z";
    assert_eq!(partial(query("day", "now-3d", "")).await, (vec![three_days.into()], today.clone()));
    assert_eq!(partial(query("day", "now-3d", "now")).await, (vec![three_days.into()], today));
    let hours = "2013-04-04T00:00:00Z: 2013-04-04T06:00:00Z to 2013-04-04T18:00:00Z";
    let noon = query("day", "2013-04-04T06:00:00Z", "2013-04-04T18:00:00Z");
    assert_eq!(partial(noon).await, (vec![hours.into()], None));
    for (granularity, label, end) in [
        ("week", "2013-04-01", "2013-04-04"),
        ("month", "2013-04-01", "2013-04-04"),
        ("quarter", "2013-04-01", "2013-04-04"),
        ("year", "2013-01-01", "2013-04-04"),
    ] {
        let day = query(granularity, "2013-04-03", end);
        let want = format!("{label}T00:00:00Z: 2013-04-03T00:00:00Z to {end}T00:00:00Z");
        assert_eq!(partial(day).await, (vec![want], None), "{granularity}");
    }
    let both = query("month", "2013-02-10", "2013-03-10");
    let want = [
        "2013-02-01T00:00:00Z: 2013-02-10T00:00:00Z to 2013-03-01T00:00:00Z",
        "2013-03-01T00:00:00Z: 2013-03-01T00:00:00Z to 2013-03-10T00:00:00Z",
    ];
    assert_eq!(partial(both).await.0, want);
    for (granularity, from, to) in [
        ("all", "now-3d", "now"),
        ("day", "", ""),
        ("day", "2013-04-01", "2013-04-04"),
        ("month", "last_month", "this_month"),
        ("hour", "now-3d", ""),
    ] {
        let whole = partial(query(granularity, from, to)).await.0;
        let cut: &[&str] = match granularity {
            "hour" => &["2013-04-02T06:00:00Z: 2013-04-02T06:07:00Z to 2013-04-02T07:00:00Z"],
            _ => &[],
        };
        assert_eq!(whole, cut, "{granularity} {from} {to}");
    }
}

#[tokio::test]
async fn an_answer_says_what_it_is_compared_with() {
    let world = hourly(24 * 60);
    let month_to_date = |more: Value| {
        let mut query = json!({"metric": "m", "measures": "n", "from": "this_month",
            "compare": "previous_month"});
        query.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        query
    };
    // Four days and six hours: the rest of April has not come yet, whatever the end.
    for more in [
        json!({"to": "now"}),
        json!({}),
        json!({"to": "next_month"}),
        json!({"granularity": "month"}),
        json!({"granularity": "month", "to": "next_month"}),
    ] {
        let answer = ask(&world, month_to_date(more.clone())).await.unwrap();
        let by_month = answer["granularity"] == "month";
        let march = "2013-03-01T00:00:00Z";
        let cut = json!([{"time": march, "from": march, "to": "2013-03-05T06:08:00Z"}]);
        let named = json!({
            "kind": "previous_month",
            "from": march,
            "to": "2013-03-05T06:08:00Z",
            "partial_buckets": if by_month { cut } else { json!([]) },
        });
        assert_eq!(answer["compare"], named, "{more}");
        let row = &answer["rows"][0];
        assert_eq!((&row["n"], &row["compare"]["n"]), (&json!(4 * 24 + 7), &json!(4 * 24 + 7)));
        assert_eq!(row["compare"].get("time"), by_month.then_some(&json!(march)));
    }
    // Each row names its bucket, and has null where the earlier range has none.
    let march = json!({"metric": "m", "measures": "n", "granularity": "day", "from": "2013-03",
        "to": "2013-04", "compare": "previous_month", "offset": 26});
    let answer = ask(&world, march).await.unwrap();
    let days: Vec<&Value> =
        answer["rows"].as_array().unwrap().iter().map(|row| &row["compare"]["time"]).collect();
    let want = [json!("2013-02-27T00:00:00Z"), json!("2013-02-28T00:00:00Z")];
    assert_eq!(days[..2], [&want[0], &want[1]]);
    assert_eq!(days[2..], [&Value::Null; 3]);
    assert_eq!(answer["compare"]["to"], "2013-03-01T00:00:00Z");
    // Without an end the previous period still needs one.
    let open = json!({"metric": "m", "from": "this_month", "compare": "previous_period"});
    let problem = ask(&world, open).await.unwrap_err();
    assert!(problem.code() == "open_range" && problem.detail().contains("`to=now`"));
}

#[tokio::test]
async fn other_formats_name_what_they_are_compared_with_too() {
    let world = hourly(24 * 60);
    let query = json!({"metric": "m", "measures": "n", "granularity": "day", "from": "2013-04-02",
        "to": "2013-04-04", "compare": "previous_week"});
    let Value::Object(query) = query else { unreachable!() };
    let query = Query::from_json(query).unwrap();
    let answer = world.serving(ServingSettings::default()).answer(&query).await.unwrap();
    let bytes = |format| -> Vec<u8> {
        let pieces = format::write(answer.clone(), format, CsvTextStyle::default()).unwrap();
        pieces.flat_map(|piece| piece.unwrap().to_vec()).collect()
    };
    assert_eq!(
        String::from_utf8(bytes(AnswerFormat::Csv)).unwrap(),
        "time,n,compare.time,compare.n\r\n\
         2013-04-02T00:00:00Z,24,2013-03-26T00:00:00Z,24\r\n\
         2013-04-03T00:00:00Z,24,2013-03-27T00:00:00Z,24\r\n"
    );
    let stream = bytes(AnswerFormat::Arrow);
    let reader = arrow::ipc::reader::StreamReader::try_new(&*stream, None).unwrap();
    let schema = reader.schema();
    let compare: Value = serde_json::from_str(&schema.metadata()["merganser.compare"]).unwrap();
    assert_eq!(compare["from"], "2013-03-26T00:00:00Z");
    assert_eq!(schema.field(2).name(), "compare.time");
}

/// Whether the zone's clock is always whole buckets of so many seconds from UTC, in the year up to
/// now.
fn fits_nowadays(tz: Tz, base_s: i64) -> bool {
    (0..367 * 24).all(|hour| {
        let time = DateTime::<Utc>::from_timestamp_micros(NOW.0 - hour * HOUR_US).unwrap();
        let offset = i64::from(time.with_timezone(&tz).offset().fix().local_minus_utc());
        offset % base_s == 0
    })
}

/// Events of the first day of 1900 and of now in every zone there is, in each base: an answer from
/// the first event on is refused only where the base does not fit nowadays.
#[test]
fn a_stray_old_event_refuses_no_answer_in_any_zone() {
    let bases = [("minute", 60), ("hour", 3_600), ("day", 86_400)];
    let old = ["1900-01-01T00:00:00Z", "1900-01-01T12:34:56Z", "1911-03-10T23:50:45Z"].map(at);
    let times: Vec<Timestamp> = old.into_iter().chain([NOW]).collect();
    let events: Vec<Event> = times.iter().map(|time| event("e", time.0, None)).collect();
    let worlds = bases.map(|(base, seconds)| {
        (World::new(metric(&counted(base)), events.clone(), 2), base, seconds)
    });
    let check_zone = |tz: &Tz, worlds: &[(Arc<World>, &str, i64)]| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        for (world, base, seconds) in worlds {
            let fits = fits_nowadays(*tz, *seconds);
            for granularity in
                [Granularity::HOUR, Granularity::Day, Granularity::Month, Granularity::Year]
            {
                if *base == "day" && granularity == Granularity::HOUR {
                    continue;
                }
                let what = format!("{granularity:?} of {base} in {tz}");
                // A century of hours is much to compare.
                let compare = (granularity == Granularity::Month).then_some("previous_year");
                let query = json!({"metric": "m", "measures": "n", "timezone": tz.name(),
                    "granularity": granularity.name(), "compare": compare});
                let answer = match runtime.block_on(ask(world, query)) {
                    Ok(answer) => answer,
                    Err(problem) => {
                        assert!(!fits, "{what}: {}", problem.detail());
                        assert_eq!(problem.code(), "timezone_does_not_fit", "{what}");
                        assert!(problem.detail().contains("would do"), "{}", problem.detail());
                        continue;
                    }
                };
                let mut want = std::collections::BTreeMap::<i64, i64>::new();
                for time in &times {
                    let start = time.0.div_euclid(seconds * 1_000_000) * seconds;
                    let start = DateTime::from_timestamp(start, 0).unwrap().with_timezone(tz);
                    *want.entry(naive(*tz, start, granularity).timestamp()).or_default() += 1;
                }
                let got: std::collections::BTreeMap<i64, i64> = answer["rows"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|row| {
                        let time = DateTime::parse_from_rfc3339(row["time"].as_str().unwrap());
                        (time.unwrap().timestamp(), row["n"].as_i64().unwrap())
                    })
                    .collect();
                assert_eq!(got, want, "{what}");
                let is_wide = want.keys().any(|start| start % seconds != 0);
                let widened = &answer["provenance"]["widened_buckets"];
                assert!(!is_wide || widened[0]["from"].is_string(), "{what}: {widened}");
            }
        }
    };
    let zones: Vec<&Tz> = TZ_VARIANTS.iter().collect();
    thread::scope(|scope| {
        for part in zones.chunks(zones.len().div_ceil(4)) {
            scope.spawn(|| part.iter().for_each(|tz| check_zone(tz, &worlds)));
        }
    });
}

/// With a `from` the caller chooses how far back the answer reaches.
#[tokio::test]
async fn a_range_whose_time_zone_does_not_fit_is_refused() {
    let world = hourly(10);
    let query = json!({"metric": "m", "granularity": "day", "timezone": "Europe/Paris",
        "from": "1900-01-01"});
    let problem = ask(&world, query).await.unwrap_err();
    assert_eq!(problem.code(), "timezone_does_not_fit");
    assert!(problem.detail().contains("a later `from`"), "{}", problem.detail());
}

/// Parameters that are wrong, and what is said.
const HINTS: &[(&str, &str, &str)] = &[
    ("order_by", "cost desc", "`-cost` is right"),
    ("order_by", "cost DESC", "`-cost` is right"),
    ("order_by", "cost asc", "`cost` is right"),
    ("order_by", "cost:desc", "`-cost` is right"),
    ("order_by", "desc(cost)", "`-cost` is right"),
    ("order_by", "+cost", "`cost` is right"),
    ("order_by", "kost", "did you mean `cost`?"),
    ("measures", "sum(cost)", "did you mean `cost`?"),
    ("measures", "sum(v)", "`n`, `cost`"),
    ("measures", "count(*)", "`n`, `cost`"),
    ("measures", "*", "all are answered"),
    ("measures", "a", "right in `group_by`"),
    ("group_by", "time", "`granularity=day`"),
    ("group_by", "month", "`granularity=month`"),
    ("group_by", "cost", "right in `measures`"),
    ("filter", "a = true", "'true'"),
    ("filter", "a", "`a = 'true'`"),
    ("filter", "NOT state", "`state = 'true'`"),
    ("filter", "a = \"acme\"", "single quotes, as 'acme'"),
    ("filter", "a = acme", "single quotes, as 'acme'"),
    ("filter", "a = ", "behind `=`, where it ends, a name, a number or a 'text' is missing"),
    ("filter", "(a = 'x'", "behind `'x'`, where it ends, `)` is missing"),
    ("filter", "a = 'x' AND", "behind `AND`"),
    ("filter", "a IN ('x',", "behind `,`"),
    ("filter", "a = 'x", "the quote that begins at 'x is not closed"),
    ("filter", "a = \"x", "is not closed"),
    ("filter", "a = 'x' && state = 'y'", "AND is right"),
    ("filter", "a = 'x' state = 'y'", "AND or OR joins conditions"),
    ("filter", "cost > 5", "`having`"),
    ("filter", "time > '2013-01-01'", "`from` and `to`"),
    ("having", "a = 'x'", "`filter`"),
    ("having", "cost > ", "behind `>`"),
    ("timezone", "IST", "`Asia/Kolkata` or `Europe/Dublin` or `Asia/Jerusalem`"),
    ("timezone", "pst", "`America/Los_Angeles`"),
    ("timezone", "CEST", "`Europe/Berlin`"),
    ("timezone", "UTC+2", "`Etc/GMT-2`"),
    ("timezone", "+05:30", "`Asia/Kolkata`"),
    ("timezone", "GMT-03:00", "`Etc/GMT+3`"),
    ("timezone", "-0800", "`Etc/GMT+8`"),
    ("timezone", "+00:00", "`UTC` is right"),
    ("timezone", "Berlin", "`Europe/Berlin`"),
    ("timezone", "new york", "`America/New_York`"),
    ("timezone", "europe/berlin", "`Europe/Berlin`"),
    ("timezone", "Europe/Berlim", "`Europe/Berlin`"),
    ("timezone", "Nowhere at all", "an IANA name as `Europe/Berlin`"),
    ("granularity", "daily", "did you mean `day`?"),
    ("granularity", "Monthly", "did you mean `month`?"),
    ("granularity", "DAY", "did you mean `day`?"),
    ("granularity", "7d", "did you mean `week`?"),
    ("granularity", "3M", "did you mean `quarter`?"),
    ("granularity", "PT1H", "did you mean `hour`?"),
    ("granularity", "fortnightly", "known: "),
    ("compare", "last_month", "did you mean `previous_month`?"),
    ("compare", "yoy", "did you mean `previous_year`?"),
    ("fill", "0", "did you mean `zero`?"),
    ("partial", "true", "did you mean `allow`?"),
    ("start", "2013-01-01", "did you mean `from`?"),
    ("end", "2013-01-01", "did you mean `to`?"),
    ("tz", "UTC", "did you mean `timezone`?"),
    ("interval", "day", "did you mean `granularity`?"),
    ("where", "a = 'x'", "did you mean `filter`?"),
    ("from", "2013-01-01 00:00", "has no offset"),
    ("from", "yesteday", "did you mean `yesterday`?"),
];

#[tokio::test]
async fn an_error_of_a_query_says_what_would_be_right() {
    let world = hourly(10);
    let mut wrong = Vec::new();
    for &(name, value, right) in HINTS {
        match ask(&world, json!({"metric": "m", name: value})).await {
            Ok(_) => wrong.push(format!("{name}={value} is answered")),
            Err(problem) => {
                let detail = problem.detail();
                if problem.status().as_u16() != 400 || !detail.contains(right) {
                    wrong.push(format!("{name}={value}: {detail}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    for (from, to, right) in [
        ("2026-11", "2026-11", "`to=2026-12` is right for all of it"),
        ("last_month", "last_month", "`to=this_month` is right"),
        ("today", "today", "`to=tomorrow`, or no `to`, is right"),
        ("2013-01-31", "2013-01-31", "`to=2013-02-01`"),
        ("2026-W53", "2026-W53", "`to=2027-W01`"),
        ("2013-02-01", "2013-01-01", "the other way round"),
        ("now", "now", "an earlier `from` is right"),
    ] {
        let query = json!({"metric": "m", "from": from, "to": to});
        let problem = ask(&world, query).await.unwrap_err();
        assert_eq!(problem.code(), "empty_range");
        assert!(problem.detail().contains(right), "{from} to {to}: {}", problem.detail());
    }
}

#[tokio::test]
async fn other_spellings_are_the_same_granularities() {
    let world = hourly(100);
    for (spelling, name) in [
        ("1m", "minute"),
        ("60m", "hour"),
        ("1h", "hour"),
        ("1d", "day"),
        ("1w", "week"),
        ("1M", "month"),
        ("1y", "year"),
    ] {
        let query = |granularity| json!({"metric": "m", "granularity": granularity});
        let answer = ask(&world, query(spelling)).await.unwrap();
        assert_eq!(answer["granularity"], name);
        assert_eq!(answer["rows"], ask(&world, query(name)).await.unwrap()["rows"]);
    }
    // Milliseconds, as a number or a text.
    let from = NOW.0 / 1000 - 3_600_000;
    for from in [json!(from), json!(from.to_string())] {
        let answer = ask(&world, json!({"metric": "m", "from": from})).await.unwrap();
        assert_eq!(answer["rows"][0]["n"], 2);
    }
}
