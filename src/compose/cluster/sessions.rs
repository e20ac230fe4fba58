//! What processes know of each other's sessions: which were closed. The storage says so for as long
//! as a session could be taken over; whoever runs is told at once, too.
//!
//! An object `sessions/closed/<opened at, ms since 1970>-<digest>` stands for each.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, Method, Uri};
use batch_layer::storage::{Storage, StorageError};
use futures::future::{BoxFuture, join_all};
use merganser_api::error_code::ErrorCode;
use merganser_api::problem::Problem;
use merganser_core::clock::Clock;
use merganser_core::time::Timestamp;
use tokio::time::timeout;
use tracing::warn;

use super::forward::Forwarder;
use super::members::Members;
use crate::access::{SharedSession, SharedSessions};

const FOLDER: &str = "sessions/closed";
/// How long the others may take to be told.
const TELL: Duration = Duration::from_secs(2);
/// Longer than a session can be taken over, whatever clocks say.
const KEPT_MS: u64 = 24 * 60 * 60 * 1000;
const US_A_MS: i64 = 1000;

/// Sessions of a cluster's processes.
pub(super) struct ClusterSessions {
    pub(super) storage: Storage,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) members: Members,
    pub(super) forwarder: Forwarder,
}

fn path(session: &SharedSession) -> String {
    format!("{FOLDER}/{}-{}", session.opened_at.0 / US_A_MS, session.digest)
}

/// When the session was opened that an object stands for.
fn opened_at(path: &str) -> Option<Timestamp> {
    let (opened_ms, _) = path.strip_prefix(FOLDER)?.strip_prefix('/')?.split_once('-')?;
    Some(Timestamp(opened_ms.parse::<i64>().ok()?.checked_mul(US_A_MS)?))
}

fn unknown(error: &StorageError) -> Problem {
    let detail = format!("whether the session is closed cannot be read or noted: {error}");
    let public = "whether the session is closed cannot be read or noted at present";
    Problem::new(ErrorCode::NotReady, detail).retry_after_s(1).with_public_detail(public.to_owned())
}

impl ClusterSessions {
    async fn note(&self, session: &SharedSession) -> Result<(), StorageError> {
        self.storage.replace(&path(session), Vec::new()).await?;
        let now = self.clock.now();
        for (path, _) in self.storage.list(FOLDER).await? {
            if opened_at(&path).is_some_and(|opened| now.millis_since(opened) > KEPT_MS) {
                self.storage.delete(&path).await?;
            }
        }
        Ok(())
    }

    /// Tells the others, whatever becomes of the request.
    fn tell(&self, headers: &HeaderMap) {
        let (urls, forwarder) = (self.members.other_urls(), self.forwarder.clone());
        let headers = headers.clone();
        tokio::spawn(async move {
            let told = urls.iter().map(|url| {
                let mut request = Request::new(Body::empty());
                *request.method_mut() = Method::DELETE;
                *request.uri_mut() = Uri::from_static("/v1/session");
                *request.headers_mut() = headers.clone();
                forwarder.forward(url, request)
            });
            let told = timeout(TELL, join_all(told)).await.unwrap_or_default();
            let heard = told.iter().filter(|answer| answer.status().is_success()).count();
            if heard < urls.len() {
                warn!(
                    processes = urls.len() - heard,
                    "not every process could be told that a session is closed"
                );
            }
        });
    }
}

impl SharedSessions for ClusterSessions {
    fn is_closed(&self, session: SharedSession) -> BoxFuture<'_, Result<bool, Problem>> {
        Box::pin(async move {
            let found = self.storage.exists(&path(&session)).await;
            found.map_err(|error| unknown(&error))
        })
    }

    fn close(&self, session: SharedSession, of: &HeaderMap) -> BoxFuture<'_, Result<(), Problem>> {
        self.tell(of);
        Box::pin(async move { self.note(&session).await.map_err(|error| unknown(&error)) })
    }
}
