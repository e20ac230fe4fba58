//! `/v1/metrics`: what is defined, and the values of dimensions.

use merganser_core::ids::Boundary;
use merganser_metric::definition::MetricDefinition;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use utoipa::ToSchema;

/// All metrics
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MetricList {
    /// Those that the key sees
    pub metrics: Vec<MetricDocument>,
}

/// A metric as it stands
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = Metric)]
pub struct MetricDocument {
    /// Where its batch view ends; not for keys with a filter
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub boundary: Option<Boundary>,
    /// As it was defined
    #[serde(serialize_with = "sorted")]
    pub definition: MetricDefinition,
    /// For people
    #[schema(required = true)]
    pub description: Option<String>,
    /// Start of the first bucket that has events, null without; of one metric only, and not for
    /// keys with a filter
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub first_bucket: Option<Option<String>>,
    /// Groups held; not for keys with a filter
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub groups: Option<GroupCounts>,
    /// Start of the last bucket that has events, likewise
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub last_bucket: Option<Option<String>>,
    /// What it is called
    pub name: String,
    /// A newer version that does not answer yet
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub next: Option<NextVersion>,
    /// Of one metric: what of its events its measures, dimensions and filter could not use, use by
    /// use; not for bound keys
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub omissions: Option<Vec<MetricOmission>>,
    /// Of the backfill, while it is under way
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, minimum = 0, maximum = 1)]
    pub progress: Option<f64>,
    /// Whether all its events are in
    pub state: MetricState,
    /// Values of another type than their use asks for; not for keys with a filter
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub type_mismatches: Option<u64>,
    /// Of its definition
    pub version: u32,
    /// Of one metric: what of its events its measures, dimensions and filter could not use, of all
    /// events; of a metric that was defined: what is doubtful about it, absent when nothing is
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub warnings: Option<Vec<String>>,
}

/// Whether all events of a metric are in
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum MetricState {
    /// They are.
    Active,
    /// Those from before it was defined are being folded.
    Backfilling,
}

impl MetricState {
    /// Its name in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Backfilling => "backfilling",
        }
    }
}

/// Groups held
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GroupCounts {
    /// By the batch view, at the base granularity
    pub batch: u64,
    /// By the speed view
    pub speed: u64,
}

/// A newer version that does not answer yet
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct NextVersion {
    /// As it was defined
    #[serde(serialize_with = "sorted")]
    pub definition: MetricDefinition,
    /// Of the backfill
    #[schema(minimum = 0, maximum = 1)]
    pub progress: f64,
    /// Whether all its events are in
    pub state: MetricState,
    /// Its number
    pub version: u32,
}

/// What one use of a definition could not take of the metric's events
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MetricOmission {
    /// Values; of a property that no event has there is no number
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub count: Option<u64>,
    /// The smallest of the values, by the length of their JSON
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub example: Option<OmissionExample>,
    /// Of another type than the use asks for; arithmetic without a result; more places than the
    /// measure keeps; a property that no event has
    pub kind: OmissionKind,
    /// Path of the property
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub property: Option<String>,
    /// `number`, `text`, `boolean` or `value`
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub read_as: Option<String>,
    /// `filter`, `dimension:NAME`, `measure:NAME` or `measure_filter:NAME`
    #[serde(rename = "use")]
    pub usage: String,
}

/// Why something could not be used
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OmissionKind {
    /// Of another type than the use asks for.
    Mismatched,
    /// Arithmetic without a result.
    NoResult,
    /// More places than the measure keeps.
    Rounded,
    /// A property that no event has.
    Absent,
}

/// A value that could not be used
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OmissionExample {
    /// At most 64 bytes of it; of objects and arrays the bracket
    pub json: String,
    /// `text`, `number`, `boolean`, `object` or `array`
    #[serde(rename = "type")]
    pub kind: String,
}

/// A dimension's values, most frequent first
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DimensionValues {
    /// Whether nothing is missing
    pub complete: bool,
    /// The measure that frequency is taken from
    #[schema(required = true)]
    pub counted_by: Option<String>,
    /// What is missing, with `partial=allow`
    pub missing: Vec<String>,
    /// How many there are
    pub total_values: usize,
    /// Some of them
    pub values: Vec<DimensionValue>,
}

/// A value of a dimension
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DimensionValue {
    /// How often, by `counted_by`
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub count: Option<i64>,
    /// As rows have it
    #[schema(required = true)]
    pub value: Option<String>,
}

/// Definitions are shown with their fields, and their measures, in alphabetical order.
pub(crate) fn sorted<S: Serializer>(
    definition: &MetricDefinition,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let fields = serde_json::to_value(definition).map_err(serde::ser::Error::custom)?;
    fields.serialize(serializer)
}

/// Tells null from absent.
fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}
