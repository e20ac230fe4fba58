//! Batch ⊕ speed: the merge that every answer comes from. Read this first.
//!
//! Both layers keep the same states of the same metric, one row a base bucket and combination of
//! dimension values. They differ only in the events that went in: the batch view holds the epochs
//! below the metric's boundary, the speed view those from it on. No event is in both, and the
//! boundary is a place in arrival order, so a late event needs no special care.
//!
//! Hence an answer is one sum over all rows of both: leave out the rows that a filter does not
//! match, move each to the answer's bucket, keep only the dimensions that the answer is grouped by,
//! and add the states of rows that now belong to the same group. Adding states is associative and
//! commutative bit for bit, so neither the order of rows nor the place of the boundary can show.
//!
//! Everything here is pure: no clock, no files, no network.

use std::ops::Deref;

use arrow::array::{ArrayRef, AsArray, RecordBatch};
use arrow::compute::filter_record_batch;
use arrow::datatypes::TimestampMicrosecondType;
use merganser_metric::compile::Metric;
use merganser_metric::expression::{ExpressionError, Predicate};
use merganser_metric::layout::StateLayout;
use merganser_metric::table::{StateTable, TableError};

use crate::cache::CacheValue;
use crate::calendar::BucketCalendar;
use crate::memory::{MemoryAccount, QueryMemoryGuard};

/// What the groups of an answer are, and which rows go into them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RowGrouping {
    calendar: BucketCalendar,
    filters: Vec<Predicate>,
    /// Columns of a group's dimensions and states, by name.
    columns: Vec<String>,
    layout: StateLayout,
    groups_max: usize,
}

impl RowGrouping {
    /// Groups by the calendar's buckets and by these dimensions, with these states; both by
    /// position in the metric's layout. More than `groups_max` groups are refused.
    #[must_use]
    pub fn new(
        metric: &Metric,
        calendar: BucketCalendar,
        filters: Vec<Predicate>,
        dimensions: &[usize],
        states: &[usize],
        groups_max: usize,
    ) -> Self {
        let layout = metric.layout();
        let names = dimensions.iter().map(|at| layout.dimensions[*at].clone());
        let columns = names.chain(states.iter().map(|at| layout.state_name(*at))).collect();
        let layout = layout.project(dimensions, states);
        Self { calendar, filters, columns, layout, groups_max }
    }

    /// Names of the columns of a merged table, after `time`: as in the metric's layout.
    #[must_use]
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// A table without groups.
    #[must_use]
    pub fn empty(&self) -> StateTable {
        StateTable::new(&self.layout)
    }

    /// Adds rows of either layer to a table. Columns are found by name.
    ///
    /// # Errors
    /// When there would be too many groups, or the rows are not the metric's.
    pub fn add(&self, table: &mut StateTable, rows: &RecordBatch) -> Result<(), MergeError> {
        let mut rows = rows.clone();
        for filter in &self.filters {
            rows = filter_record_batch(&rows, &filter.matches(&rows)?)?;
        }
        if rows.num_rows() == 0 {
            return Ok(());
        }
        let missing = |name: &str| MergeError::Rows(format!("there is no column `{name}`"));
        let column = |name: &String| -> Result<ArrayRef, MergeError> {
            rows.column_by_name(name).cloned().ok_or_else(|| missing(name))
        };
        let time = rows.column_by_name("time").ok_or_else(|| missing("time"))?;
        let times = time.as_primitive_opt::<TimestampMicrosecondType>();
        let buckets = self.calendar.buckets(times.ok_or_else(|| missing("time"))?.values());
        let mut columns = vec![("time", time.clone(), true)];
        for name in &self.columns {
            columns.push((name, column(name)?, true));
        }
        let regrouped = RecordBatch::try_from_iter_with_nullable(columns)?;
        table.merge_at(&buckets, &regrouped)?;
        match table.len() > self.groups_max {
            true => Err(MergeError::TooManyGroups { limit: self.groups_max }),
            false => Ok(()),
        }
    }
}

/// Adds the one group of a total, which is there even when nothing was counted.
///
/// # Errors
/// When the table has dimensions.
pub fn ensure_total(table: &mut StateTable) -> Result<(), MergeError> {
    table.groups(&[0], &[])?;
    Ok(())
}

/// A table with its memory.
#[derive(Debug)]
pub struct HeldTable {
    table: StateTable,
    held: QueryMemoryGuard,
}

impl HeldTable {
    /// A table that takes so much.
    #[must_use]
    pub fn new(table: StateTable, held: QueryMemoryGuard) -> Self {
        Self { table, held }
    }

    /// With its memory of another account, where it is there.
    #[must_use]
    pub fn moved_to(self, account: &MemoryAccount) -> Self {
        Self { held: self.held.moved_to(account), table: self.table }
    }
}

impl Deref for HeldTable {
    type Target = StateTable;

    fn deref(&self) -> &StateTable {
        &self.table
    }
}

impl CacheValue for HeldTable {
    fn size_bytes(&self) -> usize {
        self.held.bytes()
    }
}

/// What can go wrong in a merge.
#[derive(Debug, thiserror::Error)]
pub enum MergeError {
    /// The answer has more groups than are allowed.
    #[error("the answer has over {limit} groups")]
    TooManyGroups {
        /// Groups that are allowed.
        limit: usize,
    },
    /// The rows are not what the metric's layout says.
    #[error("rows of states cannot be merged: {0}")]
    Rows(String),
}

impl From<TableError> for MergeError {
    fn from(error: TableError) -> Self {
        Self::Rows(error.to_string())
    }
}

impl From<ExpressionError> for MergeError {
    fn from(error: ExpressionError) -> Self {
        Self::Rows(error.to_string())
    }
}

impl From<arrow::error::ArrowError> for MergeError {
    fn from(error: arrow::error::ArrowError) -> Self {
        Self::Rows(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::hash::{DefaultHasher, Hash, Hasher};
    use std::sync::Arc;

    use chrono_tz::Tz;
    use merganser_metric::definition::from_json;

    use super::*;
    use crate::calendar::{Granularity, ZoneOffsets};

    fn metric(places: u8) -> Metric {
        let definition = format!(
            r#"{{"name":"m","event":"e","dimensions":["a","b"],"measures":{{
                "events":{{"kind":"count"}},"values":{{"kind":"count","of":"x"}},
                "total":{{"kind":"sum","of":"x","places":{places}}}}}}}"#
        );
        Metric::compile(&from_json(definition.as_bytes()).unwrap()).unwrap()
    }

    /// Groupings of which each differs from the first in one field.
    fn groupings() -> Vec<RowGrouping> {
        let calendar =
            |tz, granularity| BucketCalendar::new(Arc::new(ZoneOffsets::new(tz)), granularity);
        let (metric, coarser) = (metric(9), metric(12));
        let days = || calendar(Tz::UTC, Granularity::Day);
        let filter = |text: &str| metric.condition(text).unwrap();
        let filters = || vec![filter("a = 'x'")];
        let of = RowGrouping::new;
        vec![
            of(&metric, days(), filters(), &[0], &[0, 2], 10),
            of(
                &metric,
                calendar(Tz::Europe__Berlin, Granularity::Day),
                filters(),
                &[0],
                &[0, 2],
                10,
            ),
            of(&metric, calendar(Tz::UTC, Granularity::HOUR), filters(), &[0], &[0, 2], 10),
            of(&metric, days(), Vec::new(), &[0], &[0, 2], 10),
            of(&metric, days(), vec![filter("a = 'y'")], &[0], &[0, 2], 10),
            of(&metric, days(), vec![filter("a = 'x'"), filter("b = 'x'")], &[0], &[0, 2], 10),
            of(&metric, days(), filters(), &[1], &[0, 2], 10),
            of(&metric, days(), filters(), &[0, 1], &[0, 2], 10),
            // Another column, in the same layout.
            of(&metric, days(), filters(), &[0], &[1, 2], 10),
            of(&metric, days(), filters(), &[0], &[0], 10),
            // Another layout, with the same names of columns.
            of(&coarser, days(), filters(), &[0], &[0, 2], 10),
            of(&metric, days(), filters(), &[0], &[0, 2], 11),
        ]
    }

    fn hash_of(grouping: &RowGrouping) -> u64 {
        let mut hasher = DefaultHasher::new();
        grouping.hash(&mut hasher);
        hasher.finish()
    }

    #[test]
    fn groupings_that_differ_in_a_field_are_unequal_and_equal_groupings_have_one_hash() {
        let (groupings, again) = (groupings(), groupings());
        for (at, grouping) in groupings.iter().enumerate() {
            for (other, same) in again.iter().enumerate() {
                assert_eq!(grouping == same, at == other, "{at} and {other}");
            }
            assert_eq!(hash_of(grouping), hash_of(&again[at]), "{at}");
        }
        let kept: HashSet<&RowGrouping> = groupings.iter().chain(&again).collect();
        assert_eq!(kept.len(), groupings.len());
    }
}
