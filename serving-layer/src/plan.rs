//! Which rollups an answer is read from. Pure.
//!
//! A rollup's bucket can stand for the base buckets in it where it lies wholly within the range and
//! within one bucket of the answer. So a range is cut: its aligned middle is read from the coarsest
//! rollup, without those buckets in which one of the answer's ends (local midnights are not UTC's);
//! these and the edges are read from the next finer one.

use arrow::array::{AsArray, BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use arrow::datatypes::TimestampMicrosecondType;
use arrow::error::ArrowError;
use merganser_core::time::{Grain, TimeRange, Timestamp};
use merganser_metric::catalog::ViewFile;

use crate::calendar::BucketCalendar;

/// Buckets of a rollup that may be replaced by finer ones, since each costs a read of its own.
const CUTS_MAX: usize = 48;

/// A part of a range that is read from one rollup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RollupScan {
    /// The rollup.
    pub grain: Grain,
    /// What is read of it.
    pub range: TimeRange,
    /// Parts of `range` that other pieces read, ascending.
    pub without: Vec<TimeRange>,
}

impl RollupScan {
    /// Leaves out the rows that other pieces read.
    ///
    /// # Errors
    /// When the rows have no bucket starts.
    pub fn keep(&self, rows: RecordBatch) -> Result<RecordBatch, ArrowError> {
        if self.without.is_empty() {
            return Ok(rows);
        }
        let times = rows
            .column_by_name("time")
            .and_then(|column| column.as_primitive_opt::<TimestampMicrosecondType>())
            .ok_or_else(|| ArrowError::SchemaError("there is no column `time`".to_owned()))?;
        let inside = |time: &i64| {
            let at = self.without.partition_point(|cut| cut.to.0 <= *time);
            !self.without.get(at).is_some_and(|cut| cut.contains(Timestamp(*time)))
        };
        let mask: BooleanArray = times.values().iter().map(|time| Some(inside(time))).collect();
        filter_record_batch(&rows, &mask)
    }
}

/// The part of `range` in which a batch view has files, in whole days where `range` allows.
#[must_use]
pub fn covered_range(files: &[ViewFile], range: TimeRange) -> TimeRange {
    let from = files.iter().map(|file| file.range.from).min().unwrap_or(range.to);
    let to = files.iter().map(|file| file.range.to).max().unwrap_or(range.from);
    TimeRange {
        from: range.from.max(Grain::Day.floor(from)),
        to: range.to.min(Grain::Day.ceil(to)),
    }
}

/// Cuts a range, whose edges are base buckets', into pieces. Each base bucket is in exactly one.
#[must_use]
pub fn rollup_scans(calendar: &BucketCalendar, base: Grain, range: TimeRange) -> Vec<RollupScan> {
    let mut pieces = Vec::new();
    if !range.is_empty() {
        split_range(calendar, base.rollups(), range, &mut pieces);
    }
    pieces
}

/// `grains` go from fine to coarse.
fn split_range(
    calendar: &BucketCalendar,
    grains: &[Grain],
    range: TimeRange,
    pieces: &mut Vec<RollupScan>,
) {
    let Some((grain, finer)) = grains.split_last() else { return };
    let whole = |grain: Grain, range| RollupScan { grain, range, without: Vec::new() };
    if finer.is_empty() {
        pieces.push(whole(*grain, range));
        return;
    }
    let middle = TimeRange { from: grain.ceil(range.from), to: grain.floor(range.to) };
    if middle.is_empty() {
        return split_range(calendar, finer, range, pieces);
    }
    let Some(without) = cuts(calendar, *grain, middle) else {
        return split_range(calendar, finer, range, pieces);
    };
    let head = TimeRange { from: range.from, to: middle.from };
    let tail = TimeRange { from: middle.to, to: range.to };
    for part in [head].into_iter().chain(without.iter().copied()).chain([tail]) {
        if !part.is_empty() {
            split_range(calendar, finer, part, pieces);
        }
    }
    pieces.push(RollupScan { without, ..whole(*grain, middle) });
}

/// Buckets of `grain` that an edge between two of the answer's buckets lies in. `None` when there
/// are so many that a finer rollup is the better choice for all.
fn cuts(calendar: &BucketCalendar, grain: Grain, range: TimeRange) -> Option<Vec<TimeRange>> {
    if calendar.granularity().is_finer_than(grain) {
        return None;
    }
    let buckets = (range.to.0 - range.from.0) / grain.micros();
    let max = CUTS_MAX.min(usize::try_from(buckets / 2).unwrap_or(CUTS_MAX));
    let mut cuts: Vec<TimeRange> = Vec::new();
    let mut count = 0;
    let mut span = calendar.span(range.from);
    while span.range.to < range.to {
        let edge = span.range.to;
        let next = calendar.span(edge);
        let from = grain.floor(edge);
        let known = cuts.last().is_some_and(|last| last.contains(from));
        if next.bucket != span.bucket && from != edge && !known {
            let to = Timestamp(from.0 + grain.micros());
            match cuts.last_mut().filter(|last| last.to == from) {
                Some(last) => last.to = to,
                None => cuts.push(TimeRange { from, to }),
            }
            count += 1;
            if count > max {
                return None;
            }
        }
        span = next;
    }
    Some(cuts)
}

#[cfg(test)]
mod tests;
