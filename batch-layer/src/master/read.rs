//! Reading master files.

use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema, TimestampMicrosecondType};
use futures::TryStreamExt;
use futures::future::ready;
use futures::stream::{BoxStream, StreamExt};
use parquet::arrow::{ParquetRecordBatchStreamBuilder, ProjectionMask};
use shared::event::{EventBatch, Places};
use shared::expression::PropertyColumn;
use shared::extract::{Extracted, Extractor};
use shared::properties::Property;
use shared::time::TimeRange;

use super::{SCHEMA, damaged};
use crate::manifest::MasterFile;
use crate::parquet_file::ParquetFile;
use crate::storage::{Storage, StorageError};

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

/// Reads the events of one file whose time is in `range`.
///
/// # Errors
/// When the file is missing, damaged, or not what the manifest says.
pub async fn read(
    storage: &Storage,
    file: &MasterFile,
    want: Want,
    range: TimeRange,
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
    let typed = batches.and_then(move |batch| {
        let batch = within(&batch, range);
        ready(batch.and_then(|batch| typed_batch(&batch, &typed, &columns)))
    });
    Ok(typed.boxed())
}

/// The rows whose time is in a range; they are in order of time.
fn within(batch: &RecordBatch, range: TimeRange) -> Result<RecordBatch, StorageError> {
    let times = batch.column_by_name("time").ok_or_else(|| damaged("there is no column `time`"))?;
    let times = times.as_primitive_opt::<TimestampMicrosecondType>();
    let times = times.ok_or_else(|| damaged("the column `time` has another type"))?.values();
    let from = times.partition_point(|time| *time < range.from.0);
    let to = times.partition_point(|time| *time < range.to.0);
    Ok(batch.slice(from, to.saturating_sub(from)))
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
        Some((column.clone(), Property { values, mismatches: Vec::new() }))
    });
    let events = events.with_read(known.collect());
    Ok(columns.extract(&events, Places::of(batch).map_err(damaged)?))
}
