//! Generations in storage: reading the newest, publishing the next.
//!
//! A storage can fail after it has written: its answer is lost, or it asks itself once more and
//! says that the object exists already. So each generation has a nonce, and whoever finds its
//! number taken looks whose it is. What stays in doubt is looked for before anything depends on it:
//! [`ManifestStore::follow`].

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::{StreamExt, TryStreamExt, stream};
use merganser_core::failpoint::{self, is_bug_planted};
use merganser_core::ids::JournalId;
use merganser_core::time::Timestamp;

use super::generation::{newest, newest_name, path, read_manifest};
use super::{Manifest, ManifestChange, ManifestState, StaleChangeError};
use crate::storage::{Storage, StorageError, unique_name};

/// How often a publication that lost is tried on the winner's state.
const ATTEMPTS_MAX: usize = 20;

/// How long to wait before a generation is created once more that may exist by now.
const PAUSES: [Duration; 3] =
    [Duration::from_millis(50), Duration::from_millis(200), Duration::from_millis(1000)];

/// Objects that are looked for at a time before they are published.
const CHECKS_AT_A_TIME: usize = 32;

/// How long a look for a newer generation may take.
const POLL: Duration = Duration::from_secs(3);

/// Of so many looks for a newer generation one lists all.
const POLLS_A_LIST: u32 = 20;

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
    /// Whether other processes publish in the same storage.
    is_shared: bool,
    polls: AtomicU32,
}

fn failed(place: &'static str) -> Result<(), StorageError> {
    failpoint::hit(place).map_err(|error| StorageError::Io(error.to_string()))
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
        let state = match newest(&storage, None).await? {
            Some(state) => state,
            None if is_new => begin(&storage, ManifestState::new(journal, now)).await?,
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
        Ok(Self {
            storage,
            current,
            is_in_doubt: AtomicBool::new(false),
            is_shared: false,
            polls: AtomicU32::new(0),
        })
    }

    /// The same, in a storage in which other processes publish, too.
    #[must_use]
    pub fn shared(self) -> Self {
        Self { is_shared: true, ..self }
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
            let before = self.current();
            let mut next = before.apply(change, now)?;
            if self.is_shared {
                self.check_objects(&before, &next).await?;
            }
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
                Creation::Ours if self.is_there_still(&before).await? => {
                    return Ok(self.adopt(next));
                }
                // This process was held up for so long that the name of the next generation was
                // taken and is free again. What it has put there is older than the newest.
                Creation::Ours => self.adopt_newest().await?,
                // The change is applied to the winner's state and tried again.
                Creation::Theirs => self.adopt_newest().await?,
            }
        }
        let lost = format!("{ATTEMPTS_MAX} publications came first");
        Err(StaleChangeError(lost).into())
    }

    /// Whether the generation is there: they are deleted oldest first, so one that was created
    /// behind it is the newest then.
    async fn is_there_still(&self, before: &ManifestState) -> Result<bool, StorageError> {
        Ok(!self.is_shared || self.storage.exists(&path(before.manifest.generation)).await?)
    }

    /// Whether all objects that the next generation names and this one does not are there, and will
    /// be: another process may have taken them for garbage. It says so in the manifest first, so
    /// that one of the two publications finds the other's.
    async fn check_objects(
        &self,
        before: &ManifestState,
        next: &ManifestState,
    ) -> Result<(), PublishError> {
        if is_bug_planted("condemned_not_checked") {
            return Ok(());
        }
        let named: HashSet<String> = before.paths().collect();
        let own = path(next.manifest.generation);
        let new = next.paths().filter(|path| !named.contains(path) && *path != own);
        let gone = stream::iter(new)
            .map(|path| async move {
                let is_there =
                    !next.condemned.contains(&path) && self.storage.exists(&path).await?;
                Ok::<_, StorageError>((!is_there).then_some(path))
            })
            .buffer_unordered(CHECKS_AT_A_TIME)
            .try_filter_map(|gone| std::future::ready(Ok(gone)));
        match std::pin::pin!(gone).try_next().await? {
            None => Ok(()),
            Some(path) => {
                let why = format!("another process took `{path}` for garbage");
                Err(StaleChangeError(why).into())
            }
        }
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

    /// Takes over the newest generation, whoever published it.
    ///
    /// # Errors
    /// As [`ManifestStore::follow`].
    pub async fn follow_others(&self) -> Result<(), StorageError> {
        let known = path(self.current().manifest.generation);
        if newest_name(&self.storage).await?.is_some_and(|newest| newest > known) {
            self.adopt_newest().await?;
        }
        Ok(())
    }

    /// The same for one who looks again and again: it asks for the next generation by its name,
    /// which is cheaper than a list, and only every now and then whether it was deleted since.
    ///
    /// # Errors
    /// As [`ManifestStore::follow`].
    pub async fn poll(&self) -> Result<(), StorageError> {
        let known = self.current().manifest.generation;
        let is_newer = async {
            match self.polls.fetch_add(1, Ordering::Relaxed).is_multiple_of(POLLS_A_LIST) {
                true => Ok(newest_name(&self.storage).await?.is_some_and(|n| n > path(known))),
                false => self.storage.exists(&path(known.next())).await,
            }
        };
        // A look that hangs is given up sooner than others, since it is done again at once.
        let is_newer = tokio::time::timeout(POLL, is_newer).await.unwrap_or_else(|_| {
            Err(StorageError::Io(format!("no answer to a look for the manifest within {POLL:?}")))
        });
        if is_newer? {
            self.adopt_newest().await?;
        }
        Ok(())
    }

    async fn adopt_newest(&self) -> Result<(), StorageError> {
        if let Some(newest) = newest(&self.storage, Some(&self.current())).await? {
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
        let found = read_manifest(&self.storage, name).await.map_err(|error| match error {
            // This process was held up for longer than replaced ones are kept.
            StorageError::Missing(path) => StorageError::Io(format!(
                "`{path}` was published and deleted since, so that it is not known by whom"
            )),
            other => other,
        })?;
        let is_ours = found.nonce == ours.nonce && !is_bug_planted("nonce_not_compared");
        Ok(if is_ours { Creation::Ours } else { Creation::Theirs })
    }

    /// Writes the lists that have changed, which have no name yet.
    async fn write_lists(&self, state: &mut ManifestState) -> Result<(), StorageError> {
        if state.manifest.master.is_none() && !state.master.is_empty() {
            let name = format!("lists/master-{}.json", unique_name());
            self.storage.write_document(&name, &*state.master).await?;
            state.manifest.master = Some(name);
        }
        for entry in &mut state.manifest.metrics {
            let Some(files) = state.views.get(&entry.id) else { continue };
            if entry.files.is_none() && !files.is_empty() {
                let name = format!("lists/view-{}-{}.json", entry.id, unique_name());
                self.storage.write_document(&name, &**files).await?;
                entry.files = Some(name);
            }
        }
        if state.manifest.dashboards.is_none() && !state.dashboards.is_empty() {
            let name = format!("lists/dashboards-{}.json", unique_name());
            self.storage.write_document(&name, &*state.dashboards).await?;
            state.manifest.dashboards = Some(name);
        }
        if state.manifest.condemned.is_none() && !state.condemned.is_empty() {
            let name = format!("lists/condemned-{}.json", unique_name());
            self.storage.write_document(&name, &*state.condemned).await?;
            state.manifest.condemned = Some(name);
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

/// Makes the first generation, unless another process has.
async fn begin(storage: &Storage, first: ManifestState) -> Result<ManifestState, StorageError> {
    let name = path(first.manifest.generation);
    let created = storage.create_document(&name, &first.manifest).await;
    storage.mark_published([&*name]);
    match created {
        Err(StorageError::Exists(_)) => Ok(newest(storage, None).await?.unwrap_or(first)),
        created => created.map(|()| first),
    }
}
