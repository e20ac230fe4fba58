//! What the store is known to hold, and what an answer of the store means for a writer. Decides
//! only.

use merganser_core::failpoint::is_bug_planted;
use merganser_core::ids::{Boundary, Fence, Offset};

use crate::store::{
    JournalPosition, SpaceStage, SpeedView, StoreError, StoredView, ViewChange, ViewSpace,
};

/// What the store is known to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct StoreCursor {
    pub(super) space: ViewSpace,
    pub(super) serial: u64,
    pub(super) flushes: u64,
    pub(super) through: JournalPosition,
    pub(super) stage: SpaceStage,
}

impl StoreCursor {
    /// An empty space.
    pub(super) fn empty(space: ViewSpace) -> Self {
        Self {
            space,
            serial: 0,
            flushes: 0,
            through: JournalPosition::default(),
            stage: SpaceStage::Building,
        }
    }

    /// After `change`.
    pub(super) fn after(change: &ViewChange) -> Self {
        Self {
            space: change.space,
            serial: change.serial + 1,
            flushes: change.flushes_after(),
            through: change.to,
            stage: change.stage,
        }
    }

    /// Where what is stored is.
    fn of(stored: &StoredView) -> Self {
        Self {
            space: stored.space,
            serial: stored.serial,
            flushes: stored.flushes,
            through: stored.through,
            stage: stored.stage,
        }
    }

    /// Whether the store still holds it.
    pub(super) fn matches_stored(&self, stored: Option<&StoredView>) -> bool {
        stored.is_some_and(|stored| Self::of(stored) == *self)
    }
}

/// What an answer means for the writer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum StoreVerdict {
    /// It happened, now or before.
    Applied,
    /// It did not happen, or that is unknown: do the same again.
    Retry(String),
    /// The store is elsewhere: write everything anew.
    Rebuild(String),
    /// Another writer has taken over.
    Stop(Fence),
}

/// What the answer to a change means.
pub(super) fn judge_change(change: &ViewChange, answer: Result<(), StoreError>) -> StoreVerdict {
    match answer {
        Ok(()) => StoreVerdict::Applied,
        Err(StoreError::Refused { stored: Some(stored) }) if stored.is_after(change) => {
            StoreVerdict::Applied
        }
        Err(error) => judge_error(error),
    }
}

/// What the answer to a beginning means.
pub(super) fn judge_begin(space: ViewSpace, answer: Result<(), StoreError>) -> StoreVerdict {
    match answer {
        Ok(()) => StoreVerdict::Applied,
        Err(StoreError::Refused { stored: Some(stored) })
            if stored.space == space && stored.serial == 0 =>
        {
            StoreVerdict::Applied
        }
        Err(error) => judge_error(error),
    }
}

/// What the answer to a retirement or a deletion means.
pub(super) fn judge_removal(answer: Result<(), StoreError>) -> StoreVerdict {
    match answer {
        // What is not there need not be removed.
        Ok(()) | Err(StoreError::Refused { .. }) => StoreVerdict::Applied,
        Err(error) => judge_error(error),
    }
}

/// What it means that the store holds `stored` where the writer left it at `place`.
pub(super) fn judge_look(
    place: &StoreCursor,
    fence: Fence,
    answer: Result<Option<StoredView>, StoreError>,
) -> StoreVerdict {
    match answer {
        Ok(stored) if place.matches_stored(stored.as_ref()) => StoreVerdict::Applied,
        Ok(Some(stored)) if stored.fence > fence => StoreVerdict::Stop(stored.fence),
        Ok(stored) => judge_error(StoreError::Refused { stored: stored.map(Box::new) }),
        Err(error) => judge_error(error),
    }
}

fn judge_error(error: StoreError) -> StoreVerdict {
    let text = error.to_string();
    match error {
        StoreError::Fenced { fence } => StoreVerdict::Stop(fence),
        StoreError::Failed(_) | StoreError::Uncertain(_) => StoreVerdict::Retry(text),
        StoreError::Refused { .. } | StoreError::Invalid(_) | StoreError::Damaged(_) => {
            StoreVerdict::Rebuild(text)
        }
    }
}

/// Why what is stored cannot be built on after a start; `Ok` when it can. `checksum_at` is
/// [`merganser_core::journal::Journal::checksum_at`].
pub(super) fn check_resumable<E>(
    stored: Option<&StoredView>,
    view: &SpeedView,
    boundary: Boundary,
    end: Offset,
    checksum_at: impl Fn(Offset) -> Result<Option<u32>, E>,
) -> Result<Result<StoreCursor, String>, E> {
    let Some(stored) = stored else { return Ok(Err("the store holds nothing of it".into())) };
    if stored.journal != view.id.journal() {
        return Ok(Err(format!("it belongs to the journal {}", stored.journal)));
    }
    if stored.definition != view.definition {
        return Ok(Err("it belongs to another definition".into()));
    }
    if stored.stage == SpaceStage::Building {
        return Ok(Err("it was not written to the end".into()));
    }
    if stored.first > boundary.epoch {
        return Ok(Err(format!(
            "it begins with epoch {}, the batch view ends before {}",
            stored.first, boundary.epoch
        )));
    }
    if stored.counters.iter().any(|(epoch, f)| *epoch >= boundary.epoch && f.dropped > 0) {
        return Ok(Err("events were left out when it reached its bound of groups".into()));
    }
    for mark in [stored.through, stored.reach] {
        if is_bug_planted("stale_store_trusted") {
            continue;
        }
        if mark.offset > end {
            return Ok(Err(format!("it is at {}, the journal ends at {end}", mark.offset)));
        }
        if checksum_at(mark.offset)? != Some(mark.checksum) {
            return Ok(Err(format!("it has seen other events before {}", mark.offset)));
        }
    }
    Ok(Ok(StoreCursor::of(stored)))
}
