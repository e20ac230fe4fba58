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

#[cfg(feature = "ballista")]
mod ballista;
mod batch;
mod clock;
mod cluster;
pub(crate) mod configure;
pub(crate) mod definitions;
mod health;
pub(crate) mod input_rows;
pub(crate) mod inspect;
mod status;
#[cfg(test)]
mod tests;

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use batch_layer::backup::BackupService;
use batch_layer::run::{RunService, RunServiceParts};
use merganser_core::clock::{Clock, SystemClock};
use merganser_core::ids::Offset;
use merganser_core::journal::CommittedBatch;
use merganser_metric::catalog::Catalog;
use serving_layer::subscriptions::QuerySubscriptions;
use serving_layer::{RECENT_EVENTS_MAX, ServingLayer};
use speed_layer::fold::{SpeedHandle, SpeedLayer};
use speed_layer::intake::{Intake, IntakeHandle, UuidGenerator};
use speed_layer::store::{self, SpeedStore};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

pub(crate) use self::batch::{DataPlace, OpenBatchLayer, OpenStorage, back_up, create_offline_key};
pub(crate) use self::cluster::ClusterNode;
#[cfg(feature = "ballista")]
pub(crate) use self::cluster::{probe_scheduler, start_scheduler};
use self::status::StatusCollector;
use crate::access::{self, AccessGuard, KeyRoutes, SessionCookie};
use crate::http::{self, HttpParts, Readiness};
use crate::settings::Settings;

/// How long each part may take to finish once the service stops.
const FINISH: Duration = Duration::from_secs(10);

/// Committed batches on their way from intake to the fold.
pub(crate) const FEED_MAX_BATCHES: usize = 64;

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
            OpenBatchLayer::open(&DataPlace::of(&settings), configure::catalog(&settings), &clock)
                .await?;
        let openness = configure::anonymous_access(&settings, address, &batch.catalog.current())?;
        let (feed, fed) = mpsc::channel(FEED_MAX_BATCHES);
        let store = store::connect(&settings.speed_store.0).await?;
        let speed = start_speed(&settings, &batch, &clock, fed, store).await?;
        let intake = start_intake(&settings, &batch, &clock, feed).await?;
        let backups = BackupService::new(Arc::clone(&batch.catalog), batch.backup_extras());
        let runs = start_runs(&settings, &batch, &clock, &speed, &intake, backups.clone()).await?;
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
pub(crate) async fn finish_within_timeout<T>(
    part: &str,
    ending: impl Future<Output = T>,
) -> Option<T> {
    let ended = timeout(FINISH, ending).await.ok();
    if ended.is_none() {
        warn!(part, after_s = FINISH.as_secs(), "cut off while it was stopping");
    }
    ended
}

/// Starts to fold what comes from `fed` into `store`.
///
/// # Errors
/// When the store does not answer.
pub(crate) async fn start_speed(
    settings: &Settings,
    batch: &OpenBatchLayer,
    clock: &Arc<dyn Clock>,
    fed: mpsc::Receiver<Arc<CommittedBatch>>,
    store: Arc<dyn SpeedStore>,
) -> anyhow::Result<SpeedHandle> {
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

/// Starts to take events in.
///
/// # Errors
/// When the journal or the quarantine cannot be read.
pub(crate) async fn start_intake(
    settings: &Settings,
    batch: &OpenBatchLayer,
    clock: &Arc<dyn Clock>,
    feed: mpsc::Sender<Arc<CommittedBatch>>,
) -> anyhow::Result<IntakeHandle> {
    let (journal, clock) = (Arc::clone(&batch.journal), Arc::clone(clock));
    let (settings, quarantine) = (configure::intake(settings), batch.quarantine()?);
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
    backups: BackupService,
) -> anyhow::Result<RunService> {
    // A start reads the journal for the dedup window, the fold what the views still lack, and
    // previews of definitions the newest events.
    let (intake, applied) = (intake.clone(), speed.applied());
    let newest = |end: Offset| Offset(end.0.saturating_sub(RECENT_EVENTS_MAX as u64));
    let floor = move || {
        let read = intake.dedup_floor().min(*applied.borrow()).min(newest(intake.end()));
        Some((read, backups.trim_permit()?))
    };
    let stored = batch.catalog.state().manifest.schedule.clone();
    let parts = RunServiceParts {
        catalog: Arc::clone(&batch.catalog),
        journal: Arc::clone(&batch.journal),
        speed: Arc::new(speed.clone()),
        clock: Arc::clone(clock),
        queue: batch.queue.clone(),
        views: Arc::clone(&batch.views),
        journal_floor: Arc::new(floor),
        sharing: None,
    };
    let settings = configure::runs(settings, stored.as_ref());
    RunService::start(settings, parts).await.context("runs")
}

/// Listens where the settings say.
///
/// # Errors
/// When that place is taken.
pub(crate) async fn bind(settings: &Settings) -> anyhow::Result<(TcpListener, SocketAddr)> {
    let place = &settings.listen.0;
    let listener = TcpListener::bind(place).await;
    let listener = listener.with_context(|| format!("`{place}` cannot be listened on"))?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}
