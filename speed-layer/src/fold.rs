//! The fold service: from committed events to speed views.
//!
//! It follows the journal and folds every event into the tables of every metric that has not a
//! batch view of it yet, one table an epoch. What changed is written to the store every flush
//! interval, with the position that it stands for, so that a reader of the store always knows how
//! far it is.
//!
//! The journal is the truth and the tables are made from it; the store is made from the tables. At
//! a start the tables are folded anew, and a store that is exactly where it was left needs only
//! what came since. A store that turns out to be anything else (emptied, older, another journal's)
//! is filled anew from the tables, while the fold goes on.
//!
//! Read in this order: `view_sync` (what is next for one view), `store_verdict` (what an answer of
//! the store means), `writer` (does it), `worker` (the one thread that owns all of it),
//! [`SpeedHandle`] (what others see).

mod coalesce;
mod flush;
mod handle;
mod instruments;
mod job;
mod job_pacing;
mod local_read;
mod outcome;
mod portion;
mod prefetch;
mod progress;
mod store_verdict;
mod tables;
#[cfg(test)]
mod tests;
mod view_sync;
mod worker;
mod writer;

use std::sync::Arc;
use std::time::Duration;

use merganser_core::clock::Clock;
use merganser_core::ids::{Fence, JournalId, MetricId};
use merganser_core::journal::{CommittedBatch, Journal};
use merganser_core::time::Timestamp;
use merganser_metric::catalog::{Catalog, CatalogSnapshot};
use tokio::sync::mpsc;

use crate::store::{SpeedStore, SpeedView, StoreError};
pub use handle::SpeedHandle;
use portion::PortionBounds;
use progress::FoldProgress;
use worker::{FoldWorker, StoreInventory, WorkerParts};

/// Groups that one atomic step of the store takes.
const CHANGE_GROUPS_MAX: usize = 20_000;
/// Bytes that one atomic step takes; text in the store is about half as long again.
const CHANGE_SIZE_BYTES_MAX: usize = 5 << 20;
/// How often the start tries to read and claim the store before it fails.
const START_ATTEMPTS: u32 = 5;
const START_PAUSE: Duration = Duration::from_millis(200);
/// Requests that wait for the worker.
const COMMANDS_MAX: usize = 256;

/// Settings of the fold.
#[derive(Clone, Debug)]
pub struct SpeedSettings {
    /// How often changed groups are written.
    pub flush_interval: Duration,
    /// How long epochs stay after a batch view covers them, for readers of older manifests.
    pub retire_grace: Duration,
    /// Events that may be folded and not stored before no more are taken.
    pub unapplied_max: u64,
    /// Groups that a metric may have, all epochs together; new ones beyond are left out.
    pub groups_max: usize,
    /// Groups that a read may take.
    pub read_groups_max: usize,
    /// How often a store that is not written to is looked at.
    pub look_interval: Duration,
    /// How long a read tries again: while a view is being written for the first time or anew, or
    /// the connection to the store broke.
    pub read_patience: Duration,
    /// How long the store may carry out no command before it counts as failing.
    pub failing_after: Duration,
    /// How long the last flush may take when the service stops.
    pub stop_timeout: Duration,
}

impl Default for SpeedSettings {
    fn default() -> Self {
        Self {
            flush_interval: Duration::from_millis(100),
            retire_grace: Duration::from_secs(30),
            unapplied_max: 1_000_000,
            groups_max: 5_000_000,
            read_groups_max: 2_000_000,
            look_interval: Duration::from_millis(250),
            read_patience: Duration::from_secs(1),
            failing_after: Duration::from_secs(2),
            stop_timeout: Duration::from_secs(10),
        }
    }
}

impl SpeedSettings {
    fn portion(&self) -> PortionBounds {
        PortionBounds { groups_max: CHANGE_GROUPS_MAX, size_bytes_max: CHANGE_SIZE_BYTES_MAX }
    }
}

/// A speed layer that cannot start, or stopped.
#[derive(Clone, Debug, thiserror::Error)]
pub enum SpeedStartError {
    /// The store cannot be used.
    #[error("the speed store cannot be used: {0}")]
    Store(#[from] StoreError),
    /// The thread of the fold cannot be started.
    #[error("the thread of the fold cannot be started: {0}")]
    Thread(String),
    /// The fold came to an end.
    #[error("the fold stopped: {0}")]
    Stopped(String),
}

/// The fold service.
#[derive(Debug)]
pub struct SpeedLayer;

impl SpeedLayer {
    /// Looks at the store, claims it, and begins to fold: first what is in the journal, then what
    /// comes from `feed`. It stops by itself when the feed ends. [`SpeedHandle::ready`] waits until
    /// the views are up to where the journal is now.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn start(
        settings: SpeedSettings,
        journal: Arc<dyn Journal>,
        catalog: Arc<dyn Catalog>,
        store: Arc<dyn SpeedStore>,
        clock: Arc<dyn Clock>,
        feed: mpsc::Receiver<Arc<CommittedBatch>>,
    ) -> Result<SpeedHandle, SpeedStartError> {
        let snapshots = catalog.subscribe();
        let snapshot = Arc::clone(&snapshots.borrow());
        let id = journal.id();
        let (opened, fence) = claim(&*store, id, &snapshot, clock.now()).await?;
        let progress = Arc::new(FoldProgress::new());
        let (sender, commands) = mpsc::channel(COMMANDS_MAX);
        let handle = SpeedHandle {
            settings: settings.clone(),
            journal: id,
            fence,
            store: Arc::clone(&store),
            progress: Arc::clone(&progress),
            commands: sender,
        };
        let parts = WorkerParts {
            settings,
            journal,
            store,
            clock,
            fence,
            progress,
            feed,
            snapshots,
            commands,
        };
        let runtime = tokio::runtime::Handle::current();
        std::thread::Builder::new()
            .name("fold".to_owned())
            .spawn(move || runtime.block_on(FoldWorker::new(parts).run(opened)))
            .map_err(|error| SpeedStartError::Thread(error.to_string()))?;
        Ok(handle)
    }
}

/// What is stored of the snapshot's metrics, and a fence above all that is.
///
/// It is also above the clock's milliseconds. A store that was emptied and is then put back to what
/// it was before has states of former services, whose fences this one could not see.
async fn claim(
    store: &dyn SpeedStore,
    journal: JournalId,
    snapshot: &CatalogSnapshot,
    now: Timestamp,
) -> Result<(StoreInventory, Fence), StoreError> {
    let clock = Fence(u64::try_from(now.0 / 1000).unwrap_or(0));
    let mut attempt = 1;
    loop {
        let claimed = async {
            let (opened, above) = read_inventory(store, journal, snapshot).await?;
            Ok((opened, store.claim(journal, above.max(clock)).await?))
        };
        match claimed.await {
            Err(StoreError::Uncertain(_)) if attempt < START_ATTEMPTS => attempt += 1,
            result => return result,
        }
        tokio::time::sleep(START_PAUSE).await;
    }
}

async fn read_inventory(
    store: &dyn SpeedStore,
    journal: JournalId,
    snapshot: &CatalogSnapshot,
) -> Result<(StoreInventory, Fence), StoreError> {
    let mut opened = StoreInventory::default();
    let mut above = Fence::ZERO;
    for version in &snapshot.metrics {
        match store.open(&SpeedView::of(journal, version)).await {
            Ok(Some(stored)) => {
                above = above.max(stored.fence);
                opened.stored.insert(version.id, stored);
            }
            // What cannot be read is written anew.
            Ok(None) | Err(StoreError::Damaged(_)) => {}
            Err(error) => return Err(error),
        }
    }
    let stored = store.metrics(journal).await?;
    let is_left_over = |id: &MetricId| snapshot.by_id(*id).is_none();
    opened.left_over = stored.into_iter().filter(is_left_over).collect();
    Ok((opened, above))
}
