//! One answer from beginning to end: snapshot → plan → batch states ⊕ speed states → rows.
//!
//! The snapshot is held until the answer is built, so that nothing it names is deleted meanwhile.
//! Its boundary cuts the journal in two: the batch view covers the epochs below, and the speed view
//! those from it on. When the speed view has given up epochs that a newer snapshot
//! covers, the answer begins anew with that one; parts of two snapshots never meet.
//!
//! Rows are [`cached_result`] once and kept until a newer generation comes or more is applied to
//! the speed view: an equal query before that would get the same ones.

mod admission;
mod awaited_position;
mod cached_result;
mod estimate;
mod explain;
mod explained_query;
mod extent;
mod fair_limiter;
mod fair_queue;
mod metric_warnings;
mod preview;
mod property_names;
mod property_summary;
mod provenance;
mod query_context;
mod read;
mod read_trace;
mod recent_events;
#[cfg(test)]
mod tests;
mod visibility;
mod windows;

use merganser_api::status::ServiceStatus;
use merganser_core::blocking::run_blocking;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono_tz::Tz;
use merganser_api::request::CallerId;
use merganser_core::clock::Clock;
use merganser_core::ids::{Generation, Offset};
use merganser_core::journal::Journal;
use merganser_core::time::Timestamp;
use merganser_metric::catalog::{Catalog, CatalogSnapshot, MetricVersion};
use merganser_metric::views::{BatchViews, SpeedViewLag, SpeedViews};
use tokio::time::timeout;

use crate::answer::QueryAnswer;
use crate::cache::GenerationCache;
use crate::calendar::{ZoneCache, ZoneOffsets};
use crate::error::ServingError;
use crate::instruments::{QueryEnd, QueryInstruments};
use crate::memory::{MemoryAccount, MemoryNeed, QueryMemory};
use crate::merge::HeldTable;
use crate::query::Query;
use crate::query::resolve::{RangeEdges, edges};
use admission::{PreparedQuery, QueryAdmission};
use cached_result::{CachedResult, QueryTimes, ResultKey};
pub(crate) use fair_queue::PermitRequest;
pub(crate) use preview::MetricPreview;
use property_names::PropertyNames;
pub(crate) use property_summary::PATHS_MAX;
pub(crate) use query_context::QueryContext;
use read::{AttemptError, BatchPartKey};
pub use recent_events::RECENT_EVENTS_MAX;
use visibility::FilterFitCache;

/// How long is waited for a newer snapshot, or for a speed view that comes up, before the next try.
const PAUSE: Duration = Duration::from_millis(25);
/// How long is tried to reach a speed view that is away.
const AWAY_MAX: Duration = Duration::from_secs(1);

/// Bounds of the serving layer.
#[derive(Clone, Copy, Debug)]
pub struct ServingSettings {
    /// Memory for all answers: while they are made and written, and while they are kept. A quarter
    /// of it is for merged batch parts that are kept, a sixteenth for answers.
    pub memory_bytes: usize,
    /// Groups in an answer before `limit`.
    pub groups_max: usize,
    /// Queries that are answered at a time.
    pub queries_max: usize,
    /// Rows that a query which needs little reads or fills at most.
    pub little_rows: u64,
    /// Time for a query, the wait for its permit included.
    pub timeout: Duration,
    /// Time that `after` waits.
    pub after_timeout: Duration,
    /// Lag of the speed view up to which an answer counts as complete.
    pub lag_max: Duration,
    /// Tries when views move on while they are read.
    pub tries: usize,
}

impl Default for ServingSettings {
    fn default() -> Self {
        Self {
            memory_bytes: 1 << 30,
            groups_max: 2_000_000,
            queries_max: 64,
            // A few milliseconds.
            little_rows: 20_000,
            timeout: Duration::from_secs(30),
            after_timeout: Duration::from_secs(10),
            lag_max: Duration::from_secs(2),
            tries: 20,
        }
    }
}

/// Where a query stands at present.
struct PinnedQuery<'a> {
    snapshot: &'a Arc<CatalogSnapshot>,
    metric: &'a Arc<MetricVersion>,
    /// What the batch part does not have.
    missing: Vec<String>,
    now: Timestamp,
    zone: Arc<ZoneOffsets>,
    edges: RangeEdges,
    times: QueryTimes,
    lag: SpeedViewLag,
    asked: ResultKey,
}

/// What an answer depends on at present. See [`ServingLayer::stamp`].
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct AnswerStamp {
    generation: Generation,
    asked: ResultKey,
    missing: Vec<String>,
    applied: Offset,
    owed: Offset,
    is_late: bool,
    /// The base bucket of the time: the answer's last bucket may end with it, as the answer says.
    bucket: Timestamp,
}

/// Fills in the status of parts that the serving layer does not know.
pub type StatusSource = Arc<dyn Fn(&mut ServiceStatus) + Send + Sync>;

/// The serving layer.
pub struct ServingLayer {
    pub(crate) settings: ServingSettings,
    pub(crate) catalog: Arc<dyn Catalog>,
    pub(crate) batch: Arc<dyn BatchViews>,
    pub(crate) speed: Arc<dyn SpeedViews>,
    pub(crate) journal: Arc<dyn Journal>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) started_at: Timestamp,
    /// The same, for how long that is ago.
    pub(crate) begun: Instant,
    pub(crate) status: Option<StatusSource>,
    pub(crate) zones: Arc<ZoneCache>,
    pub(crate) names: PropertyNames,
    pub(crate) memory: QueryMemory,
    pub(crate) admission: QueryAdmission,
    /// The memory of merged batch parts, which outlives the queries that made them.
    kept: MemoryAccount,
    parts: GenerationCache<BatchPartKey, HeldTable>,
    answers: GenerationCache<ResultKey, CachedResult>,
    fits: FilterFitCache,
    instruments: QueryInstruments,
}

impl std::fmt::Debug for ServingLayer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Serving").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl ServingLayer {
    /// A serving layer over these parts.
    #[must_use]
    pub fn new(
        settings: ServingSettings,
        catalog: Arc<dyn Catalog>,
        batch: Arc<dyn BatchViews>,
        speed: Arc<dyn SpeedViews>,
        journal: Arc<dyn Journal>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let started_at = clock.now();
        let memory = QueryMemory::new(settings.memory_bytes);
        Self {
            started_at,
            begun: Instant::now(),
            kept: memory
                .account(&CallerId::key("what is kept for later queries"), MemoryNeed::Much),
            memory,
            parts: GenerationCache::new("parts", settings.memory_bytes / 4),
            answers: GenerationCache::new("answers", settings.memory_bytes / 16),
            admission: QueryAdmission::new(&settings),
            instruments: QueryInstruments::new(settings.queries_max, started_at),
            zones: Arc::default(),
            names: PropertyNames::default(),
            fits: FilterFitCache::default(),
            status: None,
            settings,
            catalog,
            batch,
            speed,
            journal,
            clock,
        }
    }

    /// Adds fields to the status page.
    #[must_use]
    pub fn with_status(mut self, source: StatusSource) -> Self {
        self.status = Some(source);
        self
    }

    /// Bytes of merged batch parts and of answers that are held.
    pub(crate) fn cache_bytes(&self) -> usize {
        self.parts.size_bytes() + self.answers.size_bytes()
    }

    /// Answers a query of a caller without a key.
    ///
    /// # Errors
    /// See [`ServingError`].
    pub async fn answer(self: &Arc<Self>, query: &Query) -> Result<QueryAnswer, ServingError> {
        self.answer_to(&PermitRequest::query(CallerId::default()), query).await
    }

    /// Answers a query.
    pub(crate) async fn answer_to(
        self: &Arc<Self>,
        request: &PermitRequest,
        query: &Query,
    ) -> Result<QueryAnswer, ServingError> {
        let (started, _in_progress) = (Instant::now(), self.instruments.begin());
        let answer = self.answer_after(request, query).await;
        self.instruments.record_query(started.elapsed(), end_of(answer.as_ref()));
        answer
    }

    /// Answers once the speed view has reached what the answer is to include.
    async fn answer_after(
        self: &Arc<Self>,
        request: &PermitRequest,
        query: &Query,
    ) -> Result<QueryAnswer, ServingError> {
        let after = self.wait_for(query).await?;
        let answer = self.admit_and_answer(query, request).await?;
        self.check_reached(after, &answer)?;
        Ok(answer)
    }

    /// Tries until one snapshot's views were read.
    async fn answer_now(
        &self,
        query: &Query,
        work: &QueryContext,
    ) -> Result<QueryAnswer, ServingError> {
        let started = Instant::now();
        let mut snapshots = self.catalog.subscribe();
        let mut last = ServingError::Moving(0);
        for attempt in 1..=self.settings.tries {
            snapshots.mark_unchanged();
            let snapshot = self.catalog.current();
            match Box::pin(self.attempt(query, snapshot, work)).await {
                Ok(answer) => return Ok(answer),
                Err(AttemptError::Never(error)) => return Err(error),
                Err(AttemptError::Moved) => last = ServingError::Moving(attempt),
                Err(AttemptError::Unavailable(reason)) => {
                    last = ServingError::SpeedUnavailable(reason);
                    if started.elapsed() > AWAY_MAX {
                        break;
                    }
                }
            }
            // Either a newer snapshot comes, or it is the time that helps.
            let _ = timeout(PAUSE, snapshots.changed()).await;
        }
        Err(last)
    }

    async fn attempt(
        &self,
        query: &Query,
        snapshot: Arc<CatalogSnapshot>,
        work: &QueryContext,
    ) -> Result<QueryAnswer, AttemptError> {
        let metric = self.find(&snapshot, &query.scope, &query.metric)?;
        let place = self.pin_query(query, &snapshot, metric).await?;
        let PinnedQuery { ref zone, times, lag, ref asked, .. } = place;
        // Apart, since it is large and is moved often.
        let make = Box::pin(self.compute_result(
            query,
            &snapshot,
            metric,
            Arc::clone(zone),
            times,
            (lag.applied, work),
        ));
        let made = match work.trace() {
            None => self.answers.get(snapshot.generation, lag.applied, asked, make).await?,
            // What is kept would tell nothing.
            Some(trace) => {
                trace.begin();
                make.await?
            }
        };
        Ok(self.assemble_answer(query, place, &made)?)
    }

    /// Whether a query was answered already, or else what it needs. What cannot be answered at all
    /// is refused here, without a permit.
    async fn prepare(&self, query: &Query) -> Result<PreparedQuery, ServingError> {
        let snapshot = self.catalog.current();
        let metric = self.find(&snapshot, &query.scope, &query.metric)?;
        let place = self.pin_query(query, &snapshot, metric).await?;
        let PinnedQuery { lag, ref asked, .. } = place;
        if let Some(made) = self.answers.find(snapshot.generation, lag.applied, asked) {
            return Ok(PreparedQuery::Made(Box::new(self.assemble_answer(query, place, &made)?)));
        }
        Ok(PreparedQuery::Needs(self.estimate_need(query, metric, &place)))
    }

    /// What an answer depends on at present: while it is the same, so is a whole answer.
    pub(crate) async fn stamp(&self, query: &Query) -> Result<AnswerStamp, ServingError> {
        let snapshot = self.catalog.current();
        let metric = self.find(&snapshot, &query.scope, &query.metric)?;
        let PinnedQuery { missing, now, lag, asked, .. } =
            self.pin_query(query, &snapshot, metric).await?;
        let SpeedViewLag { applied, owed, .. } = lag;
        Ok(AnswerStamp {
            generation: snapshot.generation,
            asked,
            missing,
            applied,
            owed,
            is_late: self.is_late(lag),
            bucket: metric.compiled.grain().floor(now),
        })
    }

    /// Where a query stands at present.
    async fn pin_query<'a>(
        &self,
        query: &Query,
        snapshot: &'a Arc<CatalogSnapshot>,
        metric: &'a Arc<MetricVersion>,
    ) -> Result<PinnedQuery<'a>, ServingError> {
        let missing = self.backfill(query, metric)?;
        let now = self.clock.now();
        let zone = self.zone(query.timezone).await?;
        let grain = metric.compiled.grain();
        let edges = edges(query, grain, now, &zone)?;
        let times = QueryTimes::new(query, grain, edges, now);
        // Asked before the view is read: what was applied then is in what is read.
        let lag = self.speed.lag(metric.id);
        let asked = ResultKey::new(query, metric.id, times);
        Ok(PinnedQuery { snapshot, metric, missing, now, zone, edges, times, lag, asked })
    }

    async fn zone(&self, tz: Tz) -> Result<Arc<ZoneOffsets>, ServingError> {
        if let Some(zone) = self.zones.known(tz) {
            return Ok(zone);
        }
        let zones = Arc::clone(&self.zones);
        run_blocking(move || Ok(zones.get(tz))).await
    }
}

fn end_of(answer: Result<&QueryAnswer, &ServingError>) -> QueryEnd {
    match answer {
        Ok(answer) if answer.provenance.complete => QueryEnd::Complete,
        Ok(_) => QueryEnd::Partial,
        Err(error) => QueryEnd::Refused { outcome: error.outcome(), code: error.code().name() },
    }
}
