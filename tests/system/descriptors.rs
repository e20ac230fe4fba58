//! A server that runs out of file descriptors: what it cannot write it refuses, and it goes on by
//! itself once there are some again.

use std::process::Command;
use std::time::Duration;

use serde_json::json;

use crate::http::number;
use crate::load::total_below;
use crate::server::{Place, Server, Store};
use crate::wait::until;

/// A journal's segment is full after at most so many requests of [`PADDING_BYTES`] and more.
const REQUESTS_MAX: u64 = 40;
const PADDING_BYTES: usize = 4 << 20;

crate::in_both_stores!(a_server_without_file_descriptors_refuses_and_goes_on);

/// The most file descriptors that the server may have from now on.
fn limit_descriptors(server: &Server, count: &str) {
    let limit = format!("--nofile={count}:");
    let pid = server.id().to_string();
    let changed = Command::new("prlimit").args(["--pid", &pid, &limit]).status().unwrap();
    assert!(changed.success());
}

/// A tick of which the journal keeps some megabytes, since no compression makes them fewer.
fn large_tick(n: u64) -> String {
    let mut state = n.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        char::from(
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
                [(state >> 40) as usize % 64],
        )
    };
    let padding: String = (0..PADDING_BYTES).map(|_| next()).collect();
    let properties = json!({ "n": n, "kind": "large", "padding": padding });
    let time = "2025-03-01T00:00:00Z";
    json!({ "id": format!("t-{n}"), "event": "tick", "time": time, "properties": properties })
        .to_string()
}

fn a_server_without_file_descriptors_refuses_and_goes_on(store: Store) {
    let place = Place::new(store);
    let server = place.start_with(&["--event-max-bytes", "8MiB"]);
    // The connections of the client and of Redis are there before.
    server.http.send(&[large_tick(0)]);
    // The next segment is the first file that is opened.
    limit_descriptors(&server, "3");
    let mut stored = 1;
    let refused = loop {
        assert!(stored < REQUESTS_MAX, "the journal began no segment");
        let reply = server.http.try_send(&[large_tick(stored)], "durable").unwrap();
        if reply.status != 200 {
            break reply;
        }
        stored += 1;
    };
    assert_eq!((refused.status, &refused.body["code"]), (503, &json!("journal_unavailable")));
    // Others are refused likewise, and what is stored is answered.
    let again = server.http.try_send(&[large_tick(stored)], "durable").unwrap();
    assert_eq!(again.body["code"], "journal_unavailable");
    limit_descriptors(&server, "1024");
    // The same events again: those that were acknowledged are duplicates, the refused one is new.
    for n in stored - 1..=stored {
        let reply = server.http.try_send(&[large_tick(n)], "applied").unwrap();
        assert_eq!(reply.status, 200, "{}", reply.body);
        assert_eq!(number(&reply.body["accepted"]), usize::from(n == stored), "{}", reply.body);
    }
    let expected = total_below(stored + 1);
    let counted = |server: &Server| {
        until("each event counts once", Duration::from_secs(30), || {
            crate::load::total(&server.http).filter(|(total, _)| *total == expected)
        })
    };
    counted(&server);
    server.run("incremental");
    counted(&server);
    server.stop();
    let server = place.start_with(&["--event-max-bytes", "8MiB"]);
    counted(&server);
    server.stop();
    place.check_log(&["descriptors", "Too many open files", "os error 24"]);
}
