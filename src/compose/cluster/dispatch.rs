//! Which process answers a request: this one, or the one that holds a lease.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::http::Extensions;
use axum::response::{IntoResponse, Response};
use batch_layer::lease::{LeaseHolder, LeaseState};
use merganser_api::error_code::ErrorCode;
use merganser_api::problem::Problem;
use merganser_api::request::CallerId;
use merganser_core::access::{AccessScope, FixedProperties};
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};
use tower::ServiceExt;

use super::forward::Forwarder;

/// How long a request waits for somebody to hold the lease.
const PATIENCE: Duration = Duration::from_secs(8);

/// What has routes while its lease is held.
pub(super) trait LeasedParts: Send + Sync + 'static {
    /// The routes that it answers.
    fn router(&self) -> Router;
}

/// The parts that this process has while it holds a lease. Clones share them.
pub(super) struct HeldParts<T>(watch::Sender<Option<Arc<T>>>);

impl<T> Clone for HeldParts<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> Default for HeldParts<T> {
    fn default() -> Self {
        Self(watch::Sender::new(None))
    }
}

impl<T> HeldParts<T> {
    /// The parts, while it has them.
    pub(super) fn current(&self) -> Option<Arc<T>> {
        self.0.borrow().clone()
    }

    /// It has these from now on, or none.
    pub(super) fn set(&self, parts: Option<Arc<T>>) {
        self.0.send_replace(parts);
    }
}

/// Answers requests that are a lease-holder's. Cheap to clone.
pub(super) struct Dispatcher<T> {
    /// What the holder is called to clients.
    pub(super) name: &'static str,
    pub(super) me: String,
    pub(super) parts: HeldParts<T>,
    pub(super) lease: watch::Receiver<LeaseState>,
    /// Whether a holder can answer as soon as it holds the lease, or says when it can.
    pub(super) is_ready: fn(&LeaseHolder) -> bool,
    pub(super) forwarder: Forwarder,
}

impl<T> Clone for Dispatcher<T> {
    fn clone(&self) -> Self {
        Self {
            name: self.name,
            me: self.me.clone(),
            parts: self.parts.clone(),
            lease: self.lease.clone(),
            is_ready: self.is_ready,
            forwarder: self.forwarder.clone(),
        }
    }
}

/// The request as a router sees it first: with what is known of its sender, and without what the
/// router before has found in its path.
fn unrouted(request: Request) -> Request {
    let (mut parts, body) = request.into_parts();
    let mut before = std::mem::take(&mut parts.extensions);
    keep::<Arc<AccessScope>>(&mut before, &mut parts.extensions);
    keep::<Arc<FixedProperties>>(&mut before, &mut parts.extensions);
    keep::<CallerId>(&mut before, &mut parts.extensions);
    Request::from_parts(parts, body)
}

fn keep<T: Clone + Send + Sync + 'static>(before: &mut Extensions, after: &mut Extensions) {
    if let Some(value) = before.remove::<T>() {
        after.insert(value);
    }
}

/// Who answers.
enum Answerer {
    Here(Router),
    At(LeaseHolder),
}

impl<T: LeasedParts> Dispatcher<T> {
    /// Answers a request, or has it answered.
    pub(super) async fn answer(&self, request: Request) -> Response {
        let is_forwarded = self.forwarder.is_forwarded(request.headers());
        match self.answerer(is_forwarded).await {
            Some(Answerer::Here(router)) => match router.oneshot(unrouted(request)).await {
                Ok(response) => response,
                Err(impossible) => match impossible {},
            },
            Some(Answerer::At(holder)) => tokio::select! {
                answer = self.forwarder.forward(&holder.url, request) => answer,
                () = self.until_replaced(&holder) => {
                    let detail = format!(
                        "the process at {} was {} and did not answer; whether the request was \
                         carried out is not known",
                        holder.url, self.name
                    );
                    Problem::new(ErrorCode::NotReady, detail).retry_after_s(1).into_response()
                }
            },
            None => {
                let name = self.name;
                let detail = format!("no process is {name} at present; another one takes over");
                Problem::new(ErrorCode::NotReady, detail).retry_after_s(1).into_response()
            }
        }
    }

    /// Whether this process holds it.
    pub(super) fn is_here(&self) -> bool {
        self.parts.0.borrow().is_some()
    }

    /// Returns once another process holds the lease: this one will not answer any more, or not with
    /// what it was asked for.
    async fn until_replaced(&self, asked: &LeaseHolder) {
        let mut lease = self.lease.clone();
        let is_other = |state: &LeaseState| {
            state.holder.as_ref().is_some_and(|holder| holder.process != asked.process)
        };
        if lease.wait_for(is_other).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Waits for somebody who can answer. A request that was handed on goes no further.
    async fn answerer(&self, is_forwarded: bool) -> Option<Answerer> {
        let until = Instant::now() + PATIENCE;
        let (mut parts, mut lease) = (self.parts.0.subscribe(), self.lease.clone());
        loop {
            if let Some(parts) = &*parts.borrow_and_update() {
                return Some(Answerer::Here(parts.router()));
            }
            let holder = lease.borrow_and_update().holder.clone();
            let other =
                holder.filter(|holder| holder.process != self.me && (self.is_ready)(holder));
            if let Some(holder) = other.filter(|_| !is_forwarded) {
                return Some(Answerer::At(holder));
            }
            let change = async {
                tokio::select! {
                    changed = parts.changed() => changed,
                    changed = lease.changed() => changed,
                }
            };
            if !matches!(timeout_at(until, change).await, Ok(Ok(()))) {
                return None;
            }
        }
    }
}
