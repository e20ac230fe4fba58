//! Where a view's writer stands with its store, and what it does next. Decides only: the writer
//! folds, builds changes and calls the store.
//!
//! ```text
//!         begun          a flush is due          a portion is taken
//! Begin ─────────► Idle ────────────────► Flushing ────────────────► Sending
//!   ▲               ▲                        ▲                          │
//!   │               │                        └────── more to come ──────┤ applied
//!   │               └─────────────────────────────── the last portion ──┘
//!   └── rebuild, from every state
//! ```
//!
//! A change that failed is sent again as it was: it stays in `Sending` until the store has it, or
//! turns out to hold something else.

use std::sync::Arc;

use merganser_core::ids::{Epoch, Offset};

use super::store_verdict::StoreCursor;
use crate::store::{JournalPosition, SpaceStage, ViewChange, ViewSpace};

/// Where a writer stands with its store.
#[derive(Clone, Debug)]
pub(super) enum SyncState {
    /// Nothing that is stored can be built on: a new space is to be begun.
    Begin(ViewSpace),
    /// The store holds this, and no flush is under way.
    Idle(StoreCursor),
    /// A flush up to `goal` is under way; its next portion is to be taken.
    Flushing { cursor: StoreCursor, goal: JournalPosition },
    /// `change` follows what the store held at `cursor`, and has not been answered as applied.
    Sending { cursor: StoreCursor, goal: JournalPosition, change: Arc<ViewChange> },
}

/// What the fold has for the store.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct FlushDemand {
    /// Everything below is folded.
    pub(super) folded: Offset,
    /// A reader waits until everything below is applied.
    pub(super) wanted: Offset,
    /// Groups that are to be written.
    pub(super) dirty: usize,
    /// Whether what there is is written now, and not collected for longer.
    pub(super) is_flush_time: bool,
    /// Whether the store is to be looked at when there is nothing to write.
    pub(super) is_look_time: bool,
}

/// What a writer does next.
#[derive(Clone, Debug)]
pub(super) enum SyncStep {
    /// Begins a space.
    Begin(ViewSpace),
    /// Sends a change, the first time or again.
    Send(Arc<ViewChange>),
    /// Deletes epochs below this one.
    Retire(Epoch),
    /// Begins a flush, and takes its first portion.
    StartFlush,
    /// Takes the next portion of the flush.
    TakePortion,
    /// Reads what the store holds.
    Look,
    /// Nothing yet.
    Wait,
}

/// The state, and what holds in each.
#[derive(Debug)]
pub(super) struct ViewSync {
    state: SyncState,
    /// Whether what the store holds has this writer's fence, so that no other writes to it.
    is_claimed: bool,
    /// Epochs below go from the store.
    retiring: Option<Epoch>,
}

impl ViewSync {
    /// A writer that has not written yet.
    pub(super) fn new(state: SyncState) -> Self {
        Self { state, is_claimed: false, retiring: None }
    }

    /// What the store is known to hold; `None` before a space is begun.
    pub(super) fn cursor(&self) -> Option<&StoreCursor> {
        match &self.state {
            SyncState::Begin(_) => None,
            SyncState::Idle(cursor)
            | SyncState::Flushing { cursor, .. }
            | SyncState::Sending { cursor, .. } => Some(cursor),
        }
    }

    /// What the store is known to hold, if readers find all that was written.
    pub(super) fn complete(&self) -> Option<&StoreCursor> {
        self.cursor().filter(|cursor| cursor.stage == SpaceStage::Complete)
    }

    pub(super) fn is_claimed(&self) -> bool {
        self.is_claimed
    }

    /// What is next.
    pub(super) fn next_step(&self, demand: &FlushDemand) -> SyncStep {
        match (&self.state, self.retiring) {
            (SyncState::Begin(space), _) => SyncStep::Begin(*space),
            (SyncState::Sending { change, .. }, _) => SyncStep::Send(Arc::clone(change)),
            // After the change, which may still hold states of what is retired.
            (_, Some(first)) => SyncStep::Retire(first),
            (SyncState::Flushing { .. }, None) => SyncStep::TakePortion,
            (SyncState::Idle(cursor), None) if self.is_flush_due(cursor, demand) => {
                SyncStep::StartFlush
            }
            (SyncState::Idle(_), None) if demand.is_look_time => SyncStep::Look,
            (SyncState::Idle(_), None) => SyncStep::Wait,
        }
    }

    fn is_flush_due(&self, cursor: &StoreCursor, demand: &FlushDemand) -> bool {
        let through = cursor.through.offset;
        let is_behind = demand.folded > through || demand.dirty > 0;
        // What was found there is written to at once, if only to keep a former writer out.
        !self.is_claimed
            || cursor.stage == SpaceStage::Building
            || demand.wanted > through && demand.folded > through
            || is_behind && demand.is_flush_time
    }

    /// Whether there is something to do as soon as the store may be called.
    pub(super) fn is_urgent(&self) -> bool {
        let is_idle = matches!(self.state, SyncState::Idle(_));
        !is_idle || self.retiring.is_some() || !self.is_claimed
    }

    /// The store has begun `space`.
    pub(super) fn record_begun(&mut self, space: ViewSpace) {
        self.is_claimed = true;
        // A rebuild may have chosen another space since.
        if matches!(self.state, SyncState::Begin(wanted) if wanted == space) {
            self.state = SyncState::Idle(StoreCursor::empty(space));
        }
    }

    /// A flush up to `goal` begins.
    pub(super) fn start_flush(&mut self, goal: JournalPosition) {
        if let SyncState::Idle(cursor) = self.state {
            self.state = SyncState::Flushing { cursor, goal };
        }
    }

    /// Where the flush under way begins and ends, if its next portion is to be taken.
    pub(super) fn flushing(&self) -> Option<(StoreCursor, JournalPosition)> {
        match self.state {
            SyncState::Flushing { cursor, goal } => Some((cursor, goal)),
            SyncState::Begin(_) | SyncState::Idle(_) | SyncState::Sending { .. } => None,
        }
    }

    /// `change` is to be sent until it is applied.
    pub(super) fn send(&mut self, change: Arc<ViewChange>) {
        if let SyncState::Flushing { cursor, goal } = self.state {
            self.state = SyncState::Sending { cursor, goal, change };
        }
    }

    /// The store has applied `change`. One from before a rebuild changes nothing.
    pub(super) fn record_applied(&mut self, change: &ViewChange) {
        let SyncState::Sending { cursor, goal, .. } = self.state else { return };
        if cursor.space != change.space || cursor.serial != change.serial {
            return;
        }
        self.is_claimed = true;
        let cursor = StoreCursor::after(change);
        let is_last = change.to == goal && change.stage == SpaceStage::Complete;
        self.state = match is_last {
            true => SyncState::Idle(cursor),
            false => SyncState::Flushing { cursor, goal },
        };
    }

    /// Epochs below `first` are to go from the store.
    pub(super) fn retire(&mut self, first: Epoch) {
        self.retiring = self.retiring.max(Some(first));
    }

    /// The store has deleted what was to go.
    pub(super) fn record_retired(&mut self) {
        self.retiring = None;
    }

    /// Everything is to be written anew into `space`, which holds nothing that could be retired.
    pub(super) fn rebuild(&mut self, space: ViewSpace) {
        self.state = SyncState::Begin(space);
        self.retiring = None;
    }
}

#[cfg(test)]
mod tests;
