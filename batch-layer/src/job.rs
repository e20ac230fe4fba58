//! Runs as jobs: their records, and the queue of them.
//!
//! The catalog queues backfills, the schedule says which mode is due, and the HTTP routes show what
//! there is: all of them know jobs. How a run does its work is known to [`crate::run`] only.

mod queue;

pub use merganser_api::run::{RunMode, RunRecord, RunState, RunTrigger};
pub use queue::{RunActiveError, RunCancelError, RunQueue};
