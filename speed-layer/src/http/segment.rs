//! `POST /v1/segment/{call}`: events as clients of the Segment HTTP API send them, whatever they
//! say of their body's type: browsers send `text/plain`, which needs no leave of another origin.
//!
//! The answer is 200 once each event is durable or in the quarantine: what is invalid would be
//! again if it were sent again. Where none of them can be counted it is 400, which clients report
//! and do not repeat. Clients try again after 5xx and 429, and identify their events by
//! `messageId`, so that nothing is counted twice.

use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use merganser_api::error_code::ErrorCode;
use merganser_api::problem::Problem;
use merganser_api::receipt::Receipt;
use merganser_core::text::{clipped, suggestion};

use super::{EventRequestHead, IngestState, ingest};
use crate::intake::{BodyFormat, SegmentCall};

/// Names of calls in paths: those of the API, those of browsers and apps, and those of older apps.
const CALLS: [(&str, BodyFormat); 15] = [
    ("track", BodyFormat::Segment(SegmentCall::Track)),
    ("page", BodyFormat::Segment(SegmentCall::Page)),
    ("screen", BodyFormat::Segment(SegmentCall::Screen)),
    ("identify", BodyFormat::Segment(SegmentCall::Identify)),
    ("group", BodyFormat::Segment(SegmentCall::Group)),
    ("alias", BodyFormat::Segment(SegmentCall::Alias)),
    ("batch", BodyFormat::SegmentBatch),
    ("import", BodyFormat::SegmentBatch),
    ("t", BodyFormat::Segment(SegmentCall::Track)),
    ("p", BodyFormat::Segment(SegmentCall::Page)),
    ("s", BodyFormat::Segment(SegmentCall::Screen)),
    ("i", BodyFormat::Segment(SegmentCall::Identify)),
    ("g", BodyFormat::Segment(SegmentCall::Group)),
    ("a", BodyFormat::Segment(SegmentCall::Alias)),
    ("b", BodyFormat::SegmentBatch),
];

/// Calls that are also taken at `/v1/{call}`, for clients that take a host and no path.
const AT_ROOT: [&str; 9] = ["t", "p", "s", "i", "g", "a", "b", "batch", "import"];

/// The routes at `/v1/{call}`.
pub(super) fn root_routes() -> Router<IngestState> {
    AT_ROOT.into_iter().fold(Router::new(), |router, call| {
        let route = move |State(routes): State<IngestState>, request: Request| async move {
            ingest_call(&routes, call, request).await
        };
        router.route(&format!("/v1/{call}"), post(route))
    })
}

/// `POST /v1/segment/{call}`.
pub(super) async fn post_call(
    State(routes): State<IngestState>,
    Path(call): Path<String>,
    request: Request,
) -> Response {
    ingest_call(&routes, &call, request).await
}

async fn ingest_call(routes: &IngestState, call: &str, request: Request) -> Response {
    let (parts, mut body) = request.into_parts();
    let Some(format) = format(call) else {
        merganser_api::request::discard(&mut body).await;
        return unknown(call).into_response();
    };
    match ingest(routes, EventRequestHead::read(&parts, || routes.intake.admit(), format), body)
        .await
    {
        Ok(receipt) if receipt.is_all_invalid() => all_invalid_problem(receipt).into_response(),
        Ok(receipt) => Json(Receipt { success: Some(true), ..receipt }).into_response(),
        Err(problem) => problem.into_response(),
    }
}

/// Success would say that something is counted.
fn all_invalid_problem(receipt: Receipt) -> Problem {
    let invalid = &receipt.invalid;
    let first = invalid.first().map(|invalid| &*invalid.message).unwrap_or_default();
    let detail = match invalid.len() {
        1 => format!("the call cannot be counted: {first}"),
        count => format!("none of the {count} calls can be counted; the first: {first}"),
    };
    let problem =
        Problem::new(ErrorCode::InvalidEvents, detail).with_status(StatusCode::BAD_REQUEST);
    let receipt = Receipt { success: Some(false), journal: None, applied: None, ..receipt };
    receipt.add_to_problem(problem)
}

fn format(call: &str) -> Option<BodyFormat> {
    CALLS.into_iter().find(|(known, _)| *known == call).map(|(_, format)| format)
}

fn unknown(call: &str) -> Problem {
    let short = clipped(call);
    let hint = suggestion(short, CALLS.iter().map(|(name, _)| *name));
    let detail = format!("there is no call `{short}`{hint}");
    Problem::new(ErrorCode::UnknownCall, detail)
}
