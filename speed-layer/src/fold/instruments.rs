//! Prometheus metrics of the fold.

use std::time::Duration;

use metrics::{
    Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram,
};

const COUNTERS: [(&str, &str); 4] = [
    ("merganser_speed_events_folded_total", "Events that were folded, those of a start included"),
    ("merganser_speed_groups_written_total", "Groups that were written to the speed store"),
    (
        "merganser_speed_store_errors_total",
        "Calls that the speed store did not answer or carry out; they are tried again",
    ),
    ("merganser_speed_rebuilds_total", "Speed views that were begun to be written anew"),
];

const GAUGES: [(&str, Unit, &str); 7] = [
    (
        "merganser_speed_lag_seconds",
        Unit::Seconds,
        "Age of the oldest event that was folded and is not in every speed view; 0 if none is",
    ),
    (
        "merganser_speed_unapplied_events",
        Unit::Count,
        "Events that were folded and are not in every speed view",
    ),
    ("merganser_speed_groups", Unit::Count, "Groups that the fold holds, of all metrics"),
    (
        "merganser_speed_full_metrics",
        Unit::Count,
        "Metrics that reached their bound of groups, so that answers lack some until a run",
    ),
    (
        "merganser_speed_feed_batches",
        Unit::Count,
        "Committed batches that wait for the fold; when there is no room, intake waits",
    ),
    ("merganser_speed_feed_batches_limit", Unit::Count, "Batches that there is room for"),
    (
        "merganser_speed_store_failing",
        Unit::Count,
        "1 while the speed store has failed or said nothing for seconds, or the fold has stopped",
    ),
];

const HISTOGRAMS: [(&str, Unit, &str); 3] = [
    ("merganser_speed_fold_seconds", Unit::Seconds, "Time to fold a batch into every metric"),
    ("merganser_speed_flush_seconds", Unit::Seconds, "Time of a write to the speed store"),
    ("merganser_speed_flush_groups", Unit::Count, "Groups of a write to the speed store"),
];

/// Describes the metrics, shows the bound of the feed, and lets counters begin at 0.
pub(super) fn describe(feed_batches_max: usize) {
    for (name, help) in COUNTERS {
        describe_counter!(name, Unit::Count, help);
        counter!(name).increment(0);
    }
    for (name, unit, help) in GAUGES {
        describe_gauge!(name, unit, help);
    }
    for (name, unit, help) in HISTOGRAMS {
        describe_histogram!(name, unit, help);
    }
    gauge!("merganser_speed_feed_batches_limit").set(feed_batches_max as f64);
    set_store_failing(false);
}

/// Events folded and the time that it took.
pub(super) fn record_fold(events: usize, took: Duration) {
    counter!("merganser_speed_events_folded_total").increment(events as u64);
    histogram!("merganser_speed_fold_seconds").record(took.as_secs_f64());
}

/// A write that the store has, with its groups and the time that it took.
#[expect(clippy::cast_precision_loss, reason = "a gauge")]
pub(super) fn record_flush(groups: usize, took: Duration) {
    counter!("merganser_speed_groups_written_total").increment(groups as u64);
    histogram!("merganser_speed_flush_groups").record(groups as f64);
    histogram!("merganser_speed_flush_seconds").record(took.as_secs_f64());
}

/// A store that did not answer, or said no.
pub(super) fn count_store_error() {
    counter!("merganser_speed_store_errors_total").increment(1);
}

/// Whether the store fails at present, or nothing is folded for it any more.
pub(super) fn set_store_failing(failing: bool) {
    gauge!("merganser_speed_store_failing").set(if failing { 1.0 } else { 0.0 });
}

/// A view that is written anew.
pub(super) fn count_rebuild() {
    counter!("merganser_speed_rebuilds_total").increment(1);
}

/// Events that are folded but not in every view yet, and groups of all metrics.
#[expect(clippy::cast_precision_loss, reason = "gauges")]
pub(super) fn set_unapplied(unapplied: u64, groups: u64) {
    gauge!("merganser_speed_unapplied_events").set(unapplied as f64);
    gauge!("merganser_speed_groups").set(groups as f64);
}

/// Milliseconds that the view that is furthest behind lacks.
#[expect(clippy::cast_precision_loss, reason = "a gauge")]
pub(super) fn set_lag(lag_ms: u64) {
    gauge!("merganser_speed_lag_seconds").set(lag_ms as f64 / 1000.0);
}

/// Metrics that reached their bound of groups.
pub(super) fn set_full_metrics(metrics: usize) {
    gauge!("merganser_speed_full_metrics").set(metrics as f64);
}

/// Batches that wait in the feed.
pub(super) fn set_feed_batches(batches: usize) {
    gauge!("merganser_speed_feed_batches").set(batches as f64);
}
