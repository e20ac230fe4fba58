//! Reading on as new records come.

use std::fmt;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use super::{CommittedBatch, Journal, JournalError, JournalReader};
use crate::ids::Offset;

/// The batches of a journal from an offset on, those that are yet to come included.
///
/// Each comes once, in order, without a gap. After an error the next call tries again from where
/// it was. Dropping a call that waits loses nothing. Reading blocks as [`Journal::read`] does, so
/// it is for a thread of its own; waiting does not.
pub struct JournalTail {
    journal: Arc<dyn Journal>,
    next: Offset,
    batches: JournalReader,
}

impl JournalTail {
    /// Begins at `from`.
    ///
    /// # Errors
    /// As [`Journal::read`].
    pub fn new(journal: Arc<dyn Journal>, from: Offset) -> Result<Self, JournalError> {
        let batches = journal.read(from)?;
        Ok(Self { journal, next: from, batches })
    }

    /// The next batch; waits until there is one.
    ///
    /// # Errors
    /// When it cannot be read, or was trimmed before it was.
    pub async fn next(&mut self) -> Result<Arc<CommittedBatch>, JournalError> {
        loop {
            if let Some(batch) = self.batches.next() {
                let batch = batch?;
                if batch.first != self.next {
                    let (found, expected) = (batch.first, self.next);
                    return Err(JournalError::Corrupt(format!(
                        "a record at offset {found} was read where {expected} should be"
                    )));
                }
                self.next = batch.end();
                return Ok(batch);
            }
            poll_fn(|cx| self.journal.poll_beyond(self.next, cx)).await;
            self.batches = self.journal.read(self.next)?;
        }
    }
}

impl fmt::Debug for JournalTail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JournalTail").field("next", &self.next).finish_non_exhaustive()
    }
}

/// Wakes the tasks that wait for a journal's end to move.
#[derive(Debug, Default)]
pub struct AppendSignal(Mutex<Vec<Waker>>);

impl AppendSignal {
    /// Wakes all who wait: the end has moved.
    pub fn notify(&self) {
        let waiting = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        waiting.into_iter().for_each(Waker::wake);
    }

    /// Ready once `is_there` holds, which is looked at again after each [`AppendSignal::notify`].
    pub fn poll_until(&self, cx: &Context<'_>, is_there: impl Fn() -> bool) -> Poll<()> {
        if is_there() {
            return Poll::Ready(());
        }
        {
            let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if !waiting.iter().any(|waker| waker.will_wake(cx.waker())) {
                waiting.push(cx.waker().clone());
            }
        }
        // An append between the first look and the registration woke no task.
        if is_there() { Poll::Ready(()) } else { Poll::Pending }
    }
}
