//! Making a part of a work: what an executor does, and the leader while there is none.

use std::sync::Arc;

use std::fmt::Display;

use merganser_core::failpoint::is_bug_planted;
use merganser_metric::catalog::Catalog;
use merganser_metric::views::SpeedViews;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::attempt::failed;
use super::{PartRecord, Work, WorkPlan, part_build};
use crate::catalog::BatchCatalog;
use crate::recompute::MasterPart;
use crate::run::build::{BuildOutcome, BuildTask, ViewBuilder};
use crate::run::compute_pool::ComputePool;
use crate::run::error::RunError;
use crate::run::inputs::PartSize;
use crate::run::instruments;
use crate::storage::unique_name;
use crate::view::ParquetViews;

/// Events of a part for which one thread more is used.
const THREAD_EVENTS: f64 = 1_000_000.0;

/// What parts are made from.
pub struct PartMakerParts {
    /// Definitions, and the storage.
    pub catalog: Arc<BatchCatalog>,
    /// What was served by the batch layer, for audits.
    pub views: Arc<ParquetViews>,
    /// What was served by the speed layer, for audits.
    pub speed: Arc<dyn SpeedViews>,
    /// What this process is called.
    pub process: String,
    /// Threads that make parts.
    pub threads: usize,
}

/// Makes parts of works.
pub struct PartMaker {
    catalog: Arc<BatchCatalog>,
    builder: ViewBuilder,
    process: String,
    /// One for each part that is made at a time, whoever asked for it.
    places: Arc<Semaphore>,
    /// Where parts are made: whoever asks for one may go, and it is made all the same.
    runtime: Handle,
}

/// What became of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PartVerdict {
    /// It counts.
    Counts,
    /// Another attempt was recorded before.
    AlreadyMade,
    /// The work is over.
    Over,
}

impl PartVerdict {
    /// Its name in metrics and logs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Counts => "counts",
            Self::AlreadyMade => "already made",
            Self::Over => "over",
        }
    }
}

impl PartMaker {
    /// Makes parts for others.
    ///
    /// # Errors
    /// When there can be no more threads.
    pub fn new(parts: PartMakerParts) -> std::io::Result<Self> {
        let PartMakerParts { catalog, views, speed, process, threads } = parts;
        let storage = catalog.storage().clone();
        // What it makes was cut by the leader.
        let compute = Arc::new(ComputePool::new(PartSize { threads, events_max: u64::MAX })?);
        Ok(Self::with(catalog, ViewBuilder { storage, views, speed, compute }, process))
    }

    pub(in crate::run) fn with(
        catalog: Arc<BatchCatalog>,
        builder: ViewBuilder,
        process: String,
    ) -> Self {
        instruments::describe_parts();
        let places = Arc::new(Semaphore::new(builder.compute.threads()));
        Self { catalog, builder, process, places, runtime: Handle::current() }
    }

    /// Who it is, as records say.
    pub(super) fn process(&self) -> &str {
        &self.process
    }

    /// Makes a part, and records it unless another attempt was recorded before. It is made to its
    /// end, also where nobody waits for it any more, as another leader goes on with the work.
    ///
    /// # Errors
    /// When it cannot be made, or not be recorded; another attempt may have been meanwhile.
    pub async fn make(
        self: &Arc<Self>,
        work: &str,
        number: usize,
    ) -> Result<PartVerdict, PartMakerError> {
        let (this, work) = (Arc::clone(self), Work::named(self.catalog.storage(), work));
        let failed = |error: &dyn Display| PartMakerError(format!("part {number}: {error}"));
        let place = Arc::clone(&self.places).acquire_owned().await.map_err(|e| failed(&e))?;
        let made = self.runtime.spawn(async move {
            let made = this.attempt(&work, number).await;
            drop(place);
            made
        });
        made.await.map_err(|error| failed(&error))?.map_err(|error| failed(&error))
    }

    async fn attempt(&self, work: &Work, number: usize) -> Result<PartVerdict, RunError> {
        let (name, made) = (work.name(), self.try_make(work, number).await);
        let outcome = made.as_ref().map_or("failed", |verdict| verdict.name());
        instruments::record_part(outcome);
        match &made {
            Ok(_) => tracing::info!(work = name, part = number, outcome, "a part was attempted"),
            Err(error) => {
                tracing::warn!(work = name, part = number, %error, "a part was not made");
            }
        }
        made
    }

    async fn try_make(&self, work: &Work, number: usize) -> Result<PartVerdict, RunError> {
        let Some(plan) = work.plan().await? else { return Ok(PartVerdict::Over) };
        if plan.build != part_build() {
            let (theirs, ours) = (&plan.build, part_build());
            return Err(RunError::Failed(format!(
                "this process makes parts as build {ours} does, and the leader asks for build \
                 {theirs}: run the same build"
            )));
        }
        let Some(part) = work.part(number).await? else { return Ok(PartVerdict::Over) };
        if work.record(number).await?.is_some() {
            return Ok(PartVerdict::AlreadyMade);
        }
        if self.catalog.current().generation < plan.generation {
            self.catalog.follow().await?;
        }
        let begun = Instant::now();
        let attempt = unique_name();
        let process = self.process.clone();
        if is_bug_planted("record_before_files") {
            let outcomes = plan.tasks.iter().map(|_| Some(BuildOutcome::default())).collect();
            let record = PartRecord { attempt, process, seconds: 0.0, outcomes };
            return Ok(verdict(work.put_record(number, &record).await?));
        }
        // What is written is this attempt's, until it is known whether it counts.
        let builder = self.builder.for_work();
        let outcomes = self.build(&builder, &plan, part).await?;
        failed("part.files.after")?;
        let seconds = begun.elapsed().as_secs_f64();
        let record = PartRecord { attempt, process, seconds, outcomes };
        let verdict = match work.plan().await? {
            None => PartVerdict::Over,
            Some(_) => verdict(work.put_record(number, &record).await?),
        };
        if verdict != PartVerdict::Counts {
            self.throw_away(&record).await;
        }
        Ok(verdict)
    }

    /// Makes the part of each metric that is there.
    async fn build(
        &self,
        builder: &ViewBuilder,
        plan: &WorkPlan,
        part: MasterPart,
    ) -> Result<Vec<Option<BuildOutcome>>, RunError> {
        let snapshot = self.catalog.current();
        let tasks = plan.tasks(&snapshot);
        let there: Vec<BuildTask> = tasks.iter().flatten().cloned().collect();
        let threads = (part.events / THREAD_EVENTS).round() as usize;
        let threads = threads.clamp(1, builder.compute.threads());
        let job = {
            let builder = builder.clone();
            async move { builder.build_part(&there, &part, threads).await }
        };
        // On threads of its own, whatever runtime asks for it.
        let made = self.builder.compute.run_all(std::iter::once(job)).await?;
        let mut made = made.into_iter().flatten();
        Ok(tasks.iter().map(|task| task.as_ref().and_then(|_| made.next())).collect())
    }

    /// Deletes what an attempt wrote that does not count. What stays is collected.
    async fn throw_away(&self, record: &PartRecord) {
        for file in record.outcomes.iter().flatten().flat_map(|outcome| &outcome.files) {
            if let Err(error) = self.builder.storage.delete(&file.path).await {
                tracing::warn!(%error, "a file of an attempt that does not count is left over");
            }
        }
    }
}

fn verdict(counts: bool) -> PartVerdict {
    if counts { PartVerdict::Counts } else { PartVerdict::AlreadyMade }
}

/// Why a part was not made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct PartMakerError(String);
