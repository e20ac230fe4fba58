//! `/v1/query:explain`: what an answer cost.

use std::borrow::Cow;

use merganser_core::time::Grain;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::answer::AnswerProvenance;

/// What an answer cost. Rows are made anew for it; times are those of the service's clock
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = Explanation)]
pub struct QueryExplanation {
    /// The parameters as they were understood, with their defaults and the answered `from` and `to`
    pub query: ExplainedQuery,
    /// The manifest's
    pub generation: u64,
    /// From its turn to its rows
    pub elapsed_ms: f64,
    /// Whether an equal query would get rows that are kept
    pub cached: bool,
    /// Rows of the answer
    pub rows: usize,
    /// Groups that rows could show, before `having`, `group_limit`, `fill` and `limit`
    pub groups: usize,
    /// The batch view's part
    pub batch: ExplainedBatch,
    /// The speed view's part
    pub speed: ExplainedSpeed,
    /// To merge both parts
    pub merge_ms: f64,
    /// As in the answer
    pub provenance: AnswerProvenance,
}

/// A query as it was understood: the parameters of `/v1/query` by their names
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ExplainedQuery {
    /// The metric
    pub metric: String,
    /// All of them, if none were named
    pub measures: Vec<String>,
    /// The first instant that was answered
    #[schema(required = true, format = DateTime)]
    pub from: Option<String>,
    /// The first instant after
    #[schema(required = true, format = DateTime)]
    pub to: Option<String>,
    /// In its one spelling
    #[schema(value_type = String)]
    pub granularity: Cow<'static, str>,
    /// IANA name
    #[schema(value_type = String)]
    pub timezone: Cow<'static, str>,
    /// Dimensions
    pub group_by: Vec<String>,
    /// Condition over dimensions, if there is one
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub filter: Option<String>,
    /// Condition over measures, if there is one
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub having: Option<String>,
    /// Columns; - before one for descending
    pub order_by: Vec<String>,
    /// Most rows
    pub limit: usize,
    /// Rows to leave out
    pub offset: usize,
    /// Whether both hold within each bucket
    pub limit_per_bucket: bool,
    /// Most groups, if there is such a limit
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub group_limit: Option<usize>,
    /// Whether the answer has them
    pub totals: bool,
    /// Whether the answer has it
    pub other: bool,
    /// How far back buckets reach, if further than their start
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub window: Option<String>,
    /// How empty buckets are filled
    #[schema(value_type = String)]
    pub fill: Cow<'static, str>,
    /// The earlier range, if there is one
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, nullable = false)]
    pub compare: Option<Cow<'static, str>>,
    /// Whether the answer may miss something
    #[schema(value_type = String)]
    pub partial: Cow<'static, str>,
}

/// The batch view's part of what an answer cost
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ExplainedBatch {
    /// Parts of the range, each read from one rollup
    pub pieces: Vec<ExplainedPiece>,
}

/// A part of the range that was read from one rollup
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ExplainedPiece {
    /// The rollup's
    pub grain: Grain,
    /// The first instant; like `to`, `files` and `rows_read` not for keys with a filter
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime, nullable = false)]
    pub from: Option<String>,
    /// The first instant after
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime, nullable = false)]
    pub to: Option<String>,
    /// Files of the rollup that lie in it
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub files: Option<usize>,
    /// Absent where nothing was read
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub rows_read: Option<u64>,
    /// The merged batch part was kept from a query before
    pub cached: bool,
    /// To read, decode and merge it
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub elapsed_ms: Option<f64>,
}

/// The speed view's part of what an answer cost
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ExplainedSpeed {
    /// `memory`, `redis` or `redis-cluster`
    pub store: String,
    /// Rows of states that the store gave; not for keys with a filter
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub rows_read: Option<u64>,
    /// As in the provenance
    pub events: u64,
    /// To read it
    pub elapsed_ms: f64,
}
