//! Turns: how much work is done for queries at a time, and whose is next.
//!
//! Work that takes the processor is done in as many turns at a time as there are processors, shared
//! fairly by key ([`super::fair_queue`]); what needs little has turns of its own, so that it never
//! waits for what needs much.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use tokio::time::timeout;

use super::fair_queue::{FairQueue, FairWaiter, PermitRequest};

/// How often it is seen whether there is what somebody waits for.
const LOOK_AGAIN: Duration = Duration::from_millis(25);

/// Turns of one kind of work. Clones share them.
#[derive(Clone)]
pub(crate) struct FairLimiter {
    limit: usize,
    state: Arc<Mutex<FairLimiterState>>,
}

#[derive(Default)]
struct FairLimiterState {
    taken: usize,
    /// When it was last seen who is next, of those who look again.
    looked: Option<Instant>,
    fair: FairQueue<PermitWaiter>,
}

struct PermitWaiter {
    turn: oneshot::Sender<WorkPermit>,
    /// Whether there is what it needs, which it takes then.
    fits: ReadyCheck,
}

/// See [`FairLimiter::acquire_if`].
type ReadyCheck = Option<Box<dyn Fn() -> bool + Send + Sync>>;

impl std::fmt::Debug for FairLimiter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Turns").field("limit", &self.limit).finish_non_exhaustive()
    }
}

impl FairWaiter for PermitWaiter {
    fn is_gone(&self) -> bool {
        self.turn.is_closed()
    }

    fn fits(&self) -> bool {
        self.fits.as_ref().is_none_or(|fits| fits())
    }
}

/// A turn; it ends on drop.
#[derive(Debug)]
pub(crate) struct WorkPermit {
    turns: FairLimiter,
    asking: PermitRequest,
    began: Instant,
}

impl FairLimiter {
    /// So many at a time.
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit, state: Arc::default() }
    }

    /// A turn, if one is free and nobody waits.
    pub(crate) fn try_acquire(&self, asking: &PermitRequest) -> Option<WorkPermit> {
        let mut state = self.state();
        if state.taken >= self.limit || !state.fair.is_empty() {
            return None;
        }
        state.taken += 1;
        state.fair.begin(asking);
        drop(state);
        Some(self.turn(asking.clone()))
    }

    /// Waits for a turn.
    pub(crate) async fn acquire(&self, asking: &PermitRequest) -> WorkPermit {
        self.wait(asking, None).await
    }

    /// Waits for a turn in which there is what is needed: `fits` takes it, if it is there.
    pub(crate) async fn acquire_if(
        &self,
        asking: &PermitRequest,
        fits: impl Fn() -> bool + Send + Sync + 'static,
    ) -> WorkPermit {
        self.wait(asking, Some(Box::new(fits))).await
    }

    async fn wait(&self, asking: &PermitRequest, fits: ReadyCheck) -> WorkPermit {
        let looks_again = fits.is_some();
        let (turn, mut mine) = oneshot::channel();
        self.state().fair.wait(asking, PermitWaiter { turn, fits });
        self.grant_permits();
        loop {
            let found = match looks_again {
                true => timeout(LOOK_AGAIN, &mut mine).await.ok(),
                false => Some((&mut mine).await),
            };
            // Whoever waits is in the line, which drops nobody.
            if let Some(Ok(turn)) = found {
                return turn;
            }
            if self.is_time_to_look() {
                self.grant_permits();
            }
        }
    }

    /// Whether nobody looked for a while: one does so for all.
    fn is_time_to_look(&self) -> bool {
        let (mut state, now) = (self.state(), Instant::now());
        let is_time = state.looked.is_none_or(|looked| now - looked >= LOOK_AGAIN);
        if is_time {
            state.looked = Some(now);
        }
        is_time
    }

    /// Gives free turns to those who are next.
    fn grant_permits(&self) {
        loop {
            let mut state = self.state();
            if state.taken >= self.limit {
                return;
            }
            let Some((asking, waiter)) = state.fair.next() else { return };
            state.taken += 1;
            drop(state);
            // Who gave up just now gives it back.
            let _ = waiter.turn.send(self.turn(asking));
        }
    }

    fn turn(&self, asking: PermitRequest) -> WorkPermit {
        WorkPermit { turns: self.clone(), asking, began: Instant::now() }
    }

    fn state(&self) -> MutexGuard<'_, FairLimiterState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl WorkPermit {
    /// Who has it, and what for.
    pub(crate) fn asking(&self) -> &PermitRequest {
        &self.asking
    }
}

impl Drop for WorkPermit {
    fn drop(&mut self) {
        let mut state = self.turns.state();
        state.taken -= 1;
        state.fair.end(&self.asking, self.began.elapsed().as_secs_f64());
        let is_waited_for = !state.fair.is_empty();
        drop(state);
        if is_waited_for {
            self.turns.grant_permits();
        }
    }
}
