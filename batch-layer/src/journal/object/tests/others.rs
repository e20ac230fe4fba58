//! What a handle makes of objects that others join and trim meanwhile.

use std::fmt;
use std::sync::Mutex;

use async_trait::async_trait;
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

use super::*;

/// The owner of before, with an epoch that has ended and was not joined yet, and its events.
fn before_it_joins(store: &Arc<InMemory>) -> (ObjectJournal, Vec<u64>) {
    let old = claimed(store);
    (0..30).for_each(|n| drop(old.append(&events([n])).unwrap()));
    old.seal().unwrap();
    old.append(&events([30])).unwrap();
    (old, (0..31).collect())
}

/// A handle that finds entries of others at each look keeps the newest of them only.
#[test]
fn who_follows_without_a_pause_does_not_keep_all_entries() {
    let store = Arc::new(InMemory::new());
    let journal = claimed(&store);
    let follower = open(&store);
    for n in 0..2500 {
        journal.append(&events([n])).unwrap();
        if n % 100 == 99 {
            assert_eq!(follower.follow().unwrap(), Offset(n + 1));
            let kept = follower.index.read().all().count();
            assert!(kept < 2000, "{kept} objects are kept");
            journal.trim(Offset(n / 2)).unwrap();
        }
    }
    assert!(follower.start() > Offset(500), "{:?}", follower.start());
    assert!(follower.size_bytes() < 2 * journal.size_bytes());
    assert_eq!(read(&follower, 2000).unwrap(), (2000..2500).collect::<Vec<u64>>());
}

/// An owner that is held up while it joins deletes entries that the next one has listed.
#[test]
fn entries_that_the_owner_of_before_has_joined_are_no_error_of_the_next_one() {
    let store = Arc::new(InMemory::new());
    let (old, mut expected) = before_it_joins(&store);
    let new = claimed(&store);
    old.trim(Offset(0)).unwrap();
    new.trim(Offset(0)).unwrap();
    assert_eq!(read(&new, 0).unwrap(), expected);
    new.append(&events([31])).unwrap();
    expected.push(31);
    new.seal().unwrap();
    new.trim(Offset(0)).unwrap();
    assert!(names(&store).len() < 8, "{:?}", names(&store));
    for journal in [&new, &open(&store)] {
        assert_eq!(read(journal, 0).unwrap(), expected);
    }
}

#[test]
fn what_is_appended_while_all_objects_are_listed_stays() {
    let store = Arc::new(InMemory::new());
    let (old, mut expected) = before_it_joins(&store);
    let new = claimed(&store);
    old.trim(Offset(0)).unwrap();
    let listed = list(&new.store).unwrap();
    let behind = tail(&new.store, listed.live.back().unwrap()).unwrap();
    (31..35).for_each(|n| drop(new.append(&events([n])).unwrap()));
    new.index.write().relist(listed, behind);
    new.append(&events([35])).unwrap();
    expected.extend(31..36);
    assert_eq!((new.start(), new.end()), (Offset(0), Offset(36)));
    assert_eq!(read(&new, 0).unwrap(), expected);
    assert_eq!(new.size_bytes(), open(&store).size_bytes());
}

/// A storage that lists folders in any order, and in which another handle joins entries once the
/// first folder is listed.
#[derive(Debug)]
struct JoinedMeanwhile {
    inner: Arc<InMemory>,
    other: Mutex<Option<ObjectJournal>>,
}

impl fmt::Display for JoinedMeanwhile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("joined meanwhile")
    }
}

#[async_trait]
impl ObjectStore for JoinedMeanwhile {
    async fn put_opts(&self, to: &Path, bytes: PutPayload, how: PutOptions) -> Result<PutResult> {
        self.inner.put_opts(to, bytes, how).await
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
        self.inner.delete_stream(paths)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        let folders = match prefix.is_some_and(|prefix| *prefix == Path::from("journal")) {
            true => vec![Path::from("journal/segments"), Path::from("journal/entries")],
            false => prefix.cloned().into_iter().collect(),
        };
        let list = |folder: &Path| {
            let listed = self.inner.list(Some(folder));
            if let Some(other) = self.other.lock().unwrap().take() {
                other.trim(Offset(0)).unwrap();
            }
            listed
        };
        let listed: Vec<_> = folders.iter().map(list).collect();
        stream::iter(listed).flatten().boxed()
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, how: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, how).await
    }
}

#[test]
fn what_is_joined_between_two_folders_is_not_lost() {
    let inner = Arc::new(InMemory::new());
    let (old, expected) = before_it_joins(&inner);
    let store = Arc::new(JoinedMeanwhile { inner, other: Mutex::new(Some(old)) });
    let journal = ObjectJournal::open(Arc::clone(&store) as _, JournalSettings::default()).unwrap();
    assert!(store.other.lock().unwrap().is_none(), "nothing was joined");
    assert_eq!(read(&journal, 0).unwrap(), expected);
}
