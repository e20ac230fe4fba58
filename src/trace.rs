//! Traces: the spans of requests, sent as OTLP over HTTP when an endpoint is set.

use std::time::Duration;

use anyhow::Context as _;
use async_trait::async_trait;
use opentelemetry::trace::TracerProvider;
use opentelemetry_http::{Bytes, HttpClient, HttpError};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing::Subscriber;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::registry::LookupSpan;
use ureq::Agent;
use ureq::http::{Request as Sent, Response as Received};

/// The target of the spans that are sent; no others are.
pub(crate) const REQUEST_TARGET: &str = "merganser::request";
/// How long the collector may take.
const COLLECTOR_TIMEOUT: Duration = Duration::from_secs(10);

/// Where spans go.
#[derive(Debug)]
pub(crate) struct TraceExporter(SdkTracerProvider);

impl TraceExporter {
    /// To the collector whose address for traces is `endpoint`.
    ///
    /// # Errors
    /// When that is no address.
    pub(crate) fn to(endpoint: &str) -> anyhow::Result<Self> {
        let agent =
            Agent::config_builder().timeout_global(Some(COLLECTOR_TIMEOUT)).build().new_agent();
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
        layer.with_filter(filter_fn(|about| about.target() == REQUEST_TARGET))
    }

    /// Sends what is left.
    pub(crate) fn flush_and_shutdown(self) {
        if let Err(error) = self.0.shutdown() {
            tracing::warn!(%error, "the last traces were not sent");
        }
    }
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
