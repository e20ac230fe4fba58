//! A look at a data directory and its storage from outside, for `merganser doctor`: whether this
//! build can read what is there.
//!
//! Nothing is changed, and nothing is kept locked, so that it may be the directory of a service
//! that runs, or the storage of a cluster.

use std::path::Path;

use merganser_core::blocking::{WorkerFailure, run_blocking};
use merganser_core::ids::{Generation, JournalId, Offset};
use merganser_core::journal::{Journal, JournalError};
use merganser_core::time::Timestamp;

use crate::journal::{self, JournalLocation, JournalSettings, ObjectJournal};
use crate::manifest::ManifestStore;
use crate::schedule::Schedule;
use crate::storage::{Storage, StorageAddress, StorageError};

/// What is in a data directory and its storage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirectoryInspection {
    /// Its journal.
    pub journal: JournalId,
    /// Files of the journal, or its objects in the storage.
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

/// Why a start would refuse what is there.
#[derive(Debug, thiserror::Error)]
pub enum InspectError {
    /// Its journal cannot be read.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// Its manifest, or a list that it names, cannot be read.
    #[error("the manifest: {0}")]
    Manifest(#[from] StorageError),
}

impl From<WorkerFailure> for InspectError {
    fn from(failure: WorkerFailure) -> Self {
        Self::Journal(JournalError::Io(failure.to_string()))
    }
}

/// What a look at a journal found.
struct JournalLook {
    id: JournalId,
    segments: usize,
    /// Whether there may be events in it, or have been.
    is_used: bool,
}

/// Looks at the data directory `directory`, at what belongs to it in `storage`, and at the journal
/// in the one or the other; `None` if they were never used. Blocks on small files.
///
/// # Errors
/// When what is there is of a newer version, or damaged as far as a look can see.
pub async fn inspect(
    directory: &Path,
    storage: &StorageAddress,
    journal: JournalLocation,
) -> Result<Option<DirectoryInspection>, InspectError> {
    let (storage, look) = match journal {
        JournalLocation::Directory => {
            let Some(look) = journal::inspect_journal(directory)? else { return Ok(None) };
            let (id, segments, is_used) = (look.id, look.segments, look.is_used);
            (Storage::peek(storage, directory)?, JournalLook { id, segments, is_used })
        }
        JournalLocation::Storage => {
            if *storage == StorageAddress::DataDirectory && !directory.exists() {
                return Ok(None);
            }
            let storage = Storage::peek(storage, directory)?;
            match look_in_storage(&storage).await? {
                Some(look) => (storage, look),
                None => return without_journal(&storage).await,
            }
        }
    };
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

/// Looks at the journal among the storage's objects.
async fn look_in_storage(storage: &Storage) -> Result<Option<JournalLook>, InspectError> {
    let objects = storage.list(journal::JOURNAL_DIRECTORY).await?;
    let is_of_it = |name: &str| journal::entry_sequences(name).is_some();
    let segments = objects.iter().filter(|(name, _)| is_of_it(name)).count();
    if segments == 0 {
        // Opening would begin a journal; one that is there it only reads.
        return Ok(None);
    }
    let store = storage.object_store();
    let look = run_blocking(move || {
        let journal = ObjectJournal::open(store, JournalSettings::default())?;
        let is_used = journal.end() > Offset::ZERO;
        Ok::<_, InspectError>(JournalLook { id: journal.id(), segments, is_used })
    });
    Ok(Some(look.await?))
}

/// A storage without a journal is new, or its journal is elsewhere: then a start would begin one
/// that the manifest is not of, and refuse to go on.
async fn without_journal(storage: &Storage) -> Result<Option<DirectoryInspection>, InspectError> {
    if storage.list("manifest").await?.is_empty() {
        return Ok(None);
    }
    let reason = "its journal is not in the storage; if it is in a data directory, say \
                  `--journal directory`";
    let (path, reason) = ("manifest".to_owned(), reason.to_owned());
    Err(StorageError::Damaged { path, reason }.into())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::journal::FileJournal;

    async fn look(path: &Path) -> Result<Option<DirectoryInspection>, InspectError> {
        inspect(path, &StorageAddress::DataDirectory, JournalLocation::Directory).await
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

    #[tokio::test]
    async fn a_journal_in_the_storage_is_looked_at_and_never_begun() {
        let (directory, shared) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let address = StorageAddress::SharedDirectory(shared.path().to_owned());
        let look = || inspect(directory.path(), &address, JournalLocation::Storage);
        assert_eq!(look().await.unwrap(), None);
        assert_eq!(fs::read_dir(shared.path()).unwrap().count(), 0, "nothing is begun");

        let storage = Storage::local(shared.path()).unwrap();
        let store = storage.object_store();
        let journal = ObjectJournal::open(store, JournalSettings::default()).unwrap();
        let found = look().await.unwrap().unwrap();
        let expected = DirectoryInspection { journal: journal.id(), segments: 1, published: None };
        assert_eq!(found, expected);

        let manifests = ManifestStore::open(storage.clone(), journal.id(), true, Timestamp(7));
        let manifests = manifests.await.unwrap();
        let published = look().await.unwrap().unwrap().published.unwrap();
        let (generation, at) = (Generation(0), Timestamp(7));
        assert_eq!(published, ManifestSummary { generation, at, keys: 0, schedule: None });
        assert_eq!(storage.list("journal").await.unwrap().len(), 1, "nothing is appended");
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);

        let path = "manifest/00000000000000000000.json";
        let mut newer = manifests.current().manifest.clone();
        newer.format += 1;
        storage.replace_document(path, &newer).await.unwrap();
        let error = look().await.unwrap_err().to_string();
        assert!(error.contains("use a newer Merganser"), "{error}");

        for (name, _) in storage.list("journal").await.unwrap() {
            storage.delete(&name).await.unwrap();
        }
        let error = look().await.unwrap_err().to_string();
        assert!(error.contains("--journal directory"), "{error}");
    }

    #[tokio::test]
    async fn a_data_directory_is_the_storage_of_a_journal_of_objects_too() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("data");
        let look = || inspect(&path, &StorageAddress::DataDirectory, JournalLocation::Storage);
        assert_eq!(look().await.unwrap(), None);
        assert!(!path.exists());
        let store = Storage::local(&path).unwrap().object_store();
        let journal = ObjectJournal::open(store, JournalSettings::default()).unwrap();
        assert_eq!(look().await.unwrap().unwrap().journal, journal.id());
    }
}
