//! Back-ups: taken under load, restored, and queried as before.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use crate::command_line::outcome;
use crate::http::Http;
use crate::in_both_stores;
use crate::load::{Load, tick, total, total_below};
use crate::oracle::january;
use crate::s3_server::S3Server;
use crate::server::{Place, Store, merganser};
use crate::wait::until;

/// Questions about what does not change meanwhile.
const QUESTIONS: [&str; 8] = [
    "metric=flights",
    "metric=flights&granularity=day&timezone=America/New_York&group_by=carrier",
    "metric=flights&granularity=hour&group_by=origin&filter=carrier%20IN%20('UA','B6')",
    "metric=flights&group_by=dest&order_by=-departures&limit=5",
    "metric=flights&granularity=week&fill=zero&compare=previous_period\
     &from=2013-01-08&to=2013-01-15",
    "metric=flights&group_by=carrier&having=departures%20%3E%20500&measures=departures,aircraft",
    "metric=flights&granularity=day&from=2013-01-10&to=2013-01-12&limit_per_bucket=true&limit=2\
     &group_by=origin&order_by=-departures",
    "metric=flights&measures=late_share,worst,best",
];

fn answers(http: &Http) -> Vec<Value> {
    let ask = |question: &&str| {
        let reply = http.get(&format!("/v1/query?{question}"));
        assert_eq!(reply.status, 200, "{}", reply.body);
        let rows = reply.body["rows"].clone();
        assert!(!rows.as_array().unwrap().is_empty(), "{question} has an answer");
        rows
    };
    QUESTIONS.iter().map(ask).collect()
}

fn back_up(place: &Place, to: &Path) -> Command {
    let mut command = merganser();
    command.args(["backup", "--output", "json"]).arg(to).env("MERGANSER_SERVER", place.url());
    command
}

fn a_back_up_under_load_answers_the_same(store: Store) {
    let place = Place::new(store);
    let copy = Place::with_store(place.speed_store());
    back_up_under_load(&place, &copy);
}

in_both_stores!(a_back_up_under_load_answers_the_same);

/// The journal and the quarantine are objects, and nothing is deleted that is being copied.
#[test]
fn a_back_up_of_a_bucket_answers_the_same_in_a_directory() {
    let s3 = S3Server::start();
    let place = Place::in_bucket(Store::Redis, &s3, "storage");
    back_up_under_load(&place, &Place::of_copy(place.speed_store()));
}

fn back_up_under_load(place: &Place, copy: &Place) {
    let server = place.start();
    let lines = january();
    let (early, late) = lines.split_at(20_000);
    server.http.send(early);
    server.run("incremental");
    server.http.send(late);
    server.http.try_send(&["{\"event\":\"\"}".to_owned()], "durable").unwrap();
    let quarantine = server.http.get("/v1/quarantine").body;
    assert_eq!(quarantine["entries"].as_array().map(Vec::len), Some(1), "{quarantine}");

    let load = Load::start(server.http.clone());
    let begun = || (load.sent().acknowledged >= 500).then_some(());
    until("ticks come in", Duration::from_secs(30), begun);
    // Publishes, trims and deletes while the copy is taken.
    let run = server.start_run("full");
    let before = load.sent().acknowledged;
    let (code, report, error) = outcome(&mut back_up(place, &copy.data_dir()));
    assert_eq!(code, 0, "{error}");
    let after = load.sent().tried;
    let report: Value = serde_json::from_str(&report).unwrap();
    assert!(report["files"].as_u64().unwrap() > 3, "{report}");
    server.ended(&run);
    server.run("incremental");
    let sent = load.stop();
    let wanted = answers(&server.http);
    assert!(sent.acknowledged > before, "the original went on");
    // What Redis holds by now is of a later time than the copy.
    server.kill();

    let restored = copy.start();
    assert_eq!(answers(&restored.http), wanted);
    let (ticks, _) = total(&restored.http).unwrap();
    assert!((before..=after).contains(&ticks.0), "{before} <= {} <= {after}", ticks.0);
    assert_eq!(ticks, total_below(ticks.0));
    assert_eq!(restored.http.get("/v1/quarantine").body, quarantine);
    let again: Vec<String> = (0..after).map(tick).collect();
    let taken = restored.http.send(&again);
    assert_eq!(taken, ((after - ticks.0) as usize, ticks.0 as usize), "retries are duplicates");
    restored.run("full");
    assert_eq!(answers(&restored.http), wanted);
    assert_eq!(total(&restored.http).unwrap().0, total_below(after));
    restored.stop();
}

#[test]
fn a_stopped_service_is_copied_and_a_running_one_only_by_asking_it() {
    let place = Place::new(Store::Memory);
    let server = place.start();
    server.http.send(&january()[..2_000]);
    server.run("incremental");
    let wanted = answers_of_ticks(&server.http);
    let offline = |to: &Path| {
        let mut command = back_up(&place, to);
        command.arg("--data-dir").arg(place.data_dir());
        outcome(&mut command)
    };
    let copy = Place::new(Store::Memory);
    let (code, _, error) = offline(&copy.data_dir());
    assert_eq!(code, 1);
    assert!(error.contains("in use by another process"), "{error}");
    server.stop();
    let (code, _, error) = offline(&copy.data_dir());
    assert_eq!(code, 0, "{error}");
    let (code, _, error) = offline(&copy.data_dir());
    assert_eq!(code, 2, "{error}");
    assert!(error.contains("not empty"), "{error}");
    let restored = copy.start();
    assert_eq!(answers_of_ticks(&restored.http), wanted);
    restored.stop();
    let names = fs::read_dir(copy.dir.path()).unwrap();
    assert!(
        names
            .into_iter()
            .all(|name| { !name.unwrap().file_name().to_string_lossy().contains("unfinished") })
    );
}

fn answers_of_ticks(http: &Http) -> Value {
    http.query(&json!({ "metric": "flights", "group_by": ["carrier"] }))["rows"].clone()
}
