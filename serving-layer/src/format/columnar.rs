//! Arrow IPC streams and Parquet files.

use std::collections::HashMap;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::{ArrayRef, AsArray, RecordBatch, RecordBatchOptions};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimestampMicrosecondType};
use arrow::ipc::writer::StreamWriter;
use bytes::Bytes;
use parquet::arrow::ArrowWriter;

use super::metadata;
use crate::answer::QueryAnswer;
use crate::error::ServingError;

/// Rows of a batch, and of a row group.
pub(super) const ROWS: usize = 16_384;

/// The answer's columns, and those that it is compared with as `compare.` and the name. Times carry
/// the name of the zone.
pub(super) fn flat(answer: &QueryAnswer) -> Vec<(String, ArrayRef)> {
    let zone = answer.rows.calendar.zone().name();
    let named = |batch: &RecordBatch, prefix: &str| -> Vec<(String, ArrayRef)> {
        let fields = batch.schema_ref().fields().iter();
        let names = fields.map(|field| format!("{prefix}{}", field.name()));
        names.zip(batch.columns().iter().map(|column| in_zone(column, zone))).collect()
    };
    let mut columns = named(&answer.rows.values, "");
    columns.extend(answer.rows.compared.iter().flat_map(|batch| named(batch, "compare.")));
    columns
}

fn in_zone(column: &ArrayRef, zone: &str) -> ArrayRef {
    match column.as_primitive_opt::<TimestampMicrosecondType>() {
        Some(times) => Arc::new(times.clone().with_timezone(zone)),
        None => Arc::clone(column),
    }
}

fn batch(answer: &QueryAnswer) -> Result<RecordBatch, ServingError> {
    let columns = flat(answer);
    let field = |(name, values): &(String, ArrayRef)| {
        Field::new(name, values.data_type().clone(), *values.data_type() != DataType::Null)
    };
    let fields: Vec<Field> = columns.iter().map(field).collect();
    let metadata: HashMap<String, String> = metadata::metadata(answer).collect();
    let schema = Arc::new(Schema::new_with_metadata(fields, metadata));
    let columns = columns.into_iter().map(|(_, values)| values).collect();
    let options = RecordBatchOptions::new().with_row_count(Some(answer.rows.values.num_rows()));
    Ok(RecordBatch::try_new_with_options(schema, columns, &options)?)
}

/// An Arrow IPC stream of the rows.
pub(super) fn arrow(answer: &QueryAnswer) -> Result<EncodedBatchIter<ArrowStream>, ServingError> {
    EncodedBatchIter::new(batch(answer)?, |sink, schema| StreamWriter::try_new(sink, schema))
        .map_err(ServingError::from)
}

/// A Parquet file of the rows.
pub(super) fn parquet(answer: &QueryAnswer) -> Result<EncodedBatchIter<ParquetFile>, ServingError> {
    EncodedBatchIter::new(batch(answer)?, |sink, schema| {
        ArrowWriter::try_new(sink, Arc::clone(schema), None)
    })
    .map_err(parquet_error)
}

fn parquet_error(error: parquet::errors::ParquetError) -> ServingError {
    ServingError::Internal(format!("an answer could not be built: {error}"))
}

pub(super) type ArrowStream = StreamWriter<SharedBuffer>;
pub(super) type ParquetFile = ArrowWriter<SharedBuffer>;

/// Something that record batches are written to, which ends with an end of its own.
pub(super) trait BatchEncoder {
    fn write_rows(&mut self, rows: &RecordBatch) -> io::Result<()>;
    fn end(self) -> io::Result<()>;
}

impl BatchEncoder for ArrowStream {
    fn write_rows(&mut self, rows: &RecordBatch) -> io::Result<()> {
        self.write(rows).map_err(io::Error::other)
    }

    fn end(mut self) -> io::Result<()> {
        self.finish().map_err(io::Error::other)
    }
}

impl BatchEncoder for ParquetFile {
    fn write_rows(&mut self, rows: &RecordBatch) -> io::Result<()> {
        self.write(rows)?;
        Ok(self.flush()?)
    }

    fn end(self) -> io::Result<()> {
        self.close().map(|_| ()).map_err(io::Error::from)
    }
}

/// Writes a batch slice by slice, and hands out what was written since.
pub(super) struct EncodedBatchIter<T> {
    rows: RecordBatch,
    next: usize,
    target: Option<T>,
    written: SharedBuffer,
}

impl<T> EncodedBatchIter<T> {
    fn new<E>(
        rows: RecordBatch,
        target: impl FnOnce(SharedBuffer, &SchemaRef) -> Result<T, E>,
    ) -> Result<Self, E> {
        let written = SharedBuffer::default();
        let target = target(written.clone(), rows.schema_ref())?;
        Ok(Self { rows, next: 0, target: Some(target), written })
    }
}

impl<T: BatchEncoder> Iterator for EncodedBatchIter<T> {
    type Item = io::Result<Bytes>;

    fn next(&mut self) -> Option<io::Result<Bytes>> {
        let mut target = self.target.take()?;
        let left = self.rows.num_rows() - self.next;
        let result = if left == 0 {
            target.end()
        } else {
            let count = left.min(ROWS);
            let result = target.write_rows(&self.rows.slice(self.next, count));
            self.next += count;
            self.target = Some(target);
            result
        };
        if result.is_err() {
            self.target = None;
        }
        Some(result.map(|()| self.written.take()))
    }
}

/// Bytes that were written and not handed out yet.
#[derive(Clone, Default)]
pub(super) struct SharedBuffer(Arc<Mutex<Vec<u8>>>);

impl SharedBuffer {
    fn take(&self) -> Bytes {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner)).into()
    }
}

impl Write for SharedBuffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
