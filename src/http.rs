//! HTTP: the layers' routes as one service, and what cuts across all of them.
//!
//! Whatever goes wrong, a client gets a problem document: unknown paths, wrong methods, panics, and
//! refusals that a framework words by itself are all turned into one here ([`problems`]). Only what
//! hyper cannot read as a request at all it refuses by itself, with a bare status: a malformed head
//! is 400, an address over 64 KiB 414, a head that does not fit its buffer 431.

mod connections;
mod observe;
mod openapi;
mod problems;
mod readiness;

use std::any::Any;

use axum::extract::State;
use axum::http::{Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router, middleware};
use metrics_exporter_prometheus::PrometheusHandle;
use serde_json::json;
use shared::problem::{Kind, Problem};
use tower::ServiceBuilder;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::trace::{DefaultMakeSpan, DefaultOnFailure, DefaultOnResponse, TraceLayer};
use tracing::{Level, error};
use utoipa_swagger_ui::SwaggerUi;

pub(crate) use self::connections::{ConnectionBounds, serve};
pub(crate) use self::observe::recorder;
pub(crate) use self::readiness::Readiness;

/// What the service is made of, as HTTP sees it.
pub(crate) struct Parts {
    /// The routes of all layers.
    pub(crate) layers: Router,
    /// Whether it can accept and answer.
    pub(crate) readiness: Readiness,
    /// What it counted.
    pub(crate) figures: PrometheusHandle,
}

/// The document that describes the API.
#[cfg(test)]
pub(crate) fn openapi_text() -> String {
    openapi::document().to_json().unwrap_or_default()
}

/// Every route there is.
pub(crate) fn routes(parts: Parts) -> Router {
    let Parts { layers, readiness, figures } = parts;
    let operation = Router::new()
        .route("/healthz", get(async || Json(json!({ "status": "ok" }))))
        .route("/readyz", get(ready).with_state(readiness))
        .route("/metrics", get(render).with_state(figures))
        .merge(SwaggerUi::new("/docs").url("/openapi.json", openapi::document()));
    layers.merge(operation).fallback(unknown)
}

/// The whole service.
pub(crate) fn router(parts: Parts) -> Router {
    let trace = TraceLayer::new_for_http()
        .make_span_with(DefaultMakeSpan::new().level(Level::DEBUG))
        .on_response(DefaultOnResponse::new().level(Level::DEBUG))
        .on_failure(DefaultOnFailure::new().level(Level::DEBUG));
    // Around the router as a whole and not around each route: only there does a refused method's
    // response say which methods are right.
    let whole = ServiceBuilder::new()
        .layer(trace)
        .layer(CompressionLayer::new())
        .layer(CatchPanicLayer::custom(panicked))
        .layer(middleware::from_fn(problems::reword))
        .layer(middleware::from_fn(problems::refuse_long_uri))
        .service(routes(parts).layer(middleware::from_fn(observe::count)));
    Router::new().fallback_service(whole)
}

async fn ready(State(readiness): State<Readiness>) -> Response {
    let reasons = readiness.reasons();
    if reasons.is_empty() {
        return Json(json!({ "status": "ready" })).into_response();
    }
    let detail = format!("not ready: {}", reasons.join("; "));
    Problem::new(Kind::Unavailable, "not_ready", detail)
        .with("reasons", reasons)
        .retry_after_s(1)
        .into_response()
}

async fn render(State(figures): State<PrometheusHandle>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], figures.render())
}

async fn unknown(uri: Uri) -> Problem {
    let detail = format!("there is nothing at `{}`; /docs lists what there is", uri.path());
    Problem::new(Kind::NotFound, "not_found", detail)
}

/// A panic is a fault of ours. The client learns that, the log learns what it was.
fn panicked(cause: Box<dyn Any + Send + 'static>) -> Response {
    let text = cause.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| cause.downcast_ref::<String>().cloned());
    error!(cause = text.as_deref().unwrap_or("unknown"), "a request handler panicked");
    let detail = "a fault of the service; the request may or may not have been carried out";
    Problem::new(Kind::Internal, "internal", detail).into_response()
}

#[cfg(test)]
mod tests;
