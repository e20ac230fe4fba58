//! Lines in an object storage, beside a journal in it.
//!
//! An object cannot be appended to. So a write is an object, and the text is all of them in the
//! order of their names, `<fence>-<number>.<kind>`: from the last one of kind `whole` on, which
//! has everything of before in it. The others are of kind `more`. The fence is that under which
//! the journal was claimed, and so no other handle's. The first object of a handle is a whole one,
//! so that what an earlier handle puts from then on comes before it and does not count.
//!
//! Whoever owns the journal claims it first, and reads these lines then; and it looks whether it
//! owns the journal still before it acknowledges what it has written here. So an owner has read
//! everything that was acknowledged before it.

use std::sync::Arc;

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use merganser_core::failpoint;
use merganser_core::ids::Fence;
use merganser_core::line_store::{LineStore, LineStoreError};
use object_store::path::Path;
use object_store::{Error, ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload};

use crate::error_text::error_text;
use crate::storage_thread::StorageThread;

/// Objects behind a whole one, after which another whole one is put: a start reads all of them.
const MORE_MAX: u64 = 500;
/// Objects that are read at a time.
const AT_A_TIME: usize = 16;
/// How often the objects are listed anew, where some go while they are read.
const TRIES: usize = 10;

/// The name of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct LinesPlace {
    /// Under which it was put.
    fence: Fence,
    /// Its number among those under it.
    number: u64,
    /// Whether it has everything of before in it.
    is_whole: bool,
}

impl LinesPlace {
    fn name(self) -> String {
        let kind = if self.is_whole { "whole" } else { "more" };
        format!("{:010}-{:010}.{kind}", self.fence.0, self.number)
    }

    fn parse(name: &str) -> Option<Self> {
        let (numbers, kind) = name.split_once('.')?;
        let (fence, number) = numbers.split_once('-')?;
        let (fence, number) = (Fence(fence.parse().ok()?), number.parse().ok()?);
        let place = Self { fence, number, is_whole: kind == "whole" };
        (place.name() == name).then_some(place)
    }
}

/// A [`LineStore`] of objects in a folder.
#[derive(Debug)]
pub struct LineObjects {
    objects: LineFolder,
    thread: StorageThread,
    fence: Fence,
    /// Objects that it has put, or tried to.
    number: u64,
    /// Those since the last whole one; `None` when the next one must be whole.
    behind_whole: Option<u64>,
}

impl LineObjects {
    /// Lines in a folder of a store, for who claimed the journal in the store with this fence.
    ///
    /// # Errors
    /// When there can be no more threads.
    pub fn new(
        store: Arc<dyn ObjectStore>,
        folder: &str,
        fence: Fence,
    ) -> Result<Self, LineStoreError> {
        let thread = StorageThread::start("lines-storage").map_err(|error| LineStoreError::Io {
            place: folder.to_owned(),
            error: error.to_string(),
        })?;
        let objects = LineFolder { store, folder: Path::from(folder) };
        Ok(Self { objects, thread, fence, number: 0, behind_whole: None })
    }

    fn failed(&self, doing: &str, error: &Error) -> LineStoreError {
        let error = format!("{doing}: {}", error_text(error));
        LineStoreError::Io { place: self.place(), error }
    }

    /// Puts the next object.
    fn put(&mut self, is_whole: bool, text: &[u8]) -> Result<LinesPlace, LineStoreError> {
        // One that failed may come to be there all the same: the next one is whole, and behind it.
        self.behind_whole = None;
        self.number += 1;
        let place = LinesPlace { fence: self.fence, number: self.number, is_whole };
        let (objects, bytes) = (self.objects.clone(), Bytes::copy_from_slice(text));
        let put = self.thread.wait(async move {
            failpoint::hit("lines.put.before").map_err(other)?;
            objects.put(place, bytes).await?;
            failpoint::hit("lines.put.after").map_err(other)
        });
        match put {
            // The name is no other handle's, so it is what this call has put in an earlier try.
            Ok(()) | Err(Error::AlreadyExists { .. }) => Ok(place),
            Err(error) => Err(self.failed("writing", &error)),
        }
    }
}

impl LineStore for LineObjects {
    fn read(&mut self) -> Result<Vec<u8>, LineStoreError> {
        let objects = self.objects.clone();
        let read = self.thread.wait(async move { objects.read().await });
        let text = read.map_err(|error| self.failed("reading", &error))?;
        Ok(text.unwrap_or_default())
    }

    fn can_append(&self) -> bool {
        self.behind_whole.is_some_and(|count| count < MORE_MAX)
    }

    fn append(&mut self, lines: &[u8]) -> Result<(), LineStoreError> {
        let behind = self.behind_whole.map_or(MORE_MAX, |count| count + 1);
        self.put(false, lines)?;
        self.behind_whole = Some(behind);
        Ok(())
    }

    fn replace(&mut self, text: &[u8]) -> Result<(), LineStoreError> {
        let whole = self.put(true, text)?;
        self.behind_whole = Some(0);
        let objects = self.objects.clone();
        // Nobody waits for it: what is left is deleted the next time.
        drop(self.thread.begin(async move { objects.delete_before(whole).await }));
        Ok(())
    }

    fn place(&self) -> String {
        format!("`{}/` in the storage", self.objects.folder)
    }
}

/// The text of a folder's objects, for a copy; `None` where there is none.
///
/// # Errors
/// When it cannot be read.
pub async fn read_lines(
    store: Arc<dyn ObjectStore>,
    folder: &str,
) -> Result<Option<Vec<u8>>, Error> {
    LineFolder { store, folder: Path::from(folder) }.read().await
}

/// The name of an object with all of a copy's text, before those of whoever opens the copy.
#[must_use]
pub fn copy_name(folder: &str) -> String {
    let place = LinesPlace { fence: Fence::ZERO, number: 1, is_whole: true };
    format!("{folder}/{}", place.name())
}

#[derive(Clone, Debug)]
struct LineFolder {
    store: Arc<dyn ObjectStore>,
    folder: Path,
}

impl LineFolder {
    fn path(&self, place: LinesPlace) -> Path {
        self.folder.clone().join(place.name())
    }

    /// All there are, in order.
    async fn list(&self) -> Result<Vec<LinesPlace>, Error> {
        let listed: Vec<_> = self.store.list(Some(&self.folder)).try_collect().await?;
        let names = listed.iter().filter_map(|meta| meta.location.filename());
        let mut places: Vec<_> = names.filter_map(LinesPlace::parse).collect();
        places.sort();
        Ok(places)
    }

    /// The text, if there is one.
    async fn read(&self) -> Result<Option<Vec<u8>>, Error> {
        for _ in 0..TRIES {
            let places = self.list().await?;
            let Some(from) = places.iter().rposition(|place| place.is_whole) else {
                return Ok(None);
            };
            let gets = places.iter().skip(from).map(|place| {
                let path = self.path(*place);
                async move { self.store.get(&path).await?.bytes().await }
            });
            let gets: Vec<_> = gets.collect();
            let read: Result<Vec<Bytes>, Error> =
                stream::iter(gets).buffered(AT_A_TIME).try_collect().await;
            match read {
                Ok(parts) => return Ok(Some(parts.concat())),
                // Whoever owns it has put a whole one, and deleted these.
                Err(Error::NotFound { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Err(other("it is written all the time"))
    }

    async fn put(&self, place: LinesPlace, bytes: Bytes) -> Result<(), Error> {
        let options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
        self.store.put_opts(&self.path(place), PutPayload::from(bytes), options).await.map(drop)
    }

    /// Deletes what a whole object has in it.
    async fn delete_before(&self, whole: LinesPlace) {
        let Ok(places) = self.list().await else { return };
        let before = places.into_iter().filter(|place| *place < whole);
        let paths: Vec<_> = before.map(|place| Ok(self.path(place))).collect();
        self.store.delete_stream(stream::iter(paths).boxed()).for_each(|_| async {}).await;
    }
}

fn other(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::Generic { store: "storage", source: error.into() }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use merganser_core::testing::check_line_store;
    use object_store::memory::InMemory;

    use super::*;
    use crate::testing::ForgetfulStore;

    fn open(store: &Arc<impl ObjectStore>, fence: u64) -> LineObjects {
        let store: Arc<dyn ObjectStore> = Arc::clone(store) as _;
        LineObjects::new(store, "lines", Fence(fence)).unwrap()
    }

    fn names(lines: &LineObjects) -> Vec<String> {
        let objects = lines.objects.clone();
        let places = lines.thread.wait(async move { objects.list().await }).unwrap();
        places.into_iter().map(LinesPlace::name).collect()
    }

    #[test]
    fn it_keeps_what_every_store_of_lines_promises() {
        check_line_store(&|| {
            let (store, fence) = (Arc::new(InMemory::new()), AtomicU64::new(1));
            Box::new(move || Box::new(open(&store, fence.fetch_add(1, Ordering::Relaxed))))
        });
    }

    #[test]
    fn what_a_write_without_an_answer_left_is_replaced() {
        let store = Arc::new(ForgetfulStore::of("lines"));
        let mut lines = open(&store, 1);
        lines.read().unwrap();
        let (mut written, mut failed) = (String::new(), 0);
        for number in 0..200 {
            let line = format!("{number}\n");
            let text = format!("{written}{line}");
            let result = match lines.can_append() {
                true => lines.append(line.as_bytes()),
                false => lines.replace(text.as_bytes()),
            };
            match result {
                Ok(()) => written = text,
                Err(_) => failed += 1,
            }
        }
        assert!(failed > 10, "no answer was lost: {failed}");
        while lines.replace(written.as_bytes()).is_err() {}
        let read = open(&store, 2).read().unwrap();
        assert_eq!(String::from_utf8(read).unwrap(), written);
    }

    #[test]
    fn objects_stay_few() {
        let store = Arc::new(InMemory::new());
        let mut lines = open(&store, 1);
        for _ in 0..2_000 {
            match lines.can_append() {
                true => lines.append(b"x\n").unwrap(),
                false => lines.replace(b"x\n").unwrap(),
            }
        }
        let whole = lines.replace(b"x\n").map(|()| lines.number).unwrap();
        let objects = lines.objects.clone();
        let place = LinesPlace { fence: Fence(1), number: whole, is_whole: true };
        lines.thread.begin(async move { objects.delete_before(place).await }).recv().unwrap();
        assert_eq!(names(&lines), [place.name()]);
        assert!(whole >= 2_000, "{whole}");
    }

    #[test]
    fn names_are_read_back_and_sort_in_the_order_of_writes() {
        let place = |fence, number, is_whole| LinesPlace { fence: Fence(fence), number, is_whole };
        let places = [place(1, 1, true), place(1, 2, false), place(1, 10, true), place(2, 1, true)];
        let names = places.map(LinesPlace::name);
        assert!(names.is_sorted(), "{names:?}");
        assert_eq!(names.each_ref().map(|name| LinesPlace::parse(name)), places.map(Some));
        for wrong in ["", "1-1.whole", "0000000001-0000000001.other", "0000000001.whole"] {
            assert_eq!(LinesPlace::parse(wrong), None, "{wrong}");
        }
    }
}
