//! What the layers see of a data directory and a speed store from outside, for
//! `merganser doctor`. Nothing is changed.

use std::io;
use std::path::Path;

pub(crate) use batch_layer::inspect::{DirectoryInspection, ManifestSummary};
pub(crate) use batch_layer::schedule::Schedule;
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

/// What is in a data directory; `None` if it was never used.
///
/// # Errors
/// When a start would refuse it, as far as a look can see.
pub(crate) async fn inspect_data_dir(
    data_dir: &Path,
) -> anyhow::Result<Option<DirectoryInspection>> {
    Ok(batch_layer::inspect::inspect(data_dir).await?)
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
