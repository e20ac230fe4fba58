//! `GET /v1/status`: how the service is.

use std::sync::Arc;
use std::time::Instant;

use axum::Json;
use axum::extract::State;
use merganser_api::request::NoParameters;
use merganser_api::status::{
    JournalStatus, MetricStatus, QueryMemoryStatus, ServiceStatus, SpeedStoreState,
    SpeedStoreStatus,
};
use merganser_core::ids::PartitionOffsets;
use merganser_metric::catalog::CatalogSnapshot;

use crate::serve::ServingLayer;

/// Milliseconds that have gone by since `begun`, however the wall clock was set meanwhile.
fn elapsed_ms(begun: Instant) -> u64 {
    u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX)
}

pub(super) async fn show(
    State(serving): State<Arc<ServingLayer>>,
    _: NoParameters,
) -> Json<ServiceStatus> {
    let snapshot = serving.catalog.current();
    let end = serving.journal.end();
    let metrics = snapshot.metrics.iter().map(|metric| {
        let lag = serving.speed.lag(metric.id);
        MetricStatus {
            behind: end.since(lag.applied),
            boundary: metric.boundary,
            lag_ms: lag.lag_ms,
            name: metric.definition.name.clone(),
            version: metric.version,
        }
    });
    let mut status = ServiceStatus {
        backlog: None,
        cache_bytes: serving.cache_bytes(),
        cluster: None,
        disk: None,
        events: None,
        generation: snapshot.generation.0,
        journal: JournalStatus {
            id: serving.journal.id().to_string(),
            position: PartitionOffsets::only(end),
            size_bytes: serving.journal.size_bytes(),
            start: PartitionOffsets::only(serving.journal.start()),
        },
        metrics: metrics.collect(),
        next_runs: None,
        published_at: snapshot.published_at.to_string(),
        query_memory: QueryMemoryStatus {
            limit_bytes: serving.memory.limit(),
            taken_bytes: serving.memory.taken(),
        },
        speed_store: speed_store(&serving, &snapshot),
        started_at: serving.started_at.to_string(),
        uptime_s: serving.begun.elapsed().as_secs(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
    };
    if let Some(source) = &serving.status {
        source(&mut status);
    }
    Json(status)
}

fn speed_store(serving: &ServingLayer, snapshot: &CatalogSnapshot) -> SpeedStoreStatus {
    let failure = serving.speed.failure();
    let lags = snapshot.metrics.iter().map(|metric| serving.speed.lag(metric.id).lag_ms);
    // While the store does not answer, its views fall behind for every query.
    let failing_ms = failure.as_ref().map(|failure| elapsed_ms(failure.begun));
    SpeedStoreStatus {
        failing_since: failure.as_ref().map(|failure| failure.since.to_string()),
        kind: serving.speed.kind().to_owned(),
        lag_ms: lags.chain(failing_ms).max().unwrap_or(0),
        reason: failure.as_ref().map(|failure| failure.reason.clone()),
        state: match failure {
            Some(_) => SpeedStoreState::Failing,
            None => SpeedStoreState::Ok,
        },
    }
}
