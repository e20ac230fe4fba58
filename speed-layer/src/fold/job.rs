//! What a writer has done by the store, beside the fold.

use std::sync::Arc;

use shared::failpoint;
use shared::ids::{Epoch, Fence};

use crate::store::{Change, Space, SpeedStore, StoreError, Stored, View};

/// Something to be done with the store.
#[derive(Clone, Debug)]
pub(super) enum Job {
    Begin(Space, Epoch),
    Apply(Arc<Change>),
    Retire(Epoch),
    Drop,
    Look,
}

/// A job's answer.
#[derive(Debug)]
pub(super) enum Answer {
    Begin(Space, Result<(), StoreError>),
    Apply(Arc<Change>, Result<(), StoreError>),
    Retire(Result<(), StoreError>),
    Drop(Result<(), StoreError>),
    Look(Result<Option<Stored>, StoreError>),
}

/// A place at which nobody knows whether the write happened.
fn uncertain(place: &'static str) -> Result<(), StoreError> {
    failpoint::hit(place).map_err(|error| StoreError::Uncertain(error.to_string()))
}

/// Does a job.
pub(super) async fn perform(
    store: Arc<dyn SpeedStore>,
    view: Arc<View>,
    fence: Fence,
    job: Job,
) -> Answer {
    match job {
        Job::Begin(space, first) => {
            failpoint::pass("speed.begin.before");
            Answer::Begin(space, store.begin(&view, space, first).await)
        }
        Job::Apply(change) => {
            let answer = match uncertain("speed.apply.before") {
                Ok(()) => store.apply(&view, &change).await,
                failed => failed,
            };
            Answer::Apply(change, answer.and_then(|()| uncertain("speed.apply.after")))
        }
        Job::Retire(first) => {
            let answer = match uncertain("speed.retire.before") {
                Ok(()) => store.retire(&view, fence, first).await,
                failed => failed,
            };
            Answer::Retire(answer.and_then(|()| uncertain("speed.retire.after")))
        }
        Job::Drop => Answer::Drop(store.drop_view(view.id, fence).await),
        Job::Look => Answer::Look(store.open(&view).await),
    }
}
