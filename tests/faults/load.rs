//! Clients that send, send again and send late, and one that queries all the time.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::http::{Http, Reply};
use crate::ledger::{Ledger, QUERY, Violation, claim, event};
use crate::random::Random;

/// Time after which an answer must be whole again, once what was hurt is back.
pub(crate) const WHOLE: Duration = Duration::from_secs(120);

/// Senders of a load that keep to one process; the next one roams.
const CLIENTS: usize = 2;

/// What the sending and the querying clients share.
#[derive(Debug, Default)]
pub(crate) struct Common {
    pub(crate) ledger: Ledger,
    violation: Mutex<Option<Violation>>,
    stop: AtomicBool,
    /// Answers that were checked.
    pub(crate) answers: AtomicU64,
    /// Requests that were refused before an acknowledgement.
    pub(crate) refused: AtomicU64,
    /// Requests that were sent again after they had been acknowledged.
    pub(crate) repeated: AtomicU64,
    /// Largest number of events in a request.
    pub(crate) batch_max: AtomicU64,
    /// Time between two requests of a client, in milliseconds.
    pub(crate) pace_ms: AtomicU64,
    /// What was acknowledged before the store of the speed views was hurt, and from when on the
    /// service knows that it was.
    pub(crate) owed: Mutex<Option<(u64, Instant)>>,
    /// Claims of being whole that were checked.
    pub(crate) claims: AtomicU64,
    /// Whether clients never send later what they gave up: the service remembers few ids.
    pub(crate) is_forgetful: AtomicBool,
}

impl Common {
    /// The first thing that must not be.
    pub(crate) fn violation(&self) -> Result<(), Violation> {
        self.violation.lock().unwrap().clone().map_or(Ok(()), Err)
    }

    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    fn report(&self, result: Result<(), Violation>) {
        if let Err(violation) = result {
            self.violation.lock().unwrap().get_or_insert(violation);
            self.stop.store(true, Ordering::Relaxed);
        }
    }
}

/// Threads of the sending and the querying clients, until they are stopped.
#[derive(Debug)]
pub(crate) struct Load {
    pub(crate) common: Arc<Common>,
    threads: Vec<JoinHandle<()>>,
}

impl Load {
    /// Starts two clients that send requests of so many events at most and so much apart, and one
    /// that queries.
    pub(crate) fn start(http: &Http, batch_max: u64, pace_ms: u64, random: &mut Random) -> Self {
        let common = Arc::new(Common::default());
        common.batch_max.store(batch_max, Ordering::Relaxed);
        common.pace_ms.store(pace_ms, Ordering::Relaxed);
        let mut load = Self { common, threads: Vec::new() };
        load.resume(http, random);
        load
    }

    /// Starts them again after [`Load::pause`].
    pub(crate) fn resume(&mut self, http: &Http, random: &mut Random) {
        self.common.stop.store(false, Ordering::Relaxed);
        for client in 0..CLIENTS {
            self.send(client, vec![http.clone()], random);
        }
        self.query(vec![http.clone()], random);
    }

    /// One more client that sends and one that queries, each request to any of these.
    pub(crate) fn roam(&mut self, fronts: &[Http], random: &mut Random) {
        self.send(CLIENTS, fronts.to_vec(), random);
        self.query(fronts.to_vec(), random);
    }

    fn send(&mut self, client: usize, fronts: Vec<Http>, random: &mut Random) {
        let (common, random) = (Arc::clone(&self.common), random.fork());
        self.threads.push(thread::spawn(move || {
            let mut sender = Client { fronts, common, random, client, aside: Vec::new() };
            while !sender.common.is_stopped() {
                let result = sender.send_one();
                sender.common.report(result);
            }
        }));
    }

    fn query(&mut self, fronts: Vec<Http>, random: &mut Random) {
        let (common, mut random) = (Arc::clone(&self.common), random.fork());
        self.threads.push(thread::spawn(move || {
            while !common.is_stopped() {
                let http = random.pick(&fronts);
                let result = ask(http, &common).and_then(|_| check_claims(http, &common));
                common.report(result);
                thread::sleep(Duration::from_millis(30));
            }
        }));
    }

    /// Ends all threads, and says what they found.
    pub(crate) fn pause(&mut self) -> Result<(), Violation> {
        self.common.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            thread.join().map_err(|_| "a client panicked".to_owned())?;
        }
        self.common.violation()
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.common.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

struct Client {
    /// The processes that it sends to.
    fronts: Vec<Http>,
    common: Arc<Common>,
    random: Random,
    client: usize,
    /// Ranges that were not acknowledged, to be sent again some time.
    aside: Vec<(u64, u64)>,
}

impl Client {
    fn send_one(&mut self) -> Result<(), Violation> {
        thread::sleep(Duration::from_millis(self.common.pace_ms.load(Ordering::Relaxed)));
        let sent = self.common.ledger.sent(self.client);
        let batch_max = self.common.batch_max.load(Ordering::Relaxed);
        if sent > 0 && self.random.percent(15) {
            let to = sent - self.random.below(sent.min(300));
            let from = to - self.random.below(to.min(batch_max));
            if from < to && self.common.ledger.is_acknowledged(self.client, from, to) {
                return self.repeat(from, to);
            }
        }
        let again = !self.aside.is_empty() && self.random.percent(40);
        let (from, to) = match again {
            true => self.aside.swap_remove(self.random.below(self.aside.len() as u64) as usize),
            false => (sent, sent + 1 + self.random.below(batch_max)),
        };
        self.common.ledger.try_to(self.client, to);
        let lines: Vec<String> = (from..to).map(|n| event(self.client, n, 0)).collect();
        let mut taken = self.post(&lines)?;
        // Most clients try again at once, as they should; some later, some never.
        for _ in 0..20 {
            if taken.is_some() || self.common.is_stopped() || self.random.percent(4) {
                break;
            }
            thread::sleep(Duration::from_millis(15));
            taken = self.post(&lines)?;
        }
        let Some(reply) = taken else {
            let is_forgetful = self.common.is_forgetful.load(Ordering::Relaxed);
            if !is_forgetful && self.random.percent(85) && self.aside.len() < 20 {
                self.aside.push((from, to));
            }
            return Ok(());
        };
        let (accepted, duplicates, position) = verdicts(&reply, 0)?;
        if accepted + duplicates != to - from {
            return Err(format!("{} events, but {}", to - from, reply.text));
        }
        self.common.ledger.acknowledge(self.client, from, to, position);
        Ok(())
    }

    /// Sends what was acknowledged again; one event in some of the cases with another content.
    fn repeat(&mut self, from: u64, to: u64) -> Result<(), Violation> {
        let changed = u64::from(self.random.percent(20));
        let mut lines: Vec<String> = (from..to).map(|n| event(self.client, n, 0)).collect();
        lines[0] = event(self.client, from, changed);
        if self.random.percent(10) {
            lines.push("{\"event\":\"item\",\"time\":\"yesterday\"}".to_owned());
        }
        let Some(reply) = self.post(&lines)? else { return Ok(()) };
        let (accepted, duplicates, _) = verdicts(&reply, changed)?;
        if accepted > 0 || duplicates != to - from - changed {
            return Err(format!(
                "events {0}-{from} to {0}-{to} were acknowledged before, and now: {1}",
                self.client, reply.text
            ));
        }
        self.common.repeated.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// The answer, if it is an acknowledgement.
    fn post(&mut self, lines: &[String]) -> Result<Option<Reply>, Violation> {
        let wait = if self.random.percent(5) { "applied" } else { "durable" };
        let body = lines.join("\n");
        let path = format!("/v1/events?wait={wait}");
        match self.random.pick(&self.fronts).post(&path, "application/x-ndjson", body.as_bytes()) {
            Ok(reply) if reply.status == 200 => Ok(Some(reply)),
            // Refused, or in doubt since an owner hangs.
            Ok(reply) if matches!(reply.status, 503 | 504 | 507) => {
                self.common.refused.fetch_add(1, Ordering::Relaxed);
                thread::sleep(Duration::from_millis(10));
                Ok(None)
            }
            Ok(reply) => Err(format!("events are answered {}: {}", reply.status, reply.text)),
            Err(_) => {
                thread::sleep(Duration::from_millis(5));
                Ok(None)
            }
        }
    }
}

/// Accepted, duplicates and position of an acknowledgement with so many conflicts.
fn verdicts(reply: &Reply, conflicts: u64) -> Result<(u64, u64, u64), Violation> {
    let body = reply.json();
    let number = |value: &serde_json::Value| {
        value.as_u64().ok_or_else(|| format!("an acknowledgement without numbers: {body}"))
    };
    let found = body["conflicts"].as_array().map_or(0, Vec::len) as u64;
    if found != conflicts {
        return Err(format!("{conflicts} conflicts were sent: {body}"));
    }
    let position = number(&body["position"]["0"])?;
    Ok((number(&body["accepted"])?, number(&body["duplicates"])?, position))
}

/// Queries everything that is acknowledged by now and checks the answer, if there is one.
pub(crate) fn ask(http: &Http, common: &Common) -> Result<bool, Violation> {
    ask_for(QUERY, http, common)
}

/// The same as [`ask`], but with a limit of its own, above all rows: no answer is kept for it if
/// `number` is new.
pub(crate) fn ask_anew(number: u64, http: &Http, common: &Common) -> Result<bool, Violation> {
    let limit = format!("limit={}", 99_999 - number);
    ask_for(&QUERY.replace("limit=100000", &limit), http, common)
}

fn ask_for(query: &str, http: &Http, common: &Common) -> Result<bool, Violation> {
    let before = common.ledger.book();
    let reply = match http.get(&format!("{query}&after=0:{}", before.position)) {
        Ok(reply) => reply,
        Err(_) => return Ok(false),
    };
    match reply.status {
        200 => {
            common.ledger.check(&before, &reply.text)?;
            common.answers.fetch_add(1, Ordering::Relaxed);
            Ok(true)
        }
        503 | 504 => Ok(false),
        status => Err(format!("a query is answered {status}: {}", reply.text)),
    }
}

/// Neither readiness nor an answer may claim that all is there while something is missing that was
/// acknowledged before the store was hurt.
fn check_claims(http: &Http, common: &Common) -> Result<(), Violation> {
    let Some((owed, noticed)) = *common.owed.lock().unwrap() else { return Ok(()) };
    if Instant::now() < noticed {
        return Ok(());
    }
    let is_ready = http.get("/readyz").is_ok_and(|reply| reply.status == 200);
    let Ok(reply) = http.get(&format!("{QUERY}&partial=allow")) else { return Ok(()) };
    if reply.status != 200 {
        return Ok(());
    }
    let (is_complete, through) = claim(&reply.text)?;
    common.claims.fetch_add(u64::from(is_ready) + u64::from(is_complete), Ordering::Relaxed);
    match (is_complete, is_ready) {
        (true, _) if through < owed => {
            Err(format!("complete through {through}, but {owed} was acknowledged before"))
        }
        (_, true) if through < owed => {
            Err(format!("ready through {through}, but {owed} was acknowledged before"))
        }
        _ => Ok(()),
    }
}

/// Queries until there is an answer, which must be right; returns how long it took.
pub(crate) fn ask_until_whole(http: &Http, common: &Common) -> Result<Duration, Violation> {
    let started = Instant::now();
    while started.elapsed() < WHOLE {
        common.violation()?;
        if ask(http, common)? {
            return Ok(started.elapsed());
        }
        thread::sleep(Duration::from_millis(20));
    }
    let last = http.get(QUERY).map(|reply| format!("{}: {}", reply.status, reply.text));
    Err(format!("no answer within {WHOLE:?}; the last was {last:?}"))
}

/// Sends everything that is uncertain until it is acknowledged.
pub(crate) fn settle(http: &Http, common: &Common) -> Result<(), Violation> {
    for (client, from, to) in common.ledger.uncertain() {
        for from in (from..to).step_by(500) {
            let to = to.min(from + 500);
            let lines: Vec<String> = (from..to).map(|n| event(client, n, 0)).collect();
            let body = lines.join("\n");
            let reply = http
                .post("/v1/events", "application/x-ndjson", body.as_bytes())
                .map_err(|error| format!("a healthy service does not answer: {error}"))?;
            let (accepted, duplicates, position) = match reply.status {
                200 => verdicts(&reply, 0)?,
                status => return Err(format!("a healthy service says {status}: {}", reply.text)),
            };
            if accepted + duplicates != to - from {
                return Err(format!("{} events, but {}", to - from, reply.text));
            }
            common.ledger.acknowledge(client, from, to, position);
        }
    }
    Ok(())
}

/// A run from its start to its end; its audit must find nothing.
pub(crate) fn run(http: &Http, mode: &str) -> Result<(), Violation> {
    let started = Instant::now();
    let mut location = None;
    while started.elapsed() < Duration::from_secs(60) {
        let Some(path) = &location else {
            location = http.start_run(mode);
            thread::sleep(Duration::from_millis(10));
            continue;
        };
        let Ok(reply) = http.get(path) else { return Err("the service went away".to_owned()) };
        let body = reply.json();
        match body["state"].as_str() {
            Some("succeeded") if body["audit"]["differences"] == 0 => return Ok(()),
            Some("succeeded") => return Err(format!("an audit found differences: {body}")),
            Some("failed" | "cancelled") => return Err(format!("a run ended: {body}")),
            _ => thread::sleep(Duration::from_millis(10)),
        }
    }
    Err(format!("a run does not end: {location:?}"))
}
