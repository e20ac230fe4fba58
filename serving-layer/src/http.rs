//! The routes of the serving layer: queries, metrics and the status page.

mod body_stream;
pub mod dashboards;
mod dimension;
mod metrics;
mod preview;
mod query;
mod status;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};
use merganser_api::request::BoundedBody;

use crate::subscriptions::QuerySubscriptions;

/// The largest body of a query or a definition.
const BODY_MAX: usize = 1 << 20;

type Body = BoundedBody<BODY_MAX>;

/// The routes, without a prefix.
pub fn routes(subscriptions: Arc<QuerySubscriptions>) -> Router {
    let serving = Arc::clone(subscriptions.serving());
    Router::new()
        .route("/v1/query", get(query::by_get).with_state(subscriptions))
        .route("/v1/query", post(query::by_post))
        .route("/v1/query:explain", get(query::explain_by_get).post(query::explain_by_post))
        .route("/v1/metrics", get(metrics::list))
        .route("/v1/metrics:preview", post(preview::preview))
        .route("/v1/properties", get(preview::properties))
        .route(
            "/v1/metrics/{name}",
            get(metrics::show).put(metrics::define).delete(metrics::delete),
        )
        .route("/v1/metrics/{name}/dimensions/{dimension}", get(dimension::values))
        .route("/v1/status", get(status::show))
        .with_state(serving)
}
