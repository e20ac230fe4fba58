//! A store whose files are read through a [`DiskCache`].

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use futures::stream::BoxStream;
use futures::{StreamExt, stream};
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    ObjectStoreExt, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

use super::disk_cache::{DiskCache, is_kept};
use super::instruments;

/// Reads files of another store once, and from the local disk from then on.
#[derive(Debug)]
pub(super) struct CachedStore {
    inner: Arc<dyn ObjectStore>,
    cache: Arc<DiskCache>,
    copies: LocalFileSystem,
}

impl CachedStore {
    /// The files of `inner` through `cache`.
    ///
    /// # Errors
    /// When the cache's directory cannot be read.
    pub(super) fn new(inner: Arc<dyn ObjectStore>, cache: DiskCache) -> Result<Self> {
        let copies = LocalFileSystem::new_with_prefix(cache.root())?;
        Ok(Self { inner, cache: Arc::new(cache), copies })
    }

    /// The name of a file's copy, which is fetched if there is none; `None` if it is not to be
    /// kept, or cannot be.
    async fn fetch(&self, location: &Path) -> Result<Option<Path>> {
        if let Some(copy) = self.cache.find(location).await {
            instruments::cache_read(true);
            return Ok(Some(copy));
        }
        let turn = self.cache.turn(location);
        let _turn = turn.lock().await;
        if let Some(copy) = self.cache.find(location).await {
            instruments::cache_read(true);
            return Ok(Some(copy));
        }
        instruments::cache_read(false);
        let found = self.inner.get(location).await?;
        let size_bytes = found.meta.size;
        if !self.cache.is_for(location, size_bytes) {
            return Ok(None);
        }
        if let Err(error) = self.cache.keep(location, size_bytes, found.into_stream()).await {
            tracing::warn!(path = %location, %error, "a file could not be kept in the cache");
        }
        Ok(self.cache.find(location).await)
    }

    async fn get_copy(
        &self,
        copy: &Path,
        location: &Path,
        options: GetOptions,
    ) -> Result<GetResult> {
        let mut found = self.copies.get_opts(copy, options).await?;
        found.meta.location = location.clone();
        Ok(found)
    }
}

impl fmt::Display for CachedStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

#[async_trait]
impl ObjectStore for CachedStore {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult> {
        let size_bytes = payload.content_length() as u64;
        if !self.cache.is_for(location, size_bytes) {
            return self.inner.put_opts(location, payload, options).await;
        }
        let put = self.inner.put_opts(location, payload.clone(), options).await?;
        // A run's files are read soon.
        let bytes = stream::iter(payload.into_iter().map(Ok)).boxed();
        if let Err(error) = self.cache.keep(location, size_bytes, bytes).await {
            tracing::warn!(path = %location, %error, "a file could not be kept in the cache");
        }
        Ok(put)
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(location, options).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        // Whether it is there is not for a copy to say.
        if is_kept(location)
            && !options.head
            && let Some(copy) = self.fetch(location).await?
        {
            match self.get_copy(&copy, location, options.clone()).await {
                // It was deleted meanwhile, by somebody or to make room.
                Err(object_store::Error::NotFound { .. }) => self.cache.remove(location),
                found => return found,
            }
        }
        self.inner.get_opts(location, options).await
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        let cache = Arc::clone(&self.cache);
        let deleted = self.inner.delete_stream(locations);
        let forget = move |result: &Result<Path>| {
            if let Ok(path) = result {
                cache.remove(path);
            }
        };
        deleted.inspect(forget).boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}
