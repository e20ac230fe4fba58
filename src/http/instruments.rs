//! Metrics for Prometheus: the recorder, and what is counted of every request.

use std::cell::RefCell;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use axum::extract::{MatchedPath, Request};
use axum::http::{Method, StatusCode};
use axum::response::Response;
use futures::future::BoxFuture;
use metrics::{
    Counter, Histogram, Unit, counter, describe_counter, describe_gauge, describe_histogram,
};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tower::Service;
use tracing::{Instrument, Span};

use super::request_span::request_span;

/// Bounds of the buckets of durations, in seconds.
const DURATIONS_S: [f64; 12] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];

/// Those of runs, which may take longer.
const RUNS_S: [f64; 12] = [0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0];

/// How often the recorder tidies its histograms.
const UPKEEP: Duration = Duration::from_secs(5);

/// Starts to record what the whole process counts; a process has one recorder.
///
/// # Errors
/// When something else records already.
pub(crate) fn install_recorder() -> anyhow::Result<PrometheusHandle> {
    static RECORDER: Mutex<Option<PrometheusHandle>> = Mutex::new(None);
    let mut recorder = RECORDER.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(handle) = &*recorder {
        return Ok(handle.clone());
    }
    let durations = Matcher::Suffix("_seconds".to_owned());
    let runs = Matcher::Full("merganser_run_seconds".to_owned());
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(durations, &DURATIONS_S)?
        .set_buckets_for_metric(runs, &RUNS_S)?
        .install_recorder()
        .context("metrics cannot be recorded")?;
    describe_instruments();
    let upkeep = handle.clone();
    tokio::spawn(async move {
        let mut tick = tokio::time::interval(UPKEEP);
        loop {
            tick.tick().await;
            upkeep.run_upkeep();
        }
    });
    Ok(recorder.insert(handle).clone())
}

/// Describes the metrics of HTTP and of the service as a whole.
fn describe_instruments() {
    for (name, help) in [
        ("merganser_http_requests_total", "Requests, by the path of their route"),
        ("merganser_http_panics_total", "Requests that made a handler panic: each is a bug"),
    ] {
        describe_counter!(name, Unit::Count, help);
    }
    describe_histogram!(
        "merganser_http_request_duration_seconds",
        Unit::Seconds,
        "Time from a request to the beginning of its answer"
    );
    for (name, unit, help) in [
        ("merganser_ready", Unit::Count, "1 while the service accepts and answers"),
        ("merganser_disk_free_bytes", Unit::Bytes, "Free bytes of the data directory's disk"),
        ("merganser_disk_used_bytes", Unit::Bytes, "Bytes of the data directory's files"),
    ] {
        describe_gauge!(name, unit, help);
    }
    // So that the first one is seen to be one more.
    counter!("merganser_http_panics_total").increment(0);
}

/// A method as a label. Of those that nothing here takes there are endlessly many.
fn method_label(method: &Method) -> &'static str {
    const KNOWN: [&str; 9] =
        ["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "TRACE", "CONNECT"];
    KNOWN.into_iter().find(|known| *known == method.as_str()).unwrap_or("other")
}

/// Counts requests and their durations, by the path of their route and never by the path of the
/// request, of which there is no end.
#[derive(Clone, Debug)]
pub(super) struct InstrumentedService<S> {
    route: S,
    is_traced: bool,
}

impl<S> InstrumentedService<S> {
    /// Around what a route does; each request has a span of its own if it is to be traced.
    pub(super) fn new(route: S, is_traced: bool) -> Self {
        Self { route, is_traced }
    }
}

impl<S> Service<Request> for InstrumentedService<S>
where
    S: Service<Request, Response = Response, Future: Send + 'static>,
{
    type Response = Response;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<Response, S::Error>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.route.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let started = Instant::now();
        let method = method_label(request.method());
        let path = request.extensions().get::<MatchedPath>().cloned();
        let span = if self.is_traced { request_span(&request, method) } else { Span::none() };
        let response = self.route.call(request);
        let answer = async move {
            let response = response.await?;
            let path = path.as_ref().map_or("unknown", MatchedPath::as_str);
            let (requests, durations) = request_instruments(method, path, response.status());
            requests.increment(1);
            durations.record(started.elapsed().as_secs_f64());
            Span::current().record("http.response.status_code", response.status().as_u16());
            Ok(response)
        };
        match span.is_disabled() {
            true => Box::pin(answer),
            false => Box::pin(answer.instrument(span)),
        }
    }
}

/// The instruments of a method, a path and a status. A look-up by labels takes longer than all else
/// here, so each thread keeps those that it used.
fn request_instruments(
    method: &'static str,
    path: &str,
    status: StatusCode,
) -> (Counter, Histogram) {
    thread_local! {
        static USED: RefCell<Vec<RequestInstruments>> = const { RefCell::new(Vec::new()) };
    }
    USED.with_borrow_mut(|used| {
        let same =
            |f: &&RequestInstruments| f.method == method && f.status == status && f.path == path;
        if let Some(found) = used.iter().find(same) {
            return (found.requests.clone(), found.durations.clone());
        }
        let labels = [
            ("method", method.to_owned()),
            ("path", path.to_owned()),
            ("status", status.as_u16().to_string()),
        ];
        let requests = metrics::counter!("merganser_http_requests_total", &labels);
        let durations = metrics::histogram!("merganser_http_request_duration_seconds", &labels);
        used.push(RequestInstruments {
            method,
            path: path.to_owned(),
            status,
            requests: requests.clone(),
            durations: durations.clone(),
        });
        (requests, durations)
    })
}

struct RequestInstruments {
    method: &'static str,
    path: String,
    status: StatusCode,
    requests: Counter,
    durations: Histogram,
}
