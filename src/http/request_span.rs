//! One span a request, for traces.
//!
//! A request that names its trace (W3C Trace Context, `traceparent`) is part of that trace, and the
//! trace's sampling decision holds. A span has the method, the route, the status and the request's
//! id (`X-Request-Id`), and nothing else of what was sent.

use axum::extract::{MatchedPath, Request};
use axum::http::HeaderMap;
use opentelemetry::Context;
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry_http::HeaderExtractor;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tracing::{Span, info_span};
use tracing_opentelemetry::OpenTelemetrySpanExt;

use super::request_id::REQUEST_ID;
use crate::trace::REQUEST_TARGET;

/// The span of a request with this method as its label, in the trace that its headers name.
pub(super) fn request_span(request: &Request, method: &'static str) -> Span {
    let route = request.extensions().get::<MatchedPath>().map_or("unknown", MatchedPath::as_str);
    let id = request.headers().get(REQUEST_ID).and_then(|id| id.to_str().ok()).unwrap_or_default();
    let span = info_span!(
        target: REQUEST_TARGET,
        "request",
        otel.kind = "server",
        http.request.method = method,
        http.route = route,
        http.response.status_code = tracing::field::Empty,
        request_id = id,
    );
    // It fails where no traces are sent.
    let _ = span.set_parent(parent(request.headers()));
    span
}

fn parent(headers: &HeaderMap) -> Context {
    TraceContextPropagator::new().extract(&HeaderExtractor(headers))
}
