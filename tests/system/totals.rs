//! Totals never flicker: whatever runs do, an answer neither loses nor doubles an event.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::http::Http;
use crate::in_both_stores;
use crate::load::{Load, Total, tick, total, total_below};
use crate::server::{Place, Server, Store};
use crate::wait::until;

/// Queries without a pause, and keeps every different total.
struct Watch {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<BTreeSet<Total>>,
}

impl Watch {
    fn start(http: Http) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let thread = thread::spawn({
            let stop = Arc::clone(&stop);
            move || {
                let mut seen = BTreeSet::new();
                while !stop.load(Ordering::SeqCst) {
                    let (total, _) = total(&http).expect("a healthy server answers");
                    seen.insert(total);
                }
                seen
            }
        });
        Self { stop, thread }
    }

    fn seen(self) -> Vec<Total> {
        self.stop.store(true, Ordering::SeqCst);
        self.thread.join().unwrap().into_iter().collect()
    }
}

fn runs_do_not_change_totals(store: Store) {
    let place = Place::new(store);
    let server = place.start();
    let ticks: Vec<String> = (0..20_000).map(tick).collect();
    server.http.send(&ticks);
    let watch = Watch::start(server.http.clone());
    server.run("incremental");
    server.run("full");
    cancel(&server, "full");
    server.run("incremental");
    cancel(&server, "incremental");
    server.run("full");
    assert_eq!(watch.seen(), [total_below(20_000)]);
    server.stop();
    place.check_log(&[]);
}

/// Starts a run and cancels it at once: it ends cancelled, or was too quick.
fn cancel(server: &Server, mode: &str) {
    let run = server.start_run(mode);
    let reply = server.http.delete(&run);
    assert!(matches!(reply.status, 200..=204 | 409), "{}: {}", reply.status, reply.body);
    let ended = server.ended(&run);
    assert!(ended["state"] == "cancelled" || ended["state"] == "succeeded", "{ended}");
}

/// Under load the total only grows, and is what the answer says it covers.
fn totals_only_grow_under_load(store: Store) {
    let place = Place::new(store);
    let server = place.start();
    let load = Load::start(server.http.clone());
    let stop = Arc::new(AtomicBool::new(false));
    let watch = thread::spawn({
        let (http, stop) = (server.http.clone(), Arc::clone(&stop));
        move || {
            let mut last = 0;
            while !stop.load(Ordering::SeqCst) {
                let ((events, sum), through) = total(&http).expect("a healthy server answers");
                assert!(events >= last, "{events} events after {last}");
                assert_eq!(events, through, "an answer is of one position");
                assert!(sum >= total_below(events).1, "{events} events sum up to {sum}");
                last = events;
            }
        }
    });
    for mode in ["incremental", "incremental", "full", "incremental"] {
        let before = load.sent().acknowledged;
        until("the load goes on", Duration::from_secs(60), || {
            (load.sent().acknowledged > before + 500).then_some(())
        });
        server.run(mode);
    }
    let sent = load.stop();
    stop.store(true, Ordering::SeqCst);
    watch.join().unwrap();
    let all: Vec<String> = (0..sent.tried).map(tick).collect();
    server.http.send(&all);
    assert_eq!(total(&server.http).unwrap().0, total_below(sent.tried));
    server.stop();
    place.check_log(&[]);
}

in_both_stores!(runs_do_not_change_totals, totals_only_grow_under_load);
