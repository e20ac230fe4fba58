//! Requests at their edges, as bytes over real sockets: formats, stray parameters, slow heads.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::server::{Place, Store};

/// Sends bytes and returns what comes until the server closes the connection.
fn exchange(place: &Place, text: &str) -> String {
    let mut stream = TcpStream::connect(place.url().trim_start_matches("http://")).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream.write_all(text.as_bytes()).unwrap();
    let mut reply = Vec::new();
    stream.read_to_end(&mut reply).expect("the server closes the connection");
    String::from_utf8_lossy(&reply).into_owned()
}

fn get(place: &Place, path: &str, accept: &str) -> String {
    let close = "Connection: close";
    exchange(
        place,
        &format!("GET {path} HTTP/1.1\r\nHost: x\r\nAccept: {accept}\r\n{close}\r\n\r\n"),
    )
}

#[test]
fn runs_are_listed_within_bounds_and_followed_only_on_request() {
    let place = Place::new(Store::Memory);
    let server = place.start();
    server.run("incremental");
    let run = server.start_run("full");
    server.ended(&run);
    let list = server.http.get("/v1/runs").body;
    assert!(list["runs"].as_array().unwrap().len() >= 2, "{list}");
    let one = server.http.get("/v1/runs?limit=1").body;
    assert_eq!(one["runs"].as_array().unwrap().len(), 1);
    assert_eq!((&one["runs"][0], &one["total"]), (&list["runs"][0], &list["total"]));
    for (path, code) in [
        ("/v1/runs?limit=0", "invalid_parameter"),
        ("/v1/runs?limit=1001", "invalid_parameter"),
        ("/v1/runs?limit=1&limit=2", "invalid_parameter"),
        ("/v1/runs?limti=1", "unknown_parameter"),
        (&*format!("{run}?x=1"), "unknown_parameter"),
        ("/v1/schedule?x=1", "unknown_parameter"),
        ("/v1/metrics?x=1", "unknown_parameter"),
    ] {
        let reply = server.http.get(path);
        assert_eq!((reply.status, &reply.body["code"]), (400, &json!(code)), "{path}");
        assert!(reply.body["parameter"].is_string(), "{path}");
    }
    for (body, words) in [
        (json!({"mode": "full", "metrics": []}), "leave it out for all"),
        (json!({"mode": "all"}), "incremental"),
        (json!([]), "an object"),
    ] {
        let reply = server.http.post("/v1/runs", &body);
        assert_eq!((reply.status, &reply.body["code"]), (422, &json!("invalid_request")));
        let detail = reply.body["detail"].as_str().unwrap();
        assert!(detail.contains(words) && !detail.contains("struct"), "{detail}");
    }
    assert_eq!(server.http.get("/v1/runs").body["total"], list["total"], "none was started");
    for (accept, content_type) in [
        ("text/event-stream", "text/event-stream"),
        ("text/event-stream;q=0", "application/json"),
        ("application/json, text/event-stream;q=0.1", "application/json"),
    ] {
        let reply = get(&place, &run, accept);
        assert!(reply.contains(&format!("content-type: {content_type}\r\n")), "{accept}: {reply}");
    }
    server.stop();
    place.check_log(&[]);
}

#[test]
fn a_head_that_does_not_come_ends_the_connection_and_a_long_address_has_an_answer() {
    let place = Place::new(Store::Memory);
    let server = place.start_with(&["--idle-timeout-ms", "500"]);
    let begun = Instant::now();
    assert_eq!(exchange(&place, "GET /healthz HTTP/1.1\r\nHos"), "");
    assert_eq!(exchange(&place, ""), "");
    assert!(begun.elapsed() >= Duration::from_secs(1), "{:?}", begun.elapsed());
    // It stays open after an answer, and is closed when nothing follows.
    let reply = exchange(&place, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
    assert!(reply.starts_with("HTTP/1.1 200 OK"), "{reply}");
    let long = format!("/v1/query?metric=flights&filter={}", "x".repeat(40_000));
    let reply = get(&place, &long, "*/*");
    assert!(reply.starts_with("HTTP/1.1 414 "), "{}", &reply[..reply.len().min(200)]);
    assert!(reply.contains("application/problem+json") && reply.contains("uri_too_long"));
    server.stop();
    place.check_log(&[]);
}
