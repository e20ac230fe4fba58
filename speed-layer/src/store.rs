//! Where speed views are kept: one contract, in memory and in Redis.
//!
//! A view has a single writer. It writes *absolute* states, so that a repeated write is harmless,
//! and each write carries where it begins and where it ends. What always holds:
//!
//! - A write stores states and position in one atomic step, or nothing at all.
//! - It is refused unless the store is exactly where the writer believes it to be ([`StoredView`]):
//!   the same journal and definition, the same space, the next serial, the position that it begins
//!   at, and no higher fence. So a write that is late, repeated, foreign, or meant for what has
//!   been lost since, changes nothing.
//! - A flush may take several changes. Readers see the states after the last whole flush, of one
//!   position, whatever has been changed since; a store keeps what is overwritten for as long as a
//!   reader may need it.
//! - A rebuild writes into a new [`ViewSpace`], which readers do not see before it is complete.
//!
//! | what is stored | the answer to a [`ViewChange`] |
//! |---|---|
//! | what the writer expects | applied |
//! | the same, after this very change | refused with what is stored, by which the writer knows |
//! | anything else: nothing, another space, serial, position, … | refused with what is stored |
//! | a higher fence | [`StoreError::Fenced`]: there is another writer |

mod address;
mod change;
mod chunk;
#[cfg(test)]
mod contract;
mod error;
pub mod memory;
pub mod redis;
mod view;

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use merganser_core::failpoint::is_bug_planted;
use merganser_core::ids::{Epoch, Fence, JournalId, MetricId, Offset};
use merganser_core::omissions::MetricOmissions;
use merganser_metric::views::{SpeedReadRequest, SpeedViewStates};

pub use address::{StoreAddress, StoreAddressError};
pub use change::{EpochStates, ViewChange};
pub use error::{StoreConnectError, StoreError, StoreReadError};
use view::FORMAT;
pub use view::{SpeedView, ViewId, ViewSpace};

/// A position of the journal, with the checksum of the record that ends there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct JournalPosition {
    /// Everything below.
    pub offset: Offset,
    /// See [`merganser_core::journal::Journal::checksum_at`].
    pub checksum: u32,
}

/// Whether a space can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpaceStage {
    /// It is being filled; what is below its position is not all there.
    Building,
    /// It is whole.
    Complete,
}

/// What a view's epoch has besides its states. Absolute, as the states.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EpochCounters {
    /// Values of another type than their use needs, and rows whose arithmetic had no result.
    pub mismatches: u64,
    /// What each use could not take.
    pub omissions: MetricOmissions,
    /// Rows that were left out, since the metric had its bound of groups.
    pub dropped: u64,
}

/// What a store says of a view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredView {
    /// The journal whose events are counted.
    pub journal: JournalId,
    /// See [`SpeedView::definition`].
    pub definition: u64,
    /// The writer of the last change.
    pub fence: Fence,
    /// Where the states are.
    pub space: ViewSpace,
    /// Changes applied to the space.
    pub serial: u64,
    /// Whole flushes applied to the space: what readers see are the states after the last of them.
    pub flushes: u64,
    /// Whether it can be read.
    pub stage: SpaceStage,
    /// The first epoch that is kept.
    pub first: Epoch,
    /// Everything below is in the states, and nothing else in what readers see.
    pub through: JournalPosition,
    /// Nothing from here on is in the states; beyond `through` while a flush is half-way.
    pub reach: JournalPosition,
    /// By epoch, those that have any.
    pub counters: BTreeMap<Epoch, EpochCounters>,
}

impl StoredView {
    /// The caveats of a read.
    fn caveats(&self, read: &SpeedReadRequest) -> ReadCaveats {
        collect_caveats(read, self.counters.iter().map(|(epoch, counters)| (*epoch, counters)))
    }

    /// Whether it is what `change` leaves behind.
    #[must_use]
    pub fn is_after(&self, change: &ViewChange) -> bool {
        self.space == change.space
            && self.serial == change.serial + 1
            && self.through == change.to
            && self.fence == change.fence
    }

    /// Whether a reader of `view` may take what is here, from the epoch `from` on.
    pub(crate) fn check_readable(
        &self,
        view: &SpeedView,
        from: Epoch,
    ) -> Result<(), StoreReadError> {
        let is_its = self.journal == view.id.journal() && self.definition == view.definition;
        let is_trusted = self.fence >= view.trusted || is_bug_planted("old_fence_trusted");
        if !is_its || !is_trusted {
            return Err(StoreReadError::Absent);
        }
        if self.stage == SpaceStage::Building {
            return Err(StoreReadError::Building);
        }
        if self.first > from {
            return Err(StoreReadError::Retired { first: self.first });
        }
        Ok(())
    }

    /// Why `change` does not follow from this, if so.
    fn refusal_of(&self, view: &SpeedView, change: &ViewChange) -> Option<StoreError> {
        if self.journal == view.id.journal() && self.fence > change.fence {
            return Some(StoreError::Fenced { fence: self.fence });
        }
        let follows = self.journal == view.id.journal()
            && self.definition == view.definition
            && self.space == change.space
            && (self.serial, self.flushes) == (change.serial, change.flushes)
            && self.through.offset == change.from;
        (!follows).then(|| StoreError::Refused { stored: Some(Box::new(self.clone())) })
    }
}

/// What a part lacks, besides its states.
#[derive(Debug, Default)]
pub(crate) struct ReadCaveats {
    /// Why states may be missing although `through` says otherwise.
    pub(crate) missing: Vec<String>,
    pub(crate) omissions: MetricOmissions,
}

/// The caveats of a read, from the counters of its epochs.
pub(crate) fn collect_caveats<'a>(
    read: &SpeedReadRequest,
    counters: impl Iterator<Item = (Epoch, &'a EpochCounters)>,
) -> ReadCaveats {
    let is_in_range = |epoch: Epoch| read.from <= epoch && read.to.is_none_or(|to| epoch < to);
    let (mut caveats, mut dropped) = (ReadCaveats::default(), 0_u64);
    for (_, counters) in counters.filter(|(epoch, _)| is_in_range(*epoch)) {
        dropped += counters.dropped;
        caveats.omissions.merge(&counters.omissions);
    }
    if dropped > 0 {
        let events = if dropped == 1 { "event" } else { "events" };
        caveats.missing.push(format!(
            "the speed view reached its bound of groups and left out {dropped} {events} until the \
             next batch run"
        ));
    }
    caveats
}

/// Whether a sweep found everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SweepStatus {
    /// There may be more: call again.
    More,
    /// Nothing is left that no reader can see.
    Done,
}

/// A store of speed views. See the module's text for what always holds.
#[async_trait]
pub trait SpeedStore: Send + Sync + 'static {
    /// `memory`, `redis` or `redis-cluster`.
    fn kind(&self) -> &'static str;

    /// A fence for a new writer of `journal`'s views: higher than any before, and than `above`.
    async fn claim(&self, journal: JournalId, above: Fence) -> Result<Fence, StoreError>;

    /// Metrics of `journal` of which anything may be stored.
    async fn metrics(&self, journal: JournalId) -> Result<Vec<MetricId>, StoreError>;

    /// What is stored of a view.
    async fn open(&self, view: &SpeedView) -> Result<Option<StoredView>, StoreError>;

    /// Starts anew in `space`, at serial 0 and position 0, with nothing in it. What was there
    /// before is no longer read, and is deleted by [`SpeedStore::sweep`].
    ///
    /// # Errors
    /// [`StoreError::Refused`] unless the space is higher than the one that is stored.
    async fn begin(
        &self,
        view: &SpeedView,
        space: ViewSpace,
        first: Epoch,
    ) -> Result<(), StoreError>;

    /// Stores a change in one atomic step.
    ///
    /// # Errors
    /// See the module's table.
    async fn apply(&self, view: &SpeedView, change: &ViewChange) -> Result<(), StoreError>;

    /// From now on no reader reads epochs below `first`; [`SpeedStore::sweep`] deletes them. The
    /// first epoch never goes back.
    async fn retire(&self, view: &SpeedView, fence: Fence, first: Epoch) -> Result<(), StoreError>;

    /// From now on no reader reads the view; [`SpeedStore::sweep`] deletes it.
    async fn drop_view(&self, id: ViewId, fence: Fence) -> Result<(), StoreError>;

    /// Deletes a bounded portion of what no reader can see.
    async fn sweep(&self, id: ViewId) -> Result<SweepStatus, StoreError>;

    /// The states of a read, of at most `groups_max` groups.
    async fn read(
        &self,
        view: &SpeedView,
        read: &SpeedReadRequest,
        groups_max: usize,
    ) -> Result<SpeedViewStates, StoreReadError>;

    /// A number that grows when the store has thrown states away by itself.
    async fn losses(&self) -> Result<u64, StoreError>;
}

/// The store that the setting names: `memory`, `redis://host:port[/db]` or
/// `redis-cluster://host:port,host:port`.
///
/// # Errors
/// One line that says what is wrong and what would be right.
pub async fn connect(setting: &str) -> Result<Arc<dyn SpeedStore>, StoreConnectError> {
    match setting.parse()? {
        StoreAddress::Memory => Ok(Arc::new(memory::MemoryStore::default())),
        StoreAddress::Redis(address) => Ok(Arc::new(redis::RedisStore::connect(&address).await?)),
    }
}
