//! `GET /v1/status`: how the service is.

use std::sync::Arc;
use std::time::Instant;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use merganser_api::request::NoParameters;
use merganser_core::ids::PartitionOffsets;
use serde_json::{Value, json};

use crate::serve::ServingLayer;

/// Milliseconds that have gone by since `begun`, however the wall clock was set meanwhile.
fn elapsed_ms(begun: Instant) -> u64 {
    u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX)
}

pub(super) async fn show(State(serving): State<Arc<ServingLayer>>, _: NoParameters) -> Response {
    let snapshot = serving.catalog.current();
    let end = serving.journal.end();
    let metrics = snapshot.metrics.iter().map(|metric| {
        let lag = serving.speed.lag(metric.id);
        json!({
            "name": metric.definition.name,
            "version": metric.version,
            "boundary": { "epoch": metric.boundary.epoch, "offset": metric.boundary.offset },
            "lag_ms": lag.lag_ms,
            "behind": end.since(lag.applied),
        })
    });
    let failure = serving.speed.failure();
    let lags = snapshot.metrics.iter().map(|metric| serving.speed.lag(metric.id).lag_ms);
    // While the store does not answer, its views fall behind for every query.
    let failing_ms = failure.as_ref().map(|failure| elapsed_ms(failure.begun));
    let lag_ms = lags.chain(failing_ms).max().unwrap_or(0);
    let mut status = json!({
        "version": env!("CARGO_PKG_VERSION"),
        "started_at": serving.started_at.to_string(),
        "uptime_s": serving.begun.elapsed().as_secs(),
        "generation": snapshot.generation,
        "published_at": snapshot.published_at.to_string(),
        "journal": {
            "id": serving.journal.id(),
            "position": PartitionOffsets::only(end),
            "start": PartitionOffsets::only(serving.journal.start()),
            "size_bytes": serving.journal.size_bytes(),
        },
        "speed_store": {
            "kind": serving.speed.kind(),
            "state": if failure.is_some() { "failing" } else { "ok" },
            "failing_since": failure.as_ref().map(|failure| failure.since.to_string()),
            "reason": failure.as_ref().map(|failure| &failure.reason),
            "lag_ms": lag_ms,
        },
        "cache_bytes": serving.cache_bytes(),
        "query_memory": {
            "taken_bytes": serving.memory.taken(),
            "limit_bytes": serving.memory.limit(),
        },
        "metrics": metrics.collect::<Vec<Value>>(),
    });
    if let (Value::Object(status), Some(source)) = (&mut status, &serving.status) {
        status.extend(source());
    }
    Json(status).into_response()
}
