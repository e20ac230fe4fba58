//! The turns of a candidate: from when it holds its lease until it gives it back.

use std::time::Duration;

use batch_layer::lease::{Lease, LeaseState};
use tokio::sync::watch;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

/// How long a process that could not begin waits before it is a candidate again.
pub(super) const PAUSE: Duration = Duration::from_secs(2);

/// The turns of a candidate for a lease, until `stop`.
pub(super) struct LeaseTurns<'a> {
    lease: &'a Lease,
    stop: &'a CancellationToken,
    state: watch::Receiver<LeaseState>,
    had_one: bool,
}

impl<'a> LeaseTurns<'a> {
    pub(super) fn new(lease: &'a Lease, stop: &'a CancellationToken) -> Self {
        Self { lease, stop, state: lease.state(), had_one: false }
    }

    /// Gives the lease back, if it was held, and returns when it is held again; `false` if that is
    /// not to be.
    pub(super) async fn next(&mut self) -> bool {
        if self.had_one {
            self.lease.release().await;
            if !self.stop.is_cancelled() {
                sleep(PAUSE).await;
            }
        }
        self.had_one = !self.stop.is_cancelled() && self.wait().await;
        if !self.had_one {
            self.lease.release().await;
        }
        self.had_one
    }

    async fn wait(&mut self) -> bool {
        self.lease.set_candidate(true);
        let held = async { self.state.wait_for(|state| state.is_mine).await.is_ok() };
        self.stop.run_until_cancelled(held).await == Some(true)
    }
}
