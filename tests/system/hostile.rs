//! Ten thousand requests that no client should send: each is refused or dropped, and nothing else
//! happens.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::http::Http;
use crate::load::Random;
use crate::oracle::january;
use crate::server::{Place, Store};

const REQUESTS: u64 = 10_000;
const SENDERS: u64 = 8;
const PATIENCE: Duration = Duration::from_secs(20);

/// The status of an answer; none where the connection was closed without one.
fn send(address: &str, bytes: &[u8], is_cut: bool) -> Option<u16> {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    // The server may have had enough before the end.
    let _ = stream.write_all(bytes);
    if is_cut {
        let _ = stream.shutdown(Shutdown::Write);
    }
    let mut start = Vec::new();
    let mut piece = [0; 512];
    while start.len() < 12 {
        match stream.read(&mut piece) {
            Ok(0) => break,
            Ok(count) => start.extend_from_slice(&piece[..count]),
            Err(error) => {
                let kind = error.kind();
                assert!(
                    !matches!(kind, std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut),
                    "neither answered nor closed: {:?}",
                    String::from_utf8_lossy(&bytes[..bytes.len().min(300)])
                );
                break;
            }
        }
    }
    let head = String::from_utf8_lossy(&start);
    head.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)).and_then(|n| n.parse().ok())
}

fn post(path: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}\
         Content-Length: {length}\r\n\r\n"
    );
    [head.as_bytes(), body].concat()
}

fn get(path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").into_bytes()
}

/// As a path or a query has it.
fn coded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

const JSON: &str = "Content-Type: application/json\r\n";
const NDJSON: &str = "Content-Type: application/x-ndjson\r\n";

const PATHS: [&str; 20] = [
    "/../../../etc/passwd",
    "/v1/../../../../etc/passwd",
    "/docs/../../../../etc/passwd",
    "/docs/..%2f..%2f..%2fetc%2fpasswd",
    "/docs/%2e%2e/%2e%2e/etc/passwd",
    "/docs/....//....//etc/passwd",
    "/v1/runs/..%2f..%2fsentinel",
    "/v1/runs/%00",
    "/v1/quarantine/../../sentinel",
    "/v1/quarantine/q-99999999999999999999999999",
    "/v1/metrics/..%2f..%2f..%2fsentinel",
    "/v1/metrics/%ff%fe",
    "/v1/metrics/con/dimensions/nul",
    "/v1/keys/..%5c..%5csentinel",
    "//v1//query?metric=flights",
    "/v1/query?metric=%00",
    "/v1/query;metric=flights",
    "/v1\\query",
    "http://example.org/v1/status",
    "*",
];

const NAMES: [&str; 10] = [
    "naïve",
    "流量",
    "🦆",
    "\u{202e}sthgilf",
    "fl\u{200b}ights",
    "ﬂights",
    "FLIGHTS",
    "a\u{0}b",
    "' OR 1=1 --",
    "${jndi:ldap://x}",
];

/// A request that is wrong in one of many ways, and whether its sender stops in the middle.
fn request(random: &mut Random) -> (Vec<u8>, bool) {
    match random.below(16) {
        0..7 => wrong_head(random),
        7..12 => wrong_question(random),
        _ => wrong_events(random),
    }
}

fn wrong_head(random: &mut Random) -> (Vec<u8>, bool) {
    match random.below(7) {
        0 => {
            let headers: String = (0..random.below(300)).map(|i| format!("X-{i}: y\r\n")).collect();
            let tail = "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n";
            (format!("{tail}{headers}\r\n").into_bytes(), false)
        }
        1 => {
            let long = "h".repeat(random.below(600_000) as usize);
            let head = "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n";
            (format!("{head}X-Long: {long}\r\n\r\n").into_bytes(), false)
        }
        2 => {
            let lengths = ["-1", "99999999999999999999", "0x10", "1, 2", "", "+5", "5 5"];
            let length = lengths[random.below(lengths.len() as u64) as usize];
            let head = "POST /v1/events HTTP/1.1\r\nHost: x\r\nConnection: close\r\n";
            (format!("{head}{NDJSON}Content-Length: {length}\r\n\r\n{{}}").into_bytes(), true)
        }
        3 => {
            let head = "POST /v1/events HTTP/1.1\r\nHost: x\r\nConnection: close\r\n";
            let both = "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n";
            (format!("{head}{NDJSON}{both}\r\nffffffffffffffffff\r\nx").into_bytes(), true)
        }
        4 => {
            let sizes = ["zz", "-1", "7fffffffffffffff", "5;ext=\"\u{0}\"", "", "1"];
            let size = sizes[random.below(sizes.len() as u64) as usize];
            let head = "POST /v1/events HTTP/1.1\r\nHost: x\r\nConnection: close\r\n";
            let text = format!("{head}{NDJSON}Transfer-Encoding: chunked\r\n\r\n{size}\r\n{{\r\n");
            (text.into_bytes(), true)
        }
        5 => {
            let odd = ["a\u{0}b", "a\r\n X: folded", "\u{7f}", "a\nSet-Cookie: x=1", "\u{e9}"];
            let value = odd[random.below(odd.len() as u64) as usize];
            let head = "GET /v1/status HTTP/1.1\r\nHost: x\r\nConnection: close\r\n";
            (format!("{head}X-Request-Id: {value}\r\n\r\n").into_bytes(), false)
        }
        _ => {
            let whole = post("/v1/events", NDJSON, b"{\"event\":\"\",\"id\":\"cut\"}");
            let cut = random.below(whole.len() as u64) as usize;
            (whole[..cut].to_vec(), true)
        }
    }
}

fn wrong_question(random: &mut Random) -> (Vec<u8>, bool) {
    let n = random.below(1 << 20);
    match random.below(5) {
        0 => (get(PATHS[random.below(PATHS.len() as u64) as usize]), false),
        1 => {
            let depth = 1 + random.below(4_000) as usize;
            let filter = format!("{}carrier = 'UA'{}", "(".repeat(depth), ")".repeat(depth));
            let body = serde_json::json!({ "metric": "flights", "filter": filter });
            (post("/v1/query", JSON, body.to_string().as_bytes()), false)
        }
        2 => {
            let terms = vec!["carrier = 'UA'"; 1 + random.below(3_000) as usize];
            let filter = terms.join(if random.below(2) == 0 { " OR " } else { " AND NOT " });
            let body = serde_json::json!({ "metric": "flights", "filter": filter });
            (post("/v1/query", JSON, body.to_string().as_bytes()), false)
        }
        3 => {
            let name = coded(NAMES[random.below(NAMES.len() as u64) as usize]);
            let places = [
                format!("/v1/query?metric={name}"),
                format!("/v1/query?metric=flights&group_by={name}&order_by={name}"),
                format!("/v1/query?metric=flights&filter={name}&timezone={name}"),
                format!("/v1/query?metric=flights&from={name}&limit={name}"),
                format!("/v1/metrics/{name}/dimensions/{name}?prefix={name}"),
                format!("/v1/runs/{name}"),
                format!("/v1/query?{name}={name}"),
            ];
            (get(&places[random.below(places.len() as u64) as usize]), false)
        }
        _ => {
            let definition = serde_json::json!({
                "event": "*", "filter": "(".repeat(n as usize % 5_000),
                "dimensions": vec!["a"; n as usize % 50],
                "measures": { "m": { "kind": "sum", "of": NAMES[n as usize % NAMES.len()] } },
            });
            let name = coded(NAMES[random.below(NAMES.len() as u64) as usize]);
            let whole =
                post(&format!("/v1/metrics/{name}"), JSON, definition.to_string().as_bytes());
            ([b"PUT", &whole[4..]].concat(), false)
        }
    }
}

fn wrong_events(random: &mut Random) -> (Vec<u8>, bool) {
    let n = random.below(1 << 20);
    match random.below(4) {
        0 => {
            let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
            gzip.write_all(&vec![b' '; random.below(2 << 20) as usize]).unwrap();
            let mut bomb = gzip.finish().unwrap();
            if random.below(2) == 0 {
                bomb.truncate(random.below(bomb.len() as u64) as usize);
            }
            (post("/v1/events", &format!("{NDJSON}Content-Encoding: gzip\r\n"), &bomb), false)
        }
        1 => {
            let kinds = ["vnd.apache.parquet", "vnd.apache.arrow.stream", "cloudevents+json"];
            let kind = kinds[random.below(kinds.len() as u64) as usize];
            let body = [b"PAR1".to_vec(), noise(random, 2_000), b"PAR1".to_vec()].concat();
            (post("/v1/events", &format!("Content-Type: application/{kind}\r\n"), &body), false)
        }
        2 => {
            let depth = random.below(100_000) as usize;
            let body = format!("{{\"event\":\"tick\",\"properties\":{}", "[".repeat(depth));
            let path = if n.is_multiple_of(2) { "/v1/events" } else { "/v1/segment/batch" };
            (post(path, JSON, body.as_bytes()), false)
        }
        _ => (noise(random, 4_000), true),
    }
}

fn noise(random: &mut Random, bytes_max: u64) -> Vec<u8> {
    (0..random.below(bytes_max)).map(|_| random.below(256) as u8).collect()
}

/// Everything below a directory but the data directory: path and content.
fn outside(directory: &Path, data_dir: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path == data_dir || path.ends_with("server.log") {
            continue;
        }
        match path.is_dir() {
            true => found.extend(outside(&path, data_dir)),
            false => found.push((path.clone(), fs::read(&path).unwrap())),
        }
    }
    found.sort();
    found
}

fn departures(http: &Http) -> serde_json::Value {
    http.get("/v1/query?metric=flights&measures=departures,total_delay").body["rows"].clone()
}

#[test]
fn hostile_requests_change_nothing() {
    let place = Place::new(Store::Memory);
    fs::write(place.dir.path().join("sentinel"), "as it was").unwrap();
    let server = place.start_with(&[
        "--body-idle-timeout-ms",
        "500",
        "--idle-timeout-ms",
        "2000",
        "--body-max-bytes",
        "1MiB",
        "--decompressed-max-bytes",
        "1MiB",
    ]);
    server.http.send(&january()[..2_000]);
    let (wanted, before) = (departures(&server.http), outside(place.dir.path(), &place.data_dir()));
    let address = place.url().replace("http://", "");
    let mut seeds = Random::new();
    let mut send_some = || {
        let (address, mut random) = (address.clone(), seeds.fork());
        thread::spawn(move || {
            let mut answered: BTreeMap<Option<u16>, usize> = BTreeMap::new();
            for _ in 0..REQUESTS / SENDERS {
                let (bytes, is_cut) = request(&mut random);
                let status = send(&address, &bytes, is_cut);
                let is_fine = status.is_none_or(|status| status < 500 || status == 503);
                let start = String::from_utf8_lossy(&bytes[..bytes.len().min(300)]).into_owned();
                assert!(is_fine, "{status:?} for {start:?}");
                *answered.entry(status).or_default() += 1;
            }
            answered
        })
    };
    // Beside them, some who stop in the middle and wait.
    let slow = thread::spawn({
        let address = address.clone();
        move || {
            for body in ["", "{\"event\":", "{}\n"] {
                let head = "POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n";
                let bytes = format!("{head}{NDJSON}\r\n{body}");
                assert_eq!(send(&address, bytes.as_bytes(), false), Some(408));
            }
            assert_eq!(send(&address, b"GET / HTTP/1.1\r\nHost:", false), None);
        }
    });
    let senders: Vec<_> = (0..SENDERS).map(|_| send_some()).collect();
    let mut answered: BTreeMap<Option<u16>, usize> = BTreeMap::new();
    for sender in senders {
        for (status, count) in sender.join().unwrap() {
            *answered.entry(status).or_default() += count;
        }
    }
    println!("{answered:?}");
    for status in [200, 400, 404, 413, 422, 431] {
        assert!(answered.contains_key(&Some(status)), "none was {status}: {answered:?}");
    }
    let silent = answered.get(&None).copied().unwrap_or_default();
    assert!(silent < REQUESTS as usize / 5, "most answers say what was wrong: {answered:?}");
    slow.join().unwrap();
    assert_eq!(departures(&server.http), wanted);
    assert_eq!(outside(place.dir.path(), &place.data_dir()), before);
    let metrics = server.http.get("/metrics").body;
    let metrics = metrics.as_str().unwrap();
    assert!(metrics.contains("\nmerganser_http_panics_total 0\n"), "none has panicked");
    server.http.send(&january()[2_000..3_000]);
    server.run("incremental");
    server.stop();
    place.check_log(&[]);
}
