//! `/v1/schedule`: when runs start by themselves.

use serde::de::{Deserialize, Deserializer};
use utoipa::ToSchema;

/// When runs start by themselves
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
#[schema(as = Schedule)]
pub struct ScheduleDocument {
    /// Cron of five fields for full runs; empty: never
    pub full: String,
    /// Cron of five fields for incremental runs; empty: never
    pub incremental: String,
    /// When each mode starts next; ignored in PUT, so that what GET shows can be sent back
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    #[schema(read_only, nullable = false)]
    pub next: Option<NextRuns>,
    /// IANA name; default UTC
    #[serde(default = "utc")]
    #[schema(min_length = 1)]
    pub timezone: String,
}

/// When each mode starts next
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize, ToSchema)]
pub struct NextRuns {
    /// Null: never
    #[schema(required = true, format = DateTime)]
    pub full: Option<String>,
    /// Null: never
    #[schema(required = true, format = DateTime)]
    pub incremental: Option<String>,
}

/// The zone of a schedule that names none.
#[must_use]
pub fn utc() -> String {
    "UTC".to_owned()
}

/// What is no such shape is none: it is ignored wherever it is read.
fn lenient<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<NextRuns>, D::Error> {
    let value = serde_json::Value::deserialize(deserializer)?;
    Ok(serde_json::from_value(value).ok())
}
