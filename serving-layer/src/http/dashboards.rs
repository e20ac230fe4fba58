//! `/v1/dashboards`: saved documents of charts. A document is checked before it is kept, and has an
//! entity tag: two who change the same one do not undo each other's work unseen.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use headers::{ETag, HeaderMapExt};
use merganser_api::dashboard::{DashboardItem, DashboardList};
use merganser_api::error_code::ErrorCode;
use merganser_api::problem::Problem;
use merganser_api::request::{BoundedBody, NoParameters, Preconditions, read_json};
use merganser_core::text::{clipped, suggestion};
use merganser_metric::dashboards::{
    DASHBOARDS_MAX, DashboardCatalog, DashboardDraft, DashboardError, DashboardOutcome,
    DashboardSummary, ExpectedVersion,
};
use serde::de::IgnoredAny;

use crate::dashboard;

/// Bytes of a document.
const BODY_MAX: usize = 256 << 10;

type Dashboards = State<Arc<dyn DashboardCatalog>>;

/// The routes.
pub fn routes(dashboards: Arc<dyn DashboardCatalog>) -> Router {
    Router::new()
        .route("/v1/dashboards", get(list))
        .route("/v1/dashboards/{name}", get(show).put(write).delete(delete))
        .with_state(dashboards)
}

async fn list(State(dashboards): Dashboards, _: NoParameters) -> Json<DashboardList> {
    Json(DashboardList { dashboards: dashboards.list().iter().map(dashboard_item).collect() })
}

fn dashboard_item(summary: &DashboardSummary) -> DashboardItem {
    DashboardItem {
        charts: summary.charts,
        name: summary.name.clone(),
        title: summary.title.clone(),
        updated_at: summary.updated_at.to_string(),
    }
}

async fn show(
    State(dashboards): Dashboards,
    Path(name): Path<String>,
    _: NoParameters,
    conditions: Preconditions,
) -> Result<Response, Problem> {
    let found = dashboards.read(&name).await.map_err(|e| problem(&*dashboards, e))?;
    let tag = tag(&found.summary)?;
    let mut answer_headers = HeaderMap::new();
    let is_known = conditions.know(&tag);
    answer_headers.typed_insert(tag);
    Ok(match is_known {
        true => (StatusCode::NOT_MODIFIED, answer_headers).into_response(),
        false => (answer_headers, Json(found.document)).into_response(),
    })
}

async fn write(
    State(dashboards): Dashboards,
    Path(name): Path<String>,
    _: NoParameters,
    conditions: Preconditions,
    BoundedBody(text): BoundedBody<BODY_MAX>,
) -> Result<Response, Problem> {
    if !dashboard::is_name(&name) {
        let detail = format!(
            "`{}` is no name of a dashboard; 1 to 64 of `a-z0-9_-` are right, a letter first",
            clipped(&name)
        );
        return Err(Problem::new(ErrorCode::InvalidDashboard, detail));
    }
    let _: IgnoredAny = read_json(&text, r#"{"title": "…", "charts": […]}"#)?;
    let checked = dashboard::from_json(&text).map_err(|refused| {
        let place = match &*refused.pointer {
            "" => String::new(),
            pointer => format!(" (at `{pointer}`)"),
        };
        let detail = format!("{}{place}", refused.message);
        Problem::new(ErrorCode::InvalidDashboard, detail).with("pointer", refused.pointer)
    })?;
    let document = serde_json::to_value(&checked);
    let document = document.map_err(|e| Problem::new(ErrorCode::Internal, e.to_string()))?;
    let expected = expected(&*dashboards, &name, &conditions)?;
    let (title, charts) = (checked.title, checked.charts.len());
    let draft = DashboardDraft { name, title, charts, document };
    let written = dashboards.write(draft, expected).await;
    let (status, summary) = match written.map_err(|e| problem(&*dashboards, e))? {
        DashboardOutcome::Created(summary) => (StatusCode::CREATED, summary),
        DashboardOutcome::Changed(summary) | DashboardOutcome::Unchanged(summary) => {
            (StatusCode::OK, summary)
        }
    };
    let mut answer_headers = HeaderMap::new();
    answer_headers.typed_insert(tag(&summary)?);
    Ok((status, answer_headers, Json(dashboard_item(&summary))).into_response())
}

async fn delete(
    State(dashboards): Dashboards,
    Path(name): Path<String>,
    _: NoParameters,
    conditions: Preconditions,
) -> Result<StatusCode, Problem> {
    let expected = expected(&*dashboards, &name, &conditions)?;
    dashboards.delete(&name, expected).await.map_err(|e| problem(&*dashboards, e))?;
    Ok(StatusCode::NO_CONTENT)
}

/// The version that a request's conditions allow to be changed: the one that stands now.
fn expected(
    dashboards: &dyn DashboardCatalog,
    name: &str,
    conditions: &Preconditions,
) -> Result<ExpectedVersion, Problem> {
    if !conditions.is_given() {
        return Ok(ExpectedVersion::Any);
    }
    let current = dashboards.list().into_iter().find(|one| one.name == name);
    let current_tag = current.as_ref().map(tag).transpose()?;
    if !conditions.allow_change(current_tag.as_ref()) {
        return Err(problem(dashboards, DashboardError::Changed(name.to_owned())));
    }
    Ok(match current {
        Some(current) => ExpectedVersion::Exactly(current.version),
        None => ExpectedVersion::Absent,
    })
}

fn tag(summary: &DashboardSummary) -> Result<ETag, Problem> {
    let tag = format!("\"{}\"", summary.version).parse();
    tag.map_err(|_| Problem::new(ErrorCode::Internal, "a version is no entity tag"))
}

fn problem(dashboards: &dyn DashboardCatalog, error: DashboardError) -> Problem {
    let detail = error.to_string();
    match error {
        DashboardError::Unknown(name) => {
            let known = dashboards.list();
            let hint = suggestion(&name, known.iter().map(|one| &*one.name));
            Problem::new(ErrorCode::UnknownDashboard, format!("{detail}{hint}"))
        }
        DashboardError::Changed(_) => {
            let detail = format!("{detail}; read it again, and change what is there now");
            Problem::new(ErrorCode::PreconditionFailed, detail)
        }
        DashboardError::TooMany => {
            Problem::new(ErrorCode::TooManyDashboards, detail).with("limit", DASHBOARDS_MAX)
        }
        DashboardError::Store(_) => Problem::new(ErrorCode::NotStored, detail).retry_after_s(5),
    }
}
