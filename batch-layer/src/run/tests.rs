//! Runs against a naive fold of the same events: real journal, real files, no speed store.

mod races;
mod works;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use futures::StreamExt;
use merganser_api::run::RunDistribution;
use merganser_core::clock::{Clock, ManualClock};
use merganser_core::event::{Event, EventBatch};
use merganser_core::ids::{MetricId, Offset};
use merganser_core::journal::Journal;
use merganser_core::omissions::MetricOmissions;
use merganser_core::time::{DAY_US, Grain, TimeRange, Timestamp};
use merganser_metric::catalog::{Catalog, DefineOutcome, LifecycleStage, MetricVersion};
use merganser_metric::compile::FoldVersion;
use merganser_metric::definition::MetricDefinition;
use merganser_metric::extract::PropertyExtractor;
use merganser_metric::table::StateTable;
use merganser_metric::views::{
    BatchReadRequest, BatchViews, ReadColumns, SpeedReadRequest, SpeedViewError, SpeedViewLag,
    SpeedViewStates, SpeedViews,
};
use proptest::prelude::*;
use tokio::sync::Semaphore;

use super::tracker::RunTracker;
use super::*;
use crate::catalog::{BatchCatalog, CatalogSettings};
use crate::job::{RunCancelError, RunMode, RunQueue, RunRecord, RunState, RunTrigger};
use crate::journal::{FileJournal, JournalSettings};
use crate::schedule::Schedule;
use crate::storage::Storage;
use crate::testing::{ForgetfulStore, definition};
use crate::view::ParquetViews;

/// Speed views that fold the journal anew for every question.
struct Refold(Arc<dyn Journal>);

fn fold_range(
    journal: &dyn Journal,
    metric: &MetricVersion,
    read: &SpeedReadRequest,
) -> (StateTable, MetricOmissions, Offset) {
    let extractor = PropertyExtractor::new(metric.compiled.properties().cloned());
    let mut table = StateTable::new(metric.compiled.layout());
    let mut omissions = MetricOmissions::default();
    for committed in journal.read(journal.start()).unwrap() {
        let committed = committed.unwrap();
        if committed.epoch >= read.from && read.to.is_none_or(|to| committed.epoch < to) {
            let extracted = extractor.extract(&committed.events, committed.places());
            let folded = metric.compiled.fold(&mut table, &extracted, usize::MAX).unwrap();
            omissions.merge(&folded.omissions);
        }
    }
    (table, omissions, journal.end())
}

#[async_trait]
impl SpeedViews for Refold {
    fn kind(&self) -> &'static str {
        "refold"
    }

    async fn read(
        &self,
        metric: &MetricVersion,
        read: SpeedReadRequest,
    ) -> Result<SpeedViewStates, SpeedViewError> {
        let (table, omissions, through) = fold_range(&*self.0, metric, &read);
        let states = vec![table.emit(&table.within(read.range))];
        Ok(SpeedViewStates { through, reach: through, states, missing: Vec::new(), omissions })
    }

    fn lag(&self, _: MetricId) -> SpeedViewLag {
        SpeedViewLag { lag_ms: 0, applied: self.0.end(), owed: Offset::ZERO }
    }

    async fn wait_applied(&self, _: Offset, _: Duration) -> bool {
        true
    }

    fn mismatches(&self, _: MetricId) -> u64 {
        0
    }

    fn groups(&self, _: MetricId) -> u64 {
        0
    }
}

struct World {
    directory: tempfile::TempDir,
    journal: Arc<dyn Journal>,
    catalog: Arc<BatchCatalog>,
    views: Arc<ParquetViews>,
    runs: RunService,
    clock: Arc<ManualClock>,
    /// The first offset that the dedup index would need.
    floor: Arc<AtomicU64>,
}

impl World {
    async fn new() -> Self {
        Self::open(tempfile::tempdir().unwrap()).await
    }

    async fn open(directory: tempfile::TempDir) -> Self {
        let storage = Storage::local(directory.path()).unwrap();
        Self::open_with(directory, storage, None).await
    }

    /// One that may have the parts of its runs made by others.
    async fn open_with(
        directory: tempfile::TempDir,
        storage: Storage,
        sharing: Option<WorkSharingParts>,
    ) -> Self {
        let path = directory.path();
        let settings = JournalSettings { segment_bytes_max: 4096, ..JournalSettings::default() };
        let journal = FileJournal::open(&path.join("journal"), settings).unwrap();
        journal.claim().unwrap();
        let journal: Arc<dyn Journal> = Arc::new(journal);
        let clock = ManualClock::at(Timestamp(1_000_000));
        let queue = RunQueue::default();
        let settings = CatalogSettings { grace_ms: 0, ..CatalogSettings::default() };
        let catalog = BatchCatalog::open(
            settings,
            storage.clone(),
            Arc::clone(&journal),
            Arc::clone(&clock) as Arc<dyn Clock>,
            queue.clone(),
        );
        let catalog = Arc::new(catalog.await.unwrap());
        let views = Arc::new(ParquetViews::new(storage));
        let never = Schedule {
            incremental: String::new(),
            full: String::new(),
            timezone: "UTC".to_owned(),
        };
        let settings = RunSettings { schedule: never, threads: 2, part_max_events: 500 };
        let floor = Arc::new(AtomicU64::new(0));
        let needed = Arc::clone(&floor);
        let parts = RunServiceParts {
            catalog: Arc::clone(&catalog),
            journal: Arc::clone(&journal),
            speed: Arc::new(Refold(Arc::clone(&journal))),
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
            queue,
            views: Arc::clone(&views),
            journal_floor: Arc::new(move || {
                let permit = Arc::new(Semaphore::new(1)).try_acquire_owned().ok()?;
                Some((Offset(needed.load(Ordering::Relaxed)), permit))
            }),
            sharing,
        };
        let runs = RunService::start(settings, parts).await.unwrap();
        Self { directory, journal, catalog, views, runs, clock, floor }
    }

    fn metric_names(&self) -> Vec<String> {
        self.runs.metric_names()
    }

    async fn restart(self) -> Self {
        Self::open(self.stop().await).await
    }

    async fn stop(self) -> tempfile::TempDir {
        self.runs.shutdown().await;
        let Self { directory, journal, catalog, views, runs, clock, .. } = self;
        drop((journal, catalog, views, runs, clock));
        directory
    }

    async fn ended(&self, id: &str) -> RunRecord {
        let mut run = self.runs.queue().follow(id).unwrap();
        run.wait_for(|run| run.state.is_final()).await.unwrap().clone()
    }

    async fn run(&self, mode: RunMode) -> RunRecord {
        let run = self.runs.queue().submit(mode, RunTrigger::Api, None).unwrap();
        self.ended(&run.id).await
    }

    fn append(&self, events: &[Event]) {
        if !events.is_empty() {
            self.journal.append(&events.iter().cloned().collect::<EventBatch>()).unwrap();
        }
    }

    /// The view of every metric and rollup, and what is reported of it, equal a fold of the events
    /// below its boundary.
    async fn check(&self) {
        let snapshot = self.catalog.current();
        for metric in snapshot.metrics.iter().filter(|m| m.stage == LifecycleStage::Active) {
            let below = SpeedReadRequest {
                from: merganser_core::ids::Epoch::ZERO,
                to: Some(metric.boundary.epoch),
                range: TimeRange::ALL,
                columns: None,
            };
            let (expected, omissions, _) = fold_range(&*self.journal, metric, &below);
            assert_eq!(metric.omissions, omissions);
            let layout = metric.compiled.layout();
            for grain in metric.compiled.grain().rollups() {
                let read = BatchReadRequest {
                    grain: *grain,
                    range: TimeRange::ALL,
                    columns: ReadColumns {
                        dimensions: (0..layout.dimensions.len()).collect(),
                        states: (0..layout.states.len()).collect(),
                    },
                };
                let mut got = StateTable::new(layout);
                let mut rows = self.views.read(&snapshot, metric, read);
                while let Some(rows) = rows.next().await {
                    got.merge(&rows.unwrap()).unwrap();
                }
                let expected = crate::view::rollup(&expected, layout, *grain).unwrap();
                let (got, expected) = (got.emit(&got.sorted()), expected.emit(&expected.sorted()));
                assert_eq!(got, expected, "{} by {grain}", metric.definition.name);
            }
        }
    }
}

fn hourly(name: &str) -> MetricDefinition {
    MetricDefinition { granularity: Grain::Hour, dimensions: Vec::new(), ..definition(name) }
}

fn events(from: usize, count: usize) -> Vec<Event> {
    (from..from + count)
        .map(|n| {
            // Now and then a kind that is a number, an amount of many digits, and one that is none.
            let kind = if n % 7 == 0 { format!("{}.0", n % 3) } else { format!("\"k{}\"", n % 4) };
            let amount = n as f64 * 0.25;
            let amount = match (n % 17, n % 5) {
                (3, _) => format!("\"{n}\""),
                (_, 0) => format!("{amount:.2}000000000625"),
                _ => amount.to_string(),
            };
            let properties = format!(r#"{{"kind":{kind},"amount":{amount}}}"#);
            let time = (n as i64 * 7919) % (40 * 1440) * 60_000_000;
            let mut event = merganser_core::testing::event("sale", time, Some(&properties));
            event.id = format!("e{n}");
            event
        })
        .collect()
}

#[tokio::test]
async fn runs_of_both_modes_publish_what_a_naive_fold_gives() {
    let world = World::new().await;
    world.catalog.define(definition("sales")).await.unwrap();
    world.catalog.define(hourly("by_hour")).await.unwrap();
    for part in 0..12 {
        world.append(&events(part * 50, 50));
        let mode = if part % 5 == 4 { RunMode::Full } else { RunMode::Incremental };
        let run = world.run(mode).await;
        assert_eq!(run.state, RunState::Succeeded, "{run:?}");
        let audit = run.audit.unwrap();
        assert!(audit.compared > 0 && audit.differences == 0, "{run:?}");
        // Each event once, however many metrics were made of it.
        let first = if mode == RunMode::Full { 0 } else { part * 50 };
        let folded = events(first, (part + 1) * 50 - first);
        let days: BTreeSet<i64> = folded.iter().map(|e| e.time.div_euclid(DAY_US)).collect();
        assert_eq!((run.events, run.days), (folded.len() as u64, days.len() as u64), "{run:?}");
        assert_eq!(world.catalog.current().metrics[0].boundary.offset, world.journal.end());
        world.check().await;
    }
    // Many small files of many days were merged, and nothing is left that no manifest names.
    let state = world.catalog.state();
    assert!(state.master.len() <= 9, "{} files", state.master.len());
    assert_eq!(state.master.iter().map(|file| file.rows).sum::<u64>(), 600);
    world.runs.shutdown().await;
    drop(state);
    world.clock.set(Timestamp(2_000_000));
    world.catalog.collect_garbage().await.unwrap();
    let named: Vec<String> = world.catalog.state().paths().collect();
    let mut stored = Vec::new();
    for folder in ["manifest", "lists", "master", "views"] {
        stored.extend(world.catalog.storage().list(folder).await.unwrap());
    }
    assert_eq!(stored.len(), named.len());
}

#[tokio::test]
async fn the_journal_is_trimmed_to_what_is_archived_and_not_needed() {
    let world = World::new().await;
    world.catalog.define(definition("sales")).await.unwrap();
    for part in 0..10 {
        world.append(&events(part * 50, 50));
    }
    for (floor, expected) in [(0, 0..=0), (320, 200..=320), (9999, 500..=500)] {
        world.floor.store(floor, Ordering::Relaxed);
        assert_eq!(world.run(RunMode::Incremental).await.state, RunState::Succeeded);
        // Another one begins only when the worker has tidied up after the first.
        world.run(RunMode::Incremental).await;
        let start = world.journal.start().0;
        assert!(expected.contains(&start), "from {start} with a floor of {floor}");
    }
    world.append(&events(500, 10));
    assert_eq!(world.run(RunMode::Full).await.state, RunState::Succeeded);
    assert_eq!(world.catalog.state().master.iter().map(|file| file.rows).sum::<u64>(), 510);
}

#[tokio::test]
async fn where_nothing_can_be_deleted_runs_go_on() {
    let store = Arc::new(ForgetfulStore::default());
    let storage = || Storage::new(Arc::clone(&store) as _);
    let world = World::open_with(tempfile::tempdir().unwrap(), storage(), None).await;
    world.catalog.define(definition("sales")).await.unwrap();
    for part in 0..3 {
        world.append(&events(part * 50, 50));
        world.run(RunMode::Incremental).await;
    }
    let directory = world.stop().await;
    store.keep_all();
    storage().write("views/7/left-over.parquet", Vec::new()).await.unwrap();
    let world = World::open_with(directory, storage(), None).await;
    assert!(world.catalog.collect_garbage().await.is_err(), "there is something to delete");
    world.append(&events(150, 50));
    assert_eq!(world.run(RunMode::Incremental).await.state, RunState::Succeeded);
    world.check().await;
}

#[tokio::test]
async fn a_run_without_news_publishes_nothing() {
    let world = World::new().await;
    world.catalog.define(definition("sales")).await.unwrap();
    world.append(&events(0, 5));
    world.run(RunMode::Incremental).await;
    let generation = world.catalog.current().generation;
    let run = world.run(RunMode::Incremental).await;
    assert_eq!(run.state, RunState::Succeeded);
    assert_eq!(run.generation, Some(generation));
    assert_eq!(world.catalog.current().generation, generation);
}

#[tokio::test]
async fn a_new_version_answers_once_its_backfill_is_whole() {
    let world = World::new().await;
    world.catalog.define(definition("sales")).await.unwrap();
    world.append(&events(0, 100));
    world.run(RunMode::Incremental).await;
    world.append(&events(100, 50));
    let changed = hourly("sales");
    let DefineOutcome::Accepted { run } = world.catalog.define(changed.clone()).await.unwrap()
    else {
        panic!("there are events to backfill");
    };
    assert_eq!(world.catalog.define(changed.clone()).await.unwrap(), DefineOutcome::Unchanged);
    world.append(&events(150, 20));
    let run = world.ended(&run).await;
    assert_eq!(run.state, RunState::Succeeded, "{run:?}");
    let snapshot = world.catalog.current();
    assert_eq!(snapshot.metrics.len(), 1);
    let metric = snapshot.serving_version("sales").unwrap();
    assert_eq!((metric.version, metric.boundary.offset), (2, Offset(150)));
    world.check().await;
    assert_eq!(world.run(RunMode::Incremental).await.audit.unwrap().differences, 0);
    assert_eq!(world.run(RunMode::Full).await.audit.unwrap().differences, 0);
    world.check().await;
    world.catalog.delete("sales").await.unwrap();
    assert!(world.catalog.delete("sales").await.is_err());
}

/// A directory of a build that counted values in another way.
#[tokio::test]
async fn a_version_of_before_answers_as_it_did_until_it_is_made_anew() {
    let world = World::new().await;
    world.catalog.define(definition("sales")).await.unwrap();
    world.append(&events(0, 100));
    let directory = world.stop().await;
    let storage = Storage::local(directory.path()).unwrap();
    let manifests = storage.list("manifest").await.unwrap().into_iter().map(|(name, _)| name);
    let newest = manifests.max().unwrap();
    let mut document: serde_json::Value = storage.read_document(&newest).await.unwrap();
    let entry = document["metrics"][0].as_object_mut().unwrap();
    assert_eq!(entry.remove("fold"), Some(2.into()));
    document["format"] = 2.into();
    storage.replace_document(&newest, &document).await.unwrap();

    let world = World::open(directory).await;
    let fold = |world: &World| {
        let snapshot = world.catalog.current();
        let metric = snapshot.serving_version("sales").unwrap();
        (metric.version, metric.compiled.fold_version())
    };
    assert_eq!(fold(&world), (1, FoldVersion::First));
    world.run(RunMode::Incremental).await;
    world.append(&events(100, 50));
    world.check().await;
    // That is what a start does; so would the metrics file.
    let DefineOutcome::Accepted { run } = world.catalog.define(definition("sales")).await.unwrap()
    else {
        panic!("it is folded in another way now");
    };
    world.append(&events(150, 20));
    assert_eq!(world.ended(&run).await.state, RunState::Succeeded);
    assert_eq!(fold(&world), (2, FoldVersion::Second));
    world.check().await;
    let world = world.restart().await;
    assert_eq!(fold(&world), (2, FoldVersion::Second));
    assert_eq!(world.catalog.define(definition("sales")).await.unwrap(), DefineOutcome::Unchanged);
    assert_eq!(world.run(RunMode::Full).await.audit.unwrap().differences, 0);
    world.check().await;
}

#[tokio::test]
async fn a_second_run_is_refused_and_a_queued_one_is_cancelled() {
    let queue = RunQueue::default();
    let first = queue.submit(RunMode::Full, RunTrigger::Api, None).unwrap();
    let busy = queue.submit(RunMode::Incremental, RunTrigger::Api, None).unwrap_err();
    assert_eq!(busy.id, first.id);
    let cancelled = queue.cancel(&first.id, Timestamp(5)).unwrap();
    assert_eq!(cancelled.state, RunState::Cancelled);
    assert_eq!(queue.cancel(&first.id, Timestamp(5)), Err(RunCancelError::TooLate));
    assert_eq!(queue.cancel("run-7", Timestamp(5)), Err(RunCancelError::Unknown));
    assert!(queue.take(tokio::time::Instant::now(), |_| true).is_err());
    queue.submit(RunMode::Incremental, RunTrigger::Api, None).unwrap();
    assert_eq!(queue.backfill(MetricId(3)), queue.backfill(MetricId(3)));
}

/// Whoever wakes up behind another process that has ended a run changes nothing in its record.
#[tokio::test]
async fn the_record_of_a_run_that_has_ended_is_not_replaced() {
    let directory = tempfile::tempdir().unwrap();
    let storage = Storage::local(directory.path()).unwrap();
    let (queue, clock) = (RunQueue::default(), ManualClock::at(Timestamp(1_000_000)));
    let turn = Arc::default();
    let tracker = RunTracker { queue: queue.clone(), storage: storage.clone(), clock, turn };
    let run = queue.submit(RunMode::Full, RunTrigger::Api, None).unwrap();
    let path = format!("runs/{}.json", run.id);
    let recorded = async || storage.read_document::<RunRecord>(&path).await.unwrap().state;
    tracker.record_start(&run, Timestamp(5)).await;
    assert_eq!(recorded().await, RunState::Running);
    let ended = RunRecord { state: RunState::Succeeded, ..run.clone() };
    storage.replace_document(&path, &ended).await.unwrap();
    tracker.record(&run.id).await;
    assert_eq!(recorded().await, RunState::Succeeded);
    queue.update(&run.id, |run| run.state = RunState::Failed);
    tracker.record(&run.id).await;
    assert_eq!(recorded().await, RunState::Failed);
}

/// Whenever it is cancelled: as it waits, is about to begin, or is about to be queued again.
#[tokio::test]
async fn what_was_cancelled_does_not_come_back() {
    let queue = RunQueue::default();
    let run = queue.submit(RunMode::Full, RunTrigger::Api, None).unwrap();
    let now = tokio::time::Instant::now();
    assert_eq!(queue.take(now, |_| true).unwrap()[0].id, run.id);
    queue.cancel(&run.id, Timestamp(5)).unwrap();
    assert!(queue.is_cancelled(&run.id));
    assert!(!queue.update(&run.id, |run| run.state = RunState::Running));
    queue.retry(&run.id, now);
    assert_eq!(queue.take(now, |_| true), Err(None));
    assert_eq!(queue.get(&run.id).unwrap().state, RunState::Cancelled);
}

/// Backfills that others make together go on together, and with no other.
#[tokio::test]
async fn backfills_of_different_works_are_not_taken_together() {
    let queue = RunQueue::default();
    let ids = [1, 2, 3].map(|metric| queue.backfill(MetricId(metric)));
    for (id, work) in ids.iter().zip(["first", "first", "second"]) {
        let distribution = RunDistribution {
            work: work.to_owned(),
            parts: 2,
            made: 0,
            submissions: 0,
            job: None,
            executors: Vec::new(),
        };
        queue.update(id, |run| run.distribution = Some(distribution));
    }
    let taken = || {
        let taken = queue.take(tokio::time::Instant::now(), |_| true).unwrap();
        taken.into_iter().map(|run| run.id).collect::<Vec<_>>()
    };
    assert_eq!(taken(), ids[..2]);
    assert_eq!(taken(), ids[2..]);
}

/// Whoever does the runs next knows of what was asked for, and what was cancelled before it began.
#[tokio::test]
async fn a_run_is_recorded_before_it_is_queued() {
    let world = World::new().await;
    let storage = world.catalog.storage().clone();
    let recorded = async |id: &str| {
        storage.read_document::<RunRecord>(&format!("runs/{id}.json")).await.unwrap().state
    };
    let queue = world.runs.queue();
    let held = queue.announce(RunMode::Full, RunTrigger::Api, None).unwrap();
    let busy = world.runs.request(RunMode::Full, None).await;
    assert_eq!(busy.unwrap_err().id, held.id);
    assert_eq!(world.runs.cancel(&held.id).await.unwrap().state, RunState::Cancelled);
    assert_eq!(recorded(&held.id).await, RunState::Cancelled);
    queue.enqueue(&held.id);
    let run = world.runs.request(RunMode::Full, None).await.unwrap();
    recorded(&run.id).await;
    assert_eq!(world.ended(&run.id).await.state, RunState::Succeeded);
    assert_eq!(queue.get(&held.id).unwrap().state, RunState::Cancelled);
}

#[tokio::test]
async fn an_interrupted_run_is_done_after_the_restart() {
    let world = World::new().await;
    world.catalog.define(definition("sales")).await.unwrap();
    world.append(&events(0, 400));
    let run = world.runs.request(RunMode::Full, None).await.unwrap();
    let mut record = world.runs.queue().follow(&run.id).unwrap();
    record.wait_for(|run| run.state == RunState::Running).await.unwrap();
    drop(record);
    let world = world.restart().await;
    let mut runs = world.runs.queue().list();
    let last = runs.remove(0);
    let last = world.ended(&last.id).await;
    assert_eq!(last.state, RunState::Succeeded, "{last:?}");
    if last.id != run.id {
        assert_eq!(last.trigger, RunTrigger::Startup);
        let interrupted = world.runs.queue().get(&run.id).unwrap();
        assert_eq!(interrupted.state, RunState::Failed, "{interrupted:?}");
    }
    world.check().await;
    assert_eq!(world.catalog.current().metrics[0].boundary.offset, Offset(400));
}

/// A world that has metrics to backfill, whose runs all begin with it: the worker is stopped while
/// they are defined. Events come between the definitions, so that each begins elsewhere.
async fn pending(names: &[&str]) -> tempfile::TempDir {
    let world = World::new().await;
    world.catalog.define(definition("first")).await.unwrap();
    world.append(&events(0, 300));
    world.run(RunMode::Incremental).await;
    world.runs.shutdown().await;
    for (at, name) in names.iter().enumerate() {
        let new = if at % 2 == 0 { hourly(name) } else { definition(name) };
        world.catalog.define(new).await.unwrap();
        world.append(&events(300 + at * 20, 20));
    }
    world.stop().await
}

fn backfills(world: &World) -> Vec<RunRecord> {
    let runs = world.runs.queue().list().into_iter().rev();
    runs.filter(|run| run.backfill.is_some() && run.trigger == RunTrigger::Startup).collect()
}

#[tokio::test]
async fn backfills_that_wait_are_made_together_and_each_is_a_run() {
    let names = ["a", "b", "c", "d", "e", "f", "g"];
    let world = World::open(pending(&names).await).await;
    let runs = backfills(&world);
    assert_eq!(runs.len(), names.len());
    let mut ended = Vec::new();
    for run in &runs {
        ended.push(world.ended(&run.id).await);
    }
    for (at, run) in ended.iter().enumerate() {
        assert_eq!((run.state, run.attempt, run.progress), (RunState::Succeeded, 1, 1.0));
        assert_eq!(run.generation, ended[0].generation, "published once");
        // Each has folded what lies before its own beginning.
        let folded = events(0, 300 + at * 20);
        let days: BTreeSet<i64> = folded.iter().map(|e| e.time.div_euclid(DAY_US)).collect();
        assert_eq!((run.events, run.days), (folded.len() as u64, days.len() as u64), "{run:?}");
    }
    world.check().await;
    let audit = world.run(RunMode::Full).await.audit.unwrap();
    assert!(audit.compared > 0 && audit.differences == 0, "{audit:?}");
    world.check().await;
}

#[tokio::test]
async fn runs_that_are_due_go_between_the_parts_of_a_backfill() {
    let directory = pending(&["new"]).await;
    // A kill interrupted an incremental run: it is queued again, behind the backfill.
    let mut run = RunQueue::default().submit(RunMode::Incremental, RunTrigger::Api, None).unwrap();
    run.id = "run-00000099".to_owned();
    let storage = Storage::local(directory.path()).unwrap();
    storage.replace_document(&format!("runs/{}.json", run.id), &run).await.unwrap();
    drop(storage);
    let world = World::open(directory).await;
    let mut published = Vec::new();
    for id in ["run-00000101", "run-00000100"] {
        let run = world.ended(id).await;
        assert_eq!(run.state, RunState::Succeeded, "{run:?}");
        published.push((run.backfill.is_some(), run.generation.unwrap()));
    }
    let [(false, incremental), (true, backfill)] = published[..] else { panic!("{published:?}") };
    assert!(incremental.0 < backfill.0, "the backfill held it up: {published:?}");
    world.check().await;
}

#[tokio::test]
async fn runs_that_follow_each_other_do_not_hold_up_a_backfill() {
    let world = World::open(pending(&["new"]).await).await;
    let backfill = backfills(&world).remove(0);
    // As soon as one has ended the next one is queued.
    let queue = world.runs.queue().clone();
    let busy = tokio::spawn(async move {
        loop {
            match queue.submit(RunMode::Incremental, RunTrigger::Limit, None) {
                Ok(run) => {
                    let mut run = queue.follow(&run.id).unwrap();
                    let _ = run.wait_for(|run| run.state.is_final()).await;
                }
                Err(_) => tokio::time::sleep(Duration::from_millis(1)).await,
            }
        }
    });
    let ended = tokio::time::timeout(Duration::from_secs(60), world.ended(&backfill.id)).await;
    busy.abort();
    assert_eq!(ended.unwrap().state, RunState::Succeeded);
}

#[tokio::test]
async fn a_backfill_that_fails_fails_no_other() {
    let directory = pending(&["a", "b", "c", "d", "e"]).await;
    // The directory for the view of one of them cannot be made.
    let storage = Storage::local(directory.path()).unwrap();
    let manifests = storage.list("manifest").await.unwrap().into_iter().map(|(name, _)| name);
    let newest = manifests.max().unwrap();
    let document: serde_json::Value = storage.read_document(&newest).await.unwrap();
    let metrics = document["metrics"].as_array().unwrap();
    let broken = metrics.iter().find(|metric| metric["definition"]["name"] == "c").unwrap();
    let id: MetricId = serde_json::from_value(broken["id"].clone()).unwrap();
    let place = directory.path().join(format!("views/{id}"));
    std::fs::create_dir_all(place.parent().unwrap()).unwrap();
    std::os::unix::fs::symlink("nowhere", &place).unwrap();

    let world = World::open(directory).await;
    let runs = backfills(&world);
    assert_eq!(runs.len(), 5);
    for run in runs.iter().filter(|run| run.backfill != Some(id)) {
        assert_eq!(world.ended(&run.id).await.state, RunState::Succeeded);
    }
    let failing = runs.iter().find(|run| run.backfill == Some(id)).unwrap();
    let mut record = world.runs.queue().follow(&failing.id).unwrap();
    record.wait_for(|run| run.error.is_some()).await.unwrap();
    drop(record);
    world.check().await;
    // What was in the way is gone before its next attempt.
    std::fs::remove_file(&place).unwrap();
    let ended = world.ended(&failing.id).await;
    assert!(ended.state == RunState::Succeeded && ended.attempt > 1, "{ended:?}");
    world.check().await;
}

#[tokio::test]
async fn a_backfill_that_is_cancelled_or_deleted_leaves_the_others_alone() {
    let names = ["a", "b", "c", "d", "e", "f"];
    let world = World::open(pending(&names).await).await;
    let runs = backfills(&world);
    let cancelled = world.runs.queue().cancel(&runs[1].id, Timestamp(2_000_000));
    let deleted = world.catalog.delete("d").await;
    assert!(deleted.is_ok(), "{deleted:?}");
    for (at, run) in runs.iter().enumerate() {
        let ended = world.ended(&run.id).await;
        match (at, &cancelled) {
            (1, Ok(_)) => assert_eq!(ended.state, RunState::Cancelled, "{ended:?}"),
            _ => assert_eq!(ended.state, RunState::Succeeded, "{ended:?}"),
        }
    }
    let snapshot = world.catalog.current();
    assert!(snapshot.serving_version("d").is_none());
    let stage =
        |name: &str| snapshot.metrics.iter().find(|m| m.definition.name == name).unwrap().stage;
    for name in ["a", "c", "e", "f"] {
        assert_eq!(stage(name), LifecycleStage::Active, "{name}");
    }
    assert_eq!(stage("b") == LifecycleStage::Backfilling, cancelled.is_ok());
    world.check().await;
}

#[test]
fn backfills_are_taken_together_and_in_halves_after_they_failed() {
    let queue = RunQueue::default();
    let ids: Vec<String> = (0..5).map(|n| queue.backfill(MetricId(n))).collect();
    let full = queue.submit(RunMode::Full, RunTrigger::Api, None).unwrap();
    let now = tokio::time::Instant::now();
    let taken = |later_s| -> Vec<String> {
        let now = now + Duration::from_secs(later_s);
        let taken = queue.take(now, |_| true).unwrap_or_default();
        taken.into_iter().map(|run| run.id).collect()
    };
    assert_eq!(taken(1), ids, "and nothing that is no backfill");
    queue.requeue_halves(&ids.iter().map(|id| &**id).collect::<Vec<_>>());
    assert_eq!(taken(1), ids[..3]);
    queue.requeue_halves(&[&ids[0], &ids[1], &ids[2]]);
    // Those that were not taken yet may come with as many as before, but not with more than these.
    assert_eq!(taken(1), ids[..2]);
    queue.retry(&ids[0], now + Duration::from_secs(9));
    assert_eq!(taken(1), ids[2..4]);
    assert_eq!(taken(1), ids[4..]);
    assert_eq!(taken(1), [full.id]);
    assert_eq!(taken(1), [""; 0]);
    assert_eq!(taken(9), ids[..1]);
}

#[derive(Clone, Debug)]
enum Act {
    Append(Vec<(i64, u8, Option<i32>)>),
    Run(RunMode),
    Define(bool),
    Restart,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let event = (-400_i64..400, 0_u8..4, prop::option::of(-1000..1000));
    let act = prop_oneof![
        5 => prop::collection::vec(event, 0..60).prop_map(Act::Append),
        3 => Just(Act::Run(RunMode::Incremental)),
        1 => Just(Act::Run(RunMode::Full)),
        1 => any::<bool>().prop_map(Act::Define),
        1 => Just(Act::Restart),
    ];
    prop::collection::vec(act, 1..14)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn any_sequence_of_events_runs_definitions_and_restarts_is_exact(acts in acts()) {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut world = World::new().await;
            let mut made = 0;
            for act in acts {
                match act {
                    Act::Append(rows) => {
                        let events: Vec<Event> = rows
                            .into_iter()
                            .map(|(hour, kind, amount)| {
                                made += 1;
                                let amount = amount.map_or("\"x\"".into(), |a| a.to_string());
                                let text = format!(r#"{{"kind":{kind},"amount":{amount}}}"#);
                                let time = hour * DAY_US / 24 + made;
                                merganser_core::testing::event("sale", time, Some(&text))
                            })
                            .collect();
                        world.append(&events);
                    }
                    Act::Run(mode) => {
                        let run = loop {
                            match world.runs.queue().submit(mode, RunTrigger::Api, None) {
                                Ok(run) => break run,
                                Err(busy) => { world.ended(&busy.id).await; }
                            }
                        };
                        let run = world.ended(&run.id).await;
                        assert_eq!(run.state, RunState::Succeeded, "{run:?}");
                        assert_eq!(run.audit.unwrap().differences, 0, "{run:?}");
                    }
                    Act::Define(hours) => {
                        let new = if hours { hourly("m") } else { definition("m") };
                        world.catalog.define(new).await.unwrap();
                    }
                    Act::Restart => world = world.restart().await,
                }
                world.check().await;
            }
            world.runs.shutdown().await;
        });
    }
}
