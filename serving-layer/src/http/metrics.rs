//! `/v1/metrics`: what is defined, and defining it.
//!
//! `PUT` answers 200 when the same definition stands already, and otherwise 202 with the location
//! of the run that backfills it.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use merganser_api::error_code::ErrorCode;
use merganser_api::metric::{GroupCounts, MetricDocument, MetricList, MetricState, NextVersion};
use merganser_api::problem::Problem;
use merganser_api::request::{BoundedBody, CallerId, NoParameters, RequestScope, read_json};
use merganser_core::access::AccessScope;
use merganser_metric::catalog::{
    CatalogError, CatalogSnapshot, DefineOutcome, LifecycleStage, MetricVersion,
};
use merganser_metric::definition;
use serde::de::IgnoredAny;

use super::Body;
use crate::serve::{PermitRequest, ServingLayer};

/// What a refusal says would be right.
pub(super) const SHAPE: &str = r#"a definition, as {"event": …, "measures": …}"#;

pub(super) async fn list(
    State(serving): State<Arc<ServingLayer>>,
    RequestScope(scope): RequestScope,
    _: NoParameters,
) -> Response {
    let snapshot = serving.catalog.current();
    let metrics = serving
        .visible_metrics(&snapshot, &scope)
        .map(|metric| redact_for_scope(document(&serving, &snapshot, &scope, metric), &scope))
        .collect();
    Json(MetricList { metrics }).into_response()
}

pub(super) async fn show(
    State(serving): State<Arc<ServingLayer>>,
    RequestScope(scope): RequestScope,
    caller: CallerId,
    Path(name): Path<String>,
    _: NoParameters,
) -> Result<Response, Problem> {
    let snapshot = serving.catalog.current();
    let metric = serving.find(&snapshot, &scope, &name)?;
    let mut shown = document(&serving, &snapshot, &scope, metric);
    let extent = serving.extent(&PermitRequest::query(caller), &snapshot, metric).await?;
    serving.add_warnings(metric, !scope.is_everything(), &mut shown).await;
    shown.first_bucket = Some(extent.map(|(first, _)| first.to_string()));
    shown.last_bucket = Some(extent.map(|(_, last)| last.to_string()));
    Ok(Json(redact_for_scope(shown, &scope)).into_response())
}

/// Without what tells of events that a filter leaves out.
fn redact_for_scope(shown: MetricDocument, scope: &AccessScope) -> MetricDocument {
    match scope.filter {
        None => shown,
        Some(_) => MetricDocument {
            boundary: None,
            first_bucket: None,
            groups: None,
            last_bucket: None,
            type_mismatches: None,
            ..shown
        },
    }
}

pub(super) async fn define(
    State(serving): State<Arc<ServingLayer>>,
    Path(name): Path<String>,
    _: NoParameters,
    BoundedBody(text): Body,
) -> Result<Response, Problem> {
    let _: IgnoredAny = read_json(&text, SHAPE)?;
    let mut definition =
        definition::from_json(&text).map_err(|error| invalid(&error.pointer, &error.message))?;
    if definition.name.is_empty() {
        definition.name.clone_from(&name);
    }
    if definition.name != name {
        let message = format!("the name is `{}`, and the path says `{name}`", definition.name);
        return Err(invalid("/name", &message));
    }
    let defined = serving.catalog.define(definition).await.map_err(catalog_problem)?;
    let snapshot = serving.catalog.current();
    let everything = AccessScope::default();
    let of = |metric: &Arc<MetricVersion>| document(&serving, &snapshot, &everything, metric);
    let mut shown = snapshot.newest_version(&name).map(of);
    if let (Some(metric), Some(shown)) = (snapshot.newest_version(&name), &mut shown) {
        let warnings = serving.definition_warnings(metric).await;
        shown.warnings = (!warnings.is_empty()).then_some(warnings);
    }
    Ok(match defined {
        DefineOutcome::Unchanged => (StatusCode::OK, Json(shown)).into_response(),
        DefineOutcome::Accepted { run } => {
            let place = format!("/v1/runs/{run}");
            (StatusCode::ACCEPTED, [(header::LOCATION, place)], Json(shown)).into_response()
        }
    })
}

pub(super) async fn delete(
    State(serving): State<Arc<ServingLayer>>,
    Path(name): Path<String>,
    _: NoParameters,
) -> Result<StatusCode, Problem> {
    let snapshot = serving.catalog.current();
    if snapshot.newest_version(&name).is_none() {
        return Err(serving.unknown(&snapshot, &AccessScope::default(), &name).into());
    }
    serving.catalog.delete(&name).await.map_err(catalog_problem)?;
    Ok(StatusCode::NO_CONTENT)
}

/// A metric as clients see it. A newer version that does not answer yet is under `next`, for those
/// who will see it.
fn document(
    serving: &ServingLayer,
    snapshot: &CatalogSnapshot,
    scope: &AccessScope,
    metric: &MetricVersion,
) -> MetricDocument {
    let base = metric.compiled.grain();
    let batch: u64 = metric.files.iter().filter(|f| f.grain == base).map(|file| file.rows).sum();
    let progress = |id| serving.catalog.backfill_progress(id).unwrap_or(0.0);
    let newest = snapshot.newest_version(&metric.definition.name);
    let newer = newest.filter(|next| next.version > metric.version);
    MetricDocument {
        boundary: Some(metric.boundary),
        definition: metric.definition.clone(),
        description: metric.definition.description.clone(),
        first_bucket: None,
        groups: Some(GroupCounts { batch, speed: serving.speed.groups(metric.id) }),
        last_bucket: None,
        name: metric.definition.name.clone(),
        next: newer.filter(|next| serving.fits(scope, next)).map(|next| NextVersion {
            definition: next.definition.clone(),
            progress: progress(next.id),
            state: state(next.stage),
            version: next.version,
        }),
        omissions: None,
        progress: (metric.stage == LifecycleStage::Backfilling).then(|| progress(metric.id)),
        state: state(metric.stage),
        type_mismatches: Some(metric.mismatches + serving.speed.mismatches(metric.id)),
        version: metric.version,
        warnings: None,
    }
}

fn state(stage: LifecycleStage) -> MetricState {
    match stage {
        LifecycleStage::Active => MetricState::Active,
        LifecycleStage::Backfilling => MetricState::Backfilling,
    }
}

pub(super) fn invalid(pointer: &str, message: &str) -> Problem {
    let place = if pointer.is_empty() { String::new() } else { format!(" (at `{pointer}`)") };
    Problem::new(ErrorCode::InvalidDefinition, format!("{message}{place}")).with("pointer", pointer)
}

fn catalog_problem(error: CatalogError) -> Problem {
    match &error {
        CatalogError::Definition(wrong) => invalid(&wrong.pointer, &wrong.message),
        CatalogError::Unknown(_) => Problem::new(ErrorCode::UnknownMetric, error.to_string()),
        CatalogError::Store(_) => {
            Problem::new(ErrorCode::NotStored, error.to_string()).retry_after_s(5)
        }
        CatalogError::TooMany { limit } => {
            Problem::new(ErrorCode::TooManyMetrics, error.to_string()).with("limit", *limit)
        }
    }
}
