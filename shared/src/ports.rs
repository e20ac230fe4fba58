//! The traits at which the layers meet. `src/compose.rs` is the only place that joins them.
//!
//! | port | kept by | used by |
//! |---|---|---|
//! | [`Journal`] | batch layer | intake (append), fold (read), runs (seal, trim) |
//! | [`SpeedViews`] | speed layer | serving (answers), runs (audit) |
//! | [`BatchViews`] | batch layer | serving |
//! | [`crate::catalog::Catalog`] | batch layer | everyone |
//!
//! [`Journal`] calls block on files; async callers move them off their threads.

use std::fs::File;
use std::sync::Arc;
use std::time::Instant;

use arrow::array::RecordBatch;
use async_trait::async_trait;
use futures::stream::BoxStream;

use crate::catalog::{CatalogSnapshot, MetricVersion};
use crate::event::{EventBatch, EventIdentities, EventOffsets};
use crate::ids::{Boundary, Epoch, JournalId, MetricId, Offset};
use crate::omissions::MetricOmissions;
use crate::time::{Grain, TimeRange, Timestamp};

/// A number of events that are durable, in the order of their offsets.
#[derive(Clone, Debug)]
pub struct CommittedBatch {
    /// The epoch that all of them belong to.
    pub epoch: Epoch,
    /// Offset of the first; the others follow densely.
    pub first: Offset,
    /// The events.
    pub events: EventBatch,
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

/// What can go wrong in a journal.
#[derive(Debug, Clone, thiserror::Error)]
pub enum JournalError {
    /// A write or an fsync failed: what was being written may or may not be on disk. The journal
    /// takes nothing more until the process starts anew.
    #[error(
        "the journal stopped after a failed write: {0}; restart the service once the disk is well"
    )]
    Stopped(String),
    /// The directory was deleted, renamed or replaced: what was being written is in no file that
    /// anybody will find. The journal takes nothing more until the process starts anew.
    #[error("{0}")]
    Gone(String),
    /// There is no room; nothing was written.
    #[error("the disk under the journal is full: {0}")]
    Full(String),
    /// What is on disk is not what was written.
    #[error("the journal is corrupt: {0}")]
    Corrupt(String),
    /// The offset was trimmed, or lies ahead of the end.
    #[error("offset {asked} is outside of the journal, which holds [{start}, {end})")]
    OutOfRange {
        /// What was asked for.
        asked: Offset,
        /// The first offset that is held.
        start: Offset,
        /// The next offset to be written.
        end: Offset,
    },
    /// Files could not be read or made; nothing was written.
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

/// Durable batches from some offset on, oldest first.
pub type JournalReader = Box<dyn Iterator<Item = Result<Arc<CommittedBatch>, JournalError>> + Send>;

/// As [`JournalReader`]: of each batch its first offset and what tells repetitions.
pub type IdentityReader =
    Box<dyn Iterator<Item = Result<(Offset, EventIdentities), JournalError>> + Send>;

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

/// The durable, append-only log of accepted events. One partition.
pub trait Journal: Send + Sync + 'static {
    /// Its identity.
    fn id(&self) -> JournalId;

    /// Appends a batch that is not empty. When it returns, the batch is durable: file and, for a
    /// new file, directory are fsynced. One caller at a time is enough; others wait.
    ///
    /// # Errors
    /// After [`JournalError::Stopped`] or [`JournalError::Gone`] every later call gets it too.
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

    /// Deletes whole segments that lie below `below`; returns the new [`Journal::start`].
    ///
    /// # Errors
    /// When a file cannot be deleted; the others are kept.
    fn trim(&self, below: Offset) -> Result<Offset, JournalError>;

    /// The files that make up a copy of it: a journal of the same id that ends at, or behind, the
    /// end at the time of the call.
    ///
    /// # Errors
    /// When one cannot be opened, or it is not kept in files.
    fn files(&self) -> Result<Vec<JournalFile>, JournalError> {
        Err(JournalError::Io("this journal is not kept in files".to_owned()))
    }

    /// Looks whether its files are still where they were: asked before what is durable is called
    /// so to anybody.
    ///
    /// # Errors
    /// [`JournalError::Gone`], from then on for ever.
    fn confirm(&self) -> Result<(), JournalError> {
        Ok(())
    }

    /// Bytes on disk.
    fn size_bytes(&self) -> u64;
}

/// What can go wrong in a speed view.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SpeedViewError {
    /// The store cannot be reached, or does not hold this metric's states yet.
    #[error("the speed view is not available: {0}")]
    Unavailable(String),
    /// The states below the boundary that was asked for are already retired: a newer manifest
    /// covers them. Reload it and ask again.
    #[error("the speed view has moved on to epoch {first}; reload the manifest")]
    Retired {
        /// The first epoch that is still held.
        first: Epoch,
    },
    /// The answer would be larger than the reader may hold.
    #[error("the speed view holds over {limit} groups in this range")]
    TooLarge {
        /// Groups that may be read.
        limit: usize,
    },
}

/// What a reader asks of a speed view.
#[derive(Clone, Debug)]
pub struct SpeedReadRequest {
    /// The first epoch to read: the metric's boundary.
    pub from: Epoch,
    /// The epoch before which to stop, for an audit; `None` reads to the end.
    pub to: Option<Epoch>,
    /// Base buckets whose starts lie in it.
    pub range: TimeRange,
    /// The columns to read; `None` reads all.
    pub columns: Option<ReadColumns>,
}

/// Which columns a reader needs. Others may be left out, so that groups may occur several times.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadColumns {
    /// Dimensions, by position in the definition.
    pub dimensions: Vec<usize>,
    /// States, by position in the layout.
    pub states: Vec<usize>,
}

/// A speed view's states. Groups may occur once an epoch, so the reader merges.
#[derive(Clone, Debug)]
pub struct SpeedViewStates {
    /// Everything below is in the states.
    pub through: Offset,
    /// Nothing from here on is in the states. It is `through`, unless the store could not give the
    /// states of one position in time: then of the events between the two each is in or not.
    pub reach: Offset,
    /// Batches with the metric's [`crate::compile::StateLayout`] schema, or at least the columns of
    /// it that were asked for.
    pub states: Vec<RecordBatch>,
    /// Why states may be missing although `through` says otherwise, e.g. a bound of groups.
    pub missing: Vec<String>,
    /// What each use could not take of the events of the epochs that were asked for, whatever their
    /// time.
    pub omissions: MetricOmissions,
}

/// How far a speed view is behind the journal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SpeedViewLag {
    /// Milliseconds since the oldest event that is durable and not in the view; 0 if none is.
    pub lag_ms: u64,
    /// The highest `through` that this metric's view ever had, in this process or before.
    pub applied: Offset,
    /// Where the journal ended when the store last failed, or 0 if it never did: until all below
    /// is in the view, answers are not complete.
    pub owed: Offset,
}

/// Why the store of the speed views cannot be used at present.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreFailure {
    /// When it began.
    pub since: Timestamp,
    /// The same by a clock that cannot be set, for how long it lasts.
    pub begun: Instant,
    /// What was said, or that nothing was said.
    pub reason: String,
}

/// The speed layer's answers.
#[async_trait]
pub trait SpeedViews: Send + Sync + 'static {
    /// `memory`, `redis` or `redis-cluster`.
    fn kind(&self) -> &'static str;

    /// The states of one metric version.
    async fn read(
        &self,
        metric: &MetricVersion,
        read: SpeedReadRequest,
    ) -> Result<SpeedViewStates, SpeedViewError>;

    /// As [`SpeedViews::read`], but from the states that the writer itself holds: what an audit
    /// compares with while the store is away.
    async fn read_local(
        &self,
        metric: &MetricVersion,
        read: SpeedReadRequest,
    ) -> Result<SpeedViewStates, SpeedViewError> {
        self.read(metric, read).await
    }

    /// Why the store fails, once that has lasted longer than queries wait for it; `None` while it
    /// answers.
    fn failure(&self) -> Option<StoreFailure> {
        None
    }

    /// How far `metric`'s view is behind.
    fn lag(&self, metric: MetricId) -> SpeedViewLag;

    /// Waits until every metric's view includes everything below `offset`, or `timeout` has passed;
    /// whether it does.
    async fn wait_applied(&self, offset: Offset, timeout: std::time::Duration) -> bool;

    /// Values of another type than their use asks for, and rows whose arithmetic had no result,
    /// in the epochs from the metric's boundary on.
    fn mismatches(&self, metric: MetricId) -> u64;

    /// Groups held for the metric, all epochs together.
    fn groups(&self, metric: MetricId) -> u64;
}

/// What a reader asks of a batch view.
#[derive(Clone, Debug)]
pub struct BatchReadRequest {
    /// The rollup: the metric's base grain or a coarser one of [`Grain::rollups`].
    pub grain: Grain,
    /// Buckets of that grain whose starts lie in it.
    pub range: TimeRange,
    /// The columns to read. Others are left out of the batches, so that groups may occur several
    /// times.
    pub columns: ReadColumns,
}

/// What can go wrong in a batch view.
#[derive(Debug, Clone, thiserror::Error)]
pub enum BatchViewError {
    /// A view file cannot be read, or is not what the manifest says.
    #[error("the batch view cannot be read: {0}")]
    Damaged(String),
}

/// States of a batch view, some thousand rows at a time.
pub type BatchViewStream = BoxStream<'static, Result<RecordBatch, BatchViewError>>;

/// The batch layer's views.
pub trait BatchViews: Send + Sync + 'static {
    /// States of `metric` under `snapshot`, which the caller keeps until the end, as it keeps the
    /// files from being deleted. Columns are `time`, the dimensions and the states that were asked
    /// for, named as in the layout. Rows of one group may occur several times (base and delta
    /// files), so the reader merges. Reading decodes, which takes the processor.
    fn read(
        &self,
        snapshot: &CatalogSnapshot,
        metric: &MetricVersion,
        read: BatchReadRequest,
    ) -> BatchViewStream;
}

/// Tells when things happened that a status page shows. Kept by whoever runs the work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IntakeCounters {
    /// Events accepted since the process started.
    pub accepted: u64,
    /// When the process started.
    pub started_at: Timestamp,
}
