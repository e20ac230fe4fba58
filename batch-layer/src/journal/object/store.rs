//! The journal's requests to its storage, for callers that block.
//!
//! They have connections of their own, so that no run's large object stands in an
//! acknowledgement's way.

use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::Duration;

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use merganser_core::journal::JournalError;
use object_store::path::Path;
use object_store::{
    GetOptions, GetRange, ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload,
};

use super::index::JournalObject;
use super::place::{FOLDER, ObjectPlace};
use crate::error_text::error_text;
use crate::storage_thread::{StorageThread, ended};

/// What became of a put.
#[derive(Debug)]
pub(super) enum PutOutcome {
    /// The object is there, durably.
    Created,
    /// Another one has the name.
    Taken,
    /// It was refused before anything was written.
    Refused(String),
    /// Nobody knows.
    InDoubt(String),
}

/// The storage under a journal.
#[derive(Debug)]
pub(super) struct JournalStorage {
    store: Arc<dyn ObjectStore>,
    thread: StorageThread,
}

impl JournalStorage {
    /// The journal in `store`, which is used by nothing else.
    pub(super) fn new(store: Arc<dyn ObjectStore>) -> Result<Self, JournalError> {
        let thread = StorageThread::start("journal-storage")
            .map_err(|error| JournalError::Io(format!("a thread for the journal: {error}")))?;
        Ok(Self { store, thread })
    }

    /// Puts an object that is not there yet.
    pub(super) fn create(&self, place: &ObjectPlace, bytes: Bytes) -> PutOutcome {
        let (store, path) = (Arc::clone(&self.store), path(place));
        let put = self.thread.wait(async move {
            let options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
            store.put_opts(&path, PutPayload::from(bytes), options).await
        });
        use object_store::Error as E;
        match put {
            Ok(_) => PutOutcome::Created,
            Err(E::AlreadyExists { .. }) => PutOutcome::Taken,
            Err(
                error @ (E::PermissionDenied { .. }
                | E::Unauthenticated { .. }
                | E::NotFound { .. }),
            ) => PutOutcome::Refused(error_text(&error)),
            Err(error) => PutOutcome::InDoubt(error_text(&error)),
        }
    }

    /// Begins to read an object.
    pub(super) fn begin_read(&self, place: &ObjectPlace) -> Receiver<object_store::Result<Bytes>> {
        let (store, path) = (Arc::clone(&self.store), path(place));
        self.thread.begin(async move { store.get(&path).await?.bytes().await })
    }

    /// Reads an object.
    ///
    /// # Errors
    /// When it is missing or cannot be read.
    pub(super) fn read(&self, place: &ObjectPlace) -> object_store::Result<Bytes> {
        self.begin_read(place).recv().unwrap_or_else(|_| Err(ended()))
    }

    /// Reads the first bytes of an object, or all if there are fewer.
    ///
    /// # Errors
    /// As [`JournalStorage::read`].
    pub(super) fn read_head(
        &self,
        place: &ObjectPlace,
        bytes: usize,
    ) -> object_store::Result<Bytes> {
        let (store, path) = (Arc::clone(&self.store), path(place));
        let range = Some(GetRange::Bounded(0..bytes as u64));
        let options = GetOptions { range, ..GetOptions::default() };
        self.thread.wait(async move { store.get_opts(&path, options).await?.bytes().await })
    }

    /// All objects of the journal.
    ///
    /// # Errors
    /// When they cannot be listed.
    pub(super) fn list(&self) -> object_store::Result<Vec<JournalObject>> {
        let store = Arc::clone(&self.store);
        self.thread.wait(async move {
            let objects = store.list(Some(&Path::from(FOLDER)));
            let objects: Vec<_> = objects.try_collect().await?;
            Ok(objects.into_iter().filter_map(journal_object).collect())
        })
    }

    /// Entries whose names come after that of an entry, in order.
    ///
    /// # Errors
    /// When they cannot be listed.
    pub(super) fn list_after(
        &self,
        place: &ObjectPlace,
    ) -> object_store::Result<Vec<JournalObject>> {
        let (store, after) = (Arc::clone(&self.store), path(place));
        let mut entries: Vec<JournalObject> = self.thread.wait(async move {
            let folder = Path::from(format!("{FOLDER}/entries"));
            let objects = store.list_with_offset(Some(&folder), &after);
            let objects: Vec<_> = objects.try_collect().await?;
            Ok(objects.into_iter().filter_map(journal_object).collect())
        })?;
        entries.sort_by_key(|entry| entry.place.sequences());
        Ok(entries)
    }

    /// Deletes objects, in order; those that are not there are no error.
    ///
    /// # Errors
    /// When one cannot be deleted.
    pub(super) fn delete(&self, places: &[ObjectPlace]) -> object_store::Result<()> {
        let store = Arc::clone(&self.store);
        let paths: Vec<_> = places.iter().map(|place| Ok(path(place))).collect();
        self.thread.wait(async move {
            let deleted = store.delete_stream(stream::iter(paths).boxed());
            let missing =
                |error: &object_store::Error| matches!(error, object_store::Error::NotFound { .. });
            deleted
                .filter(|result| {
                    let is_missing = result.as_ref().err().is_some_and(missing);
                    std::future::ready(!is_missing)
                })
                .try_for_each(|_| std::future::ready(Ok(())))
                .await
        })
    }

    /// Waits a while, on the storage's thread.
    pub(super) fn pause(&self, time: Duration) {
        let _ = self.thread.wait(async move {
            tokio::time::sleep(time).await;
            Ok(())
        });
    }
}

fn journal_object(meta: object_store::ObjectMeta) -> Option<JournalObject> {
    let place = ObjectPlace::parse(meta.location.as_ref())?;
    Some(JournalObject { place, size_bytes: meta.size })
}

fn path(place: &ObjectPlace) -> Path {
    Path::from(place.name())
}

/// A request that failed, as a journal's error.
pub(super) fn io_error(
    doing: &str,
    place: &ObjectPlace,
    error: &object_store::Error,
) -> JournalError {
    JournalError::Io(format!("{doing} {}: {}", place.name(), error_text(error)))
}

/// Damage, with its place.
pub(super) fn corrupt(place: &ObjectPlace, why: &str) -> JournalError {
    JournalError::Corrupt(format!("{}: {why}", place.name()))
}
