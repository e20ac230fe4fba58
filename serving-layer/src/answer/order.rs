//! The order of rows, and the page of them that is kept.
//!
//! Rows come one after the other and only those that may be in the page stay, so that the first of
//! a million groups needs no memory for the others.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::rc::Rc;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{Decimal128Type, Int64Type, TimestampMicrosecondType};
use merganser_metric::compile::{Metric, OverflowCounts};

use super::rows::{GroupRow, MergedStates, PORTION};
use crate::error::ServingError;
use crate::memory::QueryMemoryGuard;
use crate::query::resolve::{SortColumn, SortDirection};

/// Bytes of a row that may be in the page, with a text.
const CANDIDATE_BYTES: usize = 160;

/// What rows are ordered by, and which of them are kept.
#[derive(Clone, Copy)]
pub(super) struct PageRequest<'a> {
    pub(super) merged: &'a MergedStates,
    pub(super) metric: &'a Metric,
    pub(super) order_by: &'a [(SortColumn, SortDirection)],
    /// How many dimensions there are.
    pub(super) dimensions: usize,
    pub(super) offset: usize,
    pub(super) limit: usize,
    /// Whether offset and limit are for each bucket.
    pub(super) per_bucket: bool,
}

/// The rows of the page so far. The last ones to come are yet to be looked at.
pub(super) struct PageBuilder<'a> {
    wanted: PageRequest<'a>,
    /// Measures among the keys, with their values in empty buckets.
    measures: Vec<(usize, Option<i128>)>,
    fresh: Vec<GroupRow>,
    candidates: Vec<CandidateRow>,
    /// Beyond so many candidates those that are not in the page go.
    room: usize,
    rows: usize,
    /// The last group that was finished.
    last: Option<(u32, Rc<[SortValue]>)>,
    misfits: OverflowCounts,
    held: QueryMemoryGuard,
}

/// A row that may be in the page.
struct CandidateRow {
    row: GroupRow,
    /// Of the measures among the keys.
    values: Rc<[SortValue]>,
}

/// A value of a measure, comparable with others of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum SortValue {
    Number(i128),
    Text(Box<str>),
    /// Nulls are last, whatever the direction.
    Null,
}

impl<'a> PageBuilder<'a> {
    /// A page without rows. `empty` is the value of a measure in an empty bucket; `held` is what
    /// the rows take.
    pub(super) fn new(
        wanted: PageRequest<'a>,
        empty: impl Fn(usize) -> Option<i128>,
        held: QueryMemoryGuard,
    ) -> Self {
        let measures = wanted.order_by.iter().filter_map(|(key, _)| key.measure());
        let measures = measures.map(|at| (at, empty(at))).collect();
        Self {
            wanted,
            measures,
            fresh: Vec::new(),
            candidates: Vec::new(),
            room: PORTION,
            rows: 0,
            last: None,
            misfits: OverflowCounts::default(),
            held,
        }
    }

    /// Adds a row.
    ///
    /// # Errors
    /// When its measures cannot be finished, or the page needs more memory than there is.
    pub(super) fn push(&mut self, row: GroupRow) -> Result<(), ServingError> {
        self.fresh.push(row);
        match self.fresh.len() < PORTION {
            true => Ok(()),
            false => self.finish_fresh_rows(),
        }
    }

    /// Finishes what the fresh rows are ordered by.
    fn finish_fresh_rows(&mut self) -> Result<(), ServingError> {
        let fresh = std::mem::take(&mut self.fresh);
        self.rows += fresh.len();
        let values = self.values(&fresh)?;
        let candidates =
            fresh.into_iter().zip(values).map(|(row, values)| CandidateRow { row, values });
        self.candidates.extend(candidates);
        if self.candidates.len() > self.room {
            self.prune();
            self.room = PORTION.max(2 * self.candidates.len());
        }
        self.held.resize(self.candidates.capacity() * CANDIDATE_BYTES)?;
        Ok(())
    }

    /// What some rows are ordered by of their measures.
    fn values(&mut self, rows: &[GroupRow]) -> Result<Vec<Rc<[SortValue]>>, ServingError> {
        if self.measures.is_empty() {
            return Ok(vec![Rc::default(); rows.len()]);
        }
        // Rows that were filled from the one before have its group: each is finished once.
        let mut last = self.last.as_ref().map(|(group, _)| *group);
        let mut groups = Vec::new();
        for group in rows.iter().filter_map(|row| row.source) {
            if last != Some(group) {
                groups.push(group as usize);
                last = Some(group);
            }
        }
        let measures: Vec<usize> = self.measures.iter().map(|(at, _)| *at).collect();
        let finished = self.wanted.merged.finish(self.wanted.metric, &measures, &groups)?;
        self.misfits.extend(finished.misfits);
        let mut next = 0;
        let mut values = Vec::with_capacity(rows.len());
        for row in rows {
            let Some(group) = row.source else {
                let empty = |(_, empty): &(_, Option<i128>)| {
                    empty.map_or(SortValue::Null, SortValue::Number)
                };
                values.push(self.measures.iter().map(empty).collect());
                continue;
            };
            let own = match self.last.take() {
                Some((last, own)) if last == group => own,
                _ => {
                    next += 1;
                    finished.values.iter().map(|column| value(column, next - 1)).collect()
                }
            };
            self.last = Some((group, Rc::clone(&own)));
            values.push(own);
        }
        Ok(values)
    }

    /// Lets go of what is not in the page.
    fn prune(&mut self) {
        let wanted = self.wanted;
        let compare = |a: &CandidateRow, b: &CandidateRow| wanted.compare(a, b);
        let end = wanted.offset.saturating_add(wanted.limit);
        if wanted.per_bucket {
            self.candidates.sort_unstable_by(compare);
            let mut place = bucket_ranks();
            self.candidates.retain(|candidate| place(&candidate.row) <= end);
        } else if end < self.candidates.len() {
            if end > 0 {
                self.candidates.select_nth_unstable_by(end, compare);
            }
            self.candidates.truncate(end);
        }
    }

    /// The rows of the page in order, how many there were before `limit` and `offset`, and what the
    /// keys had that does not fit.
    ///
    /// # Errors
    /// As [`PageBuilder::push`].
    pub(super) fn end(mut self) -> Result<(Vec<GroupRow>, usize, OverflowCounts), ServingError> {
        self.finish_fresh_rows()?;
        self.prune();
        let Self { wanted, mut candidates, rows, misfits, .. } = self;
        candidates.sort_unstable_by(|a, b| wanted.compare(a, b));
        let page = candidates.iter().map(|candidate| candidate.row);
        let page: Vec<GroupRow> = match wanted.per_bucket {
            true => {
                let mut place = bucket_ranks();
                page.filter(|row| place(row) > wanted.offset).collect()
            }
            false => page.skip(wanted.offset).collect(),
        };
        Ok((page, rows, misfits))
    }
}

impl PageRequest<'_> {
    /// A total order: by the keys with nulls last, then time, then dimensions.
    fn compare(&self, a: &CandidateRow, b: &CandidateRow) -> Ordering {
        let mut values = a.values.iter().zip(&*b.values);
        let keys = self.order_by.iter().map(|(key, direction)| match key {
            SortColumn::Time => apply_direction(a.row.time.cmp(&b.row.time), false, *direction),
            SortColumn::Dimension(at) => {
                let table = &self.merged.table;
                let is_null = |row: &GroupRow| table.dimension(row.key as usize, *at).is_none();
                let order = table.compare_values(a.row.key as usize, b.row.key as usize, *at);
                apply_direction(order, is_null(&a.row) || is_null(&b.row), *direction)
            }
            SortColumn::Measure(_) => values.next().map_or(Ordering::Equal, |(a, b)| {
                apply_direction(
                    a.cmp(b),
                    *a == SortValue::Null || *b == SortValue::Null,
                    *direction,
                )
            }),
        });
        let (one, other) = (a.row.key as usize, b.row.key as usize);
        let ties = (0..self.dimensions).map(|at| self.merged.table.compare_values(one, other, at));
        let mut all = keys.chain([a.row.time.cmp(&b.row.time)]).chain(ties);
        all.find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
    }
}

/// The place of each of some rows in order among those of its bucket, from 1 on.
fn bucket_ranks() -> impl FnMut(&GroupRow) -> usize {
    let mut seen: HashMap<i64, usize> = HashMap::new();
    move |row| {
        let place = seen.entry(row.time).or_default();
        *place += 1;
        *place
    }
}

/// Where one of the two is null the order does not depend on the direction.
fn apply_direction(order: Ordering, has_null: bool, direction: SortDirection) -> Ordering {
    match direction {
        SortDirection::Descending if !has_null => order.reverse(),
        SortDirection::Ascending | SortDirection::Descending => order,
    }
}

/// A value of a measure.
fn value(values: &ArrayRef, row: usize) -> SortValue {
    if values.is_null(row) {
        return SortValue::Null;
    }
    if let Some(counts) = values.as_primitive_opt::<Int64Type>() {
        return SortValue::Number(counts.value(row).into());
    }
    if let Some(decimals) = values.as_primitive_opt::<Decimal128Type>() {
        return SortValue::Number(decimals.value(row));
    }
    if let Some(times) = values.as_primitive_opt::<TimestampMicrosecondType>() {
        return SortValue::Number(times.value(row).into());
    }
    values
        .as_string_opt::<i32>()
        .map_or(SortValue::Null, |texts| SortValue::Text(texts.value(row).into()))
}
