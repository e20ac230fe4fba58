//! Parquet files.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, FieldRef, Fields, Schema};
use arrow::error::ArrowError;
use bytes::Bytes;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};

use super::{Bounds, IntakeError, malformed, pages};

/// Rows that are read at a time.
const BATCH_ROWS: usize = 1024;

/// The batches of a file.
pub(super) fn batches(
    body: Bytes,
    bounds: Bounds,
) -> Result<impl Iterator<Item = Result<RecordBatch, ArrowError>>, IntakeError> {
    pages::check_schema(&body)?;
    let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
    let found = ArrowReaderMetadata::load(&body, options.clone()).map_err(malformed)?;
    pages::check(&body, found.metadata(), bounds)?;
    let schema = Arc::new(Schema::new(shared(found.schema().fields())));
    let metadata =
        ArrowReaderMetadata::try_new(Arc::clone(found.metadata()), options.with_schema(schema));
    let metadata = metadata.map_err(malformed)?;
    let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(body, metadata);
    reader.with_batch_size(BATCH_ROWS).build().map_err(malformed)
}

/// The same fields, with texts that refer to their page: a text that a page has once, and every row
/// has, is not made once a row.
fn shared(fields: &Fields) -> Fields {
    fields.iter().map(shared_field).collect()
}

fn shared_field(field: &FieldRef) -> FieldRef {
    let data_type = match field.data_type() {
        DataType::Utf8 | DataType::LargeUtf8 => DataType::Utf8View,
        DataType::Struct(fields) => DataType::Struct(shared(fields)),
        DataType::List(item) => DataType::List(shared_field(item)),
        DataType::LargeList(item) => DataType::LargeList(shared_field(item)),
        DataType::FixedSizeList(item, size) => DataType::FixedSizeList(shared_field(item), *size),
        DataType::Map(entries, sorted) => DataType::Map(shared_field(entries), *sorted),
        other => other.clone(),
    };
    Arc::new(Field::clone(field).with_data_type(data_type))
}
