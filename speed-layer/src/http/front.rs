//! Requests with events on their way from a front to the owner of the journal.

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use merganser_api::problem::Problem;
use merganser_api::receipt::Receipt;

use super::parameters::WaitMode;
use super::{EventRequest, EventRequestHead, IngestState, answer, read, take};
use crate::intake::{BodyFormat, IntakeFront, IntakeLimits, IntakePermit, InvalidEventPolicy};

/// Where the owner takes what was decoded.
pub const DECODED_EVENTS: &str = "/internal/v1/events";

/// How many times as large as a body may be what it is decoded to: columns, and the text that was
/// sent.
const DECODED_TIMES_MAX: usize = 4;

/// A request that a front has read, as it is handed on.
#[derive(Debug)]
pub struct DecodedRequest {
    /// To the owner.
    pub request: Request,
    /// As it was sent, for an owner that does not take what was decoded.
    original: Option<Request>,
    /// What it holds of the front's memory, until it is answered.
    _share: IntakePermit,
}

impl DecodedRequest {
    /// What to ask instead, if the owner's answer says that it does not take what was decoded: it
    /// is of another build, or that is too large for it.
    #[must_use]
    pub fn instead(&mut self, answer: StatusCode) -> Option<Request> {
        let is_refused = [StatusCode::NOT_FOUND, StatusCode::PAYLOAD_TOO_LARGE].contains(&answer);
        self.original.take().filter(|_| is_refused)
    }
}

/// Reads a request for `POST /v1/events`, and decodes it unless it is small.
///
/// # Errors
/// The answer to a request that need not be handed on.
pub async fn decode(front: &IntakeFront, request: Request) -> Result<DecodedRequest, Response> {
    try_decode(front, request).await.map_err(IntoResponse::into_response)
}

async fn try_decode(front: &IntakeFront, request: Request) -> Result<DecodedRequest, Problem> {
    let (parts, body) = request.into_parts();
    let head = EventRequestHead::from_events_request(&parts, || Ok(front.permit()));
    let EventRequest { body, wait, share } = read(head, front.limits(), body).await?;
    let (bytes, on_invalid) = (body.bytes.clone(), body.on_invalid);
    let (decoded, share) = front.decode(body, share).await?;
    let decoded = decoded.map(|decoded| decoded_request(&parts, wait, on_invalid, decoded));
    let original = Request::from_parts(parts, Body::from(bytes));
    let (request, original) = match decoded {
        Some(decoded) => (decoded, Some(original)),
        None => (original, None),
    };
    Ok(DecodedRequest { request, original, _share: share })
}

fn decoded_request(
    parts: &Parts,
    wait: WaitMode,
    on_invalid: InvalidEventPolicy,
    decoded: Bytes,
) -> Request {
    let mut request = Request::new(Body::from(decoded));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = Uri::from_static(match (wait, on_invalid) {
        (WaitMode::Durable, InvalidEventPolicy::Quarantine) => DECODED_EVENTS,
        (WaitMode::Applied, InvalidEventPolicy::Quarantine) => "/internal/v1/events?wait=applied",
        (WaitMode::Durable, InvalidEventPolicy::Reject) => "/internal/v1/events?on_invalid=reject",
        (WaitMode::Applied, InvalidEventPolicy::Reject) => {
            "/internal/v1/events?wait=applied&on_invalid=reject"
        }
    });
    *request.headers_mut() = parts.headers.clone();
    for name in [CONTENT_TYPE, CONTENT_ENCODING, CONTENT_LENGTH] {
        request.headers_mut().remove(name);
    }
    *request.extensions_mut() = parts.extensions.clone();
    request
}

/// Takes what a front has decoded.
pub(super) async fn post_decoded(State(routes): State<IngestState>, request: Request) -> Response {
    answer(take_decoded(&routes, request).await)
}

async fn take_decoded(routes: &IngestState, request: Request) -> Result<Receipt, Problem> {
    let (parts, body) = request.into_parts();
    let head = EventRequestHead::read(&parts, || routes.intake.admit(), BodyFormat::Decoded);
    let limits = routes.intake.limits();
    let body_max_bytes = limits.decompressed_max_bytes.saturating_mul(DECODED_TIMES_MAX);
    let limits = IntakeLimits { body_max_bytes, ..limits.clone() };
    take(routes, read(head, &limits, body).await?).await
}
