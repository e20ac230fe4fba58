//! The only place that builds real parts and joins them.
//!
//! They start in the order in which they need each other, and stop in the reverse of what they
//! promise to clients: first nothing new is taken, then what was taken is finished.
//!
//! | step | part | why here |
//! |---|---|---|
//! | 1 | socket | a taken port is found before anything else is touched |
//! | 2 | lock, journal | one process a directory; everything else refers to the journal |
//! | 3 | manifest, catalog | what is published, and from which offset on the speed layer folds |
//! | 4 | speed store, fold | states for what the manifest does not cover |
//! | 5 | intake | appends to the journal, feeds the fold |
//! | 6 | runs | move epochs from the speed views to the batch views |
//! | 7 | HTTP | answers, at first that it is not ready |
//!
//! Stopping: not ready any more; HTTP takes no new connection and finishes what it has begun; runs
//! are cancelled; the fold flushes; the journal closes and its lock is free.

mod configure;
mod definitions;

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use batch_layer::catalog::BatchCatalog;
use batch_layer::journal::{DirectoryLock, FileJournal, JournalSettings};
use batch_layer::run::RunQueue;
use batch_layer::storage::Storage;
use batch_layer::view::ParquetViews;
use shared::clock::{Clock, SystemClock};
use shared::ports::Journal;
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::http::{self, Parts, Readiness};
use crate::settings::Settings;

/// How long requests that have begun may take once the service stops.
const FINISH: Duration = Duration::from_secs(10);

/// The running service.
pub(crate) struct Service {
    address: SocketAddr,
    readiness: Readiness,
    stop: CancellationToken,
    http: JoinHandle<std::io::Result<()>>,
    batch: Batch,
}

impl Service {
    /// Starts every part.
    ///
    /// # Errors
    /// One line that says which part could not be started and why.
    pub(crate) async fn start(settings: Settings) -> anyhow::Result<Self> {
        let definitions = definitions::read(settings.metrics_file())?;
        let (listener, address) = bind(&settings).await?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let batch = Batch::open(&settings, &clock).await?;
        definitions::apply(&*batch.catalog, definitions).await?;
        let readiness = Readiness::new();
        let stop = CancellationToken::new();
        let parts = Parts {
            layers: Router::new(),
            readiness: readiness.clone(),
            figures: http::recorder()?,
        };
        let http = serve(listener, http::router(parts), stop.clone());
        info!(%address, data_dir = %settings.data_dir.display(), "started");
        Ok(Self { address, readiness, stop, http, batch })
    }

    /// Where it answers.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Returns once it can accept and answer.
    pub(crate) async fn ready(&self) {
        self.readiness.ready().await;
    }

    /// Stops every part, in order.
    ///
    /// # Errors
    /// When something that was taken could not be finished.
    pub(crate) async fn stop(self) -> anyhow::Result<()> {
        self.readiness.wait_for("service", "stopping");
        self.stop.cancel();
        match timeout(FINISH, self.http).await {
            Ok(ended) => ended.context("HTTP ended by a panic")?.context("HTTP failed")?,
            Err(_) => warn!(after_s = FINISH.as_secs(), "requests were cut off"),
        }
        drop(self.batch);
        Ok(())
    }
}

/// What the batch layer keeps, open.
struct Batch {
    journal: Arc<dyn Journal>,
    catalog: Arc<BatchCatalog>,
    views: Arc<ParquetViews>,
    queue: RunQueue,
    /// Freed last, when nothing writes any more.
    _lock: DirectoryLock,
}

impl Batch {
    async fn open(settings: &Settings, clock: &Arc<dyn Clock>) -> anyhow::Result<Self> {
        let lock = DirectoryLock::acquire(&settings.data_dir)?;
        let directory = settings.data_dir.clone();
        let open = move || FileJournal::open(&directory, JournalSettings::default());
        let journal: Arc<dyn Journal> = Arc::new(spawn_blocking(open).await??);
        let storage = Storage::local(&settings.data_dir)?;
        let views = Arc::new(ParquetViews::new(storage.clone()));
        let queue = RunQueue::default();
        let catalog = BatchCatalog::open(
            configure::catalog(settings),
            storage,
            Arc::clone(&journal),
            Arc::clone(clock),
            queue.clone(),
        );
        let catalog = Arc::new(catalog.await.context("the manifest")?);
        Ok(Self { journal, catalog, views, queue, _lock: lock })
    }
}

async fn bind(settings: &Settings) -> anyhow::Result<(TcpListener, SocketAddr)> {
    let place = &settings.listen.0;
    let listener = TcpListener::bind(place).await;
    let listener = listener.with_context(|| format!("`{place}` cannot be listened on"))?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}

fn serve(
    listener: TcpListener,
    router: Router,
    stop: CancellationToken,
) -> JoinHandle<std::io::Result<()>> {
    let told = async move { stop.cancelled().await };
    tokio::spawn(async move { run(listener, router, told).await })
}

async fn run(
    listener: TcpListener,
    router: Router,
    told: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    axum::serve(listener, router).with_graceful_shutdown(told).await
}
