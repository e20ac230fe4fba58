//! Runs as jobs: their records, and the queue of them.
//!
//! The catalog queues backfills, the schedule says which mode is due, and the HTTP routes show what
//! there is: all of them know jobs. How a run does its work is known to [`crate::run`] only.

mod queue;

use merganser_core::ids::{Generation, MetricId};
use merganser_core::time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::audit::AuditCounts;

pub use queue::{RunActiveError, RunCancelError, RunQueue};

/// How much a run does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RunMode {
    /// Folds what was sealed since the last one.
    Incremental,
    /// Makes every view anew from all events.
    Full,
}

impl RunMode {
    /// Its name in JSON and in metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Incremental => "incremental",
            Self::Full => "full",
        }
    }
}

/// Why a run was started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RunTrigger {
    /// Its time had come.
    Schedule,
    /// A request of a client.
    Api,
    /// A metric was defined.
    Definition,
    /// A start of the service found it unfinished.
    Startup,
}

/// Where a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RunState {
    /// Waits for its turn, or for its next attempt.
    Queued,
    /// Works; can be cancelled.
    Running,
    /// Publishes; can no longer be cancelled.
    Publishing,
    /// Has published.
    Succeeded,
    /// Has given up; the generation before serves on.
    Failed,
    /// Was cancelled by a client.
    Cancelled,
}

impl RunState {
    /// Whether nothing more will happen.
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Cancelled)
    }
}

/// A run's record, as it is stored and shown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunRecord {
    /// Its id, in the order of starts.
    pub id: String,
    /// Where it is.
    pub state: RunState,
    /// How much it does.
    pub mode: RunMode,
    /// Why it was started.
    pub trigger: RunTrigger,
    /// The metrics that it is restricted to.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub metrics: Option<Vec<String>>,
    /// The metric version that it backfills.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub backfill: Option<MetricId>,
    /// 0 to 1.
    pub progress: f64,
    /// What it does at the moment.
    pub step: String,
    /// Events of the journal that it has folded, each once however many metrics it made of them.
    pub events: u64,
    /// UTC days of those events.
    pub days: u64,
    /// How often it was tried.
    pub attempt: u32,
    /// The start of the schedule that it is the run of.
    #[serde(with = "rfc3339", skip_serializing_if = "Option::is_none", default)]
    pub scheduled_for: Option<Timestamp>,
    /// When it began to work.
    #[serde(with = "rfc3339")]
    pub started_at: Option<Timestamp>,
    /// When it ended.
    #[serde(with = "rfc3339")]
    pub ended_at: Option<Timestamp>,
    /// What went wrong, in its last attempt.
    pub error: Option<String>,
    /// What its audit found.
    pub audit: Option<AuditCounts>,
    /// The generation that it published.
    pub generation: Option<Generation>,
}

/// Times in records are texts, for people.
mod rfc3339 {
    use chrono::{DateTime, Utc};
    use merganser_core::time::Timestamp;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(
        time: &Option<Timestamp>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        time.map(|time| time.to_string()).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Timestamp>, D::Error> {
        let time = Option::<DateTime<Utc>>::deserialize(deserializer)?;
        Ok(time.map(Timestamp::from))
    }
}
