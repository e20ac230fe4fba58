//! Answers that follow the events: sent once, then again whenever they change.
//!
//! Who listens is first given an answer of its own. Queries that are equal share one follower,
//! which asks again for all who listen, at most once a second and less often where that takes long,
//! and ends when nobody listens any more. It remembers a digest of what it sent and not the answer,
//! and does not ask while nothing has come. A text that was sent is held until the last listener
//! has taken it; one who is slow misses texts in between, never the last.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::{Stream, stream};
use merganser_api::problem::Problem;
use merganser_api::request::CallerId;
use serde_json::json;
use tokio::sync::{Notify, watch};

use crate::answer::{QueryAnswer, RowsDigest};
use crate::error::ServingError;
use crate::format::{self, AnswerChunks};
use crate::memory::{MemoryNeed, QueryMemoryGuard};
use crate::query::{AnswerFormat, CsvTextStyle, Query};
use crate::serve::{AnswerStamp, PermitRequest, QueryContext, ServingLayer, blocking};

/// The least time between two answers.
const PAUSE: Duration = Duration::from_secs(1);
/// The most.
const PAUSE_MAX: Duration = Duration::from_secs(30);
/// Of the time, the part that a follower may spend asking: one in so many.
const IDLE_SHARE: u32 = 10;
/// Different queries that are followed at a time.
const FOLLOWED_MAX: usize = 1_000;

/// What a listener is sent: a JSON object, without line breaks.
pub(crate) struct LiveMessage {
    /// `answer`, or `problem` while there is none.
    pub(crate) event: &'static str,
    /// The object.
    pub(crate) pieces: AnswerChunks,
    /// Whether it is yet to be written, which takes the processor.
    pub(crate) is_unwritten: bool,
}

/// A message for all who listen, with its memory.
#[derive(Debug)]
struct SharedMessage {
    event: &'static str,
    pieces: Vec<Bytes>,
    seen: AnswerFingerprint,
    _held: Option<QueryMemoryGuard>,
}

/// Where a listener finds the last text that it has not taken.
#[derive(Debug)]
struct SubscriberSlot {
    asker: CallerId,
    last: Mutex<Option<Arc<SharedMessage>>>,
    arrived: Notify,
}

/// The queries that are followed, by their text, and who listens.
#[derive(Debug)]
pub(crate) struct QuerySubscriptions {
    followed: Mutex<HashMap<String, SubscribedQuery>>,
    stopped: watch::Sender<bool>,
}

/// A query that is followed.
#[derive(Debug, Default)]
struct SubscribedQuery {
    listeners: Vec<Weak<SubscriberSlot>>,
    has_follower: bool,
    /// Somebody came whom the follower does not know yet: what that one was told first may be of
    /// between two looks.
    is_joined: bool,
}

impl SubscribedQuery {
    fn listeners(&mut self) -> Vec<Arc<SubscriberSlot>> {
        self.listeners.retain(|slot| slot.strong_count() > 0);
        self.listeners.iter().filter_map(Weak::upgrade).collect()
    }
}

impl Default for QuerySubscriptions {
    fn default() -> Self {
        Self { followed: Mutex::default(), stopped: watch::Sender::new(false) }
    }
}

impl QuerySubscriptions {
    /// Ends all followers and their listeners.
    pub(crate) fn stop(&self) {
        self.stopped.send_replace(true);
    }

    fn followed(&self) -> MutexGuard<'_, HashMap<String, SubscribedQuery>> {
        self.followed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place to listen to a query.
    fn listen(&self, key: &str, asker: CallerId) -> Result<Arc<SubscriberSlot>, ServingError> {
        let mut followed = self.followed();
        if !followed.contains_key(key) && followed.len() >= FOLLOWED_MAX {
            return Err(ServingError::TooManyFollowed { limit: FOLLOWED_MAX });
        }
        let slot =
            Arc::new(SubscriberSlot { asker, last: Mutex::default(), arrived: Notify::new() });
        let query = followed.entry(key.to_owned()).or_default();
        query.listeners.push(Arc::downgrade(&slot));
        query.is_joined = true;
        Ok(slot)
    }

    /// Whether a query's follower is yet to be started, by whoever asks.
    fn starts(&self, key: &str) -> bool {
        let mut followed = self.followed();
        followed.get_mut(key).is_some_and(|query| !std::mem::replace(&mut query.has_follower, true))
    }

    /// Forgets a query that nobody listens to and that has no follower.
    fn remove_idle(&self, key: &str) {
        let mut followed = self.followed();
        if let Some(query) = followed.get_mut(key)
            && query.listeners().is_empty()
            && !query.has_follower
        {
            followed.remove(key);
        }
    }

    /// Who listens to a query, and whether somebody joined since this was asked; for its follower,
    /// which ends when nobody does any more.
    fn current_subscribers(&self, key: &str) -> Option<(Vec<Arc<SubscriberSlot>>, bool)> {
        let mut followed = self.followed();
        let query = followed.get_mut(key)?;
        let slots = query.listeners();
        let is_joined = std::mem::take(&mut query.is_joined);
        // Listeners are added under the same lock.
        if slots.is_empty() || *self.stopped.borrow() {
            followed.remove(key);
            return None;
        }
        Some((slots, is_joined))
    }

    /// Who listens to a query.
    fn listeners(&self, key: &str) -> Vec<Arc<SubscriberSlot>> {
        self.followed().get_mut(key).map_or_else(Vec::new, SubscribedQuery::listeners)
    }
}

/// One who listens.
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
            let is_unwritten = !answer.is_short();
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

impl ServingLayer {
    /// Follows a query. The first answer is read before this returns, so that a query without one
    /// is refused like any other.
    pub(crate) async fn subscribe(
        self: &Arc<Self>,
        asker: CallerId,
        query: Query,
    ) -> Result<impl Stream<Item = LiveMessage> + Send + use<>, ServingError> {
        let key = format!("{query:?}");
        let slot = self.live.listen(&key, asker.clone())?;
        let first = async {
            let answer = self.answer_to(&PermitRequest::query(asker.clone()), &query).await?;
            let turn = self.admission.writing.acquire(&PermitRequest::query(asker)).await;
            blocking(move || {
                let _turn = turn;
                Ok(fingerprint(answer))
            })
            .await
        };
        let (answer, seen) = match first.await {
            Ok(first) => first,
            Err(error) => {
                drop(slot);
                self.live.remove_idle(&key);
                return Err(error);
            }
        };
        if self.live.starts(&key) {
            let serving = Arc::clone(self);
            tokio::spawn(
                QueryRefresher { serving, query, key, seen: None, stamp: None }.refresh_loop(),
            );
        }
        let (first, stopped) = (Some(answer), self.live.stopped.subscribe());
        Ok(stream::unfold(QuerySubscriber { slot, stopped, first, seen }, QuerySubscriber::next))
    }

    /// Ends the streams of all who follow queries, which would otherwise never end.
    pub fn stop_subscriptions(&self) {
        self.live.stop();
    }
}

/// Asks again and again, and sends what changed.
struct QueryRefresher {
    serving: Arc<ServingLayer>,
    query: Query,
    key: String,
    /// What was sent last.
    seen: Option<AnswerFingerprint>,
    /// Where a whole answer stood: until it stands elsewhere there is no other.
    stamp: Option<AnswerStamp>,
}

impl QueryRefresher {
    async fn refresh_loop(mut self) {
        let mut stopped = self.serving.live.stopped.subscribe();
        let mut pause = PAUSE;
        loop {
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                _ = stopped.wait_for(|stopped| *stopped) => {}
            }
            let Some((listeners, is_joined)) = self.serving.live.current_subscribers(&self.key)
            else {
                return;
            };
            // It works in the share of one who listens.
            let Some(asker) = listeners.first().map(|slot| slot.asker.clone()) else { return };
            drop(listeners);
            let began = Instant::now();
            let asking = PermitRequest::refresh(asker);
            if let Some(text) = self.refresh_answer(&asking, is_joined).await.map(Arc::new) {
                // Those who came meanwhile, too: their first answer may be of before.
                for slot in self.serving.live.listeners(&self.key) {
                    *slot.last.lock().unwrap_or_else(PoisonError::into_inner) =
                        Some(Arc::clone(&text));
                    slot.arrived.notify_one();
                }
            }
            pause = PAUSE.max((began.elapsed() * IDLE_SHARE).min(PAUSE_MAX));
        }
    }

    /// The text of the answer, if it is another one or there is somebody who may not have it.
    async fn refresh_answer(
        &mut self,
        asking: &PermitRequest,
        is_joined: bool,
    ) -> Option<SharedMessage> {
        let stamp = self.serving.stamp(&self.query).await.ok();
        if stamp.is_some() && stamp == self.stamp && !is_joined {
            return None;
        }
        let known = self.seen.clone().filter(|_| !is_joined);
        let answered = async {
            let answer = self.serving.answer_to(asking, &self.query).await?;
            let is_whole = answer.provenance.complete;
            self.write(asking, answer, known).await.map(|(seen, text)| (seen, text, is_whole))
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
        asking: &PermitRequest,
        answer: QueryAnswer,
        known: Option<AnswerFingerprint>,
    ) -> Result<(AnswerFingerprint, Option<SharedMessage>), ServingError> {
        let (answer, known) = (&answer, &known);
        let write = |work: QueryContext| async move {
            let (answer, known) = (answer.clone(), known.clone());
            blocking(move || {
                let (answer, seen) = fingerprint(answer);
                if known.as_ref() == Some(&seen) {
                    return Ok((seen, None));
                }
                let (mut held, mut pieces) = (work.hold(0)?, Vec::new());
                for piece in format::write(answer, AnswerFormat::Json, CsvTextStyle::default())? {
                    work.check()?;
                    let piece = piece.map_err(|error| ServingError::Internal(error.to_string()))?;
                    held.resize(held.bytes() + piece.len())?;
                    pieces.push(piece);
                }
                let text = SharedMessage {
                    event: "answer",
                    pieces,
                    seen: seen.clone(),
                    _held: Some(held),
                };
                Ok((seen, Some(text)))
            })
            .await
        };
        self.serving.run_when_admitted(MemoryNeed::Much, asking, write).await
    }
}

/// What makes an answer another one: not when it was read, and not how its events are split.
#[derive(Clone, Debug, PartialEq)]
enum AnswerFingerprint {
    Answer { rows: RowsDigest, told: String },
    Problem(String),
}

/// An answer with what makes it another one.
fn fingerprint(answer: QueryAnswer) -> (QueryAnswer, AnswerFingerprint) {
    let rows = answer.written.digest(|| format::digest(&answer));
    let mut provenance = answer.provenance.clone();
    provenance.generation = 0;
    provenance.batch.events = 0;
    provenance.batch.published_at.clear();
    provenance.speed.events = 0;
    provenance.speed.through.0.clear();
    provenance.speed.behind_events = 0;
    provenance.speed.lag_ms = 0;
    let told = json!([provenance, answer.warnings, answer.total_rows]).to_string();
    (answer, AnswerFingerprint::Answer { rows, told })
}
