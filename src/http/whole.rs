//! The service as connections see it: the routes, and around them what holds for all.
//!
//! One function instead of a stack of middleware: each layer of one clones, boxes and moves every
//! request, which took longer than a short answer itself.

use std::any::Any;
use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::task::{Context, Poll};
use std::time::Instant;

use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::Request;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use futures::FutureExt;
use futures::future::BoxFuture;
use shared::problem::{Kind, Problem};
use tower::layer::layer_fn;
use tower::{BoxError, Service, ServiceExt, service_fn};
use tower_http::compression::Compression;
use tracing::{debug, error};

use super::{Parts, observe, problems, routes};
use crate::access::Guarded;

/// The whole service. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Whole(Router);

impl Whole {
    pub(crate) fn new(parts: Parts) -> Self {
        let guard = parts.guard.clone();
        let around = move |route| observe::Counted::new(Guarded::new(route, guard.clone()));
        Self(routes(parts).layer(layer_fn(around)))
    }
}

impl<B> Service<Request<B>> for Whole
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
        let routes = self.0.clone();
        Box::pin(async move { Ok(respond(routes, request.map(Body::new)).await) })
    }
}

async fn respond(routes: Router, request: Request) -> Response {
    if !request.headers().contains_key(header::ACCEPT_ENCODING) {
        return answer(routes, request).await;
    }
    let plain = service_fn(move |request| answer(routes.clone(), request).map(Ok));
    let Ok::<_, Infallible>(answer) = Compression::new(plain).oneshot(request).await;
    answer.map(Body::new)
}

/// Whatever goes wrong, the answer says what.
async fn answer(routes: Router, request: Request) -> Response {
    let started = Instant::now();
    let (method, uri) = (request.method().clone(), request.uri().clone());
    let answer = match problems::long_uri(&uri) {
        Some(refused) => refused.into_response(),
        None => routed(routes, request).await,
    };
    let answer = problems::reword(&method, uri.path(), answer).await;
    debug!(%method, %uri, status = answer.status().as_u16(), took = ?started.elapsed(), "answered");
    answer
}

/// Around the router as a whole and not around each route: only there does a refused method's
/// response say which methods are right.
async fn routed(routes: Router, request: Request) -> Response {
    match AssertUnwindSafe(routes.oneshot(request)).catch_unwind().await {
        Ok(Ok(answer)) => answer,
        Ok(Err(impossible)) => match impossible {},
        Err(cause) => panicked(&*cause),
    }
}

/// A panic is a fault of ours. The client learns that, the log learns what it was.
fn panicked(cause: &(dyn Any + Send)) -> Response {
    let text = cause.downcast_ref::<&str>().copied();
    let text = text.or_else(|| cause.downcast_ref::<String>().map(String::as_str));
    error!(cause = text.unwrap_or("unknown"), "a request handler panicked");
    let detail = "a fault of the service; the request may or may not have been carried out";
    Problem::new(Kind::Internal, "internal", detail).into_response()
}
