//! What was measured, as one line of JSON.

use std::fs;
use std::io::Write;
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};

/// Times that requests took.
#[derive(Default)]
pub(crate) struct Latencies(Vec<u32>);

impl Latencies {
    pub(crate) fn push(&mut self, taken: Duration) {
        self.0.push(u32::try_from(taken.as_micros()).unwrap_or(u32::MAX));
    }

    pub(crate) fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

/// A report under construction.
pub(crate) struct Report {
    seconds: f64,
    fields: Map<String, Value>,
}

impl Report {
    /// Of a load that began at `started` and ends now.
    pub(crate) fn new(started: Instant) -> Self {
        let seconds = started.elapsed().as_secs_f64();
        let mut fields = Map::new();
        fields.insert("seconds".to_owned(), json!(rounded(seconds)));
        fields.insert("loader_cpu_s".to_owned(), json!(cpu_seconds()));
        Self { seconds, fields }
    }

    pub(crate) fn count(&mut self, name: &str, count: u64) {
        self.fields.insert(name.to_owned(), json!(count));
    }

    pub(crate) fn rate(&mut self, name: &str, count: u64) {
        self.fields.insert(name.to_owned(), json!((count as f64 / self.seconds).round()));
    }

    /// Median, 99th percentile and maximum, in milliseconds; nothing where nothing was measured.
    pub(crate) fn latencies(&mut self, name: &str, latencies: Latencies) {
        let mut times = latencies.0;
        times.sort_unstable();
        let Some(last) = times.len().checked_sub(1) else { return };
        for (part, share) in [("p50", 0.5), ("p99", 0.99), ("max", 1.0)] {
            let micros = times[(last as f64 * share) as usize];
            let name = format!("{name}_{part}_ms");
            self.fields.insert(name, json!(f64::from(micros) / 1000.0));
        }
    }

    pub(crate) fn print(self) {
        // A closed stdout has no reader for an error.
        let _ = writeln!(std::io::stdout(), "{}", Value::Object(self.fields));
    }
}

fn rounded(number: f64) -> f64 {
    (number * 1000.0).round() / 1000.0
}

/// Processor time of this process: fields 14 and 15 of `/proc/self/stat`, in ticks of 10 ms.
fn cpu_seconds() -> Option<f64> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    let after = stat.rsplit_once(')')?.1;
    let fields: Vec<&str> = after.split_whitespace().collect();
    let ticks: f64 = fields.get(11)?.parse::<f64>().ok()? + fields.get(12)?.parse::<f64>().ok()?;
    Some(ticks / 100.0)
}
