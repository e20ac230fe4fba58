//! Rows of an answer before they have values: which group each shows, in which order.

use std::cmp::Ordering;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, RecordBatchOptions};
use arrow::datatypes::{Decimal128Type, Field, Int64Type, Schema, TimestampMicrosecondType};
use shared::compile::{Finished, Metric};
use shared::table::StateTable;

use crate::error::Error;
use crate::query::resolve::{Direction, Key};

/// Merged states with the names of their columns.
#[derive(Clone, Debug)]
pub struct Merged {
    /// The groups.
    pub table: Arc<StateTable>,
    /// Names of the dimensions and of the states, as in the metric's layout.
    pub columns: Arc<[String]>,
}

impl Merged {
    /// The values of some measures for some groups, in their order.
    pub(super) fn finish(
        &self,
        metric: &Metric,
        measures: &[usize],
        groups: &[usize],
    ) -> Result<Finished, Error> {
        let states = self.table.states();
        let names = &self.columns[self.columns.len() - states.len()..];
        let columns: Vec<ArrayRef> = states.iter().map(|states| states.emit(groups)).collect();
        let fields = names.iter().zip(&columns);
        let fields = fields.map(|(name, c)| Field::new(name, c.data_type().clone(), true));
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        let options = RecordBatchOptions::new().with_row_count(Some(groups.len()));
        let states = RecordBatch::try_new_with_options(schema, columns, &options)?;
        Ok(metric.finish(measures, &states)?)
    }

    /// The values of some measures for all groups, to order or choose them by.
    pub(super) fn finish_all(
        &self,
        metric: &Metric,
        measures: &[usize],
    ) -> Result<Finished, Error> {
        let groups: Vec<usize> = (0..self.table.len()).collect();
        self.finish(metric, measures, &groups)
    }
}

/// A row: a bucket, dimension values, and where its measures come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Row {
    /// The bucket's start.
    pub(super) time: i64,
    /// A group with its dimension values.
    pub(super) key: u32,
    /// The group with its measures; none in a bucket that was empty.
    pub(super) source: Option<u32>,
}

/// A row for every group.
pub(super) fn of_groups(table: &StateTable) -> Vec<Row> {
    // A table holds at most 2³² groups.
    let row = |group: usize| {
        let number = group as u32;
        Row { time: table.time(group).0, key: number, source: Some(number) }
    };
    (0..table.len()).map(row).collect()
}

/// What rows are compared by.
pub(super) struct Sorting {
    keys: Vec<(Column, Direction)>,
    /// Ranks by group, of every dimension.
    ranks: Vec<Arc<[u32]>>,
}

enum Column {
    Time,
    Rank(Arc<[u32]>),
    /// Values by group, and that of empty buckets.
    Value(Vec<Option<i128>>, Option<i128>),
}

impl Sorting {
    /// Prepares the columns; also gives warnings of the values in them. `empty` is the value of a
    /// measure in an empty bucket.
    pub(super) fn new(
        merged: &Merged,
        metric: &Metric,
        dimensions: usize,
        order_by: &[(Key, Direction)],
        empty: impl Fn(usize) -> Option<i128>,
    ) -> Result<(Self, Vec<String>), Error> {
        let ranks: Vec<Arc<[u32]>> =
            (0..dimensions).map(|at| merged.table.ranks(at).into()).collect();
        let (mut keys, mut warnings) = (Vec::new(), Vec::new());
        for (key, direction) in order_by {
            let column = match key {
                Key::Time => Column::Time,
                Key::Dimension(at) => Column::Rank(Arc::clone(&ranks[*at])),
                Key::Measure(at) => {
                    let finished = merged.finish_all(metric, &[*at])?;
                    warnings.extend(finished.warnings);
                    let values = finished.values.first().map(comparable).unwrap_or_default();
                    Column::Value(values, empty(*at))
                }
            };
            keys.push((column, *direction));
        }
        Ok((Self { keys, ranks }, warnings))
    }

    /// A total order: by the keys with nulls last, then time, then dimensions.
    pub(super) fn compare(&self, a: &Row, b: &Row) -> Ordering {
        let keys = self.keys.iter().map(|(column, direction)| match column {
            Column::Time => directed(Some(a.time), Some(b.time), *direction),
            Column::Rank(ranks) => {
                let rank = |row: &Row| Some(ranks[row.key as usize]).filter(|r| *r != u32::MAX);
                directed(rank(a), rank(b), *direction)
            }
            Column::Value(values, empty) => {
                let value = |row: &Row| row.source.map_or(*empty, |group| values[group as usize]);
                directed(value(a), value(b), *direction)
            }
        });
        let ties = self.ranks.iter().map(|r| r[a.key as usize].cmp(&r[b.key as usize]));
        let mut all = keys.chain([a.time.cmp(&b.time)]).chain(ties);
        all.find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
    }

    /// Puts the rows in order and keeps those of a page.
    pub(super) fn page(&self, mut rows: Vec<Row>, offset: usize, limit: usize) -> Vec<Row> {
        let end = offset.saturating_add(limit);
        if end == 0 || offset >= rows.len() {
            return Vec::new();
        }
        if end < rows.len() {
            rows.select_nth_unstable_by(end, |a, b| self.compare(a, b));
            rows.truncate(end);
        }
        rows.sort_unstable_by(|a, b| self.compare(a, b));
        rows.split_off(offset)
    }

    /// Puts the rows in order and keeps those of a page in each bucket.
    pub(super) fn page_per_bucket(
        &self,
        mut rows: Vec<Row>,
        offset: usize,
        limit: usize,
    ) -> Vec<Row> {
        rows.sort_unstable_by(|a, b| self.compare(a, b));
        let mut seen: HashMap<i64, usize> = HashMap::new();
        rows.retain(|row| {
            let place = seen.entry(row.time).or_default();
            *place += 1;
            *place > offset && *place - offset <= limit
        });
        rows
    }
}

/// Nulls are last whatever the direction.
fn directed<T: Ord>(a: Option<T>, b: Option<T>, direction: Direction) -> Ordering {
    match (a, b, direction) {
        (Some(a), Some(b), Direction::Ascending) => a.cmp(&b),
        (Some(a), Some(b), Direction::Descending) => b.cmp(&a),
        (Some(_), None, _) => Ordering::Less,
        (None, Some(_), _) => Ordering::Greater,
        (None, None, _) => Ordering::Equal,
    }
}

/// A measure's values, comparable with each other: texts as their places in the order of texts.
fn comparable(values: &ArrayRef) -> Vec<Option<i128>> {
    if let Some(counts) = values.as_primitive_opt::<Int64Type>() {
        return counts.iter().map(|count| count.map(i128::from)).collect();
    }
    if let Some(decimals) = values.as_primitive_opt::<Decimal128Type>() {
        return decimals.iter().collect();
    }
    if let Some(times) = values.as_primitive_opt::<TimestampMicrosecondType>() {
        return times.iter().map(|time| time.map(i128::from)).collect();
    }
    let Some(texts) = values.as_string_opt::<i32>() else { return vec![None; values.len()] };
    let places: BTreeSet<&str> = texts.iter().flatten().collect();
    let places: HashMap<&str, i128> = places.into_iter().zip(0..).collect();
    texts.iter().map(|text| places.get(text?).copied()).collect()
}
