//! A run's audit: what it made, against the old view and the speed states that it retires.

use std::sync::Arc;

use arrow::array::RecordBatch;
use merganser_api::run::AuditCounts;
use merganser_core::ids::Boundary;
use merganser_core::time::{TimeRange, Timestamp};
use merganser_metric::catalog::{CatalogSnapshot, MetricVersion, ViewFile};
use merganser_metric::table::StateTable;
use merganser_metric::views::{SpeedReadRequest, SpeedViews};

use crate::audit;
use crate::job::RunMode;
use crate::time_order::{TimeOrderedBatches, sorted};
use crate::view::ParquetViews;

/// What was served of a part of a view, taken chunk by chunk.
pub(super) struct AuditBaseline {
    metric: Arc<MetricVersion>,
    sources: Vec<TimeOrderedBatches>,
    audit: AuditCounts,
}

impl AuditBaseline {
    /// Reads what was served of a part of a new view: the old view, and the speed states of the
    /// epochs that are sealed now.
    pub(super) async fn read(
        (speed, views): (&dyn SpeedViews, &ParquetViews),
        mode: RunMode,
        metric: &Arc<MetricVersion>,
        sealed: Boundary,
        range: TimeRange,
    ) -> Result<Self, String> {
        let mut sources = Vec::new();
        // An incremental run keeps the old view's files as they are: what it makes stands beside
        // them, so only the speed states have been served of it.
        if mode == RunMode::Full {
            add_view(views, metric, range, &mut sources).await?;
        }
        let read = SpeedReadRequest {
            from: metric.boundary.epoch,
            to: Some(sealed.epoch),
            range,
            columns: None,
        };
        let part = match speed.read(metric, read.clone()).await {
            Ok(part) => Ok(part),
            // The store is away: the writer has the same states in memory.
            Err(_) => speed.read_local(metric, read).await,
        };
        let part = part.map_err(|e| e.to_string())?;
        if part.through < sealed.offset || !part.missing.is_empty() {
            let through = part.through;
            return Err(format!(
                "the speed view covers offset {through} of {}; {}",
                sealed.offset,
                part.missing.join(", ")
            ));
        }
        sources.push(TimeOrderedBatches::new(sorted(&part.states).map_err(|e| e.to_string())?));
        Ok(Self { metric: Arc::clone(metric), sources, audit: AuditCounts::default() })
    }

    /// Compares the next chunk, up to `to`.
    pub(super) fn compare(
        &mut self,
        made: &StateTable,
        sorted: &[RecordBatch],
        to: Timestamp,
    ) -> Result<(), String> {
        let mut rows = Vec::new();
        for source in &mut self.sources {
            rows.extend(source.take(to).map_err(|e| e.to_string())?);
        }
        let layout = self.metric.compiled.layout();
        let audit = audit::compare_rows(made, sorted, &rows, layout).map_err(|e| e.to_string())?;
        self.audit = self.audit.combine(audit);
        Ok(())
    }

    /// What was found.
    pub(super) fn finish_audit(self, snapshot: &CatalogSnapshot) -> AuditCounts {
        let (name, generation) = (&self.metric.definition.name, snapshot.generation);
        // Only rows that were not in order, which is a difference of its own.
        let left =
            self.sources.iter().map(TimeOrderedBatches::remaining_rows).sum::<usize>() as u64;
        let audit = self.audit.combine(AuditCounts { compared: left, differences: left });
        if audit.differences > 0 {
            tracing::error!(metric = name, %generation, ?audit, "the audit found differences");
        }
        audit
    }
}

/// The rows of the old view's files, each in order of time.
async fn add_view(
    views: &ParquetViews,
    metric: &MetricVersion,
    range: TimeRange,
    sources: &mut Vec<TimeOrderedBatches>,
) -> Result<(), String> {
    let schema = metric.compiled.layout().schema();
    let columns: Vec<String> = schema.fields().iter().map(|f| f.name().clone()).collect();
    let base = metric.compiled.grain();
    let here = |file: &&ViewFile| file.grain == base && file.range.overlaps(&range);
    let mut files: Vec<&ViewFile> = metric.files.iter().filter(here).collect();
    // So that the rows of files that do not overlap come as those of one.
    files.sort_by_key(|file| file.range.from);
    for file in files {
        let batches = views.read_file(metric.id, file, &columns, range).await;
        sources.push(TimeOrderedBatches::new(batches.map_err(|e| e.to_string())?));
    }
    Ok(())
}
