//! Which values of an answer are estimated.

use std::collections::BTreeMap;

use merganser_api::answer::MeasureApproximation;
use merganser_metric::compile::Metric;
use merganser_metric::measure::MeasureEstimate;

/// Which measures are estimated.
#[must_use]
pub fn approximate(metric: &Metric, measures: &[usize]) -> BTreeMap<String, MeasureApproximation> {
    let mut approximate = BTreeMap::new();
    for measure in measures {
        if let Some(MeasureEstimate { method, relative_error }) = metric.estimate_of(*measure) {
            let name = metric.measures()[*measure].name.clone();
            let method = method.into();
            approximate.insert(name, MeasureApproximation { method, relative_error });
        }
    }
    approximate
}
