//! Merging a view's files, so that a query opens few and a run rewrites little.
//!
//! Files are merged in tiers: the small ones first, into one that is larger than each. A row is
//! rewritten about log₂(history / run) times in its life, so that the cost of a run depends on its
//! own events, and only slowly on history.

use arrow::array::RecordBatch;
use merganser_core::blocking::run_blocking;
use merganser_core::time::{DAY_US, Grain, TimeRange, Timestamp};
use merganser_metric::catalog::ViewFile;
use merganser_metric::table::StateTable;

use super::{ParquetViews, ViewSchema, merge_error, rows, write};
use crate::compaction_policy;
use crate::storage::{Storage, StorageError};

/// Files of a grain that are let be.
const FILES_MAX: usize = 6;
/// Groups of an output file: a merge is done in parts of about so many, one a thread.
const PART_ROWS: u64 = 500_000;

/// Which files of one grain to merge: none while there are few; otherwise the small ones
/// ([`compaction_policy::choose`]).
#[must_use]
pub fn choose(files: &[ViewFile], grain: Grain) -> Vec<ViewFile> {
    let files: Vec<&ViewFile> = files.iter().filter(|file| file.grain == grain).collect();
    let overlapping =
        |file: &ViewFile| files.iter().filter(|other| other.range.overlaps(&file.range)).count();
    if files.iter().map(|file| overlapping(file)).max().unwrap_or(0) <= FILES_MAX {
        return Vec::new();
    }
    compaction_policy::choose(files.into_iter().cloned().collect(), |file| file.rows, u64::MAX)
}

/// Merges what files of one grain have in one of their [`parts`]; nothing where they have nothing
/// there. All parts together replace the files.
///
/// # Errors
/// When one cannot be read, or the merged one not be written.
pub async fn compact_part(
    storage: &Storage,
    views: &ParquetViews,
    subject: &ViewSchema,
    files: &[ViewFile],
    part: TimeRange,
) -> Result<Option<ViewFile>, StorageError> {
    let (Some(from), Some(to), Some(grain)) = (
        files.iter().map(|f| f.from).min(),
        files.iter().map(|f| f.to).max(),
        files.first().map(|f| f.grain),
    ) else {
        return Ok(None);
    };
    let columns: Vec<String> =
        subject.layout.schema().fields().iter().map(|f| f.name().clone()).collect();
    let mut batches: Vec<RecordBatch> = Vec::new();
    for file in files.iter().filter(|file| file.range.overlaps(&part)) {
        batches.extend(views.read_file(subject.id, file, &columns, part).await?);
    }
    let layout = subject.layout.clone();
    let rows = run_blocking(move || {
        let mut table = StateTable::new(&layout);
        batches.iter().try_for_each(|batch| table.merge(batch)).map_err(merge_error)?;
        Ok::<_, StorageError>(rows(&table))
    })
    .await?;
    if rows.is_empty() {
        return Ok(None);
    }
    write(storage, subject, rows, grain, (from, to)).await.map(Some)
}

/// Ranges of whole days of about [`PART_ROWS`] rows each, taking each file's rows as spread evenly
/// over its days.
#[must_use]
pub fn parts(files: &[ViewFile]) -> Vec<TimeRange> {
    let day = |time: Timestamp| time.day();
    let first = files.iter().map(|f| day(f.range.from)).min().unwrap_or(0);
    let last = files.iter().map(|f| day(Timestamp(f.range.to.0 - 1))).max().unwrap_or(first);
    let days_of = |f: &ViewFile| {
        (day(Timestamp(f.range.to.0 - 1)) - day(f.range.from) + 1).unsigned_abs().max(1)
    };
    let rows: u64 = files.iter().map(|f| f.rows).sum();
    if rows <= PART_ROWS {
        return vec![days(first, last + 1)];
    }
    let mut parts = Vec::new();
    let (mut start, mut held) = (first, 0);
    for at in first..=last {
        let here = files.iter().filter(|f| f.range.overlaps(&days(at, at + 1)));
        let here: u64 = here.map(|f| f.rows / days_of(f)).sum();
        if held > 0 && held + here > PART_ROWS {
            parts.push(days(start, at));
            (start, held) = (at, 0);
        }
        held += here;
    }
    parts.push(days(start, last + 1));
    parts
}

fn days(from: i64, to: i64) -> TimeRange {
    TimeRange { from: Timestamp(from * DAY_US), to: Timestamp(to * DAY_US) }
}
