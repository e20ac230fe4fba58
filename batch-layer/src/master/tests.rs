//! What is archived reads back, in few files, or is refused.

use std::collections::BTreeMap;

use arrow::array::UInt64Array;
use arrow::datatypes::DataType;
use futures::TryStreamExt;
use merganser_core::event::{Event, EventBatch};
use merganser_core::ids::Offset;
use merganser_core::property::{PropertyColumn, PropertyType, parse_path};
use merganser_core::testing::committed;
use merganser_core::time::TimeRange;
use merganser_metric::compile::Metric;
use merganser_metric::extract::ExtractedEvents;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use proptest::prelude::*;

use super::*;
use crate::testing::{at, damages};

const HOUR_US: i64 = 3_600_000_000;

/// Events at these times.
fn events(times: &[i64], first: u64) -> CommittedBatch {
    let event = |(n, time): (usize, &i64)| {
        let properties = format!(r#"{{"n":{n}}}"#);
        let mut event = merganser_core::testing::event("sale", *time, Some(&properties));
        event.id = format!("e{}", first + n as u64);
        event
    };
    let events: EventBatch =
        times.iter().enumerate().map(event).collect::<Vec<Event>>().into_iter().collect();
    committed(Offset(first), events)
}

async fn stored(storage: &Storage, times: &[i64]) -> Vec<MasterFile> {
    let archived = [events(times, 0)];
    archive(
        storage,
        &archived,
        &PropertyExtractor::default(),
        (at(0, 0), at(1, times.len() as u64)),
    )
    .await
    .unwrap()
}

/// Ids and times of the events in a range.
async fn found(
    storage: &Storage,
    files: &[MasterFile],
    range: TimeRange,
) -> Result<BTreeMap<String, i64>, StorageError> {
    let mut found = BTreeMap::new();
    for file in files {
        let batches: Vec<_> =
            read(storage, file, MasterProjection::Events, range).await?.try_collect().await?;
        for extracted in batches {
            let events = &extracted.events;
            for (id, time) in events.ids().iter().flatten().zip(events.times().values()) {
                assert!(file.covers_day(day(*time)), "{time} in {}", file.path);
                assert_eq!(found.insert(id.to_owned(), *time), None, "{id} is there twice");
            }
        }
    }
    Ok(found)
}

#[test]
fn small_days_share_files_and_large_ones_do_not() {
    let cut = |days: &[(i64, usize)]| cut(days.iter().copied());
    assert_eq!(cut(&[]), []);
    assert_eq!(cut(&[(1, 5), (2, 5), (900, 1)]), [(1, 900, 11)]);
    let large = DAY_ROWS_MIN;
    assert_eq!(cut(&[(1, 5), (2, large), (3, 5), (4, 6)]), [(1, 1, 5), (2, 2, large), (3, 4, 11)]);
    let many: Vec<(i64, usize)> = (0..40_000).map(|day| (day, 3)).collect();
    let files = cut(&many);
    assert_eq!(files.iter().map(|file| file.2).sum::<usize>(), 120_000);
    assert_eq!(files.len(), 2);
}

#[test]
fn merges_are_of_the_fullest_days_and_leave_what_is_not_covered() {
    let file = |first_day, last_day, epoch: u64, memory_bytes| MasterFile {
        path: format!("{first_day}-{last_day}-{epoch}"),
        first_day,
        later_day: (first_day < last_day).then_some(last_day),
        from: at(epoch, epoch),
        to: at(epoch + 1, epoch + 1),
        rows: 1,
        size_bytes: 1,
        memory_bytes,
        checksum: None,
    };
    let mut files: Vec<MasterFile> =
        (0..9).map(|epoch| file(epoch as i64, 20, epoch, 10)).collect();
    assert_eq!(choose_compaction(&files[..8], at(9, 9)), Vec::<Vec<MasterFile>>::new());
    assert_eq!(choose_compaction(&files, at(8, 8)), Vec::<Vec<MasterFile>>::new());
    assert_eq!(choose_compaction(&files, at(9, 9)), [files.clone()]);
    // Of another day, in the same turn; what is too large stands.
    let other: Vec<MasterFile> = (0..10).map(|epoch| file(30, 31, epoch, 10)).collect();
    files.extend(other.iter().cloned());
    files.push(file(30, 30, 3, MERGED));
    let merges = choose_compaction(&files, at(20, 20));
    assert_eq!(merges, [other, files[..9].to_vec()]);
}

const MERGED: u64 = 512 << 20;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn parts_of_time_together_hold_each_event_once(
        hours in prop::collection::vec(-2000_i64..2000, 1..200),
        edges in prop::collection::btree_set(-2000_i64..2000, 0..5),
    ) {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        let runtime = builder.worker_threads(1).build().unwrap();
        runtime.block_on(async {
            let directory = tempfile::tempdir().unwrap();
            let storage = Storage::local(directory.path()).unwrap();
            let times: Vec<i64> = hours.iter().map(|hour| hour * HOUR_US).collect();
            let mut files = stored(&storage, &times).await;
            let expected: BTreeMap<String, i64> =
                times.iter().enumerate().map(|(n, time)| (format!("e{n}"), *time)).collect();
            for _ in 0..2 {
                let mut parts = BTreeMap::new();
                let TimeRange { from, to } = TimeRange::ALL;
                let inner = edges.iter().map(|hour| Timestamp(hour * HOUR_US));
                let all: Vec<Timestamp> = [from].into_iter().chain(inner).chain([to]).collect();
                for edge in all.windows(2) {
                    let range = TimeRange { from: edge[0], to: edge[1] };
                    let part = found(&storage, &files, range).await.unwrap();
                    assert!(part.values().all(|time| range.contains(Timestamp(*time))));
                    parts.extend(part);
                }
                assert_eq!(parts, expected);
                files = compact(&storage, &files, &PropertyExtractor::default()).await.unwrap();
            }
        });
    }
}

#[tokio::test]
async fn no_damaged_file_is_read() {
    let directory = tempfile::tempdir().unwrap();
    let storage = Storage::local(directory.path()).unwrap();
    let times: Vec<i64> = (0..20).map(|n| n * HOUR_US).collect();
    let files = stored(&storage, &times).await;
    let path = directory.path().join(&files[0].path);
    let whole = std::fs::read(&path).unwrap();
    for damaged in damages(&whole) {
        std::fs::write(&path, damaged).unwrap();
        let said = found(&storage, &files, TimeRange::ALL).await.unwrap_err().to_string();
        assert!(said.contains(&files[0].path), "{said}");
    }
    std::fs::write(&path, &whole).unwrap();
    assert_eq!(found(&storage, &files, TimeRange::ALL).await.unwrap().len(), 20);
}

/// Files had the column `content` once, between others.
#[tokio::test]
async fn files_with_more_columns_are_read_alike() {
    let directory = tempfile::tempdir().unwrap();
    let storage = Storage::local(directory.path()).unwrap();
    let mut file = stored(&storage, &[2 * HOUR_US, HOUR_US]).await.remove(0);
    let committed = events(&[2 * HOUR_US, HOUR_US], 0);
    let archived = [rows(&committed.events, &committed.places()).unwrap()];
    let archived = by_days(&archived).unwrap().remove(0).chunks(&archived).unwrap().remove(0);
    let mut fields: Vec<Arc<Field>> = archived.schema().fields().iter().cloned().collect();
    let mut columns = archived.columns().to_vec();
    fields.insert(1, Arc::new(Field::new("content", DataType::UInt64, true)));
    columns.insert(1, Arc::new(UInt64Array::from(vec![7, 8])));
    let older = RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap();
    let bytes = parquet_file::write(&older.schema(), &[older], &[], parquet_file::properties());
    let bytes = bytes.unwrap();
    let read = async |file: &MasterFile| -> Vec<ExtractedEvents> {
        let stream = read(&storage, file, MasterProjection::Events, TimeRange::ALL).await.unwrap();
        stream.try_collect().await.unwrap()
    };
    let found = read(&file).await;
    file.path = "master/older.parquet".to_owned();
    (file.size_bytes, file.checksum) = (bytes.len() as u64, Some(crc32c::crc32c(&bytes)));
    storage.create(&file.path, bytes).await.unwrap();
    let older = read(&file).await;
    assert_eq!(older[0].events, found[0].events);
    assert_eq!(older[0].places, found[0].places);
    assert_eq!(older[0].events.ids().value(0), "e1");
    assert_eq!(older[0].places.place(0).1, Offset(1));
}

fn number() -> PropertyColumn {
    PropertyColumn { path: parse_path("n").unwrap(), ty: PropertyType::Number }
}

/// What is read of a file by a metric that sums `n`.
async fn numbers(storage: &Storage, file: &MasterFile) -> PropertyValues {
    let definition = r#"{"name":"m","event":"*","measures":{"s":{"kind":"sum","of":"n"}}}"#;
    let definition = merganser_metric::definition::from_json(definition.as_bytes()).unwrap();
    let want = MasterProjection::Metrics(vec![Arc::new(Metric::compile(&definition).unwrap())]);
    let stream = read(storage, file, want, TimeRange::ALL).await.unwrap();
    let found: Vec<ExtractedEvents> = stream.try_collect().await.unwrap();
    assert_eq!(found.len(), 1);
    found[0].column(&number()).unwrap().clone()
}

fn columns(directory: &std::path::Path, file: &MasterFile) -> Vec<String> {
    let file = std::fs::File::open(directory.join(&file.path)).unwrap();
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
    reader.schema().fields().iter().map(|field| field.name().clone()).collect()
}

#[tokio::test]
async fn a_column_of_numbers_has_all_their_digits_or_is_not_there() {
    let directory = tempfile::tempdir().unwrap();
    let storage = Storage::local(directory.path()).unwrap();
    let value = PropertyColumn { path: parse_path("n").unwrap(), ty: PropertyType::Value };
    for (numbers_sent, is_typed) in [(["1.0", "2.000000001"], true), (["1", "2.5e-10"], false)] {
        let events: EventBatch = numbers_sent
            .iter()
            .map(|n| merganser_core::testing::event("sale", 0, Some(&format!(r#"{{"n":{n}}}"#))))
            .collect();
        let archived = committed(Offset(0), events);
        let extractor = PropertyExtractor::new([number(), value.clone()]);
        let files =
            archive(&storage, std::slice::from_ref(&archived), &extractor, (at(0, 0), at(1, 2)));
        let file = files.await.unwrap().remove(0);
        let names = columns(directory.path(), &file);
        assert_eq!(names.contains(&"number:n".to_owned()), is_typed);
        assert!(names.contains(&"value:n".to_owned()));
        let read = numbers(&storage, &file).await;
        assert_eq!(read.long.len(), usize::from(!is_typed));
        let extracted = extractor.extract(&archived.events, archived.places());
        assert_eq!(read.exact(), extracted.column(&number()).unwrap().exact());
    }
}

/// Files of before have columns of numbers that were rounded, and their footer says nothing.
#[tokio::test]
async fn rounded_numbers_of_older_files_are_read_from_their_text() {
    let directory = tempfile::tempdir().unwrap();
    let storage = Storage::local(directory.path()).unwrap();
    let event = merganser_core::testing::event("sale", 0, Some(r#"{"n":2.5e-10}"#));
    let events: EventBatch = [event].into_iter().collect();
    let archived = committed(Offset(0), events);
    let (sent, columns) = ([archived.clone()], PropertyExtractor::default());
    let mut file =
        archive(&storage, &sent, &columns, (at(0, 0), at(1, 1))).await.unwrap().remove(0);
    let rows = rows(&archived.events, &archived.places()).unwrap();
    let rows = [rows];
    let rows = by_days(&rows).unwrap().remove(0).chunks(&rows).unwrap().remove(0);
    let mut fields: Vec<Arc<Field>> = rows.schema().fields().iter().cloned().collect();
    fields.push(Arc::new(Field::new("number:n", PropertyType::Number.data_type(), true)));
    let zero = arrow::array::Decimal128Array::from(vec![0]);
    let mut arrays = rows.columns().to_vec();
    arrays.push(Arc::new(zero.with_data_type(PropertyType::Number.data_type())));
    let older = RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).unwrap();
    let bytes = parquet_file::write(&older.schema(), &[older], &[], parquet_file::properties());
    let bytes = bytes.unwrap();
    file.path = "master/older.parquet".to_owned();
    (file.size_bytes, file.checksum) = (bytes.len() as u64, Some(crc32c::crc32c(&bytes)));
    storage.create(&file.path, bytes).await.unwrap();
    let read = numbers(&storage, &file).await;
    assert_eq!(read.long, [(0, "2.5e-10".into())]);
}
