//! `/v1/quarantine`: events that could not be counted.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use utoipa::ToSchema;

/// Quarantined events, oldest first
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = QuarantinePage)]
pub struct QuarantineListing {
    /// Oldest first
    pub entries: Vec<QuarantineItem>,
    /// The `after` of the next page; null at the end
    #[schema(value_type = Option<String>, required = true)]
    pub next: Option<QuarantineId>,
    /// Entries in all
    pub total: usize,
    /// Entries that went because the quarantine was full
    pub dropped: u64,
    /// What is there and went, by code
    pub codes: BTreeMap<String, CodeTotal>,
}

/// What the quarantine holds, and has dropped, of one code
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CodeTotal {
    /// Entries that are there
    pub entries: usize,
    /// Entries that went because a bound was reached
    pub dropped: u64,
}

/// An event that could not be counted
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = QuarantineEntry)]
pub struct QuarantineItem {
    /// For DELETE, and for `after`
    #[schema(value_type = String)]
    pub id: QuarantineId,
    /// When it came first
    #[schema(format = DateTime)]
    pub received_at: String,
    /// Why it is here
    pub kind: QuarantineKind,
    /// Which rule it breaks
    pub code: String,
    /// What was wrong
    pub message: String,
    /// Array position or line number in its request, from 0
    pub index: u32,
    /// As it was sent
    pub raw: String,
    /// Whether `raw` is only the beginning
    pub raw_truncated: bool,
    /// How often it came, with the same text and for the same reason
    #[schema(minimum = 1)]
    pub count: u64,
    /// When it came last
    #[schema(format = DateTime)]
    pub last_received_at: String,
}

/// Why an event is in the quarantine
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum QuarantineKind {
    /// It breaks a rule.
    Invalid,
    /// Its id was there before with other content.
    Conflict,
}

/// An entry's number, `q-17` as text: in the order of arrival, never given twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QuarantineId(pub u64);

impl fmt::Display for QuarantineId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "q-{}", self.0)
    }
}

impl FromStr for QuarantineId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.strip_prefix("q-")
            .and_then(|number| number.parse().ok())
            .map(Self)
            .ok_or_else(|| format!("`{text}` is no quarantine id; they look like `q-17`"))
    }
}

impl Serialize for QuarantineId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for QuarantineId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}
