//! The caller of a request, by whom work and memory are shared fairly.

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

/// The caller of a request: the bearer of a key, or all callers without one. What the caller may
/// see is in [`super::RequestScope`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct CallerId(Option<Arc<str>>);

impl CallerId {
    /// The bearer of the key with this id.
    #[must_use]
    pub fn key(id: &str) -> Self {
        Self(Some(id.into()))
    }

    /// Whether there is a key.
    #[must_use]
    pub fn is_known(&self) -> bool {
        self.0.is_some()
    }
}

impl<S: Send + Sync> FromRequestParts<S> for CallerId {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(parts.extensions.get::<Self>().cloned().unwrap_or_default())
    }
}
