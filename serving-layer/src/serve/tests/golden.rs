//! A month of real events against answers that another engine computed: a file a feature, in
//! `golden/`, where `make.py` says from which SQL.

use std::fs;
use std::io::Read;
use std::path::Path;
use std::sync::{Arc, LazyLock};

use chrono::DateTime;
use merganser_core::event::Event;
use merganser_metric::catalog::Catalog;
use merganser_metric::definition::from_toml;
use serde::Deserialize;
use serde_json::{Map, Value, value::RawValue};

use crate::format;
use crate::query::{AnswerFormat, CsvTextStyle, Query};
use crate::serve::ServingSettings;
use crate::testing::{World, metric};

#[derive(Deserialize)]
struct Case {
    query: Map<String, Value>,
    sql: String,
    rows: Vec<Map<String, Value>>,
}

fn flights() -> Vec<Event> {
    #[derive(Deserialize)]
    struct Line<'a> {
        id: String,
        event: String,
        time: String,
        #[serde(borrow)]
        properties: &'a RawValue,
    }
    let place =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/data/flights-2013-01.ndjson.gz");
    let mut text = String::new();
    let file = fs::File::open(place).unwrap();
    flate2::read::GzDecoder::new(file).read_to_string(&mut text).unwrap();
    let event = |line: &str| {
        let Line { id, event, time, properties } = serde_json::from_str(line).unwrap();
        let time = DateTime::parse_from_rfc3339(&time).unwrap().timestamp_micros();
        let properties = Some(properties.get().to_owned());
        Event { id, content: None, event, time, arrived: time, subject: None, properties }
    };
    let mut events: Vec<Event> = text.lines().map(event).collect();
    // Far from the order of time, so that batch and speed share every day.
    events.sort_by_key(|event| event.id.bytes().rev().collect::<Vec<_>>());
    events
}

/// The month all in speed, in both, and all in batch.
static WORLDS: LazyLock<[Arc<World>; 3]> = LazyLock::new(|| {
    let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/data/flights.toml");
    let toml = fs::read_to_string(place).unwrap();
    let toml = toml
        + "last_aircraft = { kind = 'latest', of = 'tailnum' }\n
        last_delay = { kind = 'latest', type = 'number', of = 'dep_delay' }\n";
    let definition = serde_json::to_string(&from_toml(&toml).unwrap()[0]).unwrap();
    let events = flights();
    let splits = [0, events.len() / 3, events.len()];
    splits.map(|split| World::new(metric(&definition), events.clone(), split))
});

/// How far a value may be from the other engine's: floats of its own, or an estimate.
fn near(name: &str, want: f64, got: f64) -> bool {
    let relative = match name {
        "aircraft" => 0.05,
        "delay_p95" => 0.0101,
        _ => 1e-12,
    };
    let absolute = if name == "aircraft" { 1.0 } else { 1e-9 };
    (want - got).abs() <= absolute + relative * want.abs()
}

fn check(name: &str, want: &Value, got: &Value) -> Result<(), String> {
    let same = match (name, want, got) {
        ("time", Value::Number(seconds), Value::String(time)) => {
            DateTime::parse_from_rfc3339(time).map(|t| Some(t.timestamp())) == Ok(seconds.as_i64())
        }
        ("compare", Value::Object(want), Value::Object(got)) => {
            for (name, want) in want {
                check(name, want, got.get(name).unwrap_or(&Value::Null))?;
            }
            true
        }
        (_, Value::Array(between), Value::Number(got)) => {
            let [low, high] = [&between[0], &between[1]].map(|v| v.as_f64().unwrap());
            let got = got.as_f64().unwrap();
            (low..=high).contains(&got) || near(name, low, got) || near(name, high, got)
        }
        (_, Value::Array(between), Value::Null) => between.iter().all(Value::is_null),
        (_, Value::Number(want), Value::Number(got)) => {
            near(name, want.as_f64().unwrap(), got.as_f64().unwrap())
        }
        _ => want == got,
    };
    if same { Ok(()) } else { Err(format!("{name} is {got}, and {want} was expected")) }
}

fn compare_rows(case: &Case, answer: &Value) -> Result<(), String> {
    let rows = answer["rows"].as_array().unwrap();
    if rows.len() != case.rows.len() {
        return Err(format!("{} rows, and {} were expected", rows.len(), case.rows.len()));
    }
    for (at, (want, got)) in case.rows.iter().zip(rows).enumerate() {
        for (name, want) in want {
            check(name, want, &got[name]).map_err(|e| format!("row {at}: {e}; {got}"))?;
        }
    }
    Ok(())
}

async fn check_file(feature: &str) {
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/serve/tests/golden");
    let text = fs::read_to_string(here.join(format!("{feature}.json"))).unwrap();
    let cases: Vec<Case> = serde_json::from_str(&text).unwrap();
    assert!(!cases.is_empty());
    for world in &*WORLDS {
        let split = world.current().metrics[0].boundary.offset;
        let serving = world.serving(ServingSettings::default());
        for case in &cases {
            let query = Query::from_json(case.query.clone()).unwrap();
            let answer = serving.answer(&query).await.unwrap();
            let pieces =
                format::write(answer, AnswerFormat::Json, CsvTextStyle::default()).unwrap();
            let bytes: Vec<u8> = pieces.flat_map(|piece| piece.unwrap().to_vec()).collect();
            let answer: Value = serde_json::from_slice(&bytes).unwrap();
            if let Err(wrong) = compare_rows(case, &answer) {
                panic!(
                    "{feature}, {split} events in batch: {:?}\n{}\n{wrong}",
                    case.query, case.sql
                );
            }
        }
    }
}

macro_rules! golden {
    ($($feature:ident)*) => {
        $(
            #[tokio::test]
            async fn $feature() {
                check_file(stringify!($feature)).await;
            }
        )*
    };
}

golden! {
    measures latest granularity timezone filter having order_and_limit limit_per_bucket fill compare
}
