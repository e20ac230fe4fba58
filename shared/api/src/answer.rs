//! What `/v1/query` answers: columns, rows, and what they are made of.
//!
//! Rows are written by the serving layer as a stream, of any length; a test compares what it writes
//! with [`AnswerDocument`].

use std::borrow::Cow;
use std::collections::BTreeMap;

use indexmap::IndexMap;
use merganser_core::ids::PartitionOffsets;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

/// Values by column, numbers with all their digits; with `compare` also `compare`, the start of the
/// bucket of the earlier range as `time`, if there are buckets, and its values by measure
pub type AnswerRow = IndexMap<String, Box<RawValue>>;

/// Columns, rows and what they are made of
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = Answer)]
pub struct AnswerDocument {
    /// The metric's name
    pub metric: String,
    /// As it was answered
    #[schema(required = true, format = DateTime)]
    pub from: Option<String>,
    /// As it was answered
    #[schema(required = true, format = DateTime)]
    pub to: Option<String>,
    /// Length of the buckets
    pub granularity: String,
    /// With `window`: as it was asked for
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub window: Option<String>,
    /// Zone of the buckets
    pub timezone: String,
    /// With `compare`: the earlier range
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub compare: Option<ComparedRange>,
    /// `time` if there are buckets, the dimensions, the measures
    pub columns: Vec<AnswerColumn>,
    /// With `totals`: by measure, one merge of all that is counted in the range; with `compare`
    /// also `compare`, the same of the earlier range
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>, nullable = false)]
    pub totals: Option<AnswerRow>,
    /// With `other`: by bucket, one merge of the rows that pass `having` and are not in `rows`:
    /// `time` if there are buckets, and values by measure; with `compare` also `compare`: all of
    /// the earlier bucket that no row is compared with
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<Object>>, nullable = false)]
    pub other: Option<Vec<AnswerRow>>,
    /// Values by column, numbers with all their digits; with `compare` also `compare`, the start
    /// of the bucket of the earlier range as `time`, if there are buckets, and its values by
    /// measure
    #[schema(value_type = Vec<Object>)]
    pub rows: Vec<AnswerRow>,
    /// Rows before `limit` and `offset`
    pub total_rows: usize,
    /// What they are made of
    pub provenance: AnswerProvenance,
    /// What a reader of the values should know; absent when there is nothing
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// A column of an answer
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AnswerColumn {
    /// What it is called
    pub name: String,
    /// What its values are
    #[serde(rename = "type")]
    pub kind: ColumnType,
}

/// What the values of a column are
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ColumnType {
    /// RFC 3339, in the answer's zone.
    Timestamp,
    /// Texts.
    Text,
    /// Whole numbers.
    Integer,
    /// Exact decimals.
    Decimal,
}

impl ColumnType {
    /// Its name in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Timestamp => "timestamp",
            Self::Text => "text",
            Self::Integer => "integer",
            Self::Decimal => "decimal",
        }
    }
}

/// The earlier range that rows are compared with
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ComparedRange {
    /// How it was chosen
    pub kind: CompareMode,
    /// Its first instant
    #[schema(format = DateTime)]
    pub from: String,
    /// The first instant after
    #[schema(format = DateTime)]
    pub to: String,
    /// Buckets that the range cuts at either end: their start as in the rows, and the part that was
    /// asked for
    pub partial_buckets: Vec<PartialBucket>,
}

/// Which earlier range rows are compared with
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CompareMode {
    /// The one that ends where this one begins.
    PreviousPeriod,
    /// The same a year earlier.
    PreviousYear,
    /// The same days of the quarter before, up to now.
    PreviousQuarter,
    /// The same days of the month before, up to now.
    PreviousMonth,
    /// The same days of the week before, up to now.
    PreviousWeek,
}

impl CompareMode {
    /// All of them by name.
    pub const EACH: [(&'static str, Self); 5] = [
        ("previous_period", Self::PreviousPeriod),
        ("previous_year", Self::PreviousYear),
        ("previous_quarter", Self::PreviousQuarter),
        ("previous_month", Self::PreviousMonth),
        ("previous_week", Self::PreviousWeek),
    ];

    /// Its name in queries.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::PreviousPeriod => "previous_period",
            Self::PreviousYear => "previous_year",
            Self::PreviousQuarter => "previous_quarter",
            Self::PreviousMonth => "previous_month",
            Self::PreviousWeek => "previous_week",
        }
    }

    /// Whether a range that is not over is compared only as far as it has come.
    #[must_use]
    pub const fn is_to_date(self) -> bool {
        match self {
            Self::PreviousPeriod | Self::PreviousYear => false,
            Self::PreviousQuarter | Self::PreviousMonth | Self::PreviousWeek => true,
        }
    }
}

/// What an answer is made of
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = Provenance)]
pub struct AnswerProvenance {
    /// The manifest's
    pub generation: u64,
    /// Of the metric's definition
    pub metric_version: u32,
    /// Nothing is missing, and the speed view keeps up
    pub complete: bool,
    /// What is missing
    pub missing: Vec<String>,
    /// The batch view's part
    pub batch: BatchProvenance,
    /// The speed view's part
    pub speed: SpeedProvenance,
    /// Measures that are estimated
    pub approximate: BTreeMap<String, MeasureApproximation>,
    /// Start of the last bucket if it can still grow
    #[schema(required = true, format = DateTime)]
    pub open_bucket: Option<String>,
    /// Buckets that the range cuts at either end: their start as in the rows, and the part that was
    /// asked for
    pub partial_buckets: Vec<PartialBucket>,
    /// Times of long ago in which the zone's offset does not fit the metric's base, so that buckets
    /// begin at the base's next one; absent when there are none
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub widened_buckets: Vec<WidenedRange>,
}

/// The batch view's part of an answer
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BatchProvenance {
    /// Events of the journal that it covers
    pub events: u64,
    /// When its generation was published
    #[schema(format = DateTime)]
    pub published_at: String,
}

/// The speed view's part of an answer
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SpeedProvenance {
    /// Events of the journal that it covers
    pub events: u64,
    /// Every event below is in the answer, and none from it on
    pub through: PartitionOffsets,
    /// Only where the store could not give the states of one position in time, and then the answer
    /// is not complete: of the events from `through` to here each is in the answer or not
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub reach: Option<PartitionOffsets>,
    /// Acknowledged events that are not in the answer
    pub behind_events: u64,
    /// Age of the oldest acknowledged event that is not in the view
    pub lag_ms: u64,
}

/// How a measure is estimated
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MeasureApproximation {
    /// The sketch that it is kept in: `hll` or `ddsketch`
    #[schema(value_type = String)]
    pub method: Cow<'static, str>,
    /// Of `hll`: one standard deviation; null for an expression over one
    #[schema(required = true)]
    pub relative_error: Option<f64>,
}

/// A bucket of which there is a part
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = BucketPart)]
pub struct PartialBucket {
    /// Its start, as rows have it
    #[schema(format = DateTime)]
    pub time: String,
    /// The first instant of the part
    #[schema(format = DateTime)]
    pub from: String,
    /// The first instant after the part
    #[schema(format = DateTime)]
    pub to: String,
}

/// Times in which buckets do not begin on the metric's base buckets, and were widened to them
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WidenedRange {
    /// The first instant
    #[schema(format = DateTime)]
    pub from: String,
    /// The first instant after
    #[schema(format = DateTime)]
    pub to: String,
}
