//! `POST /v1/metrics:preview` and `GET /v1/properties`: what the newest events are like.

use std::collections::BTreeMap;

use merganser_metric::definition::MetricDefinition;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::answer::AnswerColumn;
use crate::metric::{MetricOmission, sorted};

/// What a definition answers of the newest events
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = Preview)]
pub struct PreviewDocument {
    /// The events that were read
    pub events: PreviewedEvents,
    /// As in an answer
    pub columns: Vec<AnswerColumn>,
    /// As in an answer
    #[schema(value_type = Vec<Object>)]
    pub rows: Box<RawValue>,
    /// Rows before `limit`
    pub total_rows: usize,
    /// Groups by the metric's base bucket and all of its dimensions
    pub groups: usize,
    /// Values that had another type than a use asks for
    pub type_mismatches: u64,
    /// What each use could not take, as `GET /v1/metrics/{name}` lists it
    pub omissions: Vec<MetricOmission>,
    /// What a reader of the rows should know
    pub warnings: Vec<String>,
    /// As it was read: what `PUT /v1/metrics/{name}` takes, in whatever it was written
    #[serde(serialize_with = "sorted")]
    pub definition: MetricDefinition,
}

/// The events that a definition was tried on
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PreviewedEvents {
    /// The first of their times
    #[schema(required = true, format = DateTime)]
    pub first_time: Option<String>,
    /// The last of their times
    #[schema(required = true, format = DateTime)]
    pub last_time: Option<String>,
    /// Those that the metric is about
    pub matched: u64,
    /// How many there are
    pub read: usize,
}

/// What the newest events are like
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct PropertyList {
    /// The events that were read
    pub events: SampledEvents,
    /// Types of all that were read, most frequent first
    pub event_types: Vec<EventTypeCount>,
    /// Properties of those that match, most frequent first
    pub properties: Vec<SampledProperty>,
}

/// The events whose properties are listed
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SampledEvents {
    /// Those of the type that was asked for
    pub matched: usize,
    /// How many were read
    pub read: usize,
}

/// A type of events, and how many there are
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EventTypeCount {
    /// The type
    pub event: String,
    /// How many
    pub events: usize,
}

/// A property of events
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct SampledProperty {
    /// As expressions write it
    pub path: String,
    /// How many values are a `number`, `text`, `boolean`, `array`, `object` or `null`
    pub types: BTreeMap<String, usize>,
    /// Up to five values; of long texts the beginning
    #[schema(value_type = Vec<Value>)]
    pub examples: Vec<Box<RawValue>>,
}
