//! What the worker publishes: how far the views are, and what they hold.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use merganser_core::ids::{MetricId, Offset};
use merganser_metric::views::{SpeedViewLag, StoreFailure};
use tokio::sync::{Notify, watch};

use crate::store::SpeedView;

/// Where the worker is in its life.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum FoldPhase {
    /// It reads the journal and fills the store.
    CatchingUp,
    /// Every view was up to where the journal was at the start.
    Ready,
    /// It cannot go on.
    Failed(String),
    /// The feed ended, and everything of it is in the store, or could not be brought there in time.
    Ended,
}

/// A metric as others see it.
#[derive(Clone, Debug)]
pub(super) struct MetricProgress {
    pub(super) view: Arc<SpeedView>,
    /// The highest that it ever was.
    pub(super) applied: Offset,
    /// Whether what the store holds has the fence of its writer.
    pub(super) is_claimed: bool,
    pub(super) mismatches: u64,
    pub(super) groups: u64,
}

/// Shared between the worker and its handles.
#[derive(Debug)]
pub(super) struct FoldProgress {
    state: Mutex<ProgressState>,
    /// Every view includes everything below.
    pub(super) applied: watch::Sender<Offset>,
    pub(super) phase: watch::Sender<FoldPhase>,
    /// Why the store fails, while it does.
    pub(super) failure: watch::Sender<Option<StoreFailure>>,
    /// Metrics that reached their bound of groups and wait for a run.
    pub(super) full: watch::Sender<BTreeSet<MetricId>>,
    /// The highest offset that a reader waits for.
    wanted: AtomicU64,
    /// Wakes the worker for it.
    pub(super) wake: Notify,
    /// See [`SpeedViewLag::owed`].
    owed: AtomicU64,
}

#[derive(Debug, Default)]
struct ProgressState {
    metrics: HashMap<MetricId, MetricProgress>,
    /// Ends of batches that some view lacks, with the arrival of their first event by a clock that
    /// cannot be set.
    arrivals: VecDeque<(Offset, Instant)>,
}

impl FoldProgress {
    pub(super) fn new() -> Self {
        Self {
            state: Mutex::default(),
            applied: watch::Sender::new(Offset::ZERO),
            phase: watch::Sender::new(FoldPhase::CatchingUp),
            failure: watch::Sender::new(None),
            full: watch::Sender::new(BTreeSet::new()),
            wanted: AtomicU64::new(0),
            wake: Notify::new(),
            owed: AtomicU64::new(0),
        }
    }

    fn state(&self) -> MutexGuard<'_, ProgressState> {
        // Nothing panics while it is locked; should it, the counts are still counts.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn request_applied(&self, offset: Offset) {
        self.wanted.fetch_max(offset.0, Ordering::SeqCst);
        self.wake.notify_one();
    }

    pub(super) fn wanted(&self) -> Offset {
        Offset(self.wanted.load(Ordering::SeqCst))
    }

    /// Notes where the journal ends while the store fails.
    pub(super) fn raise_backlog_end(&self, end: Offset) {
        self.owed.fetch_max(end.0, Ordering::SeqCst);
    }

    pub(super) fn metric(&self, metric: MetricId) -> Option<MetricProgress> {
        self.state().metrics.get(&metric).cloned()
    }

    /// Notes a batch that is not in all views yet, and how old its first event is.
    pub(super) fn arrived(&self, end: Offset, age: Duration) {
        let now = Instant::now();
        self.state().arrivals.push_back((end, now.checked_sub(age).unwrap_or(now)));
    }

    /// Publishes how far everything is. Metrics that are not among `metrics` are forgotten.
    pub(super) fn publish(
        &self,
        applied: Offset,
        metrics: impl Iterator<Item = (MetricId, MetricProgress)>,
    ) {
        let mut state = self.state();
        let before = std::mem::take(&mut state.metrics);
        for (id, mut metric) in metrics {
            let earlier = before.get(&id).map_or(Offset::ZERO, |metric| metric.applied);
            metric.applied = metric.applied.max(earlier);
            state.metrics.insert(id, metric);
        }
        while state.arrivals.front().is_some_and(|(end, _)| *end <= applied) {
            state.arrivals.pop_front();
        }
        drop(state);
        self.applied.send_if_modified(|old| std::mem::replace(old, applied) != applied);
    }

    /// How far `metric` is behind.
    pub(super) fn lag(&self, metric: MetricId) -> SpeedViewLag {
        let state = self.state();
        let applied = state.metrics.get(&metric).map_or(Offset::ZERO, |metric| metric.applied);
        let oldest = state.arrivals.partition_point(|(end, _)| *end <= applied);
        let lag = state.arrivals.get(oldest).map_or(Duration::ZERO, |(_, at)| at.elapsed());
        let lag_ms = u64::try_from(lag.as_millis()).unwrap_or(u64::MAX);
        SpeedViewLag { lag_ms, applied, owed: Offset(self.owed.load(Ordering::SeqCst)) }
    }
}
