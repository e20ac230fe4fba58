//! What is being served: an immutable snapshot of the manifest, and the port that changes it.
//!
//! A [`CatalogSnapshot`] in use pins its generation: as long as the [`Arc`] is held, nothing that
//! it names is deleted.

use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use crate::compile::{DefinitionError, Metric};
use crate::definition::MetricDefinition;
use crate::extract::PropertyExtractor;
use merganser_core::access::{AccessKeys, KeyChange, KeyError};
use merganser_core::ids::{Boundary, Generation, JournalId, MetricId};
use merganser_core::omissions::MetricOmissions;
use merganser_core::time::{Grain, TimeRange, Timestamp};

/// One generation of the manifest, as the other layers see it.
#[derive(Debug)]
pub struct CatalogSnapshot {
    /// Its number.
    pub generation: Generation,
    /// The journal that all boundaries refer to.
    pub journal: JournalId,
    /// When it was published.
    pub published_at: Timestamp,
    /// Epochs below are in the master dataset.
    pub archived: Boundary,
    /// All versions of all metrics that fold or answer, by id.
    pub metrics: Vec<Arc<MetricVersion>>,
    /// The keys and their roles; without keys, every caller that reaches the service may do all.
    pub keys: Arc<AccessKeys>,
}

impl CatalogSnapshot {
    /// The version that answers for `name`: the newest active one, or else the pending one.
    #[must_use]
    pub fn serving_version(&self, name: &str) -> Option<&Arc<MetricVersion>> {
        let versions = || self.metrics.iter().filter(|m| m.definition.name == name);
        versions()
            .filter(|m| m.stage == LifecycleStage::Active)
            .max_by_key(|m| m.version)
            .or_else(|| versions().max_by_key(|m| m.version))
    }

    /// The newest version of `name`, whether it answers or not.
    #[must_use]
    pub fn newest_version(&self, name: &str) -> Option<&Arc<MetricVersion>> {
        self.metrics.iter().filter(|m| m.definition.name == name).max_by_key(|m| m.version)
    }

    /// The version with this id.
    #[must_use]
    pub fn by_id(&self, id: MetricId) -> Option<&Arc<MetricVersion>> {
        self.metrics.iter().find(|m| m.id == id)
    }

    /// Reads the properties that any of the metrics uses.
    #[must_use]
    pub fn extractor(&self) -> PropertyExtractor {
        PropertyExtractor::new(self.metrics.iter().flat_map(|m| m.compiled.properties().cloned()))
    }

    /// Names of all metrics, in order, each once.
    #[must_use]
    pub fn names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.metrics.iter().map(|m| &*m.definition.name).collect();
        names.sort_unstable();
        names.dedup();
        names
    }
}

/// Whether a version answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LifecycleStage {
    /// It folds new events from its boundary on; the batch layer works on what lies before.
    Backfilling,
    /// It is whole and answers.
    Active,
}

/// One version of a metric's definition, compiled, with its place.
#[derive(Debug)]
pub struct MetricVersion {
    /// Its number within the data directory.
    pub id: MetricId,
    /// 1 for the first definition of its name, one more with each change.
    pub version: u32,
    /// Whether it answers.
    pub stage: LifecycleStage,
    /// The batch view covers the epochs below, the speed view those from here on. While it
    /// backfills: where its fold began.
    pub boundary: Boundary,
    /// As it was given.
    pub definition: MetricDefinition,
    /// As it folds.
    pub compiled: Arc<Metric>,
    /// The files of the batch view.
    pub files: Vec<ViewFile>,
    /// Type mismatches that the batch view's events had.
    pub mismatches: u64,
    /// What each use could not take of them.
    pub omissions: MetricOmissions,
}

/// A Parquet file of one metric version's states at one grain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ViewFile {
    /// Path in the store, relative to its root.
    pub path: String,
    /// The rollup that it belongs to.
    pub grain: Grain,
    /// Its buckets' starts lie in it.
    pub range: TimeRange,
    /// The first epoch folded into it; 0 for a base.
    pub from: Boundary,
    /// The boundary before which its epochs end.
    pub to: Boundary,
    /// Rows, one a group.
    pub rows: u64,
    /// Size.
    pub size_bytes: u64,
    /// CRC32C of its bytes; files of before it was kept have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checksum: Option<u32>,
}

/// What a definition led to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DefineOutcome {
    /// The same definition stands already.
    Unchanged,
    /// A new version is backfilled.
    Accepted {
        /// The id of the run that does it; it is over where there was nothing to backfill.
        run: String,
    },
}

/// What can go wrong with a definition.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// It cannot be compiled.
    #[error(transparent)]
    Definition(#[from] DefinitionError),
    /// There is no such metric.
    #[error("there is no metric `{0}`")]
    Unknown(String),
    /// It could not be stored, or the journal not sealed; nothing changed.
    #[error("the definition was not stored: {0}")]
    Store(String),
    /// There are as many as there may be.
    #[error("there are {limit} metrics already, the most that are set; delete one first")]
    TooMany {
        /// The bound.
        limit: usize,
    },
}

/// The metrics that are defined and what is published of them.
#[async_trait]
pub trait Catalog: Send + Sync + 'static {
    /// The newest snapshot.
    fn current(&self) -> Arc<CatalogSnapshot>;

    /// Follows the snapshots.
    fn subscribe(&self) -> watch::Receiver<Arc<CatalogSnapshot>>;

    /// Creates or changes the metric that the definition names.
    async fn define(&self, definition: MetricDefinition) -> Result<DefineOutcome, CatalogError>;

    /// Deletes all versions of a metric.
    async fn delete(&self, name: &str) -> Result<(), CatalogError>;

    /// Creates or revokes a key.
    async fn change_keys(&self, change: KeyChange) -> Result<(), KeyError>;

    /// Progress of the backfill of a version, 0 to 1; `None` when none is under way.
    fn backfill_progress(&self, metric: MetricId) -> Option<f64>;
}
