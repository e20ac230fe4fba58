//! Reading views: only the files, row groups and columns that a query touches.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::{Array, AsArray, BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use arrow::datatypes::TimestampMicrosecondType;
use futures::{Stream, StreamExt, TryStreamExt, stream};
use merganser_core::ids::MetricId;
use merganser_core::time::{TimeRange, Timestamp};
use merganser_metric::catalog::{CatalogSnapshot, MetricVersion, ViewFile};
use merganser_metric::views::{
    BatchReadRequest, BatchViewError, BatchViewStream, BatchViews, ReadColumns,
};
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use parquet::arrow::{ParquetRecordBatchStreamBuilder, ProjectionMask};
use parquet::file::metadata::{FileMetaData, RowGroupMetaData};
use parquet::file::statistics::Statistics;

use crate::parquet_file::ParquetFileReader;
use crate::storage::{Storage, StorageError};

/// Bytes of footers that are kept in memory; they are small and are read for every query.
const FOOTERS_BYTES: usize = 64 << 20;

/// Views in a [`Storage`]. A file's bytes are checked as a whole when its footer is read first.
#[derive(Clone, Debug)]
pub struct ParquetViews {
    storage: Storage,
    footers: Arc<Mutex<FooterCache>>,
}

#[derive(Debug, Default)]
struct FooterCache {
    by_path: HashMap<String, ArrowReaderMetadata>,
    bytes: usize,
}

impl ParquetViews {
    /// Reads from `storage`.
    #[must_use]
    pub fn new(storage: Storage) -> Self {
        Self { storage, footers: Arc::default() }
    }

    /// The rows of one file whose buckets start in `range`, in the file's order.
    ///
    /// # Errors
    /// When the file is missing, damaged, or not what the manifest says.
    pub async fn read_file(
        &self,
        id: MetricId,
        file: &ViewFile,
        columns: &[String],
        range: TimeRange,
    ) -> Result<Vec<RecordBatch>, StorageError> {
        self.stream_file(id, file, columns, range).await?.try_collect().await
    }

    /// As [`ParquetViews::read_file`], some rows at a time.
    ///
    /// # Errors
    /// As there; each item may fail by itself.
    pub async fn stream_file(
        &self,
        id: MetricId,
        file: &ViewFile,
        columns: &[String],
        range: TimeRange,
    ) -> Result<impl Stream<Item = Result<RecordBatch, StorageError>> + Send + use<>, StorageError>
    {
        let path = file.path.clone();
        let wrong = move |reason: String| StorageError::Damaged { path: path.clone(), reason };
        let footer = self.open(id, file).await?;
        let reader = ParquetFileReader::new(&self.storage, &file.path, file.size_bytes);
        let groups: Vec<usize> = footer
            .metadata()
            .row_groups()
            .iter()
            .enumerate()
            .filter(|(_, group)| may_overlap(group, range))
            .map(|(at, _)| at)
            .collect();
        let schema = footer.parquet_schema();
        let mask = ProjectionMask::columns(schema, columns.iter().map(String::as_str));
        let stream = ParquetRecordBatchStreamBuilder::new_with_metadata(reader, footer.clone())
            .with_projection(mask)
            .with_row_groups(groups)
            .with_batch_size(8192)
            .build()
            .map_err(|e| wrong(e.to_string()))?;
        let columns = columns.to_vec();
        Ok(stream.map(move |batch| {
            let batch = batch.map_err(|e| wrong(e.to_string()))?;
            let rows = in_order(&batch, &columns).and_then(|batch| within(batch, range));
            rows.map_err(|e| wrong(e.to_string()))
        }))
    }

    /// A file's footer. When it is read first, all of the file is checked: by queries, or by the
    /// run that wrote it, before it is published.
    ///
    /// # Errors
    /// As [`ParquetViews::read_file`].
    pub async fn open(
        &self,
        id: MetricId,
        file: &ViewFile,
    ) -> Result<ArrowReaderMetadata, StorageError> {
        if let Some(footer) = self.footer(&file.path) {
            return Ok(footer);
        }
        let wrong = |reason: String| StorageError::Damaged { path: file.path.clone(), reason };
        let mut reader = ParquetFileReader::new(&self.storage, &file.path, file.size_bytes);
        reader.verify(file.checksum).await.map_err(wrong)?;
        let loaded = ArrowReaderMetadata::load_async(&mut reader, ArrowReaderOptions::new()).await;
        let footer = loaded.map_err(|e| wrong(e.to_string()))?;
        check(&footer, id, file).map_err(wrong)?;
        self.keep(&file.path, footer.clone());
        Ok(footer)
    }

    fn footer(&self, path: &str) -> Option<ArrowReaderMetadata> {
        self.footers.lock().unwrap_or_else(PoisonError::into_inner).by_path.get(path).cloned()
    }

    fn keep(&self, path: &str, footer: ArrowReaderMetadata) {
        let mut footers = self.footers.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes = footer.metadata().memory_size() + path.len();
        if footers.bytes + bytes > FOOTERS_BYTES {
            *footers = FooterCache::default();
        }
        if footers.by_path.insert(path.to_owned(), footer).is_none() {
            footers.bytes += bytes;
        }
    }
}

/// Whether the footer says of the file what the manifest does.
fn check(footer: &ArrowReaderMetadata, id: MetricId, file: &ViewFile) -> Result<(), String> {
    let metadata = footer.metadata().file_metadata();
    let expected = [
        ("metric", id.to_string()),
        ("grain", file.grain.to_string()),
        ("from", file.from.epoch.to_string()),
        ("to", file.to.epoch.to_string()),
    ];
    for (key, want) in expected {
        let got = footer_value(metadata, key);
        if got != want {
            return Err(format!("its footer says {key} `{got}`, the manifest `{want}`"));
        }
    }
    let rows = u64::try_from(metadata.num_rows()).unwrap_or(0);
    if rows != file.rows {
        return Err(format!("it has {rows} rows, the manifest says {}", file.rows));
    }
    Ok(())
}

fn footer_value(metadata: &FileMetaData, key: &str) -> String {
    let mut pairs = metadata.key_value_metadata().into_iter().flatten();
    let found = pairs.find(|pair| pair.key == format!("merganser.{key}"));
    found.and_then(|pair| pair.value.clone()).unwrap_or_default()
}

fn may_overlap(group: &RowGroupMetaData, range: TimeRange) -> bool {
    match group.columns().first().and_then(|column| column.statistics()) {
        Some(Statistics::Int64(times)) => match (times.min_opt(), times.max_opt()) {
            (Some(min), Some(max)) => *min < range.to.0 && range.from.0 <= *max,
            _ => true,
        },
        _ => true,
    }
}

/// The columns in the order of the read.
fn in_order(
    batch: &RecordBatch,
    columns: &[String],
) -> Result<RecordBatch, arrow::error::ArrowError> {
    let schema = batch.schema();
    let order = columns.iter().map(|name| schema.index_of(name)).collect::<Result<Vec<_>, _>>()?;
    batch.project(&order)
}

/// The rows whose bucket starts in `range`.
fn within(batch: RecordBatch, range: TimeRange) -> Result<RecordBatch, arrow::error::ArrowError> {
    let times = batch.column(0).as_primitive::<TimestampMicrosecondType>();
    let inside = |time: &i64| range.contains(Timestamp(*time));
    if times.values().iter().all(inside) {
        return Ok(batch);
    }
    let mask: BooleanArray = times.values().iter().map(|t| Some(inside(t))).collect();
    debug_assert_eq!(times.null_count(), 0, "buckets always have a start");
    filter_record_batch(&batch, &mask)
}

impl BatchViews for ParquetViews {
    fn read(
        &self,
        snapshot: &CatalogSnapshot,
        metric: &MetricVersion,
        read: BatchReadRequest,
    ) -> BatchViewStream {
        let layout = metric.compiled.layout();
        let ReadColumns { dimensions, states } = &read.columns;
        let dimensions = dimensions.iter().map(|d| layout.dimensions[*d].clone());
        let states = states.iter().map(|s| layout.state_name(*s));
        let columns: Vec<String> =
            std::iter::once("time".to_owned()).chain(dimensions).chain(states).collect();
        let is_asked =
            |file: &&ViewFile| file.grain == read.grain && file.range.overlaps(&read.range);
        let files: Vec<ViewFile> = metric.files.iter().filter(is_asked).cloned().collect();
        let (views, id, generation) = (self.clone(), metric.id, snapshot.generation);
        let file_rows = move |file: ViewFile| {
            let (views, columns) = (views.clone(), columns.clone());
            async move { views.stream_file(id, &file, &columns, read.range).await }
        };
        let rows = stream::iter(files).then(file_rows).try_flatten();
        rows.map_err(move |error| {
            BatchViewError::Damaged(format!("generation {generation}: {error}"))
        })
        .boxed()
    }
}
