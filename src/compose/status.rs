//! What the status page shows of parts that the serving layer does not know.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use batch_layer::job::{RunMode, RunQueue, RunRecord, RunState};
use batch_layer::run::RunService;
use merganser_api::status::{BacklogStatus, DiskStatus, IngestionStatus, ServiceStatus};
use serving_layer::serve::StatusSource;
use speed_layer::intake::IntakeHandle;

/// The status of the whole service. Clones share it.
#[derive(Clone)]
pub(super) struct StatusCollector(Arc<StatusInputs>);

struct StatusInputs {
    data_dir: PathBuf,
    intake: IntakeHandle,
    runs: RunService,
    events_per_second: AtomicU64,
    disk_bytes: AtomicU64,
}

impl StatusCollector {
    /// The status of these parts.
    pub(super) fn new(data_dir: PathBuf, intake: IntakeHandle, runs: RunService) -> Self {
        let (events_per_second, disk_bytes) = (AtomicU64::new(0), AtomicU64::new(0));
        Self(Arc::new(StatusInputs { data_dir, intake, runs, events_per_second, disk_bytes }))
    }

    /// Events accepted since the process started.
    pub(super) fn accepted(&self) -> u64 {
        self.0.intake.accepted()
    }

    /// Notes how fast events come in.
    pub(super) fn set_events_per_second(&self, rate: u64) {
        self.0.events_per_second.store(rate, Ordering::Relaxed);
    }

    /// Adds up the files of the data directory, and looks how much is free beside them. Blocks.
    pub(super) fn measure_disk(&self) {
        let used_bytes = size_bytes(&self.0.data_dir);
        self.0.disk_bytes.store(used_bytes, Ordering::Relaxed);
        metrics::gauge!("merganser_disk_used_bytes").set(used_bytes as f64);
        // A file system without the numbers shows none.
        if let Ok(disk) = rustix::fs::statvfs(&self.0.data_dir) {
            let free_bytes = disk.f_bavail.saturating_mul(disk.f_frsize);
            metrics::gauge!("merganser_disk_free_bytes").set(free_bytes as f64);
        }
    }

    /// For the status page.
    pub(super) fn source(&self) -> StatusSource {
        let collector = self.clone();
        Arc::new(move |status| collector.add_to(status))
    }

    fn backlog(&self) -> BacklogStatus {
        BacklogStatus {
            covered_per_second: covered_per_second(self.0.runs.queue()),
            events: self.0.intake.observe_backlog(),
            max_events: self.0.intake.backlog_max(),
        }
    }

    fn add_to(&self, status: &mut ServiceStatus) {
        status.backlog = Some(self.backlog());
        status.events = Some(IngestionStatus {
            accepted: self.accepted(),
            per_second: self.0.events_per_second.load(Ordering::Relaxed),
        });
        status.next_runs = Some(batch_layer::http::next_runs(&self.0.runs));
        let used_bytes = self.0.disk_bytes.load(Ordering::Relaxed);
        status.disk = Some(DiskStatus { used_bytes });
    }
}

/// Events a second that the newest incremental run covered; 0 if there was none.
pub(super) fn covered_per_second(runs: &RunQueue) -> u64 {
    let rate = |run: &RunRecord| {
        let took_ms = run.ended_at?.millis_since(run.started_at?).max(1);
        let is_new = run.state == RunState::Succeeded && run.mode == RunMode::Incremental;
        is_new.then_some(run.events.saturating_mul(1000) / took_ms).filter(|rate| *rate > 0)
    };
    runs.find_newest(rate).unwrap_or(0)
}

/// Bytes of all files below; what vanishes meanwhile is left out.
fn size_bytes(directory: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(directory) else { return 0 };
    entries
        .filter_map(Result::ok)
        .filter_map(|entry| Some((entry.path(), entry.metadata().ok()?)))
        .map(|(path, about)| if about.is_dir() { size_bytes(&path) } else { about.len() })
        .sum()
}
