//! The service that executes runs: one worker, and a scheduler that queues what is due
//! (`scheduler`).

use std::sync::Arc;

use merganser_core::clock::Clock;
use merganser_core::ids::Offset;
use merganser_core::journal::Journal;
use merganser_core::time::Timestamp;
use merganser_metric::catalog::Catalog;
use merganser_metric::views::SpeedViews;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::attempt::{self, RunAttempts};
use super::build::ViewBuilder;
use super::compute_pool::ComputePool;
use super::executor::RunExecutor;
use super::inputs::PartSize;
use super::instruments;
use super::scheduler::RunScheduler;
use super::tracker::RunTracker;
use super::work::{self, PartCluster, PartMaker, WorkSettings, WorkSharing};
use crate::backup::TrimPermit;
use crate::catalog::BatchCatalog;
use crate::job::{
    RunActiveError, RunCancelError, RunMode, RunQueue, RunRecord, RunState, RunTrigger,
};
use crate::manifest::{ManifestChange, PublishError};
use crate::schedule::{Schedule, ScheduleError};
use crate::storage::StorageError;
use crate::view::ParquetViews;

/// How far the journal may be trimmed, if it may be, with what lets it be.
pub type TrimFloor = dyn Fn() -> Option<(Offset, TrimPermit)> + Send + Sync;

/// How runs are done.
#[derive(Clone, Debug)]
pub struct RunSettings {
    /// When runs begin. The caller decides between its setting and the manifest.
    pub schedule: Schedule,
    /// Threads of recomputations.
    pub threads: usize,
    /// Events that a thread, or an executor, recomputes at a time, unless a day has more.
    pub part_max_events: u64,
}

/// What the service is made of.
pub struct RunServiceParts {
    /// Definitions and publications.
    pub catalog: Arc<BatchCatalog>,
    /// The journal that is archived.
    pub journal: Arc<dyn Journal>,
    /// What audits compare with.
    pub speed: Arc<dyn SpeedViews>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// The queue that the catalog was made with.
    pub queue: RunQueue,
    /// Views, for audits and compaction.
    pub views: Arc<ParquetViews>,
    /// The first offset of the journal that another part still needs; `None` while it is not to be
    /// trimmed at all.
    pub journal_floor: Arc<TrimFloor>,
    /// Who has the parts of large runs made by other processes, if somebody does.
    pub sharing: Option<WorkSharingParts>,
}

/// What it takes to have parts made by other processes.
pub struct WorkSharingParts {
    /// Who has them made.
    pub cluster: Arc<dyn PartCluster>,
    /// What this process is called, for the parts that nobody else makes.
    pub process: String,
    /// Which runs are large, and how long others may take.
    pub settings: WorkSettings,
}

/// A handle of the service.
#[derive(Clone)]
pub struct RunService {
    inner: Arc<RunServiceInner>,
}

struct RunServiceInner {
    attempts: RunAttempts,
    scheduler: RunScheduler,
    stop: watch::Sender<bool>,
    tasks: tokio::sync::Mutex<Vec<JoinHandle<()>>>,
}

impl RunService {
    /// Finds what a former process left unfinished, and starts the worker.
    ///
    /// # Errors
    /// When the schedule cannot be followed, or records not be read.
    pub async fn start(
        settings: RunSettings,
        parts: RunServiceParts,
    ) -> Result<Self, RunStartError> {
        let RunServiceParts {
            catalog,
            journal,
            speed,
            clock,
            queue,
            views,
            journal_floor,
            sharing,
        } = parts;
        // Before records are changed: a schedule that cannot be followed leaves all as it was.
        settings.schedule.parse()?;
        restore(&catalog, &queue, sharing.is_some()).await?;
        instruments::describe();
        instruments::restore_last_success(&queue.list());
        let sources = (Arc::clone(&catalog), Arc::clone(&journal));
        let scheduler =
            RunScheduler::new(settings.schedule, sources, queue.clone(), Arc::clone(&clock))?;
        attempt::collect_garbage(&catalog).await;
        let storage = catalog.storage().clone();
        let compute = Arc::new(ComputePool::new(PartSize {
            threads: settings.threads,
            events_max: settings.part_max_events,
        })?);
        let builder = ViewBuilder { storage: storage.clone(), views, speed, compute };
        let tracker = RunTracker { queue, storage, clock, turn: Arc::default() };
        let sharing = sharing.map(|WorkSharingParts { cluster, process, settings }| {
            let maker = PartMaker::with(Arc::clone(&catalog), builder.clone(), process);
            WorkSharing { cluster, maker: Arc::new(maker), settings }
        });
        let executor = RunExecutor { catalog, journal, builder, tracker, sharing };
        let inner = Arc::new(RunServiceInner {
            attempts: RunAttempts { executor, journal_floor },
            scheduler,
            stop: watch::Sender::new(false),
            tasks: tokio::sync::Mutex::default(),
        });
        let worker = tokio::spawn(work(Arc::clone(&inner)));
        let scheduler = tokio::spawn(follow_schedule(Arc::clone(&inner)));
        let gauges = tokio::spawn(refresh_gauges(Arc::clone(&inner)));
        inner.tasks.lock().await.extend([worker, scheduler, gauges]);
        Ok(Self { inner })
    }

    /// The runs.
    #[must_use]
    pub fn queue(&self) -> &RunQueue {
        &self.inner.scheduler.queue
    }

    /// Queues a run that a client asks for, behind its record: whoever does the runs after this
    /// process knows of it. Where it cannot be recorded it is tried all the same, and says why it
    /// fails.
    ///
    /// # Errors
    /// [`RunActiveError`] with the one that is active.
    pub async fn request(
        &self,
        mode: RunMode,
        metrics: Option<Vec<String>>,
    ) -> Result<RunRecord, RunActiveError> {
        let run = self.queue().announce(mode, RunTrigger::Api, metrics)?;
        let (inner, id) = (Arc::clone(&self.inner), run.id.clone());
        // To its end, also if the client goes.
        let queued = tokio::spawn(async move {
            let tracker = &inner.attempts.executor.tracker;
            tracker.record(&id).await;
            tracker.queue.enqueue(&id);
        });
        if let Err(error) = queued.await {
            tracing::error!(run = run.id, %error, "a run was not queued");
        }
        Ok(run)
    }

    /// Cancels a run that does not publish yet.
    ///
    /// # Errors
    /// When it is unknown, or it is too late.
    pub async fn cancel(&self, id: &str) -> Result<RunRecord, RunCancelError> {
        let run = self.queue().cancel(id, self.now())?;
        if run.state.is_final() {
            // Nobody else records it, and ends what it had others make: it is not under way.
            let executor = &self.inner.attempts.executor;
            executor.end_works(std::slice::from_ref(&run)).await;
            executor.tracker.record(id).await;
        }
        Ok(run)
    }

    /// The clock that runs are timed with.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.inner.scheduler.clock.now()
    }

    /// Whether a metric of this name is defined.
    #[must_use]
    pub fn metric_names(&self) -> Vec<String> {
        let snapshot = self.inner.scheduler.catalog.current();
        snapshot.names().into_iter().map(str::to_owned).collect()
    }

    /// The schedule.
    #[must_use]
    pub fn schedule(&self) -> Schedule {
        self.inner.scheduler.schedule()
    }

    /// When a run of this mode starts next, if nothing changes the schedule or the clock.
    #[must_use]
    pub fn next_start(&self, mode: RunMode) -> Option<Timestamp> {
        self.inner.scheduler.next_start(mode)
    }

    /// Sets and stores the schedule.
    ///
    /// # Errors
    /// When it cannot be followed or stored; the old one stands.
    pub async fn set_schedule(&self, schedule: Schedule) -> Result<(), RunStartError> {
        schedule.parse()?;
        let change = ManifestChange::Schedule(schedule.clone());
        self.inner.scheduler.catalog.publish(change).await?;
        Ok(self.inner.scheduler.set_schedule(schedule)?)
    }

    /// Whether everything that a start has to finish is finished.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        !self.queue().is_starting()
    }

    /// Cancels the active run and ends the worker.
    pub async fn shutdown(&self) {
        self.inner.stop.send_replace(true);
        for task in self.inner.tasks.lock().await.drain(..) {
            if let Err(error) = task.await {
                tracing::error!(%error, "a task of the runs failed");
            }
        }
    }
}

/// What can go wrong with the service.
#[derive(Debug, thiserror::Error)]
pub enum RunStartError {
    /// The schedule cannot be followed.
    #[error("schedule: {0}")]
    Schedule(#[from] ScheduleError),
    /// Records or objects cannot be read.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The schedule could not be stored.
    #[error(transparent)]
    Publish(#[from] PublishError),
    /// Threads could not be started.
    #[error("starting threads for runs: {0}")]
    Threads(#[from] std::io::Error),
}

/// Reads records of former runs. What was unfinished is noted as failed, and started anew; what
/// other processes make parts of is gone on with.
async fn restore(
    catalog: &BatchCatalog,
    queue: &RunQueue,
    is_shared: bool,
) -> Result<(), StorageError> {
    // Those of the time when this process did the runs before are others' by now.
    catalog.release_all();
    let storage = catalog.storage();
    let mut paths: Vec<String> =
        storage.list("runs").await?.into_iter().map(|(path, _)| path).collect();
    paths.sort();
    let mut runs = Vec::new();
    let (mut unfinished, mut resumed) = (Vec::new(), Vec::new());
    for path in paths {
        match storage.read_document::<RunRecord>(&path).await {
            Ok(mut run) => {
                if !run.state.is_final() && is_shared && work::reserve(catalog, &run).await? {
                    run.state = RunState::Queued;
                    run.step = "waits to be gone on with".to_owned();
                    resumed.push(run.id.clone());
                } else if !run.state.is_final() {
                    run.state = RunState::Failed;
                    run.error = Some("interrupted: the service was stopped or killed".to_owned());
                    storage.replace_document(&path, &run).await?;
                    unfinished.push(run.clone());
                }
                runs.push(run);
            }
            // A record is history, nothing depends on it.
            Err(error) => tracing::warn!(%error, "a run's record cannot be read"),
        }
    }
    queue.restore(runs);
    for id in resumed {
        tracing::info!(run = id, "an interrupted run goes on");
        queue.retry(&id, Instant::now());
    }
    for pending in catalog.pending() {
        let run = queue.backfill_for(pending.id, RunTrigger::Startup);
        tracing::info!(metric = pending.definition.name, run, "its backfill goes on");
    }
    if let Some(run) = unfinished.iter().rev().find(|run| run.backfill.is_none()) {
        let again = queue.submit(run.mode, RunTrigger::Startup, run.metrics.clone());
        if let Ok(again) = again {
            tracing::info!(interrupted = run.id, run = again.id, "an interrupted run starts anew");
        }
    }
    Ok(())
}

/// Does what is queued, one run after the other.
async fn work(inner: Arc<RunServiceInner>) {
    let mut stop = inner.stop.subscribe();
    let attempts = &inner.attempts;
    let tracker = &attempts.executor.tracker;
    while !*stop.borrow() {
        match tracker.queue.take(Instant::now(), |_| true) {
            Ok(runs) => {
                let ended = tokio::select! {
                    () = attempts.attempt(runs.clone()) => true,
                    _ = stop.wait_for(|stop| *stop) => false,
                };
                if ended {
                    attempts.clean_up().await;
                } else {
                    RunTracker::note_interrupted(&runs);
                }
            }
            Err(next) => tokio::select! {
                () = tracker.queue.changed() => {}
                () = sleep_until(next) => {}
                _ = stop.wait_for(|stop| *stop) => {}
            },
        }
    }
}

async fn follow_schedule(inner: Arc<RunServiceInner>) {
    inner.scheduler.follow(inner.stop.subscribe()).await;
}

/// Shows how far everything is, for as long as the service runs.
async fn refresh_gauges(inner: Arc<RunServiceInner>) {
    let mut stop = inner.stop.subscribe();
    while !*stop.borrow() {
        instruments::update_gauges(&inner.scheduler.catalog, &*inner.scheduler.journal);
        tokio::select! {
            () = tokio::time::sleep(instruments::LOOK) => {}
            _ = stop.wait_for(|stop| *stop) => {}
        }
    }
}

/// Returns at `next`, if it is known.
async fn sleep_until(next: Option<Instant>) {
    match next {
        Some(next) => tokio::time::sleep_until(next).await,
        None => std::future::pending().await,
    }
}
