//! The steps that an event goes through, each by itself, on a month of real flights:
//! `cargo bench --workspace --bench micro`.
#![allow(missing_docs, clippy::unwrap_used, reason = "a benchmark ends by panicking")]

mod intake;
mod store;

use std::io::Read;
use std::sync::{Arc, LazyLock};

use batch_layer::journal::{FileJournal, JournalSettings};
use batch_layer::manifest::MasterFile;
use batch_layer::recompute::{MasterPart, Recomputation, RecomputeTarget};
use batch_layer::storage::Storage;
use batch_layer::{audit, master, view};
use chrono::DateTime;
use divan::{Bencher, counter::ItemsCount};
use merganser_core::event::{Event, EventBatch, EventOffsets};
use merganser_core::ids::{Boundary, Epoch, Offset};
use merganser_core::journal::{CommittedBatch, Journal};
use merganser_core::time::{DAY_US, Grain, TimeRange, Timestamp};
use merganser_metric::compile::Metric;
use merganser_metric::definition;
use merganser_metric::extract::{ExtractedEvents, PropertyExtractor};
use merganser_metric::table::StateTable;
use serde_json::value::RawValue;
use tokio::runtime::Runtime;

/// The service's.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Events of a request.
const BATCH: usize = 1000;

#[derive(serde::Deserialize)]
struct Flight<'a> {
    id: String,
    event: String,
    time: String,
    #[serde(borrow)]
    properties: &'a RawValue,
}

fn main() {
    divan::main();
}

/// The month, a flight a line.
static MONTH: LazyLock<String> = LazyLock::new(|| {
    let file = std::fs::File::open(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/data/flights-2013-01.ndjson.gz"
    ));
    let mut text = String::new();
    flate2::read::GzDecoder::new(file.unwrap()).read_to_string(&mut text).unwrap();
    text
});

/// The month, in one batch.
static EVENTS: LazyLock<EventBatch> = LazyLock::new(|| MONTH.lines().map(event).collect());

fn event(line: &str) -> Event {
    let flight: Flight<'_> = serde_json::from_str(line).unwrap();
    Event {
        id: flight.id,
        content: Some(line.len() as u64),
        event: flight.event,
        time: DateTime::parse_from_rfc3339(&flight.time).unwrap().timestamp_micros(),
        arrived: 0,
        subject: None,
        properties: Some(flight.properties.get().to_owned()),
    }
}

const SAMPLE: &str = include_str!("../../tests/data/flights.toml");

static METRIC: LazyLock<Arc<Metric>> = LazyLock::new(|| {
    let definition = definition::from_toml(SAMPLE).unwrap().remove(0);
    Arc::new(Metric::compile(&definition).unwrap())
});

fn extracted(events: &EventBatch) -> ExtractedEvents {
    let extractor = PropertyExtractor::new(METRIC.properties().cloned());
    extractor.extract(events, EventOffsets::consecutive(Offset::ZERO, events.len()))
}

fn folded() -> StateTable {
    let mut table = StateTable::new(METRIC.layout());
    METRIC.fold(&mut table, &extracted(&EVENTS), usize::MAX).unwrap();
    table
}

fn all() -> ItemsCount {
    ItemsCount::new(EVENTS.len())
}

fn sealed() -> (Boundary, Boundary) {
    let end = Boundary { epoch: Epoch(1), offset: Offset(EVENTS.len() as u64) };
    (Boundary::default(), end)
}

fn committed() -> CommittedBatch {
    merganser_core::testing::committed(Offset::ZERO, EVENTS.clone())
}

/// A place for files, and threads for what is asynchronous.
struct Disk {
    runtime: Runtime,
    storage: Storage,
    _directory: tempfile::TempDir,
}

impl Disk {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let storage = Storage::local(directory.path()).unwrap();
        Self { runtime: Runtime::new().unwrap(), storage, _directory: directory }
    }

    fn archive(&self) -> Vec<MasterFile> {
        let columns = PropertyExtractor::new(METRIC.properties().cloned());
        let events = [committed()];
        self.runtime.block_on(master::archive(&self.storage, &events, &columns, sealed())).unwrap()
    }
}

/// Properties out of the text of a request's events.
#[divan::bench]
fn read_properties(bencher: Bencher<'_, '_>) {
    let events = EVENTS.slice(0, BATCH);
    bencher.counter(ItemsCount::new(BATCH)).bench(|| extracted(&events));
}

/// A request's events, durably.
#[divan::bench]
fn append_to_the_journal(bencher: Bencher<'_, '_>) {
    let directory = tempfile::tempdir().unwrap();
    let journal = FileJournal::open(directory.path(), JournalSettings::default()).unwrap();
    journal.claim().unwrap();
    let events = EVENTS.slice(0, BATCH);
    bencher.counter(ItemsCount::new(BATCH)).bench(|| journal.append(&events).unwrap());
}

/// Into the states of the sample metric: nearly every event is a group of its own.
#[divan::bench]
fn fold(bencher: Bencher<'_, '_>) {
    let extracted = extracted(&EVENTS);
    bencher.counter(all()).with_inputs(|| StateTable::new(METRIC.layout())).bench_values(
        |mut table| {
            METRIC.fold(&mut table, &extracted, usize::MAX).unwrap();
            table
        },
    );
}

/// As groups of the speed view or a view's file are merged into an answer.
#[divan::bench]
fn merge_stored_states(bencher: Bencher<'_, '_>) {
    let stored = folded().emit_all();
    bencher.counter(ItemsCount::new(stored.num_rows())).bench(|| {
        let mut table = StateTable::new(METRIC.layout());
        table.merge(&stored).unwrap();
        table
    });
}

#[divan::bench]
fn roll_up_to_days(bencher: Bencher<'_, '_>) {
    let table = folded();
    let groups = ItemsCount::new(table.len());
    bencher.counter(groups).bench(|| view::rollup(&table, METRIC.layout(), Grain::Day).unwrap());
}

#[divan::bench]
fn compare_tables(bencher: Bencher<'_, '_>) {
    let (made, served) = (folded(), folded());
    bencher.counter(ItemsCount::new(made.len())).bench(|| audit::compare(&made, &served));
}

/// Into the master dataset.
#[divan::bench]
fn archive(bencher: Bencher<'_, '_>) {
    let disk = Disk::new();
    bencher.counter(all()).bench(|| disk.archive());
}

/// The states of the sample metric out of the master dataset, in one thread.
#[divan::bench]
fn recompute_states(bencher: Bencher<'_, '_>) {
    let disk = Disk::new();
    let files = disk.archive();
    let range = files.iter().map(|file| (file.first_day, file.last_day()));
    let (from, to) = range.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1))).unwrap();
    let range = TimeRange { from: Timestamp(from * DAY_US), to: Timestamp((to + 1) * DAY_US) };
    let events = files.iter().map(|file| file.rows as f64).sum();
    let work = async || {
        let to = files.iter().map(|file| file.to).max().unwrap();
        let wanted = [RecomputeTarget { metric: Arc::clone(&METRIC), to }];
        let part = MasterPart { range, files: files.clone(), events };
        let new = Recomputation::new(&disk.storage, &wanted, &part, 1);
        let mut recomputation = new.unwrap();
        let mut groups = 0;
        while recomputation.next().await.unwrap().is_some() {
            groups += recomputation.states(0).unwrap().len();
        }
        groups
    };
    bencher.counter(all()).bench(|| disk.runtime.block_on(work()));
}
