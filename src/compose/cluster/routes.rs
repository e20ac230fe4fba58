//! All routes of a process: what it answers itself, and what it hands to a lease-holder.

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::http::Method;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::any;
use batch_layer::catalog::BatchCatalog;
use futures::future::BoxFuture;
use merganser_core::clock::Clock;
use merganser_metric::catalog::Catalog;
use serving_layer::subscriptions::QuerySubscriptions;
use speed_layer::intake::{IntakeFront, UuidGenerator};
use tokio::time::sleep;
use tracing::warn;

use super::dispatch::{Dispatcher, HeldParts, LeasedParts};
use super::followers::{FOLLOW, Followed};
use super::forward::Forwarder;
use super::internal;
use super::leader::LeaderParts;
use super::owner::OwnerParts;
use crate::access::{self, AccessGuard, KeyRoutes};
use crate::compose::configure;
use crate::http;
use crate::settings::Settings;

/// What the lease-holders' requests are answered with, here or elsewhere.
pub(super) struct Dispatchers {
    pub(super) owner: Dispatcher<OwnerParts>,
    pub(super) leader: Dispatcher<LeaderParts>,
    /// Decodes events for the owner.
    pub(super) front: IntakeFront,
}

impl Dispatchers {
    /// Those of a process that holds nothing yet.
    ///
    /// # Errors
    /// When requests cannot be handed on.
    pub(super) fn new(
        followed: &Followed,
        settings: &Settings,
        clock: &Arc<dyn Clock>,
    ) -> anyhow::Result<Self> {
        let forwarder = Forwarder::new(followed.secret.clone())?;
        let owner = Dispatcher {
            name: "the journal's owner",
            me: followed.me.process.clone(),
            parts: HeldParts::default(),
            lease: followed.owner.state(),
            is_ready: |holder| holder.fence.is_some(),
            forwarder: forwarder.clone(),
        };
        let leader = Dispatcher {
            name: "the leader of runs",
            me: followed.me.process.clone(),
            parts: HeldParts::default(),
            lease: followed.leader.state(),
            is_ready: |_| true,
            forwarder,
        };
        let (ids, snapshots) = (Arc::new(UuidGenerator::new()), followed.batch.catalog.subscribe());
        let intake = configure::intake(settings);
        let front = IntakeFront::new(&intake, Arc::clone(clock), ids, snapshots)?;
        Ok(Self { owner, leader, front })
    }
}

/// The routes of the serving layer, by themselves: a leader's are the same.
pub(super) fn serving(subscriptions: &Arc<QuerySubscriptions>) -> Router {
    serving_layer::http::routes(Arc::clone(subscriptions))
}

/// All routes.
pub(super) fn all(
    serving: Router,
    followed: &Followed,
    to: &Dispatchers,
    guard: &AccessGuard,
    clock: &Arc<dyn Clock>,
) -> Router {
    let catalog = &followed.batch.catalog;
    let keys = KeyRoutes { catalog: Arc::clone(catalog) as _, clock: Arc::clone(clock) };
    let mut owned = http::paths_of(&["events"]);
    owned.retain(|path| *path != EVENTS);
    let (owner, front) = (to.owner.clone(), to.front.clone());
    let events =
        move |request: Request| async move { answer_events(&owner, &front, request).await };
    let defining = define_at_leader(to.leader.clone(), Arc::clone(catalog));
    serving
        .layer(from_fn(defining))
        .merge(serving_layer::http::dashboards::routes(Arc::clone(catalog) as _))
        .merge(access::routes(keys))
        .layer(from_fn(answer_once_known))
        .merge(access::session_routes(guard.clone()))
        .merge(internal::routes(&to.owner, &to.leader.parts, followed.secret.clone()))
        .merge(dispatched(&owned, &to.owner))
        .route(EVENTS, any(events))
        .merge(dispatched(&http::paths_of(&["runs"]), &to.leader))
        .merge(dispatched(&["/v1/backup"], &to.leader))
}

/// Where events come in.
const EVENTS: &str = "/v1/events";

/// Answers a request with events: this process decodes them for the owner, unless it is the owner,
/// or the request was handed on to it.
async fn answer_events(
    owner: &Dispatcher<OwnerParts>,
    front: &IntakeFront,
    request: Request,
) -> Response {
    let is_front = request.method() == Method::POST
        && !owner.is_here()
        && !owner.forwarder.is_forwarded(request.headers());
    if !is_front {
        return owner.answer(request).await;
    }
    let mut decoded = match speed_layer::http::decode(front, request).await {
        Ok(decoded) => decoded,
        Err(answer) => return answer,
    };
    let answer = owner.answer(std::mem::take(&mut decoded.request)).await;
    match decoded.instead(answer.status()) {
        Some(original) => owner.answer(original).await,
        None => answer,
    }
}

/// Routes whose requests a lease-holder answers.
fn dispatched<T: LeasedParts>(paths: &[&'static str], to: &Dispatcher<T>) -> Router {
    paths.iter().fold(Router::new(), |routes, path| {
        let to = to.clone();
        let answer = move |request: Request| async move { to.answer(request).await };
        routes.route(path, any(answer))
    })
}

/// Answers a change when all processes have looked at the manifest since, if the storage answers
/// them: who then asks another one finds what it has made.
async fn answer_once_known(request: Request, next: Next) -> Response {
    let is_change = [Method::PUT, Method::POST, Method::DELETE].contains(request.method());
    let changed = ["/v1/metrics/", "/v1/keys", "/v1/dashboards"];
    let is_change = is_change && changed.iter().any(|of| request.uri().path().starts_with(of));
    let answer = next.run(request).await;
    if is_change && answer.status().is_success() {
        sleep(FOLLOW + FOLLOW / 5).await;
    }
    answer
}

/// Has the leader define and delete metrics, since it knows the run that makes their views. The
/// answer comes once this process knows of it, too.
fn define_at_leader(
    leader: Dispatcher<LeaderParts>,
    catalog: Arc<BatchCatalog>,
) -> impl Fn(Request, Next) -> BoxFuture<'static, Response> + Clone {
    move |request: Request, next: Next| {
        let (leader, catalog) = (leader.clone(), Arc::clone(&catalog));
        Box::pin(async move {
            let is_change = [Method::PUT, Method::DELETE].contains(request.method());
            if !is_change || !request.uri().path().starts_with("/v1/metrics/") {
                return next.run(request).await;
            }
            let answer = leader.answer(request).await;
            if let Err(error) = catalog.follow().await {
                warn!(%error, "the manifest cannot be followed; trying again");
            }
            answer
        })
    }
}
