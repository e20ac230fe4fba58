//! Batch views: a metric version's states in Parquet, by grain.
//!
//! A view is a set of files a grain: bases, and deltas of single runs. Rows of one group may stand
//! in several of them, so readers merge. A file is sorted by time and dimensions, and says in its
//! footer whose states it holds; that is checked against the manifest whenever it is opened.

mod compaction;
mod file_builder;
mod reader;
#[cfg(test)]
mod tests;

use arrow::array::RecordBatch;
use merganser_core::blocking::run_blocking;
use merganser_core::ids::{Boundary, MetricId};
use merganser_core::time::{Grain, TimeRange, Timestamp};
use merganser_metric::catalog::ViewFile;
use merganser_metric::layout::StateLayout;
use merganser_metric::table::{StateTable, TableError};

pub use compaction::{choose as choose_compaction, compact_part, parts as compaction_parts};
pub use file_builder::ViewFileBuilder;
pub use reader::ParquetViews;

use crate::parquet_file;
use crate::storage::{Storage, StorageError, unique_name};
use crate::time_order;

/// Groups emitted at a time while a file is written.
const EMIT_ROWS: usize = 32_768;

/// Whose states a file holds.
#[derive(Clone, Debug)]
pub struct ViewSchema {
    /// The metric version.
    pub id: MetricId,
    /// How its states are stored.
    pub layout: StateLayout,
    /// Its base grain.
    pub base: Grain,
}

/// All groups of a table as rows of a file.
#[must_use]
pub fn rows(table: &StateTable) -> Vec<RecordBatch> {
    table.sorted().chunks(EMIT_ROWS).map(|groups| table.emit(groups)).collect()
}

/// Writes rows in the order of a file; there are some.
async fn write(
    storage: &Storage,
    subject: &ViewSchema,
    rows: Vec<RecordBatch>,
    grain: Grain,
    (from, to): (Boundary, Boundary),
) -> Result<ViewFile, StorageError> {
    let about = footer_metadata(subject, grain, (from, to));
    let schema = subject.layout.schema();
    let count = rows.iter().map(RecordBatch::num_rows).sum::<usize>() as u64;
    let first = edge_time(rows.first(), <[i64]>::first).unwrap_or_default();
    let last = edge_time(rows.last(), <[i64]>::last).unwrap_or_default();
    let range = TimeRange { from: first, to: Timestamp(last.0 + grain.micros()) };
    let properties = parquet_file::properties();
    let write = move || parquet_file::write(&schema, &rows, &about, properties);
    let bytes = run_blocking(write).await?;
    let path = format!("views/{}/{grain}/{}-{}.parquet", subject.id, to.epoch, unique_name());
    let size_bytes = bytes.len() as u64;
    let checksum = Some(crc32c::crc32c(&bytes));
    storage.write(&path, bytes).await?;
    Ok(ViewFile { path, grain, range, from, to, rows: count, size_bytes, checksum })
}

fn edge_time(rows: Option<&RecordBatch>, at: fn(&[i64]) -> Option<&i64>) -> Option<Timestamp> {
    let times = time_order::times(rows?).ok()?;
    at(times).copied().map(Timestamp)
}

/// States of a finer grain merged to a coarser one.
///
/// # Errors
/// When states cannot be merged.
pub fn rollup(
    table: &StateTable,
    layout: &StateLayout,
    grain: Grain,
) -> Result<StateTable, TableError> {
    let mut coarse = StateTable::new(layout);
    coarse.merge_table(table, |time| grain.floor(time))?;
    Ok(coarse)
}

pub(crate) fn merge_error(error: TableError) -> StorageError {
    StorageError::Io(format!("states could not be merged: {error}"))
}

/// What a file's footer says of it.
fn footer_metadata(
    subject: &ViewSchema,
    grain: Grain,
    (from, to): (Boundary, Boundary),
) -> Vec<(String, String)> {
    let pair = |key: &str, value: String| (key.to_owned(), value);
    vec![
        pair("metric", subject.id.to_string()),
        pair("grain", grain.to_string()),
        pair("from", from.epoch.to_string()),
        pair("to", to.epoch.to_string()),
    ]
}
