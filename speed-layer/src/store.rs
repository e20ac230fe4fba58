//! Where speed views are kept: one contract, in memory and in Redis.
//!
//! A view has a single writer. It writes *absolute* states, so that a repeated write is harmless,
//! and each write carries where it begins and where it ends. What always holds:
//!
//! - A write stores states and position in one atomic step, or nothing at all.
//! - It is refused unless the store is exactly where the writer believes it to be ([`Stored`]):
//!   the same journal and definition, the same space, the next serial, the position that it begins
//!   at, and no higher fence. So a write that is late, repeated, foreign, or meant for what has been
//!   lost since, changes nothing.
//! - A rebuild writes into a new [`Space`], which readers do not see before it is complete.
//!
//! | what is stored | the answer to a [`Change`] |
//! |---|---|
//! | what the writer expects | applied |
//! | the same, after this very change | refused with what is stored, by which the writer knows |
//! | nothing, another space, serial, position, journal or definition | refused with what is stored |
//! | a higher fence | [`StoreError::Fenced`]: there is another writer |

mod address;
mod chunk;
#[cfg(test)]
mod contract;
pub mod memory;
pub mod redis;

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use shared::catalog::MetricVersion;
use shared::compile::StateLayout;
use shared::definition::Definition;
use shared::ids::{Epoch, Fence, JournalId, MetricId, Offset};
use shared::ports::{SpeedPart, SpeedRead};
use shared::time::Grain;
use xxhash_rust::xxh3::xxh3_64;

pub use address::{Address, AddressError};

/// Version of what is stored. A view of another version is not read but rebuilt.
const FORMAT: u64 = 1;

/// Which speed view: one metric version's, over one journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ViewId {
    /// The journal whose events are counted, as its number.
    journal: u128,
    /// The metric version.
    pub metric: MetricId,
}

impl ViewId {
    /// The view of `metric` over `journal`.
    #[must_use]
    pub fn new(journal: JournalId, metric: MetricId) -> Self {
        Self { journal: journal.0.as_u128(), metric }
    }

    /// The journal whose events are counted.
    #[must_use]
    pub fn journal(&self) -> JournalId {
        JournalId(uuid::Uuid::from_u128(self.journal))
    }
}

/// A speed view and the shape of its states.
#[derive(Clone, Debug)]
pub struct View {
    /// Which one.
    pub id: ViewId,
    /// Its base bucket.
    pub grain: Grain,
    /// The columns of its states.
    pub layout: StateLayout,
    /// The layout's schema.
    pub schema: SchemaRef,
    /// Digest of the definition and of [`FORMAT`]: states of another definition are never taken for
    /// this one's, even where a restored back-up uses a metric's number again.
    pub definition: u64,
}

impl View {
    /// The view of a metric version.
    #[must_use]
    pub fn of(journal: JournalId, metric: &MetricVersion) -> Self {
        let layout = metric.compiled.layout().clone();
        Self::new(journal, metric.id, metric.compiled.grain(), layout, &metric.definition)
    }

    fn new(
        journal: JournalId,
        metric: MetricId,
        grain: Grain,
        layout: StateLayout,
        definition: &Definition,
    ) -> Self {
        // A definition is made of texts, numbers and lists, all of which JSON can hold.
        let text = serde_json::to_vec(definition).unwrap_or_default();
        Self {
            id: ViewId::new(journal, metric),
            grain,
            schema: layout.schema(),
            layout,
            definition: xxh3_64(&text) ^ FORMAT,
        }
    }
}

/// Where a rebuild puts its states: never used before, so that a write which was meant for an
/// earlier one can do no harm. Made of its writer's fence and a number of the writer's own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Space {
    /// The fence of the writer that began it.
    pub fence: Fence,
    /// Counted by that writer.
    pub number: u64,
}

impl fmt::Display for Space {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.fence, self.number)
    }
}

impl FromStr for Space {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.split_once('-').and_then(|(fence, number)| {
            Some(Self { fence: Fence(fence.parse().ok()?), number: number.parse().ok()? })
        });
        parts.ok_or_else(|| format!("`{text}` is not a space; expected `fence-number`"))
    }
}

/// A position of the journal, with the checksum of the record that ends there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mark {
    /// Everything below.
    pub offset: Offset,
    /// See [`shared::ports::Journal::checksum_at`].
    pub checksum: u32,
}

/// Whether a space can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// It is being filled; what is below its position is not all there.
    Building,
    /// It is whole.
    Complete,
}

/// What a view's epoch has besides its states. Absolute, as the states.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Values of another type than their use asks for, and rows whose arithmetic had no result.
    pub mismatches: u64,
    /// Rows that were left out, since the metric had its bound of groups.
    pub dropped: u64,
}

/// What a store says of a view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// The journal whose events are counted.
    pub journal: JournalId,
    /// See [`View::definition`].
    pub definition: u64,
    /// The writer of the last change.
    pub fence: Fence,
    /// Where the states are.
    pub space: Space,
    /// Changes applied to the space.
    pub serial: u64,
    /// Whether it can be read.
    pub stage: Stage,
    /// The first epoch that is kept.
    pub first: Epoch,
    /// Everything below is in the states.
    pub through: Mark,
    /// Nothing from here on is in the states.
    pub reach: Mark,
    /// By epoch, those that have any.
    pub figures: BTreeMap<Epoch, Figures>,
}

impl Stored {
    /// Why reads from `from` on may lack something although `through` says otherwise.
    fn missing(&self, read: &SpeedRead) -> Vec<String> {
        missing(read, self.figures.iter().map(|(epoch, figures)| (*epoch, *figures)))
    }

    /// Whether it is what `change` leaves behind.
    #[must_use]
    pub fn is_after(&self, change: &Change) -> bool {
        self.space == change.space
            && self.serial == change.serial + 1
            && self.through == change.to
            && self.fence == change.fence
    }

    /// Why `change` does not follow from this, if so.
    fn refuses(&self, view: &View, change: &Change) -> Option<StoreError> {
        if self.journal == view.id.journal() && self.fence > change.fence {
            return Some(StoreError::Fenced { fence: self.fence });
        }
        let follows = self.journal == view.id.journal()
            && self.definition == view.definition
            && self.space == change.space
            && self.serial == change.serial
            && self.through.offset == change.from;
        (!follows).then(|| StoreError::Refused { stored: Some(Box::new(self.clone())) })
    }
}

/// Why states of `figures`' epochs may be missing in what `read` asks for.
pub(crate) fn missing(
    read: &SpeedRead,
    figures: impl Iterator<Item = (Epoch, Figures)>,
) -> Vec<String> {
    let asked = |epoch: Epoch| read.from <= epoch && read.to.is_none_or(|to| epoch < to);
    let dropped: u64 =
        figures.filter(|(epoch, _)| asked(*epoch)).map(|(_, figures)| figures.dropped).sum();
    if dropped == 0 {
        return Vec::new();
    }
    vec![format!(
        "the speed view reached its bound of groups and left out {dropped} events until the next \
         batch run"
    )]
}

/// The states of some groups of an epoch.
#[derive(Clone, Debug)]
pub struct EpochStates {
    /// The epoch.
    pub epoch: Epoch,
    /// A row a group, with the layout's schema.
    pub states: RecordBatch,
    /// By row, the group's number in its epoch: dense, and in one space always the same group.
    pub slots: Vec<u32>,
}

/// A write: states, and the step of the position that they stand for.
#[derive(Clone, Debug)]
pub struct Change {
    /// The writer.
    pub fence: Fence,
    /// Where the states go.
    pub space: Space,
    /// Changes that the space had before this.
    pub serial: u64,
    /// The position that is stored before.
    pub from: Offset,
    /// The position after. The same as before where more changes are needed to get further.
    pub to: Mark,
    /// Nothing from here on is in the states.
    pub reach: Mark,
    /// What the space is after it.
    pub stage: Stage,
    /// Absolute states of groups, each group once.
    pub states: Vec<EpochStates>,
    /// Absolute figures of epochs.
    pub figures: Vec<(Epoch, Figures)>,
}

impl Change {
    /// Number of groups.
    #[must_use]
    pub fn groups(&self) -> usize {
        self.states.iter().map(|part| part.slots.len()).sum()
    }

    /// What must hold of every change, whatever is stored.
    fn check(&self, view: &View) -> Result<(), StoreError> {
        let invalid = |what: &str| Err(StoreError::Invalid(what.to_owned()));
        if self.from > self.to.offset || self.to.offset > self.reach.offset {
            return invalid("its positions are not in order");
        }
        for part in &self.states {
            if part.states.schema_ref().fields() != view.schema.fields() {
                return invalid("its states have other columns than the metric");
            }
            if part.states.num_rows() != part.slots.len() {
                return invalid("it has not one slot for each group");
            }
        }
        Ok(())
    }
}

/// What can go wrong with a write, or with asking what is stored.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Determinate: nothing changed. What is stored is not what the change follows.
    #[error("the store is not where the writer left it: {}", describe(stored.as_deref()))]
    Refused {
        /// What is stored.
        stored: Option<Box<Stored>>,
    },
    /// Determinate: nothing changed, and nothing of this writer ever will.
    #[error("another writer has taken over with fence {fence}")]
    Fenced {
        /// The other's.
        fence: Fence,
    },
    /// Determinate: nothing changed. A fault of the service.
    #[error("a change that cannot be stored: {0}")]
    Invalid(String),
    /// Determinate: nothing changed; the store said no.
    #[error("the speed store refused: {0}")]
    Failed(String),
    /// Indeterminate: it may have happened, or may still happen.
    #[error("the speed store did not answer: {0}")]
    Uncertain(String),
    /// Determinate: nothing changed. What is stored is not what was written.
    #[error("the speed store is damaged: {0}")]
    Damaged(String),
}

impl StoreError {
    /// Whether it is certain that nothing changed.
    #[must_use]
    pub const fn is_determinate(&self) -> bool {
        !matches!(self, Self::Uncertain(_))
    }
}

fn describe(stored: Option<&Stored>) -> String {
    stored.map_or_else(
        || "it holds nothing".to_owned(),
        |s| format!("it holds space {} up to {}, change {}", s.space, s.through.offset, s.serial),
    )
}

/// What can go wrong with a read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// Nothing is stored, or something else: the writer has to look.
    #[error("the store does not hold the metric's states")]
    Absent,
    /// The writer is filling it.
    #[error("the metric's states are being written anew")]
    Building,
    /// The epochs that were asked for are deleted.
    #[error("epochs below {first} are deleted")]
    Retired {
        /// The first that is kept.
        first: Epoch,
    },
    /// There are more groups than the reader may hold.
    #[error("there are over {limit} groups in this range")]
    TooLarge {
        /// The most there may be.
        limit: usize,
    },
    /// What is stored is not what was written: the writer has to rebuild it.
    #[error("the speed store is damaged: {reason}")]
    Damaged {
        /// Where the states are.
        space: Space,
        /// What was found.
        reason: String,
    },
    /// The store cannot be reached.
    #[error("the speed store cannot be read: {0}")]
    Unreachable(String),
}

/// Whether a sweep found everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Swept {
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
    async fn open(&self, view: &View) -> Result<Option<Stored>, StoreError>;

    /// Starts anew in `space`, at serial 0 and position 0, with nothing in it. What was there before
    /// is no longer read, and is deleted by [`SpeedStore::sweep`].
    ///
    /// # Errors
    /// [`StoreError::Refused`] unless the space is higher than the one that is stored.
    async fn begin(&self, view: &View, space: Space, first: Epoch) -> Result<(), StoreError>;

    /// Stores a change in one atomic step.
    ///
    /// # Errors
    /// See the module's table.
    async fn apply(&self, view: &View, change: &Change) -> Result<(), StoreError>;

    /// From now on nobody reads epochs below `first`; [`SpeedStore::sweep`] deletes them. The first
    /// epoch never goes back.
    async fn retire(&self, view: &View, fence: Fence, first: Epoch) -> Result<(), StoreError>;

    /// From now on nobody reads the view; [`SpeedStore::sweep`] deletes it.
    async fn drop_view(&self, id: ViewId, fence: Fence) -> Result<(), StoreError>;

    /// Deletes a bounded portion of what no reader can see.
    async fn sweep(&self, id: ViewId) -> Result<Swept, StoreError>;

    /// The states that `read` asks for, of at most `groups_max` groups.
    async fn read(
        &self,
        view: &View,
        read: &SpeedRead,
        groups_max: usize,
    ) -> Result<SpeedPart, ReadError>;

    /// A number that grows when the store has thrown states away by itself.
    async fn losses(&self) -> Result<u64, StoreError>;
}

/// A store that cannot be used.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ConnectError {
    /// The setting names no store.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// Nobody answers.
    #[error("the speed store at {address} cannot be reached: {reason}")]
    Unreachable {
        /// Where it should be, without credentials.
        address: String,
        /// What happened.
        reason: String,
    },
    /// It would lose states, or cannot run the scripts.
    #[error("the speed store at {address} cannot be used: {reason}")]
    Unfit {
        /// Where it is, without credentials.
        address: String,
        /// What is wrong and what would be right.
        reason: String,
    },
}

/// The store that the setting names: `memory`, `redis://host:port[/db]` or
/// `redis-cluster://host:port,host:port`.
///
/// # Errors
/// One line that says what is wrong and what would be right.
pub async fn connect(setting: &str) -> Result<Arc<dyn SpeedStore>, ConnectError> {
    match setting.parse()? {
        Address::Memory => Ok(Arc::new(memory::MemoryStore::default())),
        Address::Redis(address) => Ok(Arc::new(redis::RedisStore::connect(&address).await?)),
    }
}
