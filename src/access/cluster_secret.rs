//! What processes of a cluster know each other by: a secret in the storage, so that whoever can
//! read and write there is one of them.

use std::sync::Arc;

use anyhow::Context;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use merganser_api::error_code::ErrorCode;
use merganser_api::problem::Problem;
use merganser_core::access::{AccessKey, AccessKeys};
use merganser_core::time::Timestamp;
use subtle::ConstantTimeEq;

use super::bearer::{Bearer, unauthorized, unknown_key_problem};

/// The secret is in this header.
pub(crate) const CLUSTER_SECRET: HeaderName = HeaderName::from_static("merganser-cluster");
/// The id of the key that the sender of a request that is handed on was found to have.
pub(crate) const CLUSTER_KEY: HeaderName = HeaderName::from_static("merganser-cluster-key");

/// The secret. It is shown nowhere.
#[derive(Clone)]
pub(crate) struct ClusterSecret(HeaderValue);

/// The key of a request's sender, as the guard found it.
#[derive(Clone, Debug)]
pub(crate) struct SenderKey(pub(crate) Arc<AccessKey>);

impl ClusterSecret {
    /// The secret of this text.
    ///
    /// # Errors
    /// When it does not fit a header.
    pub(crate) fn new(text: &str) -> anyhow::Result<Self> {
        let mut value = HeaderValue::from_str(text).context("the cluster's secret")?;
        value.set_sensitive(true);
        Ok(Self(value))
    }

    /// As a header's value.
    pub(crate) fn value(&self) -> HeaderValue {
        self.0.clone()
    }

    /// Whether a request was sent by a process of the cluster.
    pub(crate) fn is_in(&self, headers: &HeaderMap) -> bool {
        let sent = headers.get(CLUSTER_SECRET);
        sent.is_some_and(|sent| sent.as_bytes().ct_eq(self.0.as_bytes()).into())
    }
}

/// The bearer of a request that another process of the cluster has handed on: the one that it
/// found, unless its key was revoked since.
pub(super) fn sender_of_forwarded(
    headers: &HeaderMap,
    keys: &AccessKeys,
    now: Timestamp,
) -> Result<Bearer, Problem> {
    let Some(id) = headers.get(CLUSTER_KEY) else {
        return match keys.is_empty() {
            true => Ok(Bearer::Anybody),
            false => Err(unauthorized(ErrorCode::KeyMissing, "the request was sent without a key")),
        };
    };
    let key = id.to_str().ok().and_then(|id| keys.get(id)).filter(|key| key.is_valid(now));
    key.map(|key| Bearer::Key(Arc::clone(key))).ok_or_else(unknown_key_problem)
}
