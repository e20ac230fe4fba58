//! Which server commands use: that of the settings that `serve` reads, unless options name another.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::command_line::outcome;
use crate::server::{Place, Store, merganser};

/// A command in a directory.
fn within(directory: &Path, arguments: &[&str]) -> Command {
    let mut command = merganser();
    command.args(arguments).current_dir(directory);
    command
}

#[test]
fn commands_find_the_server_by_its_settings() {
    let place = Place::new(Store::Memory);
    let server = place.start();
    let port = place.url().rsplit(':').next().unwrap().to_owned();
    let directory = place.dir.path();
    let file = |listen: &str| {
        fs::write(directory.join("merganser.toml"), format!("listen = \"{listen}\"\n")).unwrap();
    };
    let status = |command: &mut Command| {
        let (code, stdout, stderr) = outcome(command.args(["--ready"]));
        (code, format!("{stdout}{stderr}"))
    };
    for host in ["127.0.0.1", "0.0.0.0", "localhost"] {
        file(&format!("{host}:{port}"));
        let (code, said) = status(&mut within(directory, &["status"]));
        assert_eq!((code, &*said), (0, "ready\n"), "{host}");
    }
    // The environment wins over the file, and a flag over both.
    file("127.0.0.1:1");
    let (code, said) = status(&mut within(directory, &["status"]));
    assert!(code == 1 && said.contains("http://127.0.0.1:1"), "{said}");
    let listen = format!("[::]:{port}");
    let (_, said) = status(within(directory, &["status"]).env("MERGANSER_LISTEN", listen));
    assert!(said.contains(&format!("http://[::1]:{port}")), "{said}");
    let listen = format!("127.0.0.1:{port}");
    let (code, said) = status(within(directory, &["status"]).env("MERGANSER_LISTEN", listen));
    assert_eq!(code, 0, "{said}");
    assert_eq!(status(&mut within(directory, &["status", "--server", &place.url()])).0, 0);
    let elsewhere = directory.join("elsewhere.toml");
    fs::write(&elsewhere, format!("listen = \"127.0.0.1:{port}\"\n")).unwrap();
    let named = ["status", "--config", elsewhere.to_str().unwrap()];
    assert_eq!(status(&mut within(directory, &named)).0, 0);
    // The error of a wrong file names the setting; a named server needs no file.
    fs::write(directory.join("merganser.toml"), "lisen = \"x\"\n").unwrap();
    let (code, said) = status(&mut within(directory, &["status"]));
    assert!(code == 2 && said.contains("did you mean `listen`"), "{said}");
    assert_eq!(status(&mut within(directory, &["status", "--server", &place.url()])).0, 0);
    server.stop();
}

#[test]
fn metrics_and_quarantined_events_are_deleted_when_it_is_agreed_to() {
    let place = Place::new(Store::Memory);
    let server = place.start();
    let run = |arguments: &[&str]| {
        let mut command = merganser();
        outcome(command.args(arguments).env("MERGANSER_SERVER", place.url()))
    };
    for name in ["one", "two"] {
        let definition = json!({ "event": "x", "measures": { "n": { "kind": "count" } } });
        server.http.put(&format!("/v1/metrics/{name}"), &definition);
    }
    let (code, _, said) = run(&["metrics", "delete", "one"]);
    assert!(code == 2 && said.contains("`one`") && said.contains("--yes"), "{said}");
    let (code, _, said) = run(&["metrics", "delete", "one", "onee", "--yes"]);
    assert!(code == 1 && said.contains("onee"), "nothing is deleted unless all are there: {said}");
    assert_eq!(server.http.get("/v1/metrics/one").status, 200);
    let (code, said, _) = run(&["metrics", "delete", "one", "--yes"]);
    assert_eq!((code, &*said), (0, "one: deleted\n"));
    let (_, json, _) = run(&["metrics", "delete", "two", "-y", "--output", "json"]);
    assert_eq!(serde_json::from_str::<Value>(&json).unwrap(), json!({ "deleted": ["two"] }));
    assert_eq!(server.http.get("/v1/metrics/one").status, 404);

    let wrong = |n: usize| format!(r#"{{"event":"x","time":"day {n}"}}"#);
    let lines: Vec<String> = (0..30).map(wrong).chain(["nope".to_owned()]).collect();
    server.http.try_send(&lines, "durable").unwrap();
    server.http.try_send(&lines[..1], "durable").unwrap();
    let (code, table, said) = run(&["quarantine", "list", "--limit", "2"]);
    assert_eq!(code, 0, "{said}");
    assert!(
        table.contains("q-1") && table.contains("day 1") && !table.contains("day 2"),
        "{table}"
    );
    assert!(table.contains("2 of 31 entries: invalid_time 30, malformed_event 1"), "{table}");
    assert!(said.contains("--after q-2"), "{said}");
    let (_, table, _) = run(&["quarantine", "list", "--code", "malformed_event"]);
    assert!(table.contains("nope") && !table.contains("day"), "{table}");
    let (_, shown, _) = run(&["quarantine", "show", "q-1"]);
    assert!(shown.contains("invalid_time") && shown.contains("2 times"), "{shown}");
    assert!(shown.contains(&lines[0]), "{shown}");
    let (_, json, _) = run(&["quarantine", "show", "q-2", "--output", "json"]);
    assert_eq!(serde_json::from_str::<Value>(&json).unwrap()["raw"], lines[1]);
    let (code, _, said) = run(&["quarantine", "show", "q-99"]);
    assert!(code == 1 && said.contains("`q-99`"), "{said}");
    let (code, said, _) = run(&["quarantine", "delete", "q-1"]);
    assert_eq!((code, &*said), (0, "deleted 1 entry\n"));
    let (code, _, said) = run(&["quarantine", "delete", "--code", "invalid_time"]);
    assert!(code == 2 && said.contains("29 entries") && said.contains("--yes"), "{said}");
    let (code, said, _) = run(&["quarantine", "delete", "--code", "invalid_time", "--yes"]);
    assert_eq!((code, &*said), (0, "deleted 29 entries\n"));
    let (_, json, _) = run(&["quarantine", "delete", "--all", "--yes", "--output", "json"]);
    assert_eq!(serde_json::from_str::<Value>(&json).unwrap(), json!({ "deleted": 1 }));
    assert_eq!(server.http.get("/v1/quarantine").body["total"], 0);
    assert_eq!(run(&["quarantine", "delete"]).0, 2);
    server.stop();
}

#[test]
fn the_doctor_tells_of_a_stored_schedule_that_overrides_the_file() {
    let place = Place::new(Store::Memory);
    let server = place.start();
    let stored = json!({ "incremental": "*/7 * * * *", "full": "", "timezone": "UTC" });
    assert_eq!(server.http.put("/v1/schedule", &stored).status, 200);
    server.stop();
    let file = place.dir.path().join("merganser.toml");
    let data = place.data_dir();
    let doctor = |text: &str, more: &[&str]| {
        fs::write(&file, text).unwrap();
        let mut command = merganser();
        command.arg("doctor").arg("--config").arg(&file).arg("--data-dir").arg(&data);
        command.args(["--disk-floor-bytes", "1MiB", "--output", "json"]);
        let (_, report, said) = outcome(command.args(["--listen", "127.0.0.1:0"]).args(more));
        let report: Value = serde_json::from_str(&report).unwrap_or_else(|_| panic!("{said}"));
        let findings = report["findings"].as_array().unwrap().clone();
        findings.into_iter().find(|finding| finding["check"] == "schedule").unwrap()
    };
    let found = doctor("schedule = \"*/9 * * * *\"\n", &[]);
    assert_eq!(found["verdict"], "warning", "{found}");
    let text = found["found"].as_str().unwrap();
    assert!(text.contains("`*/7 * * * *`") && text.contains("*/9 * * * *"), "{text}");
    assert_eq!(doctor("schedule = \"*/7 * * * *\"\n", &[])["verdict"], "ok");
    assert_eq!(doctor("", &[])["verdict"], "ok");
    let explicit = doctor("schedule = \"*/9 * * * *\"\n", &["--schedule", "*/3 * * * *"]);
    assert_eq!(explicit["verdict"], "ok", "{explicit}");
}
