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
    let none = json!({
        "duplicates": 0, "conflicts": 0, "invalid": 0, "rejected": 0, "unidentified": 0,
        "refused": [],
    });
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

/// The error of a wrong file says what it looks like; the quarantine loses no entry for it.
#[test]
fn a_wrong_file_is_refused_before_it_is_sent_and_leaves_the_quarantine_alone() {
    let place = Place::new(Store::Memory);
    let server = place.start_with(&["--quarantine-max-events", "100"]);
    let http = &server.http;
    let path = |name: &str| place.dir.path().join(name);
    let real = r#"{"id":"r-1","event":"x","time":"yesterday"}"#;
    let post = |lines: &[String]| http.try_send(lines, "durable").unwrap();
    post(&[real.to_owned()]);
    let rows: String = (0..20_000).map(|n| format!("{n},user-{n},4.5\n")).collect();
    let csv = format!("id,user,amount\n{rows}");
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut gzip, csv.as_bytes()).unwrap();
    for (name, bytes, words) in [
        ("dump.txt", csv.clone().into_bytes(), &["CSV", "id,user,amount", "3 columns"][..]),
        ("dump.gz", gzip.finish().unwrap(), &["CSV", "id,user,amount"]),
        ("array.json", b"[\n {\"event\":\"x\"}\n]\n".to_vec(), &["JSON array", "jq -c"]),
        ("columns.bin", b"PAR1\0\0\0PAR1".to_vec(), &["Parquet", ".parquet"]),
        ("page.html", b"<!doctype html>\n<p>\n".to_vec(), &["HTML", "one JSON object a line"]),
    ] {
        fs::write(path(name), bytes).unwrap();
        let file = path(name);
        let (code, stdout, stderr) = client(&place, &["ingest", file.to_str().unwrap()]);
        assert_eq!(code, 1, "{name}: {stderr}");
        assert_eq!(stdout, "accepted 0, duplicates 0, conflicts 0, invalid 0\n");
        assert!(words.iter().all(|word| stderr.contains(word)), "{name}: {stderr}");
    }
    assert_eq!(http.get("/v1/quarantine").body["total"], 1);

    // Lines of JSON that are no events: after the first request it stops.
    let logs: String = (0..3_000).map(|n| format!("{{\"level\":\"info\",\"n\":{n}}}\n")).collect();
    fs::write(path("log.ndjson"), logs).unwrap();
    let file = path("log.ndjson");
    let arguments = ["ingest", file.to_str().unwrap(), "--batch-events", "150"];
    let (code, stdout, stderr) = client(&place, &arguments);
    assert_eq!((code, &*stdout), (1, "accepted 0, duplicates 0, conflicts 0, invalid 150\n"));
    assert!(stderr.contains("it is no file of events"), "{stderr}");

    // Such lines that are sent all the same leave room for other entries of the quarantine.
    let lines: Vec<String> = csv.lines().map(str::to_owned).collect();
    post(&lines);
    let page = http.get("/v1/quarantine?limit=1").body;
    assert_eq!(page["entries"][0]["raw"], real, "{page}");
    assert_eq!(page["total"], 100);
    assert_eq!(page["codes"]["invalid_time"], json!({ "entries": 1, "dropped": 0 }));
    let malformed = &page["codes"]["malformed_event"];
    let unknown = &page["codes"]["unknown_field"];
    let entries = |code: &Value| code["entries"].as_u64().unwrap();
    assert_eq!((entries(malformed) + entries(unknown), entries(unknown)), (99, 49), "{page}");
    assert_eq!(page["dropped"], 20_001 + 150 - 99);
    // What comes again is counted.
    post(&[real.to_owned(), real.to_owned()]);
    let entry = http.get("/v1/quarantine/q-1").body;
    assert_eq!((&entry["raw"], &entry["count"]), (&json!(real), &json!(3)));
    let metrics = http.get("/metrics").body.to_string();
    let dropped = "merganser_quarantine_dropped_total{code=\\\"unknown_field\\\"} 101";
    assert!(metrics.contains(dropped), "{metrics}");
    server.stop();
    let server = place.start_with(&["--quarantine-max-events", "100"]);
    assert_eq!(server.http.get("/v1/quarantine").body["codes"], page["codes"]);
}

#[test]
fn the_error_of_a_rejected_request_has_line_and_reason() {
    let place = Place::new(Store::Memory);
    let server = place.start();
    let file = place.dir.path().join("mixed.ndjson");
    let wrong = |n: usize| match n {
        4 => "{\"event\":\"x\",\"time\":\"yesterday\"}\n".to_owned(),
        6 => "\nnope\n".to_owned(),
        n => format!("{{\"id\":\"e-{n}\",\"event\":\"x\"}}\n"),
    };
    fs::write(&file, (0..10).map(wrong).collect::<String>()).unwrap();
    let arguments = ["ingest", file.to_str().unwrap(), "--on-invalid", "reject"];
    let (code, stdout, stderr) = client(&place, &arguments);
    assert_eq!(code, 1, "{stderr}");
    assert_eq!(stdout, "accepted 0, duplicates 0, conflicts 0, invalid 2, rejected 8\n");
    assert!(stderr.contains("mixed.ndjson:5: invalid_time: "), "{stderr}");
    assert!(stderr.contains("mixed.ndjson:8: malformed_event: "), "{stderr}");
    assert!(
        stderr.contains("lines 1 to 11") && stderr.contains("2 events are invalid"),
        "{stderr}"
    );
    let (code, stdout, _) = client(&place, &[&arguments[..], &["--output", "json"]].concat());
    assert_eq!(code, 1);
    let sum: Value = serde_json::from_str(&stdout).unwrap();
    let counts = ["accepted", "invalid", "rejected", "end"].map(|name| sum[name].clone());
    assert_eq!(counts, [json!(0), json!(2), json!(8), json!("interrupted")]);
    let refused = |n: usize| (&sum["refused"][n]["line"], &sum["refused"][n]["code"]);
    assert_eq!(refused(0), (&json!(5), &json!("invalid_time")));
    assert_eq!(refused(1), (&json!(8), &json!("malformed_event")));
    assert!(sum["refused"][0]["message"].as_str().unwrap().contains("yesterday"));
    assert_eq!(server.http.get("/v1/quarantine").body["total"], 0);
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
fn the_demo_shows_answers_and_ends_after_a_signal() {
    let arguments = ["demo", "--once", "--listen", "127.0.0.1:0"];
    let (code, stdout, stderr) = outcome(merganser().args(arguments));
    assert_eq!(code, 0, "{stdout}{stderr}");
    for part in ["27004", "0 differences", "complete", "generation", "New York"] {
        assert!(stdout.contains(part), "no {part} in:\n{stdout}");
    }
}
