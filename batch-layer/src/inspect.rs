//! A look at a data directory from outside, for `merganser doctor`: whether this build can read
//! what is in it.
//!
//! Nothing is changed, and nothing is kept locked, so that it may be the directory of a service
//! that runs.

use std::path::Path;

use merganser_core::ids::{Generation, JournalId};
use merganser_core::journal::JournalError;
use merganser_core::time::Timestamp;

use crate::journal;
use crate::manifest::ManifestStore;
use crate::schedule::Schedule;
use crate::storage::{Storage, StorageAddress, StorageError};

/// What is in a data directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirectoryInspection {
    /// Its journal.
    pub journal: JournalId,
    /// Files of the journal.
    pub segments: usize,
    /// What is published; none if the first start did not come so far.
    pub published: Option<ManifestSummary>,
}

/// What the newest manifest says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManifestSummary {
    /// Its number.
    pub generation: Generation,
    /// When it was published.
    pub at: Timestamp,
    /// How many keys there are.
    pub keys: usize,
    /// The schedule that was set over HTTP.
    pub schedule: Option<Schedule>,
}

/// Why a start would refuse the directory.
#[derive(Debug, thiserror::Error)]
pub enum InspectError {
    /// Its journal cannot be read.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// Its manifest, or a list that it names, cannot be read.
    #[error("the manifest: {0}")]
    Manifest(#[from] StorageError),
}

/// Looks at the data directory `directory`, and at what belongs to it in `storage`; `None` if it
/// was never used. Blocks on small files.
///
/// # Errors
/// When what is there is of a newer version, or damaged as far as a look can see.
pub async fn inspect(
    directory: &Path,
    storage: &StorageAddress,
) -> Result<Option<DirectoryInspection>, InspectError> {
    let Some(look) = journal::inspect_journal(directory)? else { return Ok(None) };
    let storage = Storage::peek(storage, directory)?;
    let has_manifest = !storage.list("manifest").await?.is_empty();
    let published = if has_manifest || look.is_used {
        // Nothing is begun, since the journal is not said to be new.
        let opened = ManifestStore::open(storage, look.id, false, Timestamp::default()).await?;
        let state = opened.current();
        Some(ManifestSummary {
            generation: state.manifest.generation,
            at: state.manifest.published_at,
            keys: state.manifest.keys.len(),
            schedule: state.manifest.schedule.clone(),
        })
    } else {
        None
    };
    Ok(Some(DirectoryInspection { journal: look.id, segments: look.segments, published }))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::journal::{FileJournal, JournalSettings};

    async fn look(path: &Path) -> Result<Option<DirectoryInspection>, InspectError> {
        inspect(path, &StorageAddress::DataDirectory).await
    }

    #[tokio::test]
    async fn a_directory_is_summarised_by_its_journal_and_its_newest_manifest() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        assert_eq!(look(&path.join("none")).await.unwrap(), None);
        assert_eq!(look(path).await.unwrap(), None);
        drop(FileJournal::open(path, JournalSettings::default()).unwrap());
        let found = look(path).await.unwrap().unwrap();
        assert_eq!((found.segments, &found.published), (1, &None));

        let storage = Storage::local(path).unwrap();
        ManifestStore::open(storage, found.journal, true, Timestamp(7)).await.unwrap();
        let published = look(path).await.unwrap().unwrap().published.unwrap();
        let (generation, at) = (Generation(0), Timestamp(7));
        assert_eq!(published, ManifestSummary { generation, at, keys: 0, schedule: None });

        let manifest = path.join("manifest/00000000000000000000.json");
        fs::write(&manifest, "{}").unwrap();
        let error = look(path).await.unwrap_err().to_string();
        assert!(error.contains("damaged") && error.contains("manifest/"), "{error}");
    }
}
