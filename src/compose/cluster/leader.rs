//! Doing the runs: of all processes that are ready for it, the one that holds the lease follows the
//! schedule, publishes, and deletes what nothing names.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use batch_layer::backup::BackupService;
use batch_layer::lease::{Lease, LeaseHolder, LeaseState};
use batch_layer::run::{RunService, RunServiceParts};
use merganser_core::clock::Clock;
use merganser_core::ids::Offset;
use merganser_metric::catalog::Catalog;
use merganser_metric::definition::MetricDefinition;
use speed_layer::replica::SpeedReplica;
use tokio::sync::watch;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::dispatch::{HeldParts, LeasedParts};
use super::members::RunFigures;
use super::parts::LeaderScheduler;
use super::status::unarchived;
use super::turns::{LeaseTurns, PAUSE};
use crate::access::ClusterSecret;
use crate::compose::health::{run_on_backlog, run_on_group_limit};
use crate::compose::status::covered_per_second;
use crate::compose::{OpenBatchLayer, configure, definitions, finish_within_timeout};
use crate::settings::Settings;

/// What the leader has.
pub(super) struct LeaderParts {
    pub(super) runs: RunService,
    router: Router,
    /// Who has parts of large runs made, if somebody does.
    scheduler: Option<LeaderScheduler>,
}

impl LeaderParts {
    /// Where executors find the scheduler.
    pub(super) fn scheduler_url(&self) -> Option<String> {
        self.scheduler.as_ref().map(LeaderScheduler::url)
    }

    /// For the status of every process.
    pub(super) fn figures(&self) -> RunFigures {
        RunFigures {
            covered_per_second: covered_per_second(self.runs.queue()),
            next: batch_layer::http::next_runs(&self.runs),
        }
    }
}

impl LeasedParts for LeaderParts {
    fn router(&self) -> Router {
        self.router.clone()
    }
}

/// What a candidate needs to become the leader.
pub(super) struct LeaderCandidate {
    pub(super) settings: Settings,
    pub(super) me: LeaseHolder,
    pub(super) secret: ClusterSecret,
    pub(super) batch: OpenBatchLayer,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) speed: SpeedReplica,
    pub(super) definitions: Vec<MetricDefinition>,
    /// Routes that define metrics.
    pub(super) serving: Router,
    pub(super) lease: Lease,
    /// Who owns the journal, which is sealed for each definition.
    pub(super) owner: watch::Receiver<LeaseState>,
    pub(super) parts: HeldParts<LeaderParts>,
}

impl LeaderCandidate {
    /// Does the runs whenever it holds the lease, until `stop`.
    pub(super) async fn campaign(self, stop: CancellationToken) {
        let mut turns = LeaseTurns::new(&self.lease, &stop);
        while turns.next().await {
            match self.begin().await {
                Ok(parts) => self.lead(parts, &stop).await,
                Err(error) => warn!(error = format!("{error:#}"), "the runs were not taken over"),
            }
            self.batch.catalog.set_leader(false);
        }
    }

    async fn begin(&self) -> anyhow::Result<Arc<LeaderParts>> {
        let OpenBatchLayer { journal, catalog, views, queue, .. } = &self.batch;
        catalog.follow().await?;
        catalog.set_leader(true);
        let stored = catalog.state().manifest.schedule.clone();
        let backups = BackupService::new(Arc::clone(catalog), self.batch.backup_extras());
        let copying = backups.clone();
        let scheduler = LeaderScheduler::start(&self.settings, &self.me, &self.secret).await?;
        let (scheduler, sharing) = scheduler.unzip();
        let parts = RunServiceParts {
            catalog: Arc::clone(catalog),
            journal: Arc::clone(journal),
            speed: Arc::new(self.speed.clone()),
            clock: Arc::clone(&self.clock),
            queue: queue.clone(),
            views: Arc::clone(views),
            // The owner knows what it needs, and trims no further.
            journal_floor: Arc::new(move || Some((Offset(u64::MAX), copying.trim_permit()?))),
            sharing,
        };
        let settings = configure::runs(&self.settings, stored.as_ref());
        let runs = RunService::start(settings, parts).await.context("runs")?;
        let router = batch_layer::http::routes(runs.clone(), backups).merge(self.serving.clone());
        Ok(Arc::new(LeaderParts { runs, router, scheduler }))
    }

    async fn lead(&self, parts: Arc<LeaderParts>, stop: &CancellationToken) {
        self.parts.set(Some(Arc::clone(&parts)));
        info!("this process does the runs");
        let led = async {
            let grace = Duration::from_millis(self.settings.retire_grace_ms);
            tokio::join!(
                self.define(),
                run_on_backlog(|| self.backlog(), self.settings.backlog_max_events, &parts.runs),
                run_on_group_limit(self.speed.full(), &parts.runs, grace),
            );
        };
        let mut state = self.lease.state();
        tokio::select! {
            () = led => {}
            _ = state.wait_for(|state| !state.is_mine) => {}
            () = stop.cancelled() => {}
        }
        info!("this process no longer does the runs");
        self.parts.set(None);
        finish_within_timeout("the active run", parts.runs.shutdown()).await;
    }

    /// Applies the file of definitions, as a start does. The owner is needed for it, so it is tried
    /// until there is one.
    async fn define(&self) {
        let is_owned =
            |state: &LeaseState| state.holder.as_ref().is_some_and(|h| h.fence.is_some());
        let _ = self.owner.clone().wait_for(is_owned).await;
        let catalog: &dyn Catalog = &*self.batch.catalog;
        while let Err(error) = definitions::apply(catalog, self.definitions.clone()).await {
            warn!(error = format!("{error:#}"), "the definitions were not applied; trying again");
            sleep(PAUSE).await;
        }
        definitions::rebuild_outdated(catalog).await;
    }

    /// Events that no run has archived, as far as this process has read.
    fn backlog(&self) -> u64 {
        unarchived(&self.batch.catalog.current(), &*self.batch.journal)
    }
}
