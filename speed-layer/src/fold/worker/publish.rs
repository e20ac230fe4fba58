//! What the worker publishes: how far it is, and whether the store fails.

use std::collections::BTreeSet;

use merganser_core::ids::MetricId;
use merganser_core::time::Timestamp;
use merganser_metric::views::StoreFailure;
use tokio::time::Instant;

use super::{FoldWorker, StoreBacklog};
use crate::fold::instruments;
use crate::fold::progress::FoldPhase;

impl FoldWorker {
    /// The store has failed: what is in the journal now is owed.
    pub(super) fn record_backlog(&mut self, since: Instant, reason: &str) {
        let end = self.parts.journal.end();
        let since = self.owed.as_ref().map_or(since, |owed| owed.since.min(since));
        self.owed = Some(StoreBacklog { end, since, reason: reason.to_owned() });
        self.parts.progress.raise_backlog_end(end);
    }

    /// Tells everyone else whether the store fails: any view that it does not keep up is one that
    /// queries are not answered from. It fails until all is in the views that was acknowledged
    /// before.
    pub(super) fn publish_failure(&mut self) {
        let (now, failing_after) = (Instant::now(), self.parts.settings.failing_after);
        let failures = self.writers.values();
        let failures = failures.filter_map(|writer| writer.failure(now, failing_after));
        let failure = failures.min_by_key(|(since, _)| *since);
        if let Some((since, reason)) = &failure {
            self.record_backlog(*since, reason);
        }
        let applied = self.applied();
        self.owed = self.owed.take().filter(|owed| owed.end > applied);
        let owed = self.owed.as_ref().map(|owed| {
            let reason = format!("{}; what was acknowledged is not all in the views", owed.reason);
            (owed.since, reason)
        });
        let failure = failure.or(owed);
        self.parts.progress.failure.send_if_modified(|published| {
            let reason = failure.as_ref().map(|(_, reason)| reason);
            if published.as_ref().map(|failure| &failure.reason) == reason {
                return false;
            }
            instruments::set_store_failing(failure.is_some());
            let before = published.take().map(|failure| (failure.since, failure.begun));
            *published = failure.map(|(since, reason)| {
                let lasted_us = i64::try_from((now - since).as_micros()).unwrap_or(i64::MAX);
                let began = Timestamp(self.parts.clock.now().0.saturating_sub(lasted_us));
                let (since, begun) = before.unwrap_or((began, since.into_std()));
                StoreFailure { since, begun, reason }
            });
            true
        });
    }

    /// Publishes how far it is.
    pub(super) fn publish_progress(&self) {
        let progress = &self.parts.progress;
        let applied = self.applied();
        let metrics = self.writers.iter().map(|(id, writer)| (*id, writer.progress()));
        progress.publish(applied, metrics);
        let full = self.writers.iter().filter(|(_, writer)| writer.is_full());
        let full: BTreeSet<MetricId> = full.map(|(id, _)| *id).collect();
        progress.full.send_if_modified(|old| {
            let is_new = *old != full;
            *old = full;
            is_new
        });
        progress.phase.send_if_modified(|phase| {
            let is_ready = *phase == FoldPhase::CatchingUp && applied >= self.target;
            if is_ready {
                *phase = FoldPhase::Ready;
            }
            is_ready
        });
        instruments::set_full_metrics(progress.full.borrow().len());
        self.update_gauges();
    }

    /// Shows how far the fold is. Also when nothing changed: what is behind grows older while
    /// the store says nothing.
    pub(super) fn update_gauges(&self) {
        let progress = &self.parts.progress;
        let groups = self.writers.values().map(|writer| writer.tables.groups() as u64).sum();
        instruments::set_unapplied(self.unapplied(), groups);
        let lags = self.writers.keys().map(|id| progress.lag(*id).lag_ms);
        instruments::set_lag(lags.max().unwrap_or(0));
        instruments::set_feed_batches(self.parts.feed.len());
    }
}
