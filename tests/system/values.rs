//! Results of values, as a client sees them: places, values that are distinguished, times.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::http::Http;
use crate::in_both_stores;
use crate::server::{Place, Store};

const CALLS: [&str; 8] = [
    r#"{"tokens":1000,"price":3.75e-8,"kind":1,"ok":true}"#,
    r#"{"tokens":3,"price":2.5e-10,"kind":1.0,"ok":true}"#,
    r#"{"tokens":1,"price":0.5,"kind":1e0}"#,
    r#"{"tokens":7,"price":"free","kind":"1"}"#,
    r#"{"tokens":2,"price":1000000000000000000000,"kind":-0.0}"#,
    r#"{"tokens":1,"price":0.0000000005000000000000000000001,"kind":0}"#,
    r#"{"kind":true}"#,
    r#"{"kind":"true"}"#,
];

fn lines() -> Vec<String> {
    let line = |(n, properties): (usize, &&str)| {
        let time = format!("2025-11-0{}T10:00:00.25Z", n % 3 + 1);
        format!(r#"{{"id":"c-{n}","event":"call","time":"{time}","properties":{properties}}}"#)
    };
    CALLS.iter().enumerate().map(line).collect()
}

fn definition() -> Value {
    json!({ "event": "call", "measures": {
        "nine": { "kind": "sum", "of": "price" },
        "long": { "kind": "sum", "of": "price", "places": 12 },
        "most": { "kind": "max", "of": "price", "places": 0 },
        "longest": { "kind": "min", "of": "price", "places": 18 },
        "mean": { "kind": "avg", "of": "price", "places": 15 },
        "cost": { "kind": "sum", "of": "tokens * price", "places": 12 },
        "micros": { "kind": "expr", "expr": "cost * 1000000" },
        "priced": { "kind": "count", "filter": "price > 0 AND price < 0.000000001" },
        "kinds": { "kind": "distinct", "of": "kind" },
        "first": { "kind": "min", "of": "time" },
        "last_ok": { "kind": "max", "of": "time", "filter": "ok" },
        "late": { "kind": "latest", "of": "time" },
    }})
}

/// By measure, as it stands in the answer.
const EXPECTED: [(&str, &str); 12] = [
    ("nine", "1000000000000000000000.500000039"),
    ("long", "1000000000000000000000.50000003825"),
    ("most", "1000000000000000000000"),
    ("longest", "0.00000000025"),
    ("mean", "200000000000000000000.10000000765"),
    ("cost", "2000000000000000000000.50003750125"),
    ("micros", "2000000000000000000000500037.50125"),
    ("priced", "2"),
    ("kinds", "5"),
    ("first", "\"2025-11-01T11:00:00.250+01:00\""),
    ("last_ok", "\"2025-11-02T11:00:00.250+01:00\""),
    ("late", "\"2025-11-03T11:00:00.250+01:00\""),
];

/// Warnings of values that lost digits.
const LOST: [(&str, &str); 7] = [
    ("nine", "3 values were rounded to 9 decimal places"),
    ("long", "1 value was rounded to 12"),
    ("most", "4 values were rounded to 0"),
    ("longest", "1 value was rounded to 18"),
    ("mean", "1 value was rounded to 15"),
    ("cost", ""),
    ("kinds", ""),
];

fn check(http: &Http) {
    let query = json!({ "metric": "calls", "timezone": "Europe/Berlin" });
    let (total, rows) = http.rows(&query);
    assert_eq!(total, 1);
    let row: BTreeMap<&str, &str> =
        rows[0].iter().map(|(name, value)| (&**name, value.get())).collect();
    assert_eq!(row, BTreeMap::from(EXPECTED));
    let answer = http.query(&query);
    let columns = answer["columns"].as_array().unwrap();
    let ty = |name: &str| columns.iter().find(|c| c["name"] == name).unwrap()["type"].clone();
    assert_eq!([ty("long"), ty("kinds"), ty("late")], ["decimal", "integer", "timestamp"]);
    let warnings: Vec<&str> =
        answer["warnings"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    for (name, rounded) in LOST {
        let lost: Vec<_> = warnings
            .iter()
            .filter(|text| text.starts_with(&format!("{name}: ")) && text.contains("lost digits"))
            .collect();
        match rounded {
            "" => assert!(lost.is_empty(), "{lost:?}"),
            _ => assert!(lost.len() == 1 && lost[0].contains(rounded), "{name}: {warnings:?}"),
        }
    }
    // Conditions and order over them.
    let having = json!({ "metric": "calls", "granularity": "day", "order_by": ["-late"],
        "having": "late >= '2025-11-02' AND longest < 1", "measures": ["late"] });
    let (_, rows) = http.rows(&having);
    let days: Vec<&str> = rows.iter().map(|row| &row["late"].get()[1..11]).collect();
    assert_eq!(days, ["2025-11-03", "2025-11-02"]);
}

fn values_are_the_same_in_either_layer(store: Store) {
    let place = Place::new(store);
    let server = place.start();
    assert_eq!(server.http.put("/v1/metrics/calls", &definition()).status, 202);
    let lines = lines();
    server.http.send(&lines[..4]);
    server.run("incremental");
    server.http.send(&lines[4..]);
    check(&server.http);
    server.run("incremental");
    check(&server.http);
    let run = server.run("full");
    assert_eq!(run["audit"]["differences"], 0, "{run}");
    check(&server.http);
    // Defined again under another name, all of it comes from the master dataset.
    let mut again = definition();
    again["measures"]["n"] = json!({ "kind": "count" });
    let reply = server.http.put("/v1/metrics/again", &again);
    let ended = server.ended(&reply.location.unwrap());
    assert_eq!(ended["state"], "succeeded", "{ended}");
    let (_, rows) = server.http.rows(&json!({ "metric": "again", "measures": ["kinds", "long"] }));
    assert_eq!(rows[0]["kinds"].get(), "5");
    server.stop();
    place.check_log(&[]);
}

in_both_stores!(values_are_the_same_in_either_layer);
