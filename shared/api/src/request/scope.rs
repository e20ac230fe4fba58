//! What the caller of a request may see.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use crate::error_code::ErrorCode;
use crate::problem::Problem;
use merganser_core::access::AccessScope;

/// What the caller may see: the authorization of the request sets it before the route runs.
#[derive(Clone, Debug)]
pub struct RequestScope(pub Arc<AccessScope>);

impl<S: Send + Sync> FromRequestParts<S> for RequestScope {
    type Rejection = Problem;

    /// Refuses a request without it, so that no oversight shows a caller everything.
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let found = parts.extensions.get::<Arc<AccessScope>>().cloned().map(Self);
        found.ok_or_else(|| {
            let detail = "the request was not authorized";
            Problem::new(ErrorCode::Internal, detail)
        })
    }
}
