//! The numbers of intake for a monitoring system, each with its name and meaning in one place.

use std::time::Duration;

use metrics::{Gauge, counter, gauge, histogram};

use super::envelope::InvalidCode;

/// Events that were accepted.
pub(super) fn accepted(count: u64) {
    counter!("merganser_intake_events_accepted_total").increment(count);
}

/// Events that were there before, with the same content.
pub(super) fn duplicates(count: u64) {
    counter!("merganser_intake_events_duplicate_total").increment(count);
}

/// Events that were there before, with other content.
pub(super) fn conflicts(count: u64) {
    counter!("merganser_intake_events_conflict_total").increment(count);
}

/// An event that breaks a rule.
pub(super) fn invalid(code: InvalidCode) {
    counter!("merganser_intake_events_invalid_total", "code" => code.name()).increment(1);
}

/// A group that was committed: its events, and how long the journal took for them.
pub(super) fn group(requests: usize, events: u64, append: Duration) {
    histogram!("merganser_intake_group_requests").record(requests as f64);
    histogram!("merganser_intake_group_events").record(events as f64);
    histogram!("merganser_intake_append_seconds").record(append.as_secs_f64());
}

/// What is pending: requests, and their bytes. Set at each request, and therefore looked up once.
pub(super) fn pending() -> (Gauge, Gauge) {
    (gauge!("merganser_intake_pending_requests"), gauge!("merganser_intake_pending_bytes"))
}

/// Entries that went because the quarantine was full.
pub(super) fn quarantine_dropped(count: u64) {
    counter!("merganser_quarantine_dropped_total").increment(count);
}

/// Entries that the quarantine holds.
pub(super) fn quarantine_entries(count: usize) {
    gauge!("merganser_quarantine_entries").set(count as f64);
}
