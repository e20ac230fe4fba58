//! What publications do to the state: pure.

use std::collections::HashSet;
use std::sync::Arc;

use merganser_core::access::KeyChange;
use merganser_core::ids::{Boundary, MetricId};
use merganser_core::omissions::MetricOmissions;
use merganser_core::time::Timestamp;
use merganser_metric::catalog::{LifecycleStage, ViewFile};
use merganser_metric::compile::FoldVersion;
use merganser_metric::definition::MetricDefinition;

use super::{DashboardChange, FORMAT, ManifestState, MasterFile, MetricEntry};
use crate::schedule::Schedule;

/// A change to be published.
#[derive(Clone, Debug)]
pub enum ManifestChange {
    /// A new version of a metric, whose fold begins at a boundary.
    Define {
        /// The definition.
        definition: Box<MetricDefinition>,
        /// Where its fold begins; with no events before it, it is active at once.
        start: Boundary,
    },
    /// All versions of a metric go.
    Delete {
        /// Its name.
        name: String,
    },
    /// The schedule is set.
    Schedule(Schedule),
    /// A key is made or revoked.
    Keys(KeyChange),
    /// A dashboard is written or deleted.
    Dashboards(DashboardChange),
    /// What a run has made.
    Run(RunOutcome),
    /// These objects are to be deleted, and no others: those of them that are not named.
    Condemn(Vec<String>),
}

/// What a run has made.
#[derive(Clone, Debug, Default)]
pub struct RunOutcome {
    /// What the master dataset covered before the run, and what it covers now.
    pub archived: Option<(Boundary, Boundary)>,
    /// Master files that the run wrote.
    pub master_added: Vec<MasterFile>,
    /// Paths of the master files that they take the place of.
    pub master_removed: Vec<String>,
    /// The views that it made.
    pub views: Vec<ViewUpdate>,
}

/// A metric version's view as a run made it.
#[derive(Clone, Debug)]
pub struct ViewUpdate {
    /// Which one.
    pub id: MetricId,
    /// The boundary that the run began with.
    pub expected: Boundary,
    /// The boundary of the new view.
    pub boundary: Boundary,
    /// All files of the new view.
    pub files: Vec<ViewFile>,
    /// Type mismatches of all events in it.
    pub mismatches: u64,
    /// What each use could not take of them.
    pub omissions: MetricOmissions,
}

/// A change whose inputs are not what they were; it is not published.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("another publication came first: {0}")]
pub struct StaleChangeError(pub String);

impl ManifestState {
    /// The state after a change: the next generation. Views of metrics that are gone are left out.
    ///
    /// # Errors
    /// When the inputs of a run's outcome have changed.
    pub fn apply(&self, change: &ManifestChange, now: Timestamp) -> Result<Self, StaleChangeError> {
        let mut next = self.clone();
        next.manifest.format = FORMAT;
        next.manifest.generation = self.manifest.generation.next();
        next.manifest.published_at = now;
        match change {
            ManifestChange::Define { definition, start } => next.define(definition, *start),
            ManifestChange::Delete { name } => next.retain(|entry| entry.definition.name != *name),
            ManifestChange::Schedule(schedule) => next.manifest.schedule = Some(schedule.clone()),
            ManifestChange::Keys(change) => next.change_keys(change, now)?,
            ManifestChange::Dashboards(change) => next.change_dashboards(change)?,
            ManifestChange::Run(outcome) => next.run(outcome)?,
            ManifestChange::Condemn(paths) => {
                let named: HashSet<String> = self.paths().collect();
                let paths = paths.iter().filter(|path| !named.contains(*path)).cloned();
                next.condemned = Arc::new(paths.collect());
                next.manifest.condemned = None;
            }
        }
        Ok(next)
    }

    fn change_keys(&mut self, change: &KeyChange, now: Timestamp) -> Result<(), StaleChangeError> {
        change.check(&self.keys(), now).map_err(|error| StaleChangeError(error.to_string()))?;
        match change {
            KeyChange::Create(key) => self.manifest.keys.push(Arc::clone(key)),
            KeyChange::Revoke(id) => self.manifest.keys.retain(|key| key.id != *id),
        }
        Ok(())
    }

    fn define(&mut self, definition: &MetricDefinition, start: Boundary) {
        let name = &definition.name;
        let versions = self.manifest.metrics.iter().filter(|e| e.definition.name == *name);
        let version = versions.map(|e| e.version).max().unwrap_or(0) + 1;
        let whole = start.offset == merganser_core::ids::Offset::ZERO;
        // A version that has answered no query yet gives way; so does an active one that the new
        // one replaces at once.
        self.retain(|entry| {
            entry.definition.name != *name || (entry.stage == LifecycleStage::Active && !whole)
        });
        let id = self.manifest.next_metric;
        self.manifest.next_metric = id.next();
        self.manifest.metrics.push(MetricEntry {
            id,
            version,
            stage: if whole { LifecycleStage::Active } else { LifecycleStage::Backfilling },
            boundary: start,
            definition: definition.clone(),
            fold: FoldVersion::CURRENT,
            files: None,
            mismatches: 0,
            omissions: Some(MetricOmissions::default()),
        });
    }

    fn retain(&mut self, keep: impl Fn(&MetricEntry) -> bool) {
        self.manifest.metrics.retain(&keep);
        let left: HashSet<MetricId> = self.manifest.metrics.iter().map(|e| e.id).collect();
        self.views.retain(|id, _| left.contains(id));
    }

    fn run(&mut self, outcome: &RunOutcome) -> Result<(), StaleChangeError> {
        if let Some((expected, archived)) = outcome.archived {
            if self.manifest.archived != expected {
                return Err(StaleChangeError(format!(
                    "the master dataset covers epoch {}, not {}",
                    self.manifest.archived.epoch, expected.epoch
                )));
            }
            self.manifest.archived = archived;
        }
        self.master_files(outcome)?;
        self.check_cuts(outcome)?;
        for update in &outcome.views {
            let Some(entry) = self.manifest.metrics.iter_mut().find(|e| e.id == update.id) else {
                continue;
            };
            if entry.boundary != update.expected {
                return Err(StaleChangeError(format!(
                    "`{}` version {} stands at epoch {}, not {}",
                    entry.definition.name,
                    entry.version,
                    entry.boundary.epoch,
                    update.expected.epoch
                )));
            }
            entry.boundary = update.boundary;
            entry.stage = LifecycleStage::Active;
            entry.mismatches = update.mismatches;
            entry.omissions = Some(update.omissions.clone());
            entry.files = None;
            let (name, version) = (entry.definition.name.clone(), entry.version);
            self.views.insert(update.id, Arc::new(update.files.clone()));
            self.retain(|e| e.definition.name != name || e.version >= version);
        }
        Ok(())
    }

    /// A metric's fold begins where files end, so that each file is below it or above it.
    fn check_cuts(&self, outcome: &RunOutcome) -> Result<(), StaleChangeError> {
        for file in &outcome.master_added {
            let epochs = (file.from.epoch, file.to.epoch);
            let is_inside = |entry: &&MetricEntry| {
                epochs.0 < entry.boundary.epoch && entry.boundary.epoch < epochs.1
            };
            if let Some(entry) = self.manifest.metrics.iter().find(is_inside) {
                return Err(StaleChangeError(format!(
                    "`{}` version {} begins within a file that was archived",
                    entry.definition.name, entry.version
                )));
            }
        }
        Ok(())
    }

    fn master_files(&mut self, outcome: &RunOutcome) -> Result<(), StaleChangeError> {
        if outcome.master_added.is_empty() && outcome.master_removed.is_empty() {
            return Ok(());
        }
        let removed: HashSet<&str> = outcome.master_removed.iter().map(String::as_str).collect();
        let mut files: Vec<MasterFile> =
            self.master.iter().filter(|f| !removed.contains(&*f.path)).cloned().collect();
        if files.len() + removed.len() != self.master.len() {
            return Err(StaleChangeError("master files that were compacted are gone".to_owned()));
        }
        files.extend(outcome.master_added.iter().cloned());
        files.sort_by(|a, b| (a.first_day, a.from, &a.path).cmp(&(b.first_day, b.from, &b.path)));
        self.master = Arc::new(files);
        self.manifest.master = None;
        Ok(())
    }
}
