//! The guard around every route.

use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::Body;
use axum::extract::{MatchedPath, Request};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use futures::StreamExt;
use futures::future::{BoxFuture, ready};
use tower::Service;

use super::Guard;
use super::guard::Passed;

/// A route behind the guard. What its caller may see is among the request's extensions.
#[derive(Clone)]
pub(crate) struct Guarded<S> {
    route: S,
    guard: Guard,
}

impl<S> Guarded<S> {
    /// Around what a route does.
    pub(crate) fn new(route: S, guard: Guard) -> Self {
        Self { route, guard }
    }
}

impl<S> Service<Request> for Guarded<S>
where
    S: Service<Request, Response = Response, Future: Send + 'static>,
    S::Error: Send + 'static,
{
    type Response = Response;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<Response, S::Error>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.route.poll_ready(context)
    }

    fn call(&mut self, mut request: Request) -> Self::Future {
        let path = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
        let passed = match self.guard.check(request.method(), path, request.headers()) {
            Ok(passed) => passed,
            Err(refused) => return Box::pin(ready(Ok(refused.into_response()))),
        };
        request.extensions_mut().insert(passed.scope());
        let (answer, guard) = (self.route.call(request), self.guard.clone());
        Box::pin(async move { Ok(finish(answer.await?, passed, guard)) })
    }
}

/// Tells what is left of the key's rate; a stream ends with its key.
fn finish(mut response: Response, passed: Passed, guard: Guard) -> Response {
    if let Some(spent) = passed.spent {
        spent.tell(response.headers_mut());
    }
    let kind = response.headers().get(header::CONTENT_TYPE);
    if kind.is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream")) {
        let key = passed.key.as_ref().map(Arc::clone);
        return response.map(|body| {
            let pieces = body.into_data_stream().take_until(Box::pin(guard.ended(key)));
            Body::from_stream(pieces)
        });
    }
    response
}
