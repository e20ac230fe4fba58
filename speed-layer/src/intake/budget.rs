//! How much pending requests may hold. A request beyond that is refused before it is stored.
//!
//! A request charges its body while it arrives, what it is decompressed to and its columns (but for
//! a small one, whose columns are as small and last for a batch's commit); it gives everything back
//! when it is answered, or given up at any point before.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use metrics::Gauge;

use super::error::IntakeError;
use super::instruments;

/// The bound that all pending requests share.
#[derive(Debug)]
pub(crate) struct IntakeBudget {
    requests: AtomicUsize,
    bytes: AtomicUsize,
    requests_max: usize,
    bytes_max: usize,
    gauges: (Gauge, Gauge),
}

impl IntakeBudget {
    pub(crate) fn new(requests_max: usize, bytes_max: usize) -> Arc<Self> {
        Arc::new(Self {
            requests: AtomicUsize::new(0),
            bytes: AtomicUsize::new(0),
            requests_max,
            bytes_max,
            gauges: instruments::pending(),
        })
    }

    /// A share of nothing yet, to grow from.
    pub(crate) fn permit(self: &Arc<Self>) -> IntakePermit {
        IntakePermit { budget: Arc::clone(self), bytes: 0, is_request: false }
    }

    /// Requests that are decoded or queued, and the bytes that they and those that arrive hold.
    fn held(&self) -> (usize, usize) {
        (self.requests.load(Ordering::Relaxed), self.bytes.load(Ordering::Relaxed))
    }

    fn publish_gauges(&self) {
        let (requests, bytes) = self.held();
        self.gauges.0.set(requests as f64);
        self.gauges.1.set(bytes as f64);
    }
}

fn take(counter: &AtomicUsize, amount: usize, max: usize) -> Result<(), IntakeError> {
    counter
        .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |held| {
            held.checked_add(amount).filter(|sum| *sum <= max)
        })
        .map(|_| ())
        .map_err(|_| IntakeError::Overloaded)
}

/// What one request holds of the budget; given back on drop.
#[derive(Debug)]
pub struct IntakePermit {
    budget: Arc<IntakeBudget>,
    bytes: usize,
    is_request: bool,
}

impl IntakePermit {
    /// Charges `bytes` more.
    ///
    /// # Errors
    /// [`IntakeError::Overloaded`] when all requests together would hold too much.
    pub fn grow(&mut self, bytes: usize) -> Result<(), IntakeError> {
        take(&self.budget.bytes, bytes, self.budget.bytes_max)?;
        self.bytes += bytes;
        Ok(())
    }

    /// Gives `bytes` back.
    pub(crate) fn shrink(&mut self, bytes: usize) {
        let bytes = bytes.min(self.bytes);
        self.budget.bytes.fetch_sub(bytes, Ordering::Relaxed);
        self.bytes -= bytes;
    }

    /// Counts it as a pending request from now on.
    pub(crate) fn register_request(&mut self) -> Result<(), IntakeError> {
        if !self.is_request {
            take(&self.budget.requests, 1, self.budget.requests_max)?;
            self.is_request = true;
            self.budget.publish_gauges();
        }
        Ok(())
    }

    /// Bytes that it holds.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }
}

impl Drop for IntakePermit {
    fn drop(&mut self) {
        self.budget.bytes.fetch_sub(self.bytes, Ordering::Relaxed);
        if self.is_request {
            self.budget.requests.fetch_sub(1, Ordering::Relaxed);
            self.budget.publish_gauges();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_never_exceed_the_budget_and_come_back() {
        let budget = IntakeBudget::new(1, 10);
        let mut first = budget.permit();
        let mut second = budget.permit();
        first.register_request().unwrap();
        first.register_request().unwrap();
        first.grow(6).unwrap();
        assert!(matches!(second.register_request(), Err(IntakeError::Overloaded)));
        assert!(matches!(second.grow(5), Err(IntakeError::Overloaded)));
        first.shrink(2);
        second.grow(5).unwrap();
        assert!(matches!(second.grow(usize::MAX), Err(IntakeError::Overloaded)));
        drop(first);
        second.register_request().unwrap();
        assert_eq!(budget.held(), (1, 5));
        drop(second);
        assert_eq!(budget.held(), (0, 0));
    }
}
