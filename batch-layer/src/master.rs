//! The master dataset: every event, as Parquet by UTC day of its time.
//!
//! A day of many events has files of its own; days of few share them with the days next to them,
//! so that the number of files follows the number of events and not that of days.
//!
//! Files are only ever added, or merged with others of the same days. Each holds the event's own
//! columns, its place in the journal, the text of all properties, and typed columns for the
//! properties that metrics used when it was written (named as
//! [`merganser_core::property::PropertyColumn::name`]). A typed
//! column stands in a file only if every value in it fitted its type with all its digits, so that
//! reading it is the same as reading the text. Rows are in order of time.
//!
//! A file knows its epochs. Those of epochs that some view does not cover yet are never merged with
//! others, so that an incremental run can take exactly its own.

mod compaction;
mod read;
#[cfg(test)]
mod tests;

use std::sync::{Arc, LazyLock};

use arrow::array::{ArrayRef, RecordBatch};
use arrow::compute::interleave_record_batch;
use arrow::datatypes::{Field, Schema, SchemaRef};
use merganser_core::blocking::run_blocking;
use merganser_core::event::{EventBatch, EventOffsets};
use merganser_core::ids::Boundary;
use merganser_core::journal::CommittedBatch;
use merganser_core::properties::PropertyValues;
use merganser_core::time::{DAY_US, Timestamp};
use merganser_metric::extract::{ExtractedEvents, PropertyExtractor};
use parquet::basic::Encoding;
use parquet::file::properties::{WriterPropertiesBuilder, WriterVersion};
use parquet::schema::types::ColumnPath;

use crate::manifest::MasterFile;
use crate::parquet_file::ROW_GROUP_ROWS;
use crate::storage::{Storage, StorageError, unique_name};
use crate::{parquet_file, time_order};

pub use compaction::{choose_compaction, compact};
pub use read::{MasterProjection, MasterStream, read};

/// Events of a day from which on it has files of its own.
const DAY_ROWS_MIN: usize = 1 << 14;
/// Events of a file that days share.
const SHARED_ROWS_MAX: usize = 1 << 16;

/// Rows that are put in order at a time. Larger allocations go back to the system at once, which
/// costs more than the copy.
const CHUNK_ROWS: usize = 8192;

/// How columns are encoded in which values hardly repeat. Ids and texts of properties begin alike.
const ENCODINGS: [(&str, Encoding); 4] = [
    ("id", Encoding::DELTA_BYTE_ARRAY),
    ("time", Encoding::DELTA_BINARY_PACKED),
    ("properties", Encoding::DELTA_BYTE_ARRAY),
    ("offset", Encoding::DELTA_BINARY_PACKED),
];
/// What the footer says of numbers. Files without it have columns of numbers that lost digits.
const EXACT: (&str, &str) = ("numbers", "exact");
/// Bytes of a column that are compressed at a time. Larger pages make smaller files.
const PAGE_BYTES: usize = 4 << 20;

/// Writes events of the epochs `[from, to)`.
///
/// `columns` are the properties that get typed columns. The batches may be in any order.
///
/// # Errors
/// When a file cannot be written; those that were are garbage.
pub async fn archive(
    storage: &Storage,
    events: &[CommittedBatch],
    columns: &PropertyExtractor,
    (from, to): (Boundary, Boundary),
) -> Result<Vec<MasterFile>, StorageError> {
    let rows = events.iter().map(|batch| rows(&batch.events, &batch.places()));
    let rows = rows.collect::<Result<Vec<_>, _>>()?;
    write(storage, rows, columns, (from, to)).await
}

/// Writes rows as files of days.
async fn write(
    storage: &Storage,
    rows: Vec<RecordBatch>,
    columns: &PropertyExtractor,
    epochs: (Boundary, Boundary),
) -> Result<Vec<MasterFile>, StorageError> {
    let days = by_days(&rows)?;
    let rows = Arc::new(rows);
    let mut files = Vec::with_capacity(days.len());
    for day_rows in days {
        files.push(write_file(storage, &rows, day_rows, columns.clone(), epochs).await?);
    }
    Ok(files)
}

/// Rows of a file to be, in order of time.
struct DayRows {
    first: i64,
    last: i64,
    /// The batch of each, and its row there.
    places: Vec<(usize, usize)>,
}

impl DayRows {
    /// The rows themselves, out of their batches.
    fn chunks(&self, batches: &[RecordBatch]) -> Result<Vec<RecordBatch>, StorageError> {
        let batches: Vec<&RecordBatch> = batches.iter().collect();
        let chunks = self.places.chunks(CHUNK_ROWS);
        chunks.map(|chunk| interleave_record_batch(&batches, chunk).map_err(damaged)).collect()
    }
}

async fn write_file(
    storage: &Storage,
    batches: &Arc<Vec<RecordBatch>>,
    day_rows: DayRows,
    columns: PropertyExtractor,
    (from, to): (Boundary, Boundary),
) -> Result<MasterFile, StorageError> {
    let (first, last) = (day_rows.first, day_rows.last);
    let days = if first == last { date(first) } else { format!("{}..{}", date(first), date(last)) };
    let path = format!("master/date={days}/{}-{}.parquet", from.epoch, unique_name());
    let (count, batches) = (day_rows.places.len() as u64, Arc::clone(batches));
    let (memory_bytes, bytes) = run_blocking(move || {
        let chunks = day_rows.chunks(&batches)?;
        let memory_bytes = chunks.iter().map(RecordBatch::get_array_memory_size).sum::<usize>();
        let (schema, chunks) = with_typed_columns(&chunks, &columns)?;
        let about = [("from", &*from.epoch.to_string()), ("to", &to.epoch.to_string()), EXACT];
        let about = about.map(|(key, value)| (key.to_owned(), value.to_owned()));
        let bytes = parquet_file::write(&schema, &chunks, &about, properties())?;
        Ok::<_, StorageError>((memory_bytes as u64, bytes))
    })
    .await?;
    let size_bytes = bytes.len() as u64;
    let checksum = Some(crc32c::crc32c(&bytes));
    storage.write(&path, bytes).await?;
    Ok(MasterFile {
        path,
        first_day: first,
        later_day: (first < last).then_some(last),
        from,
        to,
        rows: count,
        size_bytes,
        memory_bytes,
        checksum,
    })
}

fn properties() -> WriterPropertiesBuilder {
    // The first version of the format has no dictionaries of decimals. What the second one does
    // instead of dictionaries that are too large takes longer and saves little.
    let properties = parquet_file::properties()
        .set_writer_version(WriterVersion::PARQUET_2_0)
        .set_encoding(Encoding::PLAIN)
        .set_data_page_row_count_limit(ROW_GROUP_ROWS)
        .set_data_page_size_limit(PAGE_BYTES);
    ENCODINGS.iter().fold(properties, |properties, (column, encoding)| {
        let column = ColumnPath::from(*column);
        properties
            .set_column_dictionary_enabled(column.clone(), false)
            .set_column_encoding(column, *encoding)
    })
}

/// `2013-01-31`
fn date(day: i64) -> String {
    let time = Timestamp(day * DAY_US).to_utc();
    time.map_or_else(|| day.to_string(), |t| t.format("%Y-%m-%d").to_string())
}

/// The column of an event that stays in the journal: only intake reads it.
const DIGEST: &str = "content";

/// The columns of a file that are not typed ones: the event's own, then its place.
static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
    let own = EventBatch::schema();
    let own = own.fields().iter().filter(|field| field.name() != DIGEST).cloned();
    Arc::new(Schema::new(own.chain(EventOffsets::fields().map(Arc::new)).collect::<Vec<_>>()))
});

fn rows(events: &EventBatch, places: &EventOffsets) -> Result<RecordBatch, StorageError> {
    let own = EventBatch::schema();
    let own = own.fields().iter().zip(events.batch().columns());
    let own = own.filter(|(field, _)| field.name() != DIGEST).map(|(_, column)| column.clone());
    let columns = own.chain(places.columns()).collect();
    RecordBatch::try_new(Arc::clone(&SCHEMA), columns).map_err(damaged)
}

/// The rows in order of time, cut into files: between days, never within one.
fn by_days(batches: &[RecordBatch]) -> Result<Vec<DayRows>, StorageError> {
    let mut order: Vec<(i64, usize, usize)> = Vec::new();
    for (at, batch) in batches.iter().enumerate() {
        let times = time_order::times(batch).map_err(damaged)?;
        order.extend(times.iter().enumerate().map(|(row, time)| (*time, at, row)));
    }
    order.sort_unstable();
    let files =
        cut(order.chunk_by(|a, b| day(a.0) == day(b.0)).map(|rows| (day(rows[0].0), rows.len())));
    let mut start = 0;
    let mut days = Vec::with_capacity(files.len());
    for (first, last, count) in files {
        let rows = &order[start..start + count];
        start += count;
        days.push(DayRows { first, last, places: rows.iter().map(|r| (r.1, r.2)).collect() });
    }
    Ok(days)
}

fn day(time: i64) -> i64 {
    Timestamp(time).day()
}

/// The first day, last day and rows of each file, from days in order and their rows.
fn cut(days: impl Iterator<Item = (i64, usize)>) -> Vec<(i64, i64, usize)> {
    let mut files: Vec<(i64, i64, usize)> = Vec::new();
    let mut is_shared = false;
    for (day, rows) in days {
        let is_small = rows < DAY_ROWS_MIN;
        match files.last_mut() {
            Some((_, last, held)) if is_shared && is_small && *held + rows <= SHARED_ROWS_MAX => {
                *last = day;
                *held += rows;
            }
            _ => files.push((day, day, rows)),
        }
        is_shared = is_small;
    }
    files
}

/// The rows of a file with the typed columns that it gets, and its schema.
fn with_typed_columns(
    chunks: &[RecordBatch],
    columns: &PropertyExtractor,
) -> Result<(SchemaRef, Vec<RecordBatch>), StorageError> {
    let extract = |rows: &RecordBatch| {
        let (events, places) = (EventBatch::new(rows), EventOffsets::of(rows));
        Ok(columns.extract(&events.map_err(damaged)?, places.map_err(damaged)?))
    };
    let extracted = chunks.iter().map(extract).collect::<Result<Vec<_>, StorageError>>()?;
    let mut fields: Vec<Arc<Field>> = SCHEMA.fields().iter().cloned().collect();
    let mut arrays: Vec<Vec<ArrayRef>> =
        chunks.iter().map(|chunk| chunk.columns().to_vec()).collect();
    for column in columns.columns() {
        let is_whole = |p: &&PropertyValues| p.mismatches.is_empty() && p.long.is_empty();
        let values = |chunk: &ExtractedEvents| {
            chunk.column(column).filter(is_whole).map(|found| Arc::clone(&found.values))
        };
        if let Some(all) = extracted.iter().map(values).collect::<Option<Vec<_>>>() {
            fields.push(Arc::new(Field::new(column.name(), column.ty.data_type(), true)));
            arrays.iter_mut().zip(all).for_each(|(arrays, values)| arrays.push(values));
        }
    }
    let schema = Arc::new(Schema::new(fields));
    let batch = |arrays| RecordBatch::try_new(Arc::clone(&schema), arrays).map_err(damaged);
    let batches = arrays.into_iter().map(batch).collect::<Result<_, _>>()?;
    Ok((schema, batches))
}

pub(crate) fn damaged(error: impl std::fmt::Display) -> StorageError {
    StorageError::Io(error.to_string())
}
