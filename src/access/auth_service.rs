//! The guard around every route.

use std::future::{Future, poll_fn};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use axum::body::{Body, HttpBody};
use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures::future::BoxFuture;
use futures::stream;
use futures::{FutureExt, StreamExt};
use merganser_api::problem::{internal_detail, reveal_internal};
use merganser_api::request::discard;
use merganser_core::access::AccessKey;
use tower::{BoxError, Service};
use tracing::error;

use super::AccessGuard;
use super::authorized_caller::AuthorizedCaller;
use super::bearer::unknown_key_problem;
use super::cluster_secret::SenderKey;
use super::rejection::AccessRejection;
use super::site::is_scripted;
use super::write_key;

/// A route behind the guard. What its caller may see is among the request's extensions.
#[derive(Clone)]
pub(crate) struct AuthService<S> {
    route: S,
    guard: AccessGuard,
}

impl<S> AuthService<S> {
    /// Around what a route does.
    pub(crate) fn new(route: S, guard: AccessGuard) -> Self {
        Self { route, guard }
    }
}

impl<S> Service<Request> for AuthService<S>
where
    S: Service<Request, Response = Response, Future: Send + 'static> + Clone + Send + 'static,
    S::Error: Send + 'static,
{
    type Response = Response;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<Response, S::Error>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.route.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        if !is_scripted(request.headers()) {
            return self.respond(request);
        }
        let answer = self.respond(request);
        Box::pin(async move { Ok(without_dialogue(answer.await?)) })
    }
}

impl<S> AuthService<S>
where
    S: Service<Request, Response = Response, Future: Send + 'static> + Clone + Send + 'static,
    S::Error: Send + 'static,
{
    fn respond(&mut self, request: Request) -> BoxFuture<'static, Result<Response, S::Error>> {
        let path = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
        let (method, headers) = (request.method(), request.headers());
        if self.guard.expects_key_in_body(method, path, headers) {
            let (guard, mut route) = (self.guard.clone(), self.route.clone());
            return Box::pin(async move {
                match write_key::authenticate_body(&guard, request).await {
                    Ok((passed, request)) => {
                        poll_fn(|context| route.poll_ready(context)).await?;
                        forward(&mut route, guard, passed, request).await
                    }
                    Err(refused) => Ok(refused.into_response()),
                }
            });
        }
        match self.guard.check(method, path, headers) {
            Ok(passed) => Box::pin(forward(&mut self.route, self.guard.clone(), passed, request)),
            Err(refused) => {
                let (guard, mut route) = (self.guard.clone(), self.route.clone());
                let rechecked = recheck(guard.clone(), refused, &request);
                Box::pin(async move {
                    match rechecked.await {
                        Ok(passed) => {
                            poll_fn(|context| route.poll_ready(context)).await?;
                            forward(&mut route, guard, passed, request).await
                        }
                        Err(refused) => Ok(reject(refused, request).await),
                    }
                })
            }
        }
    }
}

/// Whether a request that was refused may go on by newer keys.
fn recheck(
    guard: AccessGuard,
    refused: AccessRejection,
    request: &Request,
) -> impl Future<Output = Result<AuthorizedCaller, AccessRejection>> + Send + use<> {
    let path = request.extensions().get::<MatchedPath>().cloned();
    let (method, headers) = (request.method().clone(), request.headers().clone());
    async move {
        let again = || guard.check(&method, path.as_ref().map(MatchedPath::as_str), &headers);
        guard.recheck(refused, &headers, again).await
    }
}

/// Lets a request through, with what is known of its sender.
fn forward<S>(
    route: &mut S,
    guard: AccessGuard,
    passed: AuthorizedCaller,
    mut request: Request,
) -> impl Future<Output = Result<Response, S::Error>> + Send + use<S>
where
    S: Service<Request, Response = Response, Future: Send + 'static>,
    S::Error: Send + 'static,
{
    request.extensions_mut().insert(passed.scope());
    request.extensions_mut().insert(passed.caller());
    if let Some(key) = passed.key.clone() {
        request.extensions_mut().insert(SenderKey(key));
    }
    if let Some(set) = passed.fixed_properties() {
        request.extensions_mut().insert(set);
    }
    let is_late = Arc::new(AtomicBool::new(false));
    if let Some(key) = &passed.key {
        let (guard, key, is_late) = (guard.clone(), Arc::clone(key), Arc::clone(&is_late));
        request = request.map(|body| body_until_revoked(body, guard, key, is_late));
    }
    let answer = route.call(request);
    async move {
        let answer = answer.await?;
        match is_late.load(Ordering::Relaxed) {
            true => Ok(AccessRejection::from(unknown_key_problem()).into_response()),
            false => Ok(finish_response(reveal_cause(answer, &passed, &guard), passed, guard)),
        }
    }
}

/// Leaves a script only the challenge `Bearer`: for `Basic` the browser would ask its user for a
/// password before the script gets the answer.
fn without_dialogue(mut answer: Response) -> Response {
    if answer.status() == StatusCode::UNAUTHORIZED {
        let bearer = HeaderValue::from_static(r#"Bearer realm="merganser""#);
        answer.headers_mut().insert(header::WWW_AUTHENTICATE, bearer);
    }
    answer
}

/// Refuses a request. A client that is still sending would take an answer before the end for a
/// failure; one that waits for `100 Continue` does not.
async fn reject(refused: AccessRejection, request: Request) -> Response {
    if !request.headers().contains_key(header::EXPECT) {
        discard(&mut request.into_body()).await;
    }
    refused.into_response()
}

/// A body that fails when its key is revoked before the body has arrived: a slow client must not
/// use a route after its key was revoked.
fn body_until_revoked(
    body: Body,
    guard: AccessGuard,
    key: Arc<AccessKey>,
    is_late: Arc<AtomicBool>,
) -> Body {
    if body.is_end_stream() {
        return body;
    }
    let mut pieces = body.into_data_stream();
    let mut ended = Box::pin(guard.until_revoked(Some(key)).fuse());
    Body::from_stream(stream::poll_fn(move |context| match pieces.poll_next_unpin(context) {
        Poll::Ready(piece) => Poll::Ready(piece.map(|piece| piece.map_err(BoxError::from))),
        // A reader that goes on after the failure finds the end.
        Poll::Pending if is_late.load(Ordering::Relaxed) => Poll::Ready(None),
        Poll::Pending => {
            ready!(ended.as_mut().poll(context));
            is_late.store(true, Ordering::Relaxed);
            Poll::Ready(Some(Err("its key was revoked before all of it was there".into())))
        }
    }))
}

/// Shows an operator why the request failed. For other callers, the log gets the cause.
fn reveal_cause(answer: Response, passed: &AuthorizedCaller, guard: &AccessGuard) -> Response {
    let Some(why) = internal_detail(&answer) else { return answer };
    if guard.is_admin(passed) {
        return reveal_internal(answer);
    }
    // What makes it unavailable is in the log already.
    if answer.status() == StatusCode::INTERNAL_SERVER_ERROR {
        error!(why, "a request failed");
    }
    answer
}

/// Tells what is left of the key's rate; a stream ends with its key.
fn finish_response(
    mut response: Response,
    passed: AuthorizedCaller,
    guard: AccessGuard,
) -> Response {
    if let Some(spent) = passed.spent {
        spent.write_headers(response.headers_mut());
    }
    let kind = response.headers().get(header::CONTENT_TYPE);
    if kind.is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream")) {
        let place = match guard.open_stream(&passed) {
            Ok(place) => place,
            Err(refused) => return refused.into_response(),
        };
        return response.map(|body| {
            let ended = Box::pin(async move { guard.until_ended(&passed).await });
            let pieces = body.into_data_stream().take_until(ended);
            Body::from_stream(pieces.inspect(move |_| _ = &place))
        });
    }
    response
}
