//! The groups that a flush has yet to write, as they were when it began.
//!
//! A flush takes several changes of the store, and the fold goes on between them. A group that
//! still waits is copied before the fold changes it, so that all changes of a flush together are
//! the states of one position, and a reader that sees them all sees no event beyond it.

use std::collections::{HashMap, VecDeque};

use arrow::array::RecordBatch;
use arrow::compute::interleave_record_batch;
use merganser_core::ids::Epoch;
use merganser_metric::table::StateTable;

use super::portion::PortionBounds;
use crate::store::{EpochCounters, EpochStates};

/// A flush under way; empty while there is none.
#[derive(Debug, Default)]
pub(super) struct PendingFlush {
    epochs: Vec<EpochFlush>,
    /// Counters as they were when it began; they go with its last change.
    counters: Vec<(Epoch, EpochCounters)>,
}

/// What waits of an epoch.
#[derive(Debug)]
struct EpochFlush {
    epoch: Epoch,
    /// In the order in which the groups changed first, so that the slots of new ones are dense.
    slots: VecDeque<u32>,
    /// By slot, whether the table still has the state that is to be written.
    is_in_table: Vec<bool>,
    /// Copies of the others, and where each slot's is.
    copies: Vec<RecordBatch>,
    copied: HashMap<u32, (usize, usize)>,
}

impl PendingFlush {
    /// Adds what is to be written of an epoch, whose table has `groups` groups.
    pub(super) fn add(&mut self, epoch: Epoch, slots: Vec<u32>, groups: usize) {
        let mut is_in_table = vec![false; groups];
        slots.iter().for_each(|slot| is_in_table[*slot as usize] = true);
        self.epochs.push(EpochFlush {
            epoch,
            slots: slots.into(),
            is_in_table,
            copies: Vec::new(),
            copied: HashMap::new(),
        });
    }

    /// Adds an epoch's counters.
    pub(super) fn add_counters(&mut self, epoch: Epoch, counters: EpochCounters) {
        self.counters.push((epoch, counters));
    }

    /// Counters that are not written yet.
    pub(super) fn take_counters(&mut self) -> Vec<(Epoch, EpochCounters)> {
        std::mem::take(&mut self.counters)
    }

    /// Whether no group waits.
    pub(super) fn is_empty(&self) -> bool {
        self.epochs.is_empty()
    }

    /// Groups that wait.
    pub(super) fn len(&self) -> usize {
        self.epochs.iter().map(|waiting| waiting.slots.len()).sum()
    }

    /// The epoch that is written next.
    pub(super) fn next_epoch(&self) -> Option<Epoch> {
        self.epochs.last().map(|waiting| waiting.epoch)
    }

    /// Copies those of `groups` that still wait, which are about to be changed.
    pub(super) fn copy_before_write(&mut self, epoch: Epoch, groups: &[usize], table: &StateTable) {
        let waiting = self.epochs.iter_mut().find(|waiting| waiting.epoch == epoch);
        let Some(waiting) = waiting else { return };
        let mut kept = Vec::new();
        for group in groups {
            if let Some(is_in_table) = waiting.is_in_table.get_mut(*group)
                && std::mem::take(is_in_table)
            {
                kept.push(*group);
            }
        }
        if kept.is_empty() {
            return;
        }
        let copy = waiting.copies.len();
        let places = kept.iter().enumerate().map(|(row, group)| (*group as u32, (copy, row)));
        waiting.copied.extend(places);
        waiting.copies.push(table.emit(&kept));
    }

    /// The next groups of the last epoch, as many as fit in `bounds`.
    pub(super) fn take(
        &mut self,
        table: &StateTable,
        bounds: PortionBounds,
    ) -> Option<EpochStates> {
        let waiting = self.epochs.last_mut()?;
        let groups = waiting.slots.iter().map(|slot| *slot as usize);
        let count = bounds.count_fitting(table, groups);
        let slots: Vec<u32> = waiting.slots.drain(..count).collect();
        let states = waiting.states(table, &slots);
        let epoch = waiting.epoch;
        if waiting.slots.is_empty() {
            self.epochs.pop();
        }
        Some(EpochStates { epoch, states, slots })
    }

    /// Forgets the epochs for which `keep` does not hold.
    pub(super) fn retain(&mut self, keep: impl Fn(Epoch) -> bool) {
        self.epochs.retain(|waiting| keep(waiting.epoch));
        self.counters.retain(|(epoch, _)| keep(*epoch));
    }
}

impl EpochFlush {
    fn states(&mut self, table: &StateTable, slots: &[u32]) -> RecordBatch {
        let mut in_table = Vec::with_capacity(slots.len());
        let mut places = Vec::with_capacity(slots.len());
        for slot in slots {
            match self.copied.remove(slot) {
                Some((copy, row)) => places.push((copy + 1, row)),
                None => {
                    places.push((0, in_table.len()));
                    in_table.push(*slot as usize);
                    self.is_in_table[*slot as usize] = false;
                }
            }
        }
        let emitted = table.emit(&in_table);
        if in_table.len() == slots.len() {
            return emitted;
        }
        let batches: Vec<&RecordBatch> = std::iter::once(&emitted).chain(&self.copies).collect();
        interleave_record_batch(&batches, &places)
            .expect("all of them were emitted by one table, and the places are theirs")
    }
}
