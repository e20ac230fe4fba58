//! Parquet files.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, FieldRef, Fields, Schema, TimeUnit};
use arrow::error::ArrowError;
use bytes::Bytes;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};
use parquet::basic::Type as PhysicalType;
use parquet::file::reader::ChunkReader;
use parquet::schema::types::ColumnDescPtr;

use super::json_lines::check_fields;
use super::{
    ColumnLayout, ColumnMapping, DecodeBounds, IntakeError, malformed, narrow_integers,
    parquet_pages,
};

/// Rows that are read at a time.
const BATCH_ROWS: usize = 1024;

/// A file that was checked.
pub(super) struct CheckedParquetFile {
    body: Bytes,
    reading: ParquetReadPlan,
    /// Which columns are which fields.
    pub(super) layout: ColumnLayout,
    /// Bytes that its columns come to.
    pub(super) held_bytes: usize,
}

/// Looks at a file's metadata and page heads; nothing is decompressed.
pub(super) fn check(
    body: Bytes,
    mapping: Option<&ColumnMapping>,
    bounds: DecodeBounds,
) -> Result<CheckedParquetFile, IntakeError> {
    parquet_pages::check_schema(&body)?;
    let found = ArrowReaderMetadata::load(&body, options()).map_err(malformed)?;
    // Of types that are not read a value that a page has once would be made once a row.
    let layout = check_fields(found.schema().fields(), mapping)?;
    let held_bytes = parquet_pages::check(&body, found.metadata(), bounds)?;
    let reading = ParquetReadPlan::of(&found)?;
    let held_bytes = held_bytes.saturating_mul(1 + usize::from(reading.twin.is_some()));
    Ok(CheckedParquetFile { body, reading, layout, held_bytes })
}

impl CheckedParquetFile {
    /// Its batches.
    pub(super) fn batches(
        self,
    ) -> Result<impl Iterator<Item = Result<Int96Batch, ArrowError>>, IntakeError> {
        narrow_integers::check(self.body.clone(), self.reading.one.metadata())?;
        self.reading.batches([self.body.clone(), self.body])
    }
}

/// What Arrow's types would be is not what the file's are.
pub(super) fn options() -> ArrowReaderOptions {
    ArrowReaderOptions::new().with_skip_arrow_metadata(true)
}

/// A number of rows, once more with instants of INT96 as whole seconds where there are any.
pub(super) type Int96Batch = (RecordBatch, Option<RecordBatch>);

/// How a file is read.
pub(super) struct ParquetReadPlan {
    one: ArrowReaderMetadata,
    /// The same, but instants of INT96 are whole seconds; where there are any.
    twin: Option<ArrowReaderMetadata>,
}

impl ParquetReadPlan {
    pub(super) fn of(found: &ArrowReaderMetadata) -> Result<Self, IntakeError> {
        let as_read = |int96: Int96Unit| {
            let mut leaves = found.parquet_schema().columns().iter();
            let schema = Schema::new(with_view_types(found.schema().fields(), int96, &mut leaves));
            let options = options().with_schema(Arc::new(schema));
            let metadata = ArrowReaderMetadata::try_new(Arc::clone(found.metadata()), options);
            metadata.map_err(malformed)
        };
        let mut columns = found.parquet_schema().columns().iter();
        let has_int96 = columns.any(|column| column.physical_type() == PhysicalType::INT96);
        let twin = has_int96.then(|| as_read(Int96Unit::Seconds)).transpose()?;
        Ok(Self { one: as_read(Int96Unit::Nanoseconds)?, twin })
    }

    /// The batches of a source, which is there twice.
    pub(super) fn batches<R: ChunkReader + 'static>(
        self,
        [source, again]: [R; 2],
    ) -> Result<impl Iterator<Item = Result<Int96Batch, ArrowError>> + use<R>, IntakeError> {
        let reader = |source, metadata| {
            ParquetRecordBatchReaderBuilder::new_with_metadata(source, metadata)
                .with_batch_size(BATCH_ROWS)
                .build()
                .map_err(malformed)
        };
        let batches = reader(source, self.one)?;
        let mut twins = self.twin.map(|twin| reader(again, twin)).transpose()?;
        Ok(batches.map(move |batch| {
            let twin = twins.as_mut().and_then(Iterator::next).transpose()?;
            Ok((batch?, twin))
        }))
    }
}

/// As what instants of INT96 are read. Nanoseconds wrap, seconds have no fractions.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Int96Unit {
    Nanoseconds,
    Seconds,
}

type LeafColumns<'a> = std::slice::Iter<'a, ColumnDescPtr>;

/// The same fields, with texts that refer to their page: a text that a page has once, and every row
/// has, is not made once a row. `leaves` are the file's columns, one for each field that has no
/// others within it, in the same order.
fn with_view_types(fields: &Fields, int96: Int96Unit, leaves: &mut LeafColumns<'_>) -> Fields {
    fields.iter().map(|field| with_view_type(field, int96, leaves)).collect()
}

fn with_view_type(field: &FieldRef, int96: Int96Unit, leaves: &mut LeafColumns<'_>) -> FieldRef {
    let mut inner = |field: &FieldRef| with_view_type(field, int96, leaves);
    let data_type = match field.data_type() {
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(inner).collect()),
        DataType::List(item) => DataType::List(inner(item)),
        DataType::LargeList(item) => DataType::LargeList(inner(item)),
        DataType::FixedSizeList(item, size) => DataType::FixedSizeList(inner(item), *size),
        DataType::Map(entries, sorted) => DataType::Map(inner(entries), *sorted),
        plain => {
            let leaf = leaves.next();
            let is_int96 = leaf.is_some_and(|leaf| leaf.physical_type() == PhysicalType::INT96);
            match plain {
                DataType::Utf8 | DataType::LargeUtf8 => DataType::Utf8View,
                DataType::Timestamp(_, zone) if is_int96 && int96 == Int96Unit::Seconds => {
                    DataType::Timestamp(TimeUnit::Second, zone.clone())
                }
                other => other.clone(),
            }
        }
    };
    Arc::new(Field::clone(field).with_data_type(data_type))
}
