//! `GET /v1/status`: how the service is.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use shared::ids::Position;

use crate::serve::Serving;

pub(super) async fn show(State(serving): State<Arc<Serving>>) -> Response {
    let snapshot = serving.catalog.current();
    let now = serving.clock.now();
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
    let lags = snapshot.metrics.iter().map(|metric| serving.speed.lag(metric.id).lag_ms);
    let mut status = json!({
        "version": env!("CARGO_PKG_VERSION"),
        "started_at": serving.started_at.to_string(),
        "uptime_s": now.millis_since(serving.started_at) / 1000,
        "generation": snapshot.generation,
        "published_at": snapshot.published_at.to_string(),
        "journal": {
            "id": serving.journal.id(),
            "position": Position::only(end),
            "start": Position::only(serving.journal.start()),
            "size_bytes": serving.journal.size_bytes(),
        },
        "speed_store": { "kind": serving.speed.kind(), "lag_ms": lags.max().unwrap_or(0) },
        "cache_bytes": serving.cache_bytes(),
        "metrics": metrics.collect::<Vec<Value>>(),
    });
    if let (Value::Object(status), Some(source)) = (&mut status, &serving.status) {
        status.extend(source());
    }
    Json(status).into_response()
}
