//! Answers that follow the events: sent once, then again whenever they change.
//!
//! Queries that are equal share one follower, which asks at most once a second for all who listen,
//! and ends when nobody does. A listener that is slow misses answers in between, never the last.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::{Stream, stream};
use shared::problem::Problem;
use tokio::sync::watch;

use crate::answer::Answer;
use crate::error::Error;
use crate::format;
use crate::query::{CsvTexts, Format, Query};
use crate::serve::Serving;

/// The least time between two answers.
const PAUSE: Duration = Duration::from_secs(1);
/// Different queries that are followed at a time.
const FOLLOWED_MAX: usize = 1_000;

/// What listeners are sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Update {
    /// `answer`, or `problem` while there is none.
    pub(crate) event: &'static str,
    /// A JSON object, without line breaks.
    pub(crate) data: Arc<str>,
}

impl Update {
    fn answer(answer: Answer) -> Result<Self, Error> {
        let mut text = Vec::new();
        for piece in format::write(answer, Format::Json, CsvTexts::default())? {
            let piece = piece.map_err(|error| Error::Internal(error.to_string()))?;
            text.extend_from_slice(&piece);
        }
        Ok(Self { event: "answer", data: String::from_utf8_lossy(&text).into() })
    }

    fn problem(error: Error) -> Self {
        let data = Problem::from(error).to_json().to_string().into();
        Self { event: "problem", data }
    }
}

/// The queries that are followed, by their text.
#[derive(Debug)]
pub(crate) struct Live {
    followed: Mutex<HashMap<String, Arc<watch::Sender<Update>>>>,
    stopped: watch::Sender<bool>,
}

impl Default for Live {
    fn default() -> Self {
        Self { followed: Mutex::default(), stopped: watch::Sender::new(false) }
    }
}

impl Live {
    /// Ends all followers and their listeners.
    pub(crate) fn stop(&self) {
        self.stopped.send_replace(true);
    }

    /// A listener's view of a query; with a sender for a follower that is yet to be started.
    fn listen(&self, key: &str, first: Update) -> Result<(Listener, Option<Follower>), Error> {
        let mut followed = self.followed.lock().unwrap_or_else(PoisonError::into_inner);
        let stopped = self.stopped.subscribe();
        if let Some(sender) = followed.get(key) {
            return Ok((Listener { updates: sender.subscribe(), stopped, fresh: true }, None));
        }
        if followed.len() >= FOLLOWED_MAX {
            return Err(Error::TooManyFollowed { limit: FOLLOWED_MAX });
        }
        let sender = Arc::new(watch::Sender::new(first));
        followed.insert(key.to_owned(), Arc::clone(&sender));
        let updates = sender.subscribe();
        Ok((Listener { updates, stopped: stopped.clone(), fresh: true }, Some((sender, stopped))))
    }

    /// Forgets a query if nobody listens any more.
    fn end(&self, key: &str, sender: &watch::Sender<Update>) -> bool {
        let mut followed = self.followed.lock().unwrap_or_else(PoisonError::into_inner);
        // Listeners are added under the same lock.
        let alone = sender.receiver_count() == 0 || *self.stopped.borrow();
        if alone {
            followed.remove(key);
        }
        alone
    }
}

type Follower = (Arc<watch::Sender<Update>>, watch::Receiver<bool>);

struct Listener {
    updates: watch::Receiver<Update>,
    stopped: watch::Receiver<bool>,
    /// Nothing was sent yet.
    fresh: bool,
}

impl Listener {
    async fn next(mut self) -> Option<(Update, Self)> {
        if !std::mem::take(&mut self.fresh) {
            tokio::select! {
                changed = self.updates.changed() => changed.ok()?,
                _ = self.stopped.wait_for(|stopped| *stopped) => return None,
            }
        }
        let update = self.updates.borrow_and_update().clone();
        Some((update, self))
    }
}

impl Serving {
    /// Follows a query. The first answer is read before this returns, so that a query without one
    /// is refused like any other.
    pub(crate) async fn follow(
        self: &Arc<Self>,
        query: Query,
    ) -> Result<impl Stream<Item = Update> + Send + use<>, Error> {
        let answer = self.answer(&query).await?;
        let seen = Seen::of(&answer);
        let key = format!("{query:?}");
        let (listener, follower) = self.live.listen(&key, Update::answer(answer)?)?;
        if let Some((sender, stopped)) = follower {
            tokio::spawn(keep(Arc::clone(self), query, key, seen, sender, stopped));
        }
        Ok(stream::unfold(listener, Listener::next))
    }

    /// Ends the streams of all who follow queries, which would otherwise never end.
    pub fn stop_following(&self) {
        self.live.stop();
    }
}

/// Asks again and again, and sends what changed.
async fn keep(
    serving: Arc<Serving>,
    query: Query,
    key: String,
    mut seen: Seen,
    sender: Arc<watch::Sender<Update>>,
    mut stopped: watch::Receiver<bool>,
) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(PAUSE) => {}
            _ = stopped.wait_for(|stopped| *stopped) => {}
        }
        if serving.live.end(&key, &sender) {
            return;
        }
        let (now, update) = match serving.answer(&query).await {
            Ok(answer) => (Seen::of(&answer), Update::answer(answer)),
            Err(error) => (Seen::Problem(error.to_string()), Ok(Update::problem(error))),
        };
        if now != seen {
            seen = now;
            sender.send_replace(update.unwrap_or_else(Update::problem));
        }
    }
}

/// What makes an answer another one: not when it was read, and not how its events are split.
#[derive(PartialEq)]
enum Seen {
    Answer(Box<Answer>),
    Problem(String),
}

impl Seen {
    fn of(answer: &Answer) -> Self {
        let mut answer = answer.clone();
        let provenance = &mut answer.provenance;
        provenance.generation = 0;
        provenance.batch.events = 0;
        provenance.batch.published_at.clear();
        provenance.speed.events = 0;
        provenance.speed.through.0.clear();
        provenance.speed.lag_ms = 0;
        Self::Answer(Box::new(answer))
    }
}
