//! What a writer has done by the store, beside the fold.

use std::sync::Arc;

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

/// Does a job.
pub(super) async fn perform(
    store: Arc<dyn SpeedStore>,
    view: Arc<View>,
    fence: Fence,
    job: Job,
) -> Answer {
    match job {
        Job::Begin(space, first) => Answer::Begin(space, store.begin(&view, space, first).await),
        Job::Apply(change) => {
            let answer = store.apply(&view, &change).await;
            Answer::Apply(change, answer)
        }
        Job::Retire(first) => Answer::Retire(store.retire(&view, fence, first).await),
        Job::Drop => Answer::Drop(store.drop_view(view.id, fence).await),
        Job::Look => Answer::Look(store.open(&view).await),
    }
}
