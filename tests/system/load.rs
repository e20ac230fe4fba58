//! Events by number, and a client that keeps sending them and remembers which were acknowledged.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use serde_json::json;

use crate::http::{Http, number};
use crate::wait::until;

/// The metric over these events.
pub(crate) const METRIC: &str = r#"
[[metric]]
name = "ticks"
event = "tick"
dimensions = ["kind"]
[metric.measures]
ticks = { kind = "count" }
sum = { kind = "sum", of = "n" }
"#;

/// Events of a request.
const BATCH: u64 = 50;

/// The event with this number; its time jumps between days, so that it is often late.
pub(crate) fn tick(n: u64) -> String {
    let time = format!("2025-03-{:02}T{:02}:00:00Z", 1 + n * 7 % 9, n % 24);
    let properties = json!({ "n": n, "kind": format!("k{}", n % 5) });
    json!({ "id": format!("t-{n}"), "event": "tick", "time": time, "properties": properties })
        .to_string()
}

/// A number of events, and the sum of their numbers.
pub(crate) type Total = (u64, u64);

/// What all ticks below `end` add up to.
pub(crate) fn total_below(end: u64) -> Total {
    (end, end * end.saturating_sub(1) / 2)
}

/// What the service says, where it says anything, and all of `through`.
pub(crate) fn total(http: &Http) -> Option<(Total, u64)> {
    let reply = http.try_get("/v1/query?metric=ticks&measures=ticks,sum").ok()?;
    if reply.status != 200 {
        assert!(reply.status == 503, "{}", reply.body);
        return None;
    }
    let row = &reply.body["rows"][0];
    let total = (number(&row["ticks"]) as u64, row["sum"].as_u64().unwrap_or(0));
    Some((total, number(&reply.body["provenance"]["speed"]["through"]["0"]) as u64))
}

/// What was sent so far.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sent {
    /// Ticks below were acknowledged.
    pub(crate) acknowledged: u64,
    /// Ticks below were sent at least once.
    pub(crate) tried: u64,
}

/// Sends ticks in order until it is stopped. A batch without an acknowledgement is sent again,
/// so that every retry may meet what the server has already.
#[derive(Debug)]
pub(crate) struct Load {
    sent: Arc<Mutex<Sent>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Load {
    pub(crate) fn start(http: Http) -> Self {
        let sent = Arc::new(Mutex::new(Sent::default()));
        let stop = Arc::new(AtomicBool::new(false));
        let thread = thread::spawn({
            let (sent, stop) = (Arc::clone(&sent), Arc::clone(&stop));
            move || {
                while !stop.load(Ordering::SeqCst) {
                    send_one(&http, &sent);
                }
            }
        });
        Self { sent, stop, thread: Some(thread) }
    }

    pub(crate) fn sent(&self) -> Sent {
        *self.sent.lock().unwrap()
    }

    /// Waits until more is acknowledged.
    pub(crate) fn goes_on(&self) {
        let before = self.sent().acknowledged;
        until("the load goes on", Duration::from_secs(60), || {
            (self.sent().acknowledged > before).then_some(())
        });
    }

    /// Stops, and fails if the sender did.
    pub(crate) fn stop(mut self) -> Sent {
        self.stop.store(true, Ordering::SeqCst);
        self.thread.take().unwrap().join().unwrap();
        self.sent()
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
    }
}

fn send_one(http: &Http, sent: &Mutex<Sent>) {
    let first = sent.lock().unwrap().acknowledged;
    let next = first + BATCH;
    sent.lock().unwrap().tried = next;
    let lines: Vec<String> = (first..next).map(tick).collect();
    match http.try_send(&lines, "durable") {
        Ok(reply) if reply.status == 200 => {
            let taken = number(&reply.body["accepted"]) + number(&reply.body["duplicates"]);
            assert_eq!(taken as u64, BATCH, "{}", reply.body);
            sent.lock().unwrap().acknowledged = next;
        }
        Ok(reply) => {
            assert_eq!(reply.status, 503, "{}", reply.body);
            thread::sleep(Duration::from_millis(50));
        }
        Err(_) => thread::sleep(Duration::from_millis(10)),
    }
}

/// Numbers that look random, from a seed that is printed.
#[derive(Debug)]
pub(crate) struct Random(u64);

impl Random {
    /// Takes the seed of the variable `SYSTEM_TEST_SEED`, or any.
    pub(crate) fn new() -> Self {
        use std::hash::{BuildHasher, RandomState};
        let given = std::env::var("SYSTEM_TEST_SEED").ok().map(|seed| seed.parse().unwrap());
        let seed = given.unwrap_or_else(|| RandomState::new().hash_one(0)) | 1;
        println!("SYSTEM_TEST_SEED={seed}");
        Self(seed)
    }

    /// Another one, that follows from this one.
    pub(crate) fn fork(&mut self) -> Self {
        Self(self.below(u64::MAX) | 1)
    }

    /// A number below `end`. (Marsaglia, Xorshift RNGs, 2003.)
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }
}
