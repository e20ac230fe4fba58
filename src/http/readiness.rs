//! Whether the service can accept and answer, and what it waits for if not.

use std::collections::BTreeMap;

use tokio::sync::watch;

/// Reasons for which the service is not ready. Clones share them.
#[derive(Clone, Debug)]
pub(crate) struct Readiness(watch::Sender<BTreeMap<&'static str, String>>);

impl Readiness {
    /// Ready, until a reason is given.
    pub(crate) fn new() -> Self {
        Self(watch::Sender::new(BTreeMap::new()))
    }

    /// Gives the reason that `part` is not ready, in place of an earlier one.
    pub(crate) fn set_not_ready(&self, part: &'static str, reason: impl Into<String>) {
        let reason = reason.into();
        self.0.send_if_modified(|reasons| {
            reasons.insert(part, reason.clone()).as_ref() != Some(&reason)
        });
    }

    /// Takes back the reason of `part`.
    pub(crate) fn set_ready(&self, part: &'static str) {
        self.0.send_if_modified(|reasons| reasons.remove(part).is_some());
    }

    /// What is waited for, a line each; empty when the service is ready.
    pub(crate) fn reasons(&self) -> Vec<String> {
        self.0.borrow().iter().map(|(part, reason)| format!("{part}: {reason}")).collect()
    }

    /// The parts that are waited for, without why.
    pub(crate) fn unready_parts(&self) -> Vec<String> {
        self.0.borrow().keys().map(|part| (*part).to_owned()).collect()
    }

    /// Returns once there is no reason left.
    pub(crate) async fn wait_until_ready(&self) {
        let mut reasons = self.0.subscribe();
        // The sender lives in `self`, so that the wait cannot end by its loss.
        let _ = reasons.wait_for(BTreeMap::is_empty).await;
    }
}
