//! Taking requests in.

use merganser_api::receipt::Receipt;
use std::sync::Arc;

use axum::body::Bytes;
use batch_layer::journal::{FileJournal, JournalSettings};
use divan::{Bencher, counter::ItemsCount};
use merganser_core::clock::SystemClock;
use merganser_core::ids::{Boundary, Generation, Offset};
use merganser_core::journal::{CommittedBatch, Journal};
use merganser_core::time::Timestamp;
use merganser_metric::catalog::CatalogSnapshot;
use speed_layer::intake::{
    BodyEncoding, BodyFormat, EventBody, Intake, IntakeError, IntakeHandle, IntakeSettings,
    InvalidEventPolicy, LineFile, UuidGenerator,
};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::sync::{mpsc, watch};

use super::{BATCH, EVENTS, MONTH};

struct Taking {
    runtime: Runtime,
    directory: TempDir,
    journal: Arc<FileJournal>,
}

impl Taking {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let journal = FileJournal::open(directory.path(), JournalSettings::default()).unwrap();
        journal.claim().unwrap();
        Self { runtime: Runtime::new().unwrap(), directory, journal: Arc::new(journal) }
    }

    /// Intake, and what it feeds: committed events are refused once that is gone.
    fn intake(&self) -> (IntakeHandle, mpsc::Receiver<Arc<CommittedBatch>>) {
        let snapshot = CatalogSnapshot {
            generation: Generation(0),
            journal: self.journal.id(),
            published_at: Timestamp(0),
            archived: Boundary::default(),
            metrics: Vec::new(),
            keys: Arc::default(),
        };
        let settings = IntakeSettings { dedup_window_events: 100_000, ..Default::default() };
        let (journal, ids) = (Arc::clone(&self.journal), Arc::new(UuidGenerator::new()));
        let (snapshots, (feed, fed)) = (watch::channel(Arc::new(snapshot)).1, mpsc::channel(8));
        let (clock, path) = (Arc::new(SystemClock), self.directory.path().join("quarantine"));
        let quarantine = Box::new(LineFile::new(path));
        let intake = Intake::start(settings, journal, clock, ids, snapshots, feed, quarantine);
        (intake.unwrap(), fed)
    }

    fn submit(
        &self,
        intake: &IntakeHandle,
        bytes: &Bytes,
        on_invalid: InvalidEventPolicy,
    ) -> Result<Receipt, IntakeError> {
        let (format, encoding) = (BodyFormat::Ndjson, BodyEncoding::Identity);
        let body = EventBody { bytes: bytes.clone(), format, encoding, on_invalid, fixed: None };
        self.runtime.block_on(intake.submit(body, intake.admit().unwrap()))
    }
}

fn lines() -> String {
    MONTH.lines().take(BATCH).map(|line| format!("{line}\n")).collect()
}

/// A request's text to columns; one event more is invalid, so that nothing is committed.
#[divan::bench]
fn decode_a_request(bencher: Bencher<'_, '_>) {
    let taking = Taking::new();
    let (intake, _fed) = taking.intake();
    let body = Bytes::from(lines() + "{}\n");
    bencher.counter(ItemsCount::new(BATCH)).bench(|| {
        let refused = taking.submit(&intake, &body, InvalidEventPolicy::Reject);
        assert!(matches!(refused, Err(IntakeError::Rejected(_))));
    });
}

/// The same, and each event found to be there already.
#[divan::bench]
fn decode_and_recognise_repetitions(bencher: Bencher<'_, '_>) {
    let taking = Taking::new();
    let (intake, _fed) = taking.intake();
    let body = Bytes::from(lines());
    taking.submit(&intake, &body, InvalidEventPolicy::Reject).unwrap();
    bencher.counter(ItemsCount::new(BATCH)).bench(|| {
        let receipt = taking.submit(&intake, &body, InvalidEventPolicy::Reject).unwrap();
        assert_eq!(receipt.duplicates, BATCH as u64);
    });
}

/// The index of ids out of the journal, at a start.
#[divan::bench]
fn rebuild_the_dedup_index(bencher: Bencher<'_, '_>) {
    let taking = Taking::new();
    for first in (0..EVENTS.len()).step_by(BATCH) {
        let count = BATCH.min(EVENTS.len() - first);
        taking.journal.append(&EVENTS.slice(first, count)).unwrap();
    }
    assert_eq!(taking.journal.end(), Offset(EVENTS.len() as u64));
    bencher.counter(ItemsCount::new(EVENTS.len())).bench(|| {
        let (intake, _fed) = taking.intake();
        taking.runtime.block_on(intake.shutdown());
    });
}
