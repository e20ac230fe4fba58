//! How much memory a query will need: estimated before it runs, from counts that are at hand.

use merganser_core::time::TimeRange;
use merganser_metric::catalog::MetricVersion;

use super::{PinnedQuery, ServingLayer};
use crate::answer::window;
use crate::calendar::{BucketCalendar, Granularity};
use crate::memory::MemoryNeed;
use crate::plan;
use crate::query::{FillPolicy, Query};

impl ServingLayer {
    /// What a query needs, by the rows that it reads or fills at most.
    pub(super) fn estimate_need(
        &self,
        query: &Query,
        metric: &MetricVersion,
        place: &PinnedQuery<'_>,
    ) -> MemoryNeed {
        let calendar = BucketCalendar::new(place.zone.clone(), query.granularity);
        let reach = window::reach(&calendar, query.window, place.edges);
        let asked = place.edges.range();
        let range = TimeRange { from: reach.map_or(asked.from, |reach| reach.from), ..asked };
        let rows = batch_rows(metric, &calendar, range)
            .saturating_add(self.speed.groups(metric.id))
            .saturating_add(filled_rows(query, metric, place));
        self.need_for_rows(rows)
    }

    /// What the reading of so many rows needs.
    pub(super) fn need_for_rows(&self, rows: u64) -> MemoryNeed {
        match rows <= self.settings.little_rows {
            true => MemoryNeed::Little,
            false => MemoryNeed::Much,
        }
    }
}

/// Rows of the batch view's files that lie in a range, as if they were evenly spread.
fn batch_rows(metric: &MetricVersion, calendar: &BucketCalendar, range: TimeRange) -> u64 {
    let covered = plan::covered_range(&metric.files, range);
    let pieces = plan::rollup_scans(calendar, metric.compiled.grain(), covered);
    let of = |piece: &plan::RollupScan| -> f64 {
        let files = metric.files.iter().filter(|file| file.grain == piece.grain);
        let rows = files.map(|file| {
            let (from, to) =
                (file.range.from.max(piece.range.from), file.range.to.min(piece.range.to));
            let whole = (file.range.to.0 - file.range.from.0).max(1) as f64;
            file.rows as f64 * ((to.0 - from.0).max(0) as f64 / whole)
        });
        rows.sum()
    };
    // More than there can be would still be a number.
    pieces.iter().map(of).sum::<f64>() as u64
}

/// Buckets that are filled, or shown for what their windows hold, for one group.
fn filled_rows(query: &Query, metric: &MetricVersion, place: &PinnedQuery<'_>) -> u64 {
    let is_filled = query.fill != FillPolicy::None || query.window.is_some();
    if !is_filled || query.granularity == Granularity::All {
        return 0;
    }
    // An open edge is that of the first or last bucket: about where the batch view begins, and now.
    let covered = plan::covered_range(&metric.files, TimeRange::ALL);
    let from = place.edges.from.unwrap_or(covered.from.min(place.now));
    let to = place.edges.to.unwrap_or(place.now);
    let length = query.granularity.length().unwrap_or(i64::MAX).max(1);
    u64::try_from(to.0.saturating_sub(from.0) / length).unwrap_or(0)
}
