//! What a query works with: its permit, its memory, and its time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use super::fair_limiter::WorkPermit;
use super::read_trace::ReadTrace;
use crate::error::ServingError;
use crate::memory::{MemoryAccount, MemoryShortageError, QueryMemoryGuard};

/// A query's permit and memory. Clones share it. Both are given back when all work has ended, which
/// may be after the client has gone.
#[derive(Clone, Debug)]
pub(crate) struct QueryContext {
    inner: Arc<QueryContextInner>,
    trace: Option<ReadTrace>,
}

#[derive(Debug)]
struct QueryContextInner {
    account: MemoryAccount,
    deadline: Instant,
    is_given_up: AtomicBool,
    _permit: WorkPermit,
}

impl QueryContext {
    /// Work with a permit, with memory from `account`, until `deadline`.
    pub(crate) fn new(account: MemoryAccount, deadline: Instant, permit: WorkPermit) -> Self {
        let is_given_up = AtomicBool::new(false);
        let inner = QueryContextInner { account, deadline, is_given_up, _permit: permit };
        Self { inner: Arc::new(inner), trace: None }
    }

    /// The same, with what is read recorded.
    pub(super) fn traced(self, trace: ReadTrace) -> Self {
        Self { trace: Some(trace), ..self }
    }

    /// Where what is read is recorded, if it is.
    pub(super) fn trace(&self) -> Option<&ReadTrace> {
        self.trace.as_ref()
    }

    /// What its memory is taken from.
    pub(super) fn account(&self) -> &MemoryAccount {
        &self.inner.account
    }

    /// Takes memory for something.
    ///
    /// # Errors
    /// When there is not as much.
    pub(crate) fn hold(&self, bytes: usize) -> Result<QueryMemoryGuard, MemoryShortageError> {
        self.inner.account.hold(bytes)
    }

    /// Whether it is worth to go on.
    ///
    /// # Errors
    /// When the client no longer waits for the answer.
    pub(crate) fn check(&self) -> Result<(), ServingError> {
        let is_over = self.inner.is_given_up.load(Ordering::Relaxed);
        match is_over || Instant::now() > self.inner.deadline {
            true => Err(ServingError::Internal("the query was given up".to_owned())),
            false => Ok(()),
        }
    }

    /// Gives the work up when what is returned is dropped, unless it has ended by then.
    pub(super) fn cancel_on_drop(&self) -> CancelGuard {
        CancelGuard(Arc::clone(&self.inner))
    }
}

/// See [`QueryContext::cancel_on_drop`].
#[derive(Debug)]
pub(super) struct CancelGuard(Arc<QueryContextInner>);

impl Drop for CancelGuard {
    fn drop(&mut self) {
        self.0.is_given_up.store(true, Ordering::Relaxed);
    }
}

impl Drop for QueryContextInner {
    fn drop(&mut self) {
        // Less is always there.
        let _ = self.account.reserve(0);
    }
}
