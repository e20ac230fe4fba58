//! What the status page shows of a cluster, whichever process is asked.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use merganser_api::status::{BacklogStatus, IngestionStatus};
use merganser_core::ids::Offset;
use merganser_core::journal::Journal;
use merganser_metric::catalog::{Catalog, CatalogSnapshot};
use serving_layer::serve::StatusSource;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::followers::Followed;
use super::members::Members;
use crate::compose::health::measure_rate;

/// What this process knows of what all of them do.
struct ClusterStatusInputs {
    members: Members,
    journal: Arc<dyn Journal>,
    snapshots: watch::Receiver<Arc<CatalogSnapshot>>,
    backlog_max_events: u64,
    /// The journal's end when the process started.
    began: Offset,
    events_per_second: AtomicU64,
}

/// The status, measured until `stop`.
pub(super) fn source(
    members: Members,
    followed: &Followed,
    backlog_max_events: u64,
    stop: &CancellationToken,
) -> StatusSource {
    let journal = Arc::clone(&followed.batch.journal);
    let inputs = Arc::new(ClusterStatusInputs {
        members,
        began: journal.end(),
        journal,
        snapshots: followed.batch.catalog.subscribe(),
        backlog_max_events,
        events_per_second: AtomicU64::new(0),
    });
    let (accepted, noted) = (Arc::clone(&inputs), Arc::clone(&inputs));
    let measured = measure_rate(
        move || accepted.accepted(),
        move |rate| noted.events_per_second.store(rate, Ordering::Relaxed),
    );
    let stop = stop.clone();
    tokio::spawn(async move { stop.run_until_cancelled(measured).await });
    Arc::new(move |status| {
        let runs = inputs.members.runs();
        status.backlog = Some(BacklogStatus {
            covered_per_second: runs.as_ref().map_or(0, |runs| runs.covered_per_second),
            events: unarchived(&inputs.snapshots.borrow(), &*inputs.journal),
            max_events: inputs.backlog_max_events,
        });
        status.events = Some(IngestionStatus {
            accepted: inputs.accepted(),
            per_second: inputs.events_per_second.load(Ordering::Relaxed),
        });
        status.next_runs = runs.map(|runs| runs.next);
        status.cluster = Some(inputs.members.status());
    })
}

impl ClusterStatusInputs {
    /// Events that all owners have accepted since this process started.
    fn accepted(&self) -> u64 {
        self.journal.end().since(self.began)
    }
}

/// Events that no run has archived, as far as this process has read.
pub(super) fn unarchived(snapshot: &CatalogSnapshot, journal: &dyn Journal) -> u64 {
    let (archived, end) = (snapshot.archived.offset, journal.end());
    // It may be published before this process has read so far.
    end.since(archived.min(end))
}
