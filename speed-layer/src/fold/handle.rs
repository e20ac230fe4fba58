//! The fold service's handle: reads of speed views, and how far the views are.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use merganser_core::ids::{Fence, JournalId, MetricId, Offset};
use merganser_metric::catalog::MetricVersion;
use merganser_metric::views::{
    SpeedReadRequest, SpeedViewError, SpeedViewLag, SpeedViewStates, SpeedViews, StoreFailure,
};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;

use super::local_read::LocalRead;
use super::progress::{FoldPhase, FoldProgress};
use super::worker::FoldCommand;
use super::{SpeedSettings, SpeedStartError};
use crate::store::{SpeedStore, SpeedView, StoreReadError};

/// How long to wait before a view that is being written is read again.
const PAUSE: Duration = Duration::from_millis(10);

/// The fold service's handle: the speed layer's answers.
#[derive(Clone)]
pub struct SpeedHandle {
    pub(super) settings: SpeedSettings,
    pub(super) journal: JournalId,
    pub(super) fence: Fence,
    pub(super) store: Arc<dyn SpeedStore>,
    pub(super) progress: Arc<FoldProgress>,
    pub(super) commands: mpsc::Sender<FoldCommand>,
}

impl SpeedHandle {
    /// Waits until every view is up to where the journal was at the start.
    ///
    /// # Errors
    /// When the fold stopped before.
    pub async fn ready(&self) -> Result<(), SpeedStartError> {
        let mut phase = self.progress.phase.subscribe();
        let phase = phase.wait_for(|phase| *phase != FoldPhase::CatchingUp).await;
        match phase.as_deref() {
            Ok(FoldPhase::Failed(reason)) => Err(SpeedStartError::Stopped(reason.clone())),
            Ok(FoldPhase::Ready | FoldPhase::Ended | FoldPhase::CatchingUp) => Ok(()),
            Err(error) => Err(SpeedStartError::Stopped(error.to_string())),
        }
    }

    /// Waits until the fold has stopped: after the feed has ended and what it brought is stored, or
    /// with an error before.
    ///
    /// # Errors
    /// Why it stopped, when it was not for the end of the feed.
    pub async fn ended(&self) -> Result<(), SpeedStartError> {
        let mut phase = self.progress.phase.subscribe();
        let is_over = |phase: &FoldPhase| matches!(phase, FoldPhase::Ended | FoldPhase::Failed(_));
        match phase.wait_for(is_over).await.as_deref() {
            Ok(FoldPhase::Failed(reason)) => Err(SpeedStartError::Stopped(reason.clone())),
            Ok(FoldPhase::Ready | FoldPhase::Ended | FoldPhase::CatchingUp) => Ok(()),
            Err(error) => Err(SpeedStartError::Stopped(error.to_string())),
        }
    }

    /// What all of its writes to the store are fenced with.
    #[must_use]
    pub fn fence(&self) -> Fence {
        self.fence
    }

    /// The offset below which every view has every event, as it grows.
    #[must_use]
    pub fn applied(&self) -> watch::Receiver<Offset> {
        self.progress.applied.subscribe()
    }

    /// Whether the store fails, see [`SpeedViews::failure`], as it changes.
    #[must_use]
    pub fn failures(&self) -> watch::Receiver<Option<StoreFailure>> {
        self.progress.failure.subscribe()
    }

    /// Metrics that reached their bound of groups, so that a batch run is wanted.
    #[must_use]
    pub fn full(&self) -> watch::Receiver<BTreeSet<MetricId>> {
        self.progress.full.subscribe()
    }

    fn failed(&self) -> Option<SpeedViewError> {
        match &*self.progress.phase.borrow() {
            FoldPhase::Failed(reason) => Some(SpeedViewError::Unavailable(reason.clone())),
            FoldPhase::CatchingUp | FoldPhase::Ready | FoldPhase::Ended => None,
        }
    }

    fn view(&self, metric: &MetricVersion) -> Arc<SpeedView> {
        let known = self.progress.metric(metric.id).map(|known| known.view);
        known.unwrap_or_else(|| Arc::new(SpeedView::of(self.journal, metric)))
    }

    /// Reports to the worker what a reader found. A worker that is too busy for the report finds
    /// out on its own, or from the next reader.
    fn try_send_command(&self, command: FoldCommand) {
        let _ = self.commands.try_send(command);
    }
}

fn unavailable(reason: impl ToString) -> SpeedViewError {
    SpeedViewError::Unavailable(reason.to_string())
}

#[async_trait]
impl SpeedViews for SpeedHandle {
    fn kind(&self) -> &'static str {
        self.store.kind()
    }

    async fn read(
        &self,
        metric: &MetricVersion,
        read: SpeedReadRequest,
    ) -> Result<SpeedViewStates, SpeedViewError> {
        let view = self.view(metric);
        let until = Instant::now() + self.settings.read_patience;
        loop {
            if let Some(failed) = self.failed() {
                return Err(failed);
            }
            let known = self.progress.metric(metric.id);
            let applied = known.as_ref().map(|known| known.applied);
            // Before, it may be what another service wrote, whose journal was not this one.
            let answer = match known.is_some_and(|known| known.is_claimed) {
                true => self.store.read(&view, &read, self.settings.read_groups_max).await,
                false => Err(StoreReadError::Building),
            };
            let is_last = Instant::now() >= until;
            let error = match answer {
                // A store that was put back to an earlier state: the writer has to look.
                Ok(part) if !is_last && applied.is_some_and(|applied| part.through < applied) => {
                    self.try_send_command(FoldCommand::Look(metric.id));
                    StoreReadError::Building
                }
                // The states of one position may be there in time.
                Ok(part) if !is_last && part.reach > part.through => StoreReadError::Building,
                Ok(mut part) => {
                    if read.from == metric.boundary.epoch {
                        // Nothing below the boundary is asked for, so nothing of it is missing.
                        part.through = part.through.max(metric.boundary.offset);
                        part.reach = part.reach.max(part.through);
                    }
                    return Ok(part);
                }
                Err(StoreReadError::Retired { first }) => {
                    return Err(SpeedViewError::Retired { first });
                }
                Err(StoreReadError::TooLarge { limit }) => {
                    return Err(SpeedViewError::TooLarge { limit });
                }
                Err(StoreReadError::Damaged { space, reason }) => {
                    self.try_send_command(FoldCommand::Damaged(metric.id, space));
                    StoreReadError::Damaged { space, reason }
                }
                Err(StoreReadError::Absent) => {
                    self.try_send_command(FoldCommand::Look(metric.id));
                    StoreReadError::Absent
                }
                // A connection that broke may be there again at once.
                Err(error @ (StoreReadError::Building | StoreReadError::Unreachable(_))) => error,
            };
            if is_last {
                return Err(unavailable(error));
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn read_local(
        &self,
        metric: &MetricVersion,
        read: SpeedReadRequest,
    ) -> Result<SpeedViewStates, SpeedViewError> {
        let gone = || unavailable("the fold has stopped");
        let (reply, answer) = oneshot::channel();
        let read = LocalRead::new(metric.id, read, self.settings.read_groups_max, reply);
        self.commands.send(FoldCommand::Own(read)).await.map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }

    fn failure(&self) -> Option<StoreFailure> {
        self.progress.failure.borrow().clone()
    }

    fn lag(&self, metric: MetricId) -> SpeedViewLag {
        self.progress.lag(metric)
    }

    async fn wait_applied(&self, offset: Offset, timeout: Duration) -> bool {
        let mut applied = self.progress.applied.subscribe();
        self.progress.request_applied(offset);
        let reached = applied.wait_for(|applied| *applied >= offset);
        matches!(tokio::time::timeout(timeout, reached).await, Ok(Ok(_)))
    }

    fn mismatches(&self, metric: MetricId) -> u64 {
        self.progress.metric(metric).map_or(0, |metric| metric.mismatches)
    }

    fn groups(&self, metric: MetricId) -> u64 {
        self.progress.metric(metric).map_or(0, |metric| metric.groups)
    }
}
