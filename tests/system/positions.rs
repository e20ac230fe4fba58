//! An answer's numbers are those of the position that it names, also while a flush of many groups
//! is under way, and after a Redis that was killed in the middle of one.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use serde_json::{Value, json};

use crate::http::{Http, number};
use crate::in_both_stores;
use crate::server::{Place, Server, Store};
use crate::wait::until;

/// More than one change of the store takes.
const VISITORS: u64 = 50_000;
const EVENTS: u64 = 100_000;

fn visit(n: u64) -> String {
    let time = format!("2025-05-{:02}T{:02}:00:00Z", 1 + n * 7 % 28, n % 24);
    let properties = json!({ "visitor": format!("v{}", n % VISITORS) });
    json!({ "id": format!("v-{n}"), "event": "visit", "time": time, "properties": properties })
        .to_string()
}

/// Starts a server with a metric of one group a visitor and day.
fn start(place: &Place) -> Server {
    let server = place.start();
    let metric = json!({
        "event": "visit",
        "granularity": "day",
        "dimensions": ["visitor"],
        "measures": { "visits": { "kind": "count" } },
    });
    let reply = server.http.put("/v1/metrics/visits", &metric);
    assert!(matches!(reply.status, 200 | 202), "{}", reply.body);
    server
}

/// Checks an answer; all events are visits. Returns whether it is complete, and of how many events.
fn check(answer: &Value) -> (bool, u64) {
    let provenance = &answer["provenance"];
    let events = number(&answer["rows"][0]["visits"]) as u64;
    let through = number(&provenance["speed"]["through"]["0"]) as u64;
    match provenance["speed"].get("reach") {
        None => assert_eq!(events, through, "{provenance}"),
        Some(reach) => {
            assert_eq!(provenance["complete"], false, "{provenance}");
            let reach = number(&reach["0"]) as u64;
            assert!((through..=reach).contains(&events), "{events}: {provenance}");
        }
    }
    (provenance["complete"] == true, events)
}

/// Queries without a pause, and checks every answer. Returns how many there were.
fn watch(http: Http, stop: Arc<AtomicBool>) -> JoinHandle<usize> {
    thread::spawn(move || {
        let mut answers = 0;
        while !stop.load(Ordering::SeqCst) {
            let path = "/v1/query?metric=visits&partial=allow";
            let Ok(reply) = http.try_get(path) else { continue };
            if reply.status == 200 {
                check(&reply.body);
                answers += 1;
            }
        }
        answers
    })
}

fn send(http: &Http, from: u64, to: u64) {
    for first in (from..to).step_by(5_000) {
        let lines: Vec<String> = (first..to.min(first + 5_000)).map(visit).collect();
        until("events are taken", Duration::from_secs(60), || {
            let reply = http.try_send(&lines, "durable").ok()?;
            (reply.status == 200).then_some(())
        });
    }
}

fn is_whole(http: &Http, events: u64) {
    until("the answer is whole", Duration::from_secs(60), || {
        let reply = http.try_get("/v1/query?metric=visits").ok()?;
        (reply.status == 200 && check(&reply.body) == (true, events)).then_some(())
    });
}

fn answers_are_of_the_position_that_they_name(store: Store) {
    let place = Place::new(store);
    let server = start(&place);
    let stop = Arc::new(AtomicBool::new(false));
    let watching = watch(server.http.clone(), Arc::clone(&stop));
    send(&server.http, 0, EVENTS);
    server.run("incremental");
    is_whole(&server.http, EVENTS);
    stop.store(true, Ordering::SeqCst);
    assert!(watching.join().unwrap() > 0);
    server.stop();
    place.check_log(&[]);
}

in_both_stores!(answers_are_of_the_position_that_they_name);

#[test]
fn a_redis_that_is_killed_in_the_middle_of_a_flush_changes_no_number() {
    let mut place = Place::new(Store::Redis);
    let server = start(&place);
    let stop = Arc::new(AtomicBool::new(false));
    let watching = watch(server.http.clone(), Arc::clone(&stop));
    for round in 0..3 {
        let (from, to) = (round * EVENTS / 4, (round + 1) * EVENTS / 4);
        send(&server.http, from, to);
        let redis = place.redis.as_mut().unwrap();
        redis.kill();
        redis.restart();
        is_whole(&server.http, to);
        until("it says that it is ready", Duration::from_secs(30), || {
            (server.http.get("/readyz").status == 200).then_some(())
        });
    }
    stop.store(true, Ordering::SeqCst);
    assert!(watching.join().unwrap() > 0);
    server.stop();
    place.check_log(&["redis", "Redis", "speed store", "speed view"]);
}
