//! The client commands against a real server: what they print and how they end.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

use crate::redis_server::free_port;
use crate::server::{Place, Store, merganser};

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

/// What a command came to: its exit code, stdout and stderr.
pub(crate) fn outcome(command: &mut Command) -> (i32, String, String) {
    let Output { status, stdout, stderr } =
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (status.code().unwrap(), text(stdout), text(stderr))
}

/// Runs a command on a place's server, with the state of programs in the place.
fn client(place: &Place, arguments: &[&str]) -> (i32, String, String) {
    let mut command = merganser();
    let state = place.dir.path().join("state");
    command.args(arguments).env("MERGANSER_SERVER", place.url()).env("XDG_STATE_HOME", state);
    outcome(&mut command)
}

#[test]
fn the_loop_by_commands() {
    let place = Place::new(Store::Memory);
    let server = place.start();
    let client = |arguments: &[&str]| client(&place, arguments);
    let events = data("flights-2013-01.ndjson.gz");
    let events = events.to_str().unwrap();
    let sum = |accepted: &str, duplicates: &str| {
        format!("accepted {accepted}, duplicates {duplicates}, conflicts 0, invalid 0\n")
    };
    assert_eq!(
        client(&["ingest", events, "--encoding", "zstd", "--wait", "applied"]).1,
        sum("27,004", "0")
    );
    assert_eq!(client(&["ingest", events, "--batch-events", "9999"]).1, sum("0", "27,004"));

    let (code, stdout, _) = client(&["run", "--full"]);
    assert_eq!(code, 0);
    assert!(stdout.starts_with("full run ") && stdout.contains("0 differences"), "{stdout}");

    let question = ["query", "flights", "--measures", "departures,worst", "--group-by", "origin"];
    let (code, csv, _) = client(&[&question[..], &["--format", "csv"]].concat());
    assert_eq!(code, 0);
    assert_eq!(csv.lines().next(), Some("origin,departures,worst"));
    assert_eq!(csv.lines().count(), 4);
    let (_, table, _) = client(&[&question[..], &["--order-by", "-departures"]].concat());
    assert!(table.contains("complete") && table.contains("EWR"), "{table}");
    let (_, json, _) = client(&[&question[..], &["--output", "json"]].concat());
    assert!(serde_json::from_str::<Value>(&json).unwrap()["rows"].is_array());
    assert!(json.starts_with("{\n  \"metric\": \"flights\",\n"), "{json}");

    let (code, status, _) = client(&["status"]);
    assert!(code == 0 && status.contains("version"), "{status}");
    let (code, metrics, _) = client(&["metrics", "list"]);
    assert!(code == 0 && metrics.contains("flights") && metrics.contains("active"), "{metrics}");
    let file = data("flights.toml");
    let (code, applied, _) = client(&["metrics", "apply", file.to_str().unwrap()]);
    assert_eq!(code, 0);
    assert!(applied.contains("flights  -     as it is in the file\n"), "{applied}");
    let other = place.dir.path().join("other.toml");
    let definition = "[[metric]]\nname = 'routes'\nevent = 'flight'\nmeasures.n.kind = 'count'\n";
    std::fs::write(&other, definition).unwrap();
    let apply = |flags: &[&str]| {
        client(&[&["metrics", "apply", other.to_str().unwrap()], flags].concat()).1
    };
    assert!(apply(&["--dry-run"]).contains("routes   create"));
    assert!(apply(&["--dry-run", "--prune"]).contains("flights  delete"));
    let applied = apply(&[]);
    assert!(applied.contains("routes: backfilled by /v1/runs/run-"), "{applied}");
    assert!(applied.ends_with(" events\n"), "it is followed to its end: {applied}");
    let (_, metrics, _) = client(&["metrics", "list"]);
    assert!(metrics.contains("flights") && metrics.contains("routes"), "{metrics}");

    let (code, stdout, stderr) = client(&["query", "flihgts"]);
    assert_eq!((code, &*stdout), (1, ""));
    assert!(stderr.starts_with("error: ") && stderr.contains("flights"), "{stderr}");
    server.stop();
    place.check_log(&[]);
}

#[test]
fn json_is_a_document_and_nothing_else() {
    let place = Place::new(Store::Memory);
    let server = place.start();
    let json = |arguments: &[&str]| {
        let (code, stdout, stderr) =
            client(&place, &[arguments, &["--output", "json"][..]].concat());
        assert_eq!(code, 0, "{arguments:?}: {stderr}");
        serde_json::from_str::<Value>(&stdout).unwrap_or_else(|e| panic!("{e} in {stdout}"))
    };
    let events = data("flights-2013-01.ndjson.gz");
    let sent = json(&["ingest", events.to_str().unwrap(), "--wait", "applied"]);
    let none = json!({ "duplicates": 0, "conflicts": 0, "invalid": 0, "unidentified": 0 });
    assert_eq!((&sent["accepted"], &sent["end"]), (&json!(27_004), &json!("complete")));
    for (name, value) in none.as_object().unwrap() {
        assert_eq!(&sent[name], value, "{name}");
    }
    let run = json(&["run", "--full"]);
    assert_eq!((&run["state"], &run["audit"]["differences"]), (&json!("succeeded"), &json!(0)));
    let answer = json(&["query", "flights", "--measures", "departures"]);
    assert_eq!(answer["rows"], json!([{ "departures": 27_004 }]));
    assert!(json(&["status"])["journal"]["id"].is_string());
    assert!(json(&["status", "--ready"]).is_object());
    let metrics = json(&["metrics", "list"])["metrics"].clone();
    assert!(metrics.as_array().unwrap().iter().any(|metric| metric["name"] == "flights"));
    let file = place.dir.path().join("other.toml");
    let definition = "[[metric]]\nname = 'routes'\nevent = 'flight'\nmeasures.n.kind = 'count'\n";
    fs::write(&file, definition).unwrap();
    let applied = json(&["metrics", "apply", file.to_str().unwrap()]);
    let steps = applied["metrics"].as_array().unwrap();
    let routes = steps.iter().find(|step| step["metric"] == "routes").unwrap();
    assert_eq!((&routes["step"], &routes["run"]["state"]), (&json!("create"), &json!("succeeded")));
    fs::write(&file, definition.replace("measures.n", "measures.m")).unwrap();
    let (code, text, stderr) =
        client(&place, &["metrics", "apply", file.to_str().unwrap(), "--no-wait"]);
    assert_eq!(code, 0, "{stderr}");
    assert!(text.contains("routes: backfilled by /v1/runs/run-") && !text.contains("events\n"));

    let admin = json(&["keys", "create", "--role", "admin"]);
    let admin = admin["key"].as_str().unwrap();
    let with_key = |arguments: &[&str]| json(&[arguments, &["--key", admin][..]].concat());
    let reader = with_key(&["keys", "create", "--role", "read"]);
    let id = reader["id"].as_str().unwrap();
    assert_eq!(with_key(&["keys", "list"])["keys"].as_array().unwrap().len(), 2);
    assert_eq!(with_key(&["keys", "revoke", id]), json!({ "revoked": id }));
    server.stop();
}

#[test]
fn shells_learn_to_complete() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let (code, script, stderr) = outcome(merganser().args(["completions", shell]));
        assert_eq!((code, &*stderr), (0, ""), "{shell}");
        assert!(script.contains("merganser") && script.contains("ingest"), "{shell}: {script}");
    }
    assert_eq!(outcome(merganser().args(["completions", "cmd"])).0, 2);
}

#[test]
fn refused_events_are_named_by_file_and_line() {
    let place = Place::new(Store::Memory);
    let server = place.start();
    let file = place.dir.path().join("mixed.ndjson");
    let lines = [
        r#"{"id":"a","event":"x"}"#,
        "",
        r#"{"event":"x"}"#,
        r#"{"event":"x","time":"yesterday"}"#,
        r#"{"id":"a","event":"y"}"#,
    ];
    fs::write(&file, lines.join("\n")).unwrap();
    let (code, stdout, stderr) = client(&place, &["ingest", file.to_str().unwrap()]);
    assert_eq!(code, 1, "{stderr}");
    assert_eq!(stdout, "accepted 2, duplicates 0, conflicts 1, invalid 1\n");
    assert!(stderr.contains("mixed.ndjson:4: ") && stderr.contains("mixed.ndjson:5: "), "{stderr}");
    assert!(stderr.contains("2 events had no `id`"), "{stderr}");
    server.stop();
}

#[test]
fn a_server_that_is_away_is_a_failure_and_not_a_hang() {
    let away = format!("http://127.0.0.1:{}", free_port());
    let events = data("flights-2013-01.ndjson.gz");
    for arguments in [
        vec!["status"],
        vec!["query", "flights"],
        vec!["run"],
        vec!["metrics", "list"],
        vec!["ingest", events.to_str().unwrap(), "--retry-s", "1"],
    ] {
        let (code, _, stderr) = outcome(merganser().args(&arguments).args(["--server", &away]));
        assert_eq!(code, 1, "{arguments:?}: {stderr}");
        assert!(stderr.contains("error: ") && stderr.contains(&away), "{arguments:?}: {stderr}");
    }
}

#[test]
fn wrong_usage_ends_with_2() {
    for arguments in [
        vec!["ingest"],
        vec!["query"],
        vec!["nonsense"],
        vec!["status", "--server", "ftp://x"],
        vec!["run", "--fast"],
        vec!["metrics"],
    ] {
        let (code, stdout, stderr) = outcome(merganser().args(&arguments));
        assert_eq!((code, &*stdout), (2, ""), "{arguments:?}: {stderr}");
    }
    let (code, stdout, _) = outcome(merganser().arg("--version"));
    assert_eq!(code, 0);
    assert!(stdout.starts_with("merganser "), "{stdout}");
}

#[test]
fn the_demo_shows_answers_and_ends_when_told_to() {
    let arguments = ["demo", "--once", "--listen", "127.0.0.1:0"];
    let (code, stdout, stderr) = outcome(merganser().args(arguments));
    assert_eq!(code, 0, "{stdout}{stderr}");
    for part in ["27004", "0 differences", "complete", "generation", "New York"] {
        assert!(stdout.contains(part), "no {part} in:\n{stdout}");
    }
}
