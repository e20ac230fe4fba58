//! A storage whose answers get lost.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use async_trait::async_trait;
use futures::StreamExt;
use futures::stream::BoxStream;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

/// Carries everything out, but says of some manifests, or of some objects of another folder, that
/// it failed.
#[derive(Debug, Default)]
pub(crate) struct ForgetfulStore {
    inner: InMemory,
    /// Answers that get lost.
    lost: AtomicU32,
    /// Of those, the ones before which nothing is carried out.
    undone: AtomicU32,
    /// The folder, if there is one, and how many were put into it.
    of: Option<(&'static str, AtomicU32)>,
    /// Whether nothing can be deleted.
    keeps_all: AtomicBool,
}

impl ForgetfulStore {
    /// Of three puts into a folder one is not carried out, and one of the others not answered.
    pub(crate) fn of(folder: &'static str) -> Self {
        Self { of: Some((folder, AtomicU32::new(0))), ..Self::default() }
    }

    /// Nothing can be deleted any more.
    pub(crate) fn keep_all(&self) {
        self.keeps_all.store(true, Ordering::SeqCst);
    }

    /// The next `lost` manifests are answered by a failure, of which the first `undone` are true.
    pub(crate) fn lose_answers(&self, lost: u32, undone: u32) {
        self.lost.store(lost, Ordering::SeqCst);
        self.undone.store(undone, Ordering::SeqCst);
    }
}

fn failure(reason: &str) -> object_store::Error {
    object_store::Error::Generic { store: "forgetful", source: reason.into() }
}

fn take_one(count: &AtomicU32) -> bool {
    let down = |left: u32| left.checked_sub(1);
    count.fetch_update(Ordering::SeqCst, Ordering::SeqCst, down).is_ok()
}

impl fmt::Display for ForgetfulStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("forgetful")
    }
}

#[async_trait]
impl ObjectStore for ForgetfulStore {
    async fn put_opts(&self, to: &Path, bytes: PutPayload, how: PutOptions) -> Result<PutResult> {
        let mut is_lost = to.as_ref().starts_with("manifest") && take_one(&self.lost);
        if let Some((_, count)) = self.of.as_ref().filter(|(of, _)| to.as_ref().starts_with(of)) {
            let count = count.fetch_add(1, Ordering::SeqCst);
            self.lose_answers(u32::from(count % 3 != 0), u32::from(count % 3 == 1));
            is_lost = take_one(&self.lost);
        }
        if is_lost && take_one(&self.undone) {
            return Err(failure("no answer"));
        }
        let result = self.inner.put_opts(to, bytes, how).await;
        if is_lost { Err(failure("no answer")) } else { result }
    }

    async fn put_multipart_opts(
        &self,
        to: &Path,
        how: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(to, how).await
    }

    async fn get_opts(&self, from: &Path, how: GetOptions) -> Result<GetResult> {
        self.inner.get_opts(from, how).await
    }

    fn delete_stream(
        &self,
        paths: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        if self.keeps_all.load(Ordering::SeqCst) {
            return paths.map(|_| Err(failure("it may not be deleted"))).boxed();
        }
        self.inner.delete_stream(paths)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, how: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, how).await
    }
}
