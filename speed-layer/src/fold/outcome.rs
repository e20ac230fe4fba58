//! What an answer of the store came to.

use merganser_core::ids::Fence;

/// What came of an answer, for the worker to tell.
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
