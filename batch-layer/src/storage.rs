//! Where the batch layer keeps its objects: an [`ObjectStore`], durable in every write, whose
//! `PutMode::Create` is atomic.
//!
//! | part | what |
//! |---|---|
//! | `address` | the setting that says which |
//! | `local` | in the data directory: what comes with `object_store` does not fsync |
//! | `s3` | in a bucket, with retries and a probe of what it promises |
//! | `cached`, `disk_cache` | files of a bucket, kept on the local disk |
//! | `document` | small documents, with a checksum |
//!
//! [`Storage`] adds what the rest of the layer needs: typed errors, small checksummed documents,
//! and a list of what has been written and is not published yet, which is not collected as long as
//! its writer is at work ([`Storage::for_work`]).

mod address;
mod cached;
mod disk_cache;
mod document;
mod instruments;
mod local;
mod s3;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::path::Path as FsPath;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures::TryStreamExt;
use futures::stream::BoxStream;
use merganser_core::blocking::WorkerFailure;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{
    ObjectMeta, ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload, Result,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

pub use self::address::{S3Address, StorageAddress, StorageAddressError};

use self::cached::CachedStore;
use self::disk_cache::DiskCache;
use self::document::{seal, unseal};
use self::local::DurableLocalStore;
use crate::error_text::error_text;
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
            other => Self::Io(error_text(&other)),
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

/// The cache's directory within the data directory.
pub const CACHE_DIRECTORY: &str = "cache";

impl Storage {
    /// The objects at an address, for the one process that has locked the data directory. Of
    /// files of another machine up to `cache_bytes` are kept in it.
    ///
    /// # Errors
    /// When they cannot be reached, or their storage does not promise what is needed.
    pub async fn open(
        address: &StorageAddress,
        lock: &DirectoryLock,
        cache_bytes: u64,
    ) -> std::result::Result<Self, StorageError> {
        let address = match address {
            StorageAddress::DataDirectory => return Self::local_in(lock),
            StorageAddress::SharedDirectory(directory) => return Self::shared(directory).await,
            StorageAddress::S3(address) => address,
        };
        let store = s3::open(address).await?;
        let cache = lock.directory().join(CACHE_DIRECTORY);
        let open = move || DiskCache::open(cache, cache_bytes);
        let cache = tokio::task::spawn_blocking(open).await;
        let cache = cache.map_err(|error| StorageError::Io(error.to_string()))?;
        let cache = cache.map_err(|error| StorageError::Io(format!("the cache: {error}")))?;
        tracing::info!(storage = %address, "objects are in a bucket");
        Ok(Self::new(Arc::new(CachedStore::new(Arc::new(store), cache)?)))
    }

    /// The store for a journal among the objects at an address: with connections of its own, and
    /// without a cache.
    ///
    /// # Errors
    /// When it is not known how to reach it.
    pub fn journal_store(
        &self,
        address: &StorageAddress,
    ) -> std::result::Result<Arc<dyn ObjectStore>, StorageError> {
        match address {
            StorageAddress::DataDirectory | StorageAddress::SharedDirectory(_) => {
                Ok(self.object_store())
            }
            StorageAddress::S3(address) => Ok(Arc::new(s3::connect_journal(address)?)),
        }
    }

    /// The objects at an address, for a look from outside: nothing is changed and nothing kept.
    ///
    /// # Errors
    /// When it is not known how to reach them.
    pub fn peek(
        address: &StorageAddress,
        data_dir: &FsPath,
    ) -> std::result::Result<Self, StorageError> {
        Ok(Self::new(match address {
            StorageAddress::S3(address) => Arc::new(s3::connect_journal(address)?),
            // Not the storage of a service: that deletes what a crash left.
            StorageAddress::SharedDirectory(directory) => {
                Arc::new(LocalFileSystem::new_with_prefix(directory)?)
            }
            StorageAddress::DataDirectory => Arc::new(LocalFileSystem::new_with_prefix(data_dir)?),
        }))
    }

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

    /// Objects in a directory in which processes of other machines write, too: nothing in it is
    /// taken for unfinished. It is tried first.
    ///
    /// # Errors
    /// When it is not there, or does not promise what is needed.
    async fn shared(directory: &FsPath) -> std::result::Result<Self, StorageError> {
        let io = |e: std::io::Error| StorageError::Io(format!("{}: {e}", directory.display()));
        let storage = Self::of_root(directory.canonicalize().map_err(io)?, None)?;
        storage.probe(directory).await?;
        Ok(storage)
    }

    /// Tries what everything rests on: that a second object of a name is refused. On file systems
    /// of networks that is by links.
    async fn probe(&self, directory: &FsPath) -> std::result::Result<(), StorageError> {
        let path = format!("probes/{}", unique_name());
        let first = self.create(&path, b"first".to_vec()).await;
        let second = self.create(&path, b"second".to_vec()).await;
        let deleted = self.delete(&path).await;
        self.mark_published([&*path]);
        first?;
        if !matches!(second, Err(StorageError::Exists(_))) {
            let directory = directory.display();
            return Err(StorageError::Io(format!(
                "the directory {directory} does not refuse a second file of a name, so that two \
                 processes could overwrite each other; use one on a file system with links, as \
                 NFS, or a bucket"
            )));
        }
        deleted
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
        Self::of_root(root, held)
    }

    fn of_root(
        root: std::path::PathBuf,
        held: Option<LockedDirectory>,
    ) -> std::result::Result<Self, StorageError> {
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

    /// Writes an object under a name that others may write, too, of whom the first one wins. It
    /// stays unpublished until [`Storage::mark_published`] names it.
    ///
    /// # Errors
    /// [`StorageError::Exists`] when there is one of this name, which may be this one: an answer
    /// can get lost.
    pub async fn create(
        &self,
        path: &str,
        bytes: Vec<u8>,
    ) -> std::result::Result<(), StorageError> {
        self.put_unpublished(path, bytes, PutMode::Create).await
    }

    /// Writes an object under a name that is its own, as [`unique_name`] makes them, so that it
    /// can be tried again. It stays unpublished until [`Storage::mark_published`] names it.
    ///
    /// # Errors
    /// When it cannot be written.
    pub async fn write(&self, path: &str, bytes: Vec<u8>) -> std::result::Result<(), StorageError> {
        self.put_unpublished(path, bytes, PutMode::Overwrite).await
    }

    async fn put_unpublished(
        &self,
        path: &str,
        bytes: Vec<u8>,
        mode: PutMode,
    ) -> std::result::Result<(), StorageError> {
        let work = self.work.as_ref().map(|work| work.number);
        self.unpublished
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(path.to_owned(), work);
        let options = PutOptions { mode, ..PutOptions::default() };
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

    /// Whether there is an object of this name, whatever is kept of it elsewhere.
    ///
    /// # Errors
    /// When that cannot be found out.
    pub async fn exists(&self, path: &str) -> std::result::Result<bool, StorageError> {
        match self.store.head(&Path::from(path)).await {
            Ok(_) => Ok(true),
            Err(object_store::Error::NotFound { .. }) => Ok(false),
            Err(error) => Err(error.into()),
        }
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

    /// As [`Storage::write`], of a document.
    ///
    /// # Errors
    /// As there.
    pub async fn write_document(
        &self,
        path: &str,
        document: &impl Serialize,
    ) -> std::result::Result<(), StorageError> {
        self.write(path, seal(path, document)?).await
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

/// Tries a storage as a start does. It writes a small object, and deletes it.
///
/// # Errors
/// When it cannot be used: what is wrong, and what would be right.
pub async fn check(address: &StorageAddress) -> std::result::Result<(), StorageError> {
    match address {
        StorageAddress::DataDirectory => Ok(()),
        StorageAddress::SharedDirectory(directory) => Storage::shared(directory).await.map(drop),
        StorageAddress::S3(address) => s3::open(address).await.map(drop),
    }
}

/// A name that no other object has.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "names of objects are no part of what is computed")]
pub fn unique_name() -> String {
    uuid::Uuid::now_v7().simple().to_string()
}
