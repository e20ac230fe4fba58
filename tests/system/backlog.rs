//! Back pressure: while runs are behind, intake waits for them, and nothing is lost or counted
//! twice.

use std::thread;
use std::time::Duration;

use crate::http::number;
use crate::in_both_stores;
use crate::instruments::instruments;
use crate::load::{tick, total, total_below};
use crate::server::{Place, Store};
use crate::wait::until;

const BOUND: u64 = 1_000;
const CLIENTS: u64 = 4;
const REQUESTS: u64 = 30;
const REQUEST: u64 = 100;

/// Without any schedule, runs start by themselves, and whoever is refused comes again.
fn intake_waits_for_runs_and_nothing_is_lost(store: Store) {
    let place = Place::new(store);
    let server = place.start_with(&["--backlog-max-events", &BOUND.to_string()]);
    let http = &server.http;
    thread::scope(|scope| {
        for client in 0..CLIENTS {
            scope.spawn(move || {
                for request in 0..REQUESTS {
                    let first = (client * REQUESTS + request) * REQUEST;
                    let lines: Vec<String> = (first..first + REQUEST).map(tick).collect();
                    until("a request is taken", Duration::from_secs(60), || {
                        let reply = http.try_send(&lines, "durable").unwrap();
                        if reply.status == 503 {
                            assert_eq!(reply.body["code"], "backlog_full", "{}", reply.body);
                            return None;
                        }
                        assert_eq!(number(&reply.body["accepted"]) as u64, REQUEST);
                        Some(())
                    });
                }
            });
        }
    });
    let expected = total_below(CLIENTS * REQUESTS * REQUEST);
    until("all events are in the answer", Duration::from_secs(60), || {
        total(http).filter(|(total, _)| *total == expected)
    });
    until("a run covers what is over half of the bound", Duration::from_secs(60), || {
        let backlog = &http.get("/v1/status").body["backlog"];
        assert_eq!(number(&backlog["max_events"]) as u64, BOUND);
        let is_low = number(&backlog["events"]) as u64 <= BOUND / 2;
        (is_low && number(&backlog["covered_per_second"]) > 0).then_some(())
    });
    assert_eq!(total(http).unwrap().0, expected);
    let now = instruments(http);
    let slowed =
        ["waits", "refused"].map(|what| now[&format!("merganser_intake_backlog_{what}_total")]);
    assert!(slowed.iter().sum::<f64>() > 0.0, "{slowed:?}");
    server.stop();
}

in_both_stores!(intake_waits_for_runs_and_nothing_is_lost);
