//! `/v1/keys`: who may do what.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;

use merganser_core::access::{AccessKey, Role};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A key to be made
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub struct KeyRequest {
    /// What it is for
    pub role: Role,
    /// Metrics that a reader is bound to; null: all
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<String>>, min_items = 1)]
    pub metrics: Option<BTreeSet<String>>,
    /// SQL condition over dimensions that holds for all that a reader sees; null: none
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filter: Option<String>,
    /// Properties that are written into every event that it sends, 1 to 10; null: none
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = json!({"tenant": "acme"}))]
    pub set: Option<BTreeMap<String, String>>,
    /// 90d, 12h or 30m from now, or an RFC 3339 time; null: never
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "90d")]
    pub expires: Option<String>,
    /// Requests that it may make in a second; null: any number
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u32>, minimum = 1)]
    pub requests_per_s: Option<NonZeroU32>,
    /// What its maker wrote down about it
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

impl KeyRequest {
    /// What a refusal says would be right.
    pub const SHAPE: &str = "{\"role\": \"ingest\" | \"read\" | \"admin\", \
        \"metrics\": [\"name\"]?, \"filter\": \"…\"?,\n\"set\": {\"property\": \"value\"}?, \
        \"expires\": \"90d\"?, \"requests_per_s\": 100?, \"note\": \"…\"?}";
}

/// All keys
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct KeyList {
    /// Oldest first
    pub keys: Vec<KeyDocument>,
}

/// A key
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Key)]
pub struct KeyDocument {
    /// When it was made
    #[schema(format = DateTime)]
    pub created_at: String,
    /// From when on it opens nothing; null: never
    #[schema(required = true, format = DateTime)]
    pub expires_at: Option<String>,
    /// SQL condition over dimensions that holds for all that a reader sees; null: none
    #[schema(required = true)]
    pub filter: Option<String>,
    /// What it is called
    pub id: String,
    /// Its text; shown once, when it is made
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub key: Option<String>,
    /// Metrics that a reader is bound to; null: all
    #[schema(value_type = Option<Vec<String>>, required = true, min_items = 1)]
    pub metrics: Option<BTreeSet<String>>,
    /// What its maker wrote down about it
    #[schema(required = true)]
    pub note: Option<String>,
    /// Requests that it may make in a second; null: any number
    #[schema(value_type = Option<u32>, required = true, minimum = 1)]
    pub requests_per_s: Option<NonZeroU32>,
    /// What it is for
    pub role: Role,
    /// Properties that are written into every event that it sends; null: none
    #[schema(required = true, example = json!({"tenant": "acme"}))]
    pub set: Option<BTreeMap<String, String>>,
}

impl From<&AccessKey> for KeyDocument {
    /// Never its text or digest.
    fn from(key: &AccessKey) -> Self {
        Self {
            created_at: key.created_at.to_string(),
            expires_at: key.expires_at.map(|at| at.to_string()),
            filter: key.scope.filter.clone(),
            id: key.id.clone(),
            key: None,
            metrics: key.scope.metrics.clone(),
            note: key.note.clone(),
            requests_per_s: key.requests_per_s,
            role: key.role,
            set: key.set.as_ref().map(|set| set.values().clone()),
        }
    }
}
