//! How long ago a process of a cluster has last seen the newest manifest: the keys and definitions
//! of a process that is cut off from the storage may have been revoked and changed since.

use std::time::Duration;

use merganser_api::error_code::ErrorCode;
use merganser_api::problem::Problem;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};

/// After so long a process answers nobody, until it sees the manifest again. It is longer than the
/// hiccups of a storage, and bounds how long a revoked key opens anything anywhere.
const STALE: Duration = Duration::from_secs(15);

/// How long a request waits for a look, whose key is not known.
const LOOK_AGAIN: Duration = Duration::from_secs(3);

/// The moment at which the manifest was last asked for, and was the newest. Cheap to clone.
#[derive(Clone)]
pub(crate) struct ManifestAge(watch::Receiver<Instant>);

impl ManifestAge {
    /// Known to be the newest now, and later when the sender says so.
    pub(crate) fn new() -> (watch::Sender<Instant>, Self) {
        let (seen, age) = watch::channel(Instant::now());
        (seen, Self(age))
    }

    /// Whether it has not been seen for too long.
    pub(crate) fn is_stale(&self) -> bool {
        self.0.borrow().elapsed() >= STALE
    }

    /// Fails while it has not been seen for too long.
    ///
    /// # Errors
    /// What a caller is told then.
    pub(super) fn check(&self) -> Result<(), Problem> {
        match self.is_stale() {
            false => Ok(()),
            true => Err(problem()),
        }
    }

    /// Waits until it was seen at a look that began after this call. Whether it was, in time.
    pub(super) async fn look_again(&self) -> bool {
        let (mut seen, now) = (self.0.clone(), Instant::now());
        let looked = seen.wait_for(|seen| *seen >= now);
        matches!(timeout(LOOK_AGAIN, looked).await, Ok(Ok(_)))
    }

    /// Returns once it has not been seen for too long.
    pub(super) async fn until_stale(&self) {
        loop {
            let stale = *self.0.borrow() + STALE;
            if stale <= Instant::now() {
                return;
            }
            sleep_until(stale).await;
        }
    }
}

/// What a caller is told who cannot be judged.
pub(super) fn problem() -> Problem {
    let detail = "this process does not reach the storage, so that it does not know which keys \
                  there are; ask another one, or again";
    Problem::new(ErrorCode::NotReady, detail).retry_after_s(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_look_that_began_before_does_not_count() {
        let (seen, age) = ManifestAge::new();
        let before = Instant::now();
        let looking = tokio::spawn(async move { age.look_again().await });
        tokio::task::yield_now().await;
        seen.send_replace(before);
        tokio::task::yield_now().await;
        assert!(!looking.is_finished());
        seen.send_replace(Instant::now());
        assert!(looking.await.unwrap());
    }

    #[tokio::test]
    async fn it_is_stale_while_nothing_is_seen() {
        let (seen, age) = ManifestAge::new();
        assert!(age.check().is_ok());
        seen.send_replace(Instant::now() - STALE + Duration::from_millis(200));
        assert!(!age.is_stale());
        age.until_stale().await;
        assert_eq!(age.check().unwrap_err().code(), ErrorCode::NotReady.name());
        seen.send_replace(Instant::now());
        assert!(age.check().is_ok());
    }
}
