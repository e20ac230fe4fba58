//! The manifest: the one atomic pointer to everything that is served.
//!
//! `manifest/<generation>.json` is created with put-if-absent, so that of two publications on the
//! same parent one loses. Lists of files stand in documents of their own (`lists/…`), which are
//! written anew only when they change. All documents carry a checksum.
//!
//! What a publication does to the state is a pure function, [`ManifestState::apply`]; a loser
//! applies its change to the winner's state ("rebases"), or fails since its inputs have changed.

mod change;
mod dashboard_change;
mod generation;
mod store;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use merganser_core::access::{AccessKey, AccessKeys};
use merganser_core::ids::{Boundary, Generation, JournalId, MetricId};
use merganser_core::omissions::MetricOmissions;
use merganser_core::time::Timestamp;
use merganser_metric::catalog::{LifecycleStage, ViewFile};
use merganser_metric::compile::FoldVersion;
use merganser_metric::dashboards::DashboardSummary;
use merganser_metric::definition::MetricDefinition;
use serde::{Deserialize, Serialize};

pub use change::{ManifestChange, RunOutcome, StaleChangeError, ViewUpdate};
pub use dashboard_change::DashboardChange;
pub use store::{ManifestStore, PublishError};

use crate::schedule::Schedule;

/// The version of the manifest and of what it names. The second has master files without the column
/// `content`, of which a build of the first would take others for it. The third says how metrics
/// are folded and what each use of one could not take, its states have places, and it has keys that
/// set properties, which a build of the second would not write into events. The fourth has
/// dashboards, which a build of the third would collect. The fifth says who published it. The
/// sixth says what is to be deleted, where several processes share a storage. All are read.
pub const FORMAT: u32 = 6;

/// One generation, as it is stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// [`FORMAT`].
    pub format: u32,
    /// The journal that all boundaries refer to.
    pub journal: JournalId,
    /// Its number.
    pub generation: Generation,
    /// Of the publication that made it, and of no other; those of before it was kept have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonce: Option<String>,
    /// When it was published.
    pub published_at: Timestamp,
    /// The id of the next metric version.
    pub next_metric: MetricId,
    /// The master dataset holds the epochs below.
    pub archived: Boundary,
    /// The list of master files; none while there are none.
    pub master: Option<String>,
    /// Metric versions.
    pub metrics: Vec<MetricEntry>,
    /// Set over HTTP.
    pub schedule: Option<Schedule>,
    /// Who may do what.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<Arc<AccessKey>>,
    /// The list of dashboards; none while there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dashboards: Option<String>,
    /// The list of objects that are to be deleted; none while there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub condemned: Option<String>,
}

/// A metric version in the manifest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MetricEntry {
    /// Its number.
    pub id: MetricId,
    /// Its version within its name.
    pub version: u32,
    /// Whether it answers.
    pub stage: LifecycleStage,
    /// What the batch view covers, or, while it backfills, where its fold began.
    pub boundary: Boundary,
    /// The definition.
    pub definition: MetricDefinition,
    /// How it is folded; entries of before this was kept have none.
    #[serde(default)]
    pub fold: FoldVersion,
    /// The list of view files; none while there are none.
    pub files: Option<String>,
    /// Type mismatches of the events in the view.
    pub mismatches: u64,
    /// What each use could not take of them; none where that was not counted yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub omissions: Option<MetricOmissions>,
}

/// A file of the master dataset.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MasterFile {
    /// Its path.
    pub path: String,
    /// The UTC day of its first event, in days since 1970.
    #[serde(rename = "day")]
    pub first_day: i64,
    /// The UTC day of its last event; none when it is the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub later_day: Option<i64>,
    /// The first epoch in it.
    pub from: Boundary,
    /// The boundary before which its epochs end.
    pub to: Boundary,
    /// Events.
    pub rows: u64,
    /// Size.
    pub size_bytes: u64,
    /// Bytes of its events in memory.
    pub memory_bytes: u64,
    /// CRC32C of its bytes; files of before it was kept have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checksum: Option<u32>,
}

impl MasterFile {
    /// Whether the day is one of those that the file is about.
    #[must_use]
    pub fn covers_day(&self, day: i64) -> bool {
        (self.first_day..=self.last_day()).contains(&day)
    }

    /// The UTC day of its last event.
    #[must_use]
    pub fn last_day(&self) -> i64 {
        self.later_day.unwrap_or(self.first_day)
    }
}

/// Where the document of a dashboard's version is.
#[must_use]
pub fn dashboard_path(version: &str) -> String {
    format!("dashboards/{version}.json")
}

/// A generation with its lists.
#[derive(Clone, Debug)]
pub struct ManifestState {
    /// The manifest.
    pub manifest: Manifest,
    /// The master files.
    pub master: Arc<Vec<MasterFile>>,
    /// The view files by metric version.
    pub views: BTreeMap<MetricId, Arc<Vec<ViewFile>>>,
    /// The dashboards, by name.
    pub dashboards: Arc<Vec<DashboardSummary>>,
    /// Objects that no generation from this one on names again. Only they are deleted, where
    /// several processes share a storage.
    pub condemned: Arc<Vec<String>>,
}

impl ManifestState {
    /// The state of a directory that has none yet: generation 0.
    #[must_use]
    pub fn new(journal: JournalId, now: Timestamp) -> Self {
        Self {
            manifest: Manifest {
                format: FORMAT,
                journal,
                generation: Generation::ZERO,
                nonce: None,
                published_at: now,
                next_metric: MetricId(1),
                archived: Boundary::default(),
                master: None,
                metrics: Vec::new(),
                schedule: None,
                keys: Vec::new(),
                dashboards: None,
                condemned: None,
            },
            master: Arc::default(),
            views: BTreeMap::new(),
            dashboards: Arc::default(),
            condemned: Arc::default(),
        }
    }

    /// All keys, by id.
    #[must_use]
    pub fn keys(&self) -> AccessKeys {
        self.manifest.keys.iter().map(|key| (key.id.clone(), Arc::clone(key))).collect()
    }

    /// The files of a metric version's view.
    #[must_use]
    pub fn view(&self, id: MetricId) -> Arc<Vec<ViewFile>> {
        self.views.get(&id).cloned().unwrap_or_default()
    }

    /// The entry of a metric version.
    #[must_use]
    pub fn entry(&self, id: MetricId) -> Option<&MetricEntry> {
        self.manifest.metrics.iter().find(|entry| entry.id == id)
    }

    /// The lowest boundary of any metric version: epochs below are in every view, so that their
    /// master files may be compacted together and their journal segments trimmed.
    #[must_use]
    pub fn covered_boundary(&self) -> Boundary {
        let boundaries = self.manifest.metrics.iter().map(|entry| entry.boundary);
        boundaries.chain([self.manifest.archived]).min().unwrap_or_default()
    }

    /// Everything that the manifest names, and itself.
    pub fn paths(&self) -> impl Iterator<Item = String> + '_ {
        let lists = self.manifest.metrics.iter().filter_map(|entry| entry.files.clone());
        lists
            .chain(self.manifest.master.clone())
            .chain(self.manifest.dashboards.clone())
            .chain(self.manifest.condemned.clone())
            .chain(self.dashboards.iter().map(|one| dashboard_path(&one.version)))
            .chain(self.master.iter().map(|file| file.path.clone()))
            .chain(self.views.values().flat_map(|files| files.iter().map(|f| f.path.clone())))
            .chain([generation::path(self.manifest.generation)])
    }
}
