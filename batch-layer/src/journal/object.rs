//! A journal in an object storage: every machine that reaches the storage reaches the journal.
//!
//! An append is an object of its own, which is there once the put is answered, and put-if-absent
//! lets one writer have a name; so an entry's name is its place, and the order of names is that of
//! events. Frames, their checksums and offsets are those of the journal in files. Each trim joins
//! all entries but the newest to segments, so that a start does not read thousands of small
//! objects.
//!
//! Always true:
//! - An event that [`ObjectJournal::append`] returned is in the storage, in an entry that every
//!   handle counts.
//! - Entries follow each other without a gap, each with the checksum of the one before.
//! - Who claimed before another handle did puts nothing any more that counts.
//! - A claim is never deleted, so that its name is never free for an older writer.
//!
//! | part | what |
//! |---|---|
//! | `entry`, `place` | the formats: of objects, and of their names |
//! | `index`, `shared` | the objects that a handle knows |
//! | `store` | requests, for callers that block |
//! | `writer` | appending, sealing, claiming; what is in doubt is settled |
//! | `reader` | reading, several objects ahead |
//! | `join` | trimming, and joining entries to segments |
//!
//! Several entries under way at a time would make an acknowledgement wait for one put instead of
//! one and a half, and take a rule for entries that come behind one that did not; it was not worth
//! it.

mod entry;
mod index;
mod join;
mod place;
mod reader;
mod shared;
mod store;
#[cfg(test)]
mod tests;
mod writer;

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use merganser_core::event::EventBatch;
use merganser_core::ids::{Boundary, Fence, JournalId, Offset, PartitionId};
use merganser_core::journal::{
    AppendSignal, CommittedBatch, IdentityReader, Journal, JournalCopy, JournalError, JournalReader,
};
use object_store::ObjectStore;
use tracing::info;
use uuid::Uuid;

use self::entry::{ChainTail, ENTRY_HEAD_BYTES, EntryHead, EntryKind};
use self::index::{JournalObject, ListedObjects, ObjectIndex};
use self::place::ObjectPlace;
use self::reader::ObjectRecordIter;
use self::shared::SharedIndex;
use self::store::{JournalStorage, PutOutcome, corrupt};
use self::writer::{AppendedEntry, EntryWriter};
use super::JournalSettings;
use super::frame::EncodedFrame;
use super::record::JournalRecord;

/// How long an append whose answer was lost is tried again before the journal stops.
const SETTLE_WITHIN: Duration = Duration::from_secs(300);

/// Of so many looks for entries of others that find none, one looks at all names.
const LOOKS_A_LIST: u32 = 20;

/// A [`Journal`] in an object storage.
#[derive(Debug)]
pub struct ObjectJournal {
    id: JournalId,
    settings: JournalSettings,
    store: Arc<JournalStorage>,
    index: SharedIndex,
    writer: Mutex<EntryWriter>,
    /// Wakes the tasks that wait for more events.
    appended: AppendSignal,
    /// Objects that were found at the start and are not of the journal any more. Held while objects
    /// are deleted, so that they go oldest first.
    stale: Mutex<Vec<ObjectPlace>>,
    looks: AtomicU32,
}

impl ObjectJournal {
    /// Opens the journal in `store`, or begins one there. The store is used by nothing else; its
    /// `PutMode::Create` is atomic, and what it has answered is durable.
    ///
    /// # Errors
    /// [`JournalError::Corrupt`] when what is there is no journal or of a newer version, and
    /// [`JournalError::Io`] when it cannot be read.
    pub fn open(
        store: Arc<dyn ObjectStore>,
        settings: JournalSettings,
    ) -> Result<Self, JournalError> {
        let store = Arc::new(JournalStorage::new(store)?);
        let writer = new_uuid();
        let mut listed = list(&store)?;
        if listed.live.is_empty() {
            begin(&store, writer)?;
            listed = list(&store)?;
        }
        let Some(last) = listed.live.back() else {
            return Err(JournalError::Io("the storage does not list what was put".to_owned()));
        };
        let tail = tail(&store, last)?;
        let others = std::mem::take(&mut listed.others);
        let index = ObjectIndex::new(listed, tail);
        let is_stale = |place: &ObjectPlace| !index.is_claim(place);
        let stale = others.iter().map(|object| object.place).filter(is_stale).collect();
        let index = SharedIndex::new(index);
        let end = writer::follow(&store, &index)?;
        let (id, start, size_bytes) =
            (tail.journal, index.read().start(), index.read().size_bytes());
        info!(%id, start = start.0, end = end.0, size_bytes, "the journal in the storage is open");
        Ok(Self {
            id,
            settings,
            store,
            writer: Mutex::new(EntryWriter::new(writer, SETTLE_WITHIN, index.clone())),
            index,
            appended: AppendSignal::default(),
            stale: Mutex::new(stale),
            looks: AtomicU32::new(1),
        })
    }

    /// Reads on to the end: what other processes have appended is in what is read from then on.
    /// Blocks. Returns the end.
    ///
    /// # Errors
    /// When the storage cannot be read, or holds something else.
    pub fn follow(&self) -> Result<Offset, JournalError> {
        let before = self.end();
        let mut end = writer::follow(&self.store, &self.index)?;
        if end == before && self.looks.fetch_add(1, Ordering::Relaxed).is_multiple_of(LOOKS_A_LIST)
        {
            end = writer::refresh(&self.store, &self.index)?;
        }
        if end > before {
            self.appended.notify();
        }
        Ok(end)
    }

    /// The same by all names, which finds the way on however late this is.
    ///
    /// # Errors
    /// As [`ObjectJournal::follow`].
    pub fn refresh(&self) -> Result<Offset, JournalError> {
        let end = writer::refresh(&self.store, &self.index)?;
        self.appended.notify();
        Ok(end)
    }

    /// The writer, for one caller at a time. One who panicked may have left an entry half-taken.
    fn writer(&self) -> Result<MutexGuard<'_, EntryWriter>, JournalError> {
        self.writer
            .lock()
            .map_err(|_| JournalError::Stopped("a thread panicked while it wrote".to_owned()))
    }
}

#[expect(clippy::disallowed_methods, reason = "who writes is no part of what is computed")]
fn new_uuid() -> Uuid {
    Uuid::now_v7()
}

fn list(store: &JournalStorage) -> Result<ListedObjects, JournalError> {
    let objects = store.list();
    let objects =
        objects.map_err(|error| JournalError::Io(format!("listing the journal: {error}")))?;
    Ok(ListedObjects::new(objects))
}

/// Begins a journal, unless another handle has.
fn begin(store: &JournalStorage, writer: Uuid) -> Result<(), JournalError> {
    let empty = ChainTail::empty(JournalId(new_uuid()));
    let header = empty.next(EntryKind::Begin, writer, None);
    match store.create(&ObjectPlace::Entry(empty.place()), Bytes::copy_from_slice(&header)) {
        PutOutcome::Created | PutOutcome::Taken => Ok(()),
        // Whether it is there is seen when it is listed.
        PutOutcome::InDoubt(why) | PutOutcome::Refused(why) => {
            Err(JournalError::Io(format!("beginning the journal: {why}")))
        }
    }
}

/// The state behind a journal's last object.
fn tail(store: &JournalStorage, last: &JournalObject) -> Result<ChainTail, JournalError> {
    let place = &last.place;
    let damaged = |why: String| corrupt(place, &why);
    let failed = |error| store::io_error("reading", place, &error);
    if place.entry().is_some() {
        let head = store.read_head(place, ENTRY_HEAD_BYTES).map_err(failed)?;
        return EntryHead::parse(&head).and_then(|head| head.after()).map_err(damaged);
    }
    // The entries behind a segment were lost, or it was restored by hand.
    let mut bytes = store.read(place).map_err(failed)?;
    let mut tail = Err("it is empty".to_owned());
    while !bytes.is_empty() {
        let (head, _) = reader::take_entry(&mut bytes).map_err(damaged)?;
        tail = head.after();
    }
    tail.map_err(damaged)
}

impl Journal for ObjectJournal {
    fn id(&self) -> JournalId {
        self.id
    }

    fn claim(&self) -> Result<Fence, JournalError> {
        let claimed = self.writer()?.claim(&self.store);
        self.appended.notify();
        claimed
    }

    fn append(&self, events: &EventBatch) -> Result<Arc<CommittedBatch>, JournalError> {
        let AppendedEntry { before, after } = if events.is_empty() {
            self.writer()?.append_empty()?
        } else {
            // Compressed before the writer is taken, so that callers do so side by side.
            let frame = EncodedFrame::encode(events, self.settings.record_bytes_max)?;
            self.writer()?.append(&self.store, frame)?
        };
        self.appended.notify();
        Ok(Arc::new(CommittedBatch {
            partition: PartitionId::ONLY,
            epoch: before.epoch,
            first: before.end,
            events: events.clone(),
            previous: before.frame,
            checksum: after.frame,
        }))
    }

    fn end(&self) -> Offset {
        self.index.read().tail().end
    }

    fn start(&self) -> Offset {
        self.index.read().start()
    }

    fn seal(&self) -> Result<Boundary, JournalError> {
        self.writer()?.seal(&self.store)
    }

    fn read(&self, from: Offset) -> Result<JournalReader, JournalError> {
        let events = JournalRecord::events;
        Ok(Box::new(ObjectRecordIter::new(&self.store, &self.index, from, events)?))
    }

    fn read_identities(&self, from: Offset) -> Result<IdentityReader, JournalError> {
        let identities = JournalRecord::identities;
        Ok(Box::new(ObjectRecordIter::new(&self.store, &self.index, from, identities)?))
    }

    /// Where the first object that is held begins, the checksum is known too, although the record
    /// that ends there was trimmed.
    fn checksum_at(&self, position: Offset) -> Result<Option<u32>, JournalError> {
        reader::checksum_at(&self.store, &self.index, position)
    }

    fn poll_beyond(&self, offset: Offset, cx: &mut Context<'_>) -> Poll<()> {
        self.appended.poll_until(cx, || self.end() > offset)
    }

    fn trim(&self, below: Offset) -> Result<Offset, JournalError> {
        let mut stale = self.stale.lock().unwrap_or_else(PoisonError::into_inner);
        join::trim(&self.store, &self.index, below, &mut stale)?;
        join::join_all(&self.store, &self.index, self.settings.segment_bytes_max)?;
        Ok(self.start())
    }

    fn copy(&self) -> Result<JournalCopy, JournalError> {
        // Others may have appended, joined and trimmed.
        writer::refresh(&self.store, &self.index)?;
        let index = self.index.read();
        let objects = index.all().map(|object| object.place.name()).collect();
        let (start, end) = (index.start(), index.tail().end);
        Ok(JournalCopy { files: Vec::new(), objects, start, end })
    }

    fn confirm_claim(&self) -> Result<(), JournalError> {
        self.writer()?.confirm_claim(&self.store)
    }

    fn size_bytes(&self) -> u64 {
        self.index.read().size_bytes()
    }
}
