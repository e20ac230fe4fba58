//! Why a run did not succeed.

use merganser_core::blocking::WorkerFailure;
use merganser_core::journal::JournalError;

use crate::manifest::PublishError;
use crate::storage::StorageError;

/// Why a run did not succeed.
#[derive(Debug, thiserror::Error)]
pub(super) enum RunError {
    #[error("cancelled")]
    Cancelled,
    #[error("{0}")]
    Failed(String),
}

impl From<std::io::Error> for RunError {
    fn from(error: std::io::Error) -> Self {
        Self::Failed(error.to_string())
    }
}

impl From<WorkerFailure> for RunError {
    fn from(failure: WorkerFailure) -> Self {
        Self::Failed(failure.to_string())
    }
}

impl From<StorageError> for RunError {
    fn from(error: StorageError) -> Self {
        Self::Failed(error.to_string())
    }
}

impl From<JournalError> for RunError {
    fn from(error: JournalError) -> Self {
        Self::Failed(error.to_string())
    }
}

impl From<PublishError> for RunError {
    fn from(error: PublishError) -> Self {
        Self::Failed(error.to_string())
    }
}
