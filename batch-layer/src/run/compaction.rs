//! Merging files where there are many, by all threads of a run.

use std::sync::Arc;

use merganser_metric::catalog::{CatalogSnapshot, MetricVersion, ViewFile};

use super::build::view_schema;
use super::error::RunError;
use super::executor::RunExecutor;
use crate::job::RunRecord;
use crate::manifest::{RunOutcome, ViewUpdate};
use crate::{master, view};

impl RunExecutor {
    /// Merges small files of the views of `metrics`, to which `updates` belong in their order.
    pub(super) async fn compact_views(
        &self,
        run: &RunRecord,
        metrics: &[Arc<MetricVersion>],
        updates: &mut [ViewUpdate],
    ) -> Result<(), RunError> {
        let mut parts = Vec::new();
        for (at, (metric, update)) in metrics.iter().zip(&mut *updates).enumerate() {
            for grain in metric.compiled.grain().rollups() {
                let chosen = view::choose_compaction(&update.files, *grain);
                if !chosen.is_empty() {
                    update.files.retain(|file| !chosen.contains(file));
                    let (ranges, chosen) = (view::compaction_parts(&chosen), Arc::new(chosen));
                    parts.extend(ranges.into_iter().map(|range| (at, Arc::clone(&chosen), range)));
                }
            }
        }
        for (done, some) in parts.chunks(self.builder.compute.threads()).enumerate() {
            let done = done * self.builder.compute.threads();
            let step = format!("compact views, {done} of {} parts", parts.len());
            self.tracker.report_step(std::slice::from_ref(run), &step, 0.9)?;
            let jobs = some.iter().map(|(at, chosen, range)| {
                let (storage, views) = (self.builder.storage.clone(), self.builder.views.clone());
                let (subject, chosen, range) =
                    (view_schema(&metrics[*at]), Arc::clone(chosen), *range);
                async move {
                    view::compact_part(&storage, &views, &subject, &chosen, range)
                        .await
                        .map_err(RunError::from)
                }
            });
            let merged: Vec<Option<ViewFile>> = self.builder.compute.run_all(jobs).await?;
            for ((at, ..), merged) in some.iter().zip(merged) {
                updates[*at].files.extend(merged);
            }
        }
        Ok(())
    }

    /// Merges small master files. A run does not fail by what it could not merge.
    pub(super) async fn compact_master(
        &self,
        run: &RunRecord,
        snapshot: &CatalogSnapshot,
        outcome: &mut RunOutcome,
    ) -> Result<(), RunError> {
        let state = self.catalog.state();
        let merges = master::choose_compaction(&state.master, state.covered_boundary());
        for some in merges.chunks(self.builder.compute.threads()) {
            let step = format!("compact master, {} merges", merges.len());
            self.tracker.report_step(std::slice::from_ref(run), &step, 0.93)?;
            let jobs = some.iter().map(|files| {
                let (storage, columns) = (self.builder.storage.clone(), snapshot.extractor());
                let files = files.clone();
                // An outcome, so that one that fails does not take the others with it.
                async move { Ok((master::compact(&storage, &files, &columns).await, files)) }
            });
            for (merged, files) in self.builder.compute.run_all(jobs).await? {
                match merged {
                    Ok(merged) => {
                        outcome.master_added.extend(merged);
                        outcome.master_removed.extend(files.into_iter().map(|file| file.path));
                    }
                    Err(error) => tracing::warn!(%error, "master files were not merged"),
                }
            }
        }
        Ok(())
    }
}
