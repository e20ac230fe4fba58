//! Conditions on the version that a request is about: `If-Match` and `If-None-Match` (RFC 9110,
//! 13.1).

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::request::Parts;
use headers::{ETag, HeaderMapExt, IfMatch, IfNoneMatch};

/// The conditions of a request.
#[derive(Clone, Debug)]
pub struct Preconditions {
    if_match: Option<IfMatch>,
    if_none_match: Option<IfNoneMatch>,
}

impl Preconditions {
    /// Reads them. What is no entity tag is that of no version.
    #[must_use]
    pub fn read(headers: &HeaderMap) -> Self {
        Self { if_match: headers.typed_get(), if_none_match: headers.typed_get() }
    }

    /// Whether there is any.
    #[must_use]
    pub fn is_given(&self) -> bool {
        self.if_match.is_some() || self.if_none_match.is_some()
    }

    /// Whether a change may be made where this version stands, or none.
    #[must_use]
    pub fn allow_change(&self, current: Option<&ETag>) -> bool {
        let is_wanted = match (&self.if_match, current) {
            (None, _) => true,
            (Some(tags), Some(current)) => tags.precondition_passes(current),
            (Some(_), None) => false,
        };
        let is_other = match (&self.if_none_match, current) {
            (Some(tags), Some(current)) => tags.precondition_passes(current),
            _ => true,
        };
        is_wanted && is_other
    }

    /// Whether a client has this version already, so that it need not be sent again.
    #[must_use]
    pub fn know(&self, current: &ETag) -> bool {
        self.if_none_match.as_ref().is_some_and(|tags| !tags.precondition_passes(current))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Preconditions {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::read(&parts.headers))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(sent: &[(&'static str, &str)]) -> Preconditions {
        let mut headers = HeaderMap::new();
        for (name, value) in sent {
            headers.insert(*name, value.parse().unwrap());
        }
        Preconditions::read(&headers)
    }

    #[test]
    fn a_change_is_made_on_the_version_that_was_meant() {
        let tag: ETag = "\"v1\"".parse().unwrap();
        for (sent, on_v1, on_none) in [
            (&[][..], true, true),
            (&[("if-match", "\"v1\"")], true, false),
            (&[("if-match", "\"v0\", \"v1\"")], true, false),
            (&[("if-match", "\"v0\"")], false, false),
            (&[("if-match", "W/\"v1\"")], false, false),
            (&[("if-match", "v1")], false, false),
            (&[("if-match", "*")], true, false),
            (&[("if-none-match", "*")], false, true),
            (&[("if-none-match", "\"v1\"")], false, true),
            (&[("if-none-match", "\"v0\"")], true, true),
            (&[("if-match", "*"), ("if-none-match", "*")], false, false),
        ] {
            let read = read(sent);
            assert_eq!(read.is_given(), !sent.is_empty());
            assert_eq!(read.allow_change(Some(&tag)), on_v1, "{sent:?}");
            assert_eq!(read.allow_change(None), on_none, "{sent:?}");
        }
        assert!(read(&[("if-none-match", "W/\"v1\"")]).know(&tag));
        assert!(!read(&[("if-match", "\"v1\"")]).know(&tag));
    }
}
