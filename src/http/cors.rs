//! Pages of other sites: which of them may use the service from a browser (Fetch standard, "CORS
//! protocol"). None, unless it is set.

use std::time::Duration;

use axum::http::{HeaderName, Method, header};
use tower_http::cors::{AllowOrigin, CorsLayer};

use super::request_id::REQUEST_ID;
use crate::settings::AllowedOrigins;

/// How long a browser remembers what it may do.
const REMEMBERED: Duration = Duration::from_secs(3600);

/// The layer that answers browsers; `None` without allowed origins.
pub(super) fn layer(origins: &AllowedOrigins) -> Option<CorsLayer> {
    let allowed = match origins {
        AllowedOrigins::None => return None,
        AllowedOrigins::All => AllowOrigin::any(),
        AllowedOrigins::These(origins) => AllowOrigin::list(origins.iter().cloned()),
    };
    let methods = [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::DELETE];
    let sent = [
        header::ACCEPT,
        header::AUTHORIZATION,
        header::CONTENT_ENCODING,
        header::CONTENT_TYPE,
        REQUEST_ID,
        HeaderName::from_static("traceparent"),
        // Segment's clients say so which try it is.
        HeaderName::from_static("x-retry-count"),
    ];
    let shown = [
        header::LOCATION,
        header::RETRY_AFTER,
        REQUEST_ID,
        HeaderName::from_static("ratelimit"),
        HeaderName::from_static("ratelimit-policy"),
        HeaderName::from_static("merganser-from"),
        HeaderName::from_static("merganser-to"),
        HeaderName::from_static("merganser-total-rows"),
        HeaderName::from_static("merganser-provenance"),
        HeaderName::from_static("merganser-compare"),
        HeaderName::from_static("merganser-warnings"),
    ];
    let layer = CorsLayer::new().allow_origin(allowed).allow_methods(methods).allow_headers(sent);
    Some(layer.expose_headers(shown).max_age(REMEMBERED))
}
