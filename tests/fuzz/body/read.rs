//! Properties that intake reads on its way, against a parser that builds what it reads.

use std::sync::{Arc, LazyLock};

use arrow::array::{Array, AsArray};
use merganser_core::event::EventBatch;
use merganser_core::ids::{Boundary, Generation, JournalId, MetricId};
use merganser_core::omissions::MetricOmissions;
use merganser_core::time::Timestamp;
use merganser_metric::catalog::{CatalogSnapshot, LifecycleStage, MetricVersion};
use merganser_metric::compile::Metric;
use merganser_metric::definition;
use serde_json::Value;
use tokio::sync::watch;
use uuid::Uuid;

/// A metric of two properties, one below the other.
const METRIC: &[u8] = br#"{"name":"m","event":"e","dimensions":["a",{"name":"c","property":"b.c"}],
    "measures":{"n":{"kind":"count"}}}"#;

static SNAPSHOT: LazyLock<Arc<CatalogSnapshot>> = LazyLock::new(|| {
    let definition = definition::from_json(METRIC).unwrap();
    let compiled = Arc::new(Metric::compile(&definition).unwrap());
    let metric = MetricVersion {
        id: MetricId(1),
        version: 1,
        stage: LifecycleStage::Active,
        boundary: Boundary::default(),
        definition,
        compiled,
        files: Vec::new(),
        mismatches: 0,
        omissions: MetricOmissions::default(),
    };
    Arc::new(CatalogSnapshot {
        generation: Generation::ZERO,
        journal: JournalId(Uuid::nil()),
        published_at: Timestamp(0),
        archived: Boundary::default(),
        metrics: vec![Arc::new(metric)],
        keys: Arc::default(),
    })
});

/// The catalog's snapshots: always the same.
pub(super) fn snapshots() -> watch::Receiver<Arc<CatalogSnapshot>> {
    watch::channel(Arc::clone(&SNAPSHOT)).1
}

/// Compares what was read of accepted events.
pub(super) fn check(events: &EventBatch) {
    let texts = events.properties();
    assert!(events.is_empty() || events.read().iter().count() == 2);
    for (column, property) in events.read().iter() {
        let found = property.values.as_string::<i32>();
        for row in 0..events.len() {
            let text = texts.is_valid(row).then(|| texts.value(row));
            // A number that no float holds is none to that parser.
            let Ok(whole) = serde_json::from_str::<Value>(text.unwrap_or("null")) else { continue };
            let value = column.path.0.iter().try_fold(&whole, |value, name| value.get(name));
            let is_mismatch = property.mismatches.rows().contains(&(row as u32));
            match value {
                None | Some(Value::Null) => assert!(found.is_null(row) && !is_mismatch),
                Some(Value::Object(_) | Value::Array(_)) => {
                    assert!(found.is_null(row) && is_mismatch);
                }
                Some(Value::String(value)) => assert_eq!(found.value(row), value),
                Some(Value::Bool(value)) => assert_eq!(found.value(row), value.to_string()),
                Some(Value::Number(value)) => {
                    let number: f64 = found.value(row).parse().unwrap();
                    assert_eq!(Some(number), value.as_f64());
                }
            }
        }
    }
}
