//! Owning the journal: of all processes that are ready for it, the one that holds the lease takes
//! events in, appends them, and folds them into the speed store.
//!
//! Whoever gets the lease claims the journal, which ends what an owner before it may still be
//! doing. It takes requests once its dedup index and its tables are made. It steps down when it
//! loses the lease, or when the journal or the speed store refuses it since another one has
//! claimed; then it is a candidate again.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use batch_layer::journal::{JournalSettings, ObjectJournal};
use batch_layer::lease::Lease;
use merganser_core::clock::Clock;
use merganser_core::ids::Offset;
use merganser_core::journal::Journal;
use serving_layer::RECENT_EVENTS_MAX;
use speed_layer::fold::SpeedHandle;
use speed_layer::intake::IntakeHandle;
use speed_layer::store::SpeedStore;
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::dispatch::{HeldParts, LeasedParts};
use super::turns::LeaseTurns;
use crate::compose::{
    FEED_MAX_BATCHES, OpenBatchLayer, finish_within_timeout, start_intake, start_speed,
};
use crate::settings::Settings;

/// How often it is looked whether it still owns the journal.
const LOOK: Duration = Duration::from_millis(100);
/// How often the journal's small entries are joined.
const JOIN: Duration = Duration::from_secs(5);

/// What the owner has.
pub(super) struct OwnerParts {
    pub(super) journal: Arc<dyn Journal>,
    pub(super) intake: IntakeHandle,
    pub(super) speed: SpeedHandle,
}

impl OwnerParts {
    /// The first offset of the journal that is still needed: a start reads it for the dedup window,
    /// the fold for what the views still lack, and previews of definitions for the newest events.
    pub(super) fn floor(&self) -> Offset {
        let newest = Offset(self.intake.end().0.saturating_sub(RECENT_EVENTS_MAX as u64));
        self.intake.dedup_floor().min(*self.speed.applied().borrow()).min(newest)
    }

    /// Why it cannot go on, if so.
    fn stopped(&self) -> Option<String> {
        self.intake.stopped().map(|error| error.to_string())
    }
}

impl LeasedParts for OwnerParts {
    fn router(&self) -> Router {
        speed_layer::http::owner_routes(self.intake.clone(), Arc::new(self.speed.clone()))
    }
}

/// What a candidate needs to become the owner.
pub(super) struct OwnerCandidate {
    pub(super) settings: Settings,
    pub(super) batch: OpenBatchLayer,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) store: Arc<dyn SpeedStore>,
    pub(super) lease: Lease,
    pub(super) parts: HeldParts<OwnerParts>,
}

impl OwnerCandidate {
    /// Owns the journal whenever it holds the lease, until `stop`.
    pub(super) async fn campaign(self, stop: CancellationToken) {
        let mut turns = LeaseTurns::new(&self.lease, &stop);
        while turns.next().await {
            match self.begin().await {
                Ok(parts) => self.own(parts, &stop).await,
                Err(error) => warn!(error = format!("{error:#}"), "the journal was not taken over"),
            }
            self.lease.set_fence(None);
        }
    }

    /// Claims the journal and makes what it takes to own it.
    async fn begin(&self) -> anyhow::Result<Arc<OwnerParts>> {
        let store = self.batch.journal_store.clone();
        let open = move || {
            let journal = ObjectJournal::open(store, JournalSettings::default())?;
            let fence = journal.claim()?;
            Ok::<_, merganser_core::journal::JournalError>((journal, fence))
        };
        let (journal, fence) = spawn_blocking(open).await??;
        let journal: Arc<dyn Journal> = Arc::new(journal);
        self.batch.catalog.follow().await?;
        let owned = self.batch.with_claimed(Arc::clone(&journal), fence);
        let (feed, fed) = mpsc::channel(FEED_MAX_BATCHES);
        let store = Arc::clone(&self.store);
        let speed = start_speed(&self.settings, &owned, &self.clock, fed, store).await?;
        let intake = start_intake(&self.settings, &owned, &self.clock, feed).await?;
        speed.ready().await?;
        Ok(Arc::new(OwnerParts { journal, intake, speed }))
    }

    /// Takes requests until it must not any more.
    async fn own(&self, parts: Arc<OwnerParts>, stop: &CancellationToken) {
        self.lease.set_fence(Some(parts.speed.fence()));
        self.parts.set(Some(Arc::clone(&parts)));
        info!("this process owns the journal");
        let why = tokio::select! {
            why = self.until_lost(&parts) => why,
            never = keep_joined(Arc::clone(&parts.journal)) => match never {},
            () = stop.cancelled() => "the process stops".to_owned(),
        };
        info!(why, "this process no longer owns the journal");
        // Nothing new is taken; what was taken is finished, or refused by the journal.
        self.parts.set(None);
        finish_within_timeout("intake", parts.intake.shutdown()).await;
        if let Some(Err(error)) = finish_within_timeout("the fold", parts.speed.ended()).await {
            // No event is lost by it: the next owner folds the journal again.
            warn!(%error, "the speed views were not stored to their end");
        }
    }

    async fn until_lost(&self, parts: &OwnerParts) -> String {
        let state = self.lease.state();
        loop {
            if !state.borrow().is_mine {
                return "another process may hold its lease".to_owned();
            }
            if let Some(why) = parts.stopped() {
                return why;
            }
            // Intake knows by it how long runs take.
            let _ = parts.intake.observe_backlog();
            tokio::select! {
                ended = parts.speed.ended() => {
                    return ended.err().map_or("the fold has ended".into(), |e| e.to_string());
                }
                () = sleep(LOOK) => {}
            }
        }
    }
}

/// Has the journal's small entries joined, between runs too: who takes over reads few of them.
async fn keep_joined(journal: Arc<dyn Journal>) -> Infallible {
    loop {
        sleep(JOIN).await;
        let journal = Arc::clone(&journal);
        match spawn_blocking(move || journal.trim(Offset::ZERO)).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => warn!(%error, "entries of the journal were not joined"),
            Err(error) => warn!(%error, "entries of the journal were not joined"),
        }
    }
}
