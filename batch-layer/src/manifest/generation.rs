//! Reading a generation with its lists.

use std::collections::HashMap;
use std::sync::Arc;

use futures::{StreamExt, TryStreamExt, stream};
use merganser_core::ids::{Generation, MetricId};
use merganser_metric::catalog::ViewFile;
use serde::de::DeserializeOwned;

use super::{FORMAT, Manifest, ManifestState};
use crate::storage::{Storage, StorageError};

/// Lists that are read at a time.
const LISTS_AT_A_TIME: usize = 16;

/// Where a generation is.
pub(super) fn path(generation: Generation) -> String {
    format!("manifest/{:020}.json", generation.0)
}

/// A generation without its lists.
pub(super) async fn read_manifest(storage: &Storage, name: &str) -> Result<Manifest, StorageError> {
    let newer = |reason: &str| reason.contains("unknown field");
    storage.read_document(name).await.map_err(|error| match error {
        StorageError::Damaged { path, reason } if newer(&reason) => StorageError::Damaged {
            path,
            reason: format!("{reason}; it may be of a newer version of Merganser"),
        },
        other => other,
    })
}

/// The newest generation; what it has in common with `known` is not read again. One that is
/// replaced while it is read may be deleted by then, if that takes longer than replaced ones are
/// kept.
pub(super) async fn newest(
    storage: &Storage,
    known: Option<&ManifestState>,
) -> Result<Option<ManifestState>, StorageError> {
    let Some(mut name) = newest_name(storage).await? else { return Ok(None) };
    loop {
        let missing = match read_generation(storage, &name, known).await {
            Err(StorageError::Missing(path)) => path,
            read => return read.map(Some),
        };
        match newest_name(storage).await?.filter(|newer| *newer > name) {
            Some(newer) => name = newer,
            None => return Err(StorageError::Missing(missing)),
        }
    }
}

/// Its name.
pub(super) async fn newest_name(storage: &Storage) -> Result<Option<String>, StorageError> {
    let names = storage.list("manifest").await?.into_iter().map(|(name, _)| name);
    Ok(names.filter(|name| name.ends_with(".json")).max())
}

async fn read_generation(
    storage: &Storage,
    name: &str,
    known: Option<&ManifestState>,
) -> Result<ManifestState, StorageError> {
    let manifest = read_manifest(storage, name).await?;
    if !(1..=FORMAT).contains(&manifest.format) {
        let found = manifest.format;
        let reason =
            format!("format {found}, this build reads 1 to {FORMAT}; use a newer Merganser");
        return Err(StorageError::Damaged { path: name.to_owned(), reason });
    }
    // The next generation is named after this one's number: under another name it would be lost.
    if path(manifest.generation) != name {
        let reason = format!("it says generation {}; restore the file", manifest.generation);
        return Err(StorageError::Damaged { path: name.to_owned(), reason });
    }
    let known_views: HashMap<&str, &Arc<Vec<ViewFile>>> =
        known.map_or_else(HashMap::new, |known| {
            let entries = known.manifest.metrics.iter();
            entries.filter_map(|e| Some((e.files.as_deref()?, known.views.get(&e.id)?))).collect()
        });
    let mut views = Vec::new();
    for entry in &manifest.metrics {
        if let Some(list) = entry.files.clone() {
            let known = known_views.get(&*list).map(|files| Arc::clone(files));
            views.push(view(storage.clone(), entry.id, list, known));
        }
    }
    let views = stream::iter(views).buffer_unordered(LISTS_AT_A_TIME).try_collect();
    let (master, views, dashboards, condemned) = tokio::try_join!(
        list(storage, &manifest.master, known.map(|k| (&k.manifest.master, &k.master))),
        views,
        list(storage, &manifest.dashboards, known.map(|k| (&k.manifest.dashboards, &k.dashboards))),
        list(storage, &manifest.condemned, known.map(|k| (&k.manifest.condemned, &k.condemned))),
    )?;
    Ok(ManifestState { manifest, master, views, dashboards, condemned })
}

/// The files of a metric's view by their list, which may be known.
async fn view(
    storage: Storage,
    metric: MetricId,
    list: String,
    known: Option<Arc<Vec<ViewFile>>>,
) -> Result<(MetricId, Arc<Vec<ViewFile>>), StorageError> {
    match known {
        Some(files) => Ok((metric, files)),
        None => Ok((metric, Arc::new(storage.read_document(&list).await?))),
    }
}

/// The list of this name, which may be known.
async fn list<T: DeserializeOwned + Default>(
    storage: &Storage,
    name: &Option<String>,
    known: Option<(&Option<String>, &Arc<T>)>,
) -> Result<Arc<T>, StorageError> {
    let Some(path) = name else { return Ok(Arc::default()) };
    match known {
        Some((known_name, known)) if known_name == name => Ok(Arc::clone(known)),
        _ => Ok(Arc::new(storage.read_document(path).await?)),
    }
}
