//! Speed views in a process that does not write them: it reads what the writer has stored.
//!
//! Each answer of the store says up to which position its states are, so an answer made of it is
//! exact, however late it is. How late that is, this process finds out by itself: it follows the
//! journal's end, and looks every now and then how far each view is.
//!
//! A store can be put back to what it was, or to what belonged to another history of the journal.
//! The writer finds that out, since it compares checksums with the journal; a replica would not. So
//! it reads states of the writer that is known to be the newest, or of a later one, and of no
//! other.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use merganser_core::clock::Clock;
use merganser_core::ids::{Fence, MetricId, Offset};
use merganser_core::journal::Journal;
use merganser_metric::catalog::{CatalogSnapshot, MetricVersion};
use merganser_metric::views::{
    SpeedReadRequest, SpeedViewError, SpeedViewLag, SpeedViewStates, SpeedViews, StoreFailure,
};
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::store::{SpeedStore, SpeedView, StoreError, StoreReadError, StoredView};

/// How long to wait before a view that is being written is read again.
const PAUSE: Duration = Duration::from_millis(10);
/// Ends of the journal that are remembered with when they were seen.
const ARRIVALS_MAX: usize = 100_000;

/// Settings of a replica.
#[derive(Clone, Debug)]
pub struct ReplicaSettings {
    /// How often it looks how far the views are.
    pub look: Duration,
    /// Groups that a read may take.
    pub read_groups_max: usize,
    /// How long a read tries again.
    pub read_patience: Duration,
    /// How long the store may fail before that is said.
    pub failing_after: Duration,
}

impl Default for ReplicaSettings {
    fn default() -> Self {
        Self {
            look: Duration::from_millis(50),
            read_groups_max: 2_000_000,
            read_patience: Duration::from_secs(1),
            failing_after: Duration::from_secs(2),
        }
    }
}

/// What a replica is made of.
pub struct ReplicaParts {
    /// The journal, which somebody follows.
    pub journal: Arc<dyn Journal>,
    /// The store that the writer writes to.
    pub store: Arc<dyn SpeedStore>,
    /// What is defined and published.
    pub snapshots: watch::Receiver<Arc<CatalogSnapshot>>,
    /// The writer's fence; while it is not known, nothing is read.
    pub fence: watch::Receiver<Option<Fence>>,
    /// Time.
    pub clock: Arc<dyn Clock>,
}

/// Speed views that another process writes. Cheap to clone.
#[derive(Clone)]
pub struct SpeedReplica(Arc<ReplicaInner>);

struct ReplicaInner {
    settings: ReplicaSettings,
    parts: ReplicaParts,
    views: Mutex<HashMap<MetricId, ReplicaProgress>>,
    /// Ends of the journal that some view lacks, and when they were seen.
    arrivals: Mutex<VecDeque<(Offset, Instant)>>,
    /// Every view includes everything below.
    applied: watch::Sender<Offset>,
    /// Metrics whose view has left events out, since it has its bound of groups.
    full: watch::Sender<BTreeSet<MetricId>>,
    failure: watch::Sender<Option<StoreFailure>>,
}

/// How far a view is.
#[derive(Clone, Copy, Debug, Default)]
struct ReplicaProgress {
    applied: Offset,
    mismatches: u64,
    /// Whether events were left out, for want of room.
    is_full: bool,
    /// Of the largest read so far.
    groups: u64,
}

fn locked<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing panics while it is locked; should it, the counts are still counts.
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

impl SpeedReplica {
    /// Begins to look at the store, until `stop`.
    #[must_use]
    pub fn start(settings: ReplicaSettings, parts: ReplicaParts, stop: CancellationToken) -> Self {
        metrics::describe_gauge!(
            "merganser_replica_lag_seconds",
            metrics::Unit::Seconds,
            "Age of the oldest event of the journal that is not in every speed view, as this \
             process sees it; 0 if there is none"
        );
        let replica = Self(Arc::new(ReplicaInner {
            settings,
            parts,
            views: Mutex::default(),
            arrivals: Mutex::default(),
            applied: watch::Sender::new(Offset::ZERO),
            full: watch::Sender::new(BTreeSet::new()),
            failure: watch::Sender::new(None),
        }));
        let looking = replica.clone();
        tokio::spawn(async move {
            let look = looking.0.settings.look;
            while stop.run_until_cancelled(looking.0.look()).await.is_some() {
                tokio::time::sleep(look).await;
            }
        });
        replica
    }

    /// Metrics whose view has left events out, since it has its bound of groups: a run is wanted.
    #[must_use]
    pub fn full(&self) -> watch::Receiver<BTreeSet<MetricId>> {
        self.0.full.subscribe()
    }
}

impl ReplicaInner {
    fn view(&self, metric: &MetricVersion) -> SpeedView {
        let trusted = self.parts.fence.borrow().unwrap_or(Fence(u64::MAX));
        SpeedView::of(self.parts.journal.id(), metric).trusting(trusted)
    }

    /// Looks how far the journal and all views are.
    async fn look(&self) {
        let end = self.parts.journal.end();
        {
            let mut arrivals = locked(&self.arrivals);
            if arrivals.back().is_none_or(|(last, _)| *last < end) && end > Offset::ZERO {
                arrivals.push_back((end, Instant::now()));
            }
            if arrivals.len() > ARRIVALS_MAX {
                arrivals.pop_back();
            }
        }
        let snapshot = Arc::clone(&self.parts.snapshots.borrow());
        let (mut applied, mut views) = (end, HashMap::new());
        let before = locked(&self.views).clone();
        for metric in &snapshot.metrics {
            let view = self.view(metric);
            match self.parts.store.open(&view).await {
                Ok(stored) => {
                    let stored = stored.filter(|stored| is_readable(stored, &view));
                    let known = before.get(&metric.id).copied().unwrap_or_default();
                    let progress = progress(metric, stored.as_ref(), known);
                    applied = applied.min(progress.applied);
                    views.insert(metric.id, progress);
                }
                Err(error) => return self.note_failure(&error),
            }
        }
        let full = views.iter().filter(|(_, view)| view.is_full).map(|(metric, _)| *metric);
        let full: BTreeSet<MetricId> = full.collect();
        self.full.send_if_modified(|known| std::mem::replace(known, full.clone()) != full);
        *locked(&self.views) = views;
        self.failure.send_if_modified(|failure| failure.take().is_some());
        let mut arrivals = locked(&self.arrivals);
        while arrivals.front().is_some_and(|(end, _)| *end <= applied) {
            arrivals.pop_front();
        }
        let lag = arrivals.front().map_or(Duration::ZERO, |(_, seen)| seen.elapsed());
        metrics::gauge!("merganser_replica_lag_seconds").set(lag.as_secs_f64());
        drop(arrivals);
        self.applied.send_if_modified(|old| std::mem::replace(old, applied) != applied);
    }

    fn note_failure(&self, error: &StoreError) {
        let reason = error.to_string();
        self.failure.send_if_modified(|failure| match failure {
            Some(failure) => std::mem::replace(&mut failure.reason, reason.clone()) != reason,
            None => {
                let since = self.parts.clock.now();
                let begun = std::time::Instant::now();
                *failure = Some(StoreFailure { since, begun, reason: reason.clone() });
                true
            }
        });
    }

    fn progress(&self, metric: MetricId) -> ReplicaProgress {
        locked(&self.views).get(&metric).copied().unwrap_or_default()
    }

    fn note_groups(&self, metric: MetricId, part: &SpeedViewStates) {
        let groups = part.states.iter().map(|states| states.num_rows() as u64).sum();
        if let Some(view) = locked(&self.views).get_mut(&metric) {
            view.groups = view.groups.max(groups);
        }
    }
}

/// Whether queries may read it: it is whole, and of a writer that is trusted.
fn is_readable(stored: &StoredView, view: &SpeedView) -> bool {
    stored.check_readable(view, stored.first).is_ok()
}

/// How far a view is. What its batch view covers, it need not have.
fn progress(
    metric: &MetricVersion,
    stored: Option<&StoredView>,
    before: ReplicaProgress,
) -> ReplicaProgress {
    let Some(stored) = stored else { return before };
    let from = metric.boundary.epoch;
    let counters = || stored.counters.range(from..).map(|(_, counters)| counters);
    ReplicaProgress {
        applied: stored.through.offset.max(metric.boundary.offset).max(before.applied),
        mismatches: counters().map(|counters| counters.mismatches).sum(),
        is_full: counters().any(|counters| counters.dropped > 0),
        groups: before.groups,
    }
}

#[async_trait]
impl SpeedViews for SpeedReplica {
    fn kind(&self) -> &'static str {
        self.0.parts.store.kind()
    }

    async fn read(
        &self,
        metric: &MetricVersion,
        read: SpeedReadRequest,
    ) -> Result<SpeedViewStates, SpeedViewError> {
        let until = Instant::now() + self.0.settings.read_patience;
        loop {
            let (applied, covered) = (self.0.progress(metric.id).applied, metric.boundary.offset);
            let view = self.0.view(metric);
            let answer = self.0.parts.store.read(&view, &read, self.0.settings.read_groups_max);
            let is_last = Instant::now() >= until;
            let error = match answer.await {
                // A store that was put back to an earlier state: the writer will find out.
                Ok(part) if !is_last && part.through.max(covered) < applied => {
                    StoreReadError::Building
                }
                // The states of one position may be there in time.
                Ok(part) if !is_last && part.reach > part.through => StoreReadError::Building,
                Ok(mut part) => {
                    if read.from == metric.boundary.epoch {
                        // Nothing below the boundary is asked for, so nothing of it is missing.
                        part.through = part.through.max(metric.boundary.offset);
                        part.reach = part.reach.max(part.through);
                    }
                    self.0.note_groups(metric.id, &part);
                    return Ok(part);
                }
                Err(StoreReadError::Retired { first }) => {
                    return Err(SpeedViewError::Retired { first });
                }
                Err(StoreReadError::TooLarge { limit }) => {
                    return Err(SpeedViewError::TooLarge { limit });
                }
                // The writer looks after the rest, and a connection may be there again at once.
                Err(error) => error,
            };
            if is_last {
                return Err(SpeedViewError::Unavailable(error.to_string()));
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    fn failure(&self) -> Option<StoreFailure> {
        let failure = self.0.failure.borrow().clone();
        failure.filter(|failure| failure.begun.elapsed() >= self.0.settings.failing_after)
    }

    fn lag(&self, metric: MetricId) -> SpeedViewLag {
        let applied = self.0.progress(metric).applied;
        let arrivals = locked(&self.0.arrivals);
        let oldest = arrivals.partition_point(|(end, _)| *end <= applied);
        let lag = arrivals.get(oldest).map_or(Duration::ZERO, |(_, seen)| seen.elapsed());
        let lag_ms = u64::try_from(lag.as_millis()).unwrap_or(u64::MAX);
        SpeedViewLag { lag_ms, applied, owed: Offset::ZERO }
    }

    async fn wait_applied(&self, offset: Offset, timeout: Duration) -> bool {
        let mut applied = self.0.applied.subscribe();
        let reached = applied.wait_for(|applied| *applied >= offset);
        matches!(tokio::time::timeout(timeout, reached).await, Ok(Ok(_)))
    }

    fn mismatches(&self, metric: MetricId) -> u64 {
        self.0.progress(metric).mismatches
    }

    fn groups(&self, metric: MetricId) -> u64 {
        self.0.progress(metric).groups
    }
}
