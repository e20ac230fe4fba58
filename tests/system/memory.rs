//! Memory of answers: bounded in bytes, as the service counts them and as the system does, shared
//! among callers, and given back.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::http::{Http, number};
use crate::in_both_stores;
use crate::server::{Place, Server, Store};
use crate::wait::until;

const MIB: usize = 1 << 20;
const LIMIT: usize = 64 * MIB;
/// Groups of the metric `readers`.
const READERS: usize = 40_000;

fn define(http: &Http, name: &str, dimension: &str) {
    let measures = json!({ "n": { "kind": "count" }, "sum": { "kind": "sum", "of": "n" } });
    let definition = json!({ "event": "read", "dimensions": [dimension], "measures": measures });
    let reply = http.put(&format!("/v1/metrics/{name}"), &definition);
    assert!([200, 202].contains(&reply.status), "{}", reply.body);
}

/// A service with a small budget and many groups, whose names have so many bytes, half of them in
/// the batch view.
fn loaded(place: &Place, name_bytes: usize) -> Server {
    let bound = format!("{LIMIT}");
    let server = place.start_with(&["--query-memory-bytes", &bound]);
    define(&server.http, "readers", "reader");
    define(&server.http, "shelves", "shelf");
    let read = |n: usize| {
        let reader = format!("{n:0>name_bytes$}");
        let properties = json!({ "reader": reader, "shelf": format!("s{}", n % 7), "n": n });
        let time = format!("2026-03-{:02}T10:00:00Z", 1 + n % 28);
        json!({ "id": format!("r-{n}"), "event": "read", "time": time, "properties": properties })
            .to_string()
    };
    let lines: Vec<String> = (0..READERS).map(read).collect();
    server.http.send(&lines[..READERS / 2]);
    server.run("incremental");
    server.http.send(&lines[READERS / 2..]);
    server
}

/// Bytes that the process holds.
fn resident(server: &Server) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.id())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() << 10
}

/// Bytes that the service counts, and those of them that are kept for later.
fn taken(http: &Http) -> (usize, usize) {
    let status = http.get("/v1/status").body;
    assert_eq!(number(&status["query_memory"]["limit_bytes"]), LIMIT);
    (number(&status["query_memory"]["taken_bytes"]), number(&status["cache_bytes"]))
}

/// Waits until nothing is taken but what is kept for later.
fn given_back(what: &str, http: &Http) {
    until(what, Duration::from_secs(20), || {
        let (taken, kept) = taken(http);
        (taken <= kept + MIB).then_some(())
    });
}

/// Requests a path on a connection of its own, which is read no further than to the status.
fn open(place: &Place, path: &str, accept: &str) -> BufReader<TcpStream> {
    let mut stream = TcpStream::connect(place.url().trim_start_matches("http://")).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(40))).unwrap();
    let head = format!("GET {path} HTTP/1.1\r\nHost: x\r\nAccept: {accept}\r\n\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    let mut reader = BufReader::with_capacity(64, stream);
    let status = next_line(&mut reader, "HTTP/1.1");
    assert!(status.contains("200"), "{path}: {status}");
    reader
}

/// The first answer to a query that was not sent before.
fn first(http: &Http, n: usize) -> (u16, Value) {
    let path = format!(
        "/v1/query?metric=readers&group_by=reader&order_by=-sum&limit=1&measures=sum\
         &filter=reader%20%3C%3E%20%27x{n}%27"
    );
    let reply = http.get(&path);
    (reply.status, reply.body)
}

/// Many queries at once take no more than the budget, no answer is cut off, queries that need
/// little are answered meanwhile, and all memory is given back.
fn many_queries_at_once_stay_within_the_budget(store: Store) {
    let place = Place::new(store);
    let server = loaded(&place, 300);
    let http = &server.http;
    let idle = resident(&server);
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let watched = scope.spawn(|| {
            let (mut most, mut slowest, mut count) = (0, Duration::ZERO, 0);
            while !is_over.load(Ordering::SeqCst) {
                let begun = Instant::now();
                let path =
                    format!("/v1/query?metric=shelves&filter=shelf%20%3C%3E%20%27x{count}%27");
                let reply = http.get(&path);
                assert_eq!((reply.status, number(&reply.body["rows"][0]["n"])), (200, READERS));
                slowest = slowest.max(begun.elapsed());
                assert!(taken(http).0 <= LIMIT);
                most = most.max(resident(&server));
                count += 1;
            }
            (most, slowest)
        });
        let clients: Vec<_> = (0..24).map(|n| scope.spawn(move || first(http, n))).collect();
        let mut answered = 0;
        for client in clients {
            match client.join().unwrap() {
                (200, body) => {
                    assert_eq!(body["rows"][0]["sum"], json!(READERS - 1), "{body}");
                    assert_eq!(body["total_rows"], json!(READERS));
                    answered += 1;
                }
                (status, body) => {
                    assert_eq!((status, &body["code"]), (503, &json!("overloaded")), "{body}");
                }
            }
        }
        assert!(answered > 0);
        is_over.store(true, Ordering::SeqCst);
        let (most, slowest) = watched.join().unwrap();
        // Beside what is counted, the allocator keeps for some seconds what was given back, and all
        // the more when other tests take the processors. Without a budget it was 250 MiB.
        assert!(most < idle + 3 * LIMIT, "{} MiB over {}", (most - idle) / MIB, idle / MIB);
        assert!(slowest < Duration::from_secs(10), "a short query took {slowest:?}");
    });
    // What is kept for later is part of it, and is all that is left.
    given_back("all is given back", http);
    server.stop();
}

in_both_stores!(many_queries_at_once_stay_within_the_budget);

/// The error of a query that needs more than the budget says how to need less; others are answered.
fn a_query_that_needs_more_than_the_budget_is_refused(store: Store) {
    let place = Place::new(store);
    let server = loaded(&place, 1_400);
    let http = &server.http;
    let all = "/v1/query?metric=readers&granularity=minute&group_by=reader&limit=100000&format=csv";
    let reply = http.get(all);
    assert_eq!(
        (reply.status, &reply.body["code"]),
        (413, &json!("query_too_large")),
        "{}",
        reply.body
    );
    assert_eq!(number(&reply.body["limit_bytes"]), LIMIT - LIMIT / 8);
    assert!(reply.body["detail"].as_str().unwrap().contains("shorter range"), "{}", reply.body);
    let less = http.get(&format!("{all}&from=2026-03-01&to=2026-03-03"));
    assert_eq!(less.status, 200, "{}", less.body);
    let shelves = http.get("/v1/query?metric=shelves");
    assert_eq!(number(&shelves.body["rows"][0]["n"]), READERS);
    server.stop();
}

in_both_stores!(a_query_that_needs_more_than_the_budget_is_refused);

/// Streams hold what is on its way to them, and nothing while they wait.
fn streams_that_wait_hold_nothing(store: Store) {
    let place = Place::new(store);
    let server = loaded(&place, 200);
    let http = &server.http;
    let follow = |n: usize| {
        // Two of each, which are equal.
        let other = n / 2;
        let path = format!(
            "/v1/query?metric=readers&group_by=reader&limit=4000\
             &filter=reader%20%3C%3E%20%27x{other}%27"
        );
        let mut reader = open(&place, &path, "text/event-stream");
        next_line(&mut reader, "\"total_rows\":");
        reader
    };
    let mut streams: Vec<_> = (0..20).map(follow).collect();
    given_back("what was sent is given back", http);
    let event = json!({ "id": "new", "event": "read", "time": "2026-03-01T10:00:00Z",
        "properties": { "reader": "0", "shelf": "s0", "n": 1 } });
    http.send(&[event.to_string()]);
    for stream in &mut streams {
        let text = next_line(stream, "\"total_rows\":");
        assert!(text.contains(&format!("\"total_rows\":{}", READERS + 1)), "it has the new one");
    }
    drop(streams);
    given_back("all is given back", http);
    server.stop();
}

in_both_stores!(streams_that_wait_hold_nothing);

/// The rows of an answer are counted until its client has them, in whatever format, and others are
/// answered meanwhile.
fn an_answer_that_is_read_slowly_is_counted_until_it_is_sent(store: Store) {
    let place = Place::new(store);
    let server = loaded(&place, 200);
    let http = &server.http;
    for format in ["json", "ndjson", "csv", "arrow", "parquet"] {
        let path = format!("/v1/query?metric=readers&group_by=reader&limit=100000&format={format}");
        let reader = open(&place, &path, "*/*");
        // The texts alone.
        let (taken_now, kept) = taken(http);
        assert!(
            taken_now - kept >= READERS * 200,
            "{format}: {taken_now} of which {kept} are kept"
        );
        assert_eq!(first(http, 0).0, 200);
        drop(reader);
        given_back("it is given back", http);
    }
    server.stop();
}

in_both_stores!(an_answer_that_is_read_slowly_is_counted_until_it_is_sent);

/// The next line that has this; texts are cut where they were sent in pieces.
fn next_line(reader: &mut impl BufRead, part: &str) -> String {
    loop {
        let mut line = String::new();
        assert!(reader.read_line(&mut line).unwrap() > 0, "the stream ended before `{part}`");
        if line.contains(part) {
            return line;
        }
    }
}
