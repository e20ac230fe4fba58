//! The journal's port: the durable, append-only log of accepted events.
//!
//! Calls block on files; async callers move them off their threads.

mod tail;

use std::fs::File;
use std::sync::Arc;
use std::task::{Context, Poll};

use crate::event::{EventBatch, EventIdentities, EventOffsets};
use crate::ids::{Boundary, Epoch, Fence, JournalId, Offset, PartitionId};

pub use self::tail::{AppendSignal, JournalTail};

/// A number of events that are durable, in the order of their offsets.
#[derive(Clone, Debug)]
pub struct CommittedBatch {
    /// The sequence that the offsets are of.
    pub partition: PartitionId,
    /// The epoch that all of them belong to.
    pub epoch: Epoch,
    /// Offset of the first; the others follow densely.
    pub first: Offset,
    /// The events.
    pub events: EventBatch,
    /// Checksum of the record before the one that holds the first of them; 0 for the first of all.
    pub previous: u32,
    /// Checksum of the journal record that ends with the last of them: with [`JournalId`] the
    /// identity of the position [`CommittedBatch::end`].
    pub checksum: u32,
}

impl CommittedBatch {
    /// The offset after the last event.
    #[must_use]
    pub fn end(&self) -> Offset {
        self.first.plus(self.events.len() as u64)
    }

    /// Where its events are.
    #[must_use]
    pub fn places(&self) -> EventOffsets {
        EventOffsets::consecutive(self.first, self.events.len())
    }
}

/// What is known of an append, or a seal, that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AppendFailure {
    /// It did not happen, and the journal is well: the same again may succeed.
    NotWritten,
    /// It did not happen, and never will with this batch.
    BatchRefused,
    /// It may have happened. Only opening the journal anew shows it, so nothing more is appended
    /// until then: the same again could count twice.
    Uncertain,
    /// It did not happen, and nothing will until the journal is opened anew.
    Ended,
}

/// What can go wrong in a journal.
#[derive(Debug, Clone, thiserror::Error)]
pub enum JournalError {
    /// A write or an fsync failed: what was being written may or may not be on disk. Every later
    /// append is [`JournalError::Stopped`].
    #[error("{}", stopped(.0))]
    Uncertain(String),
    /// An earlier write is uncertain, so that nothing is written until the journal is opened anew.
    #[error("{}", stopped(.0))]
    Stopped(String),
    /// The directory was deleted, renamed or replaced: what was being written is in no file that
    /// a later start will find. Nothing is written until the journal is opened anew.
    #[error("{0}")]
    Gone(String),
    /// Another handle has claimed the journal since, or this one never did. Nothing is written by
    /// this one.
    #[error("another writer has claimed the journal with fence {fence}; this one appends no more")]
    Fenced {
        /// The newest claim.
        fence: Fence,
    },
    /// There is no room; nothing was written.
    #[error("the disk under the journal is full: {0}")]
    Full(String),
    /// What is on disk is not what was written.
    #[error("the journal is corrupt: {0}")]
    Corrupt(String),
    /// The offset was trimmed, or lies ahead of the end.
    #[error("offset {asked} is outside of the journal, which holds [{start}, {end})")]
    OutOfRange {
        /// The offset of the call.
        asked: Offset,
        /// The first offset that is held.
        start: Offset,
        /// The next offset to be written.
        end: Offset,
    },
    /// Files could not be read or made, for instance for want of file descriptors; nothing was
    /// written.
    #[error("the journal's files: {0}")]
    Io(String),
    /// The batch does not fit one record.
    #[error("a record of {size_bytes} bytes is over the journal's limit of {limit_bytes}")]
    TooLarge {
        /// Its size.
        size_bytes: usize,
        /// The most there may be.
        limit_bytes: usize,
    },
}

fn stopped(why: &str) -> String {
    format!(
        "the journal stopped after a failed write: {why}; restart the service once the disk is well"
    )
}

impl JournalError {
    /// What it says of the append that it answers.
    #[must_use]
    pub const fn append_failure(&self) -> AppendFailure {
        match self {
            Self::Full(_) | Self::Io(_) => AppendFailure::NotWritten,
            Self::TooLarge { .. } => AppendFailure::BatchRefused,
            Self::Uncertain(_) => AppendFailure::Uncertain,
            Self::Stopped(_)
            | Self::Gone(_)
            | Self::Fenced { .. }
            | Self::Corrupt(_)
            | Self::OutOfRange { .. } => AppendFailure::Ended,
        }
    }
}

/// Durable batches from some offset on, oldest first.
pub type JournalReader = Box<dyn Iterator<Item = Result<Arc<CommittedBatch>, JournalError>> + Send>;

/// As [`JournalReader`]: of each batch its first offset and the identities of its events.
pub type IdentityReader =
    Box<dyn Iterator<Item = Result<(Offset, EventIdentities), JournalError>> + Send>;

/// What a copy of a journal is made of: a journal of the same id that ends at, or behind, the end
/// at the time of the call.
#[derive(Debug, Default)]
pub struct JournalCopy {
    /// Files of this machine.
    pub files: Vec<JournalFile>,
    /// Names of objects in the storage. They are there until the journal is trimmed.
    pub objects: Vec<String>,
    /// The first offset that the copy holds.
    pub start: Offset,
    /// The end of it, or an offset before that.
    pub end: Offset,
}

/// A file of a journal, open, so that it can be read to its end whatever is trimmed meanwhile.
#[derive(Debug)]
pub struct JournalFile {
    /// Its path within the data directory.
    pub name: String,
    /// Its content.
    pub file: File,
    /// How much of it is durable. What lies behind is none of the copy's.
    pub size_bytes: u64,
}

/// The durable, append-only log of accepted events: one partition, whose offsets count events and
/// are dense. A value of it is a handle; there may be several on one log, of which the one that
/// claimed last appends.
///
/// The suite `testing::check_journal` says what every journal promises.
pub trait Journal: Send + Sync + 'static {
    /// Its identity.
    fn id(&self) -> JournalId;

    /// Makes this handle the one that appends and seals. From then on it is refused to every handle
    /// that claimed before ([`JournalError::Fenced`]), as to those that never did. This handle
    /// need not know what they have appended since it was opened: a handle is claimed when no other
    /// appends, or soon after it was opened.
    ///
    /// # Errors
    /// When the claim is not known to be durable.
    fn claim(&self) -> Result<Fence, JournalError>;

    /// Appends a batch that is not empty. When it returns, the batch is durable: file and, for a
    /// new file, directory are fsynced. One caller at a time is enough; others wait.
    ///
    /// # Errors
    /// [`JournalError::append_failure`] says what became of the batch. What was not written leaves
    /// the journal well; after an uncertain append nothing is appended any more.
    fn append(&self, events: &EventBatch) -> Result<Arc<CommittedBatch>, JournalError>;

    /// The next offset: everything below is durable.
    fn end(&self) -> Offset;

    /// The first offset that is still held.
    fn start(&self) -> Offset;

    /// Ends the open epoch: whatever was appended before belongs to an epoch below the returned
    /// boundary, whatever comes later to one from it on. An open epoch without events is not ended;
    /// then its own start is returned.
    ///
    /// # Errors
    /// As [`Journal::append`].
    fn seal(&self) -> Result<Boundary, JournalError>;

    /// Batches from `from` to the durable end at the time of the call. The first one is cut, so
    /// that it begins at `from`.
    ///
    /// # Errors
    /// [`JournalError::OutOfRange`]; each item may fail by itself.
    fn read(&self, from: Offset) -> Result<JournalReader, JournalError>;

    /// As [`Journal::read`]; a journal that can leaves the other columns where they are.
    ///
    /// # Errors
    /// As [`Journal::read`].
    fn read_identities(&self, from: Offset) -> Result<IdentityReader, JournalError> {
        let of = |batch: Arc<CommittedBatch>| (batch.first, EventIdentities::of(&batch.events));
        Ok(Box::new(self.read(from)?.map(move |batch| batch.map(of))))
    }

    /// Checksum of the record that ends at `position`; `None` where no record ends there or it was
    /// trimmed. 0 at offset 0.
    ///
    /// # Errors
    /// When a file cannot be read.
    fn checksum_at(&self, position: Offset) -> Result<Option<u32>, JournalError>;

    /// Ready once [`Journal::end`] is above `offset`. Until then the task is woken when that may
    /// have changed. [`JournalTail`] reads on by it.
    fn poll_beyond(&self, offset: Offset, cx: &mut Context<'_>) -> Poll<()>;

    /// Deletes whole segments that lie below `below`; returns the new [`Journal::start`].
    ///
    /// # Errors
    /// When a file cannot be deleted; the others are kept.
    fn trim(&self, below: Offset) -> Result<Offset, JournalError>;

    /// What a copy of it is made of, for back-ups.
    ///
    /// # Errors
    /// When a file cannot be opened, or it is kept where nothing can be copied.
    fn copy(&self) -> Result<JournalCopy, JournalError>;

    /// Looks whether its files are still where they were. Called before an append is acknowledged
    /// as durable.
    ///
    /// # Errors
    /// [`JournalError::Gone`], from then on for ever.
    fn confirm(&self) -> Result<(), JournalError> {
        Ok(())
    }

    /// Looks whether no other handle has claimed the journal up to now, so that what was done
    /// before the call was done under this one's claim. An append does so by itself.
    ///
    /// # Errors
    /// [`JournalError::Fenced`], or when that cannot be known.
    fn confirm_claim(&self) -> Result<(), JournalError>;

    /// Bytes on disk.
    fn size_bytes(&self) -> u64;
}
