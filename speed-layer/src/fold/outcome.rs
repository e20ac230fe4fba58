//! The outcome of a command to the store.

use merganser_core::ids::Fence;

/// What became of a command, for the worker to report.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum WriterOutcome {
    /// The view moved on, or was found where it should be.
    Done,
    /// There is something to be swept.
    Sweep,
    /// The view is deleted.
    Dropped,
    /// The store failed; it is tried again.
    Retry(String),
    /// All is written anew.
    Rebuild(String),
    /// Another writer has taken over.
    Stopped(Fence),
}
