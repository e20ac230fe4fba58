//! Bounds: what is too much is refused or survived, and other clients are served meanwhile.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use crate::arguments::Arguments;
use crate::http::Http;
use crate::ledger::Violation;
use crate::load::run;
use crate::random::Random;
use crate::report::Report;
use crate::service::{Place, Service};

/// Memory that something which is refused may cost, in KiB: a body may take 64 MiB decompressed,
/// and is held some times while it is read.
const REFUSED_KIB: u64 = 512 << 10;

/// All of them.
pub(crate) fn all(a: &Arguments, report: &Report, _: &mut Random) -> Result<(), Violation> {
    deep_json(report)?;
    bomb(report)?;
    slow_connections(report)?;
    backlog(None, report)?;
    days(if a.is_long() { 40_000 } else { 1_500 }, report)?;
    groups(if a.is_long() { 5_000_000 } else { 30_000 }, report)
}

fn start() -> Result<(Place, Service), Violation> {
    let place = Place::new("memory", None);
    let service = place.start()?;
    serves(&service.http, "at the start")?;
    Ok((place, service))
}

/// Another client gets an event in.
fn serves(http: &Http, when: &str) -> Result<(), Violation> {
    let started = Instant::now();
    let event = r#"{"event":"other"}"#;
    let reply = http.post("/v1/events", "application/json", event.as_bytes());
    match reply {
        Ok(reply) if reply.status == 200 && started.elapsed() < Duration::from_secs(10) => Ok(()),
        other => Err(format!("{when} another client waited {:?} for {other:?}", started.elapsed())),
    }
}

fn costs_little(service: &Service, before_kib: u64, what: &str) -> Result<(), Violation> {
    let cost_kib = service.resident_kib().saturating_sub(before_kib);
    match cost_kib < REFUSED_KIB {
        true => Ok(()),
        false => Err(format!("{what} cost {} MiB of memory", cost_kib >> 10)),
    }
}

/// Objects in objects, 10,000 deep and deeper than any stack.
fn deep_json(report: &Report) -> Result<(), Violation> {
    let (_place, mut service) = start()?;
    for depth in [33, 10_000, 1_000_000] {
        let (open, close) = (r#"{"a":"#.repeat(depth), "}".repeat(depth));
        for body in [
            format!(r#"{{"event":"e","properties":{open}1{close}}}"#),
            format!("{}{}", "[".repeat(depth), "]".repeat(depth)),
        ] {
            let reply = service.http.post("/v1/events", "application/json", body.as_bytes());
            let reply = reply.map_err(|error| format!("JSON {depth} deep: {error}"))?;
            if !matches!(reply.status, 400 | 413 | 422) || reply.code().is_empty() {
                return Err(format!("JSON {depth} deep: {}: {}", reply.status, reply.text));
            }
        }
    }
    serves(&service.http, "after deep JSON")?;
    report.add("bodies of deep JSON refused", 6);
    service.ended().map_or(Ok(()), |status| Err(format!("deep JSON ended the service: {status}")))
}

/// 10 GiB of blanks as zstd: blocks of one repeated byte, as RFC 8878 describes them.
fn bomb(report: &Report) -> Result<(), Violation> {
    const BLOCK: u32 = 128 << 10;
    let blocks = (10_u64 << 30) / u64::from(BLOCK);
    // The magic number, a frame without a size, and a window of 2 MiB.
    let mut body = vec![0x28, 0xB5, 0x2F, 0xFD, 0x00, 0x58];
    for block in 0..blocks {
        let is_last = u32::from(block + 1 == blocks);
        body.extend(&(is_last | 1 << 1 | BLOCK << 3).to_le_bytes()[..3]);
        body.push(b' ');
    }
    let (_place, service) = start()?;
    let before_kib = service.resident_kib();
    let started = Instant::now();
    let kinds = ["application/json", "application/x-ndjson"];
    for kind in kinds {
        let reply = service.http.post_encoded("/v1/events", kind, "zstd", &body);
        let reply = reply.map_err(|error| format!("a bomb: {error}"))?;
        if reply.status != 413 {
            return Err(format!("a bomb: {}: {}", reply.status, reply.text));
        }
    }
    let took = started.elapsed();
    if took > Duration::from_secs(20) {
        return Err(format!("refusing two bombs took {took:?}"));
    }
    report.add("bombs of 10 GiB refused", kinds.len() as u64);
    serves(&service.http, "after a bomb")?;
    costs_little(&service, before_kib, "a bomb")
}

/// 2,000 clients that send a byte now and then.
fn slow_connections(report: &Report) -> Result<(), Violation> {
    let (place, service) = start()?;
    let before_kib = service.resident_kib();
    let address = place.url().trim_start_matches("http://").to_owned();
    let head = "POST /v1/events HTTP/1.1\r\nHost: slow\r\nContent-Type: application/x-ndjson\r\n\
                Content-Length: 60000\r\n\r\n{";
    let mut slow = Vec::new();
    for n in 0..2_000 {
        let mut stream = TcpStream::connect(&address)
            .map_err(|error| format!("the connection number {n} was not taken: {error}"))?;
        stream.set_nonblocking(true).map_err(|error| error.to_string())?;
        let _ = stream.write(head.as_bytes());
        slow.push(stream);
    }
    for round in 0..4 {
        serves(&service.http, &format!("beside {} slow connections", slow.len()))?;
        for stream in &mut slow {
            // One that was closed on us was refused.
            let _ = stream.write(b" ");
        }
        thread::sleep(Duration::from_millis(if round < 3 { 300 } else { 0 }));
    }
    let is_open = |stream: &mut TcpStream| {
        let mut byte = [0];
        stream.read(&mut byte).is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
    };
    let open = slow.iter_mut().filter_map(|stream| is_open(stream).then_some(())).count();
    report.add("slow connections held", open as u64);
    costs_little(&service, before_kib, "slow connections")?;
    drop(slow);
    serves(&service.http, "after the slow connections")
}

fn send(http: &Http, lines: &[String]) -> Result<u16, Violation> {
    let body = lines.join("\n");
    let reply = http.post("/v1/events", "application/x-ndjson", body.as_bytes());
    let reply = reply.map_err(|error| error.to_string())?;
    match reply.status {
        200 | 503 => Ok(reply.status),
        status => Err(format!("events are answered {status}: {}", reply.text)),
    }
}

/// Sends all of them, so many a request, waiting where the service says so.
fn send_all(
    http: &Http,
    count: u64,
    request: u64,
    event: impl Fn(u64) -> String,
) -> Result<(), Violation> {
    for from in (0..count).step_by(request as usize) {
        let lines: Vec<String> = (from..count.min(from + request)).map(&event).collect();
        let started = Instant::now();
        while send(http, &lines)? != 200 {
            if started.elapsed() > Duration::from_secs(60) {
                return Err("the service takes nothing for a minute".to_owned());
            }
            thread::sleep(Duration::from_millis(100));
        }
    }
    Ok(())
}

/// As many events as are taken while runs are slow: what no run has covered stays below twice its
/// bound, and all events are counted.
pub(crate) fn backlog(planted: Option<&str>, report: &Report) -> Result<(), Violation> {
    const BOUND: u64 = 2_000;
    const CLIENTS: u64 = 4;
    const EVENTS: u64 = 5_000;
    const REQUEST: u64 = 50;
    let event =
        |client: u64, n: u64| item(&format!("b{client}-{n}"), "\"2025-01-01T00:00:00Z\"", "0");
    let mut place = Place::new("memory", planted);
    place.more = vec!["--backlog-max-events".to_owned(), BOUND.to_string()];
    let service = place.start_with("run.publish.before=sleep(1000)")?;
    let http = &service.http;
    let largest = thread::scope(|scope| {
        let senders: Vec<_> = (0..CLIENTS)
            .map(|client| {
                scope.spawn(move || send_all(http, EVENTS, REQUEST, |n| event(client, n)))
            })
            .collect();
        let mut largest = 0;
        while !senders.iter().all(thread::ScopedJoinHandle::is_finished) {
            let status = http.get("/v1/status").map_err(|error| error.to_string())?.json();
            largest = largest.max(status["backlog"]["events"].as_u64().unwrap_or(u64::MAX));
        }
        for sender in senders {
            sender.join().map_err(|_| "a sender of events ended".to_owned())??;
        }
        Ok::<_, Violation>(largest)
    })?;
    report.highest("events without a run, of a bound of 2,000", largest);
    // A request that has its turn may come on top.
    if largest > 2 * BOUND + CLIENTS * REQUEST {
        return Err(format!("{largest} events wait for runs, over twice the bound of {BOUND}"));
    }
    counted(http, CLIENTS * EVENTS)
}

fn item(id: &str, time: &str, chunk: &str) -> String {
    let properties = format!(r#"{{"c":"0","chunk":"{chunk}","w":1}}"#);
    format!(r#"{{"id":"{id}","event":"item","time":{time},"properties":{properties}}}"#)
}

fn counted(http: &Http, expected: u64) -> Result<(), Violation> {
    let started = Instant::now();
    loop {
        let path = "/v1/query?metric=items&measures=n";
        let reply = http.get(path).map_err(|error| error.to_string())?;
        if reply.status == 200 && reply.json()["rows"][0]["n"] == expected {
            return Ok(());
        }
        if started.elapsed() > Duration::from_secs(600) {
            return Err(format!("not {expected}: {}: {}", reply.status, reply.text));
        }
        thread::sleep(Duration::from_millis(100));
    }
}

/// Events on very many days: files and memory stay within bounds.
fn days(count: u64, report: &Report) -> Result<(), Violation> {
    let (place, service) = start()?;
    send_all(&service.http, count, 10_000, |n| {
        // Days since 1970, as milliseconds; from 1915 on.
        let time = (n as i64 - 20_000) * 86_400_000;
        item(&format!("d{n}"), &time.to_string(), "0")
    })?;
    counted(&service.http, count)?;
    run(&service.http, "incremental")?;
    counted(&service.http, count)?;
    run(&service.http, "full")?;
    counted(&service.http, count)?;
    serves(&service.http, "beside very many days")?;
    let files = files(&place.data_dir());
    report.highest("days with events", count);
    report.highest("files of these days", files);
    report.highest("memory with these days, in MiB", service.resident_kib() >> 10);
    if files > 200 {
        return Err(format!("{count} days make {files} files"));
    }
    Ok(())
}

fn files(folder: &std::path::Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(folder) else { return 1 };
    entries.filter_map(Result::ok).map(|entry| files(&entry.path())).sum()
}

/// More groups than a metric may have: it becomes incomplete, says so, and a run relieves it.
fn groups(count: u64, report: &Report) -> Result<(), Violation> {
    let mut place = Place::new("memory", None);
    let limit = count / 2;
    place.more = vec!["--metric-max-groups".to_owned(), limit.to_string()];
    let service = place.start()?;
    send_all(&service.http, count, 10_000, |n| {
        item(&format!("g{n}"), "\"2025-01-01T00:00:00Z\"", &n.to_string())
    })?;
    serves(&service.http, "beside very many groups")?;
    // The run that relieves it starts by itself.
    counted(&service.http, count)?;
    report.highest("distinct groups of a metric", count);
    report.highest("memory with these groups, in MiB", service.resident_kib() >> 10);
    Ok(())
}
