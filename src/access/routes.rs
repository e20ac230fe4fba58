//! `/v1/keys`: making, listing and revoking keys.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get};
use axum::{Json, Router};
use chrono::DateTime;
use merganser_api::error_code::ErrorCode;
use merganser_api::key::{KeyDocument, KeyList, KeyRequest};
use merganser_api::problem::Problem;
use merganser_api::request::{BoundedBody, NoParameters, read_json};
use merganser_core::access::{AccessKey, AccessScope, FixedProperties, KeyChange, KeyError, Role};
use merganser_core::clock::Clock;
use merganser_core::text::{clipped, suggestion};
use merganser_core::time::{DAY_US, HOUR_US, MINUTE_US, Timestamp};
use merganser_metric::catalog::{Catalog, CatalogSnapshot};

use super::secret::KeySecret;

/// Bytes of a request's body.
const BODY_MAX: usize = 64 * 1024;
/// Bytes of a note, and of a filter.
const TEXT_MAX_BYTES: usize = 4096;
/// Names of metrics.
const METRICS_MAX: usize = 200;

/// What the routes work on.
#[derive(Clone)]
pub(crate) struct KeyRoutes {
    pub(crate) catalog: Arc<dyn Catalog>,
    pub(crate) clock: Arc<dyn Clock>,
}

/// The routes.
pub(crate) fn routes(state: KeyRoutes) -> Router {
    Router::new()
        .route("/v1/keys", get(list).post(create))
        .route("/v1/keys/{id}", delete(revoke))
        .with_state(state)
}

async fn create(
    State(state): State<KeyRoutes>,
    _: NoParameters,
    BoundedBody(body): BoundedBody<BODY_MAX>,
) -> Result<Response, Problem> {
    let request = read_json(&body, KeyRequest::SHAPE)?;
    Ok((StatusCode::CREATED, Json(create_key(&state, request).await?)).into_response())
}

/// Makes the requested key; returns its description and its text.
///
/// # Errors
/// Why there is no such key.
pub(crate) async fn create_key(
    state: &KeyRoutes,
    wanted: KeyRequest,
) -> Result<KeyDocument, Problem> {
    let now = state.clock.now();
    check(&wanted, &state.catalog.current())?;
    let expires_at = wanted.expires.as_deref().map(|text| expiry(text, now)).transpose();
    let expires_at = expires_at.map_err(|detail| invalid("/expires", detail))?;
    let set = wanted.set.map(FixedProperties::try_from).transpose();
    let set = set.map_err(|detail| invalid("/set", detail))?.map(Arc::new);
    let secret = KeySecret::new();
    let secret = secret.map_err(|e| Problem::new(ErrorCode::Internal, e.to_string()))?;
    let key = Arc::new(AccessKey {
        id: secret.id,
        digest: secret.digest,
        role: wanted.role,
        scope: Arc::new(AccessScope { metrics: wanted.metrics, filter: wanted.filter }),
        set,
        created_at: now,
        expires_at,
        requests_per_s: wanted.requests_per_s,
        note: wanted.note,
    });
    state.catalog.change_keys(KeyChange::Create(Arc::clone(&key))).await.map_err(key_problem)?;
    tracing::info!(key = key.id, role = %key.role, "a key was made");
    Ok(KeyDocument { key: Some(secret.text), ..KeyDocument::from(&*key) })
}

async fn list(State(state): State<KeyRoutes>, _: NoParameters) -> Json<KeyList> {
    let snapshot = state.catalog.current();
    let mut keys: Vec<&Arc<AccessKey>> = snapshot.keys.values().collect();
    keys.sort_by_key(|key| key.created_at);
    Json(KeyList { keys: keys.into_iter().map(|key| KeyDocument::from(&**key)).collect() })
}

async fn revoke(
    State(state): State<KeyRoutes>,
    Path(id): Path<String>,
    _: NoParameters,
) -> Result<StatusCode, Problem> {
    state.catalog.change_keys(KeyChange::Revoke(id.clone())).await.map_err(key_problem)?;
    tracing::info!(key = id, "a key was revoked");
    Ok(StatusCode::NO_CONTENT)
}

/// Refuses bounds that nothing would come of.
fn check(wanted: &KeyRequest, snapshot: &CatalogSnapshot) -> Result<(), Problem> {
    let is_bound = wanted.metrics.is_some() || wanted.filter.is_some();
    if is_bound && wanted.role != Role::Read {
        let detail = format!("a key with role `{}` is not bound; only `read` is", wanted.role);
        return Err(invalid("/role", detail));
    }
    if wanted.set.is_some() && wanted.role != Role::Ingest {
        let detail = format!(
            "a key with role `{}` sets no properties; only `ingest` does, for what it sends",
            wanted.role
        );
        return Err(invalid("/set", detail));
    }
    for (pointer, text) in [("/note", &wanted.note), ("/filter", &wanted.filter)] {
        if text.as_ref().is_some_and(|text| text.len() > TEXT_MAX_BYTES) {
            return Err(invalid(pointer, format!("it is over {TEXT_MAX_BYTES} bytes")));
        }
    }
    let names = wanted.metrics.iter().flatten();
    if wanted.metrics.as_ref().is_some_and(|m| m.is_empty() || m.len() > METRICS_MAX) {
        return Err(invalid("/metrics", format!("1 to {METRICS_MAX} names are right")));
    }
    for name in names {
        if snapshot.serving_version(name).is_none() {
            let hint = suggestion(name, snapshot.names());
            return Err(invalid("/metrics", format!("there is no metric `{name}`{hint}")));
        }
    }
    let Some(filter) = &wanted.filter else { return Ok(()) };
    let seen = snapshot.metrics.iter().filter(|metric| {
        wanted.metrics.as_ref().is_none_or(|names| names.contains(&metric.definition.name))
    });
    let planned = seen.map(|metric| (metric, metric.compiled.condition(filter)));
    let (mut fits, mut last) = (false, None);
    for (metric, planned) in planned {
        match planned {
            Ok(_) => fits = true,
            Err(error) => last = Some(format!("`{}`: {error}", metric.definition.name)),
        }
    }
    match last {
        // Every metric that is named has to have it; of all metrics, one.
        Some(wrong) if !fits || wanted.metrics.is_some() => Err(invalid("/filter", wrong)),
        None if !fits => Err(invalid("/filter", "there is no metric that it could fit".to_owned())),
        _ => Ok(()),
    }
}

/// When a key expires: `90d`, `12h` or `30m` from now, or an instant as RFC 3339.
///
/// # Errors
/// What would be right.
fn expiry(text: &str, now: Timestamp) -> Result<Timestamp, String> {
    let mut letters = text.chars();
    let span = letters.next_back().and_then(unit_micros).and_then(|unit| {
        let count: u32 = letters.as_str().parse().ok()?;
        unit.checked_mul(i64::from(count))
    });
    let at = match span {
        Some(span) => now.0.checked_add(span).map(Timestamp),
        None => DateTime::parse_from_rfc3339(text).ok().map(|time| time.to_utc().into()),
    };
    at.filter(|at| now < *at && *at <= Timestamp::MAX).ok_or_else(|| {
        let short = clipped(text);
        format!("`{short}` is no time to come; `90d`, `12h`, `30m` or an RFC 3339 time is right")
    })
}

fn unit_micros(unit: char) -> Option<i64> {
    match unit {
        'd' => Some(DAY_US),
        'h' => Some(HOUR_US),
        'm' => Some(MINUTE_US),
        _ => None,
    }
}

fn invalid(pointer: &str, detail: String) -> Problem {
    let detail = format!("{detail} (at `{pointer}`)");
    Problem::new(ErrorCode::InvalidKey, detail).with("pointer", pointer)
}

fn key_problem(error: KeyError) -> Problem {
    let detail = error.to_string();
    match error {
        KeyError::FirstIsNoAdmin => Problem::new(ErrorCode::FirstKey, detail),
        KeyError::LastAdmin(_) => Problem::new(ErrorCode::LastAdminKey, detail),
        KeyError::Unknown(_) => Problem::new(ErrorCode::UnknownKey, detail),
        KeyError::TooMany => Problem::new(ErrorCode::TooManyKeys, detail),
        KeyError::Store(_) => Problem::new(ErrorCode::NotStored, detail).retry_after_s(5),
    }
}
