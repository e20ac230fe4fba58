//! The warnings of a metric, apart from any query: the values of its events that it could not use,
//! and the properties that it reads and no event has.

use std::collections::BTreeSet;

use merganser_api::metric::MetricDocument;
use merganser_core::omissions::MetricOmissions;
use merganser_core::text::nearest;
use merganser_core::time::{TimeRange, Timestamp};
use merganser_metric::catalog::{LifecycleStage, MetricVersion};
use merganser_metric::compile::PropertyUse;
use merganser_metric::definition::EventTypes;
use merganser_metric::views::{ReadColumns, SpeedReadRequest};

use super::ServingLayer;
use crate::answer::warnings::{WarningContext, hint, label};

/// What a metric could not use of the events of both its parts; the speed part's is given.
pub(super) fn merged_omissions(
    metric: &MetricVersion,
    mut speed: MetricOmissions,
) -> MetricOmissions {
    speed.merge(&metric.omissions);
    if metric.stage == LifecycleStage::Backfilling {
        speed.merge(&MetricOmissions::unknown());
    }
    speed
}

impl ServingLayer {
    /// Adds what a metric could not use of all its events to how it is shown.
    pub(crate) async fn add_warnings(
        &self,
        metric: &MetricVersion,
        is_bounded: bool,
        shown: &mut MetricDocument,
    ) {
        let omissions = self.omissions(metric).await;
        let readings = all_readings(metric);
        let subject = WarningContext { metric, omissions: &omissions, readings, is_bounded };
        shown.warnings = Some(self.warnings_of(&subject).await);
        shown.omissions = (!is_bounded).then(|| subject.listed());
    }

    /// The warnings about it, with names of properties where they help.
    pub(super) async fn warnings_of(&self, subject: &WarningContext<'_>) -> Vec<String> {
        let known = match subject.wants_names() {
            true => self.names.of(&self.journal, &subject.metric.definition.event).await.paths,
            false => BTreeSet::new(),
        };
        subject.warnings(&known)
    }

    /// What a metric could not use of the events of both its parts.
    async fn omissions(&self, metric: &MetricVersion) -> MetricOmissions {
        // No states, only the omissions.
        let nowhere = TimeRange { from: Timestamp(0), to: Timestamp(0) };
        let columns = ReadColumns { dimensions: Vec::new(), states: Vec::new() };
        let from = metric.boundary.epoch;
        let read = SpeedReadRequest { from, to: None, range: nowhere, columns: Some(columns) };
        let speed = match self.speed.read(metric, read).await {
            Ok(part) => part.omissions,
            Err(_) => MetricOmissions::unknown(),
        };
        merged_omissions(metric, speed)
    }

    /// What is doubtful about a definition, by the newest events: properties that none of them has,
    /// and types of which there are none while there are some of nearly the same name.
    pub(crate) async fn definition_warnings(&self, metric: &MetricVersion) -> Vec<String> {
        let definition = &metric.definition;
        let known = self.names.of(&self.journal, &definition.event).await;
        let mut doubts = Vec::new();
        if let EventTypes::Some(types) = &definition.event {
            let unknown = types.iter().filter(|name| !known.types.contains(*name));
            for name in unknown {
                if let Some(near) = nearest(name, known.types.iter().map(String::as_str)) {
                    doubts.push(format!(
                        "event: none of the newest events is of type `{name}`; did you mean \
                         `{near}`?"
                    ));
                }
            }
        }
        if !known.has_events {
            return doubts;
        }
        let mut warned = BTreeSet::new();
        for reading in all_readings(metric) {
            let path = &**reading.path;
            let is_absent = path != "event:subject" && !known.has(path);
            if is_absent && warned.insert((reading.usage, path)) {
                let (label, hint) = (label(reading.usage), hint(path, &known.paths));
                doubts.push(format!(
                    "{label}: none of the newest events of its type has the property \
                     `{path}`{hint}"
                ));
            }
        }
        doubts
    }
}

/// Every property that a metric reads, and what for.
pub(super) fn all_readings(metric: &MetricVersion) -> Vec<PropertyUse<'_>> {
    let measures: Vec<usize> = (0..metric.compiled.measures().len()).collect();
    let dimensions: Vec<usize> = (0..metric.definition.dimensions.len()).collect();
    metric.compiled.property_uses(&measures, &dimensions)
}
