//! Making a view's parts: each folded from the master dataset, compared with what was served of it,
//! and written. Parts hold different days, so that several are made at once, each by one thread.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures::future::try_join_all;
use shared::catalog::{MetricVersion, Snapshot, ViewFile};
use shared::failpoint;
use shared::ids::Boundary;

use super::Mode;
use super::execute::{Executor, RunError};
use super::sources::Part;
use crate::audit::Audit;
use crate::recompute::recompute;
use crate::view::{self, Subject};

/// What a part is made for.
#[derive(Clone)]
pub(super) struct Task {
    pub(super) metric: Arc<MetricVersion>,
    /// The epochs that its files are about.
    pub(super) epochs: (Boundary, Boundary),
    /// What was served, in which mode, when it is to be compared.
    pub(super) audit: Option<(Arc<Snapshot>, Mode)>,
}

/// What was made of some parts.
#[derive(Default)]
pub(super) struct Made {
    pub(super) files: Vec<ViewFile>,
    pub(super) mismatches: u64,
    pub(super) events: u64,
    pub(super) days: BTreeSet<i64>,
    /// One a part.
    pub(super) audits: Vec<Result<Audit, String>>,
}

impl Made {
    pub(super) fn add(&mut self, other: Self) {
        self.files.extend(other.files);
        self.mismatches += other.mismatches;
        self.events += other.events;
        self.days.extend(other.days);
        self.audits.extend(other.audits);
    }

    /// Whether each event that the journal had there was read once.
    pub(super) fn check(&self, from: Boundary, to: Boundary) -> Result<(), RunError> {
        let expected = to.offset.since(from.offset);
        if self.events == expected {
            return Ok(());
        }
        let (events, from, to) = (self.events, from.epoch, to.epoch);
        Err(RunError::Failed(format!(
            "{events} events were folded of the epochs from {from} to {to}, which have {expected}"
        )))
    }
}

impl Executor {
    /// Makes parts, all at the same time.
    pub(super) async fn make(&self, task: &Task, parts: &[Part]) -> Result<Made, RunError> {
        let jobs = parts.iter().map(|part| {
            let (this, task, part) = (self.clone(), task.clone(), part.clone());
            self.compute.run(async move { this.make_part(&task, &part).await })
        });
        let mut made = Made::default();
        try_join_all(jobs).await?.into_iter().for_each(|part| made.add(part));
        Ok(made)
    }

    async fn make_part(&self, task: &Task, part: &Part) -> Result<Made, RunError> {
        let metric = &task.metric;
        failpoint::hit("run.recompute.before")?;
        let folded = recompute(&self.storage, &metric.compiled, &part.files, part.range).await?;
        failpoint::hit("run.audit.before")?;
        let mut audits = Vec::new();
        if let Some((snapshot, mode)) = &task.audit {
            let sealed = task.epochs.1;
            audits
                .push(self.audit(*mode, snapshot, metric, sealed, part.range, &folded.table).await);
        }
        failpoint::hit("run.view.before")?;
        let files = view::write(&self.storage, &subject(metric), folded.table, task.epochs).await?;
        let (mismatches, events, days) = (folded.mismatches, folded.events, folded.days);
        Ok(Made { files, mismatches, events, days, audits })
    }
}

/// Whose states a view's files hold.
pub(super) fn subject(metric: &MetricVersion) -> Subject {
    Subject {
        id: metric.id,
        layout: metric.compiled.layout().clone(),
        base: metric.compiled.grain(),
    }
}
