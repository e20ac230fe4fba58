//! A process of a cluster, from start to stop.
//!
//! | step | part | why here |
//! |---|---|---|
//! | 1 | definitions, socket | a wrong file or a taken port is found before anything is touched |
//! | 2 | storage, leases, journal, manifest, speed views, followed | what there is to answer from |
//! | 3 | queries, HTTP | every process answers queries by itself |
//! | 4 | candidacies | owning the journal, doing the runs; making parts of them |
//!
//! Stopping: it is not ready; what it holds a lease for it hands over; HTTP finishes what has
//! begun.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use batch_layer::lease::LeaseState;
use merganser_core::clock::{Clock, SystemClock};
use merganser_metric::catalog::Catalog;
use merganser_metric::definition::MetricDefinition;
use merganser_metric::views::SpeedViews;
use serving_layer::ServingLayer;
use serving_layer::serve::StatusSource;
use serving_layer::subscriptions::QuerySubscriptions;
use speed_layer::replica::SpeedReplica;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::interval;
use tokio_util::sync::CancellationToken;
use tracing::info;

use super::followers::Followed;
use super::internal;
use super::leader::LeaderCandidate;
use super::owner::OwnerCandidate;
use super::parts;
use super::routes::{self, Dispatchers};
use super::sessions::ClusterSessions;
use super::status;
use crate::access::{AccessGuard, ClusterAccess, ManifestAge, SessionCookie};
use crate::compose::{OpenBatchLayer, bind, configure, definitions, finish_within_timeout};
use crate::http::{self, HttpParts, Readiness};
use crate::settings::Settings;

/// Where the system keeps the machine's name.
const HOST_NAME: &str = "/proc/sys/kernel/hostname";
/// How often it is looked whether the process is ready.
const LOOK: Duration = Duration::from_millis(100);

/// A running process of a cluster.
pub(crate) struct ClusterNode {
    url: String,
    readiness: Readiness,
    /// Ends what it holds leases for.
    hand_over: CancellationToken,
    campaigns: Vec<JoinHandle<()>>,
    /// Ends what it follows.
    stop: CancellationToken,
    /// Ends HTTP.
    close: CancellationToken,
    subscriptions: Arc<QuerySubscriptions>,
    http: JoinHandle<()>,
    /// Kept to the end, since it holds the lock.
    _batch: OpenBatchLayer,
}

impl ClusterNode {
    /// Starts every part.
    ///
    /// # Errors
    /// One line that says which part could not be started and why.
    pub(crate) async fn start(settings: Settings) -> anyhow::Result<Self> {
        let definitions = settings.metrics_file().map(definitions::read).transpose()?;
        let (listener, address) = bind(&settings).await?;
        let (stop, close) = (CancellationToken::new(), CancellationToken::new());
        let tls = settings.tls_files().map(|files| http::start_tls(files, close.clone()));
        let tls = tls.transpose().context("TLS")?;
        let url = advertised_url(&settings, address, tls.is_some())?;
        let figures = http::install_recorder()?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);

        let followed = Followed::start(&settings, url.clone(), &clock, &stop).await?;
        let dispatchers = Dispatchers::new(&followed, &settings, &clock)?;
        let leading = dispatchers.leader.parts.clone();
        let members = followed.follow_members(&settings, leading, &*clock, &stop);
        let status = status::source(members.clone(), &followed, settings.backlog_max_events, &stop);
        let subscriptions = subscriptions(&settings, &followed, status, &clock);
        let catalog = &followed.batch.catalog;
        let openness = configure::anonymous_access(&settings, address, &catalog.current())?;
        let guard = AccessGuard::new(
            catalog.subscribe(),
            Arc::clone(&clock),
            http::route_access().into_iter().chain(internal::access()),
            openness,
            settings.cors_origins.clone(),
            if tls.is_some() { SessionCookie::Secure } else { SessionCookie::Plain },
        );
        let (secret, age) = (followed.secret.clone(), followed.age.clone());
        let sessions = Arc::new(ClusterSessions {
            storage: catalog.storage().clone(),
            clock: Arc::clone(&clock),
            members,
            forwarder: dispatchers.owner.forwarder.clone(),
        });
        let guard = guard.in_cluster(ClusterAccess { secret, age, sessions });
        let serving = routes::serving(&subscriptions);
        let layers = routes::all(serving.clone(), &followed, &dispatchers, &guard, &clock);

        let readiness = Readiness::new();
        let looked = (followed.owner.state(), followed.replica.clone(), followed.age.clone());
        tokio::spawn(look(readiness.clone(), looked, stop.clone()));
        let parts = HttpParts { layers, readiness: readiness.clone(), figures, guard };
        let whole = http::HttpService::new(parts, &configure::http(&settings));
        let bounds = configure::connections(&settings);
        let http = tokio::spawn(http::serve(listener, tls, whole, bounds, close.clone()));
        let hand_over = CancellationToken::new();
        let file = definitions.unwrap_or_default();
        let held = (file, serving, dispatchers);
        let mut campaigns = campaigns(&settings, &followed, held, &clock, &hand_over);
        campaigns.extend(parts::execute(&settings, &followed, &readiness, &hand_over)?);
        let (role, process) = (settings.role.0, &followed.me.process);
        info!(%address, url, %role, process, "started");
        Ok(Self {
            url,
            readiness,
            hand_over,
            campaigns,
            stop,
            close,
            subscriptions,
            http,
            _batch: followed.batch,
        })
    }

    /// Where it answers.
    pub(crate) fn url(&self) -> String {
        self.url.clone()
    }

    /// Returns once it can answer.
    pub(crate) async fn wait_until_ready(&self) {
        self.readiness.wait_until_ready().await;
    }

    /// Hands over what it holds, and ends.
    ///
    /// # Errors
    /// When HTTP ended by a fault.
    pub(crate) async fn stop(self) -> anyhow::Result<()> {
        self.readiness.set_not_ready("service", "stopping");
        self.hand_over.cancel();
        for campaign in self.campaigns {
            finish_within_timeout("what it holds a lease for", campaign).await;
        }
        self.subscriptions.stop();
        self.close.cancel();
        let ended = finish_within_timeout("HTTP", self.http).await;
        self.stop.cancel();
        ended.transpose().context("HTTP ended by a panic")?;
        Ok(())
    }
}

/// Queries, answered from what is followed.
fn subscriptions(
    settings: &Settings,
    followed: &Followed,
    status: StatusSource,
    clock: &Arc<dyn Clock>,
) -> Arc<QuerySubscriptions> {
    let serving = ServingLayer::new(
        configure::serving(settings),
        Arc::clone(&followed.batch.catalog) as _,
        Arc::clone(&followed.batch.views) as _,
        Arc::new(followed.replica.clone()),
        Arc::clone(&followed.batch.journal),
        Arc::clone(clock),
    );
    Arc::new(QuerySubscriptions::new(Arc::new(serving.with_status(status))))
}

/// Stands ready for what the process's roles say.
fn campaigns(
    settings: &Settings,
    followed: &Followed,
    (definitions, serving, to): (Vec<MetricDefinition>, Router, Dispatchers),
    clock: &Arc<dyn Clock>,
    hand_over: &CancellationToken,
) -> Vec<JoinHandle<()>> {
    let mut campaigns = Vec::new();
    if settings.role.0.ingest {
        let candidate = OwnerCandidate {
            settings: settings.clone(),
            batch: followed.batch.clone(),
            clock: Arc::clone(clock),
            store: Arc::clone(&followed.store),
            lease: followed.owner.clone(),
            parts: to.owner.parts,
        };
        campaigns.push(tokio::spawn(candidate.campaign(hand_over.clone())));
    }
    if settings.role.0.batch {
        let candidate = LeaderCandidate {
            settings: settings.clone(),
            me: followed.me.clone(),
            secret: followed.secret.clone(),
            batch: followed.batch.clone(),
            clock: Arc::clone(clock),
            speed: followed.replica.clone(),
            definitions,
            serving,
            lease: followed.leader.clone(),
            owner: followed.owner.state(),
            parts: to.leader.parts,
        };
        campaigns.push(tokio::spawn(candidate.campaign(hand_over.clone())));
    }
    campaigns
}

/// Where other processes reach this one: where the settings say, where it listens, or, if it
/// listens on all addresses, at the machine's name.
fn advertised_url(
    settings: &Settings,
    address: SocketAddr,
    is_tls: bool,
) -> anyhow::Result<String> {
    if !settings.advertise.0.is_empty() {
        return Ok(settings.advertise.0.clone());
    }
    let scheme = if is_tls { "https" } else { "http" };
    if !address.ip().is_unspecified() {
        return Ok(format!("{scheme}://{address}"));
    }
    let name = std::fs::read_to_string(HOST_NAME).unwrap_or_default();
    let (name, port) = (name.trim(), address.port());
    anyhow::ensure!(
        !name.is_empty(),
        "this process listens on all addresses, so that others do not know where it is: say it \
         with --advertise {scheme}://HOST:{port}",
    );
    Ok(format!("{scheme}://{name}:{port}"))
}

/// Looks whether the process can answer: whether there is an owner of the journal, the speed store
/// answers, and the manifest is known.
async fn look(
    readiness: Readiness,
    (owner, replica, age): (watch::Receiver<LeaseState>, SpeedReplica, ManifestAge),
    stop: CancellationToken,
) {
    let mut tick = interval(LOOK);
    while stop.run_until_cancelled(tick.tick()).await.is_some() {
        let is_owned = owner.borrow().holder.as_ref().is_some_and(|holder| holder.fence.is_some());
        match is_owned {
            true => readiness.set_ready("journal"),
            false => readiness.set_not_ready("journal", "no process owns it at present"),
        }
        match replica.failure() {
            Some(failure) => readiness.set_not_ready("speed store", failure.reason),
            None => readiness.set_ready("speed store"),
        }
        match age.is_stale() {
            false => readiness.set_ready("manifest"),
            true => readiness.set_not_ready("manifest", "the storage cannot be reached"),
        }
    }
}
