//! Parts of runs on DataFusion Ballista: its scheduler hands them out, its executors ask for them.
//!
//! | part | what |
//! |---|---|
//! | `plan` | the operator that makes parts, as a plan that Ballista can cut and send |
//! | `client` | a job of parts, for the leader of the runs |
//! | `scheduler` | Ballista's scheduler, in the leader or in a process of its own |
//! | `executor` | Ballista's executor, in a process that sees the storage |
//! | `credentials` | who may talk to a scheduler, and over which connections |
//!
//! Ballista decides nothing: see [`batch_layer::run::PartCluster`]. Nothing is fetched from an
//! executor, so executors listen nowhere: they ask the scheduler for parts ("pull"), and what they
//! make is in the storage.

mod client;
mod credentials;
mod executor;
mod plan;
mod scheduler;
#[cfg(test)]
mod tests;

pub(crate) use client::BallistaClient;
pub(crate) use credentials::{SchedulerCredentials, SchedulerTls};
pub(crate) use executor::BallistaExecutor;
pub(crate) use scheduler::BallistaScheduler;

/// Bytes of a message at most. One of a full job has about 30 kB.
const MESSAGE_BYTES_MAX: usize = 16 << 20;
