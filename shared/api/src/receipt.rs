//! What `POST /v1/events` and the routes of Segment answer: a verdict for every event.

use merganser_core::ids::{JournalId, Offset, PartitionId, PartitionOffsets};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::invalid_code::InvalidCode;
use crate::problem::Problem;
use crate::quarantine::QuarantineId;

/// A verdict for every event of a request. Whatever it says is durable
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Receipt {
    /// Of the routes of Segment alone: true
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub success: Option<bool>,
    /// Events that are counted from now on
    pub accepted: u64,
    /// Events that were there before, with the same id and content
    pub duplicates: u64,
    /// Events that were there before with other content
    #[serde(default)]
    #[schema(required = true)]
    pub conflicts: Vec<ConflictingEvent>,
    /// Events that break a rule
    #[serde(default)]
    #[schema(required = true)]
    pub invalid: Vec<InvalidEvent>,
    /// The next offsets after this request: everything that it was acknowledged for lies below
    #[serde(default)]
    #[schema(required = true)]
    pub position: PartitionOffsets,
    /// The id of the journal that the position is in
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, value_type = Option<String>)]
    pub journal: Option<JournalId>,
    /// With `wait=applied`: whether every query from now on includes the events
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub applied: Option<bool>,
}

/// An event whose id was there before with other content; the first one stands
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ConflictingEvent {
    /// Array position or line number, from 0
    pub index: u32,
    /// The id that both have
    pub id: String,
    /// Where the later one is kept
    #[schema(value_type = String)]
    pub quarantine_id: QuarantineId,
}

/// An event that breaks a rule
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct InvalidEvent {
    /// Array position or line number, from 0
    pub index: u32,
    /// Which rule
    pub code: InvalidCode,
    /// What was wrong, and what would be right
    pub message: String,
    /// Where it is kept; absent when the request was rejected
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, value_type = Option<String>)]
    pub quarantine_id: Option<QuarantineId>,
}

impl Receipt {
    /// A receipt of nothing at `end`.
    #[must_use]
    pub fn empty_at(end: Offset) -> Self {
        Self { position: PartitionOffsets::only(end), ..Self::default() }
    }

    /// The offset after this request, in the only partition.
    #[must_use]
    pub fn end(&self) -> Offset {
        self.position.0.get(&PartitionId::ONLY).copied().unwrap_or_default()
    }

    /// Whether there were events and none of them was valid.
    #[must_use]
    pub fn is_all_invalid(&self) -> bool {
        let valid = self.accepted > 0 || self.duplicates > 0 || !self.conflicts.is_empty();
        !valid && !self.invalid.is_empty()
    }

    /// Adds its fields to a problem document.
    #[must_use]
    pub fn add_to_problem(&self, problem: Problem) -> Problem {
        match serde_json::to_value(self) {
            Ok(Value::Object(fields)) => fields
                .into_iter()
                .fold(problem, |problem, (name, value)| problem.with(&name, value)),
            Ok(_) | Err(_) => problem,
        }
    }
}
