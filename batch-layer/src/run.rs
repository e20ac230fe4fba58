//! Runs of the batch layer at work.
//!
//! A run seals the open epoch, archives what is sealed, makes new views from the master dataset,
//! compares them with what was served, and publishes them. Until it publishes, nothing that is
//! served has changed; a run that fails, is cancelled or killed leaves only garbage.

mod attempt;
mod audit_baseline;
mod backfill;
mod build;
mod compaction;
mod compute_pool;
mod error;
mod executor;
mod inputs;
mod instruments;
mod part_source;
mod scheduler;
#[cfg(test)]
mod tests;
mod tracker;
mod work;
mod worker;

pub use work::{
    PartCluster, PartClusterError, PartJobState, PartMaker, PartMakerError, PartMakerParts,
    PartVerdict, WorkSettings, part_build,
};
pub use worker::{
    RunService, RunServiceParts, RunSettings, RunStartError, TrimFloor, WorkSharingParts,
};
