//! `after`: the position that an answer is to include.

use merganser_api::error_code::ErrorCode;
use merganser_core::ids::{Offset, PartitionId, PartitionOffsets};

use super::ServingLayer;
use crate::answer::QueryAnswer;
use crate::error::ServingError;
use crate::query::{Query, QueryError};

impl ServingLayer {
    /// Waits for what an answer is to include, and tells it.
    pub(super) async fn wait_for(&self, query: &Query) -> Result<Option<Offset>, ServingError> {
        let after = query.after.as_ref().map(offset).transpose()?;
        if let Some(after) = after {
            // What will not be answered is not waited for.
            self.find(&self.catalog.current(), &query.scope, &query.metric)?;
            self.speed.wait_applied(after, self.settings.after_timeout).await;
        }
        Ok(after)
    }

    /// Refuses an answer that does not include what it is to.
    pub(super) fn check_reached(
        &self,
        after: Option<Offset>,
        answer: &QueryAnswer,
    ) -> Result<(), ServingError> {
        let reached = &answer.provenance.speed.through;
        match after {
            Some(after) if offset(reached)? < after => Err(ServingError::NotReached {
                after: PartitionOffsets::only(after).to_string(),
                reached: reached.to_string(),
                seconds: self.settings.after_timeout.as_secs(),
            }),
            _ => Ok(()),
        }
    }
}

/// The offset that a position names in the only partition that there is.
fn offset(position: &PartitionOffsets) -> Result<Offset, ServingError> {
    let mut offset = Offset::ZERO;
    for (partition, at) in &position.0 {
        if *partition != PartitionId::ONLY {
            let detail = format!("`after`: there is no partition {}; there is `0`", partition.0);
            return Err(QueryError::new(ErrorCode::UnknownPartition, "after", detail).into());
        }
        offset = *at;
    }
    Ok(offset)
}
