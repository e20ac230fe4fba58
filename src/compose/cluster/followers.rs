//! What a process follows of the others: who holds the leases, the journal's end, the manifest, how
//! far the speed views are, and which processes there are.

use std::sync::Arc;
use std::time::Duration;

use batch_layer::catalog::{BatchCatalog, CatalogSettings};
use batch_layer::journal::{JournalSettings, ObjectJournal};
use batch_layer::lease::{Lease, LeaseHolder, LeaseSettings, LeaseState};
use batch_layer::storage::unique_name;
use merganser_core::clock::Clock;
use merganser_core::ids::Fence;
use merganser_core::journal::Journal;
use merganser_metric::catalog::Catalog;
use merganser_metric::views::SpeedViews;
use speed_layer::replica::{ReplicaParts, ReplicaSettings, SpeedReplica};
use speed_layer::store::{self, SpeedStore};
use tokio::sync::watch;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, interval};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::dispatch::HeldParts;
use super::journal::SharedJournal;
use super::leader::LeaderParts;
use super::members::{Member, MemberFigures, Members};
use super::secret;
use crate::access::{ClusterSecret, ManifestAge};
use crate::compose::{DataPlace, OpenBatchLayer, OpenStorage, configure};
use crate::settings::Settings;

/// How often it is looked for a newer generation: after so long a revoked key opens nothing
/// anywhere.
pub(super) const FOLLOW: Duration = Duration::from_millis(500);
/// Beyond the longest answer, how long what a generation named is kept.
const GRACE: Duration = Duration::from_secs(10);

/// What a process follows.
pub(super) struct Followed {
    /// This process.
    pub(super) me: LeaseHolder,
    pub(super) secret: ClusterSecret,
    /// Who owns the journal.
    pub(super) owner: Lease,
    /// Who does the runs.
    pub(super) leader: Lease,
    pub(super) batch: OpenBatchLayer,
    /// When the manifest was last known to be the newest.
    pub(super) age: ManifestAge,
    pub(super) store: Arc<dyn SpeedStore>,
    pub(super) replica: SpeedReplica,
}

impl Followed {
    /// Begins to follow, as the process that answers at `url`, until `stop`.
    ///
    /// # Errors
    /// When the storage or the speed store cannot be used.
    pub(super) async fn start(
        settings: &Settings,
        url: String,
        clock: &Arc<dyn Clock>,
        stop: &CancellationToken,
    ) -> anyhow::Result<Self> {
        let opened = OpenStorage::open(&DataPlace::of(settings)).await?;
        let secret = secret::read_or_make(&opened.storage).await?;
        let me = LeaseHolder { process: unique_name(), url, fence: None };
        let lease = |name| {
            let (storage, me) = (opened.storage.clone(), me.clone());
            Lease::follow(storage, name, me, LeaseSettings::default(), stop.clone())
        };
        let (owner, leader) = (lease("owner"), lease("leader"));
        let journal = follow_journal(&opened, &owner, &secret, stop).await?;
        let batch = opened.with_follower(journal, catalog_settings(settings), clock).await?;
        let age = follow_catalog(Arc::clone(&batch.catalog), stop.clone());
        let store = store::connect(&settings.speed_store.0).await?;
        let parts = ReplicaParts {
            journal: Arc::clone(&batch.journal),
            store: Arc::clone(&store),
            snapshots: batch.catalog.subscribe(),
            fence: newest_fence(owner.state()),
            clock: Arc::clone(clock),
        };
        let replica = SpeedReplica::start(ReplicaSettings::default(), parts, stop.clone());
        Ok(Self { me, secret, owner, leader, batch, age, store, replica })
    }

    /// Says that this process is there, and looks who else is, until `stop`.
    pub(super) fn follow_members(
        &self,
        settings: &Settings,
        leading: HeldParts<LeaderParts>,
        clock: &dyn Clock,
        stop: &CancellationToken,
    ) -> Members {
        let member = Member {
            process: self.me.process.clone(),
            url: self.me.url.clone(),
            roles: settings.role.0.to_string(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            started_at: clock.now().to_string(),
            lag_ms: 0,
            runs: None,
            beat: 0,
        };
        let (replica, snapshots) = (self.replica.clone(), self.batch.catalog.subscribe());
        let figures = move || {
            let snapshot = Arc::clone(&snapshots.borrow());
            let lags = snapshot.metrics.iter().map(|metric| replica.lag(metric.id).lag_ms);
            let runs = leading.current().map(|parts| parts.figures());
            MemberFigures { lag_ms: lags.max().unwrap_or(0), runs }
        };
        let storage = self.batch.catalog.storage().clone();
        let leases = (self.owner.state(), self.leader.state());
        Members::follow(storage, member, leases, figures, stop.clone())
    }
}

/// What is kept has to last as long as the longest answer, which may be made elsewhere.
fn catalog_settings(settings: &Settings) -> CatalogSettings {
    let longest = Duration::from_millis(settings.request_timeout_ms) + GRACE;
    let grace_ms = u64::try_from(longest.as_millis()).unwrap_or(u64::MAX);
    let alone = configure::catalog(settings);
    CatalogSettings { grace_ms: alone.grace_ms.max(grace_ms), is_shared: true, ..alone }
}

/// The journal, read on as others append.
async fn follow_journal(
    opened: &OpenStorage,
    owner: &Lease,
    secret: &ClusterSecret,
    stop: &CancellationToken,
) -> anyhow::Result<Arc<dyn Journal>> {
    let store = Arc::clone(&opened.journal_store);
    let open = move || ObjectJournal::open(store, JournalSettings::default());
    let read = Arc::new(spawn_blocking(open).await??);
    let (state, secret, stop) = (owner.state(), secret.clone(), stop.clone());
    Ok(Arc::new(SharedJournal::follow(read, state, secret, stop)))
}

/// Follows the manifest. Returns when it was last known to be the newest.
fn follow_catalog(catalog: Arc<BatchCatalog>, stop: CancellationToken) -> ManifestAge {
    let (seen, age) = ManifestAge::new();
    tokio::spawn(async move {
        let mut tick = interval(FOLLOW);
        let mut is_failing = false;
        while stop.run_until_cancelled(tick.tick()).await.is_some() {
            let asked = Instant::now();
            match catalog.poll().await {
                Ok(()) => {
                    is_failing = false;
                    seen.send_replace(asked);
                }
                Err(error) if !std::mem::replace(&mut is_failing, true) => {
                    warn!(%error, "the manifest cannot be followed; trying again");
                }
                Err(_) => {}
            }
        }
    });
    age
}

/// The highest fence that an owner has said to write with, since this process looks.
fn newest_fence(mut owner: watch::Receiver<LeaseState>) -> watch::Receiver<Option<Fence>> {
    let (fences, fence) = watch::channel(None);
    tokio::spawn(async move {
        loop {
            let state = owner.borrow_and_update().clone();
            if let Some(said) = state.holder.filter(|_| state.is_alive).and_then(|h| h.fence) {
                fences.send_if_modified(|known: &mut Option<Fence>| {
                    let is_newer = Some(said) > *known;
                    *known = Some(said).max(*known);
                    is_newer
                });
            }
            if owner.changed().await.is_err() {
                return;
            }
        }
    });
    fence
}
