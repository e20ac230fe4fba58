//! Parts to serve from, in memory: one list of events, cut into a batch view and a speed view.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex};

use arrow::array::{AsArray, RecordBatch};
use arrow::compute::filter_record_batch;
use arrow::datatypes::TimestampMicrosecondType;
use async_trait::async_trait;
use futures::{StreamExt, stream};
use merganser_core::access::{KeyChange, KeyError};
use merganser_core::clock::ManualClock;
use merganser_core::event::{Event, EventBatch, EventOffsets};
use merganser_core::ids::{Boundary, Epoch, Generation, JournalId, MetricId, Offset};
use merganser_core::journal::Journal;
use merganser_core::omissions::MetricOmissions;
use merganser_core::testing::MemoryJournal;
use merganser_core::time::{Grain, TimeRange, Timestamp};
use merganser_metric::catalog::{
    Catalog, CatalogError, CatalogSnapshot, DefineOutcome, LifecycleStage, MetricVersion, ViewFile,
};
use merganser_metric::compile::Metric;
use merganser_metric::definition::{MetricDefinition, from_json};
use merganser_metric::extract::PropertyExtractor;
use merganser_metric::table::StateTable;
use merganser_metric::views::{
    BatchReadRequest, BatchViewStream, BatchViews, SpeedReadRequest, SpeedViewError, SpeedViewLag,
    SpeedViewStates, SpeedViews, StoreFailure,
};
use tokio::sync::{RwLock, watch};

use crate::calendar::ZoneCache;
use crate::serve::{ServingLayer, ServingSettings};
use crate::subscriptions::QuerySubscriptions;

/// Everything that a serving layer stands on.
#[derive(Debug)]
pub(crate) struct World {
    snapshots: watch::Sender<Arc<CatalogSnapshot>>,
    journal: Arc<MemoryJournal>,
    /// The batch view's rows: a base and a delta.
    files: [RecordBatch; 2],
    /// The speed view's rows: an epoch that is over and one that is open.
    epochs: [RecordBatch; 2],
    /// What could not be used of the speed view's events.
    omissions: MetricOmissions,
    /// What the next reads of the speed view fail with.
    pub(crate) failures: Mutex<VecDeque<SpeedViewError>>,
    /// What the speed view says that it lacks.
    pub(crate) missing: Mutex<Vec<String>>,
    pub(crate) lag: Mutex<SpeedViewLag>,
    /// Why the speed store fails.
    pub(crate) failure: Mutex<Option<StoreFailure>>,
    /// Held for writing, it holds reads of the speed view up.
    pub(crate) gate: RwLock<()>,
    /// Reads of the speed view.
    pub(crate) speed_reads: AtomicUsize,
    /// How far the speed view's states may reach beyond its position.
    pub(crate) ahead: AtomicU64,
    pub(crate) defined: Mutex<Vec<MetricDefinition>>,
    pub(crate) batch_reads: Mutex<Vec<BatchReadRequest>>,
}

pub(crate) fn metric(definition: &str) -> MetricVersion {
    let definition = from_json(definition.as_bytes()).unwrap();
    let compiled = Arc::new(Metric::compile(&definition).unwrap());
    version(definition, compiled)
}

pub(crate) fn version(definition: MetricDefinition, compiled: Arc<Metric>) -> MetricVersion {
    MetricVersion {
        id: MetricId(1),
        version: 1,
        stage: LifecycleStage::Active,
        boundary: Boundary::default(),
        compiled,
        definition,
        files: Vec::new(),
        mismatches: 0,
        omissions: MetricOmissions::default(),
    }
}

/// The states of `events[range]`, whose offsets are their places in `events`.
fn fold(metric: &Metric, events: &[Event], range: Range<usize>) -> (StateTable, MetricOmissions) {
    let places = EventOffsets::consecutive(Offset(range.start as u64), range.len());
    let events: EventBatch = events[range].iter().cloned().collect();
    let extracted = PropertyExtractor::new(metric.properties().cloned()).extract(&events, places);
    let mut table = StateTable::new(metric.layout());
    let folded = metric.fold(&mut table, &extracted, usize::MAX).unwrap();
    (table, folded.omissions)
}

fn times(rows: &RecordBatch) -> Vec<i64> {
    rows.column(0).as_primitive::<TimestampMicrosecondType>().values().to_vec()
}

fn within(rows: &RecordBatch, range: TimeRange) -> RecordBatch {
    let mask = times(rows).into_iter().map(|time| Some(range.contains(Timestamp(time)))).collect();
    filter_record_batch(rows, &mask).unwrap()
}

impl World {
    /// A world in which the first `split` events are in the batch view.
    pub(crate) fn new(mut metric: MetricVersion, events: Vec<Event>, split: usize) -> Arc<Self> {
        metric.boundary = Boundary { epoch: Epoch(3), offset: Offset(split as u64) };
        let fold = |range| fold(&metric.compiled, &events, range);
        let (table, omitted) = fold(0..split);
        let grain = metric.compiled.grain();
        if let Some((first, last)) = table.span() {
            metric.files = vec![ViewFile {
                path: "view".into(),
                grain,
                range: TimeRange { from: first, to: Timestamp(last.0 + grain.micros()) },
                from: Boundary::default(),
                to: metric.boundary,
                rows: table.len() as u64,
                size_bytes: 0,
                checksum: None,
            }];
        }
        let applied = Offset(events.len() as u64);
        let files = [0..split / 2, split / 2..split].map(|range| fold(range).0.emit_all());
        let open = split + (events.len() - split) / 3;
        let epochs = [split..open, open..events.len()].map(|range| fold(range).0.emit_all());
        let omissions = fold(split..events.len()).1;
        metric.omissions = omitted;
        let journal = MemoryJournal::new(1);
        if !events.is_empty() {
            journal.append(&events.iter().cloned().collect()).unwrap();
        }
        Arc::new(Self {
            omissions,
            files,
            epochs,
            snapshots: watch::Sender::new(snapshot(1, [metric])),
            journal: Arc::new(journal),
            failures: Mutex::default(),
            missing: Mutex::default(),
            lag: Mutex::new(SpeedViewLag { applied, ..SpeedViewLag::default() }),
            failure: Mutex::default(),
            gate: RwLock::default(),
            speed_reads: AtomicUsize::new(0),
            ahead: AtomicU64::new(0),
            defined: Mutex::default(),
            batch_reads: Mutex::default(),
        })
    }

    /// What the routes need.
    pub(crate) fn subscriptions(self: &Arc<Self>) -> Arc<QuerySubscriptions> {
        Arc::new(QuerySubscriptions::new(self.serving(ServingSettings::default())))
    }

    pub(crate) fn serving(self: &Arc<Self>, settings: ServingSettings) -> Arc<ServingLayer> {
        static ZONES: LazyLock<Arc<ZoneCache>> = LazyLock::new(Arc::default);
        let clock = ManualClock::at(NOW);
        let mut serving = ServingLayer::new(
            settings,
            Arc::clone(self) as Arc<dyn Catalog>,
            Arc::clone(self) as Arc<dyn BatchViews>,
            Arc::clone(self) as Arc<dyn SpeedViews>,
            Arc::clone(&self.journal) as Arc<dyn Journal>,
            clock,
        );
        // Looking a zone up takes a while.
        serving.zones = Arc::clone(&ZONES);
        Arc::new(serving)
    }

    /// Publishes another generation.
    pub(crate) fn publish(&self, metric: MetricVersion) {
        self.publish_all([metric]);
    }

    /// The same of several versions.
    pub(crate) fn publish_all(&self, metrics: impl IntoIterator<Item = MetricVersion>) {
        let generation = self.snapshots.borrow().generation.0 + 1;
        self.snapshots.send_replace(snapshot(generation, metrics));
    }
}

/// 2013-04-05T06:07:08Z
pub(crate) const NOW: Timestamp = Timestamp(1_365_142_028_000_000);

fn snapshot(
    generation: u64,
    metrics: impl IntoIterator<Item = MetricVersion>,
) -> Arc<CatalogSnapshot> {
    Arc::new(CatalogSnapshot {
        generation: Generation(generation),
        journal: id(),
        published_at: NOW,
        archived: Boundary::default(),
        metrics: metrics.into_iter().map(Arc::new).collect(),
        keys: Arc::default(),
    })
}

fn id() -> JournalId {
    JournalId::try_from("00000000-0000-0000-0000-000000000001".to_owned()).unwrap()
}

impl BatchViews for World {
    fn read(
        &self,
        _: &CatalogSnapshot,
        metric: &MetricVersion,
        read: BatchReadRequest,
    ) -> BatchViewStream {
        assert!(read.grain >= metric.compiled.grain());
        assert_eq!(read.grain.floor(read.range.from), read.range.from, "{read:?}");
        let layout = metric.compiled.layout();
        let mut columns = vec![0];
        columns.extend(read.columns.dimensions.iter().map(|at| 1 + at));
        columns.extend(read.columns.states.iter().map(|at| 1 + layout.dimensions.len() + at));
        let files = self.files.iter().filter(|_| !metric.files.is_empty()).map(|rows| {
            let mut rollup = StateTable::new(layout);
            let floor = |time: &i64| read.grain.floor(Timestamp(*time)).0;
            let starts: Vec<i64> = times(rows).iter().map(floor).collect();
            rollup.merge_at(&starts, rows).unwrap();
            within(&rollup.emit_all(), read.range).project(&columns).unwrap()
        });
        let files: Vec<RecordBatch> = files.collect();
        self.batch_reads.lock().unwrap().push(read);
        stream::iter(files).map(Ok).boxed()
    }
}

#[async_trait]
impl SpeedViews for World {
    fn kind(&self) -> &'static str {
        "memory"
    }

    async fn read(
        &self,
        metric: &MetricVersion,
        read: SpeedReadRequest,
    ) -> Result<SpeedViewStates, SpeedViewError> {
        self.speed_reads.fetch_add(1, Ordering::SeqCst);
        let _open = self.gate.read().await;
        if let Some(failure) = self.failures.lock().unwrap().pop_front() {
            return Err(failure);
        }
        assert_eq!(read.from, metric.boundary.epoch);
        let states = self.epochs.iter().map(|rows| within(rows, read.range));
        let through = self.journal.end();
        Ok(SpeedViewStates {
            through,
            reach: through.plus(self.ahead.load(Ordering::SeqCst)),
            states: states.filter(|rows| rows.num_rows() > 0).collect(),
            missing: self.missing.lock().unwrap().clone(),
            omissions: self.omissions.clone(),
        })
    }

    fn failure(&self) -> Option<StoreFailure> {
        self.failure.lock().unwrap().clone()
    }

    fn lag(&self, _: MetricId) -> SpeedViewLag {
        *self.lag.lock().unwrap()
    }

    async fn wait_applied(&self, offset: Offset, _: std::time::Duration) -> bool {
        offset <= self.journal.end()
    }

    fn mismatches(&self, _: MetricId) -> u64 {
        2
    }

    fn groups(&self, _: MetricId) -> u64 {
        5
    }
}

#[async_trait]
impl Catalog for World {
    fn current(&self) -> Arc<CatalogSnapshot> {
        Arc::clone(&self.snapshots.borrow())
    }

    fn subscribe(&self) -> watch::Receiver<Arc<CatalogSnapshot>> {
        self.snapshots.subscribe()
    }

    async fn define(&self, definition: MetricDefinition) -> Result<DefineOutcome, CatalogError> {
        let compiled = Arc::new(Metric::compile(&definition)?);
        let current = self.current();
        let before = &current.metrics[0];
        self.defined.lock().unwrap().push(definition.clone());
        if before.definition == definition {
            return Ok(DefineOutcome::Unchanged);
        }
        if before.definition.name == definition.name {
            return Ok(DefineOutcome::Accepted { run: "r1".into() });
        }
        let new =
            MetricVersion { compiled, ..metric(&serde_json::to_string(&definition).unwrap()) };
        self.publish(new);
        Ok(DefineOutcome::Accepted { run: "r2".into() })
    }

    async fn delete(&self, _: &str) -> Result<(), CatalogError> {
        Ok(())
    }

    async fn change_keys(&self, _: KeyChange) -> Result<(), KeyError> {
        Ok(())
    }

    fn backfill_progress(&self, _: MetricId) -> Option<f64> {
        Some(0.25)
    }
}

/// Whether a rollup of the batch view was read.
pub(crate) fn read_of(world: &World, grain: Grain) -> bool {
    world.batch_reads.lock().unwrap().iter().any(|read| read.grain == grain)
}
