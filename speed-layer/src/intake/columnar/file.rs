//! Parquet files.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, FieldRef, Fields, Schema};
use arrow::error::ArrowError;
use bytes::Bytes;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};

use super::write::check_fields;
use super::{Bounds, IntakeError, malformed, pages};

/// Rows that are read at a time.
const BATCH_ROWS: usize = 1024;

/// A file that was checked.
pub(super) struct Checked {
    body: Bytes,
    metadata: ArrowReaderMetadata,
    /// Bytes that its columns come to.
    pub(super) held_bytes: usize,
}

/// Looks at a file's metadata and page heads; nothing is decompressed.
pub(super) fn check(body: Bytes, bounds: Bounds) -> Result<Checked, IntakeError> {
    pages::check_schema(&body)?;
    let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
    let found = ArrowReaderMetadata::load(&body, options.clone()).map_err(malformed)?;
    // Of types that are not read a value that a page has once would be made once a row.
    check_fields(found.schema().fields())?;
    let held_bytes = pages::check(&body, found.metadata(), bounds)?;
    let schema = Arc::new(Schema::new(shared(found.schema().fields())));
    let metadata =
        ArrowReaderMetadata::try_new(Arc::clone(found.metadata()), options.with_schema(schema));
    Ok(Checked { body, metadata: metadata.map_err(malformed)?, held_bytes })
}

impl Checked {
    /// Its batches.
    pub(super) fn batches(
        self,
    ) -> Result<impl Iterator<Item = Result<RecordBatch, ArrowError>>, IntakeError> {
        let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(self.body, self.metadata);
        reader.with_batch_size(BATCH_ROWS).build().map_err(malformed)
    }
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
