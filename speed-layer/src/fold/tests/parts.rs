//! Stand-ins for what the fold is joined with: a catalog, and a store with faults.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use merganser_core::access::{KeyChange, KeyError};
use merganser_core::ids::{Epoch, Fence, JournalId, MetricId};
use merganser_metric::catalog::{Catalog, CatalogError, CatalogSnapshot, DefineOutcome};
use merganser_metric::definition::MetricDefinition;
use merganser_metric::views::{SpeedReadRequest, SpeedViewStates};
use tokio::sync::watch;

use crate::store::memory::MemoryStore;
use crate::store::{
    SpeedStore, SpeedView, StoreError, StoreReadError, StoredView, SweepStatus, ViewChange, ViewId,
    ViewSpace,
};

/// A catalog with snapshots that a test sets.
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

/// A store in memory with faults, set for coming calls or until they are set anew.
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
