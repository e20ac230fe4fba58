//! Reading a journal while it is appended to, trimmed and joined.
//!
//! A reader ends where the journal ended when it was made. It asks for several objects at a time,
//! since each takes the storage some milliseconds, and proves every record again. An object that is
//! gone was trimmed, or its entries are in a segment now; then it looks at the index again.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::Receiver;

use bytes::{Buf, Bytes};
use merganser_core::ids::Offset;
use merganser_core::journal::JournalError;

use super::entry::{ENTRY_HEAD_BYTES, ENTRY_HEADER_BYTES, EntryHead};
use super::index::JournalObject;
use super::shared::SharedIndex;
use super::store::{JournalStorage, corrupt, io_error};
use super::writer::refresh;
use crate::journal::frame::FRAME_HEADER_BYTES;
use crate::journal::record::{JournalRecord, check_place};

/// Objects that are asked for before they are needed, and their bytes; one is always.
const AHEAD_OBJECTS: usize = 32;
const AHEAD_BYTES: u64 = 64 << 20;

/// Records of a journal from some offset on.
pub(super) struct ObjectRecordIter<T> {
    store: Arc<JournalStorage>,
    index: SharedIndex,
    next: Offset,
    until: Offset,
    /// Objects that were not asked for yet.
    planned: VecDeque<JournalObject>,
    /// Objects that were.
    asked: VecDeque<(JournalObject, Receiver<object_store::Result<Bytes>>)>,
    asked_bytes: u64,
    /// What is left of the object that is being read.
    open: Option<(JournalObject, Bytes)>,
    /// Checksum of the record before, once one was read.
    previous: Option<u32>,
    decode: fn(JournalRecord) -> Result<T, String>,
}

impl<T> ObjectRecordIter<T> {
    /// Reads `[from, end)` with the end of now.
    pub(super) fn new(
        store: &Arc<JournalStorage>,
        index: &SharedIndex,
        from: Offset,
        decode: fn(JournalRecord) -> Result<T, String>,
    ) -> Result<Self, JournalError> {
        let until = {
            let held = index.read();
            if from < held.start() || from > held.tail().end {
                drop(held);
                return Err(index.out_of_range(from));
            }
            held.tail().end
        };
        let mut reader = Self {
            store: Arc::clone(store),
            index: index.clone(),
            next: from,
            until,
            planned: VecDeque::new(),
            asked: VecDeque::new(),
            asked_bytes: 0,
            open: None,
            previous: None,
            decode,
        };
        if from < until {
            reader.plan();
        }
        Ok(reader)
    }

    /// Finds the objects from the next offset on.
    fn plan(&mut self) {
        self.planned = self.index.read().holding(self.next).collect();
        self.asked.clear();
        (self.asked_bytes, self.open) = (0, None);
    }

    fn ask_ahead(&mut self) {
        while self.asked.len() < AHEAD_OBJECTS
            && (self.asked.is_empty() || self.asked_bytes < AHEAD_BYTES)
        {
            let Some(object) = self.planned.pop_front() else { return };
            self.asked_bytes += object.size_bytes;
            self.asked.push_back((object, self.store.begin_read(&object.place)));
        }
    }

    /// The next object, whole.
    fn next_object(&mut self) -> Result<(JournalObject, Bytes), JournalError> {
        let mut missing = None;
        loop {
            self.ask_ahead();
            let Some((object, answer)) = self.asked.pop_front() else {
                return Err(self.index.out_of_range(self.next));
            };
            self.asked_bytes -= object.size_bytes;
            self.ask_ahead();
            match answer.recv().unwrap_or_else(|_| self.store.read(&object.place)) {
                Ok(bytes) => return Ok((object, bytes)),
                Err(object_store::Error::NotFound { .. }) => {
                    if missing.replace(object.place) == Some(object.place) {
                        return Err(corrupt(&object.place, "it is missing"));
                    }
                    // This handle may have trimmed or joined it, or another process has.
                    if self.index.read().contains(&object) {
                        refresh(&self.store, &self.index)?;
                    }
                    if self.index.read().start() > self.next {
                        return Err(self.index.out_of_range(self.next));
                    }
                    self.plan();
                }
                Err(error) => return Err(io_error("reading", &object.place, &error)),
            }
        }
    }

    fn read_next(&mut self) -> Result<T, JournalError> {
        loop {
            let (object, mut rest) = match self.open.take() {
                Some((object, rest)) if !rest.is_empty() => (object, rest),
                _ => self.next_object()?,
            };
            let (head, payload) =
                take_entry(&mut rest).map_err(|why| corrupt(&object.place, &why))?;
            self.open = Some((object, rest));
            let Some(header) = head.frame().copied() else { continue };
            if header.end() <= self.next {
                continue;
            }
            // A reader may begin within a record.
            let first = header.first().min(self.next);
            let header =
                check_place(Some(header), first).map_err(|why| corrupt(&object.place, &why))?;
            if self.previous.is_some_and(|previous| previous != header.previous()) {
                return Err(corrupt(&object.place, "a record does not follow the one before"));
            }
            self.previous = Some(header.checksum());
            if !header.verifies(&payload) {
                return Err(corrupt(&object.place, "a record's checksum does not match"));
            }
            let epoch = head.before().epoch;
            let record = JournalRecord { epoch, header, from: self.next, payload: payload.into() };
            self.next = header.end();
            return (self.decode)(record)
                .map_err(|why| corrupt(&object.place, &format!("a record is not events: {why}")));
        }
    }
}

impl<T> Iterator for ObjectRecordIter<T> {
    type Item = Result<T, JournalError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.next >= self.until {
            return None;
        }
        let item = self.read_next();
        if item.is_err() {
            // What follows an error would leave a gap.
            self.next = self.until;
        }
        Some(item)
    }
}

/// Takes the entry at the beginning of these bytes: its head, and its frame's payload.
///
/// # Errors
/// Why there is none.
pub(super) fn take_entry(bytes: &mut Bytes) -> Result<(EntryHead, Bytes), String> {
    let head = EntryHead::parse(bytes)?;
    // Also proves that its frame is of its place.
    head.after()?;
    let size = usize::try_from(head.size_bytes()).ok().filter(|size| *size <= bytes.len());
    let mut entry = bytes.split_to(size.ok_or_else(|| "it is cut off".to_owned())?);
    let skipped = if head.frame().is_some() { ENTRY_HEAD_BYTES } else { ENTRY_HEADER_BYTES };
    entry.advance(skipped.min(entry.len()));
    Ok((head, entry))
}

/// Checksum of the record that ends at `position`.
pub(super) fn checksum_at(
    store: &JournalStorage,
    index: &SharedIndex,
    position: Offset,
) -> Result<Option<u32>, JournalError> {
    let object = {
        let held = index.read();
        let tail = held.tail();
        match position {
            _ if position == tail.end => return Ok(Some(tail.frame)),
            _ if position > tail.end || position < held.start() => return Ok(None),
            _ if position == held.start() => held.first(),
            // Not below the start, which is below the position.
            _ => held.holding(Offset(position.0 - 1)).next(),
        }
    };
    let Some(object) = object else { return Ok(None) };
    let read = match object.place.entry() {
        Some(_) => store.read_head(&object.place, ENTRY_HEADER_BYTES + FRAME_HEADER_BYTES),
        None => store.read(&object.place),
    };
    let mut bytes = match read {
        Ok(bytes) => bytes,
        Err(object_store::Error::NotFound { .. }) if index.read().start() > position => {
            return Ok(None);
        }
        Err(error) => return Err(io_error("reading", &object.place, &error)),
    };
    let damaged = |why: String| corrupt(&object.place, &why);
    if object.place.entry().is_some() {
        let head = EntryHead::parse(&bytes).map_err(damaged)?;
        let (before, after) = (head.before(), head.after().map_err(damaged)?);
        let ends = [before, after].into_iter().find(|tail| tail.end == position);
        return Ok(ends.map(|tail| tail.frame));
    }
    while !bytes.is_empty() {
        let (head, _) = take_entry(&mut bytes).map_err(damaged)?;
        let (before, after) = (head.before(), head.after().map_err(damaged)?);
        if let Some(tail) = [before, after].into_iter().find(|tail| tail.end == position) {
            return Ok(Some(tail.frame));
        }
    }
    Ok(None)
}
