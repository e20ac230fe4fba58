//! The only place that builds real parts and joins them.
//!
//! They start in the order in which they need each other, and stop in the order of what they
//! promise to clients: first nothing new is taken, then what was taken is finished.
//!
//! | step | part | why here |
//! |---|---|---|
//! | 1 | definitions, socket | a wrong file or a taken port is found before anything is touched |
//! | 2 | lock, journal | one process a directory; everything else refers to the journal |
//! | 3 | manifest, catalog | what is published, keys, and from which epoch on the fold begins |
//! | 4 | speed store, fold | states for what the manifest does not cover |
//! | 5 | intake | appends to the journal, feeds the fold |
//! | 6 | runs, then definitions | move epochs to the batch views; backfill what is new |
//! | 7 | HTTP | answers, at first that it is not ready |
//!
//! Stopping: intake refuses and commits what it has; the active run is cancelled; the fold stores
//! what it was fed; live answers end; HTTP finishes what has begun; the lock is free.

mod clock;
mod configure;
pub(crate) mod definitions;
mod health;
pub(crate) mod input_rows;
pub(crate) mod inspect;
mod status;
#[cfg(test)]
mod tests;

use std::future::Future;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use batch_layer::backup::{Backup, BackupService, BackupStream};
use batch_layer::catalog::{BatchCatalog, CatalogSettings};
use batch_layer::job::RunQueue;
use batch_layer::journal::{DirectoryLock, FileJournal, JournalSettings};
use batch_layer::run::{RunService, RunServiceParts};
use batch_layer::storage::Storage;
use batch_layer::view::ParquetViews;
use merganser_api::key::{KeyDocument, KeyRequest};
use merganser_core::clock::{Clock, SystemClock};
use merganser_core::ids::Offset;
use merganser_core::journal::{CommittedBatch, Journal, JournalError};
use merganser_metric::catalog::Catalog;
use serving_layer::subscriptions::QuerySubscriptions;
use serving_layer::{RECENT_EVENTS_MAX, ServingLayer};
use speed_layer::fold::{SpeedHandle, SpeedLayer};
use speed_layer::intake::{Intake, IntakeHandle, Quarantine, UuidGenerator};
use speed_layer::store;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use self::status::StatusCollector;
use crate::access::{self, AccessGuard, KeyRoutes, SessionCookie};
use crate::http::{self, HttpParts, Readiness};
use crate::settings::Settings;

/// How long each part may take to finish once the service stops.
const FINISH: Duration = Duration::from_secs(10);

/// Committed batches on their way from intake to the fold.
const FEED_MAX_BATCHES: usize = 64;

/// The quarantine's directory within the data directory.
const QUARANTINE: &str = "quarantine";

/// The running service.
pub(crate) struct RunningService {
    scheme: &'static str,
    address: SocketAddr,
    readiness: Readiness,
    stop: CancellationToken,
    http: JoinHandle<()>,
    subscriptions: Arc<QuerySubscriptions>,
    intake: IntakeHandle,
    runs: RunService,
    speed: SpeedHandle,
    /// Kept to the end, since it holds the lock.
    batch: OpenBatchLayer,
}

impl RunningService {
    /// Starts every part.
    ///
    /// # Errors
    /// One line that says which part could not be started and why.
    pub(crate) async fn start(settings: Settings) -> anyhow::Result<Self> {
        let definitions = settings.metrics_file().map(definitions::read).transpose()?;
        let (listener, address) = bind(&settings).await?;
        let stop = CancellationToken::new();
        let tls = settings.tls_files().map(|files| http::start_tls(files, stop.clone()));
        let tls = tls.transpose().context("TLS")?;
        let scheme = if tls.is_some() { "https" } else { "http" };
        let figures = http::install_recorder()?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);

        let batch =
            OpenBatchLayer::open(&settings.data_dir, configure::catalog(&settings), &clock).await?;
        let openness = configure::anonymous_access(&settings, address, &batch.catalog.current())?;
        let (feed, fed) = mpsc::channel(FEED_MAX_BATCHES);
        let speed = start_speed(&settings, &batch, &clock, fed).await?;
        let intake = start_intake(&settings, &batch, &clock, feed).await?;
        let runs = start_runs(&settings, &batch, &clock, &speed, &intake).await?;
        definitions::apply(&*batch.catalog, definitions.unwrap_or_default()).await?;
        definitions::rebuild_outdated(&*batch.catalog).await;

        let readiness = Readiness::new();
        let status = StatusCollector::new(settings.data_dir.clone(), intake.clone(), runs.clone());
        let retire_grace = Duration::from_millis(settings.retire_grace_ms);
        let looked = (&intake, &runs, &speed, &status);
        health::start_health_checks(&readiness, &stop, looked, &clock, retire_grace);
        let serving = ServingLayer::new(
            configure::serving(&settings),
            Arc::clone(&batch.catalog) as _,
            Arc::clone(&batch.views) as _,
            Arc::new(speed.clone()),
            Arc::clone(&batch.journal),
            Arc::clone(&clock),
        );
        let serving = Arc::new(serving.with_status(status.source()));
        let subscriptions = Arc::new(QuerySubscriptions::new(serving));
        let keys =
            KeyRoutes { catalog: Arc::clone(&batch.catalog) as _, clock: Arc::clone(&clock) };
        let backups =
            BackupService::new(Arc::clone(&batch.catalog), extra_backup_files(&settings.data_dir));
        let guard = AccessGuard::new(
            batch.catalog.subscribe(),
            clock,
            http::route_access(),
            openness,
            settings.cors_origins.clone(),
            if tls.is_some() { SessionCookie::Secure } else { SessionCookie::Plain },
        );
        let layers = layer_routes(&intake, &runs, backups, &subscriptions, &speed, keys)
            .merge(serving_layer::http::dashboards::routes(Arc::clone(&batch.catalog) as _))
            .merge(access::session_routes(guard.clone()));
        let parts = HttpParts { layers, readiness: readiness.clone(), figures, guard };
        let bounds = configure::connections(&settings);
        let whole = http::HttpService::new(parts, &configure::http(&settings));
        let http = http::serve(listener, tls, whole, bounds, stop.clone());
        let http = tokio::spawn(http);
        info!(%address, data_dir = %settings.data_dir.display(), "started");
        Ok(Self {
            scheme,
            address,
            readiness,
            stop,
            http,
            subscriptions,
            intake,
            runs,
            speed,
            batch,
        })
    }

    /// Where it answers.
    pub(crate) fn url(&self) -> String {
        format!("{}://{}", self.scheme, self.address)
    }

    /// Returns once it can accept and answer.
    ///
    /// # Errors
    /// When the fold stopped before.
    pub(crate) async fn wait_until_ready(&self) -> anyhow::Result<()> {
        self.speed.ready().await.context("the speed views")?;
        self.readiness.wait_until_ready().await;
        Ok(())
    }

    /// Stops every part, in order.
    ///
    /// # Errors
    /// When something that was taken could not be finished.
    pub(crate) async fn stop(self) -> anyhow::Result<()> {
        self.readiness.set_not_ready("service", "stopping");
        finish_within_timeout("intake", self.intake.shutdown()).await;
        finish_within_timeout("the active run", self.runs.shutdown()).await;
        let folded = finish_within_timeout("the fold", self.speed.ended()).await;
        self.subscriptions.stop();
        self.stop.cancel();
        if let Some(ended) = finish_within_timeout("HTTP", self.http).await {
            ended.context("HTTP ended by a panic")?;
        }
        drop(self.batch);
        if let Some(Err(error)) = folded {
            // No event is lost by it: the next start folds the journal again.
            warn!(%error, "the speed views were not stored to their end");
        }
        Ok(())
    }
}

/// The routes of all layers, and those of keys.
fn layer_routes(
    intake: &IntakeHandle,
    runs: &RunService,
    backups: BackupService,
    subscriptions: &Arc<QuerySubscriptions>,
    speed: &SpeedHandle,
    keys: KeyRoutes,
) -> Router {
    speed_layer::http::routes(intake.clone(), Arc::new(speed.clone()))
        .merge(batch_layer::http::routes(runs.clone(), backups))
        .merge(serving_layer::http::routes(Arc::clone(subscriptions)))
        .merge(access::routes(keys))
}

/// Waits for a part to finish, but not for ever.
async fn finish_within_timeout<T>(part: &str, ending: impl Future<Output = T>) -> Option<T> {
    let ended = timeout(FINISH, ending).await.ok();
    if ended.is_none() {
        warn!(part, after_s = FINISH.as_secs(), "cut off while it was stopping");
    }
    ended
}

/// What the batch layer keeps, open.
struct OpenBatchLayer {
    journal: Arc<dyn Journal>,
    catalog: Arc<BatchCatalog>,
    views: Arc<ParquetViews>,
    queue: RunQueue,
    /// Freed last, when nothing writes any more.
    _lock: DirectoryLock,
}

impl OpenBatchLayer {
    async fn open(
        data_dir: &Path,
        settings: CatalogSettings,
        clock: &Arc<dyn Clock>,
    ) -> anyhow::Result<Self> {
        let lock = DirectoryLock::acquire(data_dir)?;
        let open = move || {
            let journal = FileJournal::open_in(&lock, JournalSettings::default());
            let journal = journal?;
            journal.claim()?;
            Ok::<_, JournalError>((journal, lock))
        };
        let (journal, lock) = spawn_blocking(open).await??;
        let journal: Arc<dyn Journal> = Arc::new(journal);
        let storage = Storage::local_in(&lock)?;
        let views = Arc::new(ParquetViews::new(storage.clone()));
        let queue = RunQueue::default();
        let catalog = BatchCatalog::open(
            settings,
            storage,
            Arc::clone(&journal),
            Arc::clone(clock),
            queue.clone(),
        );
        let catalog = Arc::new(catalog.await.context("the manifest")?);
        Ok(Self { journal, catalog, views, queue, _lock: lock })
    }
}

/// Makes a key in the directory of a service that is stopped: what is shown of it, with its text.
///
/// # Errors
/// When the service is not stopped, or there is no such key.
pub(crate) async fn create_offline_key(
    data_dir: &Path,
    request: KeyRequest,
) -> anyhow::Result<KeyDocument> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let batch = OpenBatchLayer::open(data_dir, CatalogSettings::default(), &clock).await?;
    let keys = KeyRoutes { catalog: Arc::clone(&batch.catalog) as _, clock };
    let made = access::create_key(&keys, request).await;
    made.map_err(|problem| anyhow::anyhow!("{}", problem.detail()))
}

/// A back-up of the directory of a service that is stopped.
pub(crate) struct OfflineBackup {
    /// The generation that it holds.
    pub(crate) generation: u64,
    /// It.
    pub(crate) archive: BackupStream,
    /// Keeps the service from being started meanwhile.
    _batch: OpenBatchLayer,
}

/// Takes a back-up of the directory of a service that is stopped.
///
/// # Errors
/// When the service is not stopped, or the directory cannot be read.
pub(crate) async fn back_up(data_dir: &Path) -> anyhow::Result<OfflineBackup> {
    let is_one = data_dir.join("manifest").is_dir();
    anyhow::ensure!(is_one, "`{}` is no data directory of a service", data_dir.display());
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let batch = OpenBatchLayer::open(data_dir, CatalogSettings::default(), &clock).await?;
    let backup = Backup::take(&batch.catalog, extra_backup_files(data_dir)).await?;
    let (generation, archive) = (backup.generation().0, backup.archive());
    Ok(OfflineBackup { generation, archive, _batch: batch })
}

/// What is precious and not the batch layer's.
fn extra_backup_files(data_dir: &Path) -> Vec<(String, PathBuf)> {
    let quarantine = format!("{QUARANTINE}/{}", Quarantine::FILE);
    let path = data_dir.join(&quarantine);
    vec![(quarantine, path)]
}

async fn start_speed(
    settings: &Settings,
    batch: &OpenBatchLayer,
    clock: &Arc<dyn Clock>,
    fed: mpsc::Receiver<Arc<CommittedBatch>>,
) -> anyhow::Result<SpeedHandle> {
    let store = store::connect(&settings.speed_store.0).await?;
    let speed = SpeedLayer::start(
        configure::speed(settings),
        Arc::clone(&batch.journal),
        Arc::clone(&batch.catalog) as _,
        store,
        Arc::clone(clock),
        fed,
    );
    Ok(speed.await?)
}

async fn start_intake(
    settings: &Settings,
    batch: &OpenBatchLayer,
    clock: &Arc<dyn Clock>,
    feed: mpsc::Sender<Arc<CommittedBatch>>,
) -> anyhow::Result<IntakeHandle> {
    let (journal, clock) = (Arc::clone(&batch.journal), Arc::clone(clock));
    let quarantine = settings.data_dir.join(QUARANTINE);
    let settings = configure::intake(settings);
    let (ids, snapshots) = (Arc::new(UuidGenerator::new()), batch.catalog.subscribe());
    let start = move || Intake::start(settings, journal, clock, ids, snapshots, feed, quarantine);
    spawn_blocking(start).await?.context("intake")
}

async fn start_runs(
    settings: &Settings,
    batch: &OpenBatchLayer,
    clock: &Arc<dyn Clock>,
    speed: &SpeedHandle,
    intake: &IntakeHandle,
) -> anyhow::Result<RunService> {
    // A start reads the journal for the dedup window, the fold what the views still lack, and
    // previews of definitions the newest events.
    let (intake, applied) = (intake.clone(), speed.applied());
    let newest = |end: Offset| Offset(end.0.saturating_sub(RECENT_EVENTS_MAX as u64));
    let floor = move || intake.dedup_floor().min(*applied.borrow()).min(newest(intake.end()));
    let stored = batch.catalog.state().manifest.schedule.clone();
    let parts = RunServiceParts {
        catalog: Arc::clone(&batch.catalog),
        journal: Arc::clone(&batch.journal),
        speed: Arc::new(speed.clone()),
        clock: Arc::clone(clock),
        queue: batch.queue.clone(),
        views: Arc::clone(&batch.views),
        journal_floor: Arc::new(floor),
    };
    let settings = configure::runs(settings, stored.as_ref());
    RunService::start(settings, parts).await.context("runs")
}

async fn bind(settings: &Settings) -> anyhow::Result<(TcpListener, SocketAddr)> {
    let place = &settings.listen.0;
    let listener = TcpListener::bind(place).await;
    let listener = listener.with_context(|| format!("`{place}` cannot be listened on"))?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}
