//! Records of requests: traces, as a collector gets them, and the log.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use crate::oracle::january;
use crate::server::{Place, Store};

const LONG: Duration = Duration::from_secs(30);

/// A collector: its address, and the requests that it gets.
fn collector() -> (String, Receiver<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/v1/traces", listener.local_addr().unwrap());
    let (sender, received) = mpsc::channel();
    thread::spawn(move || {
        while let Ok((mut stream, _)) = listener.accept() {
            stream.set_read_timeout(Some(LONG)).unwrap();
            let mut request = Vec::new();
            let mut piece = [0; 4096];
            while !is_whole(&request) {
                match stream.read(&mut piece).unwrap() {
                    0 => break,
                    count => request.extend_from_slice(&piece[..count]),
                }
            }
            let reply = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
            stream.write_all(reply.as_bytes()).unwrap();
            if sender.send(request).is_err() {
                break;
            }
        }
    });
    (url, received)
}

fn is_whole(request: &[u8]) -> bool {
    let Some(end) = find(request, b"\r\n\r\n") else { return false };
    let head = String::from_utf8_lossy(&request[..end]).to_lowercase();
    let length = head.split("content-length: ").nth(1).unwrap().lines().next().unwrap();
    request.len() >= end + 4 + length.trim().parse::<usize>().unwrap()
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

#[test]
fn a_request_is_part_of_the_trace_that_it_names_and_tells_nothing_of_users() {
    let (url, received) = collector();
    let place = Place::new(Store::Memory);
    let server = place.start_with(&["--otlp-endpoint", &url]);
    server.http.send(&january()[..100]);
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let query = "/v1/query?metric=flights&filter=carrier%20%3D%20'UA'";
    let reply = ureq::get(format!("{}{query}", place.url()))
        .header("traceparent", format!("00-{trace}-00f067aa0ba902b7-01"))
        .header("x-request-id", "asked-1")
        .call()
        .unwrap();
    assert_eq!(reply.headers()["x-request-id"], "asked-1");
    let unsampled = "00-5bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";
    let quiet = ureq::get(format!("{}/v1/status", place.url())).header("traceparent", unsampled);
    quiet.call().unwrap();
    // What is left is sent before the end.
    server.stop();
    let mut all = Vec::new();
    while let Ok(request) = received.recv_timeout(Duration::from_secs(1)) {
        all.extend(request);
    }
    let id: Vec<u8> =
        (0..16).map(|at| u8::from_str_radix(&trace[2 * at..2 * at + 2], 16).unwrap()).collect();
    for part in [&id[..], b"/v1/query", b"/v1/events", b"asked-1", b"merganser"] {
        assert!(find(&all, part).is_some(), "{}", String::from_utf8_lossy(part));
    }
    for part in [&b"UA"[..], b"carrier", b"flights", b"/v1/status"] {
        assert!(find(&all, part).is_none(), "{}", String::from_utf8_lossy(part));
    }
}

#[test]
fn the_log_tells_nothing_of_users() {
    const SECRET: &str = "hunter2";
    let place = Place::new(Store::Memory);
    let server = place.start_with(&["--log-format", "json"]);
    let event = |id: &str, more: &str| {
        format!(
            "{{\"event\":\"flight\",\"id\":\"{id}{SECRET}\",\"subject\":\"{SECRET}\",{more}\
             \"properties\":{{\"carrier\":\"{SECRET}\",\"dep_delay\":\"{SECRET}\"}}}}"
        )
    };
    let lines = [
        event("a", ""),
        event("a", "\"time\":\"2013-01-01T00:00:00Z\","),
        event("b", &format!("\"time\":\"{SECRET}\",")),
        event("c", &format!("\"{SECRET}\":1,")),
        SECRET.to_owned(),
    ];
    let reply = server.http.try_send(&lines, "applied").unwrap();
    assert_eq!((reply.status, &reply.body["accepted"]), (200, &1.into()), "{}", reply.body);
    for path in [
        format!("/v1/query?metric=flights&group_by=carrier&filter=carrier='{SECRET}'"),
        format!("/v1/query?metric=flights&filter={SECRET}"),
        format!("/v1/query?metric={SECRET}"),
        format!("/v1/{SECRET}"),
        format!("/v1/metrics/flights/dimensions/carrier?prefix={SECRET}"),
    ] {
        server.http.get(&path);
    }
    server.run("incremental");
    server.run("full");
    server.stop();
    let log = fs::read_to_string(place.log()).unwrap();
    for line in log.lines() {
        let entry: serde_json::Value = serde_json::from_str(line).unwrap();
        assert!(entry["level"].is_string() && entry["timestamp"].is_string(), "{line}");
        assert!(!line.contains(SECRET), "{line}");
    }
    assert!(log.contains("a run succeeded"));
}
