//! Parts of a run that other processes make.
//!
//! A large run is cut into parts as always. They are described in the storage, so that any process
//! that sees it can make one, and so that another leader can go on with those that are there:
//!
//! | object | what |
//! |---|---|
//! | `work/<work>/plan.json` | what is made of every part, and by which build |
//! | `work/<work>/<number>.part.json` | a part: its days, and the master files that have them |
//! | `work/<work>/<number>.made.json` | what was made of it, put if absent |
//!
//! **The first attempt that is recorded counts.** Whoever has parts made ([`PartCluster`]) decides
//! nothing: it may lose parts, have them made twice, or say that all went well when nothing did.
//! The leader reads the records, has missing parts made again, and publishes as always.
//!
//! What an attempt has written and not recorded is garbage. Its names are not known to the leader,
//! so no view of a metric that is made elsewhere is collected until the work is over
//! ([`Reservation`]).

mod attempt;
mod cluster;
mod leader;
mod maker;
mod sharing;

use std::collections::BTreeSet;
use std::sync::Arc;

use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt, TryStreamExt, stream};
use merganser_core::ids::{Boundary, Generation, MetricId};
use merganser_metric::catalog::{CatalogSnapshot, LifecycleStage};
use serde::{Deserialize, Serialize};

pub use cluster::{PartCluster, PartClusterError, PartJobState};
pub use maker::{PartMaker, PartMakerError, PartMakerParts, PartVerdict};

pub use leader::WorkSettings;

pub(super) use leader::{NewParts, SharedWork};
pub(super) use sharing::{WorkSharing, reserve};

use super::build::{BuildOutcome, BuildTask};
use crate::catalog::Reservation;
use crate::job::RunMode;
use crate::recompute::MasterPart;
use crate::storage::{Storage, StorageError, unique_name};

/// What parts are, and how they are made: of two builds that differ in it, neither makes parts for
/// the other.
const PART_FORMAT: u32 = 1;

/// The build that this is, as a plan and an executor say it.
#[must_use]
pub fn part_build() -> String {
    format!("{}/{PART_FORMAT}", env!("CARGO_PKG_VERSION"))
}

/// Requests to the storage about a work, at a time.
const REQUESTS_AT_A_TIME: usize = 16;

/// Where works are kept.
pub(crate) const WORK_FOLDER: &str = "work";

/// What is made of every part.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WorkPlan {
    /// See [`part_build`].
    build: String,
    /// Who makes a part knows this generation, or a later one.
    generation: Generation,
    tasks: Vec<PlannedTask>,
    /// How many parts there are.
    parts: usize,
}

/// What is made of one metric.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PlannedTask {
    metric: MetricId,
    /// Where its view stands, so that it is known whether the plan is still about it.
    stands_at: Boundary,
    /// The epochs that its files are about.
    from: Boundary,
    to: Boundary,
    /// The mode of the run, if what was served is compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    audit: Option<RunMode>,
}

impl WorkPlan {
    pub(super) fn new(tasks: &[BuildTask], generation: Generation, parts: usize) -> Self {
        let planned = |task: &BuildTask| PlannedTask {
            metric: task.metric.id,
            stands_at: task.metric.boundary,
            from: task.epochs.0,
            to: task.epochs.1,
            audit: task.audit.as_ref().map(|(_, mode)| *mode),
        };
        let tasks = tasks.iter().map(planned).collect();
        Self { build: part_build(), generation, tasks, parts }
    }

    /// The metrics that it is about.
    pub(super) fn metrics(&self) -> impl Iterator<Item = MetricId> + '_ {
        self.tasks.iter().map(|task| task.metric)
    }

    /// What is made of each metric; none of those that are there no longer.
    fn tasks(&self, snapshot: &Arc<CatalogSnapshot>) -> Vec<Option<BuildTask>> {
        let task = |planned: &PlannedTask| {
            let metric = Arc::clone(snapshot.by_id(planned.metric)?);
            let audit = planned.audit.map(|mode| (Arc::clone(snapshot), mode));
            Some(BuildTask { metric, epochs: (planned.from, planned.to), audit })
        };
        self.tasks.iter().map(task).collect()
    }

    /// The same where the plan can be gone on with: this build made it, and each metric stands
    /// where it stood.
    pub(super) fn resumed(&self, snapshot: &Arc<CatalogSnapshot>) -> Option<Vec<BuildTask>> {
        let tasks: Option<Vec<BuildTask>> = self.tasks(snapshot).into_iter().collect();
        let stands = |task: &BuildTask, planned: &PlannedTask| {
            let is_backfill = task.metric.stage == LifecycleStage::Backfilling;
            task.metric.boundary == planned.stands_at && is_backfill == planned.audit.is_none()
        };
        tasks.filter(|tasks| {
            self.build == part_build()
                && tasks.iter().zip(&self.tasks).all(|(task, planned)| stands(task, planned))
        })
    }
}

/// What was made of a part, by the attempt that counts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PartRecord {
    /// Of this attempt, and of no other.
    attempt: String,
    /// The process that made it.
    process: String,
    /// How long it took.
    seconds: f64,
    /// For each metric of the plan; none for one that was there no longer.
    outcomes: Vec<Option<BuildOutcome>>,
}

/// A work's objects. Cheap to clone.
#[derive(Clone)]
pub(super) struct Work {
    storage: Storage,
    name: Arc<str>,
}

impl Work {
    /// A new one, which has no objects yet.
    fn new(storage: &Storage) -> Self {
        Self::named(storage, &unique_name())
    }

    /// The one of this name, whether or not it is there.
    pub(super) fn named(storage: &Storage, name: &str) -> Self {
        Self { storage: storage.clone(), name: name.into() }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Writes what it is about.
    async fn describe(&self, plan: &WorkPlan, parts: &[MasterPart]) -> Result<(), StorageError> {
        let put = |(number, part)| {
            let path = self.part_path(number);
            async move { self.storage.replace_document(&path, part).await }.boxed()
        };
        all(parts.iter().enumerate().map(put).collect()).await?;
        // Behind what it is about, so that one that can be read is whole.
        self.storage.replace_document(&self.plan_path(), plan).await
    }

    /// What is not collected while it goes on.
    pub(super) fn reservation(&self, plan: &WorkPlan, parts: &[MasterPart]) -> Reservation {
        let files = parts.iter().flat_map(|part| &part.files);
        let views = plan.metrics().map(|id| format!("views/{id}/"));
        Reservation {
            folders: views.chain([format!("{}/", self.folder())]).collect(),
            objects: files.map(|file| file.path.clone()).collect(),
        }
    }

    /// Its plan; none when it is over.
    pub(super) async fn plan(&self) -> Result<Option<WorkPlan>, StorageError> {
        found(self.storage.read_document(&self.plan_path()).await)
    }

    async fn part(&self, number: usize) -> Result<Option<MasterPart>, StorageError> {
        found(self.storage.read_document(&self.part_path(number)).await)
    }

    /// All parts, in their order.
    pub(super) async fn parts(&self, plan: &WorkPlan) -> Result<Vec<MasterPart>, StorageError> {
        let get = |number| {
            let path = self.part_path(number);
            async move { self.storage.read_document(&path).await }.boxed()
        };
        all((0..plan.parts).map(get).collect()).await
    }

    async fn record(&self, number: usize) -> Result<Option<PartRecord>, StorageError> {
        found(self.storage.read_document(&self.record_path(number)).await)
    }

    /// The records of parts, as far as there are some.
    async fn records(&self, numbers: &[usize]) -> Result<Vec<Option<PartRecord>>, StorageError> {
        all(numbers.iter().map(|number| self.record(*number).boxed()).collect()).await
    }

    /// The parts that have a record.
    ///
    /// # Errors
    /// [`StorageError::Missing`] when it is over, as another leader has ended it.
    async fn made(&self) -> Result<BTreeSet<usize>, StorageError> {
        let objects = self.storage.list(&self.folder()).await?;
        let plan = self.plan_path();
        if !objects.iter().any(|(path, _)| *path == plan) {
            return Err(StorageError::Missing(plan));
        }
        let number = |(path, _): &(String, u64)| {
            path.rsplit_once('/')?.1.strip_suffix(".made.json")?.parse().ok()
        };
        Ok(objects.iter().filter_map(number).collect())
    }

    /// Deletes it: it is over. What stays is collected.
    pub(super) async fn delete(&self) -> Result<(), StorageError> {
        // The plan first, so that nobody begins with a part any more.
        self.storage.delete(&self.plan_path()).await?;
        let left = self.storage.list(&self.folder()).await?;
        all(left.iter().map(|(path, _)| self.storage.delete(path).boxed()).collect())
            .await
            .map(drop)
    }

    fn folder(&self) -> String {
        format!("{WORK_FOLDER}/{}", self.name)
    }

    fn plan_path(&self) -> String {
        format!("{}/plan.json", self.folder())
    }

    fn part_path(&self, number: usize) -> String {
        format!("{}/{number:06}.part.json", self.folder())
    }

    fn record_path(&self, number: usize) -> String {
        format!("{}/{number:06}.made.json", self.folder())
    }
}

/// Some requests at a time, so that their latencies do not add up. What comes of them is in their
/// order.
async fn all<T>(
    requests: Vec<BoxFuture<'_, Result<T, StorageError>>>,
) -> Result<Vec<T>, StorageError> {
    stream::iter(requests).buffered(REQUESTS_AT_A_TIME).try_collect().await
}

fn found<T>(read: Result<T, StorageError>) -> Result<Option<T>, StorageError> {
    match read {
        Err(StorageError::Missing(_)) => Ok(None),
        read => read.map(Some),
    }
}
