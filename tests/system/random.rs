//! Random metrics over random events, in random splits: the service must equal a naive count with
//! `==`, digit by digit, after every step.
//!
//! Events come late, twice, with other content under the same id, with nulls, objects and texts for
//! numbers, and with huge numbers. Steps are ingestion, both kinds of runs, new definitions, stops
//! and kills. The oracle keeps a list of events and adds them up anew for every question.

mod event;
mod metric;
mod question;

use serde_json::{Value, json};

use crate::http::Http;
use crate::in_both_stores;
use crate::load::Random;
use crate::server::{Place, Server, Store};

use event::Event;
use metric::Metric;

/// Rounds of a service of its own.
const ROUNDS: u64 = 3;
/// Steps of a round.
const STEPS: u64 = 14;

fn random_metrics_equal_a_naive_count(store: Store) {
    let mut random = Random::new();
    for _ in 0..ROUNDS {
        let place = Place::new(store);
        let mut round = Round {
            server: Some(place.start()),
            place: &place,
            events: Vec::new(),
            metrics: Vec::new(),
            ids: 0,
        };
        round.define(&mut random);
        for _ in 0..STEPS {
            round.step(&mut random);
            round.check(&mut random);
        }
        round.server.take().unwrap().stop();
        place.check_log(&[]);
    }
}

in_both_stores!(random_metrics_equal_a_naive_count);

struct Round<'a> {
    server: Option<Server>,
    place: &'a Place,
    /// What was accepted, in order.
    events: Vec<Event>,
    metrics: Vec<Metric>,
    ids: u64,
}

impl Round<'_> {
    fn http(&self) -> &Http {
        &self.server.as_ref().unwrap().http
    }

    fn step(&mut self, random: &mut Random) {
        match random.below(10) {
            0..5 => self.ingest(random),
            5 | 6 => drop(self.server.as_ref().unwrap().run("incremental")),
            7 => drop(self.server.as_ref().unwrap().run("full")),
            8 => self.define(random),
            _ => {
                let server = self.server.take().unwrap();
                if random.below(2) == 0 {
                    server.stop()
                } else {
                    server.kill()
                }
                self.server = Some(self.place.start());
            }
        }
    }

    /// Creates a metric, or changes one, and waits until it answers.
    fn define(&mut self, random: &mut Random) {
        let name = format!("m{}", random.below(2));
        let metric = Metric::random(&name, random);
        let reply = self.http().put(&format!("/v1/metrics/{name}"), &metric.definition());
        assert!(matches!(reply.status, 200..=202), "{}: {}", metric.definition(), reply.body);
        if let Some(run) = reply.location.filter(|at| at.starts_with("/v1/runs/")) {
            let ended = self.server.as_ref().unwrap().ended(&run);
            assert_eq!(ended["state"], "succeeded", "{ended}");
        }
        self.metrics.retain(|other| other.name != name);
        self.metrics.push(metric);
    }

    fn ingest(&mut self, random: &mut Random) {
        let mut lines = Vec::new();
        let (mut accepted, mut duplicates, mut conflicts) = (0, 0, 0);
        for _ in 0..random.below(120) {
            let again = (random.below(8) == 0).then(|| random.below(self.ids.max(1)));
            match again.and_then(|id| self.events.iter().find(|e| e.id == id).cloned()) {
                Some(same) if random.below(2) == 0 => {
                    lines.push(same.line());
                    duplicates += 1;
                }
                Some(mut other) => {
                    other.time_ms += 1;
                    lines.push(other.line());
                    conflicts += 1;
                }
                None => {
                    let event = Event::random(self.ids, random);
                    self.ids += 1;
                    lines.push(event.line());
                    self.events.push(event);
                    accepted += 1;
                }
            }
        }
        let reply = self.http().try_send(&lines, "applied").unwrap();
        assert_eq!(reply.status, 200, "{}", reply.body);
        assert_eq!(reply.body["applied"], true, "{}", reply.body);
        let count = |field: &str| reply.body[field].as_array().map(Vec::len);
        assert_eq!(reply.body["accepted"], json!(accepted), "{}", reply.body);
        assert_eq!(reply.body["duplicates"], json!(duplicates), "{}", reply.body);
        assert_eq!(count("conflicts"), Some(conflicts), "{}", reply.body);
        assert_eq!(count("invalid"), Some(0), "{}", reply.body);
    }

    fn check(&self, random: &mut Random) {
        for metric in &self.metrics {
            for _ in 0..3 {
                question::Question::random(metric, random).check(self.http(), &self.events);
            }
        }
    }
}

/// One of several.
fn pick<T: Copy>(random: &mut Random, all: &[T]) -> T {
    all[usize::try_from(random.below(all.len() as u64)).unwrap()]
}

fn object(pairs: Vec<(&str, Value)>) -> Value {
    Value::Object(pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
}
