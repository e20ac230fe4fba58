//! `/v1/session`: the page's way to bring a key, and to learn what it may show.

use merganser_core::access::{AccessKey, AccessScope, Role};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What a session is opened with
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub struct SessionRequest {
    /// The text of a key
    pub key: String,
}

impl SessionRequest {
    /// What a refusal says would be right.
    pub const SHAPE: &str = r#"{"key": "mgs_…"}"#;
}

/// Who asks, and what that opens
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = Session)]
pub struct SessionDocument {
    /// How that is known
    pub authentication: Authentication,
    /// The key
    #[schema(required = true)]
    pub key: Option<SessionKey>,
    /// What it is for
    pub roles: Vec<Role>,
    /// What a reader is bound to; null: nothing
    #[schema(required = true)]
    pub scope: Option<AccessScope>,
}

impl SessionDocument {
    /// Of a caller with this key.
    #[must_use]
    pub fn of_key(authentication: Authentication, key: &AccessKey) -> Self {
        let scope = Some(&*key.scope).filter(|scope| !scope.is_everything());
        Self {
            authentication,
            key: Some(SessionKey { id: key.id.clone(), note: key.note.clone() }),
            roles: vec![key.role],
            scope: scope.cloned(),
        }
    }
}

/// How it is known who asks
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(
    description = "How it is known who asks: no key is needed (`none`); a key was sent, or a \
    session's cookie; a key is needed, and none came that opens anything (`required`)"
)]
pub enum Authentication {
    /// No key is needed.
    None,
    /// A key was sent.
    Key,
    /// A session's cookie was sent.
    Session,
    /// A key is needed, and none came that opens anything.
    Required,
}

/// The key of a caller
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SessionKey {
    /// What it is called
    pub id: String,
    /// What its maker wrote down about it
    #[schema(required = true)]
    pub note: Option<String>,
}
