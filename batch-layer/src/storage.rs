//! Where the batch layer keeps its objects: an [`ObjectStore`], durable in every write.
//!
//! The local store that comes with `object_store` does not fsync, so [`DurableLocalStore`] writes
//! by [`crate::files`] and reads by it. Another store (S3) fits in the same place: its writes
//! have to be durable when they are answered, and its `PutMode::Create` atomic.
//!
//! [`Storage`] adds what the rest of the layer needs: typed errors, small checksummed documents,
//! and a list of what has been written and is not published yet, which is not collected as long as
//! its writer is at work ([`Storage::for_work`]).

mod local;

use merganser_core::blocking::WorkerFailure;

use std::collections::HashMap;
use std::path::Path as FsPath;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures::TryStreamExt;
use futures::stream::BoxStream;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{
    ObjectMeta, ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload, Result,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

use self::local::DurableLocalStore;
use crate::files;
use crate::journal::{DirectoryLock, LockedDirectory};

/// What can go wrong with an object.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StorageError {
    /// There is an object of this name already.
    #[error("`{0}` exists already")]
    Exists(String),
    /// There is none.
    #[error("`{0}` is missing")]
    Missing(String),
    /// Its content is not what was written.
    #[error("`{path}` is damaged: {reason}")]
    Damaged {
        /// Which object.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Reading or writing failed.
    #[error("{0}")]
    Io(String),
}

impl From<object_store::Error> for StorageError {
    fn from(error: object_store::Error) -> Self {
        match error {
            object_store::Error::AlreadyExists { path, .. } => Self::Exists(path),
            object_store::Error::NotFound { path, .. } => Self::Missing(path),
            other => Self::Io(other.to_string()),
        }
    }
}

impl From<WorkerFailure> for StorageError {
    fn from(failure: WorkerFailure) -> Self {
        Self::Io(failure.to_string())
    }
}

/// The batch layer's objects.
#[derive(Clone, Debug)]
pub struct Storage {
    store: Arc<dyn ObjectStore>,
    unpublished: UnpublishedObjects,
    work: Option<Arc<UnpublishedGuard>>,
}

/// Paths of objects that no manifest names yet, and the work that they were written for.
type UnpublishedObjects = Arc<Mutex<HashMap<String, Option<u64>>>>;

/// A piece of work that writes objects. When it ends, what it has not published is given up.
#[derive(Debug)]
struct UnpublishedGuard {
    number: u64,
    unpublished: UnpublishedObjects,
}

impl Drop for UnpublishedGuard {
    fn drop(&mut self) {
        let mut unpublished = self.unpublished.lock().unwrap_or_else(PoisonError::into_inner);
        unpublished.retain(|_, work| *work != Some(self.number));
    }
}

impl Storage {
    /// Objects in a local directory, which is created if it is missing.
    ///
    /// What a crash left unfinished in it is deleted: the caller holds the directory's lock.
    ///
    /// # Errors
    /// When it cannot be created, or what was left not be deleted.
    pub fn local(directory: &FsPath) -> std::result::Result<Self, StorageError> {
        Self::of_directory(directory, None)
    }

    /// As [`Storage::local`], in a data directory that was locked. Nothing is read, written or
    /// deleted by its path once that leads to another one, or to none.
    ///
    /// # Errors
    /// As there.
    pub fn local_in(lock: &DirectoryLock) -> std::result::Result<Self, StorageError> {
        Self::of_directory(lock.directory(), Some(lock.locked_directory().clone()))
    }

    fn of_directory(
        directory: &FsPath,
        held: Option<LockedDirectory>,
    ) -> std::result::Result<Self, StorageError> {
        let io = |e: std::io::Error| StorageError::Io(format!("{}: {e}", directory.display()));
        files::create_directory(directory).map_err(io)?;
        let root = directory.canonicalize().map_err(io)?;
        let removed = files::remove_unfinished(&root).map_err(io)?;
        if removed > 0 {
            tracing::info!(removed, "deleted files that a crash left unfinished");
        }
        let inner = LocalFileSystem::new_with_prefix(&root)?;
        Ok(Self::new(Arc::new(DurableLocalStore::new(inner, root, held))))
    }

    /// Objects in any store whose writes are durable.
    #[must_use]
    pub fn new(store: Arc<dyn ObjectStore>) -> Self {
        Self { store, unpublished: Arc::default(), work: None }
    }

    /// The same objects, for a piece of work: what is written by this handle and its clones is kept
    /// from being collected until it is published, or the last of them is dropped.
    #[must_use]
    pub fn for_work(&self) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let work = UnpublishedGuard { number, unpublished: Arc::clone(&self.unpublished) };
        Self { work: Some(Arc::new(work)), ..self.clone() }
    }

    /// The store itself, for readers of Parquet.
    #[must_use]
    pub fn object_store(&self) -> Arc<dyn ObjectStore> {
        Arc::clone(&self.store)
    }

    /// Writes a new object, which stays unpublished until [`Storage::mark_published`] names it.
    ///
    /// # Errors
    /// [`StorageError::Exists`] when there is one of this name.
    pub async fn create(
        &self,
        path: &str,
        bytes: Vec<u8>,
    ) -> std::result::Result<(), StorageError> {
        let work = self.work.as_ref().map(|work| work.number);
        self.unpublished
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(path.to_owned(), work);
        let options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
        self.store.put_opts(&Path::from(path), PutPayload::from(bytes), options).await?;
        Ok(())
    }

    /// Writes an object in the place of one that there may be.
    ///
    /// # Errors
    /// When it cannot be written.
    pub async fn replace(
        &self,
        path: &str,
        bytes: Vec<u8>,
    ) -> std::result::Result<(), StorageError> {
        self.store.put(&Path::from(path), PutPayload::from(bytes)).await?;
        Ok(())
    }

    /// Reads an object.
    ///
    /// # Errors
    /// [`StorageError::Missing`], or when it cannot be read.
    pub async fn read(&self, path: &str) -> std::result::Result<Bytes, StorageError> {
        Ok(self.store.get(&Path::from(path)).await?.bytes().await?)
    }

    /// Reads an object in pieces: how many bytes it has, and they.
    ///
    /// # Errors
    /// As [`Storage::read`].
    pub async fn stream(
        &self,
        path: &str,
    ) -> std::result::Result<(u64, BoxStream<'static, Result<Bytes>>), StorageError> {
        let found = self.store.get(&Path::from(path)).await?;
        Ok((found.meta.size, found.into_stream()))
    }

    /// Writes a new document: JSON, and a line with its CRC32C.
    ///
    /// # Errors
    /// As [`Storage::create`].
    pub async fn create_document(
        &self,
        path: &str,
        document: &impl Serialize,
    ) -> std::result::Result<(), StorageError> {
        self.create(path, seal(path, document)?).await
    }

    /// Writes a document in the place of one that there may be.
    ///
    /// # Errors
    /// As [`Storage::replace`].
    pub async fn replace_document(
        &self,
        path: &str,
        document: &impl Serialize,
    ) -> std::result::Result<(), StorageError> {
        self.replace(path, seal(path, document)?).await
    }

    /// Reads a document.
    ///
    /// # Errors
    /// [`StorageError::Damaged`] when its checksum or its shape is wrong.
    pub async fn read_document<T: DeserializeOwned>(
        &self,
        path: &str,
    ) -> std::result::Result<T, StorageError> {
        unseal(path, &self.read(path).await?)
    }

    /// Paths and sizes of all objects below a folder.
    ///
    /// # Errors
    /// When it cannot be listed.
    pub async fn list(
        &self,
        folder: &str,
    ) -> std::result::Result<Vec<(String, u64)>, StorageError> {
        let objects = self.store.list(Some(&Path::from(folder)));
        let objects: Vec<ObjectMeta> = objects.try_collect().await?;
        Ok(objects.into_iter().map(|o| (o.location.to_string(), o.size)).collect())
    }

    /// Deletes an object; one that is not there is no error.
    ///
    /// # Errors
    /// When it cannot be deleted.
    pub async fn delete(&self, path: &str) -> std::result::Result<(), StorageError> {
        match self.store.delete(&Path::from(path)).await.map_err(StorageError::from) {
            Err(StorageError::Missing(_)) => Ok(()),
            other => other,
        }
    }

    /// These objects are named by a manifest now, or given up: they are no longer kept from being
    /// collected.
    pub fn mark_published<'a>(&self, paths: impl IntoIterator<Item = &'a str>) {
        let mut unpublished = self.unpublished.lock().unwrap_or_else(PoisonError::into_inner);
        paths.into_iter().for_each(|path| {
            unpublished.remove(path);
        });
    }

    /// Whether the object was written by this process and is not published yet.
    #[must_use]
    pub fn is_unpublished(&self, path: &str) -> bool {
        self.unpublished.lock().unwrap_or_else(PoisonError::into_inner).contains_key(path)
    }
}

/// A name that no other object has.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "names of objects are no part of what is computed")]
pub fn unique_name() -> String {
    uuid::Uuid::now_v7().simple().to_string()
}

fn seal(path: &str, document: &impl Serialize) -> std::result::Result<Vec<u8>, StorageError> {
    let json = serde_json::to_vec_pretty(document);
    let mut bytes = json.map_err(|e| StorageError::Io(format!("`{path}`: {e}")))?;
    let checksum = crc32c::crc32c(&bytes);
    bytes.extend(format!("\ncrc32c:{checksum:08x}\n").into_bytes());
    Ok(bytes)
}

fn unseal<T: DeserializeOwned>(path: &str, bytes: &[u8]) -> std::result::Result<T, StorageError> {
    let damaged =
        |reason: &str| StorageError::Damaged { path: path.to_owned(), reason: reason.to_owned() };
    const TRAILER: usize = "\ncrc32c:00000000\n".len();
    let at = bytes.len().checked_sub(TRAILER).ok_or_else(|| damaged("it is cut off"))?;
    let (json, trailer) = bytes.split_at(at);
    if trailer != format!("\ncrc32c:{:08x}\n", crc32c::crc32c(json)).as_bytes() {
        return Err(damaged("its checksum is wrong"));
    }
    serde_json::from_slice(json).map_err(|e| damaged(&e.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_name_is_created_once_and_damage_is_seen() {
        let directory = tempfile::tempdir().unwrap();
        let storage = Storage::local(directory.path()).unwrap();
        storage.create_document("a/b.json", &vec![1, 2]).await.unwrap();
        let again = storage.create_document("a/b.json", &vec![3]).await.unwrap_err();
        assert!(matches!(again, StorageError::Exists(_)), "{again}");
        assert_eq!(storage.read_document::<Vec<i32>>("a/b.json").await.unwrap(), [1, 2]);
        assert!(storage.is_unpublished("a/b.json"));
        storage.mark_published(["a/b.json"]);
        assert!(!storage.is_unpublished("a/b.json"));
        let work = storage.for_work();
        work.clone().create("a/c", vec![1]).await.unwrap();
        assert!(storage.is_unpublished("a/c"));
        drop(work);
        assert!(!storage.is_unpublished("a/c"), "its writer has given it up");
        storage.delete("a/c").await.unwrap();
        assert_eq!(storage.list("a").await.unwrap().len(), 1);

        let path = directory.path().join("a/b.json");
        let whole = std::fs::read(&path).unwrap();
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= 1;
            std::fs::write(&path, &bytes).unwrap();
            let error = storage.read_document::<Vec<i32>>("a/b.json").await.unwrap_err();
            assert!(matches!(error, StorageError::Damaged { .. }), "{error}");
            std::fs::write(&path, &whole[..at]).unwrap();
            assert!(storage.read_document::<Vec<i32>>("a/b.json").await.is_err());
        }
        storage.delete("a/b.json").await.unwrap();
        storage.delete("a/b.json").await.unwrap();
        let gone = storage.read("a/b.json").await.unwrap_err();
        assert!(matches!(gone, StorageError::Missing(_)), "{gone}");
    }
}
