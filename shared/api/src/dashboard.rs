//! A dashboard's document, as clients send and get it.

use std::fmt;

use serde::de::{self, Deserializer, MapAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A grid of charts, with what holds for all of them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub struct Dashboard {
    /// What stands above it.
    pub title: String,
    /// What it is for.
    #[serde(default)]
    pub description: String,
    /// As the parameter of queries; empty: none.
    #[serde(default)]
    pub from: String,
    /// Likewise.
    #[serde(default)]
    pub to: String,
    /// Likewise.
    #[serde(default)]
    pub timezone: String,
    /// Likewise; holds together with a chart's own.
    #[serde(default)]
    pub filter: String,
    /// As the parameter of queries; empty: none.
    #[serde(default)]
    pub compare: String,
    /// The charts, in the order in which they are laid out.
    #[serde(default)]
    pub charts: Vec<Chart>,
}

/// One query and how its answer is drawn.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub struct Chart {
    /// What stands above it.
    #[serde(default)]
    pub title: String,
    /// How it is drawn.
    pub chart: ChartKind,
    /// Columns of twelve that it takes.
    #[serde(default = "width_default")]
    pub width: u8,
    /// Rows that it takes.
    #[serde(default = "height_default")]
    pub height: u8,
    /// The query, as the body of `POST /v1/query`.
    #[serde(deserialize_with = "unique_fields")]
    pub query: Map<String, Value>,
}

/// How an answer is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ChartKind {
    /// A line for each group.
    Line,
    /// With what is below it filled.
    Area,
    /// Areas on top of each other.
    Stacked,
    /// A bar for each bucket or group.
    Bar,
    /// One value.
    Number,
    /// The rows themselves.
    Table,
}

const fn width_default() -> u8 {
    6
}

const fn height_default() -> u8 {
    2
}

/// The fields of an object, of which none is there twice: the later one would stand in the place of
/// the earlier without a word.
fn unique_fields<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Map<String, Value>, D::Error> {
    struct FieldsVisitor;
    impl<'de> Visitor<'de> for FieldsVisitor {
        type Value = Map<String, Value>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("the parameters of a query by name")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut fields = Map::new();
            while let Some((name, value)) = map.next_entry::<String, Value>()? {
                if fields.contains_key(&name) {
                    return Err(de::Error::custom(format!("`{name}` is there twice")));
                }
                fields.insert(name, value);
            }
            Ok(fields)
        }
    }
    deserializer.deserialize_map(FieldsVisitor)
}
