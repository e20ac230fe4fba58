//! The bearer of a request, by its headers, and the keys that they name.

use std::sync::Arc;

use axum::http::{HeaderMap, header};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use merganser_api::error_code::ErrorCode;
use merganser_api::problem::Problem;
use merganser_core::access::{AccessKey, AccessKeys};
use merganser_core::time::Timestamp;

use super::secret;
use super::session::OpenSession;

/// The bearer of a request.
#[derive(Clone, Debug)]
pub(super) enum Bearer {
    /// A caller without a key, while none is needed.
    Anybody,
    /// The bearer of a key.
    Key(Arc<AccessKey>),
    /// A page whose user has entered a key before.
    Session(OpenSession),
}

/// Whether a session stands for its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SessionUse {
    /// As to ask, and to change what the service has.
    Accepted,
    /// As to send events, which is no page's work.
    Ignored,
}

/// The key of a text.
pub(super) fn find_key<'a>(
    keys: &'a AccessKeys,
    text: &str,
    now: Timestamp,
) -> Result<&'a Arc<AccessKey>, Problem> {
    let found = secret::key_id(text).and_then(|id| keys.get(id));
    let key = found.filter(|key| secret::matches_digest(text, &key.digest));
    let key = key.ok_or_else(unknown_key_problem)?;
    if !key.is_valid(now) {
        return Err(unauthorized(ErrorCode::KeyExpired, "the key has expired; ask for a new one"));
    }
    Ok(key)
}

/// The key's text, of `Authorization: Bearer` or `Basic`. Of the latter it is the password, or the
/// name where there is no password, as some clients send it.
pub(super) fn presented_key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(value) = headers.get(header::AUTHORIZATION) else { return Ok(None) };
    let malformed = || {
        let detail = "`Authorization` cannot be read; `Bearer KEY`, or `Basic` with base64 of \
                      `name:KEY`, is right";
        unauthorized(ErrorCode::MalformedAuthorization, detail)
    };
    let (scheme, rest) =
        value.to_str().ok().and_then(|v| v.split_once(' ')).ok_or_else(malformed)?;
    let rest = rest.trim();
    if scheme.eq_ignore_ascii_case("bearer") {
        return Ok(Some(rest.to_owned()));
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return Err(malformed());
    }
    let text = STANDARD.decode(rest).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let text = text.ok_or_else(malformed)?;
    let (name, password) = text.split_once(':').ok_or_else(malformed)?;
    Ok(Some(if password.is_empty() { name } else { password }.to_owned()))
}

/// The refusal of a key that is not there, or no longer.
pub(super) fn unknown_key_problem() -> Problem {
    unauthorized(ErrorCode::KeyUnknown, "the key is not one of this service's, or was revoked")
}

pub(super) fn unauthorized(code: ErrorCode, detail: &str) -> Problem {
    Problem::new(code, detail)
}
