//! How all Parquet files of the batch layer are written (zstd, statistics of `time` by row group,
//! and what they are in the footer's key-value metadata) and how their bytes are fetched.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use bytes::Bytes;
use futures::FutureExt;
use futures::future::{BoxFuture, try_join_all};
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ArrowReaderOptions;
use parquet::arrow::async_reader::AsyncFileReader;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::{KeyValue, ParquetMetaData, ParquetMetaDataReader};
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesBuilder};
use parquet::schema::types::ColumnPath;

use crate::storage::{Storage, StorageError};

/// Rows of a row group: what a reader skips or reads as a whole.
pub(crate) const ROW_GROUP_ROWS: usize = 65_536;

/// How a file is written; columns get a dictionary where that is smaller.
pub(crate) fn properties() -> WriterPropertiesBuilder {
    WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .set_statistics_enabled(EnabledStatistics::None)
        .set_column_statistics_enabled(ColumnPath::from("time"), EnabledStatistics::Chunk)
}

/// A file's bytes. `about` is written under keys that begin with `merganser.`.
///
/// # Errors
/// When the batches do not fit the schema.
pub(crate) fn write(
    schema: &SchemaRef,
    batches: &[RecordBatch],
    about: &[(String, String)],
    properties: WriterPropertiesBuilder,
) -> Result<Vec<u8>, StorageError> {
    let about =
        about.iter().map(|(key, value)| KeyValue::new(format!("merganser.{key}"), value.clone()));
    let properties = properties.set_key_value_metadata(Some(about.collect())).build();
    let mut writer = ArrowWriter::try_new(Vec::new(), Arc::clone(schema), Some(properties))
        .map_err(parquet_failure)?;
    for batch in batches {
        writer.write(batch).map_err(parquet_failure)?;
    }
    writer.into_inner().map_err(parquet_failure)
}

fn parquet_failure(error: ParquetError) -> StorageError {
    StorageError::Io(error.to_string())
}

/// A file up to this is held while it is read, once it was checked as a whole.
const HELD_BYTES_MAX: u64 = 16 << 20;
/// Bytes that are read of a larger one at a time to check it.
const PORTION_BYTES: u64 = 8 << 20;

/// A Parquet file in a [`Storage`].
pub(crate) struct ParquetFileReader {
    store: Arc<dyn ObjectStore>,
    path: Path,
    size_bytes: u64,
    held: Option<Bytes>,
}

impl ParquetFileReader {
    /// The file at `path`, whose size the manifest says.
    pub(crate) fn new(storage: &Storage, path: &str, size_bytes: u64) -> Self {
        let (store, path) = (storage.object_store(), Path::from(path));
        Self { store, path, size_bytes, held: None }
    }

    /// Reads all of it and compares its checksum: Parquet itself takes a flipped bit for a value.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) async fn verify(&mut self, checksum: Option<u32>) -> Result<(), String> {
        let Some(expected) = checksum else { return Ok(()) };
        let found =
            if self.size_bytes <= HELD_BYTES_MAX { self.hold().await } else { self.sum().await };
        let found = found.map_err(|error| error.to_string())?;
        if found != expected {
            return Err(format!("its checksum is {found:08x}, it was written as {expected:08x}"));
        }
        Ok(())
    }

    /// Reads all of it, to be read from; its checksum.
    async fn hold(&mut self) -> object_store::Result<u32> {
        let bytes = self.store.get(&self.path).await?.bytes().await?;
        let sum = crc32c::crc32c(&bytes);
        self.held = Some(bytes);
        Ok(sum)
    }

    /// The checksum of all of it.
    async fn sum(&self) -> object_store::Result<u32> {
        let size_bytes = self.store.head(&self.path).await?.size;
        let (mut sum, mut at) = (0, 0);
        while at < size_bytes {
            let end = size_bytes.min(at + PORTION_BYTES);
            sum = crc32c::crc32c_append(sum, &self.store.get_range(&self.path, at..end).await?);
            at = end;
        }
        Ok(sum)
    }

    async fn range(&self, range: Range<u64>) -> parquet::errors::Result<Bytes> {
        let Some(held) = &self.held else {
            return self.store.get_range(&self.path, range).await.map_err(read_error);
        };
        let inside = usize::try_from(range.start).ok().zip(usize::try_from(range.end).ok());
        match inside.filter(|(from, to)| from <= to && *to <= held.len()) {
            Some((from, to)) => Ok(held.slice(from..to)),
            None => Err(ParquetError::EOF(format!("there are {} bytes", held.len()))),
        }
    }
}

fn read_error(error: object_store::Error) -> ParquetError {
    ParquetError::External(Box::new(error))
}

impl AsyncFileReader for ParquetFileReader {
    fn get_bytes(&mut self, range: Range<u64>) -> BoxFuture<'_, parquet::errors::Result<Bytes>> {
        self.range(range).boxed()
    }

    fn get_byte_ranges(
        &mut self,
        ranges: Vec<Range<u64>>,
    ) -> BoxFuture<'_, parquet::errors::Result<Vec<Bytes>>> {
        async move {
            match self.held {
                None => self.store.get_ranges(&self.path, &ranges).await.map_err(read_error),
                Some(_) => try_join_all(ranges.into_iter().map(|range| self.range(range))).await,
            }
        }
        .boxed()
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
