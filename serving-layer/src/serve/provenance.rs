//! What an answer says of itself: what it is made of, and what it lacks.

use std::collections::BTreeMap;
use std::sync::Arc;

use merganser_api::answer::{AnswerProvenance, BatchProvenance, SpeedProvenance};
use merganser_core::ids::{Offset, PartitionOffsets};
use merganser_metric::catalog::{CatalogSnapshot, LifecycleStage, MetricVersion};
use merganser_metric::views::SpeedViewLag;

use super::cached_result::CachedResult;
use super::{PinnedQuery, ServingLayer};
use crate::answer::{self, QueryAnswer};
use crate::error::ServingError;
use crate::query::resolve::RangeEdges;
use crate::query::{PartialPolicy, Query};

impl ServingLayer {
    /// The answer from rows, and what it is made of.
    pub(super) fn assemble_answer(
        &self,
        query: &Query,
        place: PinnedQuery<'_>,
        made: &CachedResult,
    ) -> Result<QueryAnswer, ServingError> {
        let PinnedQuery { snapshot, metric, mut missing, now, edges, lag, .. } = place;
        missing.extend_from_slice(&made.missing);
        self.check_missing(query, lag, made.through, &mut missing)?;
        let reached = (made.through, made.reach);
        // Reading may have taken a while, in which the store failed.
        let now_lag = self.speed.lag(metric.id);
        let lag =
            SpeedViewLag { lag_ms: lag.lag_ms.max(now_lag.lag_ms), owed: now_lag.owed, ..lag };
        let calendar = &made.rows.calendar;
        let zone = calendar.zone();
        let open = made.last.filter(|last| last.to > now && edges.to.is_none_or(|to| to >= now));
        let provenance = AnswerProvenance {
            open_bucket: open.map(|last| zone.format(last.from)),
            partial_buckets: answer::partial_buckets(
                calendar,
                metric.compiled.grain(),
                // Windows of the first bucket hold what comes before as well.
                RangeEdges { from: edges.from.filter(|_| query.window.is_none()), ..edges },
                Some(now),
            ),
            widened_buckets: answer::widened_ranges(zone, &made.widened),
            approximate: made.approximate.clone(),
            ..self.provenance(snapshot, metric, lag, reached, missing)
        };
        Ok(QueryAnswer { metric: query.metric.clone(), rows: Arc::clone(&made.rows), provenance })
    }

    /// What is missing while a metric's first backfill is under way.
    pub(super) fn backfill(
        &self,
        query: &Query,
        metric: &MetricVersion,
    ) -> Result<Vec<String>, ServingError> {
        match (metric.stage, query.partial) {
            (LifecycleStage::Active, _) => Ok(Vec::new()),
            (LifecycleStage::Backfilling, partial) => {
                let progress = self.catalog.backfill_progress(metric.id).unwrap_or(0.0);
                // A share of 1, so that it fits.
                let percent = (progress.clamp(0.0, 1.0) * 100.0) as u8;
                match partial {
                    PartialPolicy::Allow => Ok(vec![format!(
                        "batch: events before the metric was defined, {percent} % backfilled"
                    )]),
                    PartialPolicy::Refuse => Err(ServingError::Backfilling {
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
        lag: SpeedViewLag,
        through: Offset,
        missing: &mut Vec<String>,
    ) -> Result<(), ServingError> {
        if through < lag.applied && missing.is_empty() {
            missing.push(format!(
                "speed: events from offset {through} to {}, which the view held before",
                lag.applied
            ));
        }
        match query.partial {
            PartialPolicy::Refuse if !missing.is_empty() => {
                Err(ServingError::Incomplete(missing.clone()))
            }
            PartialPolicy::Refuse | PartialPolicy::Allow => Ok(()),
        }
    }

    /// Whether the speed view does not keep up.
    pub(super) fn is_late(&self, lag: SpeedViewLag) -> bool {
        u128::from(lag.lag_ms) > self.settings.lag_max.as_millis()
    }

    fn provenance(
        &self,
        snapshot: &CatalogSnapshot,
        metric: &MetricVersion,
        lag: SpeedViewLag,
        (through, reach): (Offset, Offset),
        missing: Vec<String>,
    ) -> AnswerProvenance {
        let batch_events = match metric.stage {
            LifecycleStage::Active => metric.boundary.offset.0,
            LifecycleStage::Backfilling => 0,
        };
        AnswerProvenance {
            generation: snapshot.generation.0,
            metric_version: metric.version,
            complete: missing.is_empty()
                && reach == through
                && through >= lag.applied.max(lag.owed)
                && !self.is_late(lag),
            missing,
            batch: BatchProvenance {
                events: batch_events,
                published_at: snapshot.published_at.to_string(),
            },
            speed: SpeedProvenance {
                events: through.since(metric.boundary.offset),
                through: PartitionOffsets::only(through),
                reach: (reach != through).then(|| PartitionOffsets::only(reach)),
                behind_events: self.journal.end().since(through),
                lag_ms: lag.lag_ms,
            },
            approximate: BTreeMap::new(),
            open_bucket: None,
            partial_buckets: Vec::new(),
            widened_buckets: Vec::new(),
        }
    }
}
