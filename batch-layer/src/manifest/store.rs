//! Generations in storage: reading the newest, publishing the next.
//!
//! A storage can fail after it has written: its answer is lost, or it asks itself once more and
//! says that the object exists already. So each generation has a nonce, and whoever finds its
//! number taken looks whose it is. What stays in doubt is looked for before anything depends on it:
//! [`ManifestStore::follow`].

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use merganser_core::failpoint::{self, is_bug_planted};
use merganser_core::ids::{Generation, JournalId};
use merganser_core::time::Timestamp;

use super::{FORMAT, Manifest, ManifestChange, ManifestState, StaleChangeError};
use crate::storage::{Storage, StorageError, unique_name};

/// How often a publication that lost is tried on the winner's state.
const ATTEMPTS_MAX: usize = 20;

/// How long to wait before a generation is created once more that may exist by now.
const PAUSES: [Duration; 3] =
    [Duration::from_millis(50), Duration::from_millis(200), Duration::from_millis(1000)];

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
    /// Whether there may be a newer generation, made by a publication that nobody could confirm.
    is_in_doubt: AtomicBool,
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
        let current = Mutex::new(Arc::new(state));
        Ok(Self { storage, current, is_in_doubt: AtomicBool::new(false) })
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
            next.manifest.nonce = Some(unique_name());
            failed("publish.manifest.before")?;
            let created = self.create_once(&next.manifest).await?;
            failpoint::pass("publish.manifest.after");
            match created {
                // Between the creation and this nothing protects the new objects; the catalog lets
                // no collection of garbage run beside a publication.
                Creation::Ours => return Ok(self.adopt(next)),
                // The change is applied to the winner's state and tried again.
                Creation::Theirs => self.adopt_newest().await?,
            }
        }
        let lost = format!("{ATTEMPTS_MAX} publications came first");
        Err(StaleChangeError(lost).into())
    }

    /// Takes over a generation that was published although nobody could say so.
    ///
    /// # Errors
    /// When the generations cannot be read.
    pub async fn follow(&self) -> Result<(), StorageError> {
        if self.is_in_doubt.load(Ordering::Acquire) {
            self.adopt_newest().await?;
        }
        Ok(())
    }

    async fn adopt_newest(&self) -> Result<(), StorageError> {
        if let Some(newest) = newest(&self.storage).await? {
            self.adopt(newest);
        }
        self.is_in_doubt.store(false, Ordering::Release);
        Ok(())
    }

    fn adopt(&self, state: ManifestState) -> Arc<ManifestState> {
        let paths: Vec<String> = state.paths().collect();
        self.storage.mark_published(paths.iter().map(String::as_str));
        let state = Arc::new(state);
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&state);
        state
    }

    /// The compare-and-swap: a generation's object can be created once only. What is in doubt is
    /// tried again, until it is known who created it.
    async fn create_once(&self, manifest: &Manifest) -> Result<Creation, StorageError> {
        let name = path(manifest.generation);
        let mut pauses = PAUSES.into_iter();
        loop {
            let created = match is_bug_planted("cas_without_parent") {
                true => self.storage.replace_document(&name, manifest).await,
                false => self.storage.create_document(&name, manifest).await,
            };
            let created = created.and_then(|()| failed("publish.manifest.created"));
            let result = match created {
                Err(StorageError::Exists(_)) => self.creator_of(&name, manifest).await,
                other => other.map(|()| Creation::Ours),
            };
            match (result, pauses.next()) {
                (Err(StorageError::Io(_)), Some(pause)) => tokio::time::sleep(pause).await,
                (result, _) => {
                    self.is_in_doubt.fetch_or(result.is_err(), Ordering::AcqRel);
                    return result;
                }
            }
        }
    }

    /// Who created the generation that is there.
    async fn creator_of(&self, name: &str, ours: &Manifest) -> Result<Creation, StorageError> {
        let found: Manifest = read_manifest(&self.storage, name).await?;
        let is_ours = found.nonce == ours.nonce && !is_bug_planted("nonce_not_compared");
        Ok(if is_ours { Creation::Ours } else { Creation::Theirs })
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

/// Who created a generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Creation {
    /// This publication.
    Ours,
    /// Another one.
    Theirs,
}

async fn read_manifest(storage: &Storage, name: &str) -> Result<Manifest, StorageError> {
    let newer = |reason: &str| reason.contains("unknown field");
    storage.read_document(name).await.map_err(|error| match error {
        StorageError::Damaged { path, reason } if newer(&reason) => StorageError::Damaged {
            path,
            reason: format!("{reason}; it may be of a newer version of Merganser"),
        },
        other => other,
    })
}

async fn newest(storage: &Storage) -> Result<Option<ManifestState>, StorageError> {
    let names = storage.list("manifest").await?.into_iter().map(|(name, _)| name);
    let Some(name) = names.filter(|name| name.ends_with(".json")).max() else { return Ok(None) };
    let manifest = read_manifest(storage, &name).await?;
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
