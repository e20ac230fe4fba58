//! `merganser doctor`: beside a service that runs, before a first start, and where something is in
//! the way.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::command_line::outcome;
use crate::redis_server::{RedisServer, free_port};
use crate::server::{Place, Store, merganser};

/// Settings with which any machine of ours is well.
const MODEST: [&str; 6] =
    ["--disk-floor-bytes", "1MiB", "--connections-max", "100", "--queries-max", "8"];

/// What it finds on a data directory: the exit code, the document, and what else is said.
fn doctor(data_dir: &Path, arguments: &[&str]) -> (i32, Value, String) {
    let mut command = merganser();
    command.args(["doctor", "--output", "json", "--data-dir"]).arg(data_dir).args(arguments);
    let (code, stdout, stderr) = outcome(&mut command);
    let document = serde_json::from_str(&stdout);
    (code, document.unwrap_or_else(|e| panic!("{e} in {stdout}{stderr}")), stderr)
}

/// What a check found: its verdict, and all of it as text.
fn finding(document: &Value, check: &str) -> (String, String) {
    let findings = document["findings"].as_array().unwrap();
    let found = findings.iter().find(|finding| finding["check"] == check);
    let found = found.unwrap_or_else(|| panic!("{document} has no {check}"));
    let verdict = found["verdict"].as_str().unwrap().to_owned();
    assert_eq!(found["advice"].is_string(), verdict != "ok", "{found}");
    (verdict, found.to_string())
}

/// Fails if anything in a directory or below is a probe.
fn no_probe_in(directory: &Path) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        assert!(!path.to_string_lossy().contains("doctor"), "{}", path.display());
        if path.is_dir() {
            no_probe_in(&path);
        }
    }
}

#[test]
fn a_service_that_runs_is_looked_at_and_left_alone() {
    let place = Place::new(Store::Memory);
    let server = place.start();
    let listen = place.url().replace("http://", "");
    let arguments = [&MODEST[..], &["--listen", &*listen]].concat();
    let (code, document, said) = doctor(&place.data_dir(), &arguments);
    assert_eq!(code, 0, "{document}{said}");
    let text = |check| finding(&document, check).1;
    assert!(text("lock").contains("held by process"), "{document}");
    assert!(text("stored data").contains("generation"), "{document}");
    assert!(text("address").contains("taken, as a service runs"), "{document}");
    assert!(text("speed store").contains("memory"), "{document}");
    no_probe_in(&place.data_dir());
    let mut table = merganser();
    table.arg("doctor").arg("--data-dir").arg(place.data_dir()).args(&arguments);
    let (code, table, _) = outcome(&mut table);
    assert_eq!(code, 0);
    assert!(table.starts_with("check") && table.contains("held by process"), "{table}");
    server.stop();
    place.check_log(&[]);
    let (_, document, _) = doctor(&place.data_dir(), &arguments);
    assert!(finding(&document, "lock").1.contains("free"), "{document}");
    place.start().stop();
}

#[test]
fn obstacles_are_named_and_nothing_is_created() {
    let place = Place::new(Store::Memory);
    let file = place.dir.path().join("wrong.toml");
    let wrong = "[[metric]]\nname = 'm'\nevent = 'e'\n[metric.measures]\nx = { kind = 'median' }\n";
    fs::write(&file, wrong).unwrap();
    let away = format!("redis://127.0.0.1:{}", free_port());
    let file = file.to_str().unwrap();
    let wrong = ["--listen", "0.0.0.0:0", "--speed-store", &*away, "--metrics", file];
    let (code, document, said) = doctor(&place.data_dir(), &[&MODEST[..], &wrong].concat());
    assert_eq!((code, &document["verdict"]), (1, &Value::from("problem")), "{document}");
    assert_eq!(said, "error: there are 3 problems\n");
    for (check, words) in
        [("address", "--insecure"), ("speed store", &away[8..]), ("metrics file", "median")]
    {
        let (verdict, text) = finding(&document, check);
        assert!(verdict == "problem" && text.contains(words), "{text}");
    }
    assert!(finding(&document, "data directory").1.contains("can be made"), "{document}");
    assert_eq!(finding(&document, "stored data").0, "ok");
    assert!(!place.data_dir().exists());

    let below_a_file = Path::new(file).join("data");
    let (code, document, _) = doctor(&below_a_file, &["--listen", "127.0.0.1:0"]);
    assert_eq!((code, &*finding(&document, "data directory").0), (1, "problem"));
    let floor = ["--listen", "127.0.0.1:0", "--disk-floor-bytes", "9999999GiB"];
    let (code, document, _) = doctor(&place.data_dir(), &floor);
    assert_eq!((code, &*finding(&document, "disk space").0), (1, "problem"));
    assert_eq!(outcome(merganser().args(["doctor", "--schedule", "whenever"])).0, 2);
}

#[test]
fn a_redis_is_checked_as_by_a_start() {
    let place = Place::new(Store::Redis);
    let check = |url: &str| {
        let arguments = ["--listen", "127.0.0.1:0", "--speed-store", url];
        let (code, document, _) = doctor(&place.data_dir(), &[&MODEST[..], &arguments].concat());
        (code, finding(&document, "speed store"))
    };
    let (code, (verdict, text)) = check(&place.redis.as_ref().unwrap().url());
    assert_eq!((code, &*verdict), (0, "ok"), "{text}");
    assert!(text.contains("append-only") && text.contains("noeviction"), "{text}");
    let evicting = RedisServer::start_with("allkeys-lru");
    let (code, (verdict, text)) = check(&evicting.url());
    assert_eq!((code, &*verdict), (1, "problem"), "{text}");
    assert!(text.contains("allkeys-lru") && text.contains("set it to noeviction"), "{text}");
}

#[test]
fn data_of_a_newer_version_is_found_before_a_start() {
    let place = Place::new(Store::Memory);
    place.start().stop();
    let journal = place.data_dir().join("journal");
    let mut files = fs::read_dir(journal).unwrap().map(|entry| entry.unwrap().path());
    let segment = files.find(|path| path.extension().is_some_and(|e| e == "log")).unwrap();
    let mut bytes = fs::read(&segment).unwrap();
    bytes[8] = 9;
    fs::write(&segment, bytes).unwrap();
    let arguments = [&MODEST[..], &["--listen", "127.0.0.1:0"]].concat();
    let (code, document, _) = doctor(&place.data_dir(), &arguments);
    let (verdict, text) = finding(&document, "stored data");
    assert_eq!((code, &*verdict), (1, "problem"), "{text}");
    assert!(text.contains("start a newer one"), "{text}");
}
