//! The batch layer's routes: runs, their schedule, and back-ups.

use std::convert::Infallible;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName, StatusCode, Uri, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{AppendHeaders, IntoResponse, Json, Response};
use axum::routing::get;
use futures::stream::{self, Stream};
use merganser_api::error_code::ErrorCode;
use merganser_api::problem::Problem;
use merganser_api::request::{
    BoundedBody, NoParameters, invalid_parameter, parameters, preferred_media_type, read_json,
    read_json_as,
};
use merganser_api::run::{RunList, RunRequest};
use merganser_api::schedule::{NextRuns, ScheduleDocument};
use merganser_core::text::suggestion;
use tokio::sync::watch;

use crate::backup::BackupService;
use crate::job::{RunCancelError, RunMode, RunRecord};
use crate::run::{RunService, RunStartError};

/// Bytes of a request's body.
const BODY_MAX: usize = 64 * 1024;

type LimitedBody = BoundedBody<BODY_MAX>;

/// Runs that are listed unless the request says otherwise, and at most.
const LIMIT_DEFAULT: usize = 100;
const LIMIT_MAX: usize = 1000;

/// The routes.
pub fn routes(runs: RunService, backups: BackupService) -> Router {
    let backup = Router::new().route("/v1/backup", get(backup)).with_state(backups);
    let runs = Router::new()
        .route("/v1/runs", get(list).post(start))
        .route("/v1/runs/{id}", get(show).delete(cancel))
        .route("/v1/schedule", get(schedule).put(set_schedule))
        .with_state(runs);
    runs.merge(backup)
}

/// The archive; its headers say what is in it.
async fn backup(
    State(backups): State<BackupService>,
    _: NoParameters,
) -> Result<Response, Problem> {
    let taken = backups.take().await.ok_or_else(|| {
        let detail = "a back-up is being taken; ask again when it is done";
        Problem::new(ErrorCode::BackupActive, detail)
    })?;
    let backup = taken.map_err(|e| Problem::new(ErrorCode::JournalUnreadable, e.to_string()))?;
    let generation = backup.generation().0.to_string();
    let name = format!("attachment; filename=\"merganser-{generation}.tar\"");
    let start = backup.journal_start().0.to_string();
    let headers = [
        (header::CONTENT_TYPE, "application/x-tar".to_owned()),
        (header::CONTENT_DISPOSITION, name),
        (HeaderName::from_static("merganser-generation"), generation),
        (HeaderName::from_static("merganser-journal-start"), start),
    ];
    Ok((AppendHeaders(headers), Body::from_stream(backup.archive())).into_response())
}

async fn start(
    State(runs): State<RunService>,
    _: NoParameters,
    BoundedBody(body): LimitedBody,
) -> Result<Response, Problem> {
    let request: RunRequest = read_json(&body, RunRequest::SHAPE)?;
    if request.metrics.as_ref().is_some_and(Vec::is_empty) {
        let detail = "`metrics` is empty, so that there is nothing to run; name at least one \
                      metric, or leave it out for all";
        let problem = Problem::new(ErrorCode::InvalidRequest, detail);
        return Err(problem.with("pointer", "/metrics"));
    }
    let names = runs.metric_names();
    for name in request.metrics.iter().flatten() {
        if !names.contains(name) {
            let hint = suggestion(name, names.iter().map(String::as_str));
            let detail = format!("there is no metric `{name}`{hint}");
            return Err(Problem::new(ErrorCode::UnknownMetric, detail));
        }
    }
    match runs.request(request.mode, request.metrics).await {
        Ok(run) => {
            let location = [(header::LOCATION, location(&run.id))];
            Ok((StatusCode::ACCEPTED, location, Json(run)).into_response())
        }
        Err(busy) => {
            let detail = format!("the run {} is active; wait for it or cancel it", busy.id);
            let problem = Problem::new(ErrorCode::RunActive, detail);
            Err(problem.with("run", &*busy.id).location(location(&busy.id)))
        }
    }
}

fn location(id: &str) -> String {
    format!("/v1/runs/{id}")
}

async fn list(State(runs): State<RunService>, uri: Uri) -> Result<Json<RunList>, Problem> {
    let [limit] = parameters(&uri, ["limit"])?;
    let limit = match limit {
        None => LIMIT_DEFAULT,
        Some(text) => {
            let limit = text.parse().ok().filter(|limit| (1..=LIMIT_MAX).contains(limit));
            limit.ok_or_else(|| invalid_parameter("limit", &text, &format!("1 to {LIMIT_MAX}")))?
        }
    };
    let mut runs = runs.queue().list();
    let total = runs.len();
    runs.truncate(limit);
    Ok(Json(RunList { runs, total }))
}

async fn show(
    State(runs): State<RunService>,
    Path(id): Path<String>,
    _: NoParameters,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    if preferred_media_type(&headers, &["application/json", "text/event-stream"]) == Some(1) {
        let run = runs.queue().follow(&id).ok_or_else(|| unknown(&id))?;
        let keep_alive = KeepAlive::new().interval(Duration::from_secs(15));
        return Ok(Sse::new(run_events(run)).keep_alive(keep_alive).into_response());
    }
    runs.queue().get(&id).map(|run| Json(run).into_response()).ok_or_else(|| unknown(&id))
}

/// The run's record now and whenever it changes, until it has ended.
fn run_events(run: watch::Receiver<RunRecord>) -> impl Stream<Item = Result<Event, Infallible>> {
    stream::unfold((run, false, false), |(mut run, begun, ended)| async move {
        if ended || (begun && run.changed().await.is_err()) {
            return None;
        }
        let record = run.borrow_and_update().clone();
        let data = serde_json::to_string(&record).unwrap_or_default();
        let event = Event::default().event("run").data(data);
        Some((Ok(event), (run, true, record.state.is_final())))
    })
}

async fn cancel(
    State(runs): State<RunService>,
    Path(id): Path<String>,
    _: NoParameters,
) -> Result<Json<RunRecord>, Problem> {
    runs.cancel(&id).await.map(Json).map_err(|error| match error {
        RunCancelError::Unknown => unknown(&id),
        RunCancelError::TooLate => Problem::new(
            ErrorCode::RunNotCancellable,
            format!(
                "the run {id} publishes or has ended; only queued and running ones are cancelled"
            ),
        ),
    })
}

fn unknown(id: &str) -> Problem {
    let detail = format!("there is no run `{id}`; GET /v1/runs lists them");
    Problem::new(ErrorCode::UnknownRun, detail)
}

async fn schedule(State(runs): State<RunService>, _: NoParameters) -> Json<ScheduleDocument> {
    Json(schedule_document(&runs))
}

fn schedule_document(runs: &RunService) -> ScheduleDocument {
    ScheduleDocument { next: Some(next_runs(runs)), ..runs.schedule().into() }
}

/// When each mode starts next, for the schedule and the status page.
#[must_use]
pub fn next_runs(runs: &RunService) -> NextRuns {
    let next = |mode| runs.next_start(mode).map(|time| time.to_string());
    NextRuns { full: next(RunMode::Full), incremental: next(RunMode::Incremental) }
}

async fn set_schedule(
    State(runs): State<RunService>,
    _: NoParameters,
    BoundedBody(body): LimitedBody,
) -> Result<Json<ScheduleDocument>, Problem> {
    let shape = r#"{"incremental": "*/5 * * * *", "full": "0 3 * * *", "timezone": "UTC"}"#;
    let document: ScheduleDocument = read_json_as(&body, ErrorCode::InvalidSchedule, shape)?;
    runs.set_schedule(document.into()).await.map_err(|error| match error {
        RunStartError::Schedule(error) => {
            Problem::new(ErrorCode::InvalidSchedule, error.to_string())
                .with("pointer", format!("/{}", error.field))
        }
        other => Problem::new(ErrorCode::NotStored, other.to_string()).retry_after_s(1),
    })?;
    Ok(Json(schedule_document(&runs)))
}
