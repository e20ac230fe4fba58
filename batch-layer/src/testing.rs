//! Fixtures for the tests of this crate.

mod forgetful_store;

use std::sync::Arc;

use merganser_core::ids::{Boundary, Epoch, MetricId, Offset};
use merganser_core::omissions::MetricOmissions;
use merganser_core::time::{Grain, TimeRange};
use merganser_metric::catalog::{LifecycleStage, MetricVersion, ViewFile};
use merganser_metric::compile::Metric;
use merganser_metric::definition::MetricDefinition;

pub(crate) use forgetful_store::ForgetfulStore;

use crate::manifest::{ManifestChange, RunOutcome, ViewUpdate};

/// A boundary.
pub(crate) fn at(epoch: u64, offset: u64) -> Boundary {
    Boundary { epoch: Epoch(epoch), offset: Offset(offset) }
}

/// What a run publishes of a view that it took from one boundary to another, with a file that is
/// named after the other's epoch.
pub(crate) fn outcome(id: u64, expected: Boundary, boundary: Boundary) -> ManifestChange {
    let file = ViewFile {
        path: format!("views/{id}/{}.parquet", boundary.epoch),
        grain: Grain::Day,
        range: TimeRange::ALL,
        from: at(0, 0),
        to: at(1, 10),
        rows: 1,
        size_bytes: 1,
        checksum: None,
    };
    let update = ViewUpdate {
        id: MetricId(id),
        expected,
        boundary,
        files: vec![file],
        mismatches: 0,
        omissions: MetricOmissions::default(),
    };
    ManifestChange::Run(RunOutcome { views: vec![update], ..RunOutcome::default() })
}

/// A file's bytes with a bit flipped in each byte, and cut off before each byte.
pub(crate) fn damages(whole: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    (0..whole.len()).flat_map(|at| {
        let mut flipped = whole.to_vec();
        flipped[at] ^= 1 << (at % 8);
        [flipped, whole[..at].to_vec()]
    })
}

/// A metric with every kind of state.
pub(crate) fn definition(name: &str) -> MetricDefinition {
    let text = format!(
        r#"{{
            "name": "{name}",
            "event": "sale",
            "dimensions": ["kind"],
            "measures": {{
                "count": {{"kind": "count"}},
                "total": {{"kind": "sum", "of": "amount"}},
                "least": {{"kind": "min", "of": "amount"}},
                "most": {{"kind": "max", "of": "amount"}},
                "kinds": {{"kind": "distinct", "of": "kind"}},
                "median": {{"kind": "quantile", "of": "amount", "q": 0.5}},
                "large": {{"kind": "count", "filter": "amount > 5"}},
                "exact": {{"kind": "sum", "of": "amount / 3", "places": 15}},
                "first": {{"kind": "min", "of": "time"}},
                "last": {{"kind": "latest", "of": "time"}}
            }}
        }}"#
    );
    merganser_metric::definition::from_json(text.as_bytes()).unwrap()
}

/// A version of a metric at a boundary.
pub(crate) fn version(definition: &MetricDefinition, boundary: Boundary) -> Arc<MetricVersion> {
    Arc::new(MetricVersion {
        id: MetricId(1),
        version: 1,
        stage: LifecycleStage::Active,
        boundary,
        definition: definition.clone(),
        compiled: Arc::new(Metric::compile(definition).unwrap()),
        files: Vec::new(),
        mismatches: 0,
        omissions: MetricOmissions::default(),
    })
}
