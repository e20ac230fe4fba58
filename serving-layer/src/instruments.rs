//! Instruments of the serving layer for Prometheus.

use std::time::Duration;

use merganser_core::time::Timestamp;
use metrics::{
    Counter, Gauge, Histogram, Unit, counter, describe_counter, describe_gauge, describe_histogram,
    gauge, histogram,
};

const COUNTERS: [(&str, &str); 3] = [
    ("merganser_queries_total", "Queries, followed ones included, by the code of their answer"),
    ("merganser_cache_hits_total", "What was there already, or was being made for another query"),
    ("merganser_cache_misses_total", "What a query had to make"),
];

const GAUGES: [(&str, Unit, &str); 7] = [
    (
        "merganser_queries_in_progress",
        Unit::Count,
        "Queries that are answered, wait for their turn, or for what they are to include",
    ),
    ("merganser_queries_limit", Unit::Count, "Queries that are answered at a time"),
    ("merganser_cache_bytes", Unit::Bytes, "Bytes that are kept"),
    (
        "merganser_query_memory_bytes",
        Unit::Bytes,
        "Memory that answers take: while they are made and sent, and while they are kept",
    ),
    ("merganser_query_memory_limit_bytes", Unit::Bytes, "Memory that answers may take"),
    ("merganser_build_info", Unit::Count, "1; the label tells the version"),
    ("merganser_start_time_seconds", Unit::Seconds, "When the process started, in Unix time"),
];

/// How a query ended.
#[derive(Clone, Copy, Debug)]
pub(crate) enum QueryEnd {
    /// With an answer that lacks nothing.
    Complete,
    /// With an answer that lacks something.
    Partial,
    /// With an error.
    Refused {
        /// The label of its duration: one for all codes that ask the same of an operator.
        outcome: &'static str,
        /// Its code.
        code: &'static str,
    },
}

/// What is counted of queries.
pub(crate) struct QueryInstruments {
    in_progress: Gauge,
    /// Of queries with a complete answer, which most are: looked up once.
    complete: (Counter, Histogram),
}

impl QueryInstruments {
    /// Describes the instruments, and sets those that do not change.
    pub(crate) fn new(queries_max: usize, started_at: Timestamp) -> Self {
        for (name, help) in COUNTERS {
            describe_counter!(name, Unit::Count, help);
        }
        for (name, unit, help) in GAUGES {
            describe_gauge!(name, unit, help);
        }
        describe_histogram!(
            "merganser_query_seconds",
            Unit::Seconds,
            "Time from a query to its answer, by how it ended, without writing the answer out"
        );
        gauge!("merganser_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
        gauge!("merganser_start_time_seconds").set(started_at.0 as f64 / 1e6);
        gauge!("merganser_queries_limit").set(queries_max as f64);
        Self { in_progress: gauge!("merganser_queries_in_progress"), complete: of("ok", "ok") }
    }

    /// Counts a query as in progress until the guard is dropped.
    pub(crate) fn begin(&self) -> InProgressGuard<'_> {
        self.in_progress.increment(1.0);
        InProgressGuard(&self.in_progress)
    }

    /// Counts a query that ended in this way.
    pub(crate) fn record_query(&self, took: Duration, end: QueryEnd) {
        let (count, seconds) = match end {
            QueryEnd::Complete => self.complete.clone(),
            QueryEnd::Partial => of("partial", "ok"),
            QueryEnd::Refused { outcome, code } => of(outcome, code),
        };
        count.increment(1);
        seconds.record(took.as_secs_f64());
    }
}

fn of(outcome: &'static str, code: &'static str) -> (Counter, Histogram) {
    let count = counter!("merganser_queries_total", "code" => code);
    (count, histogram!("merganser_query_seconds", "outcome" => outcome))
}

/// See [`QueryInstruments::begin`].
pub(crate) struct InProgressGuard<'a>(&'a Gauge);

impl Drop for InProgressGuard<'_> {
    fn drop(&mut self) {
        self.0.decrement(1.0);
    }
}

/// The memory that answers take, of so many bytes.
pub(crate) fn query_memory(limit: usize) -> Gauge {
    gauge!("merganser_query_memory_limit_bytes").set(limit as f64);
    gauge!("merganser_query_memory_bytes")
}

/// What is counted of a cache.
#[derive(Debug)]
pub(crate) struct CacheInstruments {
    pub(crate) hits: Counter,
    pub(crate) misses: Counter,
    pub(crate) bytes: Gauge,
}

impl CacheInstruments {
    /// Those of the cache of this name.
    pub(crate) fn of(cache: &'static str) -> Self {
        Self {
            hits: counter!("merganser_cache_hits_total", "cache" => cache),
            misses: counter!("merganser_cache_misses_total", "cache" => cache),
            bytes: gauge!("merganser_cache_bytes", "cache" => cache),
        }
    }
}
