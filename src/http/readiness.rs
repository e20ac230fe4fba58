//! Whether the service can accept and answer, and what it waits for if not.

use std::collections::BTreeMap;

use metrics::gauge;
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
        self.change(|reasons| reasons.insert(part, reason.clone()).as_ref() != Some(&reason));
    }

    /// Takes back the reason of `part`.
    pub(crate) fn set_ready(&self, part: &'static str) {
        self.change(|reasons| reasons.remove(part).is_some());
    }

    /// Prometheus sees a change before anyone who waits for it.
    fn change(&self, change: impl FnOnce(&mut BTreeMap<&'static str, String>) -> bool) {
        self.0.send_if_modified(|reasons| {
            let is_changed = change(reasons);
            gauge!("merganser_ready").set(if reasons.is_empty() { 1.0 } else { 0.0 });
            is_changed
        });
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
