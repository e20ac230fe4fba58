//! What can go wrong with a store, and whether it is certain that nothing happened.

use merganser_core::blocking::WorkerFailure;
use merganser_core::ids::{Epoch, Fence};

use super::{StoreAddressError, StoredView, ViewSpace};

/// What can go wrong with a write, or with asking what is stored.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Determinate: nothing changed. What is stored is not what the change follows.
    #[error("the store is not where the writer left it: {}", describe(stored.as_deref()))]
    Refused {
        /// What is stored.
        stored: Option<Box<StoredView>>,
    },
    /// Determinate: nothing changed, and nothing of this writer ever will.
    #[error("another writer has taken over with fence {fence}")]
    Fenced {
        /// The other's.
        fence: Fence,
    },
    /// Determinate: nothing changed. A fault of the service.
    #[error("a change that cannot be stored: {0}")]
    Invalid(String),
    /// Determinate: nothing changed; the store said no.
    #[error("the speed store refused: {0}")]
    Failed(String),
    /// Indeterminate: it may have happened, or may still happen.
    #[error("the speed store did not answer: {0}")]
    Uncertain(String),
    /// Determinate: nothing changed. What is stored is not what was written.
    #[error("the speed store is damaged: {0}")]
    Damaged(String),
}

impl StoreError {
    /// Whether it is certain that nothing changed.
    #[must_use]
    pub const fn is_determinate(&self) -> bool {
        !matches!(self, Self::Uncertain(_))
    }
}

fn describe(stored: Option<&StoredView>) -> String {
    stored.map_or_else(
        || "it holds nothing".to_owned(),
        |s| format!("it holds space {} up to {}, change {}", s.space, s.through.offset, s.serial),
    )
}

impl From<WorkerFailure> for StoreError {
    fn from(failure: WorkerFailure) -> Self {
        Self::Failed(failure.to_string())
    }
}

/// What can go wrong with a read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreReadError {
    /// Nothing is stored, or something else: the writer has to look.
    #[error("the store does not hold the metric's states")]
    Absent,
    /// The writer is filling it.
    #[error("the metric's states are being written anew")]
    Building,
    /// The epochs of the read are deleted.
    #[error("epochs below {first} are deleted")]
    Retired {
        /// The first that is kept.
        first: Epoch,
    },
    /// There are more groups than the reader may hold.
    #[error("there are over {limit} groups in this range")]
    TooLarge {
        /// The most there may be.
        limit: usize,
    },
    /// What is stored is not what was written: the writer has to rebuild it.
    #[error("the speed store is damaged: {reason}")]
    Damaged {
        /// Where the states are.
        space: ViewSpace,
        /// What was found.
        reason: String,
    },
    /// The store cannot be reached.
    #[error("the speed store cannot be read: {0}")]
    Unreachable(String),
}

impl From<WorkerFailure> for StoreReadError {
    fn from(failure: WorkerFailure) -> Self {
        Self::Unreachable(failure.to_string())
    }
}

/// A store that cannot be used.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreConnectError {
    /// The setting names no store.
    #[error(transparent)]
    Address(#[from] StoreAddressError),
    /// No server answers.
    #[error("the speed store at {address} cannot be reached: {reason}")]
    Unreachable {
        /// Where it should be, without credentials.
        address: String,
        /// What happened.
        reason: String,
    },
    /// It would lose states, or cannot run the scripts.
    #[error("the speed store at {address} cannot be used: {reason}")]
    Unfit {
        /// Where it is, without credentials.
        address: String,
        /// What is wrong and what would be right.
        reason: String,
    },
}
