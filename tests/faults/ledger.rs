//! The oracle: what was sent and what was acknowledged, and what an answer must therefore say.
//!
//! It shares no code with the service. Events come in chunks of 45, each chunk a group of a metric.
//! The event at place `k` of its chunk weighs 4^k, so the sum of a chunk, written to the base of
//! four, says of every single event how often it was counted; and the count says whether a digit
//! has overflowed.

use std::collections::BTreeMap;
use std::sync::Mutex;

use serde::Deserialize;
use serde_json::value::RawValue;

/// Something that must not be.
pub(crate) type Violation = String;

/// Events of a chunk: 4^44 is below 10^27, and a decimal has 29 digits before its point.
const CHUNK: u64 = 45;

/// The metrics of the campaign.
pub(crate) const METRICS: &str = r#"
[[metric]]
name = "items"
event = "item"
granularity = "day"
dimensions = ["c", "chunk"]
[metric.measures]
n = { kind = "count" }
w = { kind = "sum", of = "w" }
"#;

/// The query that everything is checked by.
pub(crate) const QUERY: &str =
    "/v1/query?metric=items&measures=n,w&group_by=c,chunk&granularity=day&limit=100000";

/// What became of an event, as far as its client knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fate {
    /// It may be counted.
    Tried,
    /// It is counted.
    Acknowledged,
}

/// Fates by client and number.
#[derive(Debug, Default)]
pub(crate) struct Ledger(Mutex<Book>);

/// What a ledger said at some moment.
#[derive(Clone, Debug, Default)]
pub(crate) struct Book {
    clients: Vec<Vec<Fate>>,
    /// The highest position that was acknowledged.
    pub(crate) position: u64,
}

#[derive(Deserialize)]
struct Answer<'a> {
    #[serde(borrow)]
    rows: Vec<Row<'a>>,
    provenance: Provenance,
}

#[derive(Deserialize)]
struct Provenance {
    complete: bool,
    speed: SpeedPart,
}

#[derive(Deserialize)]
struct SpeedPart {
    through: BTreeMap<String, u64>,
    reach: Option<BTreeMap<String, u64>>,
}

impl Answer<'_> {
    fn read(text: &str) -> Result<Answer<'_>, Violation> {
        serde_json::from_str(text)
            .map_err(|error| format!("an answer that cannot be read: {error}: {text}"))
    }

    fn through(&self) -> u64 {
        self.provenance.speed.through.values().sum()
    }

    /// Its numbers are those of the position that it names. All events of the campaign count.
    fn check_position(&self) -> Result<(), Violation> {
        let (events, through) = (self.rows.iter().map(|row| row.n).sum::<u64>(), self.through());
        let Provenance { complete, speed } = &self.provenance;
        match &speed.reach {
            None if events == through => Ok(()),
            None => Err(format!("an answer through {through} counts {events} events")),
            Some(_) if *complete => Err("an answer between two positions is complete".to_owned()),
            Some(reach) => {
                let reach = reach.values().sum::<u64>();
                let lies_between = through <= events && events <= reach;
                let wrong = || format!("{events} events, but between {through} and {reach}");
                lies_between.then_some(()).ok_or_else(wrong)
            }
        }
    }
}

#[derive(Deserialize)]
struct Row<'a> {
    time: &'a str,
    c: &'a str,
    chunk: &'a str,
    n: u64,
    #[serde(borrow)]
    w: &'a RawValue,
}

/// The day of a chunk's events: chunks jump to and fro, so that most events are late.
fn day(chunk: u64) -> String {
    format!("2025-{:02}-{:02}", 1 + chunk * 7 % 5, 1 + chunk * 11 % 28)
}

/// An event as it is sent. Another `version` has the same id and other content.
pub(crate) fn event(client: usize, number: u64, version: u64) -> String {
    let chunk = number / CHUNK;
    let weight = 4_u128.pow((number % CHUNK) as u32);
    let time = format!("{}T{:02}:{:02}:00Z", day(chunk), number % 24, number % 60);
    let note = if version > 0 { format!(r#","version":{version}"#) } else { String::new() };
    let properties = format!(r#"{{"c":"{client}","chunk":"{chunk}","w":{weight}{note}}}"#);
    let id = format!("{client}-{number}");
    format!(r#"{{"id":"{id}","event":"item","time":"{time}","properties":{properties}}}"#)
}

impl Ledger {
    /// Events that a client has sent at least once.
    pub(crate) fn sent(&self, client: usize) -> u64 {
        let book = self.0.lock().unwrap();
        book.clients.get(client).map_or(0, Vec::len) as u64
    }

    /// A client is about to send its events up to `end`.
    pub(crate) fn try_to(&self, client: usize, end: u64) {
        let mut book = self.0.lock().unwrap();
        if book.clients.len() <= client {
            book.clients.resize(client + 1, Vec::new());
        }
        let fates = &mut book.clients[client];
        let length = fates.len().max(end as usize);
        fates.resize(length, Fate::Tried);
    }

    /// A client's events `[from, to)` were acknowledged, at positions below `position`.
    pub(crate) fn acknowledge(&self, client: usize, from: u64, to: u64, position: u64) {
        let mut book = self.0.lock().unwrap();
        book.clients[client][from as usize..to as usize].fill(Fate::Acknowledged);
        book.position = book.position.max(position);
    }

    /// Whether all of these were acknowledged.
    pub(crate) fn is_acknowledged(&self, client: usize, from: u64, to: u64) -> bool {
        let book = self.0.lock().unwrap();
        let fates = &book.clients[client][from as usize..to as usize];
        fates.iter().all(|fate| *fate == Fate::Acknowledged)
    }

    pub(crate) fn book(&self) -> Book {
        self.0.lock().unwrap().clone()
    }

    /// Events that were acknowledged.
    pub(crate) fn acknowledged(&self) -> u64 {
        let book = self.0.lock().unwrap();
        let acknowledged = |fate: &&Fate| **fate == Fate::Acknowledged;
        book.clients.iter().flatten().filter(acknowledged).count() as u64
    }

    /// Ranges of events that may be counted or not.
    pub(crate) fn uncertain(&self) -> Vec<(usize, u64, u64)> {
        let book = self.0.lock().unwrap();
        let mut ranges: Vec<(usize, u64, u64)> = Vec::new();
        for (client, fates) in book.clients.iter().enumerate() {
            for (number, _) in (0..).zip(fates).filter(|(_, fate)| **fate == Fate::Tried) {
                match ranges.last_mut() {
                    Some((c, _, to)) if *c == client && *to == number => *to = number + 1,
                    _ => ranges.push((client, number, number + 1)),
                }
            }
        }
        ranges
    }

    /// Checks an answer to [`QUERY`] to a query that was sent after `before`, with its position.
    pub(crate) fn check(&self, before: &Book, answer: &str) -> Result<(), Violation> {
        let after = self.book();
        let answer = Answer::read(answer)?;
        answer.check_position()?;
        let mut counted: Vec<Vec<bool>> =
            after.clients.iter().map(|fates| vec![false; fates.len()]).collect();
        for row in &answer.rows {
            count(row, &mut counted)?;
        }
        for (client, fates) in before.clients.iter().enumerate() {
            let lost =
                |number: &usize| fates[*number] == Fate::Acknowledged && !counted[client][*number];
            let lost: Vec<usize> = (0..fates.len()).filter(lost).collect();
            if let (Some(first), Some(last)) = (lost.first(), lost.last()) {
                let count = lost.len();
                return Err(format!(
                    "{count} acknowledged events are lost: {client}-{first} to {client}-{last}"
                ));
            }
        }
        Ok(())
    }
}

/// Whether an answer claims to be whole, and below which position it has every event.
pub(crate) fn claim(answer: &str) -> Result<(bool, u64), Violation> {
    let answer = Answer::read(answer)?;
    Ok((answer.provenance.complete, answer.through()))
}

/// Notes which events a row counts; none may be counted twice, or without having been sent.
fn count(row: &Row<'_>, counted: &mut [Vec<bool>]) -> Result<(), Violation> {
    let Row { time, c, chunk, n, w } = row;
    let place = format!("the group ({time}, {c}, {chunk}) with n {n} and w {w}");
    let client: usize = c.parse().map_err(|_| format!("{place}: no client"))?;
    let chunk: u64 = chunk.parse().map_err(|_| format!("{place}: no chunk"))?;
    if !time.starts_with(&day(chunk)) {
        return Err(format!("{place}: its events are of {}", day(chunk)));
    }
    let whole = w.get().split_once('.').map_or(w.get(), |(whole, fraction)| {
        if fraction.bytes().all(|digit| digit == b'0') { whole } else { "a fraction" }
    });
    let mut sum: u128 =
        whole.parse().map_err(|_| format!("{place}: its sum is no whole number"))?;
    let mut events = 0;
    for k in 0..CHUNK {
        let (number, times) = (chunk * CHUNK + k, sum % 4);
        sum /= 4;
        events += times as u64;
        if times > 1 {
            return Err(format!("{place}: the event {client}-{number} is counted {times} times"));
        }
        let known = counted.get_mut(client).and_then(|events| events.get_mut(number as usize));
        match (known, times) {
            (Some(seen), 1) => *seen = true,
            (None, 1) => {
                return Err(format!("{place}: the event {client}-{number} was never sent"));
            }
            _ => {}
        }
    }
    if events != *n || sum != 0 {
        return Err(format!("{place}: the weights are those of {events} events"));
    }
    Ok(())
}
