//! What the reading of an answer came to, for [`super::explain`]: recorded while it goes on, and
//! only for queries that are explained.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use merganser_core::clock::Clock;
use merganser_core::time::{Grain, TimeRange, Timestamp};

/// A piece of the batch part.
#[derive(Clone, Debug)]
pub(super) struct PieceTrace {
    pub(super) grain: Grain,
    pub(super) range: TimeRange,
    /// Files of the rollup that lie in it.
    pub(super) files: usize,
    /// What was read of it; nothing where the merged part was kept from before.
    pub(super) read: Option<RowsTrace>,
}

/// Rows that were read, and how long it took.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct RowsTrace {
    pub(super) rows: u64,
    pub(super) elapsed_us: u64,
}

/// All that was read for an answer.
#[derive(Clone, Debug, Default)]
pub(super) struct ReadFigures {
    /// From the query's permit to its rows.
    pub(super) elapsed_us: u64,
    pub(super) pieces: Vec<PieceTrace>,
    pub(super) speed: RowsTrace,
    /// The merge of both parts.
    pub(super) merge_us: u64,
    /// Groups that rows could show.
    pub(super) groups: usize,
}

/// Where it is recorded; clones share it.
#[derive(Clone, Debug)]
pub(crate) struct ReadTrace {
    clock: Arc<dyn Clock>,
    figures: Arc<Mutex<ReadFigures>>,
}

impl ReadTrace {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, figures: Arc::default() }
    }

    /// What was recorded so far.
    pub(super) fn figures(&self) -> MutexGuard<'_, ReadFigures> {
        self.figures.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets what an attempt recorded that gave no answer.
    pub(super) fn begin(&self) {
        *self.figures() = ReadFigures::default();
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Microseconds since an instant.
    pub(super) fn elapsed_us(&self, since: Timestamp) -> u64 {
        u64::try_from(self.clock.now().0.saturating_sub(since.0)).unwrap_or(0)
    }
}
