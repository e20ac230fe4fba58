//! One view's writer: its tables, and the jobs that bring the store up to them.
//!
//! [`ViewSync`] decides what is next and [`JobPacing`] when; here it is done.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use merganser_core::ids::{Epoch, Fence, Offset};
use merganser_core::journal::CommittedBatch;
use merganser_metric::catalog::MetricVersion;
use merganser_metric::compile::Metric;
use merganser_metric::extract::ExtractedEvents;
use tokio::time::Instant;
use tracing::error;

use super::SpeedSettings;
use super::job::{StoreJob, StoreJobResult};
use super::job_pacing::JobPacing;
use super::outcome::WriterOutcome;
use super::portion::PortionBounds;
use super::progress::MetricProgress;
use super::store_verdict::{self, StoreCursor, StoreVerdict};
use super::tables::{DirtyPolicy, MetricTables};
use super::view_sync::{FlushDemand, SyncState, SyncStep, ViewSync};
use crate::store::{JournalPosition, SpaceStage, SpeedView, ViewChange, ViewSpace};

/// What a writer needs to know to say what is next.
#[derive(Clone, Copy, Debug)]
pub(super) struct WriterContext {
    pub(super) instant: Instant,
    pub(super) folded: JournalPosition,
    /// A reader waits until everything below is applied.
    pub(super) wanted: Offset,
    /// Flush whatever there is.
    pub(super) ending: bool,
}

/// One view's writer.
#[derive(Debug)]
pub(super) struct SpeedViewWriter {
    pub(super) version: Arc<MetricVersion>,
    pub(super) view: Arc<SpeedView>,
    pub(super) tables: MetricTables,
    sync: ViewSync,
    pacing: JobPacing,
    /// Everything below was in the store when it was last whole.
    pub(super) safe: Offset,
    fence: Fence,
    is_faulty: bool,
    /// Boundaries that came, and when their grace is over.
    pub(super) graces: VecDeque<(Instant, Epoch)>,
    /// When a metric that is gone is deleted.
    pub(super) gone_at: Option<Instant>,
    flush_at: Instant,
    look_at: Instant,
}

impl SpeedViewWriter {
    /// A writer that knows nothing of the store.
    pub(super) fn new(
        version: Arc<MetricVersion>,
        view: Arc<SpeedView>,
        metric: Arc<Metric>,
        state: SyncState,
        fence: Fence,
        settings: &SpeedSettings,
    ) -> Self {
        let now = Instant::now();
        let tables = MetricTables::new(metric, settings.groups_max, version.boundary.epoch);
        Self {
            version,
            view,
            tables,
            sync: ViewSync::new(state),
            pacing: JobPacing::new(now),
            safe: Offset::ZERO,
            fence,
            is_faulty: false,
            graces: VecDeque::new(),
            gone_at: None,
            flush_at: now,
            look_at: now + settings.look_interval,
        }
    }

    /// Everything below is in the store for readers to see; 0 while they see nothing.
    pub(super) fn applied(&self) -> Offset {
        self.sync.complete().map_or(Offset::ZERO, |cursor| cursor.through.offset)
    }

    /// Folds a batch; what it holds of the metric's properties is extracted.
    pub(super) fn fold(&mut self, batch: &CommittedBatch, extracted: &ExtractedEvents) {
        let touch =
            if batch.end() <= self.applied() { DirtyPolicy::Keep } else { DirtyPolicy::Write };
        if let Err(error) = self.tables.fold(batch.epoch, extracted, touch)
            && !std::mem::replace(&mut self.is_faulty, true)
        {
            let metric = &self.version.definition.name;
            error!(%metric, %error, offset = %batch.first, "a fold failed; its events are missing");
        }
    }

    /// Takes a newer snapshot's word on the metric. What lies below its boundary is kept until
    /// `until`, for readers of older snapshots.
    pub(super) fn update(&mut self, version: &Arc<MetricVersion>, until: Instant) {
        if version.boundary.epoch > self.version.boundary.epoch {
            self.graces.push_back((until, version.boundary.epoch));
        }
        self.version = Arc::clone(version);
    }

    /// Whether its states are, as far as it knows, in `space`.
    pub(super) fn is_in(&self, space: ViewSpace) -> bool {
        self.sync.cursor().is_some_and(|cursor| cursor.space == space)
    }

    /// What others see of it.
    pub(super) fn progress(&self) -> MetricProgress {
        let epochs = self.tables.epochs(self.version.boundary.epoch);
        MetricProgress {
            view: Arc::clone(&self.view),
            applied: self.applied(),
            is_claimed: self.sync.is_claimed(),
            mismatches: epochs.map(|(_, table)| table.counters.mismatches).sum(),
            groups: self.tables.groups() as u64,
        }
    }

    /// Whether events were left out that no batch view covers yet.
    pub(super) fn is_full(&self) -> bool {
        let mut epochs = self.tables.epochs(self.version.boundary.epoch);
        epochs.any(|(_, table)| table.counters.dropped > 0)
    }

    /// The next job, if there is one now. Its result goes to
    /// [`SpeedViewWriter::handle_job_result`].
    pub(super) fn next(
        &mut self,
        now: &WriterContext,
        settings: &SpeedSettings,
    ) -> Option<StoreJob> {
        self.pacing.free_from().filter(|from| *from <= now.instant)?;
        let job = self.choose(now, settings)?;
        self.pacing.start(now.instant);
        Some(job)
    }

    fn choose(&mut self, now: &WriterContext, settings: &SpeedSettings) -> Option<StoreJob> {
        if self.gone_at.is_some_and(|at| at <= now.instant) {
            return Some(StoreJob::Drop);
        }
        match self.sync.next_step(&self.demand(now, settings)) {
            SyncStep::Begin(space) => Some(StoreJob::Begin(space, self.tables.first())),
            SyncStep::Send(change) => Some(StoreJob::Apply(change)),
            SyncStep::Retire(first) => Some(StoreJob::Retire(first)),
            SyncStep::StartFlush => {
                self.sync.start_flush(now.folded);
                self.flush_at = now.instant + settings.flush_interval;
                // What is folded from here on belongs to the next flush.
                self.tables.begin_flush();
                self.take_portion(settings.portion())
            }
            SyncStep::TakePortion => self.take_portion(settings.portion()),
            SyncStep::Look => Some(StoreJob::Look),
            SyncStep::Wait => None,
        }
    }

    fn demand(&self, now: &WriterContext, settings: &SpeedSettings) -> FlushDemand {
        let dirty = self.tables.dirty();
        let is_portion_full = dirty >= settings.portion().groups_max;
        FlushDemand {
            folded: now.folded.offset,
            wanted: now.wanted,
            dirty,
            is_flush_time: now.ending || now.instant >= self.flush_at || is_portion_full,
            is_look_time: now.instant >= self.look_at,
        }
    }

    fn take_portion(&mut self, bounds: PortionBounds) -> Option<StoreJob> {
        let (cursor, goal) = self.sync.flushing()?;
        let change = Arc::new(self.change(&cursor, goal, bounds));
        // Kept before it is sent: what the tables gave is in this change only.
        self.sync.send(Arc::clone(&change));
        Some(StoreJob::Apply(change))
    }

    fn change(
        &mut self,
        cursor: &StoreCursor,
        goal: JournalPosition,
        bounds: PortionBounds,
    ) -> ViewChange {
        let portion = self.tables.next_portion(bounds);
        // Readers see a flush when its last portion is there, so only that one moves the position.
        let (to, stage) = if portion.is_last {
            (goal, SpaceStage::Complete)
        } else {
            (cursor.through, cursor.stage)
        };
        ViewChange {
            fence: self.fence,
            space: cursor.space,
            serial: cursor.serial,
            flushes: cursor.flushes,
            from: cursor.through.offset,
            to,
            reach: goal,
            stage,
            states: portion.states,
            counters: portion.counters,
        }
    }

    /// When there may be a job without anything else happening.
    pub(super) fn wake_at(&self, now: &WriterContext) -> Option<Instant> {
        let free_from = self.pacing.free_from()?;
        let is_behind =
            self.sync.cursor().is_some_and(|cursor| cursor.through.offset < now.folded.offset);
        let due = if self.sync.is_urgent() {
            now.instant
        } else if is_behind || self.tables.dirty() > 0 {
            self.flush_at
        } else {
            self.look_at
        };
        let grace = self.graces.front().map(|(at, _)| *at);
        let due = [Some(due), grace, self.gone_at].into_iter().flatten().min()?;
        Some(due.max(free_from))
    }

    /// Retires what has had its grace. Returns what is let go of.
    pub(super) fn retire(&mut self, now: Instant) -> Option<impl Sized + Send + use<>> {
        let mut first = None;
        while let Some((at, epoch)) = self.graces.front().copied()
            && at <= now
        {
            self.graces.pop_front();
            first = first.max(Some(epoch));
        }
        let first = first.filter(|first| *first > self.tables.first())?;
        self.sync.retire(first);
        Some(self.tables.retire(first))
    }

    /// Deletes epochs below `first` from the store.
    pub(super) fn retire_stored(&mut self, first: Epoch) {
        self.sync.retire(first);
    }

    /// Looks at the store as soon as it can.
    pub(super) fn request_look(&mut self, now: Instant) {
        self.look_at = now;
    }

    /// Writes everything anew into `space`.
    pub(super) fn rebuild(&mut self, space: ViewSpace) {
        self.sync.rebuild(space);
        self.tables.mark_all_dirty();
    }

    /// Takes the result of the job under way. `space` is for a rebuild.
    pub(super) fn handle_job_result(
        &mut self,
        result: StoreJobResult,
        space: ViewSpace,
        now: Instant,
        settings: &SpeedSettings,
    ) -> WriterOutcome {
        let started = self.pacing.finish(now);
        let (verdict, done) = self.record_result(result);
        match verdict {
            StoreVerdict::Applied => {
                // Readers get nothing from a view that is being written anew, so until it is
                // complete the store still fails.
                if self.sync.complete().is_some() {
                    self.pacing.clear_failure();
                }
                self.pacing.reset();
                self.look_at = now + settings.look_interval;
                done
            }
            StoreVerdict::Retry(reason) => {
                self.pacing.record_failure(started, &reason);
                self.pacing.back_off(now);
                WriterOutcome::Retry(reason)
            }
            StoreVerdict::Rebuild(reason) => {
                // A store that is lost again and again is not filled in a tight loop.
                self.pacing.back_off(now);
                self.rebuild(space);
                WriterOutcome::Rebuild(reason)
            }
            StoreVerdict::Stop(fence) => {
                self.pacing.clear_failure();
                WriterOutcome::Stopped(fence)
            }
        }
    }

    /// What a result means, what it changes here, and the outcome if the job was done.
    fn record_result(&mut self, result: StoreJobResult) -> (StoreVerdict, WriterOutcome) {
        match result {
            StoreJobResult::Begin(space, answer) => {
                let verdict = store_verdict::judge_begin(space, answer);
                if verdict == StoreVerdict::Applied {
                    self.sync.record_begun(space);
                }
                (verdict, WriterOutcome::Sweep)
            }
            StoreJobResult::Apply(change, answer) => {
                let verdict = store_verdict::judge_change(&change, answer);
                if verdict == StoreVerdict::Applied {
                    self.sync.record_applied(&change);
                    self.safe = self.safe.max(self.applied());
                }
                (verdict, WriterOutcome::Done)
            }
            StoreJobResult::Retire(answer) => {
                let verdict = store_verdict::judge_removal(answer);
                if verdict == StoreVerdict::Applied {
                    self.sync.record_retired();
                }
                (verdict, WriterOutcome::Sweep)
            }
            StoreJobResult::Drop(answer) => {
                (store_verdict::judge_removal(answer), WriterOutcome::Dropped)
            }
            StoreJobResult::Look(answer) => {
                let verdict = match self.sync.cursor() {
                    Some(cursor) => store_verdict::judge_look(cursor, self.fence, answer),
                    // A rebuild began since: what the store held is of no account.
                    None => StoreVerdict::Applied,
                };
                (verdict, WriterOutcome::Done)
            }
        }
    }

    /// See [`JobPacing::failure`].
    pub(super) fn failure(
        &self,
        now: Instant,
        failing_after: Duration,
    ) -> Option<(Instant, String)> {
        self.pacing.failure(now, failing_after)
    }
}
