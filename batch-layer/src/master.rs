//! The master dataset: every event, as Parquet by UTC day of its time.
//!
//! Files are only ever added, or several of one day merged into one. Each holds the event's own
//! columns, its place in the journal, the text of all properties, and typed columns for the
//! properties that metrics used when it was written (named as [`PropertyColumn::name`]). A typed
//! column stands in a file only if every value in it fitted its type, so that reading it is the
//! same as reading the text.
//!
//! A file knows its epochs. Those of epochs that some view does not cover yet are never merged with
//! others, so that an incremental run can take exactly its own.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use arrow::array::{ArrayRef, RecordBatch, UInt32Array};
use arrow::compute::{concat_batches, take_record_batch};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use futures::future::ready;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use parquet::arrow::ParquetRecordBatchStreamBuilder;
use parquet::arrow::ProjectionMask;
use shared::event::{EventBatch, Places};
use shared::expression::PropertyColumn;
use shared::extract::{Extracted, Extraction, Extractor};
use shared::ids::Boundary;
use shared::ports::Committed;
use shared::time::{DAY_US, Timestamp};

use crate::manifest::MasterFile;
use crate::parquet_file::{self, ParquetFile};
use crate::storage::{Storage, StorageError, unique_name};
use crate::tiers;

/// Files of one day that are merged when there are more than so many.
const FILES_A_DAY_MAX: usize = 8;
/// Bytes in memory of files that are merged at once; larger ones stand. A column's text is bounded
/// by 2 GiB.
const MERGED_BYTES_MAX: u64 = 512 << 20;

/// Writes events of the epochs `[from, to)` as one file per UTC day.
///
/// `columns` are the properties that get typed columns. The batches may be in any order.
///
/// # Errors
/// When a file cannot be written; those that were are garbage.
pub async fn archive(
    storage: &Storage,
    events: &[Committed],
    columns: &Extractor,
    (from, to): (Boundary, Boundary),
) -> Result<Vec<MasterFile>, StorageError> {
    let rows = events.iter().map(|batch| rows(&batch.events, &batch.places()));
    let rows = rows.collect::<Result<Vec<_>, _>>()?;
    let mut files = Vec::new();
    for (day, events) in by_day(&rows)? {
        files.push(write_day(storage, day, &events, columns, (from, to)).await?);
    }
    Ok(files)
}

async fn write_day(
    storage: &Storage,
    day: i64,
    events: &RecordBatch,
    columns: &Extractor,
    (from, to): (Boundary, Boundary),
) -> Result<MasterFile, StorageError> {
    let path = format!("master/date={}/{}-{}.parquet", date(day), from.epoch, unique_name());
    let (rows, memory_bytes) = (events.num_rows() as u64, events.get_array_memory_size() as u64);
    let (events, columns) = (events.clone(), columns.clone());
    let bytes = blocking(move || {
        let batch = with_typed_columns(&events, &columns)?;
        let about =
            [("from".to_owned(), from.epoch.to_string()), ("to".to_owned(), to.epoch.to_string())];
        parquet_file::write(&batch.schema(), &[batch], &about)
    })
    .await?;
    let size_bytes = bytes.len() as u64;
    let checksum = Some(crc32c::crc32c(&bytes));
    storage.create(&path, bytes).await?;
    Ok(MasterFile { path, day, from, to, rows, size_bytes, memory_bytes, checksum })
}

/// `2013-01-31`
fn date(day: i64) -> String {
    let time = Timestamp(day * DAY_US).to_utc();
    time.map_or_else(|| day.to_string(), |t| t.format("%Y-%m-%d").to_string())
}

/// The columns of a file that are not typed ones: the event's own, then its place.
static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
    let own = EventBatch::schema();
    let fields = own.fields().iter().cloned().chain(Places::fields().map(Arc::new));
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
});

fn rows(events: &EventBatch, places: &Places) -> Result<RecordBatch, StorageError> {
    let columns = events.batch().columns().iter().cloned().chain(places.columns());
    RecordBatch::try_new(Arc::clone(&SCHEMA), columns.collect()).map_err(damaged)
}

/// The rows by UTC day of their events' time, each day's in order of time.
fn by_day(batches: &[RecordBatch]) -> Result<BTreeMap<i64, RecordBatch>, StorageError> {
    let mut order: BTreeMap<i64, Vec<(i64, u32)>> = BTreeMap::new();
    let batch = concat_batches(&SCHEMA, batches).map_err(damaged)?;
    let events = EventBatch::new(&batch).map_err(damaged)?;
    for (row, time) in events.times().values().iter().enumerate() {
        order.entry(Timestamp(*time).day()).or_default().push((*time, row as u32));
    }
    let mut days = BTreeMap::new();
    for (day, mut rows) in order {
        rows.sort_unstable();
        let rows: UInt32Array = rows.into_iter().map(|(_, row)| row).collect();
        days.insert(day, take_record_batch(&batch, &rows).map_err(damaged)?);
    }
    Ok(days)
}

fn with_typed_columns(
    rows: &RecordBatch,
    columns: &Extractor,
) -> Result<RecordBatch, StorageError> {
    let (events, places) = (EventBatch::new(rows), Places::of(rows));
    let extracted = columns.extract(&events.map_err(damaged)?, places.map_err(damaged)?);
    let mut fields: Vec<Arc<Field>> = rows.schema().fields().iter().cloned().collect();
    let mut arrays: Vec<ArrayRef> = rows.columns().to_vec();
    for column in columns.columns() {
        if let Some(found) = extracted.column(column).filter(|c| c.mismatches.is_empty()) {
            fields.push(Arc::new(Field::new(column.name(), column.ty.data_type(), true)));
            arrays.push(Arc::clone(&found.values));
        }
    }
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).map_err(damaged)
}

/// What is read of a file.
#[derive(Clone, Debug)]
pub enum Want {
    /// The events as they were archived.
    Events,
    /// These properties: typed columns where the file has them, from the text otherwise. The text
    /// itself is left out where it is not needed.
    Properties(Extractor),
}

/// Events of a file, in bounded batches.
pub type MasterStream = BoxStream<'static, Result<Extracted, StorageError>>;

/// Reads the events of one file.
///
/// # Errors
/// When the file is missing, damaged, or not what the manifest says.
pub async fn read(
    storage: &Storage,
    file: &MasterFile,
    want: Want,
) -> Result<MasterStream, StorageError> {
    let path = file.path.clone();
    let reader = ParquetFile::new(storage, &path, file.size_bytes);
    let wrong = {
        let path = path.clone();
        move |reason: String| StorageError::Damaged { path: path.clone(), reason }
    };
    reader.verify(file.checksum).await.map_err(&wrong)?;
    let builder =
        ParquetRecordBatchStreamBuilder::new(reader).await.map_err(|e| wrong(e.to_string()))?;
    let rows = u64::try_from(builder.metadata().file_metadata().num_rows()).unwrap_or(0);
    if rows != file.rows {
        return Err(wrong(format!("it has {rows} rows, the manifest says {}", file.rows)));
    }
    let schema = builder.parquet_schema();
    let (columns, want_text) = match want {
        Want::Events => (Extractor::default(), true),
        Want::Properties(columns) => (columns, false),
    };
    let typed: Vec<PropertyColumn> = {
        let names: Vec<&str> = builder.schema().fields().iter().map(|f| &**f.name()).collect();
        columns.columns().iter().filter(|c| names.contains(&&*c.name())).cloned().collect()
    };
    let text = want_text || typed.len() < columns.columns().len();
    let wanted: Vec<usize> = builder
        .schema()
        .fields()
        .iter()
        .enumerate()
        .filter(|(at, field)| {
            let own = *at < SCHEMA.fields().len();
            (own && (text || field.name() != "properties"))
                || typed.iter().any(|c| c.name() == **field.name())
        })
        .map(|(at, _)| at)
        .collect();
    let mask = ProjectionMask::roots(schema, wanted);
    let stream = builder
        .with_projection(mask)
        .with_batch_size(8192)
        .build()
        .map_err(|e| wrong(e.to_string()))?;
    let batches = stream.map_err(move |e| wrong(e.to_string()));
    Ok(batches.and_then(move |batch| ready(typed_batch(&batch, &typed, &columns))).boxed())
}

fn typed_batch(
    batch: &RecordBatch,
    typed: &[PropertyColumn],
    columns: &Extractor,
) -> Result<Extracted, StorageError> {
    let events = if batch.column_by_name("properties").is_some() {
        EventBatch::new(batch).map_err(damaged)?
    } else {
        // Nothing is read from the text, so that it need not be read itself.
        let nulls = arrow::array::new_null_array(&DataType::Utf8, batch.num_rows());
        let schema = batch.schema();
        let fields = schema.fields().iter().cloned();
        let properties = Field::new("properties", DataType::Utf8, true);
        let schema = Schema::new(fields.chain([Arc::new(properties)]).collect::<Vec<_>>());
        let arrays = batch.columns().iter().cloned().chain([nulls]).collect();
        let whole = RecordBatch::try_new(Arc::new(schema), arrays).map_err(damaged)?;
        EventBatch::new(&whole).map_err(damaged)?
    };
    let known = typed.iter().filter_map(|column| {
        let values = Arc::clone(batch.column_by_name(&column.name())?);
        Some((column.clone(), Extraction { values, mismatches: Vec::new() }))
    });
    let places = Places::of(batch).map_err(damaged)?;
    Ok(columns.extract_with(&events, places, known.collect()))
}

/// Which files to merge: of those of a day that lie below `covered`, where there are too many, the
/// small ones ([`tiers::choose`]).
#[must_use]
pub fn choose_compaction(files: &[MasterFile], covered: Boundary) -> Vec<Vec<MasterFile>> {
    let mut days: BTreeMap<i64, Vec<MasterFile>> = BTreeMap::new();
    for file in files.iter().filter(|file| file.to.epoch <= covered.epoch) {
        days.entry(file.day).or_default().push(file.clone());
    }
    days.into_values()
        .filter(|files| files.len() > FILES_A_DAY_MAX)
        .map(|files| tiers::choose(files, |file| file.memory_bytes, MERGED_BYTES_MAX))
        .filter(|chosen| chosen.len() > 1)
        .collect()
}

/// Merges files of one day into one, in order of time.
///
/// # Errors
/// When one cannot be read, or the merged one not be written.
pub async fn compact(
    storage: &Storage,
    files: &[MasterFile],
    columns: &Extractor,
) -> Result<Option<MasterFile>, StorageError> {
    let mut batches = Vec::new();
    for file in files {
        let mut stream = read(storage, file, Want::Events).await?;
        while let Some(extracted) = stream.next().await {
            let extracted = extracted?;
            batches.push(rows(&extracted.events, &extracted.places)?);
        }
    }
    let (Some(from), Some(to)) =
        (files.iter().map(|f| f.from).min(), files.iter().map(|f| f.to).max())
    else {
        return Ok(None);
    };
    let days = by_day(&batches)?;
    let (expected, found) = (
        files.iter().map(|f| f.rows).sum::<u64>(),
        days.values().map(|d| d.num_rows() as u64).sum::<u64>(),
    );
    match (days.into_iter().next(), expected == found) {
        (Some((day, events)), true) => {
            write_day(storage, day, &events, columns, (from, to)).await.map(Some)
        }
        _ => {
            Err(StorageError::Io(format!("{found} events were read where {expected} were written")))
        }
    }
}

pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StorageError> + Send + 'static,
) -> Result<T, StorageError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|e| Err(StorageError::Io(format!("a worker thread failed: {e}"))))
}

fn damaged(error: impl std::fmt::Display) -> StorageError {
    StorageError::Io(error.to_string())
}
