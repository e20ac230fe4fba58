//! The service as connections see it: the routes, and around them what holds for all.
//!
//! One function instead of a stack of middleware: each layer of one clones, boxes and moves every
//! request, which took longer than a short answer itself.

use std::any::Any;
use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::Request;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use futures::FutureExt;
use futures::future::BoxFuture;
use merganser_api::error_code::ErrorCode;
use merganser_api::problem::Problem;
use merganser_api::request::discard;
use tokio::time::timeout;
use tower::layer::layer_fn;
use tower::{BoxError, Service, ServiceExt, service_fn};
use tower_http::compression::Compression;
use tracing::{debug, error};

use super::ambiguity::RequestAmbiguity;
use super::request_id::{self, REQUEST_ID};
use super::{HttpParts, cors, instruments, problems, routes};
use crate::access::AuthService;
use crate::settings::AllowedOrigins;

/// The whole service. Cheap to clone.
#[derive(Clone)]
pub(crate) struct HttpService {
    routes: Router,
    answer_within: Duration,
}

/// What holds for every request, as it is set.
#[derive(Clone, Debug)]
pub(crate) struct HttpSettings {
    /// How long an answer may take to begin.
    pub(crate) answer_within: Duration,
    /// Whose pages may use it from a browser.
    pub(crate) origins: AllowedOrigins,
    /// Whether each request has a span.
    pub(crate) is_traced: bool,
}

impl HttpService {
    pub(crate) fn new(parts: HttpParts, front: &HttpSettings) -> Self {
        let (guard, is_traced) = (parts.guard.clone(), front.is_traced);
        let around = move |route| {
            instruments::InstrumentedService::new(AuthService::new(route, guard.clone()), is_traced)
        };
        let routes = routes(parts).layer(layer_fn(around));
        let routes = match cors::layer(&front.origins) {
            Some(cors) => routes.layer(cors),
            None => routes,
        };
        Self { routes, answer_within: front.answer_within }
    }
}

impl<B> Service<Request<B>> for HttpService
where
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = Response;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let whole = self.clone();
        Box::pin(async move { Ok(whole.respond(request.map(Body::new)).await) })
    }
}

impl HttpService {
    async fn respond(self, request: Request) -> Response {
        if !request.headers().contains_key(header::ACCEPT_ENCODING) {
            return self.answer(request).await;
        }
        let plain = service_fn(move |request| self.clone().answer(request).map(Ok));
        let Ok::<_, Infallible>(answer) = Compression::new(plain).oneshot(request).await;
        answer.map(Body::new)
    }

    /// Whatever goes wrong, the answer says what.
    async fn answer(self, mut request: Request) -> Response {
        let started = Instant::now();
        let (method, uri) = (request.method().clone(), request.uri().clone());
        let id = request_id::of(request.headers());
        request.headers_mut().insert(REQUEST_ID, id.clone());
        let answer = match reject_early(&request) {
            Some(refused) => {
                // A client that waits for `100 Continue` must not get it.
                if !request.headers().contains_key(header::EXPECT) {
                    discard(request.body_mut()).await;
                }
                refused
            }
            None => self.call_router(request, &id).await,
        };
        let mut answer = problems::ensure_problem(&method, uri.path(), answer).await;
        let (status, took) = (answer.status().as_u16(), started.elapsed());
        debug!(id = id.to_str().unwrap_or_default(), %method, %uri, status, ?took, "answered");
        answer.headers_mut().insert(REQUEST_ID, id);
        answer
    }

    /// Around the router as a whole and not around each route: only there does a refused method's
    /// response say which methods are right.
    async fn call_router(self, request: Request, id: &HeaderValue) -> Response {
        let answer = AssertUnwindSafe(self.routes.oneshot(request)).catch_unwind();
        match timeout(self.answer_within, answer).await {
            Ok(Ok(Ok(answer))) => answer,
            Ok(Ok(Err(impossible))) => match impossible {},
            Ok(Err(cause)) => panic_response(&*cause, id),
            Err(_) => {
                let within = self.answer_within.as_secs_f64();
                let detail = format!(
                    "there was no answer within {within} s; whether the request was carried out \
                     is not known"
                );
                Problem::new(ErrorCode::TimedOut, detail).into_response()
            }
        }
    }
}

/// Requests that are refused on every route.
fn reject_early(request: &Request) -> Option<Response> {
    let doubt = request
        .extensions()
        .get::<RequestAmbiguity>()
        .copied()
        .map(RequestAmbiguity::into_response);
    doubt.or_else(|| problems::uri_too_long(request.uri()).map(Problem::into_response))
}

/// A panic is a fault of the service. The client gets that, the log gets the panic's text.
fn panic_response(cause: &(dyn Any + Send), id: &HeaderValue) -> Response {
    let text = cause.downcast_ref::<&str>().copied();
    let text = text.or_else(|| cause.downcast_ref::<String>().map(String::as_str));
    error!(
        id = id.to_str().unwrap_or_default(),
        cause = text.unwrap_or("unknown"),
        "a request handler panicked"
    );
    metrics::counter!("merganser_http_panics_total").increment(1);
    let detail = "a fault of the service; the request may or may not have been carried out";
    Problem::new(ErrorCode::Internal, detail).into_response()
}
