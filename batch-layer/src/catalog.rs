//! The manifest as other layers see it: snapshots that pin their files, and definitions.
//!
//! Publications go through [`BatchCatalog::publish`], which tells the followers of snapshots. What
//! a superseded generation named is kept for a grace period and as long as somebody holds its
//! snapshot; [`BatchCatalog::collect`] deletes the rest.

mod garbage;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use async_trait::async_trait;
use shared::catalog::{Catalog, CatalogError, Defined, MetricVersion, Snapshot, Stage};
use shared::clock::Clock;
use shared::compile::Metric;
use shared::definition::Definition;
use shared::failpoint;
use shared::ids::{JournalId, MetricId};
use shared::ports::Journal;
use shared::time::Timestamp;
use tokio::sync::watch;

use crate::manifest::{Change, ManifestStore, PublishError, State};
use crate::run::RunQueue;
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

/// The batch layer's [`Catalog`].
pub struct BatchCatalog {
    settings: CatalogSettings,
    storage: Storage,
    manifests: ManifestStore,
    snapshots: watch::Sender<Arc<Snapshot>>,
    superseded: Mutex<Vec<Superseded>>,
    clock: Arc<dyn Clock>,
    journal: Arc<dyn Journal>,
    /// Definitions are made one at a time, so that each finds the one before.
    defining: tokio::sync::Mutex<()>,
    runs: RunQueue,
}

/// A generation that is no longer the newest, and what it named.
#[derive(Debug)]
struct Superseded {
    snapshot: Weak<Snapshot>,
    at: Timestamp,
    paths: HashSet<String>,
}

impl BatchCatalog {
    /// Reads the newest generation.
    ///
    /// # Errors
    /// When it is damaged, of another journal, or holds a definition that does not compile.
    pub async fn open(
        settings: CatalogSettings,
        storage: Storage,
        journal: Arc<dyn Journal>,
        clock: Arc<dyn Clock>,
        runs: RunQueue,
    ) -> Result<Self, StorageError> {
        let id: JournalId = journal.id();
        let manifests = ManifestStore::open(storage.clone(), id, clock.now()).await?;
        let snapshot = snapshot(&manifests.current(), None)?;
        Ok(Self {
            settings,
            storage,
            manifests,
            snapshots: watch::Sender::new(Arc::new(snapshot)),
            superseded: Mutex::default(),
            clock,
            journal,
            defining: tokio::sync::Mutex::new(()),
            runs,
        })
    }

    /// The newest state of the manifest.
    #[must_use]
    pub fn state(&self) -> Arc<State> {
        self.manifests.current()
    }

    /// The objects.
    #[must_use]
    pub fn storage(&self) -> &Storage {
        &self.storage
    }

    /// Publishes a change and tells the followers.
    ///
    /// # Errors
    /// When it is discarded or cannot be stored; then nothing has changed.
    pub async fn publish(&self, change: &Change) -> Result<Arc<Snapshot>, PublishError> {
        let before = self.manifests.current();
        let now = self.clock.now();
        let state = self.manifests.publish(change, now).await?;
        let old = self.current();
        let new = Arc::new(snapshot(&state, Some(&old))?);
        let superseded =
            Superseded { snapshot: Arc::downgrade(&old), at: now, paths: before.paths().collect() };
        self.superseded.lock().unwrap_or_else(PoisonError::into_inner).push(superseded);
        metrics::gauge!("merganser_generation").set(new.generation.0 as f64);
        failpoint::pass("publish.tell.before");
        self.snapshots.send_replace(Arc::clone(&new));
        failpoint::pass("publish.tell.after");
        Ok(new)
    }

    /// Versions that nobody can be answered from until a run completes them.
    #[must_use]
    pub fn pending(&self) -> Vec<Arc<MetricVersion>> {
        let current = self.current();
        current.metrics.iter().filter(|m| m.stage == Stage::Backfilling).cloned().collect()
    }
}

/// A state as a snapshot; definitions that were compiled before are not compiled again.
fn snapshot(state: &State, before: Option<&Snapshot>) -> Result<Snapshot, StorageError> {
    let known: HashMap<MetricId, Arc<Metric>> = before
        .into_iter()
        .flat_map(|s| s.metrics.iter().map(|m| (m.id, Arc::clone(&m.compiled))))
        .collect();
    let mut metrics = Vec::new();
    for entry in &state.manifest.metrics {
        let compiled = match known.get(&entry.id) {
            Some(compiled) => Arc::clone(compiled),
            None => Arc::new(Metric::compile(&entry.definition).map_err(|error| {
                let name = &entry.definition.name;
                StorageError::Damaged {
                    path: format!("manifest generation {}", state.manifest.generation),
                    reason: format!("the metric `{name}` does not compile: {error}"),
                }
            })?),
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
        }));
    }
    Ok(Snapshot {
        generation: state.manifest.generation,
        journal: state.manifest.journal,
        published_at: state.manifest.published_at,
        metrics,
    })
}

#[async_trait]
impl Catalog for BatchCatalog {
    fn current(&self) -> Arc<Snapshot> {
        Arc::clone(&self.snapshots.borrow())
    }

    fn subscribe(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.snapshots.subscribe()
    }

    async fn define(&self, definition: Definition) -> Result<Defined, CatalogError> {
        Metric::compile(&definition)?;
        let _one_at_a_time = self.defining.lock().await;
        let current = self.current();
        match current.newest(&definition.name) {
            Some(newest) if newest.definition == definition => return Ok(Defined::Unchanged),
            None if current.names().len() >= self.settings.metrics_max => {
                return Err(CatalogError::TooMany { limit: self.settings.metrics_max });
            }
            _ => {}
        }
        let journal = Arc::clone(&self.journal);
        let sealed = tokio::task::spawn_blocking(move || journal.seal()).await;
        let sealed = sealed.map_err(|e| CatalogError::Store(e.to_string()))?;
        let start = sealed.map_err(|e| CatalogError::Store(e.to_string()))?;
        let name = definition.name.clone();
        let change = Change::Define { definition: Box::new(definition), start };
        let published = self.publish(&change).await;
        let published = published.map_err(|e| CatalogError::Store(e.to_string()))?;
        match published.newest(&name) {
            Some(version) if version.stage == Stage::Backfilling => {
                tracing::info!(metric = name, version = version.version, "backfill is queued");
                Ok(Defined::Accepted { run: self.runs.backfill(version.id) })
            }
            Some(version) => {
                let run = self.runs.nothing_to_backfill(version.id, self.clock.now());
                Ok(Defined::Accepted { run })
            }
            None => Err(CatalogError::Store(format!("`{name}` was deleted meanwhile"))),
        }
    }

    async fn delete(&self, name: &str) -> Result<(), CatalogError> {
        let _one_at_a_time = self.defining.lock().await;
        if self.current().newest(name).is_none() {
            return Err(CatalogError::Unknown(name.to_owned()));
        }
        let change = Change::Delete { name: name.to_owned() };
        let published = self.publish(&change).await;
        published.map(|_| ()).map_err(|e| CatalogError::Store(e.to_string()))
    }

    fn backfill_progress(&self, metric: MetricId) -> Option<f64> {
        self.runs.backfill_progress(metric)
    }
}
