//! Making a view's parts: each folded from the master dataset, compared with what was served of it,
//! and written. Parts hold different days, so that several are made at once, each by one thread.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures::future::try_join_all;
use shared::catalog::{MetricVersion, Snapshot, ViewFile};
use shared::failpoint;
use shared::ids::Boundary;
use shared::omissions::Omissions;

use super::Mode;
use super::execute::{Executor, RunError};
use super::sources::Part;
use crate::audit::Audit;
use crate::recompute::{Chunk, Recomputation, Seen};
use crate::view::{self, Grains, Subject};

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
    pub(super) omissions: Omissions,
    pub(super) events: u64,
    pub(super) days: BTreeSet<i64>,
    /// One a part.
    pub(super) audits: Vec<Result<Audit, String>>,
}

impl Made {
    pub(super) fn add(&mut self, other: Self) {
        self.files.extend(other.files);
        self.mismatches += other.mismatches;
        self.omissions.merge(&other.omissions);
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
        let Part { files, range, events } = part;
        let mut folded =
            Recomputation::new(&self.storage, &metric.compiled, files, *range, *events).await?;
        failpoint::hit("run.audit.before")?;
        let mut served = match &task.audit {
            Some((_, mode)) => Some(self.served(*mode, metric, task.epochs.1, *range).await),
            None => None,
        };
        let mut grains = Grains::new(subject(metric));
        while let Some(Chunk { table, to }) = folded.next().await? {
            let sorted = view::rows(&table);
            if let Some(Ok(rows)) = &mut served
                && let Err(reason) = rows.compare(&table, &sorted, to)
            {
                served = Some(Err(reason));
            }
            grains.add(table, sorted, to)?;
        }
        failpoint::hit("run.view.before")?;
        let files = grains.write(&self.storage, task.epochs).await?;
        for file in &files {
            self.views.open(metric.id, file).await?;
        }
        let Seen { mismatches, omissions, events, days } = folded.seen();
        let audits = served.into_iter().zip(&task.audit);
        let audits = audits.map(|(served, (snapshot, _))| served.map(|rows| rows.end(snapshot)));
        Ok(Made { files, mismatches, omissions, events, days, audits: audits.collect() })
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
