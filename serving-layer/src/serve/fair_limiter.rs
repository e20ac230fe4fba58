//! Permits: how much work is done for queries at a time.
//!
//! Work that takes a processor needs a permit. There are as many as processors, shared fairly by
//! key ([`super::fair_queue`]). Queries that need little have permits of their own, so that they
//! never wait for queries that need much.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use tokio::time::timeout;

use super::fair_queue::{FairQueue, FairWaiter, PermitRequest};

/// How often waiters that also need memory are tried again.
const LOOK_AGAIN: Duration = Duration::from_millis(25);

/// The permits for one kind of work. Clones share them.
#[derive(Clone)]
pub(crate) struct FairLimiter {
    limit: usize,
    state: Arc<Mutex<FairLimiterState>>,
}

#[derive(Default)]
struct FairLimiterState {
    taken: usize,
    /// When waiters that also need memory were last tried.
    looked: Option<Instant>,
    fair: FairQueue<PermitWaiter>,
}

struct PermitWaiter {
    permit: oneshot::Sender<WorkPermit>,
    /// Takes what the work needs besides the permit, if it is free.
    fits: ReadyCheck,
}

/// See [`FairLimiter::acquire_if`].
type ReadyCheck = Option<Box<dyn Fn() -> bool + Send + Sync>>;

impl std::fmt::Debug for FairLimiter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FairLimiter").field("limit", &self.limit).finish_non_exhaustive()
    }
}

impl FairWaiter for PermitWaiter {
    fn is_gone(&self) -> bool {
        self.permit.is_closed()
    }

    fn fits(&self) -> bool {
        self.fits.as_ref().is_none_or(|fits| fits())
    }
}

/// A permit to work; it ends on drop.
#[derive(Debug)]
pub(crate) struct WorkPermit {
    limiter: FairLimiter,
    request: PermitRequest,
    began: Instant,
}

impl FairLimiter {
    /// So many permits at a time.
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit, state: Arc::default() }
    }

    /// A permit, if one is free and no work waits for one.
    pub(crate) fn try_acquire(&self, request: &PermitRequest) -> Option<WorkPermit> {
        let mut state = self.state();
        if state.taken >= self.limit || !state.fair.is_empty() {
            return None;
        }
        state.taken += 1;
        state.fair.begin(request);
        drop(state);
        Some(self.permit(request.clone()))
    }

    /// Waits for a permit.
    pub(crate) async fn acquire(&self, request: &PermitRequest) -> WorkPermit {
        self.wait(request, None).await
    }

    /// Waits for a permit and for what the work needs besides: `fits` takes that, if it is free.
    pub(crate) async fn acquire_if(
        &self,
        request: &PermitRequest,
        fits: impl Fn() -> bool + Send + Sync + 'static,
    ) -> WorkPermit {
        self.wait(request, Some(Box::new(fits))).await
    }

    async fn wait(&self, request: &PermitRequest, fits: ReadyCheck) -> WorkPermit {
        let looks_again = fits.is_some();
        let (permit, mut granted) = oneshot::channel();
        self.state().fair.wait(request, PermitWaiter { permit, fits });
        self.grant_permits();
        loop {
            let found = match looks_again {
                true => timeout(LOOK_AGAIN, &mut granted).await.ok(),
                false => Some((&mut granted).await),
            };
            // The channel stays open while this waiter is in the queue.
            if let Some(Ok(permit)) = found {
                return permit;
            }
            if self.is_time_to_look() {
                self.grant_permits();
            }
        }
    }

    /// Whether no waiter tried for a while: one tries for all.
    fn is_time_to_look(&self) -> bool {
        let (mut state, now) = (self.state(), Instant::now());
        let is_time = state.looked.is_none_or(|looked| now - looked >= LOOK_AGAIN);
        if is_time {
            state.looked = Some(now);
        }
        is_time
    }

    /// Gives free permits to the next waiters.
    fn grant_permits(&self) {
        loop {
            let mut state = self.state();
            if state.taken >= self.limit {
                return;
            }
            let Some((request, waiter)) = state.fair.next() else { return };
            state.taken += 1;
            drop(state);
            // A waiter that gave up just now drops the permit, which gives it back.
            let _ = waiter.permit.send(self.permit(request));
        }
    }

    fn permit(&self, request: PermitRequest) -> WorkPermit {
        WorkPermit { limiter: self.clone(), request, began: Instant::now() }
    }

    fn state(&self) -> MutexGuard<'_, FairLimiterState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl WorkPermit {
    /// The request that it was granted for.
    pub(crate) fn request(&self) -> &PermitRequest {
        &self.request
    }
}

impl Drop for WorkPermit {
    fn drop(&mut self) {
        let mut state = self.limiter.state();
        state.taken -= 1;
        state.fair.end(&self.request, self.began.elapsed().as_secs_f64());
        let is_waited_for = !state.fair.is_empty();
        drop(state);
        if is_waited_for {
            self.limiter.grant_permits();
        }
    }
}
