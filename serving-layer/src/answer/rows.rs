//! Rows of an answer before they have values: which group each shows.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, RecordBatch, RecordBatchOptions};
use arrow::datatypes::{Field, Schema};
use merganser_metric::compile::{FinishedValues, Metric, OverflowCounts};
use merganser_metric::expression::Predicate;
use merganser_metric::table::StateTable;

use super::columns::NamedColumns;
use crate::error::ServingError;
use crate::memory::QueryMemoryGuard;
use crate::merge::HeldTable;

/// Groups that are finished at a time, where all are but few are kept.
pub(super) const PORTION: usize = 8_192;

/// Merged states with the names of their columns.
#[derive(Clone, Debug)]
pub struct MergedStates {
    /// The groups.
    pub table: Arc<HeldTable>,
    /// Names of the dimensions and of the states, as in the metric's layout.
    pub columns: Arc<[String]>,
}

/// The states of a range.
#[derive(Clone, Debug)]
pub struct RangeStates {
    /// Each event in the bucket that it lies in.
    pub counted: MergedStates,
    /// What rows show: the same, or what their windows hold.
    pub shown: MergedStates,
}

impl RangeStates {
    /// Of buckets that show themselves.
    #[must_use]
    pub fn of(merged: MergedStates) -> Self {
        Self { shown: merged.clone(), counted: merged }
    }
}

impl MergedStates {
    /// Another table with the same states.
    pub(super) fn with(&self, table: StateTable, held: QueryMemoryGuard) -> Self {
        let table = Arc::new(HeldTable::new(table, held));
        Self { table, columns: Arc::clone(&self.columns) }
    }

    /// The values of some measures for some groups, in their order.
    pub(super) fn finish(
        &self,
        metric: &Metric,
        measures: &[usize],
        groups: &[usize],
    ) -> Result<FinishedValues, ServingError> {
        let states = self.table.states();
        let names = &self.columns[self.columns.len() - states.len()..];
        let needed = metric.states_of(measures);
        let needed: Vec<String> =
            needed.iter().map(|state| metric.layout().state_name(*state)).collect();
        let columns = names.iter().zip(states).filter(|(name, _)| needed.contains(name));
        let columns = columns.map(|(name, states)| (name, states.emit(groups)));
        let (fields, columns): (Vec<Field>, Vec<ArrayRef>) = columns
            .map(|(name, values)| (Field::new(name, values.data_type().clone(), true), values))
            .unzip();
        let options = RecordBatchOptions::new().with_row_count(Some(groups.len()));
        let schema = Arc::new(Schema::new(fields));
        let states = RecordBatch::try_new_with_options(schema, columns, &options)?;
        Ok(metric.finish(measures, &states)?)
    }

    /// The groups that a condition over measures holds for, in their order; what it read and does
    /// not fit is added to `misfits`.
    pub(super) fn having(
        &self,
        metric: &Metric,
        (predicate, inputs): &(Predicate, Vec<usize>),
        misfits: &mut OverflowCounts,
    ) -> Result<Vec<u32>, ServingError> {
        let mut kept = Vec::new();
        for from in (0..self.table.len()).step_by(PORTION) {
            let groups: Vec<usize> = (from..self.table.len().min(from + PORTION)).collect();
            let mut columns = NamedColumns::default();
            let finished = self.finish(metric, inputs, &groups)?;
            for (measure, values) in inputs.iter().zip(finished.values) {
                columns.push(&metric.measures()[*measure].name, values);
            }
            misfits.extend(finished.misfits);
            let batch = columns.into_batch(groups.len())?;
            let holds: BooleanArray = predicate
                .matches(&batch)
                .map_err(|error| ServingError::Internal(error.to_string()))?;
            // A table holds at most 2³² groups.
            kept.extend(
                groups.iter().filter(|g| holds.value(**g - from)).map(|group| *group as u32),
            );
        }
        Ok(kept)
    }
}

/// A row: a bucket, dimension values, and where its measures come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct GroupRow {
    /// The bucket's start.
    pub(super) time: i64,
    /// A group with its dimension values.
    pub(super) key: u32,
    /// The group with its measures; none in a bucket that was empty.
    pub(super) source: Option<u32>,
}

impl GroupRow {
    /// That of a group.
    pub(super) fn of(table: &StateTable, group: u32) -> Self {
        Self { time: table.time(group as usize).0, key: group, source: Some(group) }
    }
}
