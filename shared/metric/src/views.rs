//! The ports to views: the traits at which the layers ask each other for states.
//!
//! | port | kept by | used by |
//! |---|---|---|
//! | [`SpeedViews`] | speed layer | serving (answers), runs (audit) |
//! | [`BatchViews`] | batch layer | serving |
//!
//! Two more ports are [`merganser_core::journal::Journal`] and [`crate::catalog::Catalog`], both
//! kept by the batch layer. `src/compose.rs` is the only place that joins them.

use std::time::Instant;

use arrow::array::RecordBatch;
use async_trait::async_trait;
use futures::stream::BoxStream;

use crate::catalog::{CatalogSnapshot, MetricVersion};
use merganser_core::ids::{Epoch, MetricId, Offset};
use merganser_core::omissions::MetricOmissions;
use merganser_core::time::{Grain, TimeRange, Timestamp};

/// What can go wrong in a speed view.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SpeedViewError {
    /// The store cannot be reached, or does not hold this metric's states yet.
    #[error("the speed view is not available: {0}")]
    Unavailable(String),
    /// States from the boundary of the read on are already retired: a newer manifest covers them.
    /// Reload the manifest and read again.
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

/// A read of a speed view.
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
    /// Batches with the metric's [`crate::layout::StateLayout`] schema, or at least the columns of
    /// it that were read.
    pub states: Vec<RecordBatch>,
    /// Why states may be missing although `through` says otherwise, e.g. a bound of groups.
    pub missing: Vec<String>,
    /// The values that each use could not take, of all events of the epochs that were read, at any
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

    /// Values of another type than their use needs, and rows whose arithmetic had no result,
    /// in the epochs from the metric's boundary on.
    fn mismatches(&self, metric: MetricId) -> u64;

    /// Groups held for the metric, all epochs together.
    fn groups(&self, metric: MetricId) -> u64;
}

/// A read of a batch view.
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
    /// files from being deleted. Columns are `time`, and the dimensions and the states of the read,
    /// named as in the layout. Rows of one group may occur several times (base and delta
    /// files), so the reader merges. Reading decodes, which takes the processor.
    fn read(
        &self,
        snapshot: &CatalogSnapshot,
        metric: &MetricVersion,
        read: BatchReadRequest,
    ) -> BatchViewStream;
}
