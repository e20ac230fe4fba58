//! Recording an attempt of a part: one of them counts.

use std::time::Duration;

use merganser_core::failpoint::{self, is_bug_planted};

use super::{PartRecord, PartVerdict, Work};
use crate::storage::StorageError;

/// Added to a part's number by a planted bug.
pub(super) const SECOND_ATTEMPT: usize = 100_000;

impl Work {
    /// Records what an attempt has made of a part, unless another one was recorded before.
    pub(super) async fn put_record(
        &self,
        number: usize,
        record: &PartRecord,
    ) -> Result<PartVerdict, StorageError> {
        failed("part.record.before")?;
        let path = self.record_path(number);
        let created = self.storage.create_document(&path, record).await;
        self.storage.mark_published([&*path]);
        match created {
            Ok(()) => {
                failed("part.record.after")?;
                Ok(PartVerdict::Counts)
            }
            // Its own, if the answer to the first try was lost.
            Err(StorageError::Exists(_)) if is_bug_planted("second_attempt_counts") => {
                let path = self.record_path(number + SECOND_ATTEMPT);
                self.storage.replace_document(&path, record).await.map(|()| PartVerdict::Counts)
            }
            Err(StorageError::Exists(_)) => {
                Ok(match self.record(number).await? {
                    Some(there) if there.attempt == record.attempt => PartVerdict::Counts,
                    Some(_) => PartVerdict::AlreadyMade,
                    // Ended since. It may have been this attempt's, and be published.
                    None => PartVerdict::Over,
                })
            }
            Err(error) => Err(error),
        }
    }

    /// What a planted bug does: files that a record names are there some time after it.
    pub(super) async fn put_record_first(
        &self,
        number: usize,
        record: &PartRecord,
    ) -> Result<PartVerdict, StorageError> {
        let mut files = Vec::new();
        for file in record.outcomes.iter().flatten().flat_map(|outcome| &outcome.files) {
            files.push((&file.path, self.storage.read(&file.path).await?));
            self.storage.delete(&file.path).await?;
        }
        let verdict = self.put_record(number, record).await?;
        tokio::time::sleep(Duration::from_millis(500)).await;
        for (path, bytes) in files {
            self.storage.write(path, bytes.to_vec()).await?;
        }
        Ok(verdict)
    }
}

pub(super) fn failed(name: &'static str) -> Result<(), StorageError> {
    failpoint::hit(name).map_err(|error| StorageError::Io(error.to_string()))
}
