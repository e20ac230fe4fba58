//! Views written, read back and merged.

use std::sync::Arc;

use super::*;
use crate::testing::{at, damages, definition, version};
use merganser_core::event::{EventBatch, EventOffsets};
use merganser_core::ids::Offset;
use merganser_core::testing::event;
use merganser_core::time::{DAY_US, HOUR_US, MINUTE_US};
use merganser_metric::catalog::MetricVersion;
use merganser_metric::extract::PropertyExtractor;

/// States of events at these minutes, each with its own amount.
fn table(metric: &MetricVersion, minutes: impl IntoIterator<Item = i64>) -> StateTable {
    let extractor = PropertyExtractor::new(metric.compiled.properties().cloned());
    let mut table = StateTable::new(metric.compiled.layout());
    for m in minutes {
        let properties = format!(r#"{{"kind":"k{}","amount":{}.5}}"#, m % 3, m % 10);
        let events: EventBatch =
            std::iter::once(event("sale", m * MINUTE_US, Some(&properties))).collect();
        // Wherever a chunk ends, an event is at the same place.
        let offset = Offset(u64::try_from(m + (1 << 20)).unwrap());
        let extracted = extractor.extract(&events, EventOffsets::consecutive(offset, 1));
        metric.compiled.fold(&mut table, &extracted, usize::MAX).unwrap();
    }
    table
}

fn subject(metric: &MetricVersion) -> ViewSchema {
    ViewSchema {
        id: metric.id,
        layout: metric.compiled.layout().clone(),
        base: metric.compiled.grain(),
    }
}

/// Writes minutes as chunks that end at these minutes.
async fn written(
    storage: &Storage,
    metric: &MetricVersion,
    minutes: &[i64],
    ends: impl IntoIterator<Item = i64>,
) -> Vec<ViewFile> {
    let mut grains = ViewFileBuilder::new(subject(metric));
    let mut from = i64::MIN;
    for to in ends.into_iter().chain([1 << 40]) {
        let here = minutes.iter().copied().filter(|m| (from..to).contains(m));
        let chunk = table(metric, here);
        let sorted = rows(&chunk);
        grains.add(chunk, sorted, Timestamp(to.saturating_mul(MINUTE_US))).unwrap();
        from = to;
    }
    grains.write(storage, (at(0, 0), at(1, 9))).await.unwrap()
}

async fn read_all(
    views: &ParquetViews,
    metric: &MetricVersion,
    files: &[ViewFile],
    grain: Grain,
    range: TimeRange,
) -> StateTable {
    let schema = metric.compiled.layout().schema();
    let columns: Vec<String> = schema.fields().iter().map(|f| f.name().clone()).collect();
    let mut table = StateTable::new(metric.compiled.layout());
    for file in files.iter().filter(|file| file.grain == grain && file.range.overlaps(&range)) {
        for batch in views.read_file(metric.id, file, &columns, range).await.unwrap() {
            table.merge(&batch).unwrap();
        }
    }
    table
}

fn same(a: &StateTable, b: &StateTable) -> bool {
    a.emit(&a.sorted()) == b.emit(&b.sorted())
}

#[tokio::test]
async fn every_rollup_holds_the_same_events() {
    let directory = tempfile::tempdir().unwrap();
    let storage = Storage::local(directory.path()).unwrap();
    let metric = version(&definition("sales"), at(0, 0));
    let minutes: Vec<i64> = (-3000..3000).step_by(7).collect();
    let expected = table(&metric, minutes.iter().copied());
    let views = ParquetViews::new(storage.clone());
    // In one chunk, of hours, of days, and of the hours of days without events.
    for ends in [vec![], (-60..60).map(|h| h * 60).collect(), vec![-1440, 0, 1440], vec![9000]] {
        let files = written(&storage, &metric, &minutes, ends).await;
        assert_eq!(files.iter().map(|f| f.grain).collect::<Vec<_>>(), Grain::Minute.rollups());
        for grain in Grain::Minute.rollups() {
            let coarse = rollup(&expected, metric.compiled.layout(), *grain).unwrap();
            let read = read_all(&views, &metric, &files, *grain, TimeRange::ALL).await;
            assert!(same(&read, &coarse), "{grain}");
            let file = files.iter().find(|file| file.grain == *grain).unwrap();
            assert_eq!(file.rows, coarse.len() as u64);
        }
    }
    let files = written(&storage, &metric, &minutes, []).await;
    let range = TimeRange { from: Timestamp(-HOUR_US), to: Timestamp(DAY_US) };
    let read = read_all(&views, &metric, &files, Grain::Minute, range).await;
    let inside = expected.within(range);
    assert_eq!(read.len(), inside.len());
}

#[tokio::test]
async fn merged_files_answer_the_same_and_there_are_fewer() {
    let directory = tempfile::tempdir().unwrap();
    let storage = Storage::local(directory.path()).unwrap();
    let metric = version(&definition("sales"), at(0, 0));
    let mut files = Vec::new();
    for part in 0..9 {
        let minutes: Vec<i64> = (part * 5..20_000).step_by(31).collect();
        files.extend(written(&storage, &metric, &minutes, []).await);
    }
    let views = ParquetViews::new(storage.clone());
    for grain in [Grain::Minute, Grain::Day] {
        let chosen = choose_compaction(&files, grain);
        assert!(chosen.len() > 2, "{} of {grain}", chosen.len());
        let before = read_all(&views, &metric, &files, grain, TimeRange::ALL).await;
        let mut merged = Vec::new();
        for part in compaction_parts(&chosen) {
            let part = compact_part(&storage, &views, &subject(&metric), &chosen, part).await;
            merged.extend(part.unwrap());
        }
        assert!(merged.len() < chosen.len());
        files.retain(|file| !chosen.contains(file));
        files.extend(merged);
        let after = read_all(&views, &metric, &files, grain, TimeRange::ALL).await;
        assert!(same(&before, &after), "{grain}");
        assert!(choose_compaction(&files, grain).is_empty());
    }
}

#[tokio::test]
async fn a_file_of_another_metric_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let storage = Storage::local(directory.path()).unwrap();
    let metric = version(&definition("sales"), at(0, 0));
    let file = written(&storage, &metric, &[1], []).await.remove(0);
    let views = Arc::new(ParquetViews::new(storage));
    let read = |file: ViewFile, id| {
        let views = Arc::clone(&views);
        async move {
            let columns = ["time".to_owned()];
            views.read_file(id, &file, &columns, TimeRange::ALL).await.map(|_| ())
        }
    };
    read(file.clone(), metric.id).await.unwrap();
    let fresh = Arc::new(ParquetViews::new(Storage::local(directory.path()).unwrap()));
    let columns = ["time".to_owned()];
    let other = MetricId(metric.id.0 + 1);
    let error = fresh.read_file(other, &file, &columns, TimeRange::ALL).await.unwrap_err();
    assert!(error.to_string().contains("metric `1`"), "{error}");
    let longer = ViewFile { rows: file.rows + 1, ..file.clone() };
    let error = fresh.read_file(metric.id, &longer, &columns, TimeRange::ALL).await.unwrap_err();
    assert!(error.to_string().contains("rows"), "{error}");
}

/// Every byte of a view file, cut there and with a bit flipped: never an answer.
#[tokio::test]
async fn no_damaged_file_is_answered_from() {
    let directory = tempfile::tempdir().unwrap();
    let storage = Storage::local(directory.path()).unwrap();
    let metric = version(&definition("sales"), at(0, 0));
    let view = written(&storage, &metric, &Vec::from_iter(0..40), []).await.remove(0);
    let columns = ["time".to_owned()];
    let path = directory.path().join(&view.path);
    let whole = std::fs::read(&path).unwrap();
    for damaged in damages(&whole) {
        std::fs::write(&path, damaged).unwrap();
        let fresh = ParquetViews::new(storage.clone());
        let read = fresh.read_file(metric.id, &view, &columns, TimeRange::ALL).await;
        let said = read.unwrap_err().to_string();
        assert!(said.contains(&view.path), "{said}");
    }
    std::fs::write(&path, &whole).unwrap();
    let fresh = ParquetViews::new(storage.clone());
    fresh.read_file(metric.id, &view, &columns, TimeRange::ALL).await.unwrap();
    // What was written before there were checksums is read as it is.
    let old = ViewFile { checksum: None, ..view };
    fresh.read_file(metric.id, &old, &columns, TimeRange::ALL).await.unwrap();
}
