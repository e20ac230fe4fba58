//! Ingest, query, run, query: the answers are those of a naive count, whichever layer holds what.

use serde_json::{Value, json};

use crate::http::{Http, number};
use crate::in_both_stores;
use crate::oracle::{Flight, Sums, by, flights, january};
use crate::server::{Place, Store};

/// Each third is late for every day of those before it.
fn thirds(lines: &[String]) -> [Vec<String>; 3] {
    [0, 1, 2].map(|third| lines.iter().skip(third).step_by(3).cloned().collect())
}

fn answers_equal_a_naive_count_at_every_step(store: Store) {
    check_the_loop(&Place::new(store));
}

/// Goes through the loop in a place that nothing was done in yet.
pub(crate) fn check_the_loop(place: &Place) {
    let lines = january();
    let [first, second, third] = thirds(&lines);
    let server = place.start();
    let mut sent: Vec<String> = Vec::new();

    check(&server.http, &sent);
    for (part, mode) in [(&first, "incremental"), (&second, "full")] {
        assert_eq!(server.http.send(part), (part.len(), 0));
        sent.extend_from_slice(part);
        check(&server.http, &sent);
        let run = server.run(mode);
        assert!(number(&run["audit"]["compared"]) > 0, "{run}");
        check(&server.http, &sent);
    }
    server.http.send(&third);
    sent.extend_from_slice(&third);
    check(&server.http, &sent);
    provenance(&server.http, first.len() + second.len(), third.len());

    assert_eq!(server.http.send(&second[..5_000]), (0, 5_000), "retries are duplicates");
    check(&server.http, &sent);
    server.stop();
    let server = place.start();
    check(&server.http, &sent);
    server.run("incremental");
    check(&server.http, &sent);
    provenance(&server.http, sent.len(), 0);
    server.stop();
    place.check_log(&[]);
}

/// Queries in several ways and compares with the lines.
fn check(http: &Http, lines: &[String]) {
    let flights = flights(lines);
    let measures = [
        "departures",
        "total_delay",
        "mean_delay",
        "worst",
        "best",
        "miles",
        "late",
        "late_share",
        "aircraft",
    ];
    let ask = |more: Value| {
        let mut query = json!({ "metric": "flights", "measures": measures });
        query.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        http.query(&query)
    };

    let answer = ask(json!({}));
    let all = by(&flights, |_| ());
    assert_eq!(answer["rows"].as_array().unwrap().len(), 1);
    same(&answer["rows"][0], &all.get(&()).cloned().unwrap_or_default());

    let answer = ask(json!({ "group_by": ["carrier"] }));
    let carriers = by(&flights, |f| f.properties.carrier.clone());
    rows(&answer, &carriers, |row| text(&row["carrier"]));

    let answer =
        ask(json!({ "group_by": ["origin", "dest"], "filter": "carrier IN ('UA', 'B6')" }));
    let chosen: Vec<Flight> =
        flights.iter().filter(|f| matches!(&*f.properties.carrier, "UA" | "B6")).cloned().collect();
    let routes = by(&chosen, |f| (f.properties.origin.clone(), f.properties.dest.clone()));
    rows(&answer, &routes, |row| (text(&row["origin"]), text(&row["dest"])));

    let answer = ask(json!({ "granularity": "day", "timezone": "America/New_York" }));
    let days = by(&flights, |f| format!("2013-01-{:02}T00:00:00-05:00", f.day_in_new_york() + 1));
    rows(&answer, &days, |row| text(&row["time"]));

    let (from, to) = ("2013-01-08T00:00:00Z", "2013-01-10T00:00:00Z");
    let range = json!({ "granularity": "hour", "from": from, "to": to });
    let chosen: Vec<Flight> =
        flights.iter().filter(|f| (7 * 24..9 * 24).contains(&f.hour())).cloned().collect();
    let hours =
        by(&chosen, |f| format!("2013-01-{:02}T{:02}:00:00", f.hour() / 24 + 1, f.hour() % 24));
    rows(&ask(range), &hours, |row| text(&row["time"])[..19].to_owned());
}

/// The rows are the groups, in their order.
fn rows<K: Ord + std::fmt::Debug>(
    answer: &Value,
    groups: &std::collections::BTreeMap<K, Sums>,
    key: impl Fn(&Value) -> K,
) {
    let rows = answer["rows"].as_array().unwrap();
    assert_eq!(number(&answer["total_rows"]), groups.len());
    assert_eq!(
        rows.iter().map(key).collect::<Vec<K>>().iter().collect::<Vec<_>>(),
        groups.keys().collect::<Vec<_>>()
    );
    for (row, sums) in rows.iter().zip(groups.values()) {
        same(row, sums);
    }
}

fn same(row: &Value, sums: &Sums) {
    let exact = [
        ("departures", Some(sums.departures)),
        ("total_delay", sums.total_delay),
        ("worst", sums.worst),
        ("best", sums.best),
        ("miles", sums.miles),
        ("late", Some(sums.late)),
    ];
    for (name, want) in exact {
        assert_eq!(row[name], json!(want), "{name} in {row}");
    }
    assert_eq!(billionths(&row["mean_delay"]), sums.mean_delay_e9(), "mean_delay in {row}");
    if sums.departures > 0 {
        assert_eq!(billionths(&row["late_share"]), Some(sums.late_share_e9()), "{row}");
    }
    // A sketch of 2^12 registers: 1.6 % at one standard deviation, exact for the smallest sets.
    let (got, want) = (number(&row["aircraft"]) as f64, sums.aircraft() as f64);
    assert!((got - want).abs() <= 1.0_f64.max(want * 0.08), "aircraft {want} in {row}");
}

/// A number of at most nine places, in billionths.
fn billionths(value: &Value) -> Option<i128> {
    value.as_f64().map(|number| (number * 1e9).round() as i128)
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}

/// What an answer says it is made of.
fn provenance(http: &Http, batch: usize, speed: usize) {
    let answer = http.query(&json!({ "metric": "flights" }));
    let provenance = &answer["provenance"];
    assert_eq!(number(&provenance["batch"]["events"]), batch, "{provenance}");
    assert_eq!(number(&provenance["speed"]["events"]), speed, "{provenance}");
    assert_eq!(number(&provenance["speed"]["through"]["0"]), batch + speed, "{provenance}");
    assert!(provenance["approximate"]["aircraft"]["relative_error"].as_f64().unwrap() < 0.02);
    assert!(provenance["approximate"].get("departures").is_none());
}

/// A metric that is defined when the events are long there answers like one that was before them.
fn a_metric_that_is_defined_late_is_backfilled(store: Store) {
    let lines = january();
    let (before, after) = lines.split_at(20_000);
    let place = Place::new(store);
    let server = place.start();
    server.http.send(before);
    server.run("incremental");
    server.http.send(&after[..3_000]);
    let definition = json!({
        "event": "flight", "dimensions": ["origin"],
        "measures": {
            "departures": { "kind": "count" },
            "total_delay": { "kind": "sum", "of": "dep_delay" }
        }
    });
    let reply = server.http.put("/v1/metrics/late_comer", &definition);
    assert_eq!(reply.status, 202, "{}", reply.body);
    let ended = server.ended(&reply.location.unwrap());
    assert_eq!(ended["state"], "succeeded", "{ended}");
    server.http.send(&after[3_000..]);
    let answer = server.http.query(&json!({ "metric": "late_comer", "group_by": ["origin"] }));
    let origins = by(&flights(&lines), |f| f.properties.origin.clone());
    assert_eq!(answer["rows"].as_array().unwrap().len(), origins.len());
    for (row, (origin, sums)) in answer["rows"].as_array().unwrap().iter().zip(&origins) {
        assert_eq!(text(&row["origin"]), *origin);
        assert_eq!(row["departures"], sums.departures, "{row}");
        assert_eq!(row["total_delay"], json!(sums.total_delay), "{row}");
    }
    assert_eq!(server.http.put("/v1/metrics/late_comer", &definition).status, 200);
    server.stop();
    place.check_log(&[]);
}

in_both_stores!(
    answers_equal_a_naive_count_at_every_step,
    a_metric_that_is_defined_late_is_backfilled,
);
