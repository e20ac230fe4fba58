//! What whoever asks may see.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use crate::error_code::ErrorCode;
use crate::problem::Problem;
use merganser_core::access::AccessScope;

/// What whoever asks may see, as it was found out before the route was reached.
#[derive(Clone, Debug)]
pub struct RequestScope(pub Arc<AccessScope>);

impl<S: Send + Sync> FromRequestParts<S> for RequestScope {
    type Rejection = Problem;

    /// Refuses where it was not found out: nobody sees everything by an oversight.
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let found = parts.extensions.get::<Arc<AccessScope>>().cloned().map(Self);
        found.ok_or_else(|| {
            let detail = "it was not found out who asks";
            Problem::new(ErrorCode::Internal, detail)
        })
    }
}
