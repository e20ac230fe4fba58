//! Merging the master dataset's files, so that a day has few of them.

use std::collections::BTreeMap;

use futures::StreamExt;
use merganser_core::ids::Boundary;
use merganser_core::time::TimeRange;
use merganser_metric::extract::PropertyExtractor;

use super::{MasterProjection, read, rows as rows_of, write};
use crate::compaction_policy;
use crate::manifest::MasterFile;
use crate::storage::{Storage, StorageError};

/// Files with events of one day that are merged when there are more than so many.
const FILES_A_DAY_MAX: usize = 8;
/// Bytes in memory of files that are merged at once; larger ones stand.
const MERGED_BYTES_MAX: u64 = 512 << 20;

/// Which files to merge: of those with events of a day that has too many and that lie below
/// `covered`, the small ones ([`compaction_policy::choose`]); and so on for the day that then has
/// the most.
#[must_use]
pub fn choose_compaction(files: &[MasterFile], covered: Boundary) -> Vec<Vec<MasterFile>> {
    let mut left: Vec<&MasterFile> =
        files.iter().filter(|file| file.to.epoch <= covered.epoch).collect();
    let mut merges = Vec::new();
    while let Some((day, count)) = fullest_day(&left) {
        if count <= FILES_A_DAY_MAX {
            break;
        }
        let (here, other): (Vec<_>, Vec<_>) =
            left.into_iter().partition(|file| file.covers_day(day));
        let chosen = compaction_policy::choose(here, |file| file.memory_bytes, MERGED_BYTES_MAX);
        if chosen.len() > 1 {
            merges.push(chosen.into_iter().cloned().collect());
        }
        // What was not chosen here is too large, and stands.
        left = other;
    }
    merges
}

/// The day with the most files, and how many.
fn fullest_day(files: &[&MasterFile]) -> Option<(i64, usize)> {
    // What begins and ends on each day: the count of files changes nowhere else.
    let mut changes: BTreeMap<i64, isize> = BTreeMap::new();
    for file in files {
        *changes.entry(file.first_day).or_default() += 1;
        *changes.entry(file.last_day() + 1).or_default() -= 1;
    }
    let counts = changes.into_iter().scan(0_isize, |count, (day, change)| {
        *count += change;
        Some((day, count.unsigned_abs()))
    });
    counts.max_by_key(|(_, count)| *count)
}

/// Merges files of the same days.
///
/// # Errors
/// When one cannot be read, or the merged one not be written.
pub async fn compact(
    storage: &Storage,
    files: &[MasterFile],
    columns: &PropertyExtractor,
) -> Result<Vec<MasterFile>, StorageError> {
    let mut batches = Vec::new();
    for file in files {
        let mut stream = read(storage, file, MasterProjection::Events, TimeRange::ALL).await?;
        while let Some(extracted) = stream.next().await {
            let extracted = extracted?;
            batches.push(rows_of(&extracted.events, &extracted.places)?);
        }
    }
    let (Some(from), Some(to)) =
        (files.iter().map(|f| f.from).min(), files.iter().map(|f| f.to).max())
    else {
        return Ok(Vec::new());
    };
    let merged = write(storage, batches, columns, (from, to)).await?;
    let (expected, found) = (row_count(files), row_count(&merged));
    if expected != found {
        let reason = format!("{found} events were read where {expected} were written");
        return Err(StorageError::Io(reason));
    }
    Ok(merged)
}

fn row_count(files: &[MasterFile]) -> u64 {
    files.iter().map(|file| file.rows).sum::<u64>()
}
