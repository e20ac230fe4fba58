//! Pages of an answer against a server that says what a test wants.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use clap::Parser;
use serde_json::json;

use super::*;
use crate::cli::client::ClientArgs;

#[derive(Parser)]
struct Command {
    #[command(flatten)]
    args: QueryArgs,
}

fn args(more: &[&str]) -> QueryArgs {
    let words = ["query", "sales", "--output", "csv"];
    Command::parse_from(words.iter().chain(more)).args
}

/// A page as a server gives it: its headers, and its rows.
#[derive(Clone)]
struct Page {
    total: u64,
    provenance: &'static str,
    rows: &'static str,
}

/// A server that gives these pages, the last one again and again, and keeps the requests.
fn serve(pages: Vec<Page>) -> (ApiClient, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let requests = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&requests);
    thread::spawn(move || {
        for (at, stream) in listener.incoming().enumerate() {
            let page = &pages[at.min(pages.len() - 1)];
            kept.lock().unwrap().push(answer(stream.unwrap(), page));
        }
    });
    (ApiClient::new(&ClientArgs::at(&url)).unwrap(), requests)
}

/// Answers one request, and gives its first line.
fn answer(mut stream: TcpStream, page: &Page) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    let Page { total, provenance, rows } = page;
    let body = format!("c,n\r\n{rows}");
    let text = format!(
        "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\
         merganser-from: 2026-01-01\r\nmerganser-total-rows: {total}\r\n\
         merganser-provenance: {provenance}\r\nmerganser-warnings: [\"`n` is odd\"]\r\n\r\n{body}",
        body.len(),
    );
    stream.write_all(text.as_bytes()).unwrap();
    String::from_utf8_lossy(&head).lines().next().unwrap_or_default().to_owned()
}

fn at(generation: u64, through: u64) -> &'static str {
    let provenance = json!({
        "generation": generation, "metric_version": 1, "complete": true, "missing": [],
        "batch": { "events": 1 }, "approximate": {},
        "speed": { "events": 2, "through": { "0": through }, "lag_ms": through },
    });
    provenance.to_string().leak()
}

fn written(client: &ApiClient, more: &[&str]) -> Result<(String, ExportHeaders), String> {
    let mut text = Vec::new();
    let headers = write(client, &args(more), &mut text);
    match headers {
        Ok(headers) => Ok((String::from_utf8(text).unwrap(), headers)),
        Err(error) => {
            assert!(text.is_empty(), "nothing of an answer that is not whole");
            Err(format!("{error:#}"))
        }
    }
}

#[test]
fn pages_of_one_answer_are_one_document() {
    let page = |rows| Page { total: 250_000, provenance: at(3, 7), rows };
    let (client, requests) =
        serve(vec![page("a,1\r\n"), page("b,2\r\n"), page("\"c\r\nd\",3\r\n")]);
    let (text, headers) = written(&client, &["--from", "now-7d", "--csv", "spreadsheet"]).unwrap();
    assert_eq!(text, "c,n\r\na,1\r\nb,2\r\n\"c\r\nd\",3\r\n");
    assert_eq!(headers.warnings, ["`n` is odd"]);
    let requests = requests.lock().unwrap();
    let has =
        |at: usize, what: &str| assert!(requests[at].contains(what), "{what}: {}", requests[at]);
    assert_eq!(requests.len(), 3);
    for at in 0..3 {
        has(at, "csv=spreadsheet");
        has(at, "limit=100000");
        has(at, &format!("offset={}", at * 100_000));
    }
    // The clock goes on between two pages.
    has(0, "from=now-7d");
    has(1, "from=2026-01-01");
    has(2, "from=2026-01-01");
}

#[test]
fn a_limit_and_an_offset_hold_over_all_pages() {
    let page = |rows| Page { total: 1_000_000, provenance: at(3, 7), rows };
    let (client, requests) = serve(vec![page("a,1\r\n"), page("b,2\r\n")]);
    let (text, _) = written(&client, &["--limit", "100001", "--offset", "5"]).unwrap();
    assert_eq!(text, "c,n\r\na,1\r\nb,2\r\n");
    let requests = requests.lock().unwrap();
    assert!(requests[0].contains("limit=100000&offset=5"), "{}", requests[0]);
    assert!(requests[1].contains("limit=1&offset=100005"), "{}", requests[1]);
}

#[test]
fn pages_of_two_answers_are_never_put_together() {
    let page = |provenance| Page { total: 150_000, provenance, rows: "a,1\r\n" };
    // Another position, another generation, fewer rows: begun anew, until two are of one.
    let fewer = Page { total: 149_999, ..page(at(4, 8)) };
    let (client, requests) = serve(vec![
        page(at(3, 7)),
        page(at(3, 8)),
        page(at(3, 8)),
        page(at(4, 8)),
        page(at(4, 8)),
        fewer,
        page(at(4, 9)),
        page(at(4, 9)),
    ]);
    let (text, _) = written(&client, &[]).unwrap();
    assert_eq!((&*text, requests.lock().unwrap().len()), ("c,n\r\na,1\r\na,1\r\n", 8));
    // Of no one position.
    let mut between: Value = serde_json::from_str(at(3, 7)).unwrap();
    between["speed"]["reach"] = json!({ "0": 9 });
    let between: &'static str = between.to_string().leak();
    for provenance in [between, "null", "{}"] {
        let (client, _) = serve(vec![page(provenance)]);
        let error = written(&client, &[]).unwrap_err();
        assert!(error.contains("changed 5 times") && error.contains("--from"), "{error}");
    }
}

#[test]
fn an_answer_that_comes_at_once_needs_no_second_request() {
    let (client, requests) =
        serve(vec![Page { total: 59_130, provenance: at(3, 7), rows: "a,1\r\n" }]);
    assert_eq!(written(&client, &[]).unwrap().0, "c,n\r\na,1\r\n");
    assert_eq!(written(&client, &["--limit-per-bucket"]).unwrap().0, "c,n\r\na,1\r\n");
    let requests = requests.lock().unwrap();
    assert_eq!(requests.len(), 2);
    assert!(
        !requests[1].contains("&limit="),
        "the server says when it is too much: {}",
        requests[1]
    );
}
