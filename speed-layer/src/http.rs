//! HTTP routes of the speed layer: events in, and the quarantine of those that cannot be counted.
//!
//! | route | what |
//! |---|---|
//! | `POST /v1/events` | events; `?wait=durable\|applied`, `?on_invalid=quarantine\|reject` |
//! | `POST /v1/segment/{call}`, `/v1/t`, … | the same, as clients of Segment send them |
//! | `GET /v1/quarantine` | what could not be counted; `?limit=`, `?after=`, `?code=` |
//! | `GET /v1/quarantine/{id}` | one of them |
//! | `DELETE /v1/quarantine/{id}` | forgets one of them |
//!
//! Everything that can be refused without the body is refused before it is read. Errors are problem
//! documents.

mod body;
mod cloud_event;
mod front;
mod parameters;
mod quarantine;
mod segment;

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderName};
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use merganser_api::error_code::ErrorCode;
use merganser_api::problem::Problem;
use merganser_api::receipt::Receipt;
use merganser_api::request::discard;
use merganser_core::access::FixedProperties;
use merganser_metric::views::SpeedViews;

pub use self::front::{DECODED_EVENTS, DecodedRequest, decode};

use self::parameters::{EventParameters, WaitMode};
use crate::intake::{
    BodyEncoding, BodyFormat, EventBody, IntakeError, IntakeHandle, IntakeLimits, IntakePermit,
};

/// How long `?wait=applied` waits. The events are durable all the same.
const APPLIED_WAIT: Duration = Duration::from_secs(10);

#[derive(Clone)]
struct IngestState {
    intake: IntakeHandle,
    views: Arc<dyn SpeedViews>,
}

/// The routes, and the one for what fronts have decoded ([`DECODED_EVENTS`]), which only processes
/// of the same cluster may use.
pub fn owner_routes(intake: IntakeHandle, views: Arc<dyn SpeedViews>) -> Router {
    let state = IngestState { intake: intake.clone(), views: Arc::clone(&views) };
    let decoded = Router::new().route(DECODED_EVENTS, post(front::post_decoded));
    routes(intake, views).merge(decoded.with_state(state))
}

/// The routes. `views` answers `?wait=applied`.
pub fn routes(intake: IntakeHandle, views: Arc<dyn SpeedViews>) -> Router {
    Router::new()
        .route("/v1/events", post(post_events))
        .route("/v1/segment/{call}", post(segment::post_call))
        // Some clients take a host and add a path of their own.
        .route("/v1/segment/v1/{call}", post(segment::post_call))
        .merge(segment::root_routes())
        .route("/v1/quarantine", get(quarantine::list))
        .route("/v1/quarantine/{id}", get(quarantine::show).delete(quarantine::delete))
        .with_state(IngestState { intake, views })
}

/// What a request's head says, and its share of what may be pending.
struct EventRequestHead {
    options: EventParameters,
    format: BodyFormat,
    encoding: BodyEncoding,
    declared_bytes: Option<u64>,
    /// What the sender's key writes into each event.
    fixed: Option<Arc<FixedProperties>>,
    share: IntakePermit,
}

impl EventRequestHead {
    fn from_events_request(
        parts: &Parts,
        admit: impl FnOnce() -> Result<IntakePermit, IntakeError>,
    ) -> Result<Self, Problem> {
        let content_type = text(parts, CONTENT_TYPE)?;
        // By the HTTP binding the content type says the mode, whatever was added on the way.
        let is_whole = content_type.is_some_and(|kind| kind.starts_with("application/cloudevents"));
        let head = match is_whole {
            true => None,
            false => cloud_event::head(parts, content_type)?,
        };
        let format = match head {
            Some(head) => BodyFormat::CloudEventData(Arc::new(head)),
            None => BodyFormat::of_content_type(content_type)?,
        };
        Self::read(parts, admit, format)
    }

    fn read(
        parts: &Parts,
        admit: impl FnOnce() -> Result<IntakePermit, IntakeError>,
        format: BodyFormat,
    ) -> Result<Self, Problem> {
        let mut options = EventParameters::of_query(&parts.uri)?;
        let format = match options.columns.take() {
            Some(columns) => columns.apply_to(format)?,
            None => format,
        };
        let format = options.ids.apply_to(format)?;
        let encoding = BodyEncoding::of_content_encoding(text(parts, CONTENT_ENCODING)?)?;
        let declared_bytes = text(parts, CONTENT_LENGTH)?.and_then(|length| length.parse().ok());
        let fixed = parts.extensions.get::<Arc<FixedProperties>>().cloned();
        let share = admit()?;
        Ok(Self { options, format, encoding, declared_bytes, fixed, share })
    }
}

fn text(parts: &Parts, name: HeaderName) -> Result<Option<&str>, IntakeError> {
    let mut values = parts.headers.get_all(&name).iter();
    let first = values.next();
    if values.next().is_some() {
        return Err(IntakeError::UnsupportedMedia(format!("the header `{name}` is there twice")));
    }
    first
        .map(|value| value.to_str())
        .transpose()
        .map_err(|_| IntakeError::UnsupportedMedia(format!("the header `{name}` is not text")))
}

async fn post_events(State(routes): State<IngestState>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let head = EventRequestHead::from_events_request(&parts, || routes.intake.admit());
    let taken = ingest(&routes, head, body).await;
    answer(taken)
}

fn answer(taken: Result<Receipt, Problem>) -> Response {
    match taken.and_then(reject_all_invalid) {
        Ok(answer) => Json(answer).into_response(),
        Err(problem) => problem.into_response(),
    }
}

/// Takes a request's events in.
async fn ingest(
    routes: &IngestState,
    head: Result<EventRequestHead, Problem>,
    body: Body,
) -> Result<Receipt, Problem> {
    take(routes, read(head, routes.intake.limits(), body).await?).await
}

/// A request that was read to its end.
struct EventRequest {
    body: EventBody,
    wait: WaitMode,
    share: IntakePermit,
}

/// Reads a request's body.
async fn read(
    head: Result<EventRequestHead, Problem>,
    limits: &IntakeLimits,
    mut body: Body,
) -> Result<EventRequest, Problem> {
    let head = match head {
        Ok(head) => head,
        Err(problem) => {
            // A client that is still sending would take an answer before the end for a failure.
            discard(&mut body).await;
            return Err(problem);
        }
    };
    let EventRequestHead { options, format, encoding, declared_bytes, fixed, mut share } = head;
    let bytes = match body::read(&mut body, declared_bytes, limits, &mut share).await {
        Ok(bytes) => bytes,
        Err(error) => {
            drop(share);
            let is_slow =
                |e| matches!(e, &IntakeError::BodyTimeout { .. } | &IntakeError::BodyIdle { .. });
            if !is_slow(&error) {
                discard(&mut body).await;
            }
            return Err(error.into());
        }
    };
    let on_invalid = options.on_invalid;
    let body = EventBody { bytes, format, encoding, on_invalid, fixed };
    Ok(EventRequest { body, wait: options.wait, share })
}

/// Commits a request's events.
async fn take(routes: &IngestState, request: EventRequest) -> Result<Receipt, Problem> {
    let receipt = routes.intake.submit(request.body, request.share).await?;
    let applied = match request.wait {
        WaitMode::Durable => None,
        WaitMode::Applied => Some(routes.views.wait_applied(receipt.end(), APPLIED_WAIT).await),
    };
    Ok(Receipt { journal: Some(routes.intake.journal()), applied, ..receipt })
}

/// Says so where no event could be counted.
fn reject_all_invalid(receipt: Receipt) -> Result<Receipt, Problem> {
    if !receipt.is_all_invalid() {
        return Ok(receipt);
    }
    let detail = match &*receipt.invalid {
        [only] => format!("the request's only event is invalid: {}", only.message),
        all => format!("all {} events of the request are invalid", all.len()),
    };
    let receipt = Receipt { journal: None, ..receipt };
    Err(receipt.add_to_problem(Problem::new(ErrorCode::InvalidEvents, detail)))
}

#[cfg(test)]
mod tests;
