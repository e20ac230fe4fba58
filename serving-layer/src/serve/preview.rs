//! What a definition would answer, before there is a metric of it: the newest events, folded as
//! both layers would, merged and finished as any answer is.

use std::sync::Arc;

use merganser_api::metric::MetricOmission;
use merganser_core::blocking::run_blocking;
use merganser_core::ids::{Boundary, MetricId};
use merganser_core::omissions::MetricOmissions;
use merganser_metric::catalog::{LifecycleStage, MetricVersion};
use merganser_metric::compile::Metric;
use merganser_metric::definition::MetricDefinition;
use merganser_metric::extract::PropertyExtractor;
use merganser_metric::table::StateTable;

use super::metric_warnings::all_readings;
use super::query_context::QueryContext;
use super::read::row_grouping;
use super::recent_events::RecentEvents;
use super::{PermitRequest, ServingLayer};
use crate::answer::warnings::WarningContext;
use crate::answer::{self, AnswerInput, AnswerRows, MergedStates, RangeStates};
use crate::error::ServingError;
use crate::memory::MemoryNeed;
use crate::merge::{HeldTable, ensure_total};
use crate::query::Query;
use crate::query::resolve::{ResolvedQuery, edges, resolve};

/// Memory of a preview: its events, their columns, and as many groups.
const MEMORY_BYTES: usize = 256 << 20;

/// What a definition answers of the newest events.
pub(crate) struct MetricPreview {
    /// The events that were read.
    pub(crate) recent: RecentEvents,
    /// How many of them the metric is about.
    pub(crate) matched: u64,
    /// Its groups, by its base bucket and all of its dimensions.
    pub(crate) groups: usize,
    /// The rows.
    pub(crate) rows: Arc<AnswerRows>,
    /// Values that had another type than a use asks for.
    pub(crate) mismatches: u64,
    /// What each use could not take.
    pub(crate) omissions: Vec<MetricOmission>,
    /// What a reader should know.
    pub(crate) warnings: Vec<String>,
}

/// Events, folded.
struct FoldedEvents {
    recent: RecentEvents,
    table: StateTable,
    matched: u64,
    mismatches: u64,
    omissions: MetricOmissions,
}

impl ServingLayer {
    /// Folds the newest events by a definition, and answers a query of what comes out.
    ///
    /// # Errors
    /// When the query does not fit the definition, or the journal cannot be read.
    pub(crate) async fn preview(
        self: &Arc<Self>,
        request: &PermitRequest,
        (definition, compiled): (MetricDefinition, Metric),
        query: &Query,
        events_max: usize,
    ) -> Result<MetricPreview, ServingError> {
        let metric = Arc::new(MetricVersion {
            id: MetricId(0),
            version: 0,
            stage: LifecycleStage::Active,
            boundary: Boundary::default(),
            definition,
            compiled: Arc::new(compiled),
            files: Vec::new(),
            mismatches: 0,
            omissions: MetricOmissions::default(),
        });
        let metric = &metric;
        self.run_when_admitted(MemoryNeed::Much, request, |work| async move {
            self.preview_now(metric, query, events_max, &work).await
        })
        .await
    }

    async fn preview_now(
        &self,
        metric: &Arc<MetricVersion>,
        query: &Query,
        events_max: usize,
        work: &QueryContext,
    ) -> Result<MetricPreview, ServingError> {
        let zone = self.zone(query.timezone).await?;
        let edges = edges(query, metric.compiled.grain(), self.clock.now(), &zone)?;
        let resolved = resolve(query, metric, zone, edges)?;
        let held = work.hold(MEMORY_BYTES.min(self.memory.limit() / 4))?;
        let (journal, of) = (Arc::clone(&self.journal), Arc::clone(metric));
        let (groups_max, work, query) = (self.settings.groups_max, work.clone(), query.clone());
        let made = run_blocking(move || {
            let recent = RecentEvents::read(&*journal, events_max)?;
            let folded = fold(recent, &of.compiled)?;
            let (table, columns) = merge(&folded.table, &of.compiled, &resolved, groups_max)?;
            let merged = MergedStates { table: Arc::new(HeldTable::new(table, held)), columns };
            let edges = answer::answered_edges(&merged, &resolved.calendar, resolved.edges);
            let states = RangeStates::of(merged);
            let rows = answer::build(AnswerInput {
                query: &query,
                edges,
                resolved: &resolved,
                metric: &of.compiled,
                states: &states,
                earlier: None,
                groups_max,
                account: work.account(),
            })?;
            Ok::<_, ServingError>((folded, rows))
        });
        let (folded, rows) = made.await?;
        let FoldedEvents { recent, table, matched, mismatches, omissions } = folded;
        let readings = all_readings(metric);
        let subject = WarningContext { metric, omissions: &omissions, readings, is_bounded: false };
        let mut warnings = match matched {
            0 => self.definition_warnings(metric).await,
            _ => self.warnings_of(&subject).await,
        };
        warnings.extend(rows.warnings.iter().cloned());
        let omissions = subject.listed();
        let (groups, rows) = (table.len(), Arc::new(rows));
        Ok(MetricPreview { recent, matched, groups, rows, mismatches, omissions, warnings })
    }
}

/// Folds events by the metric, in one table.
fn fold(recent: RecentEvents, metric: &Metric) -> Result<FoldedEvents, ServingError> {
    let extractor = PropertyExtractor::new(metric.properties().cloned());
    let mut table = StateTable::new(metric.layout());
    let (mut matched, mut mismatches) = (0, 0);
    let mut omissions = MetricOmissions::default();
    for batch in &recent.batches {
        let extracted = extractor.extract(&batch.events, batch.places());
        // There are no more groups than events.
        let folded = metric.fold(&mut table, &extracted, usize::MAX)?;
        matched += folded.groups.len() as u64;
        mismatches += folded.mismatches;
        omissions.merge(&folded.omissions);
    }
    Ok(FoldedEvents { recent, table, matched, mismatches, omissions })
}

/// The states of an answer's groups, and the names of their columns.
fn merge(
    folded: &StateTable,
    metric: &Metric,
    resolved: &ResolvedQuery,
    groups_max: usize,
) -> Result<(StateTable, Arc<[String]>), ServingError> {
    let grouping = row_grouping(metric, resolved, groups_max);
    let mut table = grouping.empty();
    let rows = folded.emit(&folded.within(resolved.edges.range()));
    grouping.add(&mut table, &rows)?;
    if resolved.is_total() {
        ensure_total(&mut table)?;
    }
    Ok((table, grouping.columns().into()))
}
