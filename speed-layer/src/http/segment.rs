//! `POST /v1/segment/{call}`: events as clients of the Segment HTTP API send them.
//!
//! The answer is 200 once each event is durable or in the quarantine: what is invalid would be
//! again if it were sent again. Clients try again after 5xx and 429, and tell their events apart by
//! `messageId`, so that nothing is counted twice.

use axum::Json;
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use shared::problem::{Kind, Problem, suggestion};

use super::{Answer, Head, Routes, take};
use crate::intake::{BodyFormat, SegmentCall};

#[derive(Serialize)]
struct Taken {
    success: bool,
    #[serde(flatten)]
    answer: Answer,
}

pub(super) async fn post(
    State(routes): State<Routes>,
    Path(call): Path<String>,
    request: Request,
) -> Response {
    let (parts, mut body) = request.into_parts();
    let Some(format) = format(&call) else {
        shared::request::discard(&mut body).await;
        return unknown(&call).into_response();
    };
    match take(&routes, Head::read(&parts, &routes.intake, format), body).await {
        Ok(answer) => Json(Taken { success: true, answer }).into_response(),
        Err(problem) => problem.into_response(),
    }
}

fn format(call: &str) -> Option<BodyFormat> {
    let one = || SegmentCall::EACH.into_iter().find(|known| known.name() == call);
    match call {
        "batch" => Some(BodyFormat::SegmentBatch),
        _ => one().map(BodyFormat::Segment),
    }
}

fn unknown(call: &str) -> Problem {
    let short: String = call.chars().take(80).collect();
    let hint =
        suggestion(&short, SegmentCall::EACH.map(SegmentCall::name).into_iter().chain(["batch"]));
    let detail = format!("there is no call `{short}`{hint}");
    Problem::new(Kind::NotFound, "unknown_call", detail)
}
