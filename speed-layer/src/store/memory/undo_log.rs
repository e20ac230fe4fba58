//! What changes have overwritten, so that a reader finds the states of before.
//!
//! A reader pins the states after the last whole flush. Overwritten states are recorded only while
//! a reader may need them: while one reads, or while a flush is half-way.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::RecordBatch;
use arrow::compute::interleave_record_batch;
use merganser_core::ids::Epoch;

use super::columns::EpochColumns;
use crate::store::{SpeedView, ViewChange};

/// See the module's text.
#[derive(Debug, Default)]
pub(super) struct UndoLog {
    steps: VecDeque<UndoRecord>,
    readers: Arc<Mutex<BTreeMap<u64, usize>>>,
}

/// What a change overwrote.
#[derive(Debug)]
struct UndoRecord {
    /// Whole flushes before the change.
    flushes: u64,
    epochs: BTreeMap<Epoch, UndoRows>,
}

#[derive(Debug)]
struct UndoRows {
    /// Groups that the epoch had before.
    groups: usize,
    /// Those of them that were overwritten, with all columns.
    slots: Vec<usize>,
    rows: RecordBatch,
}

/// A reader's hold on the states after a whole flush.
#[derive(Debug)]
pub(super) struct ReadPin {
    flushes: u64,
    readers: Arc<Mutex<BTreeMap<u64, usize>>>,
}

impl UndoLog {
    /// Keeps what `change` is about to overwrite.
    pub(super) fn record(
        &mut self,
        view: &SpeedView,
        change: &ViewChange,
        before: &BTreeMap<Epoch, EpochColumns>,
    ) {
        if change.ends_flush() && self.first_reader().is_none() {
            return;
        }
        let mut slots: BTreeMap<Epoch, Vec<usize>> = BTreeMap::new();
        for part in &change.states {
            let groups = before.get(&part.epoch).map_or(0, EpochColumns::len);
            let held = part.slots.iter().map(|slot| *slot as usize).filter(|slot| *slot < groups);
            slots.entry(part.epoch).or_default().extend(held);
        }
        let overwritten = |(epoch, slots): (Epoch, Vec<usize>)| {
            let (groups, rows) = match before.get(&epoch) {
                Some(columns) => (columns.len(), columns.emit(&view.schema, &slots, None)),
                None => (0, RecordBatch::new_empty(Arc::clone(&view.schema))),
            };
            (epoch, UndoRows { groups, slots, rows })
        };
        let epochs = slots.into_iter().map(overwritten).collect();
        self.steps.push_back(UndoRecord { flushes: change.flushes, epochs });
    }

    /// Lets go of what no reader needs, now that there have been `flushes` whole flushes.
    pub(super) fn forget(&mut self, flushes: u64) {
        let needed = self.first_reader().map_or(flushes, |first| first.min(flushes));
        while self.steps.front().is_some_and(|step| step.flushes < needed) {
            self.steps.pop_front();
        }
    }

    /// Holds the states after so many whole flushes, which are the last ones.
    pub(super) fn pin(&self, flushes: u64) -> ReadPin {
        let readers = Arc::clone(&self.readers);
        *readers.lock().unwrap_or_else(PoisonError::into_inner).entry(flushes).or_default() += 1;
        ReadPin { flushes, readers }
    }

    fn first_reader(&self) -> Option<u64> {
        let readers = self.readers.lock().unwrap_or_else(PoisonError::into_inner);
        readers.first_key_value().map(|(flushes, _)| *flushes)
    }

    /// What was overwritten of an epoch since so many whole flushes, oldest first.
    fn since(&self, flushes: u64, epoch: Epoch) -> impl Iterator<Item = &UndoRows> {
        let steps = self.steps.iter().filter(move |step| step.flushes >= flushes);
        steps.filter_map(move |step| step.epochs.get(&epoch))
    }
}

impl ReadPin {
    /// Groups that an epoch had; `now` is how many it has.
    pub(super) fn groups(&self, epoch: Epoch, now: usize, history: &UndoLog) -> usize {
        history.since(self.flushes, epoch).next().map_or(now, |first| first.groups)
    }

    /// Puts what was there in place of what has been overwritten since. `rows` are those at
    /// `slots`, of some columns.
    pub(super) fn restore(
        &self,
        epoch: Epoch,
        slots: &[usize],
        rows: RecordBatch,
        history: &UndoLog,
    ) -> RecordBatch {
        let steps: Vec<&UndoRows> = history.since(self.flushes, epoch).collect();
        if steps.is_empty() {
            return rows;
        }
        let mut places: Vec<(usize, usize)> = (0..slots.len()).map(|row| (0, row)).collect();
        let mut left: HashMap<usize, usize> =
            slots.iter().enumerate().map(|(row, slot)| (*slot, row)).collect();
        for (step, overwritten) in steps.iter().enumerate() {
            for (row, slot) in overwritten.slots.iter().enumerate() {
                // What the oldest step has is what was there.
                if let Some(place) = left.remove(slot) {
                    places[place] = (step + 1, row);
                }
            }
        }
        let schema = rows.schema();
        let names = schema.fields().iter().map(|field| field.name());
        let same_columns = |step: &&UndoRows| {
            let columns: Result<Vec<_>, _> =
                names.clone().map(|name| step.rows.schema_ref().index_of(name)).collect();
            columns.and_then(|columns| step.rows.project(&columns))
        };
        let batches = std::iter::once(Ok(rows)).chain(steps.iter().map(same_columns));
        let restored = batches.collect::<Result<Vec<_>, _>>().and_then(|batches| {
            interleave_record_batch(&batches.iter().collect::<Vec<_>>(), &places)
        });
        restored.expect("a step has all columns of the view, and the places are its rows")
    }
}

impl Drop for ReadPin {
    fn drop(&mut self) {
        let mut readers = self.readers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = readers.get_mut(&self.flushes) {
            *count -= 1;
            if *count == 0 {
                readers.remove(&self.flushes);
            }
        }
    }
}
