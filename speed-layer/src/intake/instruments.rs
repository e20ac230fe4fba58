//! The numbers of intake for a monitoring system, each with its name and meaning in one place.

use merganser_api::invalid_code::InvalidCode;
use std::time::{Duration, Instant};

use metrics::{
    Gauge, Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram,
};

use super::settings::IntakeSettings;

const COUNTERS: [(&str, &str); 7] = [
    ("merganser_intake_events_accepted_total", "Events that were accepted"),
    (
        "merganser_intake_events_duplicate_total",
        "Events that were there before, with the same content",
    ),
    (
        "merganser_intake_events_conflict_total",
        "Events whose id was there before, with other content; they are in the quarantine",
    ),
    (
        "merganser_intake_events_invalid_total",
        "Events that break a rule, by its code; they are in the quarantine",
    ),
    (
        "merganser_intake_backlog_waits_total",
        "Requests that waited for their turn because the backlog was over its bound",
    ),
    (
        "merganser_intake_backlog_refused_total",
        "Requests that were refused because the backlog was over its bound",
    ),
    (
        "merganser_quarantine_dropped_total",
        "Entries that went because the quarantine was full, by their code",
    ),
];

const GAUGES: [(&str, Unit, &str); 10] = [
    ("merganser_intake_pending_requests", Unit::Count, "Requests that are decoded or queued"),
    (
        "merganser_intake_pending_requests_limit",
        Unit::Count,
        "Pending requests from which on further ones are refused",
    ),
    (
        "merganser_intake_pending_bytes",
        Unit::Bytes,
        "Bytes of requests that arrive, are decoded or queued",
    ),
    (
        "merganser_intake_pending_bytes_limit",
        Unit::Bytes,
        "Pending bytes from which on further ones are refused",
    ),
    ("merganser_intake_dedup_events", Unit::Count, "Events whose repetitions are recognised"),
    (
        "merganser_intake_dedup_events_limit",
        Unit::Count,
        "Events that the dedup window holds; the oldest leave it",
    ),
    (
        "merganser_backlog_limit_events",
        Unit::Count,
        "Events that no run has archived, over which intake slows down; at twice as many it stops",
    ),
    ("merganser_quarantine_entries", Unit::Count, "Entries in the quarantine"),
    (
        "merganser_quarantine_entries_limit",
        Unit::Count,
        "Entries from which on the oldest leave the quarantine",
    ),
    (
        "merganser_disk_floor_bytes",
        Unit::Bytes,
        "Free bytes of the data directory's disk below which nothing is accepted",
    ),
];

const HISTOGRAMS: [(&str, Unit, &str); 4] = [
    ("merganser_intake_group_requests", Unit::Count, "Requests that were committed together"),
    ("merganser_intake_group_events", Unit::Count, "Events that were committed together"),
    (
        "merganser_intake_append_seconds",
        Unit::Seconds,
        "Time that the journal took for a commit: compression, write and fsync",
    ),
    (
        "merganser_intake_ack_seconds",
        Unit::Seconds,
        "Time from a request's body being there to everything that its answer says being durable",
    ),
];

/// Says what the numbers mean, shows the bounds, and lets what is counted begin at 0.
pub(super) fn describe(settings: &IntakeSettings) {
    for (name, help) in COUNTERS {
        describe_counter!(name, Unit::Count, help);
    }
    for (name, unit, help) in GAUGES {
        describe_gauge!(name, unit, help);
    }
    for (name, unit, help) in HISTOGRAMS {
        describe_histogram!(name, unit, help);
    }
    accepted(0);
    duplicates(0);
    conflicts(0);
    counter!("merganser_intake_backlog_waits_total").increment(0);
    counter!("merganser_intake_backlog_refused_total").increment(0);
    for code in InvalidCode::EACH.iter().map(|code| code.name()).chain(["conflict"]) {
        quarantine_dropped(code, 0);
    }
    gauge!("merganser_intake_pending_requests_limit").set(settings.pending_max_requests as f64);
    gauge!("merganser_intake_pending_bytes_limit").set(settings.pending_max_bytes as f64);
    gauge!("merganser_intake_dedup_events_limit").set(settings.dedup_window_events as f64);
    gauge!("merganser_quarantine_entries_limit").set(settings.quarantine.max_events as f64);
    gauge!("merganser_backlog_limit_events").set(settings.backlog_max_events as f64);
    gauge!("merganser_disk_floor_bytes").set(settings.disk_floor_bytes as f64);
}

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

/// Events that break a rule: added up first, so that a code is looked up once a batch.
pub(super) fn invalid(codes: impl Iterator<Item = InvalidCode>) {
    let mut counts: Vec<(InvalidCode, u64)> = Vec::new();
    for code in codes {
        match counts.iter_mut().find(|(counted, _)| *counted == code) {
            Some((_, count)) => *count += 1,
            None => counts.push((code, 1)),
        }
    }
    for (code, count) in counts {
        counter!("merganser_intake_events_invalid_total", "code" => code.name()).increment(count);
    }
}

/// A batch that was committed: its events, and how long the journal took for them.
pub(super) fn batch_committed(requests: usize, events: u64, append: Duration) {
    histogram!("merganser_intake_group_requests").record(requests as f64);
    histogram!("merganser_intake_group_events").record(events as f64);
    histogram!("merganser_intake_append_seconds").record(append.as_secs_f64());
}

/// A request that waits for its turn, so that runs catch up.
pub(super) fn backlog_wait() {
    counter!("merganser_intake_backlog_waits_total").increment(1);
}

/// A request that is refused, so that runs catch up.
pub(super) fn backlog_refused() {
    counter!("merganser_intake_backlog_refused_total").increment(1);
}

/// Requests that are acknowledged now, by when each began.
pub(super) fn acknowledged(begun: impl Iterator<Item = Instant>) {
    let latency = histogram!("merganser_intake_ack_seconds");
    begun.for_each(|begun| latency.record(begun.elapsed().as_secs_f64()));
}

/// What is pending: requests, and their bytes. Set at each request, and therefore looked up once.
pub(super) fn pending() -> (Gauge, Gauge) {
    (gauge!("merganser_intake_pending_requests"), gauge!("merganser_intake_pending_bytes"))
}

/// Events whose repetitions are recognised.
pub(super) fn dedup_events(events: usize) {
    gauge!("merganser_intake_dedup_events").set(events as f64);
}

/// Entries of a code that went because the quarantine was full.
pub(super) fn quarantine_dropped(code: &str, count: u64) {
    counter!("merganser_quarantine_dropped_total", "code" => code.to_owned()).increment(count);
}

/// Entries that the quarantine holds.
pub(super) fn quarantine_entries(count: usize) {
    gauge!("merganser_quarantine_entries").set(count as f64);
}
