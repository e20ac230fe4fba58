//! Figures of the fold, for Prometheus.

use std::time::Duration;

use metrics::{counter, gauge, histogram};

/// Events folded and the time that it took.
pub(super) fn folded(events: usize, took: Duration) {
    counter!("merganser_speed_events_folded_total").increment(events as u64);
    histogram!("merganser_speed_fold_seconds").record(took.as_secs_f64());
}

/// A write that the store has, with its groups and the time that it took.
#[expect(clippy::cast_precision_loss, reason = "a figure")]
pub(super) fn written(groups: usize, took: Duration) {
    counter!("merganser_speed_groups_written_total").increment(groups as u64);
    histogram!("merganser_speed_flush_groups").record(groups as f64);
    histogram!("merganser_speed_flush_seconds").record(took.as_secs_f64());
}

/// A store that did not answer, or said no.
pub(super) fn store_failed() {
    counter!("merganser_speed_store_errors_total").increment(1);
}

/// Whether the store fails at present.
pub(super) fn store_failing(failing: bool) {
    gauge!("merganser_speed_store_failing").set(if failing { 1.0 } else { 0.0 });
}

/// A view that is written anew.
pub(super) fn rebuilt() {
    counter!("merganser_speed_rebuilds_total").increment(1);
}

/// Events that are folded but not in every view yet, and groups of all metrics.
#[expect(clippy::cast_precision_loss, reason = "figures")]
pub(super) fn held(unapplied: u64, groups: u64) {
    gauge!("merganser_speed_unapplied_events").set(unapplied as f64);
    gauge!("merganser_speed_groups").set(groups as f64);
}

/// Milliseconds that the view that is furthest behind lacks.
#[expect(clippy::cast_precision_loss, reason = "a figure")]
pub(super) fn lag(lag_ms: u64) {
    gauge!("merganser_speed_lag_seconds").set(lag_ms as f64 / 1000.0);
}
