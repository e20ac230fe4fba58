//! Instruments of the batch layer, for Prometheus: what runs did, and what the journal has that
//! they have not taken yet.

use std::time::Duration;

use merganser_api::run::AuditCounts;
use merganser_core::journal::Journal;
use merganser_core::time::Timestamp;
use metrics::{
    Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram,
};

use crate::catalog::BatchCatalog;
use crate::job::{RunMode, RunRecord, RunState};

/// How often it is looked at what is not counted.
pub(super) const LOOK: Duration = Duration::from_secs(1);

/// Counters without labels.
const COUNTERS: [(&str, &str); 4] = [
    (
        "merganser_audit_groups_total",
        "Groups of new views that were compared with what was served before",
    ),
    (
        "merganser_audit_differences_total",
        "Groups that differ from what was served before; any is a fault",
    ),
    (
        "merganser_audit_skipped_total",
        "Parts of views that had nothing to be compared with, as the speed view was not whole",
    ),
    ("merganser_objects_deleted_total", "Objects that were deleted as no generation names them"),
];

const GAUGES: [(&str, Unit, &str); 7] = [
    ("merganser_journal_start_offset", Unit::Count, "Offset of the first event that is held"),
    ("merganser_journal_end_offset", Unit::Count, "Offset after the last durable event"),
    ("merganser_journal_size_bytes", Unit::Bytes, "Bytes of the journal's segments"),
    (
        "merganser_backlog_events",
        Unit::Count,
        "Events that no run has archived: the journal has them, the master dataset has not",
    ),
    (
        "merganser_batch_behind_events",
        Unit::Count,
        "Events that some metric's batch view has not, which the next run folds; 0 without metrics",
    ),
    ("merganser_generation", Unit::Count, "The newest generation of the manifest"),
    (
        "merganser_run_last_success_timestamp_seconds",
        Unit::Seconds,
        "When a run of this mode last succeeded, in Unix time; 0 if none is known",
    ),
];

/// Describes the instruments, and starts counters at 0.
pub(super) fn describe() {
    for (name, help) in COUNTERS {
        describe_counter!(name, Unit::Count, help);
        counter!(name).increment(0);
    }
    for (name, unit, help) in GAUGES {
        describe_gauge!(name, unit, help);
    }
    describe_counter!("merganser_runs_total", Unit::Count, "Attempts of runs, by how they ended");
    describe_histogram!(
        "merganser_run_seconds",
        Unit::Seconds,
        "Time of an attempt of a run, by how it ended"
    );
    describe_histogram!(
        "merganser_journal_fsync_seconds",
        Unit::Seconds,
        "Time of an fsync of the journal, one for each group of requests"
    );
}

/// Describes the instruments of who makes parts for others.
pub(super) fn describe_parts() {
    describe_counter!(
        "merganser_parts_total",
        Unit::Count,
        "Attempts of parts of runs by this process, by what became of them: counts, already made, \
         over, or failed"
    );
}

/// An attempt of a part has ended.
pub(super) fn record_part(outcome: &'static str) {
    counter!("merganser_parts_total", "outcome" => outcome).increment(1);
}

/// What is known of runs before the start, newest first.
pub(super) fn restore_last_success(runs: &[RunRecord]) {
    for mode in [RunMode::Incremental, RunMode::Full] {
        last_success_at(mode.name(), last_success(runs, mode).unwrap_or_default());
    }
}

/// When a run of this mode last succeeded, which may be before another one's end by a clock that
/// was set back. A backfill is none: it makes one metric's view only.
fn last_success(runs: &[RunRecord], mode: RunMode) -> Option<Timestamp> {
    let runs = runs.iter().filter(|run| run.mode == mode && run.backfill.is_none());
    runs.filter(|run| run.state == RunState::Succeeded).find_map(|run| run.ended_at)
}

/// An attempt of a run that has ended.
pub(super) fn record_attempt(run: &RunRecord, outcome: &'static str, seconds: f64) {
    let mode = label(run);
    counter!("merganser_runs_total", "mode" => mode, "outcome" => outcome).increment(1);
    histogram!("merganser_run_seconds", "mode" => mode, "outcome" => outcome).record(seconds);
}

/// A run that succeeded.
pub(super) fn record_success(run: &RunRecord, at: Timestamp) {
    last_success_at(label(run), at);
}

/// A backfill is a mode of its own here: it is as long as there are events, but of one metric.
fn label(run: &RunRecord) -> &'static str {
    if run.backfill.is_some() { "backfill" } else { run.mode.name() }
}

fn last_success_at(mode: &'static str, at: Timestamp) {
    gauge!("merganser_run_last_success_timestamp_seconds", "mode" => mode).set(at.0 as f64 / 1e6);
}

/// A part of a view that was compared.
pub(super) fn record_audit(audit: AuditCounts) {
    counter!("merganser_audit_groups_total").increment(audit.compared);
    counter!("merganser_audit_differences_total").increment(audit.differences);
}

/// A part of a view that could not be compared.
pub(super) fn record_audit_failure() {
    counter!("merganser_audit_skipped_total").increment(1);
}

/// How far the journal is, and how far the batch layer is behind it.
pub(super) fn update_gauges(catalog: &BatchCatalog, journal: &dyn Journal) {
    let state = catalog.state();
    // Looked at last, so that nothing is ahead of it.
    let end = journal.end();
    let behind = state.manifest.metrics.iter().map(|entry| end.since(entry.boundary.offset));
    let backlog = end.since(state.manifest.archived.offset);
    gauge!("merganser_journal_start_offset").set(journal.start().0 as f64);
    gauge!("merganser_journal_end_offset").set(end.0 as f64);
    gauge!("merganser_journal_size_bytes").set(journal.size_bytes() as f64);
    gauge!("merganser_backlog_events").set(backlog as f64);
    gauge!("merganser_batch_behind_events").set(behind.max().unwrap_or(0) as f64);
    gauge!("merganser_generation").set(state.manifest.generation.0 as f64);
}

#[cfg(test)]
mod tests {
    use merganser_core::ids::MetricId;

    use super::*;
    use crate::job::{RunQueue, RunTrigger};

    #[test]
    fn only_runs_that_made_all_views_count_as_a_success() {
        let queue = RunQueue::default();
        let ran = |mode, state, ended_at| {
            let run = queue.submit(mode, RunTrigger::Api, None).unwrap();
            queue.update(&run.id, |run| {
                (run.state, run.ended_at) = (state, Some(ended_at));
            });
        };
        ran(RunMode::Full, RunState::Succeeded, Timestamp(1));
        ran(RunMode::Incremental, RunState::Succeeded, Timestamp(2));
        ran(RunMode::Incremental, RunState::Succeeded, Timestamp(3));
        ran(RunMode::Incremental, RunState::Failed, Timestamp(4));
        ran(RunMode::Full, RunState::Cancelled, Timestamp(5));
        queue.record_empty_backfill(MetricId(1), Timestamp(6));
        let runs = queue.list();
        assert_eq!(last_success(&runs, RunMode::Full), Some(Timestamp(1)));
        assert_eq!(last_success(&runs, RunMode::Incremental), Some(Timestamp(3)));
        assert_eq!(last_success(&[], RunMode::Full), None);
    }
}
