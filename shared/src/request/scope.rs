//! What whoever asks may see.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use crate::access::Scope;
use crate::problem::{Kind, Problem};

/// What whoever asks may see, as it was found out before the route was reached.
#[derive(Clone, Debug)]
pub struct Scoped(pub Arc<Scope>);

impl<S: Send + Sync> FromRequestParts<S> for Scoped {
    type Rejection = Problem;

    /// Refuses where it was not found out: nobody sees everything by an oversight.
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let found = parts.extensions.get::<Arc<Scope>>().cloned().map(Self);
        found.ok_or_else(|| {
            let detail = "it was not found out who asks";
            Problem::new(Kind::Internal, "internal", detail)
        })
    }
}
