//! The secret that processes know each other by, in the storage.

use anyhow::Context;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use batch_layer::storage::{Storage, StorageError};
use serde::{Deserialize, Serialize};

use crate::access::ClusterSecret;

const PATH: &str = "cluster/secret.json";
const RANDOM_BYTES: usize = 32;
const WHAT: &str = "the cluster's secret";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SecretDocument {
    secret: String,
}

/// The cluster's secret, which is made by whoever comes first.
///
/// # Errors
/// When it cannot be read or made.
pub(super) async fn read_or_make(storage: &Storage) -> anyhow::Result<ClusterSecret> {
    if let Some(secret) = read(storage).await? {
        return Ok(secret);
    }
    let mut bytes = [0; RANDOM_BYTES];
    getrandom::fill(&mut bytes).context("no random bytes")?;
    let secret = URL_SAFE_NO_PAD.encode(bytes);
    match storage.create_document(PATH, &SecretDocument { secret }).await {
        Ok(()) | Err(StorageError::Exists(_)) => {}
        Err(error) => return Err(error).context(WHAT),
    }
    read(storage).await?.context("the cluster's secret was made, and is gone")
}

/// The cluster's secret, if one was made.
///
/// # Errors
/// When it cannot be read.
pub(super) async fn read(storage: &Storage) -> anyhow::Result<Option<ClusterSecret>> {
    match storage.read_document::<SecretDocument>(PATH).await {
        Ok(document) => Ok(Some(ClusterSecret::new(&document.secret)?)),
        Err(StorageError::Missing(_)) => Ok(None),
        Err(error) => Err(error).context(WHAT),
    }
}
