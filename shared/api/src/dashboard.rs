//! A dashboard's document, as clients send and get it.

use std::fmt;

use serde::de::{self, Deserializer, MapAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// All dashboards
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DashboardList {
    /// By name
    pub dashboards: Vec<DashboardItem>,
}

/// A dashboard without its document
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = DashboardSummary)]
pub struct DashboardItem {
    /// How many charts it has
    pub charts: usize,
    /// Its name
    pub name: String,
    /// What stands above it
    pub title: String,
    /// When it was written last
    #[schema(format = DateTime)]
    pub updated_at: String,
}

/// A grid of charts, with what holds for all of them
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
#[schema(example = json!({"title": "Sales", "from": "now-7d", "charts": [
    {"title": "Orders", "chart": "line", "width": 12, "height": 2,
     "query": {"metric": "sales", "measures": ["orders"], "granularity": "day"}}]}))]
pub struct Dashboard {
    /// What stands above it
    #[schema(min_length = 1, max_length = 200)]
    pub title: String,
    /// What it is for
    #[serde(default)]
    #[schema(max_length = 4096)]
    pub description: String,
    /// As the parameter of queries, for charts without their own; empty: none
    #[serde(default)]
    pub from: String,
    /// As the parameter of queries, for charts without their own; empty: none
    #[serde(default)]
    pub to: String,
    /// As the parameter of queries, for charts without their own; empty: none
    #[serde(default)]
    pub timezone: String,
    /// Condition over dimensions; holds together with a chart's own
    #[serde(default)]
    #[schema(max_length = 4096)]
    pub filter: String,
    /// As the parameter of queries, for charts without their own; empty: none
    #[serde(default)]
    pub compare: String,
    /// The charts, in the order in which they are laid out
    #[serde(default)]
    #[schema(max_items = 64)]
    pub charts: Vec<Chart>,
}

/// One query and how its answer is drawn
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub struct Chart {
    /// What stands above it
    #[serde(default)]
    #[schema(max_length = 200)]
    pub title: String,
    /// How it is drawn
    pub chart: ChartKind,
    /// Columns of twelve that it takes; default 6
    #[serde(default = "width_default")]
    #[schema(minimum = 1, maximum = 12)]
    pub width: u8,
    /// Rows that it takes; default 2
    #[serde(default = "height_default")]
    #[schema(minimum = 1, maximum = 8)]
    pub height: u8,
    /// The query, as the body of POST /v1/query
    #[serde(deserialize_with = "unique_fields")]
    #[schema(value_type = Object)]
    pub query: Map<String, Value>,
}

/// How an answer is drawn
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
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
