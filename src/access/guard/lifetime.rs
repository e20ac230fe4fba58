//! How long a request that was let through may go on, where it has no end of its own.

use std::sync::Arc;
use std::time::Duration;

use merganser_core::access::AccessKey;
use tokio::time::timeout;

use super::AccessGuard;
use crate::access::authorized_caller::AuthorizedCaller;

/// How often it is looked whether a key has expired meanwhile.
const LOOK_EVERY: Duration = Duration::from_secs(60);

impl AccessGuard {
    /// Returns once a request that was let through would no longer be.
    pub(in crate::access) async fn until_ended(self, passed: &AuthorizedCaller) {
        let revoked = self.until_revoked(passed.key.clone());
        match &passed.session {
            None => revoked.await,
            Some(session) => tokio::select! {
                () = revoked => {}
                () = session.ended.cancelled() => {}
            },
        }
    }

    /// The same of a key.
    pub(crate) async fn until_revoked(self, passed: Option<Arc<AccessKey>>) {
        let stale = async {
            match &self.0.cluster {
                Some(access) => access.age.until_stale().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = stale => {}
            () = self.until_gone(passed) => {}
        }
    }

    async fn until_gone(&self, passed: Option<Arc<AccessKey>>) {
        let mut snapshots = self.0.snapshots.clone();
        loop {
            let now = self.0.clock.now();
            let left = {
                let snapshot = snapshots.borrow_and_update();
                match &passed {
                    None if snapshot.keys.is_empty() => LOOK_EVERY,
                    Some(key) if snapshot.keys.get(&key.id) == Some(key) && key.is_valid(now) => {
                        let left = key.expires_at.map(|end| end.millis_since(now));
                        left.map_or(LOOK_EVERY, |ms| LOOK_EVERY.min(Duration::from_millis(ms + 1)))
                    }
                    _ => return,
                }
            };
            // Where no more snapshots come, the service ends, and its streams with it.
            if let Ok(Err(_)) = timeout(left, snapshots.changed()).await {
                return;
            }
        }
    }
}
