//! The embedded store, and the model that the other one is tested against.
//!
//! It is columnar by view and epoch. A slot is a row, so a write overwrites without looking
//! anything up. It lives as long as the process: the writer fills it from the journal at every
//! start.

mod columns;
mod history;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use arrow::array::RecordBatch;
use async_trait::async_trait;
use shared::ids::{Epoch, Fence, JournalId, MetricId};
use shared::ports::{SpeedPart, SpeedRead};

use super::chunk::Chunk;
use super::{
    Change, Figures, Mark, ReadError, Space, SpeedStore, Stage, StoreError, Stored, Swept, Told,
    View, ViewId,
};
use columns::Columns;
use history::{History, Pin};

/// Groups that a read takes under one lock.
const PORTION: usize = 32_768;

/// A store in this process.
#[derive(Debug, Default)]
pub struct MemoryStore {
    views: RwLock<HashMap<ViewId, Arc<RwLock<Held>>>>,
    fences: Mutex<HashMap<u128, Fence>>,
}

#[derive(Debug)]
struct Held {
    stored: Stored,
    epochs: BTreeMap<Epoch, Columns>,
    history: History,
}

// A lock is poisoned only by a panic, of which there is none while one is held; should there be
// one, what the lock guards is checked on every write.
fn reading<T>(lock: &RwLock<T>) -> RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

fn writing<T>(lock: &RwLock<T>) -> RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}

impl MemoryStore {
    fn held(&self, id: ViewId) -> Option<Arc<RwLock<Held>>> {
        reading(&self.views).get(&id).cloned()
    }
}

impl Held {
    fn apply(&mut self, view: &View, change: &Change) -> Result<(), StoreError> {
        if let Some(refusal) = self.stored.refuses(view, change) {
            return Err(refusal);
        }
        change.check(view)?;
        let mut added = HashMap::new();
        for part in &change.states {
            let columns = self.epochs.get(&part.epoch);
            let groups = added.entry(part.epoch).or_insert_with(|| columns.map_or(0, Columns::len));
            columns::check(view, columns, part, groups)?;
        }
        self.history.record(view, change, &self.epochs);
        for part in &change.states {
            let columns = self.epochs.entry(part.epoch);
            columns.or_insert_with(|| Columns::new(view)).put(part)?;
        }
        let stored = &mut self.stored;
        stored.fence = change.fence;
        stored.serial += 1;
        stored.flushes = change.flushes_after();
        stored.through = change.to;
        stored.reach = change.reach;
        stored.stage = change.stage;
        stored.figures.extend(change.figures.iter().cloned());
        let first = stored.first;
        stored.figures.retain(|epoch, figures| *epoch >= first && *figures != Figures::default());
        self.history.forget(stored.flushes);
        Ok(())
    }

    /// Whether a reader of `view` may take what is here, from `from` on.
    fn check(&self, view: &View, from: Epoch) -> Result<(), ReadError> {
        let stored = &self.stored;
        if stored.journal != view.id.journal() || stored.definition != view.definition {
            return Err(ReadError::Absent);
        }
        if stored.stage == Stage::Building {
            return Err(ReadError::Building);
        }
        if stored.first > from {
            return Err(ReadError::Retired { first: stored.first });
        }
        Ok(())
    }
}

/// A read under way: the chunks that are left of what there was when it began.
struct Reading {
    space: Space,
    /// The states that it sees.
    pin: Pin,
    part: SpeedPart,
    chunks: Vec<(Epoch, Chunk)>,
    groups: usize,
}

impl Reading {
    fn begin(held: &Held, view: &View, read: &SpeedRead) -> Result<Self, ReadError> {
        held.check(view, read.from)?;
        let mut chunks = Vec::new();
        if let Some((first, last)) = Chunk::span(view.grain, read.range) {
            for (epoch, columns) in held.epochs.range(read.from..) {
                if read.to.is_none_or(|to| *epoch < to) {
                    chunks.extend(columns.chunks(first, last).map(|chunk| (*epoch, chunk)));
                }
            }
        }
        chunks.reverse();
        let stored = &held.stored;
        let Told { missing, omissions } = stored.told(read);
        let through = stored.through.offset;
        let part = SpeedPart { through, reach: through, states: Vec::new(), missing, omissions };
        let pin = held.history.pin(stored.flushes);
        Ok(Self { space: stored.space, pin, part, chunks, groups: 0 })
    }

    /// Reads on until a portion is full or nothing is left.
    fn next(&mut self, held: &Held, view: &View, read: &SpeedRead) -> Option<RecordBatch> {
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
struct GivenUp(Arc<AtomicBool>);

impl Drop for GivenUp {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn read_all(
    held: &RwLock<Held>,
    view: &View,
    read: &SpeedRead,
    groups_max: usize,
    is_given_up: &AtomicBool,
) -> Result<SpeedPart, ReadError> {
    let mut reading_on = Reading::begin(&reading(held), view, read)?;
    while !reading_on.chunks.is_empty() {
        if is_given_up.load(Ordering::Relaxed) {
            return Err(ReadError::Unreachable("the read was given up".to_owned()));
        }
        let states = reading_on.next(&reading(held), view, read);
        if reading_on.groups > groups_max {
            return Err(ReadError::TooLarge { limit: groups_max });
        }
        reading_on.part.states.extend(states.filter(|batch| batch.num_rows() > 0));
    }
    let now = reading(held);
    now.check(view, read.from)?;
    if now.stored.space != reading_on.space {
        return Err(ReadError::Building);
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
        let views = reading(&self.views);
        Ok(views.keys().filter(|id| id.journal() == journal).map(|id| id.metric).collect())
    }

    async fn open(&self, view: &View) -> Result<Option<Stored>, StoreError> {
        Ok(self.held(view.id).map(|held| reading(&held).stored.clone()))
    }

    async fn begin(&self, view: &View, space: Space, first: Epoch) -> Result<(), StoreError> {
        let stored = Stored {
            journal: view.id.journal(),
            definition: view.definition,
            fence: space.fence,
            space,
            serial: 0,
            flushes: 0,
            stage: Stage::Building,
            first,
            through: Mark::default(),
            reach: Mark::default(),
            figures: BTreeMap::new(),
        };
        let new = Held { stored, epochs: BTreeMap::new(), history: History::default() };
        let mut views = writing(&self.views);
        if let Some(held) = views.get(&view.id) {
            let old = &reading(held).stored;
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

    async fn apply(&self, view: &View, change: &Change) -> Result<(), StoreError> {
        let held = self.held(view.id).ok_or(StoreError::Refused { stored: None })?;
        writing(&held).apply(view, change)
    }

    async fn retire(&self, view: &View, fence: Fence, first: Epoch) -> Result<(), StoreError> {
        let held = self.held(view.id).ok_or(StoreError::Refused { stored: None })?;
        let mut now = writing(&held);
        if now.stored.fence > fence {
            return Err(StoreError::Fenced { fence: now.stored.fence });
        }
        if now.stored.first < first {
            now.stored.first = first;
            now.stored.figures = now.stored.figures.split_off(&first);
            let kept = now.epochs.split_off(&first);
            let retired = std::mem::replace(&mut now.epochs, kept);
            drop(now);
            drop(retired);
        }
        Ok(())
    }

    async fn drop_view(&self, id: ViewId, fence: Fence) -> Result<(), StoreError> {
        let mut views = writing(&self.views);
        if let Some(held) = views.get(&id) {
            let now = reading(held).stored.fence;
            if now > fence {
                return Err(StoreError::Fenced { fence: now });
            }
        }
        let old = views.remove(&id);
        drop(views);
        drop(old);
        Ok(())
    }

    async fn sweep(&self, _: ViewId) -> Result<Swept, StoreError> {
        Ok(Swept::Done)
    }

    async fn read(
        &self,
        view: &View,
        read: &SpeedRead,
        groups_max: usize,
    ) -> Result<SpeedPart, ReadError> {
        let held = self.held(view.id).ok_or(ReadError::Absent)?;
        let (view, read) = (view.clone(), read.clone());
        // Ended soon after nobody waits for it any more.
        let watch = GivenUp::default();
        let is_given_up = Arc::clone(&watch.0);
        let task = move || read_all(&held, &view, &read, groups_max, &is_given_up);
        tokio::task::spawn_blocking(task)
            .await
            .unwrap_or_else(|error| Err(ReadError::Unreachable(error.to_string())))
    }

    async fn losses(&self) -> Result<u64, StoreError> {
        Ok(0)
    }
}
