//! What a start refuses: each with a non-zero exit code and one line that says why.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use crate::load::tick;
use crate::redis_server::{RedisServer, free_port};
use crate::server::{Place, Process, Store, merganser};
use crate::wait::until;

const REFUSE: Duration = Duration::from_secs(30);

/// Runs a command that must fail with `code`, and returns its one line of error.
fn refused(command: &mut Command, code: i32) -> String {
    let output = ended(command);
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(code), "{errors}");
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "");
    let lines: Vec<&str> = errors.lines().filter(|line| line.starts_with("error: ")).collect();
    assert_eq!(lines.len(), 1, "{errors}");
    assert!(!errors.contains("panicked"), "{errors}");
    lines[0].to_owned()
}

fn ended(command: &mut Command) -> Output {
    let process = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut process = Process(process.unwrap());
    let status = until("the process refuses to start", REFUSE, || process.0.try_wait().unwrap());
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    process.0.stdout.take().unwrap().read_to_end(&mut stdout).unwrap();
    process.0.stderr.take().unwrap().read_to_end(&mut stderr).unwrap();
    Output { status, stdout, stderr }
}

#[test]
fn a_directory_that_another_process_uses() {
    let place = Place::new(Store::Memory);
    let server = place.start();
    let mut command = merganser();
    command.args(["--listen", "127.0.0.1:0", "--data-dir"]).arg(place.data_dir());
    let line = refused(&mut command, 1);
    assert!(line.contains(place.data_dir().to_str().unwrap()), "{line}");
    assert!(line.contains("lock") || line.contains("use"), "{line}");
    server.stop();
    place.start().stop();
}

#[test]
fn a_port_that_is_taken() {
    let place = Place::new(Store::Memory);
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let mut command = merganser();
    command.args(["--listen", &address, "--data-dir"]).arg(place.data_dir());
    let line = refused(&mut command, 1);
    assert!(line.contains(&address), "{line}");
    assert!(!place.data_dir().exists(), "nothing was touched");

    // The same through the environment and the file, in their order of precedence.
    let file = place.dir.path().join("settings.toml");
    fs::write(&file, format!("listen = '{address}'\ndata_dir = '/dev/null/no'\n")).unwrap();
    let line = refused(merganser().arg("--config").arg(&file), 1);
    assert!(line.contains(&address), "{line}");
    let nowhere = "127.0.0.1:1x";
    let mut command = merganser();
    command.env("MERGANSER_LISTEN", &address).env("MERGANSER_CONFIG", &file);
    fs::write(&file, format!("data_dir = '/dev/null/no'\nlisten = '{nowhere}'\n")).unwrap();
    assert!(refused(&mut command, 2).contains(nowhere), "the file is checked all the same");
    fs::write(&file, "data_dir = '/dev/null/no'\nlisten = '127.0.0.1:0'\n").unwrap();
    assert!(refused(&mut command, 1).contains(&address), "a variable wins over the file");
}

#[test]
fn a_journal_that_is_corrupt_before_its_tail() {
    let place = Place::new(Store::Memory);
    let server = place.start();
    for n in 0..5 {
        server.http.send(&(n * 100..(n + 1) * 100).map(tick).collect::<Vec<_>>());
    }
    server.kill();
    let file = largest_below(&place.data_dir().join("journal"));
    let mut bytes = fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0xff;
    fs::write(&file, bytes).unwrap();
    let line = refused(&mut place.serve(), 1);
    assert!(line.contains("corrupt"), "{line}");
    let name = file.file_name().unwrap().to_str().unwrap();
    assert!(line.contains(name), "names {name}: {line}");
}

/// The file with most bytes in a folder and its folders.
fn largest_below(folder: &Path) -> PathBuf {
    let mut largest: (u64, Option<PathBuf>) = (0, None);
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let size = fs::metadata(&path).unwrap().len();
            if path.is_dir() {
                folders.push(path);
            } else if size > largest.0 {
                largest = (size, Some(path));
            }
        }
    }
    largest.1.expect("the journal has files")
}

#[test]
fn a_torn_tail_is_cut_off_and_not_refused() {
    let place = Place::new(Store::Memory);
    let server = place.start();
    server.http.send(&(0..100).map(tick).collect::<Vec<_>>());
    server.kill();
    let file = largest_below(&place.data_dir().join("journal"));
    let mut bytes = fs::read(&file).unwrap();
    bytes.extend_from_slice(&[7, 0, 0, 0, 1, 2, 3]);
    fs::write(&file, bytes).unwrap();
    let server = place.start();
    assert_eq!(crate::load::total(&server.http).unwrap().0.0, 100);
    assert_eq!(server.http.send(&(0..200).map(tick).collect::<Vec<_>>()), (100, 100));
    server.stop();
}

#[test]
fn a_redis_that_is_not_there() {
    let address = format!("127.0.0.1:{}", free_port());
    let place = Place::with_store(&format!("redis://{address}"));
    let line = refused(&mut place.serve(), 1);
    assert!(line.contains(&address), "{line}");
}

#[test]
fn a_redis_that_may_evict() {
    let redis = RedisServer::start_with("allkeys-lru");
    let place = Place::with_store(&redis.url());
    let line = refused(&mut place.serve(), 1);
    assert!(line.contains("noeviction") && line.contains("allkeys-lru"), "{line}");
}

#[test]
fn settings_that_are_unknown_or_wrong() {
    let place = Place::new(Store::Memory);
    let file = place.dir.path().join("settings.toml");
    fs::write(&file, "lissten = 'x'\n").unwrap();
    let line = refused(merganser().arg("--config").arg(&file), 2);
    assert!(line.contains("`lissten`") && line.contains("`listen`"), "{line}");

    fs::write(&file, "log = 'info'\nflush_interval_ms = 'often'\n").unwrap();
    let line = refused(merganser().arg("--config").arg(&file), 2);
    assert!(line.contains("settings.toml:2") && line.contains("flush_interval_ms"), "{line}");

    let line = refused(merganser().arg("--config").arg("/nowhere/m.toml"), 2);
    assert!(line.contains("/nowhere/m.toml"), "{line}");

    let line = refused(merganser().env("MERGANSER_LISTN", "127.0.0.1:0"), 2);
    assert!(line.contains("`MERGANSER_LISTN`") && line.contains("`MERGANSER_LISTEN`"), "{line}");

    let line = refused(merganser().args(["--lissten", "x"]), 2);
    assert!(line.contains("--lissten"), "{line}");

    let line = refused(merganser().args(["--schedule", "whenever"]), 2);
    assert!(line.contains("whenever"), "{line}");
}

#[test]
fn definitions_that_are_wrong() {
    let place = Place::new(Store::Memory);
    let file = place.dir.path().join("wrong.toml");
    let wrong = "[[metric]]\nname = 'm'\nevent = 'e'\n[metric.measures]\nx = { kind = 'median' }\n";
    fs::write(&file, wrong).unwrap();
    let mut command = merganser();
    command.args(["--listen", "127.0.0.1:0", "--data-dir"]).arg(place.data_dir());
    let line = refused(command.arg("--metrics").arg(&file), 1);
    assert!(line.contains("wrong.toml") && line.contains("median"), "{line}");
}

/// Who wants executors of a build that has none is told how to make one that has.
#[cfg(not(feature = "ballista"))]
#[test]
fn executors_where_the_build_has_none() {
    let place = Place::new(Store::Memory);
    let made_by = "cargo build --release --features ballista";
    let mut command = merganser();
    command.args(["serve", "--role", "batch", "--journal", "storage", "--data-dir"]);
    command.arg(place.data_dir()).args(["--speed-store", "redis://127.0.0.1:1"]);
    let line = refused(command.args(["--ballista-scheduler", "leader"]), 2);
    assert!(line.contains("ballista_scheduler") && line.contains(made_by), "{line}");
    for role in ["executor", "scheduler"] {
        let mut command = merganser();
        let line = refused(command.args([role, "--data-dir"]).arg(place.data_dir()), 2);
        assert!(line.contains(made_by), "{line}");
    }
    assert!(!place.data_dir().exists(), "nothing was touched");
}
