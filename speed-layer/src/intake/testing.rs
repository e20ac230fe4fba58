//! What the tests of intake and of its routes run on.

use merganser_api::receipt::Receipt;
use std::path::Path;
use std::sync::Arc;

use merganser_core::clock::ManualClock;
use merganser_core::ids::Generation;
use merganser_core::journal::{CommittedBatch, Journal};
use merganser_core::testing::MemoryJournal;
use merganser_core::time::Timestamp;
use merganser_metric::catalog::CatalogSnapshot;
use tokio::sync::{mpsc, watch};

use super::event_id::CountedIds;
use super::{
    BodyEncoding, BodyFormat, EventBody, Intake, IntakeError, IntakeHandle, IntakeSettings,
    InvalidEventPolicy,
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
