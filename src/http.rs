//! HTTP: the layers' routes as one service, and what cuts across all of them.
//!
//! Whatever goes wrong, a client gets a problem document: unknown paths, wrong methods, panics, and
//! refusals that a framework words by itself are all turned into one here ([`problems`]). Only what
//! hyper cannot read as a request at all it refuses by itself, with a bare status: a malformed head
//! is 400, as are two different lengths, an address over 64 KiB 414, a head that does not fit its
//! buffer 431. What can be read in two ways is refused here ([`ambiguity`]).

mod ambiguity;
mod connections;
mod cors;
mod instruments;
mod openapi;
mod page;
mod problems;
mod readiness;
mod request_id;
mod request_span;
mod service;
mod tls;

use axum::extract::State;
use axum::http::{Method, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use merganser_api::error_code::ErrorCode;
use merganser_api::problem::Problem;
use merganser_api::status::ProcessState;
use merganser_core::access::RouteAccess;
use metrics_exporter_prometheus::PrometheusHandle;
use utoipa_swagger_ui::SwaggerUi;

use crate::access::AccessGuard;

pub(crate) use self::connections::{ConnectionSettings, serve};
pub(crate) use self::instruments::install_recorder;
pub(crate) use self::readiness::Readiness;
pub(crate) use self::service::{HttpService, HttpSettings};
pub(crate) use self::tls::{check as check_tls, start as start_tls};

/// What the service is made of, as HTTP sees it.
pub(crate) struct HttpParts {
    /// The routes of all layers.
    pub(crate) layers: Router,
    /// Whether it can accept and answer.
    pub(crate) readiness: Readiness,
    /// What it counted.
    pub(crate) figures: PrometheusHandle,
    /// Who may do what.
    pub(crate) guard: AccessGuard,
}

/// Routes that show the document and are not in it; everybody may read it.
const DOCUMENT: [&str; 4] = ["/docs", "/docs/", "/docs/{*rest}", "/openapi.json"];

/// Who may use each route.
pub(crate) fn route_access() -> Vec<(&'static str, Method, RouteAccess)> {
    let pages = DOCUMENT.into_iter().chain(page::PATHS);
    let pages = pages.map(|path| (path, Method::GET, RouteAccess::Open));
    openapi::route_access().into_iter().chain(pages).collect()
}

/// The paths of the operations that the document lists under one of these tags.
pub(crate) fn paths_of(tags: &[&str]) -> Vec<&'static str> {
    openapi::paths_of(tags)
}

/// The document that describes the API.
#[cfg(test)]
pub(crate) fn openapi_text() -> String {
    openapi::document().to_json().unwrap_or_default()
}

/// Every route there is.
pub(crate) fn routes(parts: HttpParts) -> Router {
    let HttpParts { layers, readiness, figures, .. } = parts;
    let operation = Router::new()
        .route("/healthz", get(async || process_state("ok")))
        .route("/readyz", get(ready).with_state(readiness))
        .route("/metrics", get(render_instruments).with_state(figures))
        .merge(SwaggerUi::new("/docs").url("/openapi.json", openapi::document()));
    layers.merge(operation).merge(page::routes()).fallback(not_found)
}

async fn ready(State(readiness): State<Readiness>) -> Response {
    let (parts, reasons) = (readiness.unready_parts(), readiness.reasons());
    if reasons.is_empty() {
        return process_state("ready").into_response();
    }
    let detail = |reasons: &[String]| format!("not ready: {}", reasons.join("; "));
    Problem::new(ErrorCode::NotReady, detail(&reasons))
        .with("reasons", reasons)
        .retry_after_s(1)
        .with_public_detail(detail(&parts))
        .with("reasons", parts)
        .into_response()
}

fn process_state(status: &str) -> Json<ProcessState> {
    Json(ProcessState { status: status.to_owned() })
}

async fn render_instruments(State(figures): State<PrometheusHandle>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], figures.render())
}

async fn not_found(uri: Uri) -> Problem {
    not_found_problem(&uri)
}

fn not_found_problem(uri: &Uri) -> Problem {
    let detail = format!("there is nothing at `{}`; /docs lists what there is", uri.path());
    Problem::new(ErrorCode::NotFound, detail)
}

#[cfg(test)]
mod tests;
