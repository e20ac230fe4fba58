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

use std::collections::{HashMap, HashSet};
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Instant;

use async_trait::async_trait;
use merganser_core::access::{KeyChange, KeyError};
use merganser_core::clock::Clock;
use merganser_core::failpoint::{self, is_bug_planted};
use merganser_core::ids::{Boundary, JournalId, MetricId, Offset};
use merganser_core::journal::{Journal, JournalError, JournalFile};
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
}

impl Default for CatalogSettings {
    fn default() -> Self {
        Self { grace_ms: 30_000, metrics_max: 1000 }
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

/// What a consistent copy is made of.
#[derive(Debug)]
pub struct BackupSnapshot {
    /// The generation. While this is held, its objects are not deleted.
    pub snapshot: Arc<CatalogSnapshot>,
    /// The objects that it names, itself last.
    pub objects: Vec<String>,
    /// The journal's files.
    pub journal: Vec<JournalFile>,
    /// The first offset that the journal holds.
    pub start: Offset,
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
        let id: JournalId = journal.id();
        let is_new = journal.end() == Offset::ZERO;
        let manifests = ManifestStore::open(storage.clone(), id, is_new, clock.now()).await?;
        let snapshot = snapshot(&manifests.current(), None)?;
        Ok(Self(Arc::new(CatalogInner {
            settings,
            storage,
            manifests,
            snapshots: watch::Sender::new(Arc::new(snapshot)),
            superseded: Mutex::default(),
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
        let _turn = self.0.turn.lock().await;
        let journal = Arc::clone(&self.0.journal);
        let copy = move || {
            let files = journal.as_files().ok_or_else(|| {
                JournalError::Io("it is not kept in files that could be copied".to_owned())
            });
            (files.and_then(|files| files.files()), journal.start())
        };
        let files = tokio::task::spawn_blocking(copy);
        let (files, start) = files.await.map_err(|e| JournalError::Io(e.to_string()))?;
        Ok(BackupSnapshot {
            snapshot: self.current(),
            objects: self.state().paths().collect(),
            journal: files?,
            start,
        })
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
        self.manifests.follow().await?;
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
        self.superseded.lock().unwrap_or_else(PoisonError::into_inner).push(superseded);
        failpoint::pass("publish.tell.before");
        self.snapshots.send_replace(Arc::clone(&new));
        failpoint::pass("publish.tell.after");
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
