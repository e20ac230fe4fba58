//! A write: what is stored in one atomic step.

use arrow::array::RecordBatch;
use merganser_core::ids::{Epoch, Fence, Offset};

use super::{EpochCounters, JournalPosition, SpaceStage, SpeedView, StoreError, ViewSpace};

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
pub struct ViewChange {
    /// The writer.
    pub fence: Fence,
    /// Where the states go.
    pub space: ViewSpace,
    /// Changes that the space had before this.
    pub serial: u64,
    /// Whole flushes that the space had before this.
    pub flushes: u64,
    /// The position that is stored before.
    pub from: Offset,
    /// The position after. The same as before where more changes are needed to get further.
    pub to: JournalPosition,
    /// Nothing from here on is in the states.
    pub reach: JournalPosition,
    /// What the space is after it.
    pub stage: SpaceStage,
    /// Absolute states of groups, each group once.
    pub states: Vec<EpochStates>,
    /// Absolute counters of epochs.
    pub counters: Vec<(Epoch, EpochCounters)>,
}

impl ViewChange {
    /// Whether it ends a flush: all states are of one position then.
    #[must_use]
    pub fn ends_flush(&self) -> bool {
        self.to == self.reach && self.stage == SpaceStage::Complete
    }

    /// Whole flushes that the space has after it.
    #[must_use]
    pub fn flushes_after(&self) -> u64 {
        self.flushes + u64::from(self.ends_flush())
    }

    /// Number of groups.
    #[must_use]
    pub fn groups(&self) -> usize {
        self.states.iter().map(|part| part.slots.len()).sum()
    }

    /// What must hold of every change, whatever is stored.
    pub(super) fn check(&self, view: &SpeedView) -> Result<(), StoreError> {
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
