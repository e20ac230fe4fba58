//! The leader's side of a work: has parts made, reads what was recorded, and has what is missing
//! made again.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use merganser_api::run::{ExecutorShare, RunDistribution};
use merganser_core::failpoint::is_bug_planted;
use merganser_core::ids::MetricId;
use tokio::time::{Instant, sleep};

use super::attempt::SECOND_ATTEMPT;
use super::{PartJobState, PartRecord, Work, WorkPlan, WorkSharing};
use crate::recompute::MasterPart;
use crate::run::build::{BuildOutcome, BuildTask};
use crate::run::error::RunError;
use crate::storage::StorageError;

/// How often it is looked for records, and how a job is.
const LOOK: Duration = Duration::from_millis(300);
/// The pause before a job that was not taken is tried again.
const PAUSE: Duration = Duration::from_secs(2);
/// After how long without an answer a job counts as lost, and a storage as away.
const PATIENCE: Duration = Duration::from_secs(30);
/// Events a second of a slow executor: a tenth of what one thread made of history here.
const SLOW_EVENTS_S: f64 = 30_000.0;
/// Jobs that ended without any part, after which the leader makes some by itself.
const FRUITLESS_MAX: u32 = 3;

/// How works are done.
#[derive(Clone, Copy, Debug)]
pub struct WorkSettings {
    /// Runs of at least so many events are made by other processes.
    pub min_events: u64,
    /// Parts that are asked for at a time.
    pub parts_a_job: usize,
    /// After how long without a part of another process the leader makes some by itself, or after
    /// three times as long as one took; after half of it missing ones are asked for once more.
    pub alone_after: Duration,
}

impl Default for WorkSettings {
    /// 10 million events; 512 parts a job, whose names take some 30 kB; and a minute, which is
    /// longer than it takes to notice that an executor is gone, and to make a part.
    fn default() -> Self {
        Self { min_events: 10_000_000, parts_a_job: 512, alone_after: Duration::from_secs(60) }
    }
}

/// A work as its leader sees it.
pub(in crate::run) struct SharedWork {
    work: Work,
    metrics: Vec<MetricId>,
    parts: Vec<MasterPart>,
    sharing: WorkSharing,
    made: BTreeSet<usize>,
    executors: BTreeMap<String, ExecutorShare>,
    job: Option<String>,
    submissions: u32,
    /// Jobs since the last part of another process, and when that was.
    fruitless: u32,
    newest: Instant,
    /// When parts were asked for, and the longest that one took.
    asked: Instant,
    longest: Duration,
    /// When a job is tried again that was not taken.
    not_before: Instant,
    /// Since when the engine, or the storage, does not answer.
    unanswered: Option<Instant>,
    unread: Option<Instant>,
}

/// What parts came to since the last look.
pub(in crate::run) struct NewParts {
    /// For each of the tasks; none for a metric that is there no longer.
    pub(in crate::run) outcomes: Vec<Option<BuildOutcome>>,
    /// About how many events they have.
    pub(in crate::run) events: f64,
}

impl SharedWork {
    /// Begins with a work, or goes on with one that another leader has begun.
    pub(in crate::run) fn new(
        work: Work,
        plan: &WorkPlan,
        parts: Vec<MasterPart>,
        sharing: &WorkSharing,
        before: Option<RunDistribution>,
    ) -> Self {
        let (job, submissions) =
            before.map_or((None, 0), |before| (before.job, before.submissions));
        // Until one is there, as long as one may take.
        let largest = parts.iter().map(|part| part.events).fold(0.0, f64::max);
        let longest = Duration::try_from_secs_f64(largest / SLOW_EVENTS_S).unwrap_or_default();
        Self {
            work,
            metrics: plan.metrics().collect(),
            parts,
            sharing: sharing.clone(),
            made: BTreeSet::new(),
            executors: BTreeMap::new(),
            job,
            submissions,
            fruitless: 0,
            newest: Instant::now(),
            asked: Instant::now(),
            longest,
            not_before: Instant::now(),
            unanswered: None,
            unread: None,
        }
    }

    /// Writes what it is about.
    pub(super) async fn describe(&self, plan: &WorkPlan) -> Result<(), StorageError> {
        self.work.describe(plan, &self.parts).await
    }

    pub(in crate::run) fn events(&self) -> f64 {
        self.parts.iter().map(|part| part.events).sum()
    }

    /// For the run's record.
    pub(in crate::run) fn distribution(&self) -> RunDistribution {
        RunDistribution {
            work: self.work.name().to_owned(),
            parts: self.parts.len() as u64,
            made: self.made.len() as u64,
            submissions: self.submissions,
            job: self.job.clone(),
            executors: self.executors.values().cloned().collect(),
        }
    }

    /// What was made of these tasks since the last look; none once all parts are there. It comes
    /// back every now and then with nothing, so that the run can be cancelled.
    pub(in crate::run) async fn next(
        &mut self,
        tasks: &[BuildTask],
    ) -> Result<Option<NewParts>, RunError> {
        if self.missing().next().is_none() {
            return Ok(None);
        }
        let mut new = NewParts { outcomes: BuildOutcome::of_tasks(tasks.len()), events: 0.0 };
        if self.read_records(tasks, &mut new).await? {
            return Ok(Some(new));
        }
        self.follow_job().await;
        let missing = self.missing().next();
        let is_alone = self.newest.elapsed() >= self.patience() || self.fruitless >= FRUITLESS_MAX;
        match missing {
            Some(missing) if is_alone && self.unread.is_none() => {
                // One that cannot be made here either is why nobody makes it.
                let made = self.sharing.maker.make(self.work.name(), missing).await;
                made.map_err(|error| RunError::Failed(error.to_string()))?;
            }
            _ => sleep(LOOK).await,
        }
        Ok(Some(new))
    }

    /// The parts that are missing, in the order in which they are wanted.
    fn missing(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.parts.len()).filter(|number| !self.made.contains(number))
    }

    /// Reads the records that are new. A storage that is away for a moment is no reason to give up
    /// what is there.
    async fn read_records(
        &mut self,
        tasks: &[BuildTask],
        new: &mut NewParts,
    ) -> Result<bool, RunError> {
        let read = self.try_read(tasks, new).await;
        match read {
            Err(StorageError::Io(reason)) => {
                let since = *self.unread.get_or_insert_with(Instant::now);
                match since.elapsed() < PATIENCE {
                    true => Ok(new.events > 0.0),
                    false => Err(RunError::Failed(reason)),
                }
            }
            read => {
                self.unread = None;
                Ok(read?)
            }
        }
    }

    async fn try_read(
        &mut self,
        tasks: &[BuildTask],
        new: &mut NewParts,
    ) -> Result<bool, StorageError> {
        let there = self.work.made().await?;
        let unread: Vec<usize> = there.difference(&self.made).copied().collect();
        let records = self.work.records(&unread).await?;
        let mut is_new = false;
        for (number, record) in unread.into_iter().zip(records) {
            let part = match is_bug_planted("second_attempt_counts") {
                true => self.parts.get(number % SECOND_ATTEMPT),
                false => self.parts.get(number),
            };
            let (Some(part), Some(record)) = (part, record) else { continue };
            if record.outcomes.len() != self.metrics.len() {
                let path = self.work.record_path(number);
                let reason = "it is not about the metrics of its plan".to_owned();
                return Err(StorageError::Damaged { path, reason });
            }
            new.events += part.events;
            self.made.insert(number);
            self.note(&record);
            add(new, tasks, &self.metrics, record);
            is_new = true;
        }
        Ok(is_new)
    }

    /// How long others may be silent.
    fn patience(&self) -> Duration {
        self.sharing.settings.alone_after.max(self.longest * 3)
    }

    fn note(&mut self, record: &PartRecord) {
        let took = Duration::try_from_secs_f64(record.seconds).unwrap_or_default();
        self.longest = self.longest.max(took);
        if record.process != self.sharing.maker.process() {
            (self.newest, self.fruitless) = (Instant::now(), 0);
        }
        let share = self.executors.entry(record.process.clone());
        let none = || ExecutorShare { process: record.process.clone(), parts: 0, seconds: 0.0 };
        let share = share.or_insert_with(none);
        share.parts += 1;
        share.seconds += record.seconds;
    }

    /// Has missing parts made, unless a job is under way.
    async fn follow_job(&mut self) {
        let Some(job) = self.job.clone() else { return self.submit().await };
        match self.sharing.cluster.state(&job).await {
            Ok(PartJobState::Waiting) => self.unanswered = None,
            Ok(PartJobState::Running) => {
                self.unanswered = None;
                // Ballista forgets a part whose executor was not reached by the answer that gave it
                // to it, and waits for it as long as the executor lives.
                let half = self.patience() / 2;
                if self.newest.elapsed() >= half && self.asked.elapsed() >= half {
                    tracing::info!(work = self.work.name(), job, "a job of parts is stuck");
                    self.sharing.cluster.cancel(&job).await;
                    self.job = None;
                }
            }
            Ok(PartJobState::Ended(why)) => {
                if why.is_some() {
                    // Somebody fails at once what others would make.
                    self.not_before = Instant::now() + PAUSE;
                }
                let why = why.unwrap_or_else(|| "all parts were made".to_owned());
                tracing::info!(work = self.work.name(), job, why, "a job of parts has ended");
                (self.job, self.unanswered) = (None, None);
                self.fruitless += 1;
            }
            Ok(PartJobState::Unknown) => {
                tracing::info!(
                    work = self.work.name(),
                    job,
                    "a job of parts is not known any more"
                );
                (self.job, self.unanswered) = (None, None);
            }
            Err(error) => {
                let since = *self.unanswered.get_or_insert_with(Instant::now);
                if since.elapsed() >= PATIENCE {
                    tracing::warn!(work = self.work.name(), job, %error, "a job of parts is lost");
                    (self.job, self.unanswered) = (None, None);
                }
            }
        }
    }

    async fn submit(&mut self) {
        let is_again = self.submissions > 0;
        if Instant::now() < self.not_before || is_again && is_bug_planted("missing_not_submitted") {
            return;
        }
        let parts: Vec<usize> = self.missing().take(self.sharing.settings.parts_a_job).collect();
        match self.sharing.cluster.submit(self.work.name(), &parts).await {
            Ok(job) => {
                tracing::info!(
                    work = self.work.name(),
                    job,
                    parts = parts.len(),
                    "parts are asked for"
                );
                (self.job, self.asked) = (Some(job), Instant::now());
                self.submissions += 1;
            }
            Err(error) => {
                tracing::warn!(work = self.work.name(), %error, "parts cannot be asked for");
                self.not_before = Instant::now() + PAUSE;
            }
        }
    }
}

/// Adds a record to what is new of each task.
fn add(new: &mut NewParts, tasks: &[BuildTask], metrics: &[MetricId], record: PartRecord) {
    let mut by_metric: BTreeMap<MetricId, Option<BuildOutcome>> =
        metrics.iter().copied().zip(record.outcomes).collect();
    for (task, sum) in tasks.iter().zip(&mut new.outcomes) {
        let made = by_metric.remove(&task.metric.id).flatten();
        BuildOutcome::add_part(sum, made);
    }
}
