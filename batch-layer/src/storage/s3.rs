//! Objects in a bucket of a service that speaks S3.
//!
//! Endpoint, region and credentials come from the environment as AWS's own tools read it
//! (`AWS_ENDPOINT_URL`, `AWS_REGION`, `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, …), or, on a
//! machine of AWS, from its role.
//!
//! Everything that Merganser agrees on rests on the service refusing a second object of a name
//! (`If-None-Match: *`). Not every service that speaks S3 does, so [`probe`] tries it at each
//! start.
//!
//! A request that fails is tried again with growing pauses, as far as that is harmless. Large
//! objects are written in parts; a part that no object came of is deleted by the bucket's own rule
//! for incomplete uploads, if it has one.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use futures::stream::BoxStream;
use futures::{StreamExt, TryFutureExt};
use object_store::aws::AmazonS3Builder;
use object_store::path::Path;
use object_store::prefix::PrefixStore;
use object_store::{
    BackoffConfig, ClientOptions, CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload,
    ObjectMeta, ObjectStore, ObjectStoreExt, PutMode, PutMultipartOptions, PutOptions, PutPayload,
    PutResult, Result, RetryConfig, WriteMultipart,
};

use super::address::S3Address;
use super::instruments::{self, StorageOperation};
use super::{StorageError, unique_name};
use crate::error_text::error_text;

/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(5);
/// How long one try of a request may take, its body included. Reading goes on where it stopped.
const REQUEST: Duration = Duration::from_secs(30);
/// The same for the journal's requests, for which somebody waits.
const JOURNAL_REQUEST: Duration = Duration::from_secs(10);
/// How often a request is tried again, and for how long in all.
const RETRIES: (usize, Duration) = (5, Duration::from_secs(60));
/// The first pause between two tries, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// Objects over this are written in parts of it. A part has at least 5 MiB, and there are at most
/// 10,000: objects of up to 156 GiB.
const PART_BYTES: usize = 16 << 20;
/// Parts that are under way at a time.
const PARTS_AT_A_TIME: usize = 4;

/// The bucket's folder as a store that has been tried.
///
/// # Errors
/// When it cannot be used: what is wrong, and what would be right.
pub(super) async fn open(address: &S3Address) -> std::result::Result<S3Store, StorageError> {
    let store = connect(address, REQUEST)?;
    probe(&store, address).await?;
    Ok(store)
}

/// The same folder with connections of its own, for the journal.
///
/// # Errors
/// When the environment does not say how to reach it.
pub(super) fn connect_journal(address: &S3Address) -> std::result::Result<S3Store, StorageError> {
    connect(address, JOURNAL_REQUEST)
}

/// The bucket's folder as a store, of which a try of a request may take so long.
///
/// # Errors
/// When the environment does not say how to reach it.
fn connect(address: &S3Address, request: Duration) -> std::result::Result<S3Store, StorageError> {
    let (retries, all) = RETRIES;
    let (first, longest) = PAUSES;
    let retry = RetryConfig {
        backoff: BackoffConfig { init_backoff: first, max_backoff: longest, base: 2. },
        max_retries: retries,
        retry_timeout: all,
    };
    let client = ClientOptions::new()
        .with_allow_http(true)
        .with_connect_timeout(CONNECT)
        .with_timeout(request);
    let store = AmazonS3Builder::from_env()
        .with_bucket_name(&address.bucket)
        .with_retry(retry)
        .with_client_options(client)
        .build()
        .map_err(|error| unreachable(address, &error))?;
    let inner: Arc<dyn ObjectStore> = match &*address.prefix {
        "" => Arc::new(store),
        prefix => Arc::new(PrefixStore::new(store, prefix)),
    };
    instruments::describe();
    Ok(S3Store { inner })
}

/// Tries what everything rests on: that an object is there once it was written, that a second one
/// of its name is refused, and that it can be deleted.
///
/// # Errors
/// What is wrong, and what would be right.
async fn probe(
    store: &dyn ObjectStore,
    address: &S3Address,
) -> std::result::Result<(), StorageError> {
    let path = Path::from(format!("probes/{}", unique_name()));
    let create = |text: &'static str| {
        let options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
        store.put_opts(&path, PutPayload::from_static(text.as_bytes()), options)
    };
    create("first").await.map_err(|error| unreachable(address, &error))?;
    let second = create("second").await;
    let found = store.get(&path).and_then(GetResult::bytes).await;
    let deleted = store.delete(&path).await;
    let found = found.map_err(|error| unreachable(address, &error))?;
    if !matches!(second, Err(object_store::Error::AlreadyExists { .. })) || *found != *b"first" {
        return Err(StorageError::Io(format!(
            "the storage {address} does not refuse a second object of a name (a put with \
             `If-None-Match: *`), so that two processes could overwrite each other; use one that \
             does, as AWS S3, SeaweedFS, MinIO or Ceph"
        )));
    }
    deleted.map_err(|error| unreachable(address, &error))
}

fn unreachable(address: &S3Address, error: &object_store::Error) -> StorageError {
    let (what, advice) = (error_text(error), advice(error));
    StorageError::Io(format!("the storage {address} cannot be used: {what}; {advice}"))
}

/// What would make it right.
fn advice(error: &object_store::Error) -> &'static str {
    match error {
        object_store::Error::NotFound { .. } => {
            "create the bucket first, and see that AWS_REGION is its region"
        }
        object_store::Error::PermissionDenied { .. }
        | object_store::Error::Unauthenticated { .. } => {
            "see that AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are of a user who may list the \
             bucket, and read, write and delete its objects"
        }
        _ => {
            "see that AWS_ENDPOINT_URL (without one, AWS's own), AWS_REGION, AWS_ACCESS_KEY_ID and \
             AWS_SECRET_ACCESS_KEY are right, and that the service is up"
        }
    }
}

/// A bucket's folder, whose requests are counted and timed.
#[derive(Debug)]
pub(super) struct S3Store {
    inner: Arc<dyn ObjectStore>,
}

impl fmt::Display for S3Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

impl S3Store {
    /// Writes a large object, which is there whole or not at all.
    async fn put_in_parts(&self, location: &Path, payload: PutPayload) -> Result<PutResult> {
        let upload = self.inner.put_multipart(location).await?;
        let mut write = WriteMultipart::new_with_chunk_size(upload, PART_BYTES);
        for mut piece in payload {
            while !piece.is_empty() {
                if let Err(error) = write.wait_for_capacity(PARTS_AT_A_TIME).await {
                    // What cannot be given up either is left to the bucket's rule.
                    let _ = write.abort().await;
                    return Err(error);
                }
                write.put(piece.split_to(piece.len().min(PART_BYTES)));
            }
        }
        write.finish().await
    }
}

/// Counts and times a request.
async fn timed<T>(
    operation: StorageOperation,
    request: impl Future<Output = Result<T>>,
) -> Result<T> {
    let started = Instant::now();
    let result = request.await;
    instruments::timed(operation, started.elapsed());
    instruments::counted(operation, result.as_ref().err());
    result
}

#[async_trait]
impl ObjectStore for S3Store {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult> {
        let is_large = payload.content_length() > PART_BYTES;
        timed(StorageOperation::Put, async {
            match options.mode {
                PutMode::Overwrite if is_large => self.put_in_parts(location, payload).await,
                _ => self.inner.put_opts(location, payload, options).await,
            }
        })
        .await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(location, options).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        timed(StorageOperation::Get, self.inner.get_opts(location, options)).await
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        let deleted = self.inner.delete_stream(locations);
        let counted = |result: &Result<Path>| {
            instruments::counted(StorageOperation::Delete, result.as_ref().err());
        };
        deleted.inspect(counted).boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        counted_list(self.inner.list(prefix))
    }

    fn list_with_offset(
        &self,
        prefix: Option<&Path>,
        offset: &Path,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        counted_list(self.inner.list_with_offset(prefix, offset))
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        timed(StorageOperation::List, self.inner.list_with_delimiter(prefix)).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        timed(StorageOperation::Put, self.inner.copy_opts(from, to, options)).await
    }
}

/// Names that a list has in one answer at most.
const LIST_OBJECTS_MAX: u64 = 1000;

/// Counts a list's requests, by the names that they return.
fn counted_list(
    objects: BoxStream<'static, Result<ObjectMeta>>,
) -> BoxStream<'static, Result<ObjectMeta>> {
    instruments::counted(StorageOperation::List, None);
    let mut names = 0_u64;
    objects
        .inspect(move |object| match object {
            Err(error) => instruments::counted(StorageOperation::List, Some(error)),
            Ok(_) => {
                names += 1;
                if names.is_multiple_of(LIST_OBJECTS_MAX) {
                    instruments::counted(StorageOperation::List, None);
                }
            }
        })
        .boxed()
}
