//! The fold's one thread: it owns every table, and everything that changes one passes through here.
//!
//! Calls of the store run beside the fold, at most one a view, so that a slow store holds up
//! nothing until as much is unapplied as may be; then the feed is no longer taken from, and intake
//! says so.

mod metric_writers;
mod publish;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt};
use merganser_core::clock::Clock;
use merganser_core::ids::{Fence, MetricId, Offset};
use merganser_core::journal::{CommittedBatch, Journal};
use merganser_metric::catalog::CatalogSnapshot;
use merganser_metric::extract::PropertyExtractor;
use merganser_metric::views::StoreFailure;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};
use tracing::{error, info, warn};

use super::job::{StoreJobResult, perform};
use super::local_read::LocalRead;
use super::outcome::WriterOutcome;
use super::progress::{FoldPhase, FoldProgress};
use super::writer::{SpeedViewWriter, WriterContext};
use super::{SpeedSettings, instruments};
pub(super) use metric_writers::StoreInventory;

use crate::store::{JournalPosition, SpeedStore, StoreError, SweepStatus, ViewId, ViewSpace};

/// Batches that are taken from the feed at once.
const BATCHES_MAX: usize = 64;
/// Errors in a row after which a sweep is left to the next one.
const SWEEP_ATTEMPTS: u32 = 5;

/// What a handle wants of the worker.
#[derive(Debug)]
pub(super) enum FoldCommand {
    /// Reads the worker's own tables.
    Own(LocalRead),
    /// A reader found nothing, or something else than it should be.
    Look(MetricId),
    /// A reader found damage in this space.
    Damaged(MetricId, ViewSpace),
}

/// Why the worker cannot go on, for the log and the readiness check.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(super) struct FatalFoldError(pub(super) String);

/// Something that ran beside the fold.
#[derive(Debug)]
enum BackgroundResult {
    Job(MetricId, StoreJobResult, Instant),
    Swept(ViewId),
    Dropped(ViewId),
    Losses(Result<u64, StoreError>),
}

/// What is to be in every view again before the store counts as well.
#[derive(Debug)]
struct StoreBacklog {
    /// Where the journal ended when the store last failed.
    end: Offset,
    since: Instant,
    reason: String,
}

/// What a worker is made of.
pub(super) struct WorkerParts {
    pub(super) settings: SpeedSettings,
    pub(super) journal: Arc<dyn Journal>,
    pub(super) store: Arc<dyn SpeedStore>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) fence: Fence,
    pub(super) progress: Arc<FoldProgress>,
    pub(super) feed: mpsc::Receiver<Arc<CommittedBatch>>,
    pub(super) snapshots: watch::Receiver<Arc<CatalogSnapshot>>,
    pub(super) commands: mpsc::Receiver<FoldCommand>,
}

/// See the module's text.
pub(super) struct FoldWorker {
    parts: WorkerParts,
    writers: BTreeMap<MetricId, SpeedViewWriter>,
    extractor: PropertyExtractor,
    folded: JournalPosition,
    /// Where the journal was at the start.
    target: Offset,
    running: FuturesUnordered<BoxFuture<'static, BackgroundResult>>,
    own: Vec<LocalRead>,
    /// Number of the last space that was begun.
    spaces: u64,
    /// Views that are being swept.
    sweeping: BTreeSet<ViewId>,
    losses: Option<u64>,
    losses_at: Instant,
    /// Whether the store did not answer the last command.
    is_away: bool,
    /// What the store owes since it last failed.
    owed: Option<StoreBacklog>,
    /// Set when the feed has ended: until when the rest is written.
    ending: Option<Instant>,
    has_snapshots: bool,
}

impl FoldWorker {
    pub(super) fn new(parts: WorkerParts) -> Self {
        let losses_at = Instant::now() + parts.settings.look_interval;
        Self {
            parts,
            writers: BTreeMap::new(),
            extractor: PropertyExtractor::default(),
            folded: JournalPosition::default(),
            target: Offset::ZERO,
            running: FuturesUnordered::new(),
            own: Vec::new(),
            spaces: 0,
            sweeping: BTreeSet::new(),
            losses: None,
            losses_at,
            is_away: false,
            owed: None,
            ending: None,
            has_snapshots: true,
        }
    }

    /// Runs until the feed has ended or nothing more can be done.
    pub(super) async fn run(mut self, opened: StoreInventory) {
        instruments::describe(self.parts.feed.max_capacity());
        let progress = Arc::clone(&self.parts.progress);
        let clock = Arc::clone(&self.parts.clock);
        let result = match self.catch_up(opened) {
            Ok(()) => self.run_loop().await,
            Err(fatal) => Err(fatal),
        };
        progress.phase.send_replace(match result {
            Ok(()) => FoldPhase::Ended,
            Err(fatal) => {
                error!(reason = %fatal, "the fold stopped");
                instruments::set_store_failing(true);
                let (since, reason) = (clock.now(), fatal.0.clone());
                let begun = Instant::now().into_std();
                progress.failure.send_replace(Some(StoreFailure { since, begun, reason }));
                FoldPhase::Failed(fatal.0)
            }
        });
    }

    async fn run_loop(&mut self) -> Result<(), FatalFoldError> {
        // Each turn starts what is due before it waits, so that whatever woke it is acted on.
        let mut batches = Vec::with_capacity(BATCHES_MAX);
        self.publish_progress();
        loop {
            let wake = self.start_jobs();
            self.publish_failure();
            if self.is_done() {
                return Ok(());
            }
            // Without room the feed fills, and intake refuses what it could not hold.
            let has_room = self.ending.is_none() && self.has_room();
            let WorkerParts { feed, snapshots, commands, progress, .. } = &mut self.parts;
            tokio::select! {
                taken = feed.recv_many(&mut batches, BATCHES_MAX), if has_room => match taken {
                    0 => self.ending = Some(Instant::now() + self.parts.settings.stop_timeout),
                    _ => self.fold_batches(&mut batches)?,
                },
                Some(done) = self.running.next(), if !self.running.is_empty() => {
                    self.handle_result(done)?;
                    // All that are answered by now, and then one look at what is next.
                    while let Some(Some(done)) = self.running.next().now_or_never() {
                        self.handle_result(done)?;
                    }
                    self.publish_progress();
                }
                changed = snapshots.changed(), if self.has_snapshots => match changed {
                    Ok(()) => self.follow_snapshot()?,
                    Err(_) => self.has_snapshots = false,
                },
                Some(command) = commands.recv() => self.handle_command(command),
                () = progress.wake.notified() => {}
                () = sleep_until(wake) => self.update_gauges(),
                () = std::future::ready(()), if !self.own.is_empty() => self.advance_local_reads(),
            }
        }
    }

    /// Starts what is due. Returns when to look again.
    fn start_jobs(&mut self) -> Instant {
        let instant = Instant::now();
        let settings = &self.parts.settings;
        let now = WriterContext {
            instant,
            folded: self.folded,
            wanted: self.parts.progress.wanted(),
            ending: self.ending.is_some(),
        };
        let mut wake = self.ending.unwrap_or(instant + settings.look_interval);
        for (id, writer) in &mut self.writers {
            if let Some(retired) = writer.retire(instant) {
                tokio::task::spawn_blocking(move || drop(retired));
            }
            if let Some(job) = writer.next(&now, settings) {
                let (store, view) = (Arc::clone(&self.parts.store), Arc::clone(&writer.view));
                let (id, fence) = (*id, self.parts.fence);
                self.running.push(Box::pin(async move {
                    BackgroundResult::Job(id, perform(store, view, fence, job).await, instant)
                }));
            }
            wake = writer.wake_at(&now).map_or(wake, |at| at.min(wake));
        }
        if instant >= self.losses_at {
            self.losses_at = instant + settings.look_interval;
            let store = Arc::clone(&self.parts.store);
            self.running
                .push(Box::pin(async move { BackgroundResult::Losses(store.losses().await) }));
        }
        wake
    }

    fn handle_result(&mut self, done: BackgroundResult) -> Result<(), FatalFoldError> {
        match done {
            BackgroundResult::Job(id, answer, started) => self.finish_job(id, answer, started)?,
            BackgroundResult::Swept(id) => {
                self.sweeping.remove(&id);
            }
            BackgroundResult::Dropped(id) => self.sweep(id),
            BackgroundResult::Losses(Ok(losses)) => {
                if self.losses.replace(losses).is_some_and(|before| losses > before) {
                    warn!("the speed store has thrown states away; all are written anew");
                    let ids: Vec<MetricId> = self.writers.keys().copied().collect();
                    ids.into_iter().for_each(|id| self.rebuild(id, "the store lost states"));
                }
            }
            // The writers find out by themselves.
            BackgroundResult::Losses(Err(_)) => {}
        }
        Ok(())
    }

    fn finish_job(
        &mut self,
        id: MetricId,
        answer: StoreJobResult,
        started: Instant,
    ) -> Result<(), FatalFoldError> {
        let groups = match &answer {
            StoreJobResult::Apply(change, Ok(())) => Some(change.groups()),
            _ => None,
        };
        let Some(writer) = self.writers.get_mut(&id) else { return Ok(()) };
        self.spaces += 1;
        let space = ViewSpace { fence: self.parts.fence, number: self.spaces };
        let now = Instant::now();
        let view = writer.view.id;
        match writer.handle_job_result(answer, space, now, &self.parts.settings) {
            WriterOutcome::Done => {}
            WriterOutcome::Sweep => self.sweep(view),
            WriterOutcome::Dropped => {
                self.writers.remove(&id);
                self.rebuild_extractor();
                self.sweep(view);
            }
            WriterOutcome::Retry(reason) => {
                instruments::count_store_error();
                self.record_backlog(started, &reason);
                if !std::mem::replace(&mut self.is_away, true) {
                    warn!(%reason, "the speed store fails; the fold goes on and tries again");
                }
                return Ok(());
            }
            WriterOutcome::Rebuild(reason) => {
                instruments::count_rebuild();
                let metric = &writer.version.definition.name;
                info!(metric = %id, name = %metric, %reason, "a speed view is written anew");
                self.record_backlog(started, &reason);
            }
            WriterOutcome::Stopped(fence) => {
                return Err(FatalFoldError(format!(
                    "another service has taken over the speed store with fence {fence}"
                )));
            }
        }
        if let Some(groups) = groups {
            instruments::record_flush(groups, now - started);
        }
        if std::mem::replace(&mut self.is_away, false) {
            info!("the speed store answers again");
        }
        Ok(())
    }

    fn rebuild(&mut self, id: MetricId, reason: &str) {
        self.spaces += 1;
        let space = ViewSpace { fence: self.parts.fence, number: self.spaces };
        if let Some(writer) = self.writers.get_mut(&id) {
            instruments::count_rebuild();
            let metric = &writer.version.definition.name;
            info!(metric = %id, name = %metric, %reason, "a speed view is written anew");
            writer.rebuild(space);
        }
        self.record_backlog(Instant::now(), reason);
    }

    fn sweep(&mut self, id: ViewId) {
        if !self.sweeping.insert(id) {
            return;
        }
        let store = Arc::clone(&self.parts.store);
        self.running.push(Box::pin(async move {
            let mut failed = 0;
            while failed < SWEEP_ATTEMPTS {
                match store.sweep(id).await {
                    Ok(SweepStatus::Done) => break,
                    Ok(SweepStatus::More) => failed = 0,
                    Err(_) => {
                        failed += 1;
                        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
                    }
                }
            }
            BackgroundResult::Swept(id)
        }));
    }

    fn handle_command(&mut self, command: FoldCommand) {
        match command {
            FoldCommand::Own(read) => self.own.push(read),
            FoldCommand::Look(id) => {
                if let Some(writer) = self.writers.get_mut(&id) {
                    writer.request_look(Instant::now());
                }
            }
            FoldCommand::Damaged(id, space) => {
                if self.writers.get(&id).is_some_and(|writer| writer.is_in(space)) {
                    self.rebuild(id, "a reader found damage");
                }
            }
        }
    }

    /// One portion of each read of the own tables.
    fn advance_local_reads(&mut self) {
        let reads = std::mem::take(&mut self.own);
        let go_on = |read: LocalRead| {
            let tables = self.writers.get(&read.metric).map(|writer| &writer.tables);
            read.advance(tables, self.folded.offset)
        };
        self.own = reads.into_iter().filter_map(go_on).collect();
    }

    /// Everything below is in every view.
    fn applied(&self) -> Offset {
        let applied = self.writers.values().map(SpeedViewWriter::applied).min();
        applied.unwrap_or(self.folded.offset)
    }

    fn unapplied(&self) -> u64 {
        let safe = self.writers.values().map(|writer| writer.safe).min();
        safe.map_or(0, |safe| self.folded.offset.since(safe))
    }

    fn has_room(&self) -> bool {
        self.unapplied() < self.parts.settings.unapplied_max
    }

    fn is_done(&self) -> bool {
        let is_written = || self.applied() >= self.folded.offset;
        self.ending.is_some_and(|until| is_written() || Instant::now() >= until)
    }
}
