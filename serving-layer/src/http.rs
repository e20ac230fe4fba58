//! The routes of the serving layer: queries, metrics and the status page.

mod dimension;
mod metrics;
mod query;
mod status;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::extract::rejection::{BytesRejection, FailedToBufferBody};
use axum::routing::get;
use bytes::Bytes;
use shared::problem::{Kind, Problem};

use crate::serve::Serving;

/// The largest body of a query or a definition.
const BODY_MAX: usize = 1 << 20;

/// The routes, without a prefix.
pub fn routes(serving: Arc<Serving>) -> Router {
    Router::new()
        .route("/v1/query", get(query::by_get).post(query::by_post))
        .route("/v1/metrics", get(metrics::list))
        .route(
            "/v1/metrics/{name}",
            get(metrics::show).put(metrics::define).delete(metrics::delete),
        )
        .route("/v1/metrics/{name}/dimensions/{dimension}", get(dimension::values))
        .route("/v1/status", get(status::show))
        .layer(DefaultBodyLimit::max(BODY_MAX))
        .with_state(serving)
}

/// A whole body, or why there is none.
fn body(read: Result<Bytes, BytesRejection>) -> Result<Bytes, Problem> {
    read.map_err(|rejection| match rejection {
        BytesRejection::FailedToBufferBody(FailedToBufferBody::LengthLimitError(_)) => {
            let detail = format!("the body is over {BODY_MAX} bytes, the most that is read");
            Problem::new(Kind::TooLarge, "body_too_large", detail).with("limit_bytes", BODY_MAX)
        }
        other => Problem::new(Kind::BadRequest, "malformed_body", other.to_string()),
    })
}

fn malformed(error: &serde_json::Error) -> Problem {
    let detail = format!("the body is not JSON: {error}");
    Problem::new(Kind::BadRequest, "malformed_body", detail)
}
