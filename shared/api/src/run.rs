//! `/v1/runs`: batch runs. A run's record is stored as it is shown.

use merganser_core::ids::{Generation, MetricId};
use merganser_core::time::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A run to start
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub struct RunRequest {
    /// How much it does
    pub mode: RunMode,
    /// Names; default all
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(min_items = 1)]
    pub metrics: Option<Vec<String>>,
}

impl RunRequest {
    /// What a refusal says would be right.
    pub const SHAPE: &str = r#"{"mode": "incremental" | "full", "metrics": ["name"]?}"#;
}

/// Runs, newest first
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RunList {
    /// The newest ones
    pub runs: Vec<RunRecord>,
    /// Runs that are kept in all
    pub total: usize,
}

/// How much a run does
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
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

/// Why a run was started
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum RunTrigger {
    /// Its time had come.
    Schedule,
    /// A limit was near: of a metric's groups, or of events without a run.
    Limit,
    /// A client asked for it.
    Api,
    /// A metric was defined.
    Definition,
    /// A start of the service found it unfinished.
    Startup,
}

/// Where a run is
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
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
    /// Its name in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Publishing => "publishing",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether nothing more will happen.
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Cancelled)
    }
}

/// A batch run
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = Run)]
pub struct RunRecord {
    /// In the order of starts
    pub id: String,
    /// Where it is
    pub state: RunState,
    /// How much it does
    pub mode: RunMode,
    /// Why it was started
    pub trigger: RunTrigger,
    /// The metrics that it is restricted to; absent for all
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schema(nullable = false)]
    pub metrics: Option<Vec<String>>,
    /// The metric version that it backfills, if it does
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schema(nullable = false, value_type = Option<u64>)]
    pub backfill: Option<MetricId>,
    /// Its share that is done
    #[schema(minimum = 0, maximum = 1)]
    pub progress: f64,
    /// What it does at the moment
    pub step: String,
    /// Events of the journal that it has folded, each once, however many metrics it made of them
    pub events: u64,
    /// UTC days of those events
    pub days: u64,
    /// How often it was tried
    pub attempt: u32,
    /// The start of the schedule that it is the run of, if it is; no start has two runs
    #[serde(with = "rfc3339", skip_serializing_if = "Option::is_none", default)]
    #[schema(nullable = false, value_type = Option<String>, format = DateTime)]
    pub scheduled_for: Option<Timestamp>,
    /// When it began to work
    #[serde(with = "rfc3339")]
    #[schema(value_type = Option<String>, required = true, format = DateTime)]
    pub started_at: Option<Timestamp>,
    /// When it ended
    #[serde(with = "rfc3339")]
    #[schema(value_type = Option<String>, required = true, format = DateTime)]
    pub ended_at: Option<Timestamp>,
    /// What went wrong, in its last attempt
    #[schema(required = true)]
    pub error: Option<String>,
    /// What its audit found
    #[schema(required = true)]
    pub audit: Option<AuditCounts>,
    /// The generation that it published
    #[schema(value_type = Option<u64>, required = true)]
    pub generation: Option<Generation>,
    /// How its parts are made by other processes, if they are
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schema(nullable = false)]
    pub distribution: Option<RunDistribution>,
}

/// A run whose parts other processes make
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RunDistribution {
    /// The folder of its objects, below `work/` in the storage
    pub work: String,
    /// Parts that it has
    pub parts: u64,
    /// Parts that are made, each counted once however often it was tried
    pub made: u64,
    /// How often missing parts were asked for
    pub submissions: u32,
    /// The job of the scheduler by which they are asked for, while there is one
    #[schema(required = true)]
    pub job: Option<String>,
    /// Who made them
    pub executors: Vec<ExecutorShare>,
}

/// What a process has made of a run
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ExecutorShare {
    /// The process, as `GET /v1/status` names it
    pub process: String,
    /// Parts that it made and that count
    pub parts: u64,
    /// How long it took for them, one after the other
    pub seconds: f64,
}

/// What an audit found
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AuditCounts {
    /// Groups that stand on at least one side
    pub compared: u64,
    /// Groups that stand on one side only, or whose states differ in a bit
    pub differences: u64,
}

impl AuditCounts {
    /// Both audits as one.
    #[must_use]
    pub fn combine(self, other: Self) -> Self {
        Self {
            compared: self.compared + other.compared,
            differences: self.differences + other.differences,
        }
    }
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
