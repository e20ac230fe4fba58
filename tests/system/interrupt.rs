//! `merganser ingest` that is stopped by a signal, or killed: it says what is certain, and every
//! event counts once when the same command is run again.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use parquet::arrow::ArrowWriter;
use serde_json::json;

use crate::command_line::outcome;
use crate::http::number;
use crate::in_both_stores;
use crate::load::Random;
use crate::server::{Place, Process, Server, Store, merganser};
use crate::wait::until;

/// Interruptions of a test, unless the environment says another number.
const TRIALS: u64 = 8;
/// Events of a file.
const EVENTS: i64 = 2_000;

fn trials() -> u64 {
    let trials = std::env::var("SYSTEM_TEST_INTERRUPTIONS").ok();
    trials.map_or(TRIALS, |text| text.parse().unwrap())
}

fn ingest(place: &Place, url: &str, file: &Path, flags: &[&str]) -> Command {
    let mut command = merganser();
    command.arg("ingest").arg(file).args(flags).env("MERGANSER_SERVER", url);
    command.env("XDG_STATE_HOME", place.dir.path().join("state"));
    command
}

fn signal(process: &Child, name: &str) {
    let pid = process.id().to_string();
    assert!(Command::new("kill").args([&format!("-{name}"), &*pid]).status().unwrap().success());
}

/// The exit code of a process that ends by itself.
fn code(process: &mut Process) -> Option<i32> {
    let ended = || process.0.try_wait().unwrap();
    until("it ends", Duration::from_secs(60), ended).code()
}

fn stored(server: &Server) -> usize {
    number(&server.http.get("/v1/status").body["journal"]["position"]["0"])
}

/// The formats of files, and whether their events have ids.
const KINDS: [(&str, bool); 7] = [
    ("lines.ndjson", false),
    ("lines.ndjson", true),
    ("lines.ndjson.gz", false),
    ("lines.csv", false),
    ("lines.csv", true),
    ("lines.csv.zst", false),
    ("lines.parquet", false),
];

/// Writes the events of a trial; the first ones of all files look the same.
fn write(file: &Path, trial: u64, has_ids: bool) {
    let name = file.to_string_lossy().into_owned();
    if name.ends_with(".parquet") {
        let columns: Vec<(&str, ArrayRef)> = vec![
            ("event", Arc::new(StringArray::from_iter_values((0..EVENTS).map(|_| "line")))),
            ("n", Arc::new(Int64Array::from_iter_values(0..EVENTS))),
            (
                "trial",
                Arc::new(StringArray::from_iter_values((0..EVENTS).map(|_| trial.to_string()))),
            ),
        ];
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        let mut out =
            ArrowWriter::try_new(File::create(file).unwrap(), batch.schema(), None).unwrap();
        out.write(&batch).unwrap();
        out.close().unwrap();
        return;
    }
    let id = |n: i64| if has_ids { format!("{trial}-{n}") } else { String::new() };
    let text: String = if name.contains(".csv") {
        let row = |n: i64| format!("{},line,{n},t{trial}\n", id(n));
        std::iter::once("id,event,n,trial\n".to_owned()).chain((0..EVENTS).map(row)).collect()
    } else {
        let line = |n: i64| {
            let id = if has_ids { format!("\"id\":\"{}\",", id(n)) } else { String::new() };
            let properties = json!({ "n": n, "trial": format!("t{trial}") });
            format!("{{{id}\"event\":\"line\",\"properties\":{properties}}}\n")
        };
        (0..EVENTS).map(line).collect()
    };
    let bytes = match name.rsplit_once('.').unwrap().1 {
        "gz" => {
            let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            gzip.write_all(text.as_bytes()).unwrap();
            gzip.finish().unwrap()
        }
        "zst" => zstd::encode_all(text.as_bytes(), 1).unwrap(),
        _ => text.into_bytes(),
    };
    fs::write(file, bytes).unwrap();
}

/// The signals, and how a process ends by them that listens, if it does.
const SIGNALS: [(&str, Option<i32>); 3] = [("INT", Some(130)), ("TERM", Some(143)), ("KILL", None)];

/// Interrupts a sending at a moment of its whole time: nothing depends on which one it is. Which of
/// the signals ended it, if one did: it may have ended by itself, or not listened yet.
fn interrupted(mut command: Command, whole: Duration, random: &mut Random) -> Option<usize> {
    let mut process =
        Process(command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap());
    thread::sleep(Duration::from_millis(random.below(whole.as_millis() as u64 + 1)));
    let at = random.below(3) as usize;
    let (name, expected) = SIGNALS[at];
    signal(&process.0, name);
    let ended = code(&mut process);
    let mut said = String::new();
    process.0.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    let says_it = said.contains("acknowledged") || said.contains("nothing was sent");
    assert!(ended != expected || name == "KILL" || says_it, "{said}");
    (ended == expected).then_some(at)
}

fn each_line_is_counted_once(server: &Server) {
    let position = &server.http.get("/v1/status").body["journal"]["position"];
    let query = json!({ "metric": "lines", "group_by": ["trial"], "after": position });
    let rows = until("the metric answers", Duration::from_secs(30), || {
        let reply = server.http.post("/v1/query", &query);
        (reply.status == 200).then(|| reply.body["rows"].clone())
    });
    for row in rows.as_array().unwrap() {
        let sum = EVENTS * (EVENTS - 1) / 2;
        assert_eq!((&row["n"], &row["sum"]), (&json!(EVENTS), &json!(sum)), "{rows}");
    }
}

fn every_event_counts_once(store: Store) {
    let mut random = Random::new();
    let place = Place::new(store);
    let server = place.start();
    let definition = json!({
        "event": "line",
        "dimensions": ["trial"],
        "measures": { "n": { "kind": "count" }, "sum": { "kind": "sum", "of": "n" } },
    });
    assert_eq!(server.http.put("/v1/metrics/lines", &definition).status, 202);
    let (mut cut, mut whole) = ([0; 3], Duration::from_secs(1));
    for trial in 0..trials() {
        let (name, has_ids) = KINDS[random.below(KINDS.len() as u64) as usize];
        // One directory for all, so that most have the name of an earlier one with its beginning.
        let file = place.dir.path().join(name);
        let _ = fs::remove_file(&file);
        write(&file, trial, has_ids);
        let batch_events = (10 + random.below(90)).to_string();
        let flags = ["--batch-events", &*batch_events];
        let before = stored(&server);
        let begun = Instant::now();
        let mut is_cut = false;
        for _ in 0..1 + random.below(2) {
            let command = ingest(&place, &place.url(), &file, &flags);
            if let Some(at) = interrupted(command, whole, &mut random) {
                is_cut = true;
                cut[at] += 1;
            }
        }
        let (code, total, said) = outcome(&mut ingest(&place, &place.url(), &file, &flags));
        assert_eq!(code, 0, "trial {trial}, {name}: {total}{said}");
        if !is_cut {
            whole = begun.elapsed().min(Duration::from_secs(3));
        }
        assert_eq!(
            stored(&server) - before,
            EVENTS as usize,
            "trial {trial}, {name}: {total}{said}"
        );
        each_line_is_counted_once(&server);
    }
    println!(
        "{} trials; ended by SIGINT {}, SIGTERM {}, SIGKILL {}",
        trials(),
        cut[0],
        cut[1],
        cut[2]
    );
    server.stop();
    place.check_log(&[]);
}

in_both_stores!(every_event_counts_once);

#[test]
fn an_event_without_an_id_is_known_by_file_and_line() {
    let place = Place::new(Store::Memory);
    let server = place.start();
    let path = |name: &str| place.dir.path().join(name);
    let send = |name: &str, flags: &[&str]| {
        let (code, total, said) = outcome(&mut ingest(&place, &place.url(), &path(name), flags));
        assert_eq!(code, 0, "{said}");
        (total, said)
    };
    let sum = |accepted: usize, duplicates: usize| {
        format!("accepted {accepted}, duplicates {duplicates}, conflicts 0, invalid 0\n")
    };
    let same = "{\"event\":\"x\"}\n";
    // Lines that look the same are events of their own, and are known when they come again, also
    // where the last one had no end before.
    fs::write(path("a"), same.repeat(3).trim_end()).unwrap();
    let (total, said) = send("a", &["--batch-events", "2"]);
    assert_eq!(total, sum(3, 0));
    assert!(said.contains("3 events had no `id`") && said.contains("--no-ids"), "{said}");
    assert_eq!(send("a", &[]).0, sum(0, 3));
    fs::write(path("a"), same.repeat(5)).unwrap();
    assert_eq!(send("a", &["--encoding", "gzip"]).0, sum(2, 3));
    // Another file is another file, and on purpose the same is sent once more.
    fs::copy(path("a"), path("b")).unwrap();
    assert_eq!(send("b", &[]).0, sum(5, 0));
    let (total, said) = send("b", &["--no-ids"]);
    assert_eq!(total, sum(5, 0));
    assert!(said.contains("5 events had no `id`: what is sent again is stored again"), "{said}");
    // The same of rows, where a column of ids has some.
    let rows = "id,event,n\n,x,1\nr-1,x,2\n,x,1\n";
    fs::write(path("c.csv"), rows).unwrap();
    assert_eq!(send("c.csv", &[]).0, sum(3, 0));
    fs::write(path("c.csv"), format!("{rows},x,4\n")).unwrap();
    let (total, said) = send("c.csv", &["--batch-events", "1"]);
    assert_eq!(total, sum(1, 3));
    assert!(said.contains("3 events had no `id`"), "{said}");
    // What is wrong with a row is said as it stands in the file.
    fs::write(path("d.csv"), "event,n\nx,1,2\nx,\"1\"2\n,\n").unwrap();
    let (code, _, said) = outcome(&mut ingest(&place, &place.url(), &path("d.csv"), &[]));
    assert_eq!(code, 1);
    assert!(
        said.contains("d.csv:2: malformed_event: the row has 3 fields, and the line of names 2"),
        "{said}"
    );
    assert!(said.contains("d.csv:4: malformed_event: all fields of the row are empty"), "{said}");
    let raw = server.http.get("/v1/quarantine").body["entries"][0]["raw"].clone();
    assert_eq!(raw, "x,1,2");
    // What is read from a pipe has no lines that come again.
    for _ in 0..2 {
        let mut command = ingest(&place, &place.url(), Path::new("-"), &[]);
        command.stdin(File::open(path("a")).unwrap());
        assert_eq!(outcome(&mut command).1, sum(5, 0));
    }
    server.stop();
}

/// A server that answers the first request of events, and each further one when the test lets it.
struct Slow {
    url: String,
    /// Gets a message when a request is there that is not answered.
    requested: Receiver<()>,
    answer: Sender<()>,
}

impl Slow {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let ((arrived, requested), (answer, answered)) = (channel(), channel());
        thread::spawn(move || {
            let mut requests = 0;
            for stream in listener.incoming().flatten() {
                while let Some((path, events)) = request(&stream) {
                    let status = r#"{"journal":{"id":"j","position":{"0":0}}}"#.to_owned();
                    let body = if path == "/v1/status" {
                        status
                    } else {
                        requests += 1;
                        if requests > 1 && (arrived.send(()).is_err() || answered.recv().is_err()) {
                            return;
                        }
                        json!({ "accepted": events, "duplicates": 0, "position": { "0": 0 } })
                            .to_string()
                    };
                    let length = body.len();
                    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n");
                    if (&stream).write_all(format!("{head}{body}").as_bytes()).is_err() {
                        break;
                    }
                }
            }
        });
        Self { url, requested, answer }
    }
}

/// The path of the next request, and how many lines its body has.
fn request(stream: &TcpStream) -> Option<(String, usize)> {
    let mut reader = BufReader::with_capacity(1, stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let path = line.split([' ', '?']).nth(1)?.to_owned();
    let mut length = 0;
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        let header = header.trim().to_ascii_lowercase();
        if header.is_empty() {
            break;
        }
        if let Some(value) = header.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some((path, body.iter().filter(|byte| **byte == b'\n').count()))
}

/// A process that sends 30 lines by tens to a slow server, and waits for the second answer.
fn waiting(place: &Place, slow: &Slow, flags: &[&str]) -> Process {
    let file: PathBuf = place.dir.path().join("lines");
    fs::write(&file, "{\"event\":\"x\"}\n".repeat(30)).unwrap();
    let mut command = ingest(place, &slow.url, &file, &["--batch-events", "10", "--key", "secret"]);
    command.args(flags).stdout(Stdio::piped()).stderr(Stdio::piped());
    let process = Process(command.spawn().unwrap());
    slow.requested.recv_timeout(Duration::from_secs(30)).unwrap();
    process
}

/// What a process printed, once it has ended with a code.
fn printed(mut process: Process, expected: i32) -> (String, String) {
    assert_eq!(code(&mut process), Some(expected));
    let (mut stdout, mut stderr) = (String::new(), String::new());
    process.0.stdout.take().unwrap().read_to_string(&mut stdout).unwrap();
    process.0.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    (stdout, stderr)
}

#[test]
fn the_answer_under_way_is_awaited_and_what_is_certain_is_said() {
    let place = Place::new(Store::Memory);
    let slow = Slow::start();
    let mut process = waiting(&place, &slow, &[]);
    signal(&process.0, "INT");
    let mut stderr = BufReader::new(process.0.stderr.take().unwrap());
    let mut line = String::new();
    stderr.read_line(&mut line).unwrap();
    assert!(line.starts_with("waiting for the answer to lines 11 to 20; once more"), "{line}");
    slow.answer.send(()).unwrap();
    assert_eq!(code(&mut process), Some(130));
    let (mut stdout, mut said) = (String::new(), String::new());
    process.0.stdout.take().unwrap().read_to_string(&mut stdout).unwrap();
    stderr.read_to_string(&mut said).unwrap();
    assert_eq!(stdout, "accepted 20, duplicates 0, conflicts 0, invalid 0\n");
    for words in [
        "20 events acknowledged",
        "lines` is acknowledged up to line 20; nothing behind that was stored",
        "run the same command again to go on: merganser ingest ",
        " --key KEY",
    ] {
        assert!(said.contains(words), "no {words} in {said}");
    }
    assert!(!said.contains("secret"), "{said}");
}

#[test]
fn a_second_signal_ends_it_at_once_and_what_is_not_certain_is_said() {
    for (flags, words) in [
        (&[][..], "sending them again is safe"),
        (&["--no-ids"], "10 events have no `id`, so that sending them again may store these twice"),
    ] {
        let (place, slow) = (Place::new(Store::Memory), Slow::start());
        let mut process = waiting(&place, &slow, &[flags, &["--output", "json"]].concat());
        signal(&process.0, "TERM");
        let mut stderr = BufReader::new(process.0.stderr.take().unwrap());
        stderr.read_line(&mut String::new()).unwrap();
        signal(&process.0, "TERM");
        assert_eq!(code(&mut process), Some(143));
        let (mut stdout, mut said) = (String::new(), String::new());
        process.0.stdout.take().unwrap().read_to_string(&mut stdout).unwrap();
        stderr.read_to_string(&mut said).unwrap();
        let sum: serde_json::Value = serde_json::from_str(&stdout).unwrap();
        assert_eq!((&sum["accepted"], &sum["end"]), (&json!(10), &json!("interrupted")));
        assert!(said.contains("lines 11 to 20 may be stored, since no answer came"), "{said}");
        assert!(said.contains(words), "{said}");
    }
}

/// Whether a process has taken SIGTERM over from the system.
fn listens(process: &Child) -> bool {
    let status = fs::read_to_string(format!("/proc/{}/status", process.id())).unwrap();
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap();
    u64::from_str_radix(caught.trim(), 16).unwrap() & (1 << (15 - 1)) != 0
}

#[test]
fn an_upload_that_waits_for_a_pipe_or_a_server_ends_after_a_signal() {
    let place = Place::new(Store::Memory);
    let slow = Slow::start();
    let away = format!("http://127.0.0.1:{}", crate::redis_server::free_port());
    let file = place.dir.path().join("lines");
    fs::write(&file, "{\"event\":\"x\"}\n").unwrap();
    for (url, file) in [(&slow.url, Path::new("-")), (&away, &*file)] {
        let mut command = ingest(&place, url, file, &[]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = Process(command.spawn().unwrap());
        process.0.stdin.as_mut().unwrap().write_all(b"{\"event\":\"x\"}\n").unwrap();
        until("it listens to signals", Duration::from_secs(30), || {
            listens(&process.0).then_some(())
        });
        signal(&process.0, "TERM");
        let (stdout, said) = printed(process, 143);
        assert_eq!(stdout, "accepted 0, duplicates 0, conflicts 0, invalid 0\n");
        assert!(said.contains("nothing"), "{said}");
    }
}
