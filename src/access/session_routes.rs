//! `/v1/session`: the page's way to bring a key, and to find out what it may show.

use axum::body::Body;
use axum::extract::{Extension, FromRequest, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use merganser_api::error_code::ErrorCode;
use merganser_api::problem::Problem;
use merganser_api::request::{BoundedBody, NoParameters, discard, read_json};
use merganser_api::session::{Authentication, SessionDocument, SessionRequest};
use merganser_core::access::Role;

use super::bearer::{Bearer, SessionUse};
use super::guard::AccessGuard;
use super::rejection::AccessRejection;
use super::site::is_same_origin;
use super::unauthenticated::{PeerNetwork, overloaded_problem};

/// Bytes of a request's body.
const BODY_MAX: usize = 4096;

const NOT_THE_PAGE: &str = "a session is for the service's own page, and the request does not say \
    `Sec-Fetch-Site: same-origin`; browsers say so over HTTPS and on this machine. Programs send \
    `Authorization: Bearer KEY`";

/// The routes.
pub(crate) fn session_routes(guard: AccessGuard) -> Router {
    Router::new().route("/v1/session", get(show).post(open).delete(close)).with_state(guard)
}

/// The bearer, and what it may use. Open to every caller, so that a page can ask for a key.
async fn show(
    State(guard): State<AccessGuard>,
    _: NoParameters,
    headers: HeaderMap,
) -> Result<Json<SessionDocument>, Problem> {
    let look = || guard.bearer(&headers, SessionUse::Accepted).map_err(AccessRejection::from);
    let found = match look() {
        Err(refused) => guard.recheck(refused, &headers, look).await,
        found => found,
    };
    let shown = match found.map_err(|refused| refused.problem) {
        Ok(Bearer::Anybody) => keyless(Authentication::None, &[Role::Admin]),
        Ok(Bearer::Key(key)) => SessionDocument::of_key(Authentication::Key, &key),
        Ok(Bearer::Session(session)) => {
            SessionDocument::of_key(Authentication::Session, &session.key)
        }
        Err(problem) if problem.status() == StatusCode::UNAUTHORIZED => {
            keyless(Authentication::Required, &[])
        }
        Err(problem) => return Err(*problem),
    };
    Ok(Json(shown))
}

/// Opens a session of the key in the body. The sender is not known yet, so the body takes one of
/// few places.
async fn open(
    State(guard): State<AccessGuard>,
    _: NoParameters,
    peer: Option<Extension<PeerNetwork>>,
    request: Request,
) -> Result<Response, AccessRejection> {
    let headers = request.headers().clone();
    if !is_same_origin(&headers) {
        discard(&mut request.into_body()).await;
        return Err(Problem::new(ErrorCode::AnotherSite, NOT_THE_PAGE).into());
    }
    let peer = peer.map(|Extension(peer)| peer).unwrap_or_default();
    let Some(mut place) = guard.unauthenticated_permit(peer) else {
        discard(&mut request.into_body()).await;
        return Err(overloaded_problem().into());
    };
    let BoundedBody(body) = tokio::select! {
        read = BoundedBody::<BODY_MAX>::from_request(request, &()) => read?,
        () = place.preempted() => return Err(overloaded_problem().into()),
    };
    let SessionRequest { key } = read_json(&body, SessionRequest::SHAPE)?;
    let open = || guard.open_session(&key);
    let opened = match open() {
        Ok(opened) => opened,
        Err(refused) => guard.recheck(refused, &headers, open).await?,
    };
    let shown = SessionDocument::of_key(Authentication::Session, &opened.key);
    let mut response = Json(shown).into_response();
    response.headers_mut().insert(header::SET_COOKIE, opened.cookie);
    if let Some(spent) = opened.spent {
        spent.write_headers(response.headers_mut());
    }
    Ok(response)
}

/// Ends the session, if there is one.
async fn close(
    State(guard): State<AccessGuard>,
    _: NoParameters,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let cookie = guard.close_session(&headers).await?;
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, cookie)], Body::empty()).into_response())
}

/// Of a caller without a key.
fn keyless(authentication: Authentication, roles: &[Role]) -> SessionDocument {
    SessionDocument { authentication, key: None, roles: roles.to_vec(), scope: None }
}

#[cfg(test)]
mod tests;
