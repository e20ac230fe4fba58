//! Objects in a local directory: durable in every write, and refused once the directory is not the
//! one any more that was locked.

use std::fmt;
use std::path::{Path as FsPath, PathBuf};

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMode, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

use crate::files;
use crate::journal::LockedDirectory;

/// A local directory whose writes are fsynced, files and directories.
#[derive(Debug)]
pub(super) struct DurableLocalStore {
    inner: LocalFileSystem,
    root: PathBuf,
    held: Option<LockedDirectory>,
}

impl DurableLocalStore {
    /// The directory `root`, which `inner` is of; where it was locked, as long as it is the same.
    pub(super) fn new(
        inner: LocalFileSystem,
        root: PathBuf,
        held: Option<LockedDirectory>,
    ) -> Self {
        Self { inner, root, held }
    }
}

/// Refuses what would reach another directory of the same path.
fn check(held: Option<&LockedDirectory>) -> Result<()> {
    held.map_or(Ok(()), LockedDirectory::check)
        .map_err(|gone| object_store::Error::Generic { store: "local", source: gone.into() })
}

impl fmt::Display for DurableLocalStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.root.display())
    }
}

fn write_durably(
    root: &FsPath,
    location: &Path,
    bytes: &[u8],
    create: bool,
) -> std::io::Result<()> {
    let path = root.join(location.as_ref());
    files::create_directory(files::directory_of(&path))?;
    if !create {
        return files::replace(&path, bytes);
    }
    files::create_atomic(&path, bytes)
}

#[async_trait]
impl ObjectStore for DurableLocalStore {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult> {
        let create = match options.mode {
            PutMode::Overwrite => false,
            PutMode::Create => true,
            PutMode::Update(_) => {
                let operation = "a conditional update".to_owned();
                return Err(object_store::Error::NotImplemented {
                    operation,
                    implementer: self.to_string(),
                });
            }
        };
        check(self.held.as_ref())?;
        let (root, location) = (self.root.clone(), location.clone());
        let name = location.to_string();
        let written = tokio::task::spawn_blocking(move || {
            write_durably(&root, &location, &Bytes::from(payload), create)
        });
        match written.await? {
            Ok(()) => {
                // Checked again: `Ok` says that the object is durable, which holds only if the
                // directory is still the one of the start.
                check(self.held.as_ref())?;
                Ok(PutResult { e_tag: None, version: None })
            }
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                Err(object_store::Error::AlreadyExists { path: name, source: error.into() })
            }
            Err(error) => {
                let source = format!("writing `{name}`: {error}").into();
                Err(object_store::Error::Generic { store: "local", source })
            }
        }
    }

    async fn put_multipart_opts(
        &self,
        _: &Path,
        _: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        let operation = "a write in parts".to_owned();
        Err(object_store::Error::NotImplemented { operation, implementer: self.to_string() })
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        check(self.held.as_ref())?;
        self.inner.get_opts(location, options).await
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        let held = self.held.clone();
        let locations = locations
            .and_then(move |location| std::future::ready(check(held.as_ref()).map(|()| location)));
        self.inner.delete_stream(locations.boxed())
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        if let Err(gone) = check(self.held.as_ref()) {
            return futures::stream::once(std::future::ready(Err(gone))).boxed();
        }
        self.inner
            .list(prefix)
            .try_filter(|object| {
                let finished = !object.location.as_ref().ends_with(files::UNFINISHED);
                futures::future::ready(finished)
            })
            .boxed()
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        check(self.held.as_ref())?;
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        check(self.held.as_ref())?;
        self.inner.copy_opts(from, to, options).await
    }
}
