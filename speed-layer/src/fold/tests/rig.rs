//! A service with everything around it, and the oracle beside it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use merganser_core::clock::ManualClock;
use merganser_core::event::EventBatch;
use merganser_core::ids::{Boundary, Epoch, Generation, MetricId, Offset};
use merganser_core::journal::{CommittedBatch, Journal};
use merganser_core::omissions::MetricOmissions;
use merganser_core::testing::MemoryJournal;
use merganser_core::time::{TimeRange, Timestamp};
use merganser_metric::catalog::{CatalogSnapshot, LifecycleStage, MetricVersion};
use merganser_metric::compile::Metric;
use merganser_metric::definition::from_json;
use merganser_metric::views::{SpeedReadRequest, SpeedViewError, SpeedViewStates, SpeedViews};
use tokio::sync::{mpsc, watch};

use super::oracle::{self, Amount, Counted, DEFINITIONS, Seen};
use super::parts::FakeCatalog;
use crate::fold::{SpeedHandle, SpeedLayer, SpeedSettings};
use crate::store::SpeedStore;

const PATIENCE: Duration = Duration::from_secs(30);

pub(super) fn settings() -> SpeedSettings {
    SpeedSettings {
        flush_interval: Duration::from_millis(5),
        retire_grace: Duration::from_millis(150),
        look_interval: Duration::from_millis(50),
        read_patience: Duration::from_secs(20),
        ..SpeedSettings::default()
    }
}

/// A metric and where it begins.
#[derive(Clone, Copy, Debug)]
pub(super) struct Defined {
    pub(super) definition: usize,
    pub(super) boundary: Boundary,
}

/// See the module's text.
pub(super) struct Rig {
    pub(super) settings: SpeedSettings,
    pub(super) journal: Arc<MemoryJournal>,
    pub(super) catalog: Arc<FakeCatalog>,
    pub(super) store: Arc<dyn SpeedStore>,
    pub(super) clock: Arc<ManualClock>,
    pub(super) feed: Option<mpsc::Sender<Arc<CommittedBatch>>>,
    pub(super) handle: SpeedHandle,
    pub(super) metrics: BTreeMap<MetricId, Defined>,
    /// Every event with its epoch.
    pub(super) events: Vec<(Epoch, Seen)>,
    generation: u64,
}

fn snapshot(
    journal: &MemoryJournal,
    metrics: &BTreeMap<MetricId, Defined>,
    number: u64,
) -> CatalogSnapshot {
    let version = |(id, defined): (&MetricId, &Defined)| {
        let definition = from_json(DEFINITIONS[defined.definition].as_bytes()).unwrap();
        Arc::new(MetricVersion {
            id: *id,
            version: 1,
            stage: LifecycleStage::Active,
            boundary: defined.boundary,
            compiled: Arc::new(Metric::compile(&definition).unwrap()),
            definition,
            files: Vec::new(),
            mismatches: 0,
            omissions: MetricOmissions::default(),
        })
    };
    CatalogSnapshot {
        generation: Generation(number),
        journal: journal.id(),
        published_at: Timestamp(0),
        archived: Boundary::default(),
        metrics: metrics.iter().map(version).collect(),
        keys: Arc::default(),
    }
}

async fn launch(
    settings: &SpeedSettings,
    journal: &Arc<MemoryJournal>,
    catalog: &Arc<FakeCatalog>,
    store: &Arc<dyn SpeedStore>,
    clock: &Arc<ManualClock>,
) -> (mpsc::Sender<Arc<CommittedBatch>>, SpeedHandle) {
    let (sender, feed) = mpsc::channel(16);
    let (journal, catalog) = (Arc::clone(journal) as Arc<_>, Arc::clone(catalog) as Arc<_>);
    let (store, clock) = (Arc::clone(store), Arc::clone(clock) as Arc<_>);
    let handle = SpeedLayer::start(settings.clone(), journal, catalog, store, clock, feed).await;
    (sender, handle.unwrap())
}

impl Rig {
    /// Starts with these definitions, from the beginning of an empty journal.
    pub(super) async fn start(store: Arc<dyn SpeedStore>, definitions: &[usize]) -> Self {
        Self::start_with(store, definitions, settings()).await
    }

    pub(super) async fn start_with(
        store: Arc<dyn SpeedStore>,
        definitions: &[usize],
        settings: SpeedSettings,
    ) -> Self {
        let journal = Arc::new(MemoryJournal::new(77));
        let boundary = Boundary::default();
        let metrics = definitions.iter().enumerate().map(|(n, definition)| {
            (MetricId(n as u64 + 1), Defined { definition: *definition, boundary })
        });
        let metrics = metrics.collect();
        let first = Arc::new(snapshot(&journal, &metrics, 1));
        let catalog = Arc::new(FakeCatalog(watch::Sender::new(first)));
        let clock = ManualClock::at(Timestamp(5_000_000));
        let (feed, handle) = launch(&settings, &journal, &catalog, &store, &clock).await;
        handle.ready().await.unwrap();
        Self {
            settings,
            journal,
            catalog,
            store,
            clock,
            feed: Some(feed),
            handle,
            metrics,
            events: Vec::new(),
            generation: 1,
        }
    }

    /// Ends the service and waits until it has.
    pub(super) async fn stop(&mut self) {
        self.feed = None;
        self.handle.ended().await.unwrap();
    }

    /// Ends the service and starts another one.
    pub(super) async fn restart(&mut self) {
        self.stop().await;
        self.start_again().await;
    }

    pub(super) async fn start_again(&mut self) {
        let (feed, handle) =
            launch(&self.settings, &self.journal, &self.catalog, &self.store, &self.clock).await;
        (self.feed, self.handle) = (Some(feed), handle);
        self.handle.ready().await.unwrap();
    }

    /// Appends events without the service being tallies.
    pub(super) fn append(&mut self, events: &[Seen]) -> Arc<CommittedBatch> {
        let number = self.events.len() as u64;
        let batch: EventBatch =
            events.iter().enumerate().map(|(n, event)| event.event(number + n as u64)).collect();
        let batch = self.journal.append(&batch).unwrap();
        self.events.extend(events.iter().map(|event| (batch.epoch, event.clone())));
        batch
    }

    /// Appends events and feeds them. Returns the position after them.
    pub(super) async fn send(&mut self, events: &[Seen]) -> Offset {
        let batch = self.append(events);
        let end = batch.end();
        self.feed.as_ref().unwrap().send(batch).await.unwrap();
        end
    }

    /// Says what the catalog has now.
    pub(super) fn publish(&mut self) {
        self.generation += 1;
        let next = Arc::new(snapshot(&self.journal, &self.metrics, self.generation));
        self.catalog.0.send_replace(next);
    }

    pub(super) fn version(&self, id: MetricId) -> Arc<MetricVersion> {
        Arc::clone(self.catalog.0.borrow().by_id(id).unwrap())
    }

    /// Reads a metric from an epoch on.
    pub(super) async fn read(
        &self,
        id: MetricId,
        from: Epoch,
    ) -> Result<SpeedViewStates, SpeedViewError> {
        let read = SpeedReadRequest { from, to: None, range: TimeRange::ALL, columns: None };
        self.handle.read(&self.version(id), read).await
    }

    /// What the oracle counts of a metric from an epoch on.
    pub(super) fn expected(&self, id: MetricId, from: Epoch) -> Counted {
        let events = self.events.iter().filter(|(epoch, _)| *epoch >= from);
        oracle::count(self.metrics[&id].definition, events.map(|(_, event)| event))
    }

    /// Waits until everything is applied, and compares every metric with the oracle.
    pub(super) async fn check(&self) {
        let end = self.journal.end();
        assert!(self.handle.wait_applied(end, PATIENCE).await, "not applied up to {end}");
        for (id, defined) in &self.metrics {
            let from = defined.boundary.epoch;
            let part = self.read(*id, from).await.unwrap();
            assert_eq!(part.through, end);
            assert_eq!(
                oracle::read_states(defined.definition, &part.states),
                self.expected(*id, from)
            );
            assert_eq!(part.missing, Vec::<String>::new());
            let own = SpeedReadRequest { from, to: None, range: TimeRange::ALL, columns: None };
            let own = self.handle.read_local(&self.version(*id), own).await.unwrap();
            assert_eq!(own.through, end);
            assert_eq!(
                oracle::read_states(defined.definition, &own.states),
                self.expected(*id, from)
            );
            // A store that was emptied may be found so only now; then the view is written anew.
            let is_up = async || self.handle.lag(*id).applied == end;
            until("the view's lag", is_up).await;
            let events = self.events.iter().filter(|(epoch, _)| *epoch >= from);
            let mismatches = oracle::mismatches(defined.definition, events.map(|(_, e)| e));
            assert_eq!(self.handle.mismatches(*id), mismatches);
            assert_eq!(part.omissions, own.omissions);
            let uses = part.omissions.uses.values();
            let tallies = uses.flat_map(|omitted| omitted.mismatched.values());
            // Some use of each is made of all its events.
            assert_eq!(tallies.map(|tally| tally.count).max().unwrap_or(0), mismatches);
        }
    }
}

/// Some event, made from a number.
pub(super) fn seen(number: u64) -> Seen {
    // A fixed, well mixed function of the number (splitmix64, Steele et al. 2014).
    let mut mixed = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^= mixed >> 31;
    let mut take = |of: u64| {
        let taken = mixed % of;
        mixed /= of;
        taken
    };
    Seen {
        kind: ["buy", "buy", "view", "other"][take(4) as usize],
        minute: take(4000) as i64 - 2000,
        country: [Some("de"), Some("fr"), Some("ü\\\""), None][take(4) as usize],
        plan: [Some("pro"), Some(""), None][take(3) as usize],
        amount: match take(5) {
            0 => Amount::Missing,
            1 => Amount::Text,
            _ => Amount::Number(take(120) as i64 - 30),
        },
        subject: [None, Some(take(9) as u8)][take(2) as usize],
    }
}

/// Some events.
pub(super) fn some(from: u64, count: u64) -> Vec<Seen> {
    (from..from + count).map(seen).collect()
}

/// Waits until something is so.
pub(super) async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while !is_so().await {
        assert!(tokio::time::Instant::now() < deadline, "{what}: not in time");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
