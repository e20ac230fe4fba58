//! What the layers see of a data directory and a speed store from outside, for
//! `merganser doctor`. Nothing is changed.

use std::io;
use std::path::Path;

pub(crate) use batch_layer::inspect::{DirectoryInspection, ManifestSummary};
pub(crate) use batch_layer::schedule::Schedule;
use batch_layer::storage::StorageAddress;
use speed_layer::store::StoreAddress;
pub(crate) use speed_layer::store::redis::RedisServerReport;
use speed_layer::store::redis::RedisStore;

use crate::settings::Settings;

/// The process that uses a data directory, if one does.
///
/// # Errors
/// When its lock cannot be read.
pub(crate) fn lock_holder(data_dir: &Path) -> io::Result<Option<String>> {
    batch_layer::journal::lock_holder(data_dir)
}

/// What is in a data directory and its storage; `None` if it was never used.
///
/// # Errors
/// When a start would refuse it, as far as a look can see.
pub(crate) async fn inspect_data(
    settings: &Settings,
) -> anyhow::Result<Option<DirectoryInspection>> {
    Ok(batch_layer::inspect::inspect(&settings.data_dir, &settings.storage.0).await?)
}

/// Where the storage is; none if it is the data directory.
///
/// # Errors
/// When it cannot be used, or does not promise what is needed.
pub(crate) async fn storage(settings: &Settings) -> anyhow::Result<Option<String>> {
    let address = &settings.storage.0;
    batch_layer::storage::check(address).await?;
    Ok((*address != StorageAddress::DataDirectory).then(|| address.to_string()))
}

/// The schedule that a start with these settings follows, where another one is stored.
pub(crate) fn effective_schedule(settings: &Settings, stored: Option<&Schedule>) -> Schedule {
    super::configure::runs(settings, stored).schedule
}

/// The servers of a speed store; none if it is in memory.
///
/// # Errors
/// When one cannot be reached, or is not fit to keep speed views.
pub(crate) async fn speed_store(setting: &str) -> anyhow::Result<Vec<RedisServerReport>> {
    match setting.parse::<StoreAddress>()? {
        StoreAddress::Memory => Ok(Vec::new()),
        StoreAddress::Redis(address) => Ok(RedisStore::connect(&address).await?.report().await?),
    }
}

/// Asks a scheduler whether it would answer a process with these settings.
///
/// # Errors
/// Why it would not.
#[cfg(feature = "ballista")]
pub(crate) async fn scheduler(settings: &Settings, url: &str) -> anyhow::Result<()> {
    super::probe_scheduler(settings, url).await
}

/// There are none.
#[cfg(not(feature = "ballista"))]
pub(crate) async fn scheduler(_: &Settings, _: &str) -> anyhow::Result<()> {
    anyhow::bail!("this build has no Ballista")
}
