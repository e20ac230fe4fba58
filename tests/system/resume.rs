//! `merganser ingest` that was interrupted: it goes on where it was, and stores nothing twice.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::command_line::outcome;
use crate::http::number;
use crate::server::{Place, Process, Server, Store, merganser};
use crate::wait::until;

const WRONG: &str = r#"{"event":"x","time":"yesterday"}"#;

/// A file of events, and where the state of programs is kept.
struct Sending {
    file: PathBuf,
    state: PathBuf,
}

impl Sending {
    fn of(place: &Place, name: &str) -> Self {
        Self { file: place.dir.path().join(name), state: place.dir.path().join("state") }
    }

    fn command(&self, server: &str) -> Command {
        let mut command = merganser();
        command
            .arg("ingest")
            .arg(&self.file)
            .args(["--batch-events", "10", "--on-invalid", "reject", "--server", server])
            .env("XDG_STATE_HOME", &self.state);
        command
    }

    /// Sends to a server; the exit code, the sum and what else was said.
    fn run(&self, server: &str, flags: &[&str]) -> (i32, String, String) {
        outcome(self.command(server).args(flags))
    }

    /// Writes 40 lines and sends them: with a wrong one, 20 are stored and the rest is not.
    fn interrupted(&self, server: &str, line: impl Fn(usize) -> String) {
        let with_wrong = |n: usize| if n == 26 { WRONG.to_owned() } else { line(n) };
        write(&self.file, (1..=40).map(with_wrong));
        let (code, sum, said) = self.run(server, &[]);
        assert_eq!(
            (code, &*sum),
            (1, "accepted 20, duplicates 0, conflicts 0, invalid 1, rejected 9\n")
        );
        assert!(said.contains("lines 21 to 30"), "{said}");
        assert!(said.contains("run the same command again"), "{said}");
        assert_eq!(kept(&self.state), 1);
    }
}

/// Writes lines; compressed if the name says so.
fn write(file: &Path, lines: impl Iterator<Item = String>) {
    let text = lines.map(|line| line + "\n").collect::<String>();
    let mut out = File::create(file).unwrap();
    if file.extension().is_some_and(|ending| ending == "gz") {
        let mut gzip = flate2::write::GzEncoder::new(out, flate2::Compression::fast());
        gzip.write_all(text.as_bytes()).unwrap();
        gzip.finish().unwrap();
    } else {
        out.write_all(text.as_bytes()).unwrap();
    }
}

fn unidentified(n: usize) -> String {
    format!(r#"{{"event":"x","properties":{{"n":{n}}}}}"#)
}

fn identified(n: usize) -> String {
    format!(r#"{{"id":"e-{n}","event":"x"}}"#)
}

/// Files in which it is kept how far something was sent.
fn kept(state: &Path) -> usize {
    fs::read_dir(state.join("merganser")).map_or(0, |entries| {
        entries.filter(|entry| entry.as_ref().unwrap().path().extension().is_some()).count()
    })
}

fn stored(server: &Server) -> usize {
    number(&server.http.get("/v1/status").body["journal"]["position"]["0"])
}

#[test]
fn events_without_ids_are_stored_once() {
    let place = Place::new(Store::Memory);
    let server = place.start();
    for (name, total) in [("events.ndjson", 40), ("events.ndjson.gz", 80)] {
        let sending = Sending::of(&place, name);
        sending.interrupted(&place.url(), unidentified);
        write(&sending.file, (1..=40).map(unidentified));
        let (code, sum, said) = sending.run(&place.url(), &[]);
        assert_eq!((code, &*sum), (0, "accepted 20, duplicates 0, conflicts 0, invalid 0\n"));
        assert!(said.contains("going on after line 20"), "{said}");
        assert_eq!((stored(&server), kept(&sending.state)), (total, 0));
    }
    server.stop();
    place.check_log(&[]);
}

#[test]
fn a_killed_one_stores_nothing_twice_and_without_ids_at_most_the_last_batch() {
    const EVENTS: usize = 5_000;
    let place = Place::new(Store::Memory);
    let server = place.start();
    for (name, flags, more) in [("a.ndjson", &[][..], 0), ("b.ndjson", &["--no-ids"], 10)] {
        let before = stored(&server);
        let sending = Sending::of(&place, name);
        write(&sending.file, (1..=EVENTS).map(unidentified));
        let mut command = sending.command(&place.url());
        command.args(flags);
        let mut process =
            Process(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
        until("it is kept how far it was sent", Duration::from_secs(30), || {
            (kept(&sending.state) > 0).then_some(())
        });
        process.0.kill().unwrap();
        process.0.wait().unwrap();
        let (code, _, said) = sending.run(&place.url(), flags);
        assert_eq!(code, 0, "{said}");
        assert!(said.contains("going on after line"), "{said}");
        let stored = stored(&server) - before;
        assert!((EVENTS..=EVENTS + more).contains(&stored), "{stored}");
    }
    server.stop();
}

#[test]
fn a_bookmark_counts_for_the_same_file_and_journal_only() {
    let (place, other) = (Place::new(Store::Memory), Place::new(Store::Memory));
    let (server, fresh) = (place.start(), other.start());
    let sending = Sending::of(&place, "events.ndjson");
    sending.interrupted(&place.url(), identified);
    let (_, sum, said) = sending.run(&other.url(), &[]);
    assert!(sum.starts_with("accepted 20, ") && !said.contains("going on"), "{sum}{said}");
    assert_eq!(stored(&fresh), 20);

    let edited = |n: usize| if n == 3 { identified(1003) } else { identified(n) };
    write(&sending.file, (1..=40).map(edited));
    let (code, sum, said) = sending.run(&place.url(), &[]);
    assert_eq!((code, &*sum), (0, "accepted 21, duplicates 19, conflicts 0, invalid 0\n"));
    assert!(said.contains("was changed") && said.contains("beginning anew"), "{said}");

    let sending = Sending::of(&place, "more.ndjson");
    let more = |n: usize| identified(n + 100);
    write(&sending.file, (1..=20).map(more).chain([WRONG.to_owned()]));
    assert_eq!(sending.run(&place.url(), &[]).0, 1);
    write(&sending.file, (1..=20).map(more));
    let (code, sum, said) = sending.run(&place.url(), &["--restart"]);
    assert_eq!((code, &*sum), (0, "accepted 0, duplicates 20, conflicts 0, invalid 0\n"));
    assert!(!said.contains("going on"), "{said}");
    server.stop();
    fresh.stop();
}

/// A restored back-up has the journal's id, and not all acknowledged events; by the time of the
/// next upload, other clients may have filled the journal beyond the old position.
#[test]
fn events_that_a_restored_server_lost_are_sent_again() {
    let (place, copy) = (Place::new(Store::Memory), Place::new(Store::Memory));
    let server = place.start();
    let backup = [OsStr::new("backup"), copy.data_dir().as_os_str()].map(OsStr::to_owned);
    let (code, _, error) = outcome(merganser().args(backup).env("MERGANSER_SERVER", place.url()));
    assert_eq!(code, 0, "{error}");
    let sending = Sending::of(&place, "events.ndjson");
    sending.interrupted(&place.url(), identified);
    server.kill();
    let restored = copy.start();
    let others: Vec<String> =
        (0..100).map(|n| format!(r#"{{"id":"o-{n}","event":"x"}}"#)).collect();
    restored.http.send(&others);
    write(&sending.file, (1..=40).map(identified));
    let (code, _, said) = sending.run(&copy.url(), &[]);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("has lost events") && said.contains("beginning anew"), "{said}");
    assert_eq!(stored(&restored), 140);
    restored.stop();
}
