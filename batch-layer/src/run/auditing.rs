//! A run's audit: what it made, against the old view and the speed states that it retires.

use std::sync::Arc;

use shared::catalog::{MetricVersion, Snapshot};
use shared::ids::Boundary;
use shared::ports::SpeedRead;
use shared::table::StateTable;
use shared::time::TimeRange;

use super::execute::Executor;
use super::{Mode, Run};
use crate::audit::{self, Audit};

impl Executor {
    /// Compares a part of a new view with what was served of it.
    pub(super) async fn audit(
        &self,
        mode: Mode,
        snapshot: &Arc<Snapshot>,
        metric: &Arc<MetricVersion>,
        sealed: Boundary,
        range: TimeRange,
        made: &StateTable,
    ) -> Result<Audit, String> {
        let mut served = StateTable::new(metric.compiled.layout());
        if mode == Mode::Full {
            self.add_view(metric, range, &mut served).await?;
        }
        let read = SpeedRead { from: metric.boundary.epoch, to: Some(sealed.epoch), range };
        let speed = match self.speed.read(metric, read.clone()).await {
            Ok(part) => Ok(part),
            Err(_) => self.speed.read_own(metric, read).await,
        };
        let speed = speed.map_err(|e| e.to_string())?;
        if speed.through < sealed.offset || !speed.missing.is_empty() {
            let through = speed.through;
            return Err(format!(
                "the speed view covers offset {through} of {}; {}",
                sealed.offset,
                speed.missing.join(", ")
            ));
        }
        for batch in &speed.states {
            served.merge(batch).map_err(|e| e.to_string())?;
        }
        let audit = audit::compare(made, &served);
        let (name, generation) = (&metric.definition.name, snapshot.generation);
        if audit.differences > 0 {
            tracing::error!(metric = name, %generation, ?audit, "the audit found differences");
        }
        Ok(audit)
    }

    async fn add_view(
        &self,
        metric: &MetricVersion,
        range: TimeRange,
        served: &mut StateTable,
    ) -> Result<(), String> {
        let schema = metric.compiled.layout().schema();
        let columns: Vec<String> = schema.fields().iter().map(|f| f.name().clone()).collect();
        let base = metric.compiled.grain();
        for file in metric.files.iter().filter(|f| f.grain == base && f.range.overlaps(&range)) {
            let batches = self.views.read_file(metric.id, file, &columns, range).await;
            for batch in batches.map_err(|e| e.to_string())? {
                served.merge(&batch).map_err(|e| e.to_string())?;
            }
        }
        Ok(())
    }

    pub(super) fn report_audit(
        &self,
        run: &Run,
        metric: &MetricVersion,
        audit: Result<Audit, String>,
    ) {
        match audit {
            Ok(audit) => {
                let counter = metrics::counter!("merganser_audit_differences_total");
                counter.increment(audit.differences);
                self.queue.update(&run.id, |run| {
                    run.audit = Some(run.audit.unwrap_or_default().and(audit));
                });
            }
            Err(reason) => {
                tracing::warn!(metric = metric.definition.name, reason, "a part was not audited");
            }
        }
    }
}
