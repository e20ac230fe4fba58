//! Any number of threads folds to the same bits as one table does.

use arrow::compute::concat_batches;
use merganser_core::event::{Event, EventBatch};
use merganser_core::ids::Offset;
use merganser_core::journal::CommittedBatch;
use merganser_core::testing::{committed, event};
use merganser_metric::extract::PropertyExtractor;
use tempfile::TempDir;

use super::*;
use crate::master::archive;
use crate::testing::{at, definition};

/// Events of an archive: more than are folded at a time.
const EVENTS: u64 = 20_000;
const DAY: i64 = 20_000;

/// Most events are within an hour, some of two days before.
fn events(first: u64) -> CommittedBatch {
    let one = |n: u64| {
        let late = if n.is_multiple_of(50) { (1 + n / 50 % 2) as i64 * DAY_US } else { 0 };
        let time = DAY * DAY_US + (n % 3_600) as i64 * 1_000_000 - late;
        let amount =
            if n.is_multiple_of(997) { "\"odd\"".to_owned() } else { (n % 91).to_string() };
        let properties = format!(r#"{{"kind":"k{}","amount":{amount}}}"#, n * 7 % 13);
        let kind = if n.is_multiple_of(5) { "other" } else { "sale" };
        event(kind, time, Some(&properties))
    };
    let events: Vec<Event> = (first..first + EVENTS).map(one).collect();
    committed(Offset(first), events.into_iter().collect())
}

#[tokio::test]
async fn any_number_of_threads_folds_to_the_same_bits() {
    let directory = TempDir::new().unwrap();
    let storage = Storage::local(directory.path()).unwrap();
    let metric = Arc::new(Metric::compile(&definition("sales")).unwrap());
    let columns = PropertyExtractor::new(metric.properties().cloned());
    let (mut files, mut all) = (Vec::new(), Vec::new());
    for n in 0..3 {
        let archived = events(n * EVENTS);
        let epochs = (at(n, n * EVENTS), at(n + 1, (n + 1) * EVENTS));
        files.extend(
            archive(&storage, std::slice::from_ref(&archived), &columns, epochs).await.unwrap(),
        );
        all.push(archived);
    }
    assert!(files.len() > 3, "late events have files of their own");

    let mut expected = StateTable::new(metric.layout());
    let whole = EventBatch::concat(all.iter().map(|batch| &batch.events)).unwrap();
    let places = merganser_core::event::EventOffsets::consecutive(Offset::ZERO, whole.len());
    let projected = metric.project(&columns.extract(&whole, places)).unwrap();
    metric.fold_rows(&mut expected, &projected.batch).unwrap();
    let schema = metric.layout().schema();
    let expected = concat_batches(&schema, &view::rows(&expected)).unwrap();

    let range =
        TimeRange { from: Timestamp((DAY - 2) * DAY_US), to: Timestamp((DAY + 1) * DAY_US) };
    let part = MasterPart { range, files, events: whole.len() as f64 };
    let wanted = [RecomputeTarget { metric: Arc::clone(&metric), to: at(3, 3 * EVENTS) }];
    for threads in [0, 1, 2, 3, 64] {
        let mut folded = Recomputation::new(&storage, &wanted, &part, threads).unwrap();
        let mut rows = Vec::new();
        while folded.next().await.unwrap().is_some() {
            rows.extend(view::rows(&folded.states(0).unwrap()));
        }
        let found = concat_batches(&schema, &rows).unwrap();
        assert_eq!(found, expected, "{threads} threads");
        let [counted] = &*folded.into_counters() else { panic!("one metric") };
        assert_eq!(counted.events, 3 * EVENTS);
        assert_eq!(counted.mismatches, projected.mismatches);
        assert!(projected.mismatches > 0);
        assert_eq!(counted.days, BTreeSet::from([DAY - 2, DAY - 1, DAY]));
    }
}

#[test]
fn files_are_dealt_out_evenly_and_each_once() {
    let file = |n: u64| MasterFile {
        path: n.to_string(),
        first_day: 1,
        later_day: None,
        from: at(0, 0),
        to: at(1, 100),
        rows: n * n,
        size_bytes: 1,
        memory_bytes: 1,
        checksum: None,
    };
    let files: Vec<MasterFile> = (0..20).map(file).collect();
    for threads in [0, 1, 3, 20, 99] {
        let shards = deal_out(&files, threads);
        assert_eq!(shards.len(), threads.clamp(1, files.len()));
        let mut dealt: Vec<MasterFile> = shards.iter().flatten().cloned().collect();
        dealt.sort_by_key(|file| file.rows);
        assert_eq!(dealt, files);
        let rows = |shard: &Vec<MasterFile>| shard.iter().map(|file| file.rows).sum::<u64>();
        let (least, most) =
            (shards.iter().map(rows).min().unwrap(), shards.iter().map(rows).max().unwrap());
        assert!(most - least <= 19 * 19, "{least} and {most} rows for {threads} threads");
    }
    assert_eq!(deal_out(&[], 4).len(), 1);
}
