//! Reading master files.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::Field;
use datafusion_common::ScalarValue;
use futures::TryStreamExt;
use futures::future::ready;
use futures::stream::{BoxStream, StreamExt};
use merganser_core::event::{EventBatch, EventOffsets};
use merganser_core::omissions::RowMismatches;
use merganser_core::properties::PropertyValues;
use merganser_core::property::{PropertyColumn, PropertyType};
use merganser_core::time::TimeRange;
use merganser_metric::compile::Metric;
use merganser_metric::extract::{ExtractedEvents, PropertyExtractor};
use parquet::arrow::{ParquetRecordBatchStreamBuilder, ProjectionMask};
use parquet::file::metadata::ParquetMetaData;

use super::{EXACT, SCHEMA, damaged};
use crate::manifest::MasterFile;
use crate::parquet_file::ParquetFileReader;
use crate::storage::{Storage, StorageError};
use crate::time_order;

/// What is read of a file.
#[derive(Clone, Debug)]
pub enum MasterProjection {
    /// The events as they were archived.
    Events,
    /// What metrics read: their properties from typed columns where the file has them, from the
    /// text otherwise. Columns that none of them reads are blank.
    Metrics(Vec<Arc<Metric>>),
}

impl MasterProjection {
    fn extractor(&self) -> PropertyExtractor {
        match self {
            Self::Events => PropertyExtractor::default(),
            Self::Metrics(metrics) => PropertyExtractor::new(
                metrics.iter().flat_map(|metric| metric.properties()).cloned(),
            ),
        }
    }

    /// Whether it reads a column that is not a typed one.
    fn reads(&self, column: &str, is_all_typed: bool) -> bool {
        match (self, column) {
            (Self::Events, _) => true,
            (Self::Metrics(_), "properties") => !is_all_typed,
            (Self::Metrics(metrics), "partition" | "offset") => {
                metrics.iter().any(|metric| metric.needs_places())
            }
            (Self::Metrics(metrics), _) => metrics.iter().any(|metric| metric.reads(column)),
        }
    }
}

/// Events of a file, in bounded batches.
pub type MasterStream = BoxStream<'static, Result<ExtractedEvents, StorageError>>;

/// Reads the events of one file whose time is in `range`.
///
/// # Errors
/// When the file is missing, damaged, or not what the manifest says.
pub async fn read(
    storage: &Storage,
    file: &MasterFile,
    want: MasterProjection,
    range: TimeRange,
) -> Result<MasterStream, StorageError> {
    let path = file.path.clone();
    let mut reader = ParquetFileReader::new(storage, &path, file.size_bytes);
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
    let columns = want.extractor();
    let typed: Vec<PropertyColumn> = {
        let names: Vec<&str> = builder.schema().fields().iter().map(|f| &**f.name()).collect();
        let is_exact = has_exact_numbers(builder.metadata());
        let is_known = |column: &&PropertyColumn| {
            names.contains(&&*column.name()) && (is_exact || column.ty != PropertyType::Number)
        };
        columns.columns().iter().filter(is_known).cloned().collect()
    };
    let is_all_typed = typed.len() == columns.columns().len();
    let is_wanted = |name: &str| match SCHEMA.field_with_name(name) {
        Ok(_) => want.reads(name, is_all_typed),
        Err(_) => typed.iter().any(|column| column.name() == name),
    };
    let fields = builder.schema().fields().iter().enumerate();
    let wanted: Vec<usize> =
        fields.filter(|(_, field)| is_wanted(field.name())).map(|(at, _)| at).collect();
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

/// Whether a file's typed columns of numbers lost no digits.
fn has_exact_numbers(metadata: &ParquetMetaData) -> bool {
    let (key, value) = EXACT;
    let mut pairs = metadata.file_metadata().key_value_metadata().into_iter().flatten();
    pairs.any(|pair| pair.key == format!("merganser.{key}") && pair.value.as_deref() == Some(value))
}

/// The rows whose time is in a range; they are in order of time.
fn within(batch: &RecordBatch, range: TimeRange) -> Result<RecordBatch, StorageError> {
    let times = time_order::times(batch).map_err(damaged)?;
    let from = times.partition_point(|time| *time < range.from.0);
    let to = times.partition_point(|time| *time < range.to.0);
    Ok(batch.slice(from, to.saturating_sub(from)))
}

fn typed_batch(
    batch: &RecordBatch,
    typed: &[PropertyColumn],
    columns: &PropertyExtractor,
) -> Result<ExtractedEvents, StorageError> {
    let own = SCHEMA.fields().iter().map(|field| {
        let found = batch.column_by_name(field.name()).cloned();
        found.map_or_else(|| blank(field, batch.num_rows()), Ok)
    });
    let own = own.collect::<Result<Vec<_>, StorageError>>()?;
    let own = RecordBatch::try_new(Arc::clone(&SCHEMA), own).map_err(damaged)?;
    let (events, places) = (EventBatch::new(&own), EventOffsets::of(&own));
    let known = typed.iter().filter_map(|column| {
        let values = Arc::clone(batch.column_by_name(&column.name())?);
        Some((
            column.clone(),
            PropertyValues { values, mismatches: RowMismatches::default(), long: Vec::new() },
        ))
    });
    let events = events.map_err(damaged)?.with_read(known.collect());
    Ok(columns.extract(&events, places.map_err(damaged)?))
}

/// A column that the plan does not read.
fn blank(field: &Field, rows: usize) -> Result<ArrayRef, StorageError> {
    let blank = ScalarValue::new_default(field.data_type()).map_err(damaged)?;
    blank.to_array_of_size(rows).map_err(damaged)
}
