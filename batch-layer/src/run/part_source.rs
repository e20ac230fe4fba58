//! Where the parts of a run come from: they are made here, or by other processes.

use merganser_api::run::RunDistribution;

use super::build::{BuildTask, ViewBuilder};
use super::error::RunError;
use super::work::{NewParts, SharedWork};
use crate::recompute::MasterPart;

/// The parts of a run, some at a time.
pub(super) enum PartSource {
    /// Made here, as many at a time as there are threads.
    Here(LocalParts),
    /// Made by others.
    Elsewhere(Box<SharedWork>),
}

/// Parts that are made here.
pub(super) struct LocalParts {
    builder: ViewBuilder,
    /// The next one is the last.
    left: Vec<MasterPart>,
    events: f64,
}

impl PartSource {
    /// Parts to be made here, in the order in which they are given.
    pub(super) fn here(builder: &ViewBuilder, mut parts: Vec<MasterPart>) -> Self {
        let events = parts.iter().map(|part| part.events).sum();
        parts.reverse();
        Self::Here(LocalParts { builder: builder.clone(), left: parts, events })
    }

    /// How it is distributed, if others make it.
    pub(super) fn distribution(&self) -> Option<RunDistribution> {
        match self {
            Self::Here(_) => None,
            Self::Elsewhere(work) => Some(work.distribution()),
        }
    }

    /// What a run does, with how far others are with it.
    pub(super) fn step(&self, step: &str) -> String {
        match self.distribution() {
            None => step.to_owned(),
            Some(RunDistribution { made, parts, .. }) => format!("{step}: {made} of {parts} parts"),
        }
    }

    /// About how many events all parts have.
    pub(super) fn events(&self) -> f64 {
        match self {
            Self::Here(parts) => parts.events,
            Self::Elsewhere(work) => work.events(),
        }
    }

    /// What was made of these tasks since the last time; none once all was.
    pub(super) async fn next(&mut self, tasks: &[BuildTask]) -> Result<Option<NewParts>, RunError> {
        let parts = match self {
            Self::Here(parts) => parts,
            Self::Elsewhere(work) => return work.next(tasks).await,
        };
        let LocalParts { builder, left, .. } = parts;
        let mut some = left.split_off(left.len().saturating_sub(builder.compute.threads()));
        some.reverse();
        if some.is_empty() {
            return Ok(None);
        }
        let made = builder.build_parts(tasks, &some).await?;
        let outcomes = made.into_iter().map(Some).collect();
        Ok(Some(NewParts { outcomes, events: some.iter().map(|part| part.events).sum() }))
    }
}
