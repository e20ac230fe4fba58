//! The embedded store, and the model that the other one is tested against.
//!
//! It is columnar by view and epoch. A slot is a row, so a write overwrites without looking
//! anything up. It lives as long as the process: the writer fills it from the journal at every
//! start.

mod columns;
#[cfg(test)]
mod tests;
mod undo_log;

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use arrow::array::RecordBatch;
use async_trait::async_trait;
use merganser_core::blocking::run_blocking;
use merganser_core::ids::{Epoch, Fence, JournalId, MetricId};
use merganser_metric::views::{SpeedReadRequest, SpeedViewStates};

use super::chunk::TimeChunk;
use super::{
    EpochCounters, JournalPosition, ReadCaveats, SpaceStage, SpeedStore, SpeedView, StoreError,
    StoreReadError, StoredView, SweepStatus, ViewChange, ViewId, ViewSpace,
};
use columns::EpochColumns;
use undo_log::{ReadPin, UndoLog};

/// Groups that a read takes under one lock.
const PORTION: usize = 32_768;

/// A store in this process.
#[derive(Debug, Default)]
pub struct MemoryStore {
    views: RwLock<HashMap<ViewId, Arc<RwLock<MemoryView>>>>,
    fences: Mutex<HashMap<u128, Fence>>,
}

#[derive(Debug)]
struct MemoryView {
    stored: StoredView,
    epochs: BTreeMap<Epoch, EpochColumns>,
    history: UndoLog,
}

// A lock is poisoned only by a panic, of which there is none while one is held; should there be
// one, what the lock guards is checked on every write.
fn read_lock<T>(lock: &RwLock<T>) -> RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

fn write_lock<T>(lock: &RwLock<T>) -> RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}

impl MemoryStore {
    fn held(&self, id: ViewId) -> Option<Arc<RwLock<MemoryView>>> {
        read_lock(&self.views).get(&id).cloned()
    }
}

impl MemoryView {
    fn apply(&mut self, view: &SpeedView, change: &ViewChange) -> Result<(), StoreError> {
        if let Some(refusal) = self.stored.refusal_of(view, change) {
            return Err(refusal);
        }
        change.check(view)?;
        let mut added = HashMap::new();
        for part in &change.states {
            let columns = self.epochs.get(&part.epoch);
            let groups =
                added.entry(part.epoch).or_insert_with(|| columns.map_or(0, EpochColumns::len));
            columns::check_slots(view, columns, part, groups)?;
        }
        self.history.record(view, change, &self.epochs);
        for part in &change.states {
            let columns = self.epochs.entry(part.epoch);
            columns.or_insert_with(|| EpochColumns::new(view)).put(part)?;
        }
        let stored = &mut self.stored;
        stored.fence = change.fence;
        stored.serial += 1;
        stored.flushes = change.flushes_after();
        stored.through = change.to;
        stored.reach = change.reach;
        stored.stage = change.stage;
        stored.counters.extend(change.counters.iter().cloned());
        let first = stored.first;
        stored
            .counters
            .retain(|epoch, counters| *epoch >= first && *counters != EpochCounters::default());
        self.history.forget(stored.flushes);
        Ok(())
    }
}

/// A read under way: the chunks that are left of what there was when it began.
struct MemoryReadCursor {
    space: ViewSpace,
    /// The states that it sees.
    pin: ReadPin,
    part: SpeedViewStates,
    chunks: Vec<(Epoch, TimeChunk)>,
    groups: usize,
}

impl MemoryReadCursor {
    fn begin(
        held: &MemoryView,
        view: &SpeedView,
        read: &SpeedReadRequest,
    ) -> Result<Self, StoreReadError> {
        held.stored.check_readable(view, read.from)?;
        let mut chunks = Vec::new();
        if let Some((first, last)) = TimeChunk::span(view.grain, read.range) {
            for (epoch, columns) in held.epochs.range(read.from..) {
                if read.to.is_none_or(|to| *epoch < to) {
                    chunks.extend(columns.chunks(first, last).map(|chunk| (*epoch, chunk)));
                }
            }
        }
        chunks.reverse();
        let stored = &held.stored;
        let ReadCaveats { missing, omissions } = stored.caveats(read);
        let through = stored.through.offset;
        let part =
            SpeedViewStates { through, reach: through, states: Vec::new(), missing, omissions };
        let pin = held.history.pin(stored.flushes);
        Ok(Self { space: stored.space, pin, part, chunks, groups: 0 })
    }

    /// Reads on until a portion is full or nothing is left.
    fn next(
        &mut self,
        held: &MemoryView,
        view: &SpeedView,
        read: &SpeedReadRequest,
    ) -> Option<RecordBatch> {
        let (epoch, _) = *self.chunks.last()?;
        let columns = held.epochs.get(&epoch);
        let mut slots = Vec::new();
        while let Some((same, chunk)) = self.chunks.last().copied()
            && same == epoch
            && slots.len() < PORTION
        {
            self.chunks.pop();
            if let Some(columns) = columns {
                columns.within(chunk, view.grain, read.range, &mut slots);
            }
        }
        let columns = columns?;
        let before = self.pin.groups(epoch, columns.len(), &held.history);
        slots.retain(|slot| *slot < before);
        self.groups += slots.len();
        let rows = columns.emit(&view.schema, &slots, read.columns.as_ref());
        Some(self.pin.restore(epoch, &slots, rows, &held.history))
    }
}

/// Tells that a read is given up, on drop.
#[derive(Debug, Default)]
struct ReadCancelGuard(Arc<AtomicBool>);

impl Drop for ReadCancelGuard {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn read_all(
    held: &RwLock<MemoryView>,
    view: &SpeedView,
    read: &SpeedReadRequest,
    groups_max: usize,
    is_given_up: &AtomicBool,
) -> Result<SpeedViewStates, StoreReadError> {
    let mut reading_on = MemoryReadCursor::begin(&read_lock(held), view, read)?;
    while !reading_on.chunks.is_empty() {
        if is_given_up.load(Ordering::Relaxed) {
            return Err(StoreReadError::Unreachable("the read was given up".to_owned()));
        }
        let states = reading_on.next(&read_lock(held), view, read);
        if reading_on.groups > groups_max {
            return Err(StoreReadError::TooLarge { limit: groups_max });
        }
        reading_on.part.states.extend(states.filter(|batch| batch.num_rows() > 0));
    }
    let now = read_lock(held);
    now.stored.check_readable(view, read.from)?;
    if now.stored.space != reading_on.space {
        return Err(StoreReadError::Building);
    }
    Ok(reading_on.part)
}

#[async_trait]
impl SpeedStore for MemoryStore {
    fn kind(&self) -> &'static str {
        "memory"
    }

    async fn claim(&self, journal: JournalId, above: Fence) -> Result<Fence, StoreError> {
        let mut fences = self.fences.lock().unwrap_or_else(PoisonError::into_inner);
        let fence = fences.entry(journal.0.as_u128()).or_default();
        *fence = (*fence).max(above).next();
        Ok(*fence)
    }

    async fn metrics(&self, journal: JournalId) -> Result<Vec<MetricId>, StoreError> {
        let views = read_lock(&self.views);
        Ok(views.keys().filter(|id| id.journal() == journal).map(|id| id.metric).collect())
    }

    async fn open(&self, view: &SpeedView) -> Result<Option<StoredView>, StoreError> {
        Ok(self.held(view.id).map(|held| read_lock(&held).stored.clone()))
    }

    async fn begin(
        &self,
        view: &SpeedView,
        space: ViewSpace,
        first: Epoch,
    ) -> Result<(), StoreError> {
        let stored = StoredView {
            journal: view.id.journal(),
            definition: view.definition,
            fence: space.fence,
            space,
            serial: 0,
            flushes: 0,
            stage: SpaceStage::Building,
            first,
            through: JournalPosition::default(),
            reach: JournalPosition::default(),
            counters: BTreeMap::new(),
        };
        let new = MemoryView { stored, epochs: BTreeMap::new(), history: UndoLog::default() };
        let mut views = write_lock(&self.views);
        if let Some(held) = views.get(&view.id) {
            let old = &read_lock(held).stored;
            if old.fence > space.fence {
                return Err(StoreError::Fenced { fence: old.fence });
            }
            if old.space >= space {
                return Err(StoreError::Refused { stored: Some(Box::new(old.clone())) });
            }
        }
        let old = views.insert(view.id, Arc::new(RwLock::new(new)));
        drop(views);
        // Readers that are at it keep what was there until they are done.
        drop(old);
        Ok(())
    }

    async fn apply(&self, view: &SpeedView, change: &ViewChange) -> Result<(), StoreError> {
        let held = self.held(view.id).ok_or(StoreError::Refused { stored: None })?;
        write_lock(&held).apply(view, change)
    }

    async fn retire(&self, view: &SpeedView, fence: Fence, first: Epoch) -> Result<(), StoreError> {
        let held = self.held(view.id).ok_or(StoreError::Refused { stored: None })?;
        let mut now = write_lock(&held);
        if now.stored.fence > fence {
            return Err(StoreError::Fenced { fence: now.stored.fence });
        }
        if now.stored.first < first {
            now.stored.first = first;
            now.stored.counters = now.stored.counters.split_off(&first);
            let kept = now.epochs.split_off(&first);
            let retired = std::mem::replace(&mut now.epochs, kept);
            drop(now);
            drop(retired);
        }
        Ok(())
    }

    async fn drop_view(&self, id: ViewId, fence: Fence) -> Result<(), StoreError> {
        let mut views = write_lock(&self.views);
        if let Some(held) = views.get(&id) {
            let now = read_lock(held).stored.fence;
            if now > fence {
                return Err(StoreError::Fenced { fence: now });
            }
        }
        let old = views.remove(&id);
        drop(views);
        drop(old);
        Ok(())
    }

    async fn sweep(&self, _: ViewId) -> Result<SweepStatus, StoreError> {
        Ok(SweepStatus::Done)
    }

    async fn read(
        &self,
        view: &SpeedView,
        read: &SpeedReadRequest,
        groups_max: usize,
    ) -> Result<SpeedViewStates, StoreReadError> {
        let held = self.held(view.id).ok_or(StoreReadError::Absent)?;
        let (view, read) = (view.clone(), read.clone());
        // The read ends soon after its caller has gone.
        let watch = ReadCancelGuard::default();
        let is_given_up = Arc::clone(&watch.0);
        let task = move || read_all(&held, &view, &read, groups_max, &is_given_up);
        run_blocking(task).await
    }

    async fn losses(&self) -> Result<u64, StoreError> {
        Ok(0)
    }
}
