//! Generations in storage: reading the newest, publishing the next.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use merganser_core::failpoint::{self, is_bug_planted};
use merganser_core::ids::{Generation, JournalId};
use merganser_core::time::Timestamp;

use super::{FORMAT, Manifest, ManifestChange, ManifestState, StaleChangeError};
use crate::storage::{Storage, StorageError, unique_name};

/// How often a publication that lost is tried on the winner's state.
const ATTEMPTS_MAX: usize = 20;

/// What can go wrong with a publication.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// Its inputs have changed.
    #[error(transparent)]
    Discarded(#[from] StaleChangeError),
    /// It could not be stored, or it is unknown whether it was.
    #[error("the manifest could not be published: {0}")]
    Storage(#[from] StorageError),
}

/// The manifest's generations in a [`Storage`].
#[derive(Debug)]
pub struct ManifestStore {
    storage: Storage,
    current: Mutex<Arc<ManifestState>>,
}

fn failed(place: &'static str) -> Result<(), StorageError> {
    failpoint::hit(place).map_err(|error| StorageError::Io(error.to_string()))
}

pub(super) fn path(generation: Generation) -> String {
    format!("manifest/{:020}.json", generation.0)
}

impl ManifestStore {
    /// Reads the newest generation. Without one, the first is made if the journal is new.
    ///
    /// # Errors
    /// When a document is damaged, of a newer format, or of another journal, or when there is none
    /// for a journal that has events: what it named would be taken for garbage.
    pub async fn open(
        storage: Storage,
        journal: JournalId,
        is_new: bool,
        now: Timestamp,
    ) -> Result<Self, StorageError> {
        let state = match newest(&storage).await? {
            Some(state) => state,
            None if is_new => {
                let state = ManifestState::new(journal, now);
                let name = path(state.manifest.generation);
                storage.create_document(&name, &state.manifest).await?;
                storage.mark_published([&*name]);
                state
            }
            None => {
                let reason = "there is none, but the journal has events; restore the folder \
                              `manifest` from a back-up, with `lists`, `master` and `views`";
                let (path, reason) = ("manifest".to_owned(), reason.to_owned());
                return Err(StorageError::Damaged { path, reason });
            }
        };
        if state.manifest.journal != journal {
            return Err(StorageError::Damaged {
                path: path(state.manifest.generation),
                reason: format!(
                    "it belongs to journal {}, but the journal here is {journal}",
                    state.manifest.journal
                ),
            });
        }
        Ok(Self { storage, current: Mutex::new(Arc::new(state)) })
    }

    /// The newest state.
    #[must_use]
    pub fn current(&self) -> Arc<ManifestState> {
        Arc::clone(&self.current.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Publishes a change as the next generation. Where another publication came first, the change
    /// is applied to its state.
    ///
    /// # Errors
    /// When the change is discarded, or cannot be stored.
    pub async fn publish(
        &self,
        change: &ManifestChange,
        now: Timestamp,
    ) -> Result<Arc<ManifestState>, PublishError> {
        for _ in 0..ATTEMPTS_MAX {
            let mut next = self.current().apply(change, now)?;
            failed("publish.lists.before")?;
            // The lists first, so that no manifest ever names an object that is not there.
            self.write_lists(&mut next).await?;
            let name = path(next.manifest.generation);
            failed("publish.manifest.before")?;
            // The compare-and-swap: a generation's object can be created once only.
            let created = match is_bug_planted("cas_without_parent") {
                true => self.storage.replace_document(&name, &next.manifest).await,
                false => self.storage.create_document(&name, &next.manifest).await,
            };
            failpoint::pass("publish.manifest.after");
            match created {
                Ok(()) => {
                    let next = Arc::new(next);
                    // Between these two steps nothing protects the new objects; the catalog lets
                    // no collection of garbage run beside a publication.
                    let paths: Vec<String> = next.paths().collect();
                    self.storage.mark_published(paths.iter().map(String::as_str));
                    *self.current.lock().unwrap_or_else(PoisonError::into_inner) =
                        Arc::clone(&next);
                    return Ok(next);
                }
                Err(StorageError::Exists(_)) => {
                    // Another publication won: the change is applied to its state and tried again.
                    if let Some(winner) = newest(&self.storage).await? {
                        let paths: Vec<String> = winner.paths().collect();
                        self.storage.mark_published(paths.iter().map(String::as_str));
                        *self.current.lock().unwrap_or_else(PoisonError::into_inner) =
                            Arc::new(winner);
                    }
                }
                Err(other) => return Err(other.into()),
            }
        }
        let lost = format!("{ATTEMPTS_MAX} publications came first");
        Err(StaleChangeError(lost).into())
    }

    /// Writes the lists that have changed, which have no name yet.
    async fn write_lists(&self, state: &mut ManifestState) -> Result<(), StorageError> {
        if state.manifest.master.is_none() && !state.master.is_empty() {
            let name = format!("lists/master-{}.json", unique_name());
            self.storage.create_document(&name, &*state.master).await?;
            state.manifest.master = Some(name);
        }
        for entry in &mut state.manifest.metrics {
            let Some(files) = state.views.get(&entry.id) else { continue };
            if entry.files.is_none() && !files.is_empty() {
                let name = format!("lists/view-{}-{}.json", entry.id, unique_name());
                self.storage.create_document(&name, &**files).await?;
                entry.files = Some(name);
            }
        }
        if state.manifest.dashboards.is_none() && !state.dashboards.is_empty() {
            let name = format!("lists/dashboards-{}.json", unique_name());
            self.storage.create_document(&name, &*state.dashboards).await?;
            state.manifest.dashboards = Some(name);
        }
        Ok(())
    }
}

async fn newest(storage: &Storage) -> Result<Option<ManifestState>, StorageError> {
    let names = storage.list("manifest").await?.into_iter().map(|(name, _)| name);
    let Some(name) = names.filter(|name| name.ends_with(".json")).max() else { return Ok(None) };
    let manifest: Manifest = storage.read_document(&name).await.map_err(|error| {
        let newer = |reason: &str| reason.contains("unknown field");
        match error {
            StorageError::Damaged { path, reason } if newer(&reason) => StorageError::Damaged {
                path,
                reason: format!("{reason}; it may be of a newer version of Merganser"),
            },
            other => other,
        }
    })?;
    if !(1..=FORMAT).contains(&manifest.format) {
        let found = manifest.format;
        let reason =
            format!("format {found}, this build reads 1 to {FORMAT}; use a newer Merganser");
        return Err(StorageError::Damaged { path: name, reason });
    }
    // The next generation is named after this one's number: under another name it would be lost.
    if path(manifest.generation) != name {
        let reason = format!("it says generation {}; restore the file", manifest.generation);
        return Err(StorageError::Damaged { path: name, reason });
    }
    let master = match &manifest.master {
        Some(list) => Arc::new(storage.read_document(list).await?),
        None => Arc::default(),
    };
    let mut views = BTreeMap::new();
    for entry in &manifest.metrics {
        if let Some(list) = &entry.files {
            views.insert(entry.id, Arc::new(storage.read_document(list).await?));
        }
    }
    let dashboards = match &manifest.dashboards {
        Some(list) => Arc::new(storage.read_document(list).await?),
        None => Arc::default(),
    };
    Ok(Some(ManifestState { manifest, master, views, dashboards }))
}
