//! A scheduler in a process of its own, beside those of the cluster.

use anyhow::Context;
use batch_layer::storage::{Storage, StorageAddress};

use super::parts::credentials;
use super::secret;
use crate::compose::ballista::{BallistaClient, BallistaScheduler};
use crate::settings::Settings;

/// Starts the scheduler of the cluster that has the storage; it ends when it is dropped.
///
/// # Errors
/// When it cannot listen, or does not see the storage, where the cluster's secret is.
pub(crate) async fn start_scheduler(settings: &Settings) -> anyhow::Result<BallistaScheduler> {
    let address = &settings.storage.0;
    anyhow::ensure!(
        *address != StorageAddress::DataDirectory,
        "a scheduler knows the processes of its cluster by a secret in the storage: say where that \
         is with --storage s3://bucket/prefix or file:///directory",
    );
    let storage = Storage::peek(address, &settings.data_dir)?;
    let secret = secret::read_or_make(&storage).await?;
    let credentials = credentials(settings, &secret)?;
    BallistaScheduler::start(&settings.ballista_listen.0, credentials).await
}

/// Asks a scheduler by itself something that changes nothing, as an executor with these settings
/// would.
///
/// # Errors
/// Why it would be refused.
pub(crate) async fn probe_scheduler(settings: &Settings, url: &str) -> anyhow::Result<()> {
    let storage = Storage::peek(&settings.storage.0, &settings.data_dir)?;
    let secret = secret::read(&storage).await?;
    let secret = secret.context("no process of the cluster was started yet")?;
    let credentials = credentials(settings, &secret)?;
    BallistaClient::new(url, credentials, "doctor")?.probe().await
}
