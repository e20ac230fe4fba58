//! Deleting what no manifest names any more.

use std::collections::HashSet;
use std::sync::PoisonError;
use std::time::Duration;

use merganser_core::failpoint::{self, is_bug_planted};

use super::{BatchCatalog, CatalogInner};
use crate::storage::StorageError;

/// Where objects that a manifest can name are kept.
const FOLDERS: [&str; 5] = ["manifest", "lists", "master", "views", "dashboards"];

impl BatchCatalog {
    /// Deletes objects that neither the newest generation names, nor one that is pinned or within
    /// its grace period, and that are not being written. Returns how many.
    ///
    /// # Errors
    /// When objects cannot be listed or deleted; what was not is found the next time.
    pub async fn collect_garbage(&self) -> Result<usize, StorageError> {
        let inner = &self.0;
        // What is published meanwhile would be found in storage, and not among what is kept.
        let _turn = inner.take_turn().await?;
        let kept = inner.retained_paths();
        let mut deleted = 0;
        for folder in FOLDERS {
            for (path, _) in inner.storage.list(folder).await? {
                if !kept.contains(&path) && !inner.storage.is_unpublished(&path) {
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
    fn retained_paths(&self) -> HashSet<String> {
        let grace = Duration::from_millis(self.settings.grace_ms);
        let mut superseded = self.superseded.lock().unwrap_or_else(PoisonError::into_inner);
        superseded.retain(|generation| {
            let pinned = generation.snapshot.strong_count() > 0;
            !is_bug_planted("gc_without_grace") && (pinned || generation.at.elapsed() < grace)
        });
        let mut kept: HashSet<String> = self.manifests.current().paths().collect();
        kept.extend(superseded.iter().flat_map(|generation| generation.paths.iter().cloned()));
        kept
    }
}
