//! Routes that only processes of the cluster use: what they ask of the journal's owner, and of the
//! leader of the runs.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use merganser_api::error_code::ErrorCode;
use merganser_api::problem::Problem;
use merganser_core::access::RouteAccess;
use merganser_core::ids::{Boundary, Offset};
use merganser_core::journal::JournalError;
use serde::{Deserialize, Serialize};
use speed_layer::http::DECODED_EVENTS;
use tokio::task::spawn_blocking;

use super::dispatch::{Dispatcher, HeldParts};
use super::journal::{TrimRequest, TrimResponse};
use super::leader::LeaderParts;
use super::owner::OwnerParts;
use crate::access::ClusterSecret;

/// Ends the open epoch.
pub(super) const SEAL: &str = "/internal/v1/seal";
/// Deletes the oldest part of the journal.
pub(super) const TRIM: &str = "/internal/v1/trim";
/// Says where the leader's scheduler is.
pub(super) const SCHEDULER: &str = "/internal/v1/scheduler";

/// Where the leader's scheduler is.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct SchedulerResponse {
    pub(super) url: String,
}

/// Who may use them: whoever has the secret, which they look at themselves; events are taken of
/// those who may send them.
pub(super) fn access() -> Vec<(&'static str, Method, RouteAccess)> {
    let open = [SEAL, TRIM].map(|path| (path, Method::POST, RouteAccess::Open));
    let others = [
        (DECODED_EVENTS, Method::POST, RouteAccess::Ingest),
        (SCHEDULER, Method::GET, RouteAccess::Open),
    ];
    open.into_iter().chain(others).collect()
}

/// The routes, of a process that may own the journal, or do the runs.
pub(super) fn routes(
    to: &Dispatcher<OwnerParts>,
    leader: &HeldParts<LeaderParts>,
    secret: ClusterSecret,
) -> Router {
    let (owner, decoded) = (to.parts.clone(), to.clone());
    let leader = leader.clone();
    let is_of_cluster = move |headers: HeaderMap, request: Request, next: Next| {
        let secret = secret.clone();
        async move {
            match secret.is_in(&headers) {
                true => next.run(request).await,
                false => {
                    let detail = "only processes of the same cluster may use this";
                    Problem::new(ErrorCode::Forbidden, detail).into_response()
                }
            }
        }
    };
    Router::new()
        .route(SEAL, post(seal))
        .route(TRIM, post(trim))
        .with_state(owner)
        .route(
            DECODED_EVENTS,
            post(move |request: Request| async move { decoded.answer(request).await }),
        )
        .route(SCHEDULER, get(move || async move { scheduler(&leader) }))
        .layer(axum::middleware::from_fn(is_of_cluster))
}

async fn seal(State(owner): State<HeldParts<OwnerParts>>) -> Response {
    let sealed = with_journal(&owner, |parts| parts.journal.seal()).await;
    sealed.map(Json::<Boundary>).into_response()
}

async fn trim(
    State(owner): State<HeldParts<OwnerParts>>,
    Json(request): Json<TrimRequest>,
) -> Response {
    let trimmed =
        with_journal(&owner, move |parts| parts.journal.trim(request.below.min(parts.floor())));
    let answer = |start: Offset| Json(TrimResponse { start });
    trimmed.await.map(answer).into_response()
}

fn scheduler(leader: &HeldParts<LeaderParts>) -> Response {
    match leader.current().and_then(|parts| parts.scheduler_url()) {
        Some(url) => Json(SchedulerResponse { url }).into_response(),
        None => {
            let detail = "this process has no scheduler";
            Problem::new(ErrorCode::NotReady, detail).retry_after_s(1).into_response()
        }
    }
}

async fn with_journal<T: Send + 'static>(
    owner: &HeldParts<OwnerParts>,
    work: impl FnOnce(&OwnerParts) -> Result<T, JournalError> + Send + 'static,
) -> Result<T, Problem> {
    let unavailable = |why: String| Problem::new(ErrorCode::NotReady, why).retry_after_s(1);
    let parts: Arc<OwnerParts> = owner
        .current()
        .ok_or_else(|| unavailable("this process does not own the journal".to_owned()))?;
    let done = spawn_blocking(move || work(&parts)).await;
    let done = done.map_err(|error| unavailable(error.to_string()))?;
    done.map_err(|error| unavailable(error.to_string()))
}
