//! Instruments of a storage on other machines and of its cache, for Prometheus.

use std::time::Duration;

use metrics::{
    Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram,
};

/// A kind of request.
#[derive(Clone, Copy, Debug)]
pub(super) enum StorageOperation {
    /// Of an object, or a part of one.
    Get,
    /// Of an object, its parts included.
    Put,
    /// Of names, a thousand at most.
    List,
    /// Of one object.
    Delete,
}

impl StorageOperation {
    const ALL: [Self; 4] = [Self::Get, Self::Put, Self::List, Self::Delete];

    const fn name(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Put => "put",
            Self::List => "list",
            Self::Delete => "delete",
        }
    }
}

/// Describes the instruments, and starts counters at 0.
pub(super) fn describe() {
    describe_counter!(
        "merganser_storage_requests_total",
        Unit::Count,
        "Requests to the storage, by operation and outcome; tries of one request count once"
    );
    describe_histogram!(
        "merganser_storage_request_seconds",
        Unit::Seconds,
        "Time until a request to the storage was answered, tries included, by operation"
    );
    for operation in StorageOperation::ALL {
        for outcome in ["ok", "refused", "failed"] {
            requests(operation, outcome, 0);
        }
    }
}

fn requests(operation: StorageOperation, outcome: &'static str, count: u64) {
    let labels = [("operation", operation.name()), ("outcome", outcome)];
    counter!("merganser_storage_requests_total", &labels).increment(count);
}

/// A request was answered. An object that is missing, or is there already, is an answer, too.
pub(super) fn counted(operation: StorageOperation, failure: Option<&object_store::Error>) {
    use object_store::Error::{AlreadyExists, NotFound};
    let outcome = match failure {
        None => "ok",
        Some(AlreadyExists { .. } | NotFound { .. }) => "refused",
        Some(_) => "failed",
    };
    requests(operation, outcome, 1);
}

/// How long a request took.
pub(super) fn timed(operation: StorageOperation, took: Duration) {
    let labels = [("operation", operation.name())];
    histogram!("merganser_storage_request_seconds", &labels).record(took.as_secs_f64());
}

/// Describes the cache's instruments, and starts counters at 0.
pub(super) fn describe_cache() {
    describe_counter!(
        "merganser_storage_cache_total",
        Unit::Count,
        "Reads of files through the cache on the local disk, by whether it had them"
    );
    describe_gauge!(
        "merganser_storage_cache_bytes",
        Unit::Bytes,
        "Bytes of files in the cache on the local disk"
    );
    for outcome in ["hit", "miss"] {
        cache_reads(outcome, 0);
    }
}

fn cache_reads(outcome: &'static str, count: u64) {
    counter!("merganser_storage_cache_total", "outcome" => outcome).increment(count);
}

/// A file was read through the cache.
pub(super) fn cache_read(is_hit: bool) {
    cache_reads(if is_hit { "hit" } else { "miss" }, 1);
}

/// The cache has so many bytes now.
pub(super) fn cache_bytes(bytes: u64) {
    gauge!("merganser_storage_cache_bytes").set(bytes as f64);
}
