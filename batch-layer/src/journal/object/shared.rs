//! The index that a handle shares with its readers.

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use merganser_core::ids::Offset;
use merganser_core::journal::JournalError;

use super::index::ObjectIndex;

/// No task holds the lock while it waits for the storage, and no change leaves it half-done, so a
/// panic elsewhere does not spoil it.
#[derive(Clone, Debug)]
pub(super) struct SharedIndex(Arc<RwLock<ObjectIndex>>);

impl SharedIndex {
    /// Shares `index`.
    pub(super) fn new(index: ObjectIndex) -> Self {
        Self(Arc::new(RwLock::new(index)))
    }

    /// To look at it.
    pub(super) fn read(&self) -> RwLockReadGuard<'_, ObjectIndex> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// To change it.
    pub(super) fn write(&self) -> RwLockWriteGuard<'_, ObjectIndex> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// The journal does not hold `offset`.
    pub(super) fn out_of_range(&self, offset: Offset) -> JournalError {
        let held = self.read();
        JournalError::OutOfRange { asked: offset, start: held.start(), end: held.tail().end }
    }
}
