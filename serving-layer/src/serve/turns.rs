//! Turns: how much work is done for queries at a time, and whose is next.
//!
//! Work that takes the processor is done in as many turns at a time as there are processors, shared
//! fairly by key ([`super::fair`]); what needs little has turns of its own, so that it never waits
//! for what needs much.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use tokio::time::timeout;

use super::fair::{Asking, Fair, Waits};

/// How often it is seen whether there is what somebody waits for.
const LOOK_AGAIN: Duration = Duration::from_millis(25);

/// Turns of one kind of work. Clones share them.
#[derive(Clone)]
pub(crate) struct Turns {
    limit: usize,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    taken: usize,
    /// When it was last seen who is next, of those who look again.
    looked: Option<Instant>,
    fair: Fair<Waiter>,
}

struct Waiter {
    turn: oneshot::Sender<Turn>,
    /// Whether there is what it needs, which it takes then.
    fits: Fits,
}

/// See [`Turns::take_if`].
type Fits = Option<Box<dyn Fn() -> bool + Send + Sync>>;

impl std::fmt::Debug for Turns {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Turns").field("limit", &self.limit).finish_non_exhaustive()
    }
}

impl Waits for Waiter {
    fn is_gone(&self) -> bool {
        self.turn.is_closed()
    }

    fn fits(&self) -> bool {
        self.fits.as_ref().is_none_or(|fits| fits())
    }
}

/// A turn; it ends on drop.
#[derive(Debug)]
pub(crate) struct Turn {
    turns: Turns,
    asking: Asking,
    began: Instant,
}

impl Turns {
    /// So many at a time.
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit, state: Arc::default() }
    }

    /// A turn, if one is free and nobody waits.
    pub(crate) fn try_take(&self, asking: &Asking) -> Option<Turn> {
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
    pub(crate) async fn take(&self, asking: &Asking) -> Turn {
        self.wait(asking, None).await
    }

    /// Waits for a turn in which there is what is needed: `fits` takes it, if it is there.
    pub(crate) async fn take_if(
        &self,
        asking: &Asking,
        fits: impl Fn() -> bool + Send + Sync + 'static,
    ) -> Turn {
        self.wait(asking, Some(Box::new(fits))).await
    }

    async fn wait(&self, asking: &Asking, fits: Fits) -> Turn {
        let looks_again = fits.is_some();
        let (turn, mut mine) = oneshot::channel();
        self.state().fair.wait(asking, Waiter { turn, fits });
        self.hand_out();
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
                self.hand_out();
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
    fn hand_out(&self) {
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

    fn turn(&self, asking: Asking) -> Turn {
        Turn { turns: self.clone(), asking, began: Instant::now() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Turn {
    /// Who has it, and what for.
    pub(crate) fn asking(&self) -> &Asking {
        &self.asking
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut state = self.turns.state();
        state.taken -= 1;
        state.fair.end(&self.asking, self.began.elapsed().as_secs_f64());
        let is_waited_for = !state.fair.is_empty();
        drop(state);
        if is_waited_for {
            self.turns.hand_out();
        }
    }
}
