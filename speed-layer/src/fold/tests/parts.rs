//! Stand-ins for what the fold is joined with: a journal in memory, a catalog, and a store with
//! faults.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use merganser_core::access::{KeyChange, KeyError};
use merganser_core::event::EventBatch;
use merganser_core::ids::{Boundary, Epoch, Fence, JournalId, MetricId, Offset};
use merganser_core::journal::{CommittedBatch, Journal, JournalError, JournalReader};
use merganser_metric::catalog::{Catalog, CatalogError, CatalogSnapshot, DefineOutcome};
use merganser_metric::definition::MetricDefinition;
use merganser_metric::views::{SpeedReadRequest, SpeedViewStates};
use tokio::sync::watch;
use uuid::Uuid;

use crate::store::memory::MemoryStore;
use crate::store::{
    SpeedStore, SpeedView, StoreError, StoreReadError, StoredView, SweepStatus, ViewChange, ViewId,
    ViewSpace,
};

/// A journal that lasts as long as the test.
#[derive(Debug)]
pub(super) struct FakeJournal {
    id: JournalId,
    log: Mutex<Log>,
}

#[derive(Clone, Debug, Default)]
struct Log {
    batches: Vec<Arc<CommittedBatch>>,
    open: Boundary,
    end: Offset,
    checksum: u32,
}

impl FakeJournal {
    pub(super) fn new(number: u128) -> Self {
        Self { id: JournalId(Uuid::from_u128(number)), log: Mutex::default() }
    }

    /// A copy, which then goes its own way.
    pub(super) fn copy(&self) -> Self {
        Self { id: self.id, log: Mutex::new(self.log.lock().unwrap().clone()) }
    }
}

impl Journal for FakeJournal {
    fn id(&self) -> JournalId {
        self.id
    }

    fn append(&self, events: &EventBatch) -> Result<Arc<CommittedBatch>, JournalError> {
        let mut log = self.log.lock().unwrap();
        let digest = events.ids().iter().flatten().flat_map(str::bytes);
        log.checksum = digest
            .fold(log.checksum ^ 1, |sum, byte| sum.wrapping_mul(16_777_619) ^ u32::from(byte));
        let batch = Arc::new(CommittedBatch {
            epoch: log.open.epoch,
            first: log.end,
            events: events.clone(),
            checksum: log.checksum,
        });
        log.end = batch.end();
        log.batches.push(Arc::clone(&batch));
        Ok(batch)
    }

    fn end(&self) -> Offset {
        self.log.lock().unwrap().end
    }

    fn start(&self) -> Offset {
        Offset::ZERO
    }

    fn seal(&self) -> Result<Boundary, JournalError> {
        let mut log = self.log.lock().unwrap();
        if log.end > log.open.offset {
            log.open = Boundary { epoch: log.open.epoch.next(), offset: log.end };
        }
        Ok(log.open)
    }

    fn read(&self, from: Offset) -> Result<JournalReader, JournalError> {
        let log = self.log.lock().unwrap();
        if from > log.end {
            return Err(JournalError::OutOfRange {
                asked: from,
                start: Offset::ZERO,
                end: log.end,
            });
        }
        let batches: Vec<_> = log.batches.iter().filter(|b| b.end() > from).cloned().collect();
        Ok(Box::new(batches.into_iter().map(move |batch| {
            let skip = from.since(batch.first) as usize;
            let events = batch.events.slice(skip, batch.events.len() - skip);
            Ok(Arc::new(CommittedBatch {
                first: batch.first.max(from),
                events,
                ..(*batch).clone()
            }))
        })))
    }

    fn checksum_at(&self, position: Offset) -> Result<Option<u32>, JournalError> {
        let log = self.log.lock().unwrap();
        let found = log.batches.iter().find(|batch| batch.end() == position);
        Ok(if position == Offset::ZERO { Some(0) } else { found.map(|batch| batch.checksum) })
    }

    fn trim(&self, _: Offset) -> Result<Offset, JournalError> {
        Ok(Offset::ZERO)
    }

    fn size_bytes(&self) -> u64 {
        0
    }
}

/// A catalog that says what it is told.
#[derive(Debug)]
pub(super) struct FakeCatalog(pub(super) watch::Sender<Arc<CatalogSnapshot>>);

#[async_trait]
impl Catalog for FakeCatalog {
    fn current(&self) -> Arc<CatalogSnapshot> {
        Arc::clone(&self.0.borrow())
    }

    fn subscribe(&self) -> watch::Receiver<Arc<CatalogSnapshot>> {
        self.0.subscribe()
    }

    async fn define(&self, _: MetricDefinition) -> Result<DefineOutcome, CatalogError> {
        Ok(DefineOutcome::Unchanged)
    }

    async fn delete(&self, _: &str) -> Result<(), CatalogError> {
        Ok(())
    }

    async fn change_keys(&self, _: KeyChange) -> Result<(), KeyError> {
        Ok(())
    }

    fn backfill_progress(&self, _: MetricId) -> Option<f64> {
        None
    }
}

/// What happens to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// It is lost on the way there.
    LostBefore,
    /// It lands, and its answer is lost.
    LostAfter,
    /// The store says no.
    Refused,
    /// The store is emptied first.
    Emptied,
    /// Nothing is ever said.
    Hanging,
}

/// A store in memory with faults, which can be told before or for as long as nothing else is said.
#[derive(Debug, Default)]
pub(super) struct FaultyStore {
    inner: Mutex<Arc<MemoryStore>>,
    /// For the next writes, in order.
    faults: Mutex<VecDeque<Fault>>,
    /// For all writes and reads.
    away: Mutex<Option<Fault>>,
    pub(super) groups_written: AtomicU64,
    pub(super) begun: AtomicU64,
}

impl FaultyStore {
    fn inner(&self) -> Arc<MemoryStore> {
        Arc::clone(&self.inner.lock().unwrap())
    }

    pub(super) fn plan(&self, faults: impl IntoIterator<Item = Fault>) {
        self.faults.lock().unwrap().extend(faults);
    }

    pub(super) fn away(&self, fault: Option<Fault>) {
        *self.away.lock().unwrap() = fault;
    }

    pub(super) fn empty(&self) {
        *self.inner.lock().unwrap() = Arc::default();
    }

    /// Says nothing until the store is back, and then that the answer was lost.
    async fn hang<T>(&self) -> Result<T, StoreError> {
        while *self.away.lock().unwrap() == Some(Fault::Hanging) {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        Err(StoreError::Uncertain("no answer".to_owned()))
    }

    /// What comes of the next write: whether it is done, and what is said.
    fn fault(&self) -> Option<Fault> {
        let away = *self.away.lock().unwrap();
        away.or_else(|| self.faults.lock().unwrap().pop_front())
    }

    async fn write<T, F>(&self, call: impl FnOnce(Arc<MemoryStore>) -> F) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, StoreError>>,
    {
        let lost = || Err(StoreError::Uncertain("no answer".to_owned()));
        match self.fault() {
            None => call(self.inner()).await,
            Some(Fault::LostBefore) => lost(),
            Some(Fault::LostAfter) => {
                let _ = call(self.inner()).await;
                lost()
            }
            Some(Fault::Refused) => Err(StoreError::Failed("out of memory".to_owned())),
            Some(Fault::Hanging) => self.hang().await,
            Some(Fault::Emptied) => {
                self.empty();
                call(self.inner()).await
            }
        }
    }
}

#[async_trait]
impl SpeedStore for FaultyStore {
    fn kind(&self) -> &'static str {
        "faulty"
    }

    async fn claim(&self, journal: JournalId, above: Fence) -> Result<Fence, StoreError> {
        self.inner().claim(journal, above).await
    }

    async fn metrics(&self, journal: JournalId) -> Result<Vec<MetricId>, StoreError> {
        self.inner().metrics(journal).await
    }

    async fn open(&self, view: &SpeedView) -> Result<Option<StoredView>, StoreError> {
        let away = *self.away.lock().unwrap();
        match away {
            None => {}
            Some(Fault::Hanging) => return self.hang().await,
            Some(_) => return Err(StoreError::Uncertain("away".to_owned())),
        }
        self.inner().open(view).await
    }

    async fn begin(
        &self,
        view: &SpeedView,
        space: ViewSpace,
        first: Epoch,
    ) -> Result<(), StoreError> {
        self.begun.fetch_add(1, Ordering::SeqCst);
        self.write(|inner| async move { inner.begin(view, space, first).await }).await
    }

    async fn apply(&self, view: &SpeedView, change: &ViewChange) -> Result<(), StoreError> {
        let result = self.write(|inner| async move { inner.apply(view, change).await }).await;
        if result.is_ok() {
            self.groups_written.fetch_add(change.groups() as u64, Ordering::SeqCst);
        }
        result
    }

    async fn retire(&self, view: &SpeedView, fence: Fence, first: Epoch) -> Result<(), StoreError> {
        self.write(|inner| async move { inner.retire(view, fence, first).await }).await
    }

    async fn drop_view(&self, id: ViewId, fence: Fence) -> Result<(), StoreError> {
        self.write(|inner| async move { inner.drop_view(id, fence).await }).await
    }

    async fn sweep(&self, id: ViewId) -> Result<SweepStatus, StoreError> {
        self.inner().sweep(id).await
    }

    async fn read(
        &self,
        view: &SpeedView,
        read: &SpeedReadRequest,
        groups_max: usize,
    ) -> Result<SpeedViewStates, StoreReadError> {
        if self.away.lock().unwrap().is_some() {
            return Err(StoreReadError::Unreachable("away".to_owned()));
        }
        self.inner().read(view, read, groups_max).await
    }

    async fn losses(&self) -> Result<u64, StoreError> {
        Ok(0)
    }
}
