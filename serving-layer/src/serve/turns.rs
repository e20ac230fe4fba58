//! Turns: how many queries are answered at a time.
//!
//! An answer may hold tables of millions of groups while it is made, so only so many are made at
//! once; further ones wait for as long as a query may take. Equal queries that wait are answered
//! together, in one turn: it begins after all of them were asked, so that its answer includes
//! whatever each of them could expect.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::FutureExt;
use futures::future::{BoxFuture, Shared, WeakShared};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::Serving;
use crate::answer::Answer;
use crate::error::Error;
use crate::query::Query;

type Turn = Shared<BoxFuture<'static, Result<Answer, Error>>>;

/// Who is answered and who waits. Clones share it.
#[derive(Clone)]
pub(super) struct Turns {
    limit: usize,
    free: Arc<Semaphore>,
    waiting: Arc<Mutex<HashMap<String, Waiting>>>,
}

/// Equal queries that wait.
struct Waiting {
    turn: WeakShared<BoxFuture<'static, Result<Answer, Error>>>,
    begun: Arc<AtomicBool>,
}

impl Turns {
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, free: Arc::new(Semaphore::new(limit)), waiting: Arc::default() }
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<String, Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All turns, as if as many queries were being answered.
    #[cfg(test)]
    pub(super) fn take_all(&self) -> Option<tokio::sync::OwnedSemaphorePermit> {
        let all = u32::try_from(self.limit).ok()?;
        Arc::clone(&self.free).try_acquire_many_owned(all).ok()
    }

    /// Different queries that wait.
    #[cfg(test)]
    pub(super) fn waiting_count(&self) -> usize {
        self.waiting().len()
    }
}

/// A query's place among those that wait, for as long as its turn has not begun.
struct Place {
    turns: Turns,
    key: String,
    begun: Arc<AtomicBool>,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut waiting = self.turns.waiting();
        // Another turn may stand there, if nobody was left to wait for this one.
        if waiting.get(&self.key).is_some_and(|found| Arc::ptr_eq(&found.begun, &self.begun)) {
            waiting.remove(&self.key);
        }
    }
}

impl Serving {
    /// Answers when it is the query's turn, within the time for a query.
    pub(super) async fn in_turn(self: &Arc<Self>, query: &Query) -> Result<Answer, Error> {
        let seconds = self.settings.timeout.as_secs();
        if let Ok(_permit) = self.turns.free.try_acquire() {
            let answer = timeout(self.settings.timeout, Box::pin(self.answer_now(query))).await;
            return answer.unwrap_or(Err(Error::Timeout { seconds }));
        }
        let (turn, begun) = self.wait(query);
        match timeout(self.settings.timeout, turn).await {
            Ok(answer) => answer,
            Err(_) if begun.load(Ordering::SeqCst) => Err(Error::Timeout { seconds }),
            Err(_) => Err(Error::Overloaded { limit: self.turns.limit, seconds }),
        }
    }

    /// The turn of all equal queries that wait, and whether it has begun.
    fn wait(self: &Arc<Self>, query: &Query) -> (Turn, Arc<AtomicBool>) {
        let key = format!("{query:?}");
        let mut waiting = self.turns.waiting();
        if let Some(found) = waiting.get(&key)
            && let Some(turn) = found.turn.upgrade()
        {
            return (turn, Arc::clone(&found.begun));
        }
        let begun = Arc::new(AtomicBool::new(false));
        let place =
            Place { turns: self.turns.clone(), key: key.clone(), begun: Arc::clone(&begun) };
        let (serving, query, starts) = (Arc::clone(self), query.clone(), Arc::clone(&begun));
        let turn = async move {
            // The semaphore is never closed.
            let _permit = serving.turns.free.acquire().await;
            // Whoever asks from here on may expect what this answer does not include.
            drop(place);
            starts.store(true, Ordering::SeqCst);
            serving.answer_now(&query).await
        };
        let turn = turn.boxed().shared();
        // There is one to downgrade, since it was not polled yet.
        if let Some(weak) = turn.downgrade() {
            waiting.insert(key, Waiting { turn: weak, begun: Arc::clone(&begun) });
        }
        (turn, begun)
    }
}
