//! What the tests of intake and of its routes run on.

use merganser_api::receipt::Receipt;
use std::path::Path;
use std::sync::Arc;

use merganser_core::clock::ManualClock;
use merganser_core::ids::{Boundary, Generation, Offset};
use merganser_core::journal::{CommittedBatch, Journal};
use merganser_core::testing::MemoryJournal;
use merganser_core::time::Timestamp;
use merganser_metric::catalog::CatalogSnapshot;
use tokio::sync::{mpsc, watch};

use super::event_id::CountedIds;
use super::{
    BodyEncoding, BodyFormat, EventBody, Intake, IntakeError, IntakeHandle, IntakeSettings,
    InvalidEventPolicy, LineFile, Quarantine,
};

/// 2026-11-22T00:00:00Z.
pub(crate) const NOW: Timestamp = Timestamp(1_795_305_600_000_000);

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
    let (intake, fed, _) = start_beside_runs(settings, journal, directory);
    (intake, fed)
}

/// Intake, its feed, and where runs publish.
pub(crate) fn start_beside_runs(
    settings: IntakeSettings,
    journal: &Arc<MemoryJournal>,
    directory: &Path,
) -> (IntakeHandle, mpsc::Receiver<Arc<CommittedBatch>>, watch::Sender<Arc<CatalogSnapshot>>) {
    let (feed, fed) = mpsc::channel(64);
    let (publish, published) = watch::channel(archived(journal, Offset::ZERO));
    let intake = Intake::start(
        settings,
        Arc::clone(journal) as Arc<dyn Journal>,
        ManualClock::at(NOW),
        Arc::new(CountedIds::default()),
        published,
        feed,
        Box::new(LineFile::new(directory.join("quarantine").join(Quarantine::FILE))),
    );
    (intake.unwrap(), fed, publish)
}

/// What runs have published that have archived everything before `offset`, of no metric.
pub(crate) fn archived(journal: &MemoryJournal, offset: Offset) -> Arc<CatalogSnapshot> {
    Arc::new(CatalogSnapshot {
        generation: Generation::ZERO,
        journal: journal.id(),
        published_at: NOW,
        archived: Boundary { offset, ..Boundary::default() },
        metrics: Vec::new(),
        keys: Arc::default(),
    })
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
