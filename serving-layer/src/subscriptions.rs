//! Answers that follow the events: sent once, then again whenever they change.
//!
//! A listener first gets an answer of its own. All listeners of equal queries share one refresher:
//! it queries again at most once a second, less often where a query takes long, and ends with the
//! last listener. It remembers a digest of what it sent and not the answer, and queries only after
//! something has changed. A text is held until the last listener has taken it; a slow listener
//! misses texts in between, but never the last one.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::{Stream, stream};
use merganser_api::problem::Problem;
use merganser_api::request::CallerId;
use merganser_core::blocking::run_blocking;
use serde_json::json;
use tokio::sync::{Notify, watch};

use crate::answer::{QueryAnswer, RowsDigest};
use crate::error::ServingError;
use crate::format::{self, AnswerChunks};
use crate::memory::{MemoryNeed, QueryMemoryGuard};
use crate::query::{AnswerFormat, CsvTextStyle, Query};
use crate::serve::{AnswerStamp, PermitRequest, QueryContext, ServingLayer};

/// The least time between two answers.
const PAUSE: Duration = Duration::from_secs(1);
/// The most.
const PAUSE_MAX: Duration = Duration::from_secs(30);
/// How much longer a refresher pauses than its last query took.
const IDLE_SHARE: u32 = 10;
/// Different queries that are followed at a time.
const FOLLOWED_MAX: usize = 1_000;

/// What is sent to a listener: a JSON object, without line breaks.
pub(crate) struct LiveMessage {
    /// `answer`, or `problem` while there is none.
    pub(crate) event: &'static str,
    /// The object.
    pub(crate) pieces: AnswerChunks,
    /// Whether it is yet to be written, which takes the processor.
    pub(crate) is_unwritten: bool,
}

/// A message for all listeners, with its memory.
#[derive(Debug)]
struct SharedMessage {
    event: &'static str,
    pieces: Vec<Bytes>,
    seen: AnswerFingerprint,
    _held: Option<QueryMemoryGuard>,
}

/// Where a listener finds the newest text that it has not taken.
#[derive(Debug)]
struct SubscriberSlot {
    caller: CallerId,
    last: Mutex<Option<Arc<SharedMessage>>>,
    arrived: Notify,
}

/// The queries that are followed, and their listeners.
#[derive(Debug)]
pub struct QuerySubscriptions {
    serving: Arc<ServingLayer>,
    followed: Mutex<HashMap<Arc<Query>, SubscribedQuery>>,
    stopped: watch::Sender<bool>,
}

/// A query that is followed.
#[derive(Debug, Default)]
struct SubscribedQuery {
    listeners: Vec<Weak<SubscriberSlot>>,
    has_refresher: bool,
    /// A listener came since the refresher looked last: its first answer may be of between two
    /// looks, and so another one than the refresher knows.
    is_joined: bool,
}

impl SubscribedQuery {
    fn listeners(&mut self) -> Vec<Arc<SubscriberSlot>> {
        self.listeners.retain(|slot| slot.strong_count() > 0);
        self.listeners.iter().filter_map(Weak::upgrade).collect()
    }
}

impl QuerySubscriptions {
    /// Subscriptions to what a serving layer answers.
    #[must_use]
    pub fn new(serving: Arc<ServingLayer>) -> Self {
        Self { serving, followed: Mutex::default(), stopped: watch::Sender::new(false) }
    }

    /// Ends all followers and the streams of their listeners, which would otherwise never end.
    pub fn stop(&self) {
        self.stopped.send_replace(true);
    }

    /// What answers the queries.
    pub(crate) fn serving(&self) -> &Arc<ServingLayer> {
        &self.serving
    }

    /// Follows a query. The first answer is read before this returns, so that a query without one
    /// is refused like any other.
    pub(crate) async fn subscribe(
        self: &Arc<Self>,
        caller: CallerId,
        query: Query,
    ) -> Result<impl Stream<Item = LiveMessage> + Send + use<>, ServingError> {
        let query = Arc::new(query);
        // Before the first answer is read: what changes from then on is sent to this listener.
        let slot = self.listen(&query, caller.clone())?;
        let (first, seen) = match self.first_answer(caller, &query).await {
            Ok(first) => first,
            Err(error) => {
                drop(slot);
                self.remove_idle(&query);
                return Err(error);
            }
        };
        if self.claim_refresher(&query) {
            let subscriptions = Arc::clone(self);
            let refresher = QueryRefresher { subscriptions, query, seen: None, stamp: None };
            tokio::spawn(refresher.refresh_loop());
        }
        let (first, stopped) = (Some(first), self.stopped.subscribe());
        Ok(stream::unfold(QuerySubscriber { slot, stopped, first, seen }, QuerySubscriber::next))
    }

    async fn first_answer(
        &self,
        caller: CallerId,
        query: &Query,
    ) -> Result<(QueryAnswer, AnswerFingerprint), ServingError> {
        let request = PermitRequest::query(caller);
        let answer = self.serving.answer_to(&request, query).await?;
        let permit = self.serving.admission.writing.acquire(&request).await;
        run_blocking(move || {
            let _permit = permit;
            Ok(fingerprint(answer))
        })
        .await
    }

    fn followed(&self) -> MutexGuard<'_, HashMap<Arc<Query>, SubscribedQuery>> {
        self.followed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A slot of a new listener to a query.
    fn listen(
        &self,
        query: &Arc<Query>,
        caller: CallerId,
    ) -> Result<Arc<SubscriberSlot>, ServingError> {
        let mut followed = self.followed();
        if !followed.contains_key(query) && followed.len() >= FOLLOWED_MAX {
            return Err(ServingError::TooManyFollowed { limit: FOLLOWED_MAX });
        }
        let slot =
            Arc::new(SubscriberSlot { caller, last: Mutex::default(), arrived: Notify::new() });
        let subscribed = followed.entry(Arc::clone(query)).or_default();
        subscribed.listeners.push(Arc::downgrade(&slot));
        subscribed.is_joined = true;
        Ok(slot)
    }

    /// Whether the query has no refresher yet, so that the caller of this function starts it.
    fn claim_refresher(&self, query: &Query) -> bool {
        let mut followed = self.followed();
        let subscribed = followed.get_mut(query);
        subscribed.is_some_and(|query| !std::mem::replace(&mut query.has_refresher, true))
    }

    /// Forgets a query without listeners and without a refresher.
    fn remove_idle(&self, query: &Query) {
        let mut followed = self.followed();
        if let Some(subscribed) = followed.get_mut(query)
            && subscribed.listeners().is_empty()
            && !subscribed.has_refresher
        {
            followed.remove(query);
        }
    }

    /// The listeners of a query, and whether one joined since the last call. `None` ends the
    /// query's refresher: there are no listeners.
    fn current_subscribers(&self, query: &Query) -> Option<(Vec<Arc<SubscriberSlot>>, bool)> {
        let mut followed = self.followed();
        let subscribed = followed.get_mut(query)?;
        let slots = subscribed.listeners();
        let is_joined = std::mem::take(&mut subscribed.is_joined);
        // Listeners are added under the same lock, so that none is added to a query that goes.
        if slots.is_empty() || *self.stopped.borrow() {
            followed.remove(query);
            return None;
        }
        Some((slots, is_joined))
    }

    /// The listeners of a query.
    fn listeners(&self, query: &Query) -> Vec<Arc<SubscriberSlot>> {
        self.followed().get_mut(query).map_or_else(Vec::new, SubscribedQuery::listeners)
    }
}

/// A listener.
struct QuerySubscriber {
    slot: Arc<SubscriberSlot>,
    stopped: watch::Receiver<bool>,
    /// Its own first answer, until it was sent.
    first: Option<QueryAnswer>,
    /// What it was sent last.
    seen: AnswerFingerprint,
}

impl QuerySubscriber {
    async fn next(mut self) -> Option<(LiveMessage, Self)> {
        if let Some(answer) = self.first.take() {
            let is_unwritten = !answer.rows.is_short();
            // The pieces of JSON cannot fail.
            let pieces = format::write(answer, AnswerFormat::Json, CsvTextStyle::default()).ok()?;
            return Some((LiveMessage { event: "answer", pieces, is_unwritten }, self));
        }
        loop {
            let text = self.slot.last.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(text) = text.filter(|text| text.seen != self.seen) {
                self.seen = text.seen.clone();
                let (event, mut at) = (text.event, 0);
                let pieces = std::iter::from_fn(move || {
                    at += 1;
                    text.pieces.get(at - 1).cloned().map(Ok)
                });
                let pieces = Box::new(pieces);
                return Some((LiveMessage { event, pieces, is_unwritten: false }, self));
            }
            tokio::select! {
                // A notice that came before waits.
                () = self.slot.arrived.notified() => {}
                _ = self.stopped.wait_for(|stopped| *stopped) => return None,
            }
        }
    }
}

/// Asks again and again, and sends what changed.
struct QueryRefresher {
    subscriptions: Arc<QuerySubscriptions>,
    query: Arc<Query>,
    /// What was sent last.
    seen: Option<AnswerFingerprint>,
    /// Where a whole answer stood: until it stands elsewhere there is no other.
    stamp: Option<AnswerStamp>,
}

impl QueryRefresher {
    async fn refresh_loop(mut self) {
        let subscriptions = Arc::clone(&self.subscriptions);
        let mut stopped = subscriptions.stopped.subscribe();
        let mut pause = PAUSE;
        loop {
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                _ = stopped.wait_for(|stopped| *stopped) => {}
            }
            let current = subscriptions.current_subscribers(&self.query);
            let Some((listeners, is_joined)) = current else { return };
            // Its work counts as that of one of the listeners.
            let Some(caller) = listeners.first().map(|slot| slot.caller.clone()) else { return };
            drop(listeners);
            let began = Instant::now();
            let request = PermitRequest::refresh(caller);
            if let Some(text) = self.refresh_answer(&request, is_joined).await.map(Arc::new) {
                // Asked for again: a listener that came meanwhile may have an older first answer.
                for slot in subscriptions.listeners(&self.query) {
                    *slot.last.lock().unwrap_or_else(PoisonError::into_inner) =
                        Some(Arc::clone(&text));
                    slot.arrived.notify_one();
                }
            }
            pause = PAUSE.max((began.elapsed() * IDLE_SHARE).min(PAUSE_MAX));
        }
    }

    /// The text of the answer, if it changed or a listener may not have it.
    async fn refresh_answer(
        &mut self,
        request: &PermitRequest,
        is_joined: bool,
    ) -> Option<SharedMessage> {
        let stamp = self.subscriptions.serving.stamp(&self.query).await.ok();
        if stamp.is_some() && stamp == self.stamp && !is_joined {
            return None;
        }
        let known = self.seen.clone().filter(|_| !is_joined);
        let answered = async {
            let answer = self.subscriptions.serving.answer_to(request, &self.query).await?;
            let is_whole = answer.provenance.complete;
            self.write(request, answer, known).await.map(|(seen, text)| (seen, text, is_whole))
        };
        match answered.await {
            Ok((seen, text, is_whole)) => {
                self.seen = Some(seen);
                self.stamp = stamp.filter(|_| is_whole);
                text
            }
            Err(error) => self.problem(error, is_joined),
        }
    }

    fn problem(&mut self, error: ServingError, is_joined: bool) -> Option<SharedMessage> {
        let text = Problem::from(error).to_json().to_string();
        let seen = AnswerFingerprint::Problem(text.clone());
        self.stamp = None;
        if self.seen.as_ref() == Some(&seen) && !is_joined {
            return None;
        }
        self.seen = Some(seen.clone());
        Some(SharedMessage { event: "problem", pieces: vec![text.into()], seen, _held: None })
    }

    /// Writes an answer once for all, if it is not the one that is known.
    async fn write(
        &self,
        request: &PermitRequest,
        answer: QueryAnswer,
        known: Option<AnswerFingerprint>,
    ) -> Result<(AnswerFingerprint, Option<SharedMessage>), ServingError> {
        let (answer, known) = (&answer, &known);
        let write = |work: QueryContext| {
            let (answer, known) = (answer.clone(), known.clone());
            run_blocking(move || write_message(answer, known.as_ref(), &work))
        };
        self.subscriptions.serving.run_when_admitted(MemoryNeed::Much, request, write).await
    }
}

/// An answer's fingerprint and text; no text if the fingerprint is the known one.
fn write_message(
    answer: QueryAnswer,
    known: Option<&AnswerFingerprint>,
    work: &QueryContext,
) -> Result<(AnswerFingerprint, Option<SharedMessage>), ServingError> {
    let (answer, seen) = fingerprint(answer);
    if known == Some(&seen) {
        return Ok((seen, None));
    }
    let (mut held, mut pieces) = (work.hold(0)?, Vec::new());
    for piece in format::write(answer, AnswerFormat::Json, CsvTextStyle::default())? {
        work.check()?;
        let piece = piece.map_err(|error| ServingError::Internal(error.to_string()))?;
        held.resize(held.bytes() + piece.len())?;
        pieces.push(piece);
    }
    let text = SharedMessage { event: "answer", pieces, seen: seen.clone(), _held: Some(held) };
    Ok((seen, Some(text)))
}

/// What makes an answer another one: not when it was read, and not how its events are split.
#[derive(Clone, Debug, PartialEq)]
enum AnswerFingerprint {
    Answer { rows: RowsDigest, metadata: String },
    Problem(String),
}

/// An answer with what makes it another one.
fn fingerprint(answer: QueryAnswer) -> (QueryAnswer, AnswerFingerprint) {
    let rows = answer.rows.rendered.digest(|| format::digest(&answer));
    let mut provenance = answer.provenance.clone();
    provenance.generation = 0;
    provenance.batch.events = 0;
    provenance.batch.published_at.clear();
    provenance.speed.events = 0;
    provenance.speed.through.0.clear();
    provenance.speed.behind_events = 0;
    provenance.speed.lag_ms = 0;
    let metadata = json!([provenance, answer.rows.warnings, answer.rows.total_rows]).to_string();
    (answer, AnswerFingerprint::Answer { rows, metadata })
}
