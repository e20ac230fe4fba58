//! What the tests of intake and of its routes run on: a journal in memory that fails on demand.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};

use merganser_core::clock::ManualClock;
use merganser_core::event::EventBatch;
use merganser_core::ids::{Boundary, Epoch, Generation, JournalId, Offset};
use merganser_core::journal::{CommittedBatch, Journal, JournalError, JournalReader};
use merganser_core::time::Timestamp;
use merganser_metric::catalog::CatalogSnapshot;
use tokio::sync::{mpsc, watch};
use uuid::Uuid;

use super::event_id::CountedIds;
use super::{
    BodyEncoding, BodyFormat, EventBody, Intake, IntakeError, IntakeHandle, IntakeSettings,
    InvalidEventPolicy, Receipt,
};

/// 2026-11-22T00:00:00Z.
pub(crate) const NOW: Timestamp = Timestamp(1_795_305_600_000_000);

/// A journal in memory. Appends fail with what [`MemoryJournal::fail`] was given, and wait while it
/// is held.
#[derive(Debug, Default)]
pub(crate) struct MemoryJournal {
    state: Mutex<State>,
    released: Condvar,
    /// Calls of `append` that did not fail.
    pub(crate) appends: AtomicUsize,
}

#[derive(Debug, Default)]
struct State {
    batches: Vec<Arc<CommittedBatch>>,
    failures: Vec<JournalError>,
    is_held: bool,
    /// Calls of `append` that wait.
    waiting: usize,
}

impl MemoryJournal {
    /// Lets the next appends fail, the last one first.
    pub(crate) fn fail(&self, failures: Vec<JournalError>) {
        self.state.lock().unwrap().failures = failures;
    }

    /// Lets appends wait until [`MemoryJournal::release`].
    pub(crate) fn hold(&self) {
        self.state.lock().unwrap().is_held = true;
    }

    pub(crate) fn release(&self) {
        self.state.lock().unwrap().is_held = false;
        self.released.notify_all();
    }

    /// Waits until an append waits.
    pub(crate) fn wait_for_append(&self) {
        let state = self.state.lock().unwrap();
        drop(self.released.wait_while(state, |state| state.waiting == 0).unwrap());
    }

    /// Id and type of all events, in order.
    pub(crate) fn events(&self) -> Vec<(String, String)> {
        let batches = self.state.lock().unwrap().batches.clone();
        let mut events = Vec::new();
        for batch in batches {
            let (ids, types) = (batch.events.ids(), batch.events.types());
            let rows = 0..batch.events.len();
            events.extend(rows.map(|i| (ids.value(i).to_owned(), types.value(i).to_owned())));
        }
        events
    }
}

impl Journal for MemoryJournal {
    fn id(&self) -> JournalId {
        JournalId(Uuid::nil())
    }

    fn append(&self, events: &EventBatch) -> Result<Arc<CommittedBatch>, JournalError> {
        assert!(!events.is_empty(), "an append of nothing");
        let mut state = self.state.lock().unwrap();
        state.waiting += 1;
        self.released.notify_all();
        let mut state = self.released.wait_while(state, |state| state.is_held).unwrap();
        state.waiting -= 1;
        if let Some(failure) = state.failures.pop() {
            return Err(failure);
        }
        let first = state.batches.last().map_or(Offset::ZERO, |last| last.end());
        let events = events.clone();
        let committed = Arc::new(CommittedBatch { epoch: Epoch::ZERO, first, events, checksum: 0 });
        state.batches.push(Arc::clone(&committed));
        self.appends.fetch_add(1, Ordering::SeqCst);
        Ok(committed)
    }

    fn end(&self) -> Offset {
        self.state.lock().unwrap().batches.last().map_or(Offset::ZERO, |last| last.end())
    }

    fn start(&self) -> Offset {
        Offset::ZERO
    }

    fn seal(&self) -> Result<Boundary, JournalError> {
        Ok(Boundary::default())
    }

    fn read(&self, _from: Offset) -> Result<JournalReader, JournalError> {
        let batches = self.state.lock().unwrap().batches.clone();
        Ok(Box::new(batches.into_iter().map(Ok)))
    }

    fn checksum_at(&self, _position: Offset) -> Result<Option<u32>, JournalError> {
        Ok(None)
    }

    fn trim(&self, _below: Offset) -> Result<Offset, JournalError> {
        Ok(Offset::ZERO)
    }

    fn size_bytes(&self) -> u64 {
        0
    }
}

/// Settings that small machines and small disks have room for.
pub(crate) fn settings() -> IntakeSettings {
    IntakeSettings { dedup_window_events: 1000, disk_floor_bytes: 0, ..IntakeSettings::default() }
}

/// Intake on `journal` with its quarantine in `directory`, and its feed.
pub(crate) fn start(
    settings: IntakeSettings,
    journal: &Arc<MemoryJournal>,
    directory: &Path,
) -> (IntakeHandle, mpsc::Receiver<Arc<CommittedBatch>>) {
    let (feed, fed) = mpsc::channel(64);
    let no_metrics = CatalogSnapshot {
        generation: Generation::ZERO,
        journal: journal.id(),
        published_at: NOW,
        metrics: Vec::new(),
        keys: Arc::default(),
    };
    let intake = Intake::start(
        settings,
        Arc::clone(journal) as Arc<dyn Journal>,
        ManualClock::at(NOW),
        Arc::new(CountedIds::default()),
        watch::channel(Arc::new(no_metrics)).1,
        feed,
        directory.join("quarantine"),
    );
    (intake.unwrap(), fed)
}

/// Sends lines and waits for their verdicts.
pub(crate) async fn send(intake: &IntakeHandle, lines: &str) -> Result<Receipt, IntakeError> {
    send_as(intake, lines, InvalidEventPolicy::Quarantine).await
}

/// Sends lines with another `on_invalid`.
pub(crate) async fn send_as(
    intake: &IntakeHandle,
    lines: &str,
    on_invalid: InvalidEventPolicy,
) -> Result<Receipt, IntakeError> {
    let bytes = lines.to_owned().into();
    let (format, encoding) = (BodyFormat::Ndjson, BodyEncoding::Identity);
    intake
        .submit(EventBody { bytes, format, encoding, on_invalid, fixed: None }, intake.admit()?)
        .await
}
