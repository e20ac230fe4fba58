//! A metric's states from its boundary on, by epoch, and which of them are not written yet.

use std::collections::BTreeMap;
use std::sync::Arc;

use merganser_core::ids::Epoch;
use merganser_metric::compile::{FoldError, Metric};
use merganser_metric::extract::ExtractedEvents;
use merganser_metric::layout::StateLayout;
use merganser_metric::table::StateTable;

use super::flush::PendingFlush;
use super::portion::PortionBounds;
use crate::store::{EpochCounters, EpochStates};

/// Whether the store has what is folded already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DirtyPolicy {
    /// It is to be written.
    Write,
    /// It is stored.
    Keep,
}

/// What is to be written next.
#[derive(Debug, Default)]
pub(super) struct FlushPortion {
    pub(super) states: Vec<EpochStates>,
    pub(super) counters: Vec<(Epoch, EpochCounters)>,
    /// Whether it is the last of the flush.
    pub(super) is_last: bool,
}

/// A metric's tables.
#[derive(Debug)]
pub(super) struct MetricTables {
    metric: Arc<Metric>,
    groups_max: usize,
    first: Epoch,
    epochs: BTreeMap<Epoch, EpochTable>,
    flush: PendingFlush,
}

/// An epoch's table.
#[derive(Debug)]
pub(super) struct EpochTable {
    pub(super) states: StateTable,
    pub(super) counters: EpochCounters,
    is_figures_dirty: bool,
    /// Groups to be written, each once.
    dirty: Vec<u32>,
    /// By group, whether it is in `dirty`.
    is_dirty: Vec<bool>,
}

impl EpochTable {
    fn new(layout: &StateLayout) -> Self {
        Self {
            states: StateTable::new(layout),
            counters: EpochCounters::default(),
            is_figures_dirty: false,
            dirty: Vec::new(),
            is_dirty: Vec::new(),
        }
    }

    fn mark_dirty(&mut self, groups: impl Iterator<Item = usize>) {
        self.is_dirty.resize(self.states.len(), false);
        for group in groups {
            if !std::mem::replace(&mut self.is_dirty[group], true) {
                // A table holds at most 2³² groups.
                self.dirty.push(group as u32);
            }
        }
    }
}

impl MetricTables {
    pub(super) fn new(metric: Arc<Metric>, groups_max: usize, first: Epoch) -> Self {
        Self { metric, groups_max, first, epochs: BTreeMap::new(), flush: PendingFlush::default() }
    }

    pub(super) fn metric(&self) -> &Metric {
        &self.metric
    }

    /// The first epoch that is folded; events of earlier ones are passed over.
    pub(super) fn first(&self) -> Epoch {
        self.first
    }

    pub(super) fn table(&self, epoch: Epoch) -> Option<&EpochTable> {
        self.epochs.get(&epoch)
    }

    /// The epochs from `from` on that have a table.
    pub(super) fn epochs(&self, from: Epoch) -> impl Iterator<Item = (Epoch, &EpochTable)> {
        self.epochs.range(from..).map(|(epoch, table)| (*epoch, table))
    }

    /// Groups of all epochs.
    pub(super) fn groups(&self) -> usize {
        self.epochs.values().map(|table| table.states.len()).sum()
    }

    /// Groups that are to be written.
    pub(super) fn dirty(&self) -> usize {
        self.flush.len() + self.epochs.values().map(|table| table.dirty.len()).sum::<usize>()
    }

    /// Folds events of one epoch.
    ///
    /// # Errors
    /// A fault of the service; the events then count as dropped.
    pub(super) fn fold(
        &mut self,
        epoch: Epoch,
        extracted: &ExtractedEvents,
        touch: DirtyPolicy,
    ) -> Result<(), FoldError> {
        if epoch < self.first {
            return Ok(());
        }
        let all = self.groups();
        let layout = self.metric.layout();
        let table = self.epochs.entry(epoch).or_insert_with(|| EpochTable::new(layout));
        // What this epoch may have is what the others leave.
        let groups_max = (self.groups_max + table.states.len()).saturating_sub(all);
        let (metric, flush) = (&self.metric, &mut self.flush);
        let placed =
            metric.assign_groups(&mut table.states, extracted, groups_max).and_then(|placed| {
                // Before they change.
                flush.copy_before_write(epoch, &placed.groups, &table.states);
                metric.update(&mut table.states, &placed)?;
                Ok(placed)
            });
        let folded = match placed {
            Ok(placed) => placed,
            Err(error) => {
                table.counters.dropped += extracted.events.len() as u64;
                table.is_figures_dirty = true;
                return Err(error);
            }
        };
        table.counters.mismatches += folded.mismatches;
        table.counters.dropped += folded.dropped;
        let tells = table.counters.omissions.merge(&folded.omissions);
        if touch == DirtyPolicy::Write {
            table.is_figures_dirty |= tells || folded.mismatches + folded.dropped > 0;
            table.mark_dirty(folded.groups.into_iter());
        }
        Ok(())
    }

    /// Everything is to be written, since the store has nothing of it.
    pub(super) fn mark_all_dirty(&mut self) {
        self.flush = PendingFlush::default();
        for table in self.epochs.values_mut() {
            table.dirty.clear();
            table.is_dirty.clear();
            table.is_figures_dirty = true;
            table.mark_dirty(0..table.states.len());
        }
    }

    /// Begins a flush of what is to be written now.
    pub(super) fn begin_flush(&mut self) {
        for (epoch, table) in &mut self.epochs {
            if std::mem::take(&mut table.is_figures_dirty) {
                self.flush.add_counters(*epoch, table.counters.clone());
            }
            if !table.dirty.is_empty() {
                let slots = std::mem::take(&mut table.dirty);
                slots.iter().for_each(|slot| table.is_dirty[*slot as usize] = false);
                self.flush.add(*epoch, slots, table.states.len());
            }
        }
    }

    /// The next portion of the flush.
    pub(super) fn next_portion(&mut self, bounds: PortionBounds) -> FlushPortion {
        let mut portion = FlushPortion::default();
        let mut left = bounds;
        while left.groups_max > 0 && left.size_bytes_max > 0 {
            let table = self.flush.next_epoch().and_then(|epoch| self.epochs.get(&epoch));
            let Some(states) = table.and_then(|table| self.flush.take(&table.states, left)) else {
                break;
            };
            left.groups_max -= states.slots.len();
            left.size_bytes_max =
                left.size_bytes_max.saturating_sub(states.states.get_array_memory_size());
            portion.states.push(states);
        }
        portion.is_last = self.flush.is_empty();
        if portion.is_last {
            portion.counters = self.flush.take_counters();
        }
        portion
    }

    /// Forgets the epochs below `first`, which are returned, since letting go of many groups takes
    /// time.
    pub(super) fn retire(&mut self, first: Epoch) -> BTreeMap<Epoch, EpochTable> {
        self.first = self.first.max(first);
        self.flush.retain(|epoch| epoch >= first);
        let kept = self.epochs.split_off(&first);
        std::mem::replace(&mut self.epochs, kept)
    }
}
