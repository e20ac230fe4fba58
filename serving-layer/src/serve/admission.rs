//! Which permit a query needs: none for a cached result, one of the permits for queries that need
//! little, or one of those for queries that need much.
//!
//! Equal queries that wait are answered together, whichever callers sent them, with the first
//! permit that any of them gets. The work begins after all of them have arrived, so that the answer
//! includes every event that each of them could expect.

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

/// The permits of all kinds, and the queries that wait for one.
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
    permits: UnboundedSender<WorkPermit>,
}

/// A query among equal ones that wait.
struct WaitingQuery {
    outcome: SharedAnswer,
    /// Whether its work has begun.
    is_begun: Arc<AtomicBool>,
    /// Takes the permit that one of them got.
    permits: UnboundedSender<WorkPermit>,
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

    fn limiter(&self, need: MemoryNeed) -> &FairLimiter {
        match need {
            MemoryNeed::Little => &self.little,
            MemoryNeed::Much => &self.much,
        }
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<Arc<Query>, EqualQueries>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All permits of both kinds.
    #[cfg(test)]
    pub(super) fn acquire_all(&self, request: &PermitRequest) -> Vec<WorkPermit> {
        let take =
            |limiter: &FairLimiter| std::iter::from_fn(|| limiter.try_acquire(request)).collect();
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

/// A query's place among the waiting ones, for as long as its work has not begun.
struct WaitingGuard {
    waiting: Arc<Mutex<HashMap<Arc<Query>, EqualQueries>>>,
    query: Arc<Query>,
    is_begun: Arc<AtomicBool>,
}

impl Drop for WaitingGuard {
    fn drop(&mut self) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        // An equal query may have taken the place, after all clients of this one had gone.
        if waiting
            .get(&self.query)
            .is_some_and(|found| Arc::ptr_eq(&found.is_begun, &self.is_begun))
        {
            waiting.remove(&self.query);
        }
    }
}

impl ServingLayer {
    /// Answers when the query gets a permit, within the time for a query.
    pub(super) async fn admit_and_answer(
        self: &Arc<Self>,
        query: &Query,
        request: &PermitRequest,
    ) -> Result<QueryAnswer, ServingError> {
        let need = match self.prepare(query).await? {
            PreparedQuery::Made(answer) => return Ok(*answer),
            PreparedQuery::Needs(need) => need,
        };
        // Boxed, since the future is large and most queries end before.
        Box::pin(self.answer_when_admitted(need, query, request)).await
    }

    async fn answer_when_admitted(
        self: &Arc<Self>,
        need: MemoryNeed,
        query: &Query,
        request: &PermitRequest,
    ) -> Result<QueryAnswer, ServingError> {
        let limiter = self.admission.limiter(need);
        if let Some(permit) = limiter.try_acquire(request) {
            let is_begun = AtomicBool::new(false);
            let answer = self.answer_with_permit(query, need, permit, &is_begun);
            return self.with_timeout(answer, &is_begun).await;
        }
        let joined = self.join(query, need);
        // Each query waits in its caller's queue, and the first permit is for all of them.
        let offer = async {
            // It is dropped if another query brought one before.
            let _ = joined.permits.send(limiter.acquire(request).await);
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

    /// Runs work other than a whole query when it gets a permit.
    pub(crate) async fn run_when_admitted<T, F: Future<Output = Result<T, ServingError>>>(
        self: &Arc<Self>,
        need: MemoryNeed,
        request: &PermitRequest,
        attempt: impl Fn(QueryContext) -> F,
    ) -> Result<T, ServingError> {
        let is_begun = AtomicBool::new(false);
        let done = async {
            let permit = self.admission.limiter(need).acquire(request).await;
            self.run_with_memory((need, permit), &is_begun, attempt).await
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

    /// Joins the equal queries that wait.
    fn join(self: &Arc<Self>, query: &Query, need: MemoryNeed) -> WaitingQuery {
        let mut waiting = self.admission.waiting();
        if let Some(found) = waiting.get(query)
            && let Some(outcome) = found.outcome.upgrade()
        {
            let (is_begun, permits) = (Arc::clone(&found.is_begun), found.permits.clone());
            return WaitingQuery { outcome, is_begun, permits };
        }
        let query = Arc::new(query.clone());
        let is_begun = Arc::new(AtomicBool::new(false));
        let place = WaitingGuard {
            waiting: Arc::clone(&self.admission.waiting),
            query: Arc::clone(&query),
            is_begun: Arc::clone(&is_begun),
        };
        let (serving, own, begins) = (Arc::clone(self), Arc::clone(&query), Arc::clone(&is_begun));
        let (permits, mut first) = unbounded_channel();
        let outcome = async move {
            let permit: Option<WorkPermit> = first.recv().await;
            // A query that arrives later may expect events that this answer does not include.
            drop((place, first));
            let gone = || ServingError::Internal("no client waits for the answer".to_owned());
            serving.answer_with_permit(&own, need, permit.ok_or_else(gone)?, &begins).await
        };
        let outcome = outcome.boxed().shared();
        // There is one to downgrade, since it was not polled yet.
        if let Some(weak) = outcome.downgrade() {
            let (is_begun, permits) = (Arc::clone(&is_begun), permits.clone());
            waiting.insert(query, EqualQueries { outcome: weak, is_begun, permits });
        }
        WaitingQuery { outcome, is_begun, permits }
    }

    async fn answer_with_permit(
        self: &Arc<Self>,
        query: &Query,
        need: MemoryNeed,
        permit: WorkPermit,
        is_begun: &AtomicBool,
    ) -> Result<QueryAnswer, ServingError> {
        let attempt = |work: QueryContext| async move { self.answer_now(query, &work).await };
        self.run_with_memory((need, permit), is_begun, attempt).await
    }

    /// Tries until there is enough memory for all of the work: with a larger reserve each time.
    async fn run_with_memory<T, F: Future<Output = Result<T, ServingError>>>(
        self: &Arc<Self>,
        (need, mut permit): (MemoryNeed, WorkPermit),
        is_begun: &AtomicBool,
        attempt: impl Fn(QueryContext) -> F,
    ) -> Result<T, ServingError> {
        let request = permit.request().clone();
        let mut account = self.memory.account(&request.caller, need);
        loop {
            is_begun.store(true, Ordering::SeqCst);
            let work = QueryContext::new(account, Instant::now() + self.settings.timeout, permit);
            let watch = work.cancel_on_drop();
            let done = attempt(work).await;
            drop(watch);
            let Err(ServingError::Short(MemoryShortageError { needed })) = done else {
                return done;
            };
            is_begun.store(false, Ordering::SeqCst);
            let most = self.memory.most(&request.caller);
            if needed > most {
                return Err(ServingError::QueryTooLarge { limit_bytes: most });
            }
            account = self.memory.account(&request.caller, MemoryNeed::Much);
            let (serving, own) = (Arc::clone(self), account.clone());
            // Half as much again, so that the reserve suffices; or else a little more.
            let wanted = [needed / 2, needed / 16].map(|more| (needed + more).min(most));
            let fits = move || wanted.iter().any(|bytes| serving.reserve(&own, *bytes));
            permit = self.admission.much.acquire_if(&request, fits).await;
        }
    }

    /// Reserves memory; the caches give theirs back where the budget lacks some.
    fn reserve(&self, account: &MemoryAccount, bytes: usize) -> bool {
        for _ in 0..2 {
            match account.reserve(bytes) {
                Ok(()) => return true,
                // The caller's share is used up.
                Err(0) => return false,
                Err(lacking) => self.answers.shrink_by(self.parts.shrink_by(lacking)),
            };
        }
        account.reserve(bytes).is_ok()
    }
}

/// A query before it has a permit.
pub(super) enum PreparedQuery {
    /// A cached result answers it.
    Made(Box<QueryAnswer>),
    /// It has to be computed, which needs so much.
    Needs(MemoryNeed),
}
