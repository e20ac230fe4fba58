//! One answer from beginning to end: snapshot → plan → batch states ⊕ speed states → rows.
//!
//! The snapshot is held until the answer is built, so that nothing it names is deleted meanwhile.
//! Its boundary cuts the journal in two: the batch view covers the epochs below, and the speed view
//! is asked for those from it on. When the speed view has given up epochs that a newer snapshot
//! covers, the answer begins anew with that one; parts of two snapshots never meet.
//!
//! Rows are [`made`] once and kept until a newer generation comes or more is applied to the speed
//! view: an equal query before that would get the same ones.

mod doubts;
mod extent;
mod made;
mod names;
mod read;
mod seen;
#[cfg(test)]
mod tests;
mod turns;

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono_tz::Tz;
use serde_json::{Map, Value};
use shared::catalog::{Catalog, MetricVersion, Snapshot, Stage};
use shared::clock::Clock;
use shared::ids::{Offset, PartitionId, Position};
use shared::ports::{BatchViews, Journal, Lag, SpeedViews};
use shared::table::StateTable;
use shared::time::Timestamp;
use tokio::time::timeout;

use crate::answer::{self, Answer, BatchPart, Provenance, SpeedPart};
use crate::cache::Cache;
use crate::calendar::{Zone, Zones};
use crate::error::Error;
use crate::figures::Figures;
use crate::live::Live;
use crate::query::resolve::edges;
use crate::query::{Partial, Query, QueryError};
use made::{Asked, Made, Times};
use names::Names;
use read::{Retry, Shape};
use seen::Fits;
use turns::Turns;

/// How long is waited for a newer snapshot, or for a speed view that comes up, before the next try.
const PAUSE: Duration = Duration::from_millis(25);
/// How long is tried to reach a speed view that is away.
const AWAY_MAX: Duration = Duration::from_secs(1);

/// Bounds of the serving layer.
#[derive(Clone, Copy, Debug)]
pub struct ServingSettings {
    /// Memory for merged batch parts, and a quarter of it for answers.
    pub cache_bytes: usize,
    /// Groups in an answer before `limit`.
    pub groups_max: usize,
    /// Queries that are answered at a time.
    pub queries_max: usize,
    /// Time for a query, waiting for its turn included.
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
            cache_bytes: 256 << 20,
            groups_max: 2_000_000,
            queries_max: 64,
            timeout: Duration::from_secs(30),
            after_timeout: Duration::from_secs(10),
            lag_max: Duration::from_secs(2),
            tries: 20,
        }
    }
}

/// More fields of the status page, from whoever composes the service.
pub type StatusSource = Arc<dyn Fn() -> Map<String, Value> + Send + Sync>;

/// The serving layer.
pub struct Serving {
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
    pub(crate) live: Live,
    pub(crate) zones: Arc<Zones>,
    pub(crate) names: Names,
    parts: Cache<Shape, StateTable>,
    answers: Cache<Asked, Made>,
    turns: Turns,
    fits: Fits,
    figures: Figures,
}

impl std::fmt::Debug for Serving {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Serving").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl Serving {
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
        Self {
            started_at,
            begun: Instant::now(),
            parts: Cache::new("parts", settings.cache_bytes),
            answers: Cache::new("answers", settings.cache_bytes / 4),
            turns: Turns::new(settings.queries_max),
            figures: Figures::new(settings.queries_max, started_at),
            live: Live::default(),
            zones: Arc::default(),
            names: Names::default(),
            fits: Fits::default(),
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

    /// Answers a query.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn answer(self: &Arc<Self>, query: &Query) -> Result<Answer, Error> {
        let (started, _in_progress) = (Instant::now(), self.figures.begin());
        let answer = self.answer_after(query).await;
        self.figures.answered(started.elapsed(), &answer);
        answer
    }

    /// Answers once the speed view has reached what the answer is to include.
    async fn answer_after(self: &Arc<Self>, query: &Query) -> Result<Answer, Error> {
        let after = query.after.as_ref().map(offset).transpose()?;
        if let Some(after) = after {
            // What will not be answered is not waited for.
            self.find(&self.catalog.current(), &query.scope, &query.metric)?;
            self.speed.wait_applied(after, self.settings.after_timeout).await;
        }
        let answer = self.in_turn(query).await?;
        let reached = &answer.provenance.speed.through;
        match after {
            Some(after) if offset(reached)? < after => Err(Error::NotReached {
                after: Position::only(after).to_string(),
                reached: reached.to_string(),
                seconds: self.settings.after_timeout.as_secs(),
            }),
            _ => Ok(answer),
        }
    }

    /// Tries until one snapshot's views were read.
    async fn answer_now(&self, query: &Query) -> Result<Answer, Error> {
        let started = Instant::now();
        let deadline = started + self.settings.timeout;
        let mut snapshots = self.catalog.subscribe();
        let mut last = Error::Moving(0);
        for attempt in 1..=self.settings.tries {
            snapshots.mark_unchanged();
            let snapshot = self.catalog.current();
            match self.attempt(query, snapshot, deadline).await {
                Ok(answer) => return Ok(answer),
                Err(Retry::Never(error)) => return Err(error),
                Err(Retry::Moved) => last = Error::Moving(attempt),
                Err(Retry::Unavailable(reason)) => {
                    last = Error::SpeedUnavailable(reason);
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
        snapshot: Arc<Snapshot>,
        deadline: Instant,
    ) -> Result<Answer, Retry> {
        let metric = self.find(&snapshot, &query.scope, &query.metric)?;
        let mut missing = self.backfill(query, metric)?;
        let now = self.clock.now();
        let zone = self.zone(query.timezone).await?;
        let grain = metric.compiled.grain();
        let edges = edges(query, grain, now, &zone).map_err(Error::from)?;
        let times = Times::new(query, grain, edges, now, deadline);
        // Asked before the view is read: what was applied then is in what is read.
        let lag = self.speed.lag(metric.id);
        let asked = Asked::new(query, metric.id, times);
        let make = self.make(query, &snapshot, metric, zone, times, lag.applied);
        let made = self.answers.get(snapshot.generation, lag.applied, &asked, make).await?;
        missing.extend_from_slice(&made.missing);
        self.check_missing(query, lag, made.through, &mut missing)?;
        let reached = (made.through, made.reach);
        // Reading may have taken a while, in which the store failed.
        let now_lag = self.speed.lag(metric.id);
        let lag = Lag { lag_ms: lag.lag_ms.max(now_lag.lag_ms), owed: now_lag.owed, ..lag };
        let zone = made.calendar.zone();
        let open = made.last.filter(|last| last.to > now && edges.to.is_none_or(|to| to >= now));
        let provenance = Provenance {
            open_bucket: open.map(|last| zone.format(last.from)),
            partial_buckets: answer::cut(&made.calendar, grain, edges, Some(now)),
            widened_buckets: answer::widened(zone, &made.widened),
            approximate: made.approximate.clone(),
            ..self.provenance(&snapshot, metric, lag, reached, missing)
        };
        Ok(made.answer(query, provenance))
    }

    async fn zone(&self, tz: Tz) -> Result<Arc<Zone>, Error> {
        if let Some(zone) = self.zones.known(tz) {
            return Ok(zone);
        }
        let zones = Arc::clone(&self.zones);
        blocking(move || Ok(zones.get(tz))).await
    }

    /// What is missing while a metric's first backfill is under way.
    fn backfill(&self, query: &Query, metric: &MetricVersion) -> Result<Vec<String>, Error> {
        match (metric.stage, query.partial) {
            (Stage::Active, _) => Ok(Vec::new()),
            (Stage::Backfilling, partial) => {
                let progress = self.catalog.backfill_progress(metric.id).unwrap_or(0.0);
                // A share of 1, so that it fits.
                let percent = (progress.clamp(0.0, 1.0) * 100.0) as u8;
                match partial {
                    Partial::Allow => Ok(vec![format!(
                        "batch: events before the metric was defined, {percent} % backfilled"
                    )]),
                    Partial::Refuse => Err(Error::Backfilling {
                        name: metric.definition.name.clone(),
                        progress,
                        percent,
                    }),
                }
            }
        }
    }

    /// Adds what the speed view lost, and refuses an answer that misses something unless the query
    /// allows it.
    fn check_missing(
        &self,
        query: &Query,
        lag: Lag,
        through: Offset,
        missing: &mut Vec<String>,
    ) -> Result<(), Error> {
        if through < lag.applied && missing.is_empty() {
            missing.push(format!(
                "speed: events from offset {through} to {}, which the view held before",
                lag.applied
            ));
        }
        match query.partial {
            Partial::Refuse if !missing.is_empty() => Err(Error::Incomplete(missing.clone())),
            Partial::Refuse | Partial::Allow => Ok(()),
        }
    }

    fn provenance(
        &self,
        snapshot: &Snapshot,
        metric: &MetricVersion,
        lag: Lag,
        (through, reach): (Offset, Offset),
        missing: Vec<String>,
    ) -> Provenance {
        let lag_max_ms = u64::try_from(self.settings.lag_max.as_millis()).unwrap_or(u64::MAX);
        let batch_events = match metric.stage {
            Stage::Active => metric.boundary.offset.0,
            Stage::Backfilling => 0,
        };
        Provenance {
            generation: snapshot.generation.0,
            metric_version: metric.version,
            complete: missing.is_empty()
                && reach == through
                && through >= lag.applied.max(lag.owed)
                && lag.lag_ms <= lag_max_ms,
            missing,
            batch: BatchPart {
                events: batch_events,
                published_at: snapshot.published_at.to_string(),
            },
            speed: SpeedPart {
                events: through.since(metric.boundary.offset),
                through: Position::only(through),
                reach: (reach != through).then(|| Position::only(reach)),
                behind_events: self.journal.end().since(through),
                lag_ms: lag.lag_ms,
            },
            approximate: std::collections::BTreeMap::new(),
            open_bucket: None,
            partial_buckets: Vec::new(),
            widened_buckets: Vec::new(),
        }
    }
}

/// The offset that a position names in the only partition that there is.
fn offset(position: &Position) -> Result<Offset, Error> {
    let mut offset = Offset::ZERO;
    for (partition, at) in &position.0 {
        if *partition != PartitionId::ONLY {
            let detail = format!("`after`: there is no partition {}; there is `0`", partition.0);
            return Err(QueryError::new("unknown_partition", "after", detail).into());
        }
        offset = *at;
    }
    Ok(offset)
}

/// Runs work that takes the processor away from the threads that wait.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(Error::Internal(format!("a query's work ended by itself: {error}"))),
    }
}
