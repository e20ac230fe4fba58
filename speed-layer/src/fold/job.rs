//! What a writer has done by the store, beside the fold.

use std::sync::Arc;

use merganser_core::failpoint;
use merganser_core::ids::{Epoch, Fence};

use crate::store::{SpeedStore, SpeedView, StoreError, StoredView, ViewChange, ViewSpace};

/// Something to be done with the store.
#[derive(Clone, Debug)]
pub(super) enum StoreJob {
    Begin(ViewSpace, Epoch),
    Apply(Arc<ViewChange>),
    Retire(Epoch),
    Drop,
    Look,
}

/// A job's answer.
#[derive(Debug)]
pub(super) enum StoreJobResult {
    Begin(ViewSpace, Result<(), StoreError>),
    Apply(Arc<ViewChange>, Result<(), StoreError>),
    Retire(Result<(), StoreError>),
    Drop(Result<(), StoreError>),
    Look(Result<Option<StoredView>, StoreError>),
}

/// A place at which it is unknown whether the write happened.
fn hit_failpoint(place: &'static str) -> Result<(), StoreError> {
    failpoint::hit(place).map_err(|error| StoreError::Uncertain(error.to_string()))
}

/// Does a job.
pub(super) async fn perform(
    store: Arc<dyn SpeedStore>,
    view: Arc<SpeedView>,
    fence: Fence,
    job: StoreJob,
) -> StoreJobResult {
    match job {
        StoreJob::Begin(space, first) => {
            failpoint::pass("speed.begin.before");
            StoreJobResult::Begin(space, store.begin(&view, space, first).await)
        }
        StoreJob::Apply(change) => {
            let answer = match hit_failpoint("speed.apply.before") {
                Ok(()) => store.apply(&view, &change).await,
                failed => failed,
            };
            StoreJobResult::Apply(change, answer.and_then(|()| hit_failpoint("speed.apply.after")))
        }
        StoreJob::Retire(first) => {
            let answer = match hit_failpoint("speed.retire.before") {
                Ok(()) => store.retire(&view, fence, first).await,
                failed => failed,
            };
            StoreJobResult::Retire(answer.and_then(|()| hit_failpoint("speed.retire.after")))
        }
        StoreJob::Drop => StoreJobResult::Drop(store.drop_view(view.id, fence).await),
        StoreJob::Look => StoreJobResult::Look(store.open(&view).await),
    }
}
