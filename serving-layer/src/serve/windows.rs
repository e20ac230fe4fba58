//! What windows reach back to, read and merged.

use merganser_core::blocking::run_blocking;
use merganser_core::time::TimeRange;

use super::ServingLayer;
use super::read::{AttemptError, ReadContext, SpeedRows};
use crate::answer::window::{self, WindowInput};
use crate::answer::{MergedStates, RangeStates};
use crate::error::ServingError;
use crate::query::resolve::{RangeEdges, check_fit};

/// A range with what windows of its buckets reach back to.
pub(super) fn window_range(
    part: &ReadContext<'_>,
    edges: RangeEdges,
) -> Result<TimeRange, ServingError> {
    let (calendar, range) = (&part.resolved.calendar, edges.range());
    let Some(reach) = window::reach(calendar, part.query.window, edges) else { return Ok(range) };
    check_fit(calendar, part.metric.compiled.grain(), reach)?;
    Ok(TimeRange { from: reach.from, to: range.to })
}

impl ServingLayer {
    /// The states of a range that was merged: with `window`, also what rows show of it. `asked` are
    /// the edges that were read, and `edges` those that are answered.
    pub(super) async fn range_states(
        &self,
        part: &ReadContext<'_>,
        merged: MergedStates,
        edges: RangeEdges,
        asked: RangeEdges,
        speed: &SpeedRows,
    ) -> Result<RangeStates, AttemptError> {
        let Some(window) = part.query.window else { return Ok(RangeStates::of(merged)) };
        let before = match window::reach(&part.resolved.calendar, Some(window), asked) {
            Some(TimeRange { from, to }) => {
                let edges = RangeEdges { from: Some(from), to: Some(to) };
                Some(self.read_also(part, edges, speed).await?)
            }
            None => None,
        };
        let (calendar, groups_max) = (part.resolved.calendar.clone(), self.settings.groups_max);
        let work = part.work.clone();
        let states = run_blocking(move || {
            let source = WindowInput {
                calendar: &calendar,
                window,
                edges,
                counted: &merged,
                before: before.as_ref(),
                groups_max,
                account: work.account(),
            };
            let shown = window::slide(&source, || work.check())?;
            Ok::<_, ServingError>(RangeStates { counted: merged, shown })
        });
        Ok(states.await?)
    }
}
