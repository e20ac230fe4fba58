//! Recording an attempt of a part: one of them counts.

use merganser_core::failpoint::{self, is_bug_planted};

use super::{PartRecord, Work};
use crate::storage::StorageError;

/// Added to a part's number by a planted bug.
pub(super) const SECOND_ATTEMPT: usize = 100_000;

impl Work {
    /// Records what an attempt has made of a part, unless another one was recorded before. Whether
    /// this one counts.
    pub(super) async fn put_record(
        &self,
        number: usize,
        record: &PartRecord,
    ) -> Result<bool, StorageError> {
        failed("part.record.before")?;
        let path = self.record_path(number);
        let created = self.storage.create_document(&path, record).await;
        self.storage.mark_published([&*path]);
        match created {
            Ok(()) => {
                failed("part.record.after")?;
                Ok(true)
            }
            // Its own, if the answer to the first try was lost.
            Err(StorageError::Exists(_)) if is_bug_planted("second_attempt_counts") => {
                let path = self.record_path(number + SECOND_ATTEMPT);
                self.storage.replace_document(&path, record).await.map(|()| true)
            }
            Err(StorageError::Exists(_)) => {
                let there = self.record(number).await?;
                Ok(there.is_some_and(|there| there.attempt == record.attempt))
            }
            Err(error) => Err(error),
        }
    }
}

pub(super) fn failed(name: &'static str) -> Result<(), StorageError> {
    failpoint::hit(name).map_err(|error| StorageError::Io(error.to_string()))
}
