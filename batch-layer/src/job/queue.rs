//! The registry of runs, which the HTTP routes and the worker share.
//!
//! Of requested runs, one is active at a time. Backfills queue, and those that are due are taken
//! together.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use merganser_core::ids::MetricId;
use merganser_core::time::Timestamp;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use super::{RunMode, RunRecord, RunState, RunTrigger};

/// Records of runs that are kept.
const HISTORY_MAX: usize = 1000;

/// Backfills that are taken together at most: so many share what they read, and what is held of
/// all of them stays in bounds.
const TOGETHER_MAX: usize = 64;

/// A run is active already.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the run {id} is active")]
pub struct RunActiveError {
    /// Which one.
    pub id: String,
}

/// A run cannot be cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RunCancelError {
    /// There is no such run.
    #[error("there is no such run")]
    Unknown,
    /// It publishes, or has ended.
    #[error("the run can no longer be cancelled")]
    TooLate,
}

/// A handle of the registry.
#[derive(Clone, Debug, Default)]
pub struct RunQueue {
    registry: Arc<Mutex<RunRegistry>>,
    changed: Arc<Notify>,
}

#[derive(Debug, Default)]
struct RunRegistry {
    last: u64,
    runs: BTreeMap<String, RunSlot>,
    queue: VecDeque<QueuedRun>,
}

#[derive(Debug)]
struct RunSlot {
    run: watch::Sender<RunRecord>,
    cancelled: bool,
    /// With how many it is taken at most, itself among them.
    together_max: usize,
}

#[derive(Debug, Clone)]
struct QueuedRun {
    id: String,
    /// After a failure, when it is tried again.
    not_before: Option<Instant>,
}

impl RunQueue {
    fn registry(&self) -> MutexGuard<'_, RunRegistry> {
        self.registry.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes over records of former runs, oldest first.
    pub(crate) fn restore(&self, runs: Vec<RunRecord>) {
        let mut registry = self.registry();
        // What is queued was queued when this process did the runs the last time.
        registry.runs.clear();
        registry.queue.clear();
        for run in runs {
            let number = run.id.trim_start_matches("run-").parse().unwrap_or(0);
            registry.last = registry.last.max(number);
            registry.insert(run);
        }
    }

    /// Queues a run, unless one that is not a backfill is active.
    ///
    /// # Errors
    /// [`RunActiveError`] with the active one.
    pub fn submit(
        &self,
        mode: RunMode,
        trigger: RunTrigger,
        metrics: Option<Vec<String>>,
    ) -> Result<RunRecord, RunActiveError> {
        let run = self.announce(mode, trigger, metrics)?;
        self.enqueue(&run.id);
        Ok(run)
    }

    /// The record of a run that is active from now on, and begins once it is queued.
    ///
    /// # Errors
    /// [`RunActiveError`] with the one that is active already.
    pub(crate) fn announce(
        &self,
        mode: RunMode,
        trigger: RunTrigger,
        metrics: Option<Vec<String>>,
    ) -> Result<RunRecord, RunActiveError> {
        let mut registry = self.registry();
        if let Some(active) = registry.active().find(|run| run.backfill.is_none()) {
            return Err(RunActiveError { id: active.id });
        }
        let run = registry.next(mode, trigger, metrics, None);
        registry.insert(run.clone());
        Ok(run)
    }

    /// Queues a run that was announced, unless it was cancelled since.
    pub(crate) fn enqueue(&self, id: &str) {
        let mut registry = self.registry();
        let slot = registry.runs.get(id);
        if slot.is_some_and(|slot| !slot.run.borrow().state.is_final()) {
            registry.queue.push_back(QueuedRun { id: id.to_owned(), not_before: None });
        }
        drop(registry);
        self.changed.notify_one();
    }

    /// Queues the backfill of a metric version; the id of its run. One that is active already is
    /// not queued again.
    #[must_use]
    pub fn backfill(&self, metric: MetricId) -> String {
        self.backfill_for(metric, RunTrigger::Definition)
    }

    pub(crate) fn backfill_for(&self, metric: MetricId, trigger: RunTrigger) -> String {
        let mut registry = self.registry();
        let active = registry.active().find(|run| run.backfill == Some(metric));
        let id = match active {
            Some(run) => run.id.clone(),
            None => registry.add(RunMode::Full, trigger, None, Some(metric)).id,
        };
        drop(registry);
        self.changed.notify_one();
        id
    }

    /// A record of a backfill that is over as it begins, since there are no events before the
    /// metric.
    pub fn record_empty_backfill(&self, metric: MetricId, now: Timestamp) -> String {
        let mut registry = self.registry();
        let mut run = registry.next(RunMode::Full, RunTrigger::Definition, None, Some(metric));
        run.state = RunState::Succeeded;
        run.step = "there were no events to fold".to_owned();
        run.progress = 1.0;
        (run.started_at, run.ended_at) = (Some(now), Some(now));
        let id = run.id.clone();
        registry.insert(run);
        id
    }

    /// Progress of a metric version's backfill, 0 to 1.
    #[must_use]
    pub fn backfill_progress(&self, metric: MetricId) -> Option<f64> {
        let registry = self.registry();
        registry.active().find(|run| run.backfill == Some(metric)).map(|run| run.progress)
    }

    /// All records, newest first.
    #[must_use]
    pub fn list(&self) -> Vec<RunRecord> {
        let registry = self.registry();
        registry.runs.values().rev().map(|slot| slot.run.borrow().clone()).collect()
    }

    /// What is found in the newest record that has it.
    #[must_use]
    pub fn find_newest<T>(&self, mut find: impl FnMut(&RunRecord) -> Option<T>) -> Option<T> {
        self.registry().runs.values().rev().find_map(|slot| find(&slot.run.borrow()))
    }

    /// One record.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<RunRecord> {
        self.registry().runs.get(id).map(|slot| slot.run.borrow().clone())
    }

    /// Follows a record.
    #[must_use]
    pub fn follow(&self, id: &str) -> Option<watch::Receiver<RunRecord>> {
        self.registry().runs.get(id).map(|slot| slot.run.subscribe())
    }

    /// Cancels a run that does not publish yet.
    ///
    /// # Errors
    /// When it is unknown, or it is too late.
    pub fn cancel(&self, id: &str, now: Timestamp) -> Result<RunRecord, RunCancelError> {
        let mut registry = self.registry();
        let slot = registry.runs.get_mut(id).ok_or(RunCancelError::Unknown)?;
        let state = slot.run.borrow().state;
        match state {
            RunState::Queued => {
                slot.cancelled = true;
                slot.run.send_modify(|run| {
                    run.state = RunState::Cancelled;
                    run.ended_at = Some(now);
                });
            }
            RunState::Running => slot.cancelled = true,
            RunState::Publishing | RunState::Succeeded | RunState::Failed | RunState::Cancelled => {
                return Err(RunCancelError::TooLate);
            }
        }
        let run = slot.run.borrow().clone();
        registry.queue.retain(|queued| queued.id != id || state != RunState::Queued);
        drop(registry);
        self.changed.notify_one();
        Ok(run)
    }

    /// Whether a run was cancelled.
    pub(crate) fn is_cancelled(&self, id: &str) -> bool {
        self.registry().runs.get(id).is_some_and(|slot| slot.cancelled)
    }

    /// Changes a record and notifies its followers. A run that has ended stays as it is, and one
    /// that was cancelled does not begin to publish: whether the change was made.
    pub(crate) fn update(&self, id: &str, change: impl FnOnce(&mut RunRecord)) -> bool {
        let registry = self.registry();
        let Some(slot) = registry.runs.get(id) else { return false };
        let mut run = slot.run.borrow().clone();
        if run.state.is_final() {
            return false;
        }
        change(&mut run);
        if slot.cancelled && matches!(run.state, RunState::Publishing) {
            return false;
        }
        slot.run.send_replace(run);
        true
    }

    /// Takes the next run that is due and that `wanted` takes, and where it is a backfill those
    /// that are due beside it, unless they share a work with others; without one, when the next is
    /// due. One that was cancelled since it was queued is not there any more.
    pub(crate) fn take(
        &self,
        now: Instant,
        wanted: impl Fn(&RunRecord) -> bool,
    ) -> Result<Vec<RunRecord>, Option<Instant>> {
        let mut registry = self.registry();
        let RunRegistry { queue, runs, .. } = &mut *registry;
        let mut taken: Vec<RunRecord> = Vec::new();
        let mut together_max = TOGETHER_MAX;
        queue.retain(|queued| {
            let Some(slot) = runs.get(&queued.id) else { return true };
            let run = slot.run.borrow().clone();
            if run.state.is_final() {
                return false;
            }
            let limit = together_max.min(slot.together_max);
            let work =
                |run: &RunRecord| run.distribution.as_ref().map(|shared| shared.work.clone());
            let is_room = match taken.first() {
                None => true,
                Some(first) => {
                    let are_backfills = first.backfill.is_some() && run.backfill.is_some();
                    are_backfills && taken.len() < limit && work(first) == work(&run)
                }
            };
            if queued.not_before.is_some_and(|at| at > now) || !is_room || !wanted(&run) {
                return true;
            }
            together_max = limit;
            taken.push(run);
            false
        });
        match taken.is_empty() {
            false => Ok(taken),
            true => Err(queue.iter().filter_map(|queued| queued.not_before).min()),
        }
    }

    /// Queues runs again that failed together, at once and in halves, since one of them may be why.
    pub(crate) fn requeue_halves(&self, ids: &[&str]) {
        let mut registry = self.registry();
        let RunRegistry { queue, runs, .. } = &mut *registry;
        for id in ids.iter().rev() {
            if let Some(slot) = runs.get_mut(*id) {
                slot.together_max = ids.len().div_ceil(2);
            }
            queue.push_front(QueuedRun { id: (*id).to_owned(), not_before: None });
        }
        drop(registry);
        self.changed.notify_one();
    }

    /// Queues a run again.
    pub(crate) fn retry(&self, id: &str, not_before: Instant) {
        let queued = QueuedRun { id: id.to_owned(), not_before: Some(not_before) };
        self.registry().queue.push_back(queued);
        self.changed.notify_one();
    }

    /// Whether runs that a start has to finish are active.
    #[must_use]
    pub fn is_starting(&self) -> bool {
        self.registry().active().any(|run| run.trigger == RunTrigger::Startup)
    }

    /// Wakes when a run was queued or cancelled.
    pub(crate) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Ids of records that are over the bound, which are forgotten.
    pub(crate) fn forget_old(&self) -> Vec<String> {
        let mut registry = self.registry();
        let over = registry.runs.len().saturating_sub(HISTORY_MAX);
        let old: Vec<String> = registry
            .runs
            .iter()
            .filter(|(_, slot)| slot.run.borrow().state.is_final())
            .map(|(id, _)| id.clone())
            .take(over)
            .collect();
        for id in &old {
            registry.runs.remove(id);
        }
        old
    }
}

impl RunRegistry {
    fn active(&self) -> impl Iterator<Item = RunRecord> + '_ {
        let runs = self.runs.values().map(|slot| slot.run.borrow().clone());
        runs.filter(|run| !run.state.is_final())
    }

    fn insert(&mut self, run: RunRecord) {
        let slot = RunSlot {
            run: watch::Sender::new(run.clone()),
            cancelled: false,
            together_max: TOGETHER_MAX,
        };
        self.runs.insert(run.id, slot);
    }

    fn add(
        &mut self,
        mode: RunMode,
        trigger: RunTrigger,
        metrics: Option<Vec<String>>,
        backfill: Option<MetricId>,
    ) -> RunRecord {
        let run = self.next(mode, trigger, metrics, backfill);
        self.insert(run.clone());
        self.queue.push_back(QueuedRun { id: run.id.clone(), not_before: None });
        run
    }

    /// A record with the next id.
    fn next(
        &mut self,
        mode: RunMode,
        trigger: RunTrigger,
        metrics: Option<Vec<String>>,
        backfill: Option<MetricId>,
    ) -> RunRecord {
        self.last += 1;
        RunRecord {
            id: format!("run-{:08}", self.last),
            state: RunState::Queued,
            mode,
            trigger,
            metrics,
            backfill,
            progress: 0.0,
            step: "queued".to_owned(),
            events: 0,
            days: 0,
            attempt: 0,
            scheduled_for: None,
            started_at: None,
            ended_at: None,
            error: None,
            audit: None,
            generation: None,
            distribution: None,
        }
    }
}
