//! Deleting what no manifest names any more.
//!
//! One process alone knows what it is about to name, and which generations its readers hold. Where
//! several share a storage, another may have written what it has not named yet, and readers
//! elsewhere hold what they hold. There the manifest itself says what is to be deleted
//! ("condemned"), a grace period before it is, and who publishes looks whether something of its own
//! is among it. Both are publications, so one of them comes first, and the other sees it.

use std::collections::{HashMap, HashSet};
use std::sync::{MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use merganser_core::failpoint::{self, is_bug_planted};

use super::{BatchCatalog, CatalogInner};
use crate::manifest::{ManifestChange, PublishError};
use crate::storage::StorageError;

/// Where objects are kept that are deleted when nothing needs them: those that a manifest can name,
/// and those of works.
const FOLDERS: [&str; 6] = ["manifest", "lists", "master", "views", "dashboards", "work"];

/// What is not collected while a work of several processes goes on: what they write is not known to
/// this one, and what they read may be replaced meanwhile.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reservation {
    /// Everything below these folders, with a slash at their end.
    pub folders: Vec<String>,
    /// These objects.
    pub objects: HashSet<String>,
}

impl Reservation {
    fn has(&self, path: &str) -> bool {
        self.folders.iter().any(|folder| path.starts_with(folder)) || self.objects.contains(path)
    }
}

impl BatchCatalog {
    /// Keeps what a work needs from being collected by this process, until it is released.
    pub fn reserve(&self, work: &str, reservation: Reservation) {
        self.0.reservations().insert(work.to_owned(), reservation);
    }

    /// The work is over.
    pub fn release(&self, work: &str) {
        self.0.reservations().remove(work);
    }

    /// No work is this process's.
    pub fn release_all(&self) {
        self.0.reservations().clear();
    }

    /// Deletes objects that neither the newest generation names, nor one that is pinned or within
    /// its grace period, and that are not being written. Returns how many.
    ///
    /// # Errors
    /// When objects cannot be listed or deleted; what was not is found the next time.
    pub async fn collect_garbage(&self) -> Result<usize, StorageError> {
        let inner = &self.0;
        if inner.settings.is_shared {
            return inner.collect_condemned().await;
        }
        // What is published meanwhile would be found in storage, and not among what is kept.
        let _turn = inner.take_turn().await?;
        let kept = inner.retained_paths();
        let mut deleted = 0;
        for folder in FOLDERS {
            for (path, _) in inner.storage.list(folder).await? {
                if !kept.contains(&path) && !inner.is_reserved(&path) {
                    failpoint::hit("gc.delete.before").map_err(io_failure)?;
                    inner.storage.delete(&path).await?;
                    failpoint::hit("gc.delete.after").map_err(io_failure)?;
                    metrics::counter!("merganser_objects_deleted_total").increment(1);
                    deleted += 1;
                }
            }
        }
        Ok(deleted)
    }
}

fn io_failure(error: std::io::Error) -> StorageError {
    StorageError::Io(error.to_string())
}

impl CatalogInner {
    fn reservations(&self) -> MutexGuard<'_, HashMap<String, Reservation>> {
        self.reservations.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether somebody is at work with the object, in this process or for it.
    fn is_reserved(&self, path: &str) -> bool {
        let is_of_work = !is_bug_planted("work_not_reserved")
            && self.reservations().values().any(|reservation| reservation.has(path));
        is_of_work || self.storage.is_unpublished(path)
    }

    /// Deletes what was condemned long enough ago, and condemns what nothing names since. Returns
    /// how many objects were deleted.
    async fn collect_condemned(&self) -> Result<usize, StorageError> {
        let _turn = self.take_turn().await?;
        let state = self.manifests.current();
        let mut due = self.due_for_deletion(&state.condemned);
        let pinned = self.pinned_paths();
        due.retain(|path| !pinned.contains(path) && !self.is_reserved(path));
        // Generations first, the oldest before others: who creates one looks for the one before.
        let mut ordered: Vec<&String> = due.iter().collect();
        ordered.sort_by_key(|path| (!path.starts_with("manifest/"), path.as_str()));
        for path in ordered {
            failpoint::hit("gc.condemned.before").map_err(io_failure)?;
            self.storage.delete(path).await?;
            metrics::counter!("merganser_objects_deleted_total").increment(1);
        }
        let named: HashSet<String> = state.paths().collect();
        let mut condemned = state.condemned.to_vec();
        condemned.retain(|path| !due.contains(path));
        let known: HashSet<String> = condemned.iter().chain(&due).cloned().collect();
        for folder in FOLDERS {
            for (path, _) in self.storage.list(folder).await? {
                let is_kept = named.contains(&path) || self.is_reserved(&path);
                if !is_kept && !known.contains(&path) {
                    condemned.push(path);
                }
            }
        }
        if condemned != *state.condemned {
            let published = self.publish(&ManifestChange::Condemn(condemned)).await;
            published.map_err(|error| match error {
                PublishError::Storage(error) => error,
                PublishError::Discarded(stale) => StorageError::Io(stale.to_string()),
            })?;
        }
        Ok(due.len())
    }

    /// Those that were condemned, as far as this process knows, for longer than readers hold them.
    fn due_for_deletion(&self, condemned: &[String]) -> HashSet<String> {
        let (grace, now) = (Duration::from_millis(self.settings.grace_ms), Instant::now());
        let mut since = self.condemned.lock().unwrap_or_else(PoisonError::into_inner);
        let all: HashSet<&String> = condemned.iter().collect();
        since.retain(|path, _| all.contains(path));
        for path in condemned {
            since.entry(path.clone()).or_insert(now);
        }
        let is_due = |at: &Instant| now - *at >= grace || is_bug_planted("gc_without_grace");
        since.iter().filter(|(_, at)| is_due(at)).map(|(path, _)| path.clone()).collect()
    }

    /// What generations name that somebody in this process holds, as a back-up does.
    fn pinned_paths(&self) -> HashSet<String> {
        let superseded = self.superseded.lock().unwrap_or_else(PoisonError::into_inner);
        let pinned = superseded.iter().filter(|generation| generation.is_pinned());
        pinned.flat_map(|generation| generation.paths.iter().cloned()).collect()
    }

    fn retained_paths(&self) -> HashSet<String> {
        let mut superseded = self.superseded.lock().unwrap_or_else(PoisonError::into_inner);
        let grace = Duration::from_millis(self.settings.grace_ms);
        superseded.retain(|generation| {
            !is_bug_planted("gc_without_grace") && generation.is_retained(grace)
        });
        let mut kept: HashSet<String> = self.manifests.current().paths().collect();
        kept.extend(superseded.iter().flat_map(|generation| generation.paths.iter().cloned()));
        kept
    }
}
