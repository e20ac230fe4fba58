//! `/v1/status`, `/healthz` and `/readyz`.

use merganser_core::ids::{Boundary, PartitionOffsets};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::schedule::NextRuns;

/// Service status
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = Status)]
pub struct ServiceStatus {
    /// Events that no run has archived yet
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub backlog: Option<BacklogStatus>,
    /// Merged batch parts and answers that are kept
    pub cache_bytes: usize,
    /// All processes, where this is one of several
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub cluster: Option<ClusterStatus>,
    /// The data directory
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub disk: Option<DiskStatus>,
    /// Ingestion since the start
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub events: Option<IngestionStatus>,
    /// The manifest's
    pub generation: u64,
    /// The log of all events
    pub journal: JournalStatus,
    /// How far each metric is
    pub metrics: Vec<MetricStatus>,
    /// When each mode starts next
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub next_runs: Option<NextRuns>,
    /// When the generation was published
    #[schema(format = DateTime)]
    pub published_at: String,
    /// Memory that answers take: while they are made and sent, and while they are kept
    pub query_memory: QueryMemoryStatus,
    /// Where the speed views live
    pub speed_store: SpeedStoreStatus,
    /// When the process started
    #[schema(format = DateTime)]
    pub started_at: String,
    /// Since then, in seconds
    pub uptime_s: u64,
    /// Of the service
    pub version: String,
}

/// All processes of a cluster
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ClusterStatus {
    /// Where the process is that does the runs; null while none does
    #[schema(required = true)]
    pub leader: Option<String>,
    /// Where the process is that owns the journal; null while none does
    #[schema(required = true)]
    pub owner: Option<String>,
    /// The process that answers this
    pub process: String,
    /// Those that said within the last 35 seconds that they are there
    pub processes: Vec<ClusterProcess>,
}

/// A process of a cluster
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ClusterProcess {
    /// Whether it does the runs
    pub is_leader: bool,
    /// Whether it owns the journal
    pub is_owner: bool,
    /// How far the speed views were behind when it looked
    pub lag_ms: u64,
    /// A name that it has made for itself
    pub process: String,
    /// What it stands ready for
    pub roles: String,
    /// How long ago it said so
    pub seen_ms: u64,
    /// When it started
    #[schema(format = DateTime)]
    pub started_at: String,
    /// Where it answers
    pub url: String,
    /// Of its build
    pub version: String,
}

/// Events that no run has archived yet
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BacklogStatus {
    /// Events a second that the newest incremental run covered, from its start to its end
    pub covered_per_second: u64,
    /// How many there are
    pub events: u64,
    /// Over this intake slows down, and at twice this it stops: `backlog_max_events`
    pub max_events: u64,
}

/// The data directory
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DiskStatus {
    /// Bytes of its files
    pub used_bytes: u64,
}

/// Ingestion since the start
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct IngestionStatus {
    /// Events that were accepted
    pub accepted: u64,
    /// Over the last seconds
    pub per_second: u64,
}

/// The log of all events
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct JournalStatus {
    /// What positions are of
    pub id: String,
    /// Its end
    pub position: PartitionOffsets,
    /// Bytes of its files
    #[serde(default)]
    #[schema(required = true)]
    pub size_bytes: u64,
    /// Its first event that is still there
    #[serde(default)]
    #[schema(required = true)]
    pub start: PartitionOffsets,
}

/// How far a metric is
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MetricStatus {
    /// Events that its speed view lacks
    pub behind: u64,
    /// Where its batch view ends
    pub boundary: Boundary,
    /// Age of the oldest event that its speed view lacks
    pub lag_ms: u64,
    /// What it is called
    pub name: String,
    /// Of its definition
    pub version: u32,
}

/// Memory that answers take
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct QueryMemoryStatus {
    /// What they may take: `query_memory_bytes`
    pub limit_bytes: usize,
    /// What they take now
    pub taken_bytes: usize,
}

/// Where the speed views live
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SpeedStoreStatus {
    /// While it fails
    #[schema(required = true, format = DateTime)]
    pub failing_since: Option<String>,
    /// `memory`, `redis` or `redis-cluster`
    pub kind: String,
    /// How far the view that is furthest behind is, the time for which the store fails included
    pub lag_ms: u64,
    /// Why it fails
    #[schema(required = true)]
    pub reason: Option<String>,
    /// Whether it answers
    pub state: SpeedStoreState,
}

/// Whether the speed store answers
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum SpeedStoreState {
    /// It does.
    Ok,
    /// It does not.
    Failing,
}

/// Whether it lives, or can accept and answer
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = State)]
pub struct ProcessState {
    /// `ok` of one that lives, `ready` of one that can accept and answer
    pub status: String,
}
