//! The manifest as other layers see it: snapshots that pin their files, and definitions.
//!
//! Publications go through [`BatchCatalog::publish`], one at a time, which tells the followers of
//! snapshots. What a superseded generation named is kept for a grace period and as long as a reader
//! holds its snapshot; [`BatchCatalog::collect`] deletes the rest, while nothing is published.
//!
//! A change is carried out to its end, also when its client has gone.

mod dashboards;
mod garbage;
#[cfg(test)]
mod tests;

pub use garbage::Reservation;

use std::collections::{HashMap, HashSet};
use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use merganser_core::access::{KeyChange, KeyError};
use merganser_core::clock::Clock;
use merganser_core::failpoint::{self, is_bug_planted};
use merganser_core::ids::{Boundary, JournalId, MetricId, Offset};
use merganser_core::journal::{Journal, JournalCopy, JournalError};
use merganser_core::omissions::MetricOmissions;
use merganser_metric::catalog::{
    Catalog, CatalogError, CatalogSnapshot, DefineOutcome, LifecycleStage, MetricVersion,
};
use merganser_metric::compile::Metric;
use merganser_metric::definition::MetricDefinition;
use tokio::sync::{MutexGuard, watch};

use crate::job::RunQueue;
use crate::manifest::{ManifestChange, ManifestState, ManifestStore, PublishError};
use crate::storage::{Storage, StorageError};

/// Bounds of the catalog.
#[derive(Clone, Debug)]
pub struct CatalogSettings {
    /// How long what a superseded generation names is kept, in milliseconds.
    pub grace_ms: u64,
    /// The most metrics that may be defined.
    pub metrics_max: usize,
    /// Whether other processes publish in the same storage.
    pub is_shared: bool,
}

impl Default for CatalogSettings {
    fn default() -> Self {
        Self { grace_ms: 30_000, metrics_max: 1000, is_shared: false }
    }
}

/// The batch layer's [`Catalog`]. Cheap to clone.
#[derive(Clone)]
pub struct BatchCatalog(Arc<CatalogInner>);

struct CatalogInner {
    settings: CatalogSettings,
    storage: Storage,
    manifests: ManifestStore,
    snapshots: watch::Sender<Arc<CatalogSnapshot>>,
    superseded: Mutex<Vec<SupersededGeneration>>,
    /// What works need, by their names.
    reservations: Mutex<HashMap<String, Reservation>>,
    /// Objects that are to be deleted, and since when this process knows it.
    condemned: Mutex<HashMap<String, Instant>>,
    /// Whether what is defined elsewhere is backfilled by this process.
    leads: AtomicBool,
    /// Held while something is published, sealed or collected, and from the look at the state that
    /// a publication is decided by.
    turn: tokio::sync::Mutex<()>,
    clock: Arc<dyn Clock>,
    journal: Arc<dyn Journal>,
    runs: RunQueue,
}

/// A generation that is no longer the newest, and what it named.
#[derive(Debug)]
struct SupersededGeneration {
    snapshot: Weak<CatalogSnapshot>,
    at: Instant,
    paths: HashSet<String>,
}

impl SupersededGeneration {
    /// Whether somebody holds it.
    fn is_pinned(&self) -> bool {
        self.snapshot.strong_count() > 0
    }

    /// Whether what it names is kept.
    fn is_retained(&self, grace: Duration) -> bool {
        self.is_pinned() || self.at.elapsed() < grace
    }
}

/// What a consistent copy is made of.
#[derive(Debug)]
pub struct BackupSnapshot {
    /// The generation. While this is held, its objects are not deleted.
    pub snapshot: Arc<CatalogSnapshot>,
    /// The objects that it names, itself last.
    pub objects: Vec<String>,
    /// The journal.
    pub journal: JournalCopy,
}

impl BatchCatalog {
    /// Reads the newest generation. A directory whose journal is empty gets its first one.
    ///
    /// # Errors
    /// When it is damaged, of another journal, or holds a definition that does not compile, or when
    /// there is none for a journal that has events.
    pub async fn open(
        settings: CatalogSettings,
        storage: Storage,
        journal: Arc<dyn Journal>,
        clock: Arc<dyn Clock>,
        runs: RunQueue,
    ) -> Result<Self, StorageError> {
        let (id, is_shared): (JournalId, bool) = (journal.id(), settings.is_shared);
        let is_new = journal.end() == Offset::ZERO;
        let manifests = ManifestStore::open(storage.clone(), id, is_new, clock.now()).await?;
        let manifests = if settings.is_shared { manifests.shared() } else { manifests };
        let snapshot = snapshot(&manifests.current(), None)?;
        Ok(Self(Arc::new(CatalogInner {
            settings,
            storage,
            manifests,
            snapshots: watch::Sender::new(Arc::new(snapshot)),
            superseded: Mutex::default(),
            reservations: Mutex::default(),
            condemned: Mutex::default(),
            leads: AtomicBool::new(!is_shared),
            turn: tokio::sync::Mutex::new(()),
            clock,
            journal,
            runs,
        })))
    }

    /// The newest state of the manifest.
    #[must_use]
    pub fn state(&self) -> Arc<ManifestState> {
        self.0.manifests.current()
    }

    /// The objects.
    #[must_use]
    pub fn storage(&self) -> &Storage {
        &self.0.storage
    }

    /// Publishes a change and tells the followers.
    ///
    /// # Errors
    /// When it is discarded or cannot be stored. Where it is unknown whether it was stored,
    /// it may turn out to have been, with the next publication or start.
    pub async fn publish(
        &self,
        change: ManifestChange,
    ) -> Result<Arc<CatalogSnapshot>, PublishError> {
        let inner = Arc::clone(&self.0);
        run_detached(async move {
            let _turn = match is_bug_planted("cas_without_parent") {
                true => None,
                false => Some(inner.turn.lock().await),
            };
            inner.publish(&change).await
        })
        .await?
    }

    /// Seals the journal's open epoch: its boundary, and the metrics that there are, none of which
    /// begins above it.
    ///
    /// # Errors
    /// When the journal cannot be sealed.
    pub async fn seal(&self) -> Result<(Boundary, Arc<CatalogSnapshot>), JournalError> {
        let _turn = self.0.turn.lock().await;
        let sealed = self.0.seal().await?;
        Ok((sealed, self.current()))
    }

    /// A generation, pinned, with the journal's files of the same moment: nothing that is in
    /// neither of them was acknowledged before.
    ///
    /// # Errors
    /// When the journal's files cannot be opened.
    pub async fn backup_snapshot(&self) -> Result<BackupSnapshot, JournalError> {
        // What is published meanwhile would let the journal be trimmed of what this one lacks.
        let turn = self.0.take_turn().await;
        let _turn = turn.map_err(|error| JournalError::Io(error.to_string()))?;
        let journal = Arc::clone(&self.0.journal);
        let copied = tokio::task::spawn_blocking(move || journal.copy()).await;
        let journal = copied.map_err(|error| JournalError::Io(error.to_string()))??;
        let (snapshot, state) = (self.current(), self.state());
        let (covered, archived) = (state.covered_boundary().offset, snapshot.archived.offset);
        if journal.start > covered || archived > journal.end {
            let why = "the journal was changed while it was looked at; try again";
            return Err(JournalError::Io(why.to_owned()));
        }
        let objects = state.paths().collect();
        Ok(BackupSnapshot { snapshot, objects, journal })
    }

    /// Whether this process does the runs of all that share the storage. While it does, metrics
    /// that another one defines are backfilled by it.
    pub fn set_leader(&self, leads: bool) {
        self.0.leads.store(leads, Ordering::Release);
    }

    /// Looks, as somebody who does so again and again, for what another process has published, and
    /// tells the followers.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn poll(&self) -> Result<(), StorageError> {
        let _turn = self.0.turn.lock().await;
        let before = self.0.manifests.current();
        self.0.manifests.poll().await?;
        self.0.tell(&before)
    }

    /// Takes over what another process has published, and tells the followers.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn follow(&self) -> Result<(), StorageError> {
        let _turn = self.0.turn.lock().await;
        let before = self.0.manifests.current();
        self.0.manifests.follow_others().await?;
        self.0.tell(&before)
    }

    /// Versions that answer no query until a run completes them.
    #[must_use]
    pub fn pending(&self) -> Vec<Arc<MetricVersion>> {
        let current = self.current();
        current.metrics.iter().filter(|m| m.stage == LifecycleStage::Backfilling).cloned().collect()
    }
}

impl CatalogInner {
    /// The caller has its turn.
    async fn publish(&self, change: &ManifestChange) -> Result<Arc<CatalogSnapshot>, PublishError> {
        let before = self.manifests.current();
        let now = self.clock.now();
        let published = self.manifests.publish(change, now).await;
        // Also a publication that failed may have found a newer generation.
        self.tell(&before)?;
        published?;
        Ok(Arc::clone(&self.snapshots.borrow()))
    }

    /// The turn of a change that looks at the state first, which is the newest then: also what a
    /// publication did that nobody could confirm is in it.
    async fn take_turn(&self) -> Result<MutexGuard<'_, ()>, StorageError> {
        let turn = self.turn.lock().await;
        let before = self.manifests.current();
        match self.settings.is_shared {
            true => self.manifests.follow_others().await?,
            false => self.manifests.follow().await?,
        }
        self.tell(&before)?;
        Ok(turn)
    }

    /// Tells the followers of snapshots of the generation after `before`, if there is one, and
    /// queues what it begins to backfill. A run that began before would not find it.
    fn tell(&self, before: &ManifestState) -> Result<(), StorageError> {
        let state = self.manifests.current();
        if state.manifest.generation == before.manifest.generation {
            return Ok(());
        }
        let old = Arc::clone(&self.snapshots.borrow());
        let new = Arc::new(snapshot(&state, Some(&old))?);
        // The old generation is noted before readers get the new one: from then on nothing in
        // the manifest names the files of the old one, and its last reader may drop it.
        let (snapshot, paths) = (Arc::downgrade(&old), before.paths().collect());
        let superseded = SupersededGeneration { snapshot, at: Instant::now(), paths };
        let grace = Duration::from_millis(self.settings.grace_ms);
        let mut all = self.superseded.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|generation| generation.is_retained(grace));
        all.push(superseded);
        drop(all);
        failpoint::pass("publish.tell.before");
        self.snapshots.send_replace(Arc::clone(&new));
        failpoint::pass("publish.tell.after");
        if !self.leads.load(Ordering::Acquire) {
            return Ok(());
        }
        let known: HashSet<MetricId> = old.metrics.iter().map(|version| version.id).collect();
        for version in new.metrics.iter().filter(|version| !known.contains(&version.id)) {
            if version.stage == LifecycleStage::Backfilling {
                let run = self.runs.backfill(version.id);
                let (metric, version) = (&version.definition.name, version.version);
                tracing::info!(metric, version, run, "backfill is queued");
            }
        }
        Ok(())
    }

    async fn seal(&self) -> Result<Boundary, JournalError> {
        let journal = Arc::clone(&self.journal);
        let sealed = tokio::task::spawn_blocking(move || journal.seal()).await;
        sealed.unwrap_or_else(|e| Err(JournalError::Uncertain(e.to_string())))
    }

    /// Adds a version of a metric. Its fold begins where the journal is sealed for it; no run can
    /// seal in between and know nothing of it.
    async fn define(&self, definition: MetricDefinition) -> Result<DefineOutcome, CatalogError> {
        let _turn = self.take_turn().await.map_err(not_stored)?;
        let current = Arc::clone(&self.snapshots.borrow());
        match current.newest_version(&definition.name) {
            Some(newest) if newest.definition == definition && !newest.compiled.is_outdated() => {
                return Ok(DefineOutcome::Unchanged);
            }
            None if current.names().len() >= self.settings.metrics_max => {
                return Err(CatalogError::TooMany { limit: self.settings.metrics_max });
            }
            _ => {}
        }
        let name = definition.name.clone();
        // Sealed before it is published: the version's own fold begins at an epoch of its own, and
        // everything below is left to its backfill.
        let start = self.seal().await.map_err(not_stored)?;
        let change = ManifestChange::Define { definition: Box::new(definition), start };
        let published = self.publish(&change).await.map_err(not_stored)?;
        let version = published.newest_version(&name);
        let version = version.ok_or_else(|| not_stored("the publication lacks it"))?;
        let run = match version.stage {
            LifecycleStage::Backfilling => self.runs.backfill(version.id),
            LifecycleStage::Active => self.runs.record_empty_backfill(version.id, self.clock.now()),
        };
        Ok(DefineOutcome::Accepted { run })
    }

    async fn change_keys(&self, change: KeyChange) -> Result<(), KeyError> {
        let not_stored = |error: PublishError| KeyError::Store(error.to_string());
        let _turn = self.take_turn().await.map_err(|error| not_stored(error.into()))?;
        change.check(&self.manifests.current().keys(), self.clock.now())?;
        let published = self.publish(&ManifestChange::Keys(change)).await;
        published.map(|_| ()).map_err(not_stored)
    }

    async fn delete(&self, name: String) -> Result<(), CatalogError> {
        let _turn = self.take_turn().await.map_err(not_stored)?;
        if self.snapshots.borrow().newest_version(&name).is_none() {
            return Err(CatalogError::Unknown(name));
        }
        let published = self.publish(&ManifestChange::Delete { name }).await;
        published.map(|_| ()).map_err(not_stored)
    }
}

fn not_stored(error: impl std::fmt::Display) -> CatalogError {
    CatalogError::Store(error.to_string())
}

/// Does the work to its end, also when the caller is dropped.
async fn run_detached<T: Send + 'static>(
    work: impl Future<Output = T> + Send + 'static,
) -> Result<T, StorageError> {
    let done = tokio::spawn(work).await;
    done.map_err(|error| StorageError::Io(format!("a task failed: {error}")))
}

/// A state as a snapshot; definitions that were compiled before are not compiled again.
fn snapshot(
    state: &ManifestState,
    before: Option<&CatalogSnapshot>,
) -> Result<CatalogSnapshot, StorageError> {
    let known: HashMap<MetricId, Arc<Metric>> = before
        .into_iter()
        .flat_map(|s| s.metrics.iter().map(|m| (m.id, Arc::clone(&m.compiled))))
        .collect();
    let mut metrics = Vec::new();
    for entry in &state.manifest.metrics {
        let compiled = match known.get(&entry.id) {
            Some(compiled) => Arc::clone(compiled),
            None => {
                Arc::new(Metric::compile_as(&entry.definition, entry.fold).map_err(|error| {
                    let name = &entry.definition.name;
                    StorageError::Damaged {
                        path: format!("manifest generation {}", state.manifest.generation),
                        reason: format!("the metric `{name}` does not compile: {error}"),
                    }
                })?)
            }
        };
        metrics.push(Arc::new(MetricVersion {
            id: entry.id,
            version: entry.version,
            stage: entry.stage,
            boundary: entry.boundary,
            definition: entry.definition.clone(),
            compiled,
            files: state.view(entry.id).to_vec(),
            mismatches: entry.mismatches,
            omissions: entry.omissions.clone().unwrap_or_else(MetricOmissions::unknown),
        }));
    }
    Ok(CatalogSnapshot {
        generation: state.manifest.generation,
        journal: state.manifest.journal,
        published_at: state.manifest.published_at,
        archived: state.manifest.archived,
        metrics,
        keys: Arc::new(state.keys()),
    })
}

#[async_trait]
impl Catalog for BatchCatalog {
    fn current(&self) -> Arc<CatalogSnapshot> {
        Arc::clone(&self.0.snapshots.borrow())
    }

    fn subscribe(&self) -> watch::Receiver<Arc<CatalogSnapshot>> {
        self.0.snapshots.subscribe()
    }

    async fn define(&self, definition: MetricDefinition) -> Result<DefineOutcome, CatalogError> {
        Metric::compile(&definition)?;
        let inner = Arc::clone(&self.0);
        let defined = run_detached(async move { inner.define(definition).await }).await;
        defined.map_err(not_stored)?
    }

    async fn delete(&self, name: &str) -> Result<(), CatalogError> {
        let (inner, name) = (Arc::clone(&self.0), name.to_owned());
        let deleted = run_detached(async move { inner.delete(name).await }).await;
        deleted.map_err(not_stored)?
    }

    async fn change_keys(&self, change: KeyChange) -> Result<(), KeyError> {
        let inner = Arc::clone(&self.0);
        let changed = run_detached(async move { inner.change_keys(change).await }).await;
        changed.map_err(|error| KeyError::Store(error.to_string()))?
    }

    fn backfill_progress(&self, metric: MetricId) -> Option<f64> {
        self.0.runs.backfill_progress(metric)
    }
}
