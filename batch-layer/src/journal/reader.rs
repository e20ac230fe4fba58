//! Reading a journal while it is appended to and trimmed.
//!
//! A reader has its own file handle, holds one frame at a time, and proves each again. It ends
//! where the journal was durable when it was made, so that it never sees an event that a crash
//! could take back. It takes no lock while it reads.

use std::fs::File;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use merganser_core::ids::{Epoch, Offset};
use merganser_core::journal::JournalError;

use super::cursor::{FrameCursor, corrupt, io_error};
use super::record::{JournalRecord, check_place};
use super::segments::SegmentList;

/// The segments that a journal shares with its readers. No task holds the lock while it waits for
/// the disk, and no change leaves it half-done, so a panic elsewhere does not spoil it.
#[derive(Clone, Debug)]
pub(super) struct SharedSegments(Arc<RwLock<SegmentList>>);

impl SharedSegments {
    /// Shares `segments`.
    pub(super) fn new(segments: SegmentList) -> Self {
        Self(Arc::new(RwLock::new(segments)))
    }

    /// To look at them.
    pub(super) fn read(&self) -> RwLockReadGuard<'_, SegmentList> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// To change them.
    pub(super) fn write(&self) -> RwLockWriteGuard<'_, SegmentList> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// The journal does not hold `offset`.
    pub(super) fn out_of_range(&self, offset: Offset) -> JournalError {
        let held = self.read();
        JournalError::OutOfRange { asked: offset, start: held.start(), end: held.end() }
    }
}

/// Durable records from some offset on.
#[derive(Debug)]
pub(super) struct JournalRecordIter<T> {
    published: SharedSegments,
    next: Offset,
    until: Offset,
    segment: Option<SegmentReader>,
    /// What becomes of each; the error says what is wrong with it.
    decode: fn(JournalRecord) -> Result<T, String>,
}

/// The segment that a reader is in.
#[derive(Debug)]
struct SegmentReader {
    path: Arc<Path>,
    epoch: Epoch,
    end: Offset,
    /// The first offset of the frame at the cursor.
    first: Offset,
    cursor: FrameCursor,
}

impl<T> JournalRecordIter<T> {
    /// Reads `[from, end)` with the end of now.
    pub(super) fn new(
        published: &SharedSegments,
        from: Offset,
        decode: fn(JournalRecord) -> Result<T, String>,
    ) -> Result<Self, JournalError> {
        let (start, until) = {
            let held = published.read();
            (held.start(), held.end())
        };
        if from < start || from > until {
            return Err(JournalError::OutOfRange { asked: from, start, end: until });
        }
        Ok(Self { published: published.clone(), next: from, until, segment: None, decode })
    }

    fn read_next(&mut self) -> Result<T, JournalError> {
        let mut segment = match self.segment.take() {
            Some(segment) if self.next < segment.end => segment,
            _ => SegmentReader::holding(&self.published, self.next)?,
        };
        let (at, record) = segment.read(self.next)?;
        self.next = record.header.end();
        let made = (self.decode)(record)
            .map_err(|why| corrupt(&segment.path, at, &format!("a record is not events: {why}")))?;
        self.segment = Some(segment);
        Ok(made)
    }
}

impl<T> Iterator for JournalRecordIter<T> {
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

impl SegmentReader {
    /// Opens the segment that holds `offset`, near that.
    fn holding(published: &SharedSegments, offset: Offset) -> Result<Self, JournalError> {
        let (path, epoch, end, size_bytes, (at, first)) = {
            let held = published.read();
            let Some(segment) = held.holding(offset) else {
                drop(held);
                return Err(published.out_of_range(offset));
            };
            let path = Arc::clone(&segment.path);
            let place = segment.seek(offset);
            (path, segment.header.epoch, segment.end, segment.size_bytes, place)
        };
        let file = match File::open(&path) {
            Ok(file) => file,
            // It was trimmed between the look and the opening.
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Err(match published.read().holding(offset) {
                    Some(_) => io_error("opening", &path, &error),
                    None => published.out_of_range(offset),
                });
            }
            Err(error) => return Err(io_error("opening", &path, &error)),
        };
        let cursor = FrameCursor::new(file, at, size_bytes)
            .map_err(|error| io_error("reading", &path, &error))?;
        Ok(Self { path, epoch, end, first, cursor })
    }

    /// The record that holds the event at `from`, and where in the file it is.
    fn read(&mut self, from: Offset) -> Result<(u64, JournalRecord), JournalError> {
        let mut payload = Vec::new();
        loop {
            let at = self.cursor.at();
            let header = self.cursor.peek().map_err(|fault| fault.in_file(&self.path))?;
            let header =
                check_place(header, self.first).map_err(|why| corrupt(&self.path, at, &why))?;
            self.first = header.end();
            if header.end() <= from {
                self.cursor.skip().map_err(|fault| fault.in_file(&self.path))?;
                continue;
            }
            self.cursor.read(&mut payload).map_err(|fault| fault.in_file(&self.path))?;
            return Ok((at, JournalRecord { epoch: self.epoch, header, from, payload }));
        }
    }
}

/// Checksum of the frame that ends at `position`.
pub(super) fn checksum_at(
    published: &SharedSegments,
    position: Offset,
) -> Result<Option<u32>, JournalError> {
    let (path, size_bytes, (at, mut first)) = {
        let held = published.read();
        let Some(segment) = held.ending_from(position) else { return Ok(None) };
        if position == segment.end {
            return Ok(Some(segment.checksum));
        }
        if position <= segment.header.first {
            let known = position == segment.header.first;
            return Ok(known.then_some(segment.header.previous));
        }
        // Not below the segment's first offset, which is below the position.
        let inside = Offset(position.0 - 1);
        (Arc::clone(&segment.path), segment.size_bytes, segment.seek(inside))
    };
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(error)
            if error.kind() == ErrorKind::NotFound && published.read().start() >= position =>
        {
            return Ok(None);
        }
        Err(error) => return Err(io_error("opening", &path, &error)),
    };
    let mut cursor = FrameCursor::new(file, at, size_bytes)
        .map_err(|error| io_error("reading", &path, &error))?;
    while first < position {
        let at = cursor.at();
        let header = cursor.peek().map_err(|fault| fault.in_file(&path))?;
        let header = check_place(header, first).map_err(|why| corrupt(&path, at, &why))?;
        if header.end() == position {
            return Ok(Some(header.checksum()));
        }
        first = header.end();
        cursor.skip().map_err(|fault| fault.in_file(&path))?;
    }
    Ok(None)
}
