//! What an answer is made of: the part of each layer, and what it lacks.

use std::collections::BTreeMap;

use merganser_core::ids::PartitionOffsets;
use merganser_metric::compile::Metric;
use merganser_metric::measure::MeasureEstimate;
use serde::Serialize;

use super::{PartialBucket, WidenedRange};

/// What an answer is made of.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AnswerProvenance {
    /// The manifest's generation.
    pub generation: u64,
    /// The version of the metric's definition.
    pub metric_version: u32,
    /// Nothing is missing, and the speed view keeps up.
    pub complete: bool,
    /// What is missing.
    pub missing: Vec<String>,
    /// The batch view's part.
    pub batch: BatchProvenance,
    /// The speed view's part.
    pub speed: SpeedProvenance,
    /// Measures that are estimated, with the method and its error.
    pub approximate: BTreeMap<String, MeasureApproximation>,
    /// The start of the last bucket if it can still grow.
    pub open_bucket: Option<String>,
    /// Buckets that the range cuts at either end.
    pub partial_buckets: Vec<PartialBucket>,
    /// Times, of long ago, in which buckets had to be widened to the metric's base.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub widened_buckets: Vec<WidenedRange>,
}

/// What comes from the batch view.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BatchProvenance {
    /// Events of the journal that it covers.
    pub events: u64,
    /// When its generation was published.
    pub published_at: String,
}

/// What comes from the speed view.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SpeedProvenance {
    /// Events of the journal that it covers.
    pub events: u64,
    /// Every event below is in the answer, and none from it on.
    pub through: PartitionOffsets,
    /// The other end, where the store could not give the states of one position in time: of the
    /// events from `through` to it, each is in the answer or not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reach: Option<PartitionOffsets>,
    /// Acknowledged events that are not in the answer.
    pub behind_events: u64,
    /// Age of the oldest event that is not in the view.
    pub lag_ms: u64,
}

/// How a measure is estimated.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct MeasureApproximation {
    /// `hll` or `ddsketch`.
    pub method: &'static str,
    /// Its relative error (of `hll`: one standard deviation); null for an expression over one.
    pub relative_error: Option<f64>,
}

/// Which measures are estimated.
#[must_use]
pub fn approximate(metric: &Metric, measures: &[usize]) -> BTreeMap<String, MeasureApproximation> {
    let mut approximate = BTreeMap::new();
    for measure in measures {
        if let Some(MeasureEstimate { method, relative_error }) = metric.estimate_of(*measure) {
            let name = metric.measures()[*measure].name.clone();
            approximate.insert(name, MeasureApproximation { method, relative_error });
        }
    }
    approximate
}
