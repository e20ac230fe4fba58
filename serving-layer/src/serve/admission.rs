//! What a query may use, and when: nothing for what was made already, a turn of its own kind for
//! what needs little, and a turn of those who need much otherwise.
//!
//! Equal queries that wait are answered together, whoever asks, in the first turn that any of them
//! gets: it begins after all of them were asked, so that its answer includes whatever each of them
//! could expect.

use std::collections::HashMap;
use std::future::pending;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::available_parallelism;
use std::time::Instant;

use futures::FutureExt;
use futures::future::{BoxFuture, Shared, WeakShared};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::time::timeout;

use super::fair_limiter::{FairLimiter, WorkPermit};
use super::fair_queue::PermitRequest;
use super::query_context::QueryContext;
use super::{ServingLayer, ServingSettings};
use crate::answer::QueryAnswer;
use crate::error::ServingError;
use crate::memory::{MemoryAccount, MemoryNeed, MemoryShortageError};
use crate::query::Query;

/// The turns of all kinds, and who waits for one.
#[derive(Debug)]
pub(crate) struct QueryAdmission {
    little: FairLimiter,
    much: FairLimiter,
    /// For the writing of answers, piece by piece.
    pub(crate) writing: FairLimiter,
    waiting: Arc<Mutex<HashMap<Arc<Query>, EqualQueries>>>,
}

type SharedAnswer = Shared<BoxFuture<'static, Result<QueryAnswer, ServingError>>>;

/// Equal queries that wait.
#[derive(Debug)]
struct EqualQueries {
    outcome: WeakShared<BoxFuture<'static, Result<QueryAnswer, ServingError>>>,
    is_begun: Arc<AtomicBool>,
    turns: UnboundedSender<WorkPermit>,
}

/// A query among equal ones that wait.
struct WaitingQuery {
    outcome: SharedAnswer,
    /// Whether its turn has begun.
    is_begun: Arc<AtomicBool>,
    /// Where a turn goes that one of them got.
    turns: UnboundedSender<WorkPermit>,
}

impl QueryAdmission {
    pub(super) fn new(settings: &ServingSettings) -> Self {
        let processors = available_parallelism().map_or(1, usize::from);
        Self {
            little: FairLimiter::new(settings.queries_max),
            much: FairLimiter::new(processors.min(settings.queries_max)),
            writing: FairLimiter::new(processors),
            waiting: Arc::default(),
        }
    }

    fn turns(&self, need: MemoryNeed) -> &FairLimiter {
        match need {
            MemoryNeed::Little => &self.little,
            MemoryNeed::Much => &self.much,
        }
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<Arc<Query>, EqualQueries>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A turn of each query that may be answered at a time.
    #[cfg(test)]
    pub(super) fn acquire_all(&self, asking: &PermitRequest) -> Vec<WorkPermit> {
        let take = |turns: &FairLimiter| std::iter::from_fn(|| turns.try_acquire(asking)).collect();
        [take(&self.little), take(&self.much)]
            .into_iter()
            .flat_map(|t: Vec<WorkPermit>| t)
            .collect()
    }

    /// Different queries that wait.
    #[cfg(test)]
    pub(super) fn waiting_count(&self) -> usize {
        self.waiting().len()
    }
}

/// A query's place among those that wait, for as long as its turn has not begun.
struct WaitingGuard {
    waiting: Arc<Mutex<HashMap<Arc<Query>, EqualQueries>>>,
    query: Arc<Query>,
    is_begun: Arc<AtomicBool>,
}

impl Drop for WaitingGuard {
    fn drop(&mut self) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        // Another one may stand there, if nobody was left to wait for this one.
        if waiting
            .get(&self.query)
            .is_some_and(|found| Arc::ptr_eq(&found.is_begun, &self.is_begun))
        {
            waiting.remove(&self.query);
        }
    }
}

impl ServingLayer {
    /// Answers when it is the query's turn, within the time for a query.
    pub(super) async fn admit_and_answer(
        self: &Arc<Self>,
        query: &Query,
        asking: &PermitRequest,
    ) -> Result<QueryAnswer, ServingError> {
        let need = match self.prepare(query).await? {
            PreparedQuery::Made(answer) => return Ok(*answer),
            PreparedQuery::Needs(need) => need,
        };
        // Apart, since what most queries need is small and is moved often.
        Box::pin(self.answer_when_admitted(need, query, asking)).await
    }

    async fn answer_when_admitted(
        self: &Arc<Self>,
        need: MemoryNeed,
        query: &Query,
        asking: &PermitRequest,
    ) -> Result<QueryAnswer, ServingError> {
        let turns = self.admission.turns(need);
        if let Some(turn) = turns.try_acquire(asking) {
            let is_begun = AtomicBool::new(false);
            let answer = self.answer_with_permit(query, need, turn, &is_begun);
            return self.with_timeout(answer, &is_begun).await;
        }
        let joined = self.join(query, need);
        // Each waits in its own asker's line, and the first turn is for all.
        let offer = async {
            // Nobody needs it if there was one before.
            let _ = joined.turns.send(turns.acquire(asking).await);
            pending().await
        };
        let answer = async {
            tokio::select! {
                answer = joined.outcome => answer,
                never = offer => never,
            }
        };
        self.with_timeout(answer, &joined.is_begun).await
    }

    /// Does something else than to answer a query when its turn comes.
    pub(crate) async fn run_when_admitted<T, F: Future<Output = Result<T, ServingError>>>(
        self: &Arc<Self>,
        need: MemoryNeed,
        asking: &PermitRequest,
        attempt: impl Fn(QueryContext) -> F,
    ) -> Result<T, ServingError> {
        let is_begun = AtomicBool::new(false);
        let done = async {
            let turn = self.admission.turns(need).acquire(asking).await;
            self.run_with_memory((need, turn), &is_begun, attempt).await
        };
        self.with_timeout(done, &is_begun).await
    }

    async fn with_timeout<T>(
        &self,
        done: impl Future<Output = Result<T, ServingError>>,
        is_begun: &AtomicBool,
    ) -> Result<T, ServingError> {
        let seconds = self.settings.timeout.as_secs();
        match timeout(self.settings.timeout, done).await {
            Ok(done) => done,
            Err(_) if is_begun.load(Ordering::SeqCst) => Err(ServingError::Timeout { seconds }),
            Err(_) => Err(ServingError::Overloaded { seconds }),
        }
    }

    /// Waits with the equal queries that wait.
    fn join(self: &Arc<Self>, query: &Query, need: MemoryNeed) -> WaitingQuery {
        let mut waiting = self.admission.waiting();
        if let Some(found) = waiting.get(query)
            && let Some(outcome) = found.outcome.upgrade()
        {
            let (is_begun, turns) = (Arc::clone(&found.is_begun), found.turns.clone());
            return WaitingQuery { outcome, is_begun, turns };
        }
        let query = Arc::new(query.clone());
        let is_begun = Arc::new(AtomicBool::new(false));
        let place = WaitingGuard {
            waiting: Arc::clone(&self.admission.waiting),
            query: Arc::clone(&query),
            is_begun: Arc::clone(&is_begun),
        };
        let (serving, asked, begins) =
            (Arc::clone(self), Arc::clone(&query), Arc::clone(&is_begun));
        let (turns, mut first) = unbounded_channel();
        let outcome = async move {
            let turn: Option<WorkPermit> = first.recv().await;
            // Whoever asks from here on may expect what this answer does not include.
            drop((place, first));
            let gone = || ServingError::Internal("nobody waits for the answer".to_owned());
            serving.answer_with_permit(&asked, need, turn.ok_or_else(gone)?, &begins).await
        };
        let outcome = outcome.boxed().shared();
        // There is one to downgrade, since it was not polled yet.
        if let Some(weak) = outcome.downgrade() {
            let (is_begun, turns) = (Arc::clone(&is_begun), turns.clone());
            waiting.insert(query, EqualQueries { outcome: weak, is_begun, turns });
        }
        WaitingQuery { outcome, is_begun, turns }
    }

    async fn answer_with_permit(
        self: &Arc<Self>,
        query: &Query,
        need: MemoryNeed,
        turn: WorkPermit,
        is_begun: &AtomicBool,
    ) -> Result<QueryAnswer, ServingError> {
        let attempt = |work: QueryContext| async move { self.answer_now(query, &work).await };
        self.run_with_memory((need, turn), is_begun, attempt).await
    }

    /// Works in turns until there is enough memory for all of it: with a reserve of more each time.
    async fn run_with_memory<T, F: Future<Output = Result<T, ServingError>>>(
        self: &Arc<Self>,
        (need, mut turn): (MemoryNeed, WorkPermit),
        is_begun: &AtomicBool,
        attempt: impl Fn(QueryContext) -> F,
    ) -> Result<T, ServingError> {
        let asking = turn.asking().clone();
        let mut account = self.memory.account(&asking.asker, need);
        loop {
            is_begun.store(true, Ordering::SeqCst);
            let work = QueryContext::new(account, Instant::now() + self.settings.timeout, turn);
            let watch = work.cancel_on_drop();
            let done = attempt(work).await;
            drop(watch);
            let Err(ServingError::Short(MemoryShortageError { needed })) = done else {
                return done;
            };
            is_begun.store(false, Ordering::SeqCst);
            let most = self.memory.most(&asking.asker);
            if needed > most {
                return Err(ServingError::QueryTooLarge { limit_bytes: most });
            }
            account = self.memory.account(&asking.asker, MemoryNeed::Much);
            let (serving, own) = (Arc::clone(self), account.clone());
            // Half as much again, so that it is not short once more; or else a little more.
            let wanted = [needed / 2, needed / 16].map(|more| (needed + more).min(most));
            let fits = move || wanted.iter().any(|bytes| serving.reserve(&own, *bytes));
            turn = self.admission.much.acquire_if(&asking, fits).await;
        }
    }

    /// Reserves memory, if need be that of what is kept for later answers.
    fn reserve(&self, account: &MemoryAccount, bytes: usize) -> bool {
        for _ in 0..2 {
            match account.reserve(bytes) {
                Ok(()) => return true,
                // Its asker's share is used up.
                Err(0) => return false,
                Err(lacking) => self.answers.shrink_by(self.parts.shrink_by(lacking)),
            };
        }
        account.reserve(bytes).is_ok()
    }
}

/// A query before its turn.
pub(super) enum PreparedQuery {
    /// What was made for another one answers it.
    Made(Box<QueryAnswer>),
    /// It has to be made.
    Needs(MemoryNeed),
}
