//! One view's writer: its tables, and what is to be done next to bring the store up to them.
//!
//! It has at most one job under way. A job that failed is done again as it was: a [`ViewChange`] is
//! kept until the store has it, or has turned out to be elsewhere.

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
use super::outcome::WriterOutcome;
use super::portion::PortionBounds;
use super::progress::MetricProgress;
use super::sync_state::{self, StoreCursor, StoreVerdict, SyncState};
use super::tables::{DirtyPolicy, MetricTables};
use crate::store::{JournalPosition, SpaceStage, SpeedView, ViewChange, ViewSpace};

const RETRY_MIN: Duration = Duration::from_millis(50);
const RETRY_MAX: Duration = Duration::from_secs(2);

/// What a writer needs to know to say what is next.
#[derive(Clone, Copy, Debug)]
pub(super) struct WriterContext {
    pub(super) instant: Instant,
    pub(super) folded: JournalPosition,
    /// Somebody waits until everything below is applied.
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
    pub(super) course: SyncState,
    /// Everything below was in the store when it was last whole.
    pub(super) safe: Offset,
    fence: Fence,
    /// Whether what the store holds has this writer's fence, so that no other writes to it.
    is_claimed: bool,
    is_faulty: bool,
    /// Since when a job is under way.
    busy_since: Option<Instant>,
    /// Since when no job has been done by the store, and what it said last.
    failing: Option<(Instant, String)>,
    /// The change that is under way or to be sent again.
    change: Option<Arc<ViewChange>>,
    /// How far the flush under way brings the view.
    goal: Option<JournalPosition>,
    /// Epochs below go from the store.
    retiring: Option<Epoch>,
    /// Boundaries that came, and when their grace is over.
    pub(super) graces: VecDeque<(Instant, Epoch)>,
    /// When a metric that is gone is deleted.
    pub(super) gone_at: Option<Instant>,
    attempts: u32,
    not_before: Instant,
    flush_at: Instant,
    look_at: Instant,
}

impl SpeedViewWriter {
    /// A writer that knows nothing of the store.
    pub(super) fn new(
        version: Arc<MetricVersion>,
        view: Arc<SpeedView>,
        metric: Arc<Metric>,
        course: SyncState,
        fence: Fence,
        settings: &SpeedSettings,
    ) -> Self {
        let now = Instant::now();
        let tables = MetricTables::new(metric, settings.groups_max, version.boundary.epoch);
        Self {
            version,
            view,
            tables,
            course,
            safe: Offset::ZERO,
            fence,
            is_claimed: false,
            is_faulty: false,
            busy_since: None,
            failing: None,
            change: None,
            goal: None,
            retiring: None,
            graces: VecDeque::new(),
            gone_at: None,
            attempts: 0,
            not_before: now,
            flush_at: now,
            look_at: now + settings.look_interval,
        }
    }

    /// Everything below is in the store for readers to see; 0 while they see nothing.
    pub(super) fn applied(&self) -> Offset {
        match self.course {
            SyncState::Follow(StoreCursor { through, stage: SpaceStage::Complete, .. }) => {
                through.offset
            }
            SyncState::Follow(_) | SyncState::Begin(_) => Offset::ZERO,
        }
    }

    /// Whether readers find all that was written.
    fn is_whole(&self) -> bool {
        matches!(self.course, SyncState::Follow(StoreCursor { stage: SpaceStage::Complete, .. }))
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
        matches!(self.course, SyncState::Follow(place) if place.space == space)
    }

    /// What others see of it.
    pub(super) fn progress(&self) -> MetricProgress {
        let epochs = self.tables.epochs(self.version.boundary.epoch);
        MetricProgress {
            view: Arc::clone(&self.view),
            applied: self.applied(),
            is_claimed: self.is_claimed,
            mismatches: epochs.map(|(_, table)| table.figures.mismatches).sum(),
            groups: self.tables.groups() as u64,
        }
    }

    /// Whether events were left out that no batch view covers yet.
    pub(super) fn is_full(&self) -> bool {
        let mut epochs = self.tables.epochs(self.version.boundary.epoch);
        epochs.any(|(_, table)| table.figures.dropped > 0)
    }

    /// The next job, if there is one now. The answer goes to [`SpeedViewWriter::take`].
    pub(super) fn next(
        &mut self,
        now: &WriterContext,
        settings: &SpeedSettings,
    ) -> Option<StoreJob> {
        if self.busy_since.is_some() || now.instant < self.not_before {
            return None;
        }
        let job = self.choose(now, settings)?;
        self.busy_since = Some(now.instant);
        Some(job)
    }

    fn choose(&mut self, now: &WriterContext, settings: &SpeedSettings) -> Option<StoreJob> {
        if self.gone_at.is_some_and(|at| at <= now.instant) {
            return Some(StoreJob::Drop);
        }
        let place = match self.course {
            SyncState::Begin(space) => return Some(StoreJob::Begin(space, self.tables.first())),
            SyncState::Follow(place) => place,
        };
        if let Some(change) = &self.change {
            return Some(StoreJob::Apply(Arc::clone(change)));
        }
        // After the change, which may still hold states of what is retired.
        if let Some(first) = self.retiring {
            return Some(StoreJob::Retire(first));
        }
        if self.goal.is_none() && self.is_flush_due(&place, now, settings) {
            self.goal = Some(now.folded);
            self.flush_at = now.instant + settings.flush_interval;
            self.tables.begin_flush();
        }
        if let Some(goal) = self.goal {
            let change = Arc::new(self.change(&place, goal, settings.portion()));
            self.change = Some(Arc::clone(&change));
            return Some(StoreJob::Apply(change));
        }
        (now.instant >= self.look_at).then_some(StoreJob::Look)
    }

    fn is_flush_due(
        &self,
        place: &StoreCursor,
        now: &WriterContext,
        settings: &SpeedSettings,
    ) -> bool {
        let through = place.through.offset;
        let is_wanted = now.wanted > through && now.folded.offset > through;
        let is_behind = now.folded.offset > through || self.tables.dirty() > 0;
        // What was found there is written to at once, if only to keep a former writer out.
        !self.is_claimed
            || place.stage == SpaceStage::Building
            || is_wanted
            || is_behind
                && (now.ending
                    || now.instant >= self.flush_at
                    || self.tables.dirty() >= settings.portion().groups_max)
    }

    fn change(
        &mut self,
        place: &StoreCursor,
        goal: JournalPosition,
        bounds: PortionBounds,
    ) -> ViewChange {
        let portion = self.tables.next_portion(bounds);
        let (to, stage) = if portion.is_last {
            (goal, SpaceStage::Complete)
        } else {
            (place.through, place.stage)
        };
        ViewChange {
            fence: self.fence,
            space: place.space,
            serial: place.serial,
            flushes: place.flushes,
            from: place.through.offset,
            to,
            reach: goal,
            stage,
            states: portion.states,
            figures: portion.figures,
        }
    }

    /// When there may be a job without anything else happening.
    pub(super) fn wake_at(&self, now: &WriterContext) -> Option<Instant> {
        if self.busy_since.is_some() {
            return None;
        }
        let behind = match self.course {
            SyncState::Follow(place) => place.through.offset < now.folded.offset,
            SyncState::Begin(_) => true,
        };
        let is_asked = self.goal.is_some() || self.retiring.is_some();
        let due = if self.change.is_some() || is_asked || !self.is_claimed {
            now.instant
        } else if behind || self.tables.dirty() > 0 {
            self.flush_at
        } else {
            self.look_at
        };
        let grace = self.graces.front().map(|(at, _)| *at);
        let due = [Some(due), grace, self.gone_at].into_iter().flatten().min()?;
        Some(due.max(self.not_before))
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
        self.retiring = self.retiring.max(Some(first));
        Some(self.tables.retire(first))
    }

    /// Deletes epochs below `first` from the store.
    pub(super) fn retire_stored(&mut self, first: Epoch) {
        self.retiring = self.retiring.max(Some(first));
    }

    /// Looks at the store as soon as it can.
    pub(super) fn request_look(&mut self, now: Instant) {
        self.look_at = now;
    }

    /// Writes everything anew into `space`.
    pub(super) fn rebuild(&mut self, space: ViewSpace) {
        self.course = SyncState::Begin(space);
        self.change = None;
        self.goal = None;
        self.retiring = None;
        self.tables.mark_all_dirty();
    }

    /// Takes the answer to the job under way. `space` is for a rebuild.
    pub(super) fn handle_job_result(
        &mut self,
        answer: StoreJobResult,
        space: ViewSpace,
        now: Instant,
        settings: &SpeedSettings,
    ) -> WriterOutcome {
        let asked = self.busy_since.take().unwrap_or(now);
        let (verdict, done) = match answer {
            StoreJobResult::Begin(begun, answer) => {
                let verdict = sync_state::judge_begin(begun, answer);
                self.is_claimed |= verdict == StoreVerdict::Landed;
                if verdict == StoreVerdict::Landed && self.course == SyncState::Begin(begun) {
                    self.course = SyncState::Follow(StoreCursor::empty(begun));
                }
                (verdict, WriterOutcome::Sweep)
            }
            StoreJobResult::Apply(change, answer) => {
                let verdict = sync_state::judge_change(&change, answer);
                if verdict == StoreVerdict::Landed {
                    self.record_applied(&change);
                }
                (verdict, WriterOutcome::Done)
            }
            StoreJobResult::Retire(answer) => {
                let verdict = sync_state::judge_removal(answer);
                if verdict == StoreVerdict::Landed {
                    self.retiring = None;
                }
                (verdict, WriterOutcome::Sweep)
            }
            StoreJobResult::Drop(answer) => {
                (sync_state::judge_removal(answer), WriterOutcome::Dropped)
            }
            StoreJobResult::Look(answer) => match &self.course {
                SyncState::Follow(place) => {
                    (sync_state::judge_look(place, self.fence, answer), WriterOutcome::Done)
                }
                SyncState::Begin(_) => (StoreVerdict::Landed, WriterOutcome::Done),
            },
        };
        match &verdict {
            StoreVerdict::Again(reason) => {
                let since = self.failing.take().map_or(asked, |(since, _)| since);
                self.failing = Some((since, reason.clone()));
            }
            StoreVerdict::Landed if self.is_whole() => self.failing = None,
            // It answers, but nobody is answered from a view that is being written anew.
            StoreVerdict::Landed | StoreVerdict::Rebuild(_) => {}
            StoreVerdict::Stop(_) => self.failing = None,
        }
        self.apply_verdict(verdict, done, space, now, settings)
    }

    /// Since when the store does nothing of what it is asked, and why, once that has lasted for
    /// `failing_after`. A store that hangs says nothing at all.
    pub(super) fn failure(
        &self,
        now: Instant,
        failing_after: Duration,
    ) -> Option<(Instant, String)> {
        let silent = || self.busy_since.map(|since| (since, "it does not answer".to_owned()));
        let failure = self.failing.clone().or_else(silent);
        failure.filter(|(since, _)| now.saturating_duration_since(*since) >= failing_after)
    }

    fn record_applied(&mut self, change: &ViewChange) {
        let SyncState::Follow(place) = self.course else { return };
        if place.space == change.space && place.serial == change.serial {
            self.is_claimed = true;
            self.course = SyncState::Follow(StoreCursor::after(change));
            self.change = None;
            self.safe = self.safe.max(self.applied());
            if Some(change.to) == self.goal && change.stage == SpaceStage::Complete {
                self.goal = None;
            }
        }
    }

    fn apply_verdict(
        &mut self,
        verdict: StoreVerdict,
        done: WriterOutcome,
        space: ViewSpace,
        now: Instant,
        settings: &SpeedSettings,
    ) -> WriterOutcome {
        match verdict {
            StoreVerdict::Landed => {
                self.attempts = 0;
                self.look_at = now + settings.look_interval;
                done
            }
            StoreVerdict::Again(reason) => {
                self.back_off(now);
                WriterOutcome::Again(reason)
            }
            StoreVerdict::Rebuild(reason) => {
                // A store that is lost again and again is not filled in a tight loop.
                self.back_off(now);
                self.rebuild(space);
                WriterOutcome::Rebuild(reason)
            }
            StoreVerdict::Stop(fence) => WriterOutcome::Stopped(fence),
        }
    }

    fn back_off(&mut self, now: Instant) {
        self.not_before = now + RETRY_MAX.min(RETRY_MIN * 2_u32.pow(self.attempts.min(8)));
        self.attempts += 1;
    }
}
