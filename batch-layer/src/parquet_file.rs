//! How all Parquet files of the batch layer are written (zstd, statistics of `time` by row group,
//! and what they are in the footer's key-value metadata) and how their bytes are fetched.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use bytes::Bytes;
use futures::future::BoxFuture;
use futures::{FutureExt, TryStreamExt};
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ArrowReaderOptions;
use parquet::arrow::async_reader::AsyncFileReader;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::{KeyValue, ParquetMetaData, ParquetMetaDataReader};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;

use crate::storage::{Storage, StorageError};

/// Rows of a row group: what a reader skips or reads as a whole.
const ROW_GROUP_ROWS: usize = 65_536;

/// A file's bytes. `about` is written under keys that begin with `merganser.`. Columns get a
/// dictionary where that is smaller, but for those with an encoding of their own.
///
/// # Errors
/// When the batches do not fit the schema.
pub(crate) fn write(
    schema: &SchemaRef,
    batches: &[RecordBatch],
    about: &[(String, String)],
    encodings: &[(&str, Encoding)],
) -> Result<Vec<u8>, StorageError> {
    let failed = |e: ParquetError| StorageError::Io(e.to_string());
    let metadata = about
        .iter()
        .map(|(key, value)| KeyValue::new(format!("merganser.{key}"), value.clone()))
        .collect();
    let mut properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(1).map_err(failed)?))
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .set_statistics_enabled(EnabledStatistics::None)
        .set_column_statistics_enabled(ColumnPath::from("time"), EnabledStatistics::Chunk)
        .set_key_value_metadata(Some(metadata));
    for (column, encoding) in encodings {
        let column = ColumnPath::from(*column);
        properties = properties
            .set_column_dictionary_enabled(column.clone(), false)
            .set_column_encoding(column, *encoding);
    }
    let mut writer = ArrowWriter::try_new(Vec::new(), Arc::clone(schema), Some(properties.build()))
        .map_err(failed)?;
    for batch in batches {
        writer.write(batch).map_err(failed)?;
    }
    writer.into_inner().map_err(failed)
}

/// A Parquet file in a [`Storage`].
pub(crate) struct ParquetFile {
    store: Arc<dyn ObjectStore>,
    path: Path,
    size_bytes: u64,
}

impl ParquetFile {
    /// The file at `path`, whose size the manifest says.
    pub(crate) fn new(storage: &Storage, path: &str, size_bytes: u64) -> Self {
        Self { store: storage.object_store(), path: Path::from(path), size_bytes }
    }
}

impl ParquetFile {
    /// Reads all of it and compares its checksum: Parquet itself takes a flipped bit for a value.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) async fn verify(&self, checksum: Option<u32>) -> Result<(), String> {
        let Some(expected) = checksum else { return Ok(()) };
        let read = |error: object_store::Error| error.to_string();
        let mut bytes = self.store.get(&self.path).await.map_err(read)?.into_stream();
        let mut found = 0;
        while let Some(some) = bytes.try_next().await.map_err(read)? {
            found = crc32c::crc32c_append(found, &some);
        }
        if found != expected {
            return Err(format!("its checksum is {found:08x}, it was written as {expected:08x}"));
        }
        Ok(())
    }
}

fn unread(error: object_store::Error) -> ParquetError {
    ParquetError::External(Box::new(error))
}

impl AsyncFileReader for ParquetFile {
    fn get_bytes(&mut self, range: Range<u64>) -> BoxFuture<'_, parquet::errors::Result<Bytes>> {
        async move { self.store.get_range(&self.path, range).await.map_err(unread) }.boxed()
    }

    fn get_byte_ranges(
        &mut self,
        ranges: Vec<Range<u64>>,
    ) -> BoxFuture<'_, parquet::errors::Result<Vec<Bytes>>> {
        async move { self.store.get_ranges(&self.path, &ranges).await.map_err(unread) }.boxed()
    }

    fn get_metadata<'a>(
        &'a mut self,
        _: Option<&'a ArrowReaderOptions>,
    ) -> BoxFuture<'a, parquet::errors::Result<Arc<ParquetMetaData>>> {
        async move {
            let size_bytes = self.size_bytes;
            let footer = ParquetMetaDataReader::new().with_prefetch_hint(Some(64 * 1024));
            Ok(Arc::new(footer.load_and_finish(self, size_bytes).await?))
        }
        .boxed()
    }
}
