//! Traces: one span a request, sent as OTLP over HTTP when an endpoint is set, else none.
//!
//! A request that says which trace it is part of (W3C Trace Context, `traceparent`) is part of it
//! here too, and its sampling decision holds. A span has the method, the route, the status and the
//! request's name (`X-Request-Id`), and nothing else of what was sent.

use std::time::Duration;

use anyhow::Context as _;
use async_trait::async_trait;
use axum::extract::{MatchedPath, Request};
use axum::http::HeaderMap;
use opentelemetry::Context;
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::TracerProvider;
use opentelemetry_http::{Bytes, HeaderExtractor, HttpClient, HttpError};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing::{Span, Subscriber, info_span};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::registry::LookupSpan;
use ureq::Agent;
use ureq::http::{Request as Sent, Response as Received};

use crate::http::{REQUEST_ID, method_label};

/// The target of spans that are sent; no others are.
const TARGET: &str = "merganser::request";
/// How long the collector may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Where spans go.
#[derive(Debug)]
pub(crate) struct TraceExporter(SdkTracerProvider);

impl TraceExporter {
    /// To the collector whose address for traces is `endpoint`.
    ///
    /// # Errors
    /// When that is no address.
    pub(crate) fn to(endpoint: &str) -> anyhow::Result<Self> {
        let agent = Agent::config_builder().timeout_global(Some(PATIENCE)).build().new_agent();
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(OtlpHttpClient(agent))
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(endpoint)
            .build()
            .with_context(|| format!("traces cannot be sent to `{endpoint}`"))?;
        let resource = Resource::builder().with_service_name("merganser").build();
        let provider =
            SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource);
        Ok(Self(provider.build()))
    }

    /// What takes the spans of requests.
    pub(crate) fn layer<S>(&self) -> impl Layer<S> + use<S>
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        let layer = tracing_opentelemetry::layer().with_tracer(self.0.tracer("merganser"));
        layer.with_filter(filter_fn(|about| about.target() == TARGET))
    }

    /// Sends what is left.
    pub(crate) fn flush_and_shutdown(self) {
        if let Err(error) = self.0.shutdown() {
            tracing::warn!(%error, "the last traces were not sent");
        }
    }
}

/// The span of a request, as a part of the trace that its headers name.
pub(crate) fn request_span(request: &Request) -> Span {
    let route = request.extensions().get::<MatchedPath>().map_or("unknown", MatchedPath::as_str);
    let id = request.headers().get(REQUEST_ID).and_then(|id| id.to_str().ok()).unwrap_or_default();
    let span = info_span!(
        target: TARGET,
        "request",
        otel.kind = "server",
        http.request.method = method_label(request.method()),
        http.route = route,
        http.response.status_code = tracing::field::Empty,
        request_id = id,
    );
    // Without a collector there is nobody to tell.
    let _ = span.set_parent(parent(request.headers()));
    span
}

fn parent(headers: &HeaderMap) -> Context {
    TraceContextPropagator::new().extract(&HeaderExtractor(headers))
}

/// HTTP to the collector, on the thread that sends batches.
#[derive(Debug)]
struct OtlpHttpClient(Agent);

#[async_trait]
impl HttpClient for OtlpHttpClient {
    async fn send_bytes(&self, request: Sent<Bytes>) -> Result<Received<Bytes>, HttpError> {
        let (head, body) = request.into_parts();
        let reply = self.0.run(Sent::from_parts(head, body.to_vec()))?;
        let (head, mut body) = reply.into_parts();
        Ok(Received::from_parts(head, body.read_to_vec()?.into()))
    }
}
