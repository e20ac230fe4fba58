//! Whose request it is that may go on.

use std::sync::{Arc, LazyLock};

use axum::http::HeaderValue;
use merganser_api::request::CallerId;
use merganser_core::access::{AccessKey, AccessScope, FixedProperties};

use super::rate_limit::RateLimitStatus;
use super::session::OpenSession;

/// The scope of a caller that may see everything.
static EVERYTHING: LazyLock<Arc<AccessScope>> = LazyLock::new(Arc::default);

/// A session that was opened just now.
pub(super) struct NewSession {
    /// What it stands for.
    pub(super) key: Arc<AccessKey>,
    /// What brings it back.
    pub(super) cookie: HeaderValue,
    /// What is left of its key's rate, where it has one.
    pub(super) spent: Option<RateLimitStatus>,
}

/// A request that may go on.
#[derive(Clone, Debug, Default)]
pub(crate) struct AuthorizedCaller {
    /// Its key; none where none is needed.
    pub(crate) key: Option<Arc<AccessKey>>,
    /// The session that brought it.
    pub(super) session: Option<OpenSession>,
    /// What is left of its key's rate, where it has one.
    pub(crate) spent: Option<RateLimitStatus>,
}

impl AuthorizedCaller {
    /// What is written into its events.
    pub(crate) fn fixed_properties(&self) -> Option<Arc<FixedProperties>> {
        self.key.as_ref()?.set.clone()
    }

    /// What its answer may be made of.
    pub(crate) fn scope(&self) -> Arc<AccessScope> {
        Arc::clone(self.key.as_ref().map_or(&EVERYTHING, |key| &key.scope))
    }

    /// The caller, by whom work is shared fairly.
    pub(crate) fn caller(&self) -> CallerId {
        self.key.as_ref().map(|key| CallerId::key(&key.id)).unwrap_or_default()
    }
}
