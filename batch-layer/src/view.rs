//! Batch views: a metric version's states in Parquet, by grain.
//!
//! A view is a set of files a grain: bases, and deltas of single runs. Rows of one group may stand
//! in several of them, so readers merge. A file is sorted by time and dimensions, and says in its
//! footer whose states it holds; that is checked against the manifest whenever it is opened.

mod compaction;
mod reader;
#[cfg(test)]
mod tests;

use arrow::array::RecordBatch;
use shared::catalog::ViewFile;
use shared::compile::StateLayout;
use shared::ids::{Boundary, MetricId};
use shared::table::{StateTable, TableError};
use shared::time::{Grain, TimeRange, Timestamp};

pub use compaction::{choose as choose_compaction, compact};
pub use reader::ParquetViews;

use crate::parquet_file;
use crate::storage::{Storage, StorageError, unique_name};

/// Groups emitted at a time while a file is written.
const EMIT_ROWS: usize = 32_768;

/// Whose states a file holds.
#[derive(Clone, Debug)]
pub struct Subject {
    /// The metric version.
    pub id: MetricId,
    /// How its states are stored.
    pub layout: StateLayout,
    /// Its base grain.
    pub base: Grain,
}

/// Writes a table of base states as one file a grain.
///
/// # Errors
/// When a file cannot be written, or states cannot be merged.
pub async fn write(
    storage: &Storage,
    subject: &Subject,
    table: StateTable,
    (from, to): (Boundary, Boundary),
) -> Result<Vec<ViewFile>, StorageError> {
    let mut files = Vec::new();
    let mut table = table;
    for grain in subject.base.rollups() {
        if table.is_empty() {
            break;
        }
        if *grain != subject.base {
            table = blocking_rollup(table, subject.layout.clone(), *grain).await?;
        }
        let (written, same) = write_grain(storage, subject, table, *grain, (from, to)).await?;
        files.push(written);
        table = same;
    }
    Ok(files)
}

async fn write_grain(
    storage: &Storage,
    subject: &Subject,
    table: StateTable,
    grain: Grain,
    (from, to): (Boundary, Boundary),
) -> Result<(ViewFile, StateTable), StorageError> {
    let about = about(subject, grain, (from, to));
    let schema = subject.layout.schema();
    let (bytes, range, table) = crate::master::blocking(move || {
        let order = table.sorted();
        let batches: Vec<RecordBatch> = order.chunks(EMIT_ROWS).map(|g| table.emit(g)).collect();
        let first = order.first().map_or(Timestamp(0), |g| table.time(*g));
        let last = order.last().map_or(Timestamp(0), |g| table.time(*g));
        let range = TimeRange { from: first, to: Timestamp(last.0 + grain.micros()) };
        Ok((parquet_file::write(&schema, &batches, &about, &[])?, range, table))
    })
    .await?;
    let path = format!("views/{}/{grain}/{}-{}.parquet", subject.id, to.epoch, unique_name());
    let (rows, size_bytes) = (table.len() as u64, bytes.len() as u64);
    let checksum = Some(crc32c::crc32c(&bytes));
    storage.create(&path, bytes).await?;
    Ok((ViewFile { path, grain, range, from, to, rows, size_bytes, checksum }, table))
}

async fn blocking_rollup(
    table: StateTable,
    layout: StateLayout,
    grain: Grain,
) -> Result<StateTable, StorageError> {
    crate::master::blocking(move || rollup(&table, &layout, grain).map_err(unmerged)).await
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

pub(crate) fn unmerged(error: TableError) -> StorageError {
    StorageError::Io(format!("states could not be merged: {error}"))
}

/// What a file's footer says of it.
fn about(
    subject: &Subject,
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
