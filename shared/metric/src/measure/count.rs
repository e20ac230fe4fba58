//! `count`: the number of events, or of values that are not null.

use arrow::array::{Array, ArrayRef, AsArray, Int64Array};
use arrow::datatypes::Int64Type;
use merganser_core::decimal::Scale;
use merganser_core::property::PropertyType;
use std::sync::Arc;

use super::StateKind;
use super::aggregate::{
    ArgumentUse, FinishedMeasure, MeasureAggregate, MeasureRules, MeasureShape,
};
use super::column::StateFormat;
use super::stored_state::{StateError, mistyped_state};

/// A number of events, below 2⁶³.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct CountFormat;

fn add(count: &mut i64, by: i64) -> Result<(), StateError> {
    *count = count.checked_add(by).ok_or(StateError::CountOverflow)?;
    Ok(())
}

impl StateFormat for CountFormat {
    type State = i64;

    fn kind(self) -> StateKind {
        StateKind::Count
    }

    fn update(
        self,
        states: &mut [i64],
        groups: &[usize],
        values: Option<&ArrayRef>,
    ) -> Result<(), StateError> {
        let nulls = values.and_then(|v| v.logical_nulls());
        for (row, group) in groups.iter().enumerate() {
            if nulls.as_ref().is_none_or(|n| n.is_valid(row)) {
                add(&mut states[*group], 1)?;
            }
        }
        Ok(())
    }

    fn merge(
        self,
        states: &mut [i64],
        groups: &[usize],
        stored: &ArrayRef,
    ) -> Result<(), StateError> {
        let counts = stored.as_primitive_opt::<Int64Type>();
        let counts = counts.ok_or_else(|| mistyped_state(self.kind(), stored))?;
        let mut counts = counts.iter().zip(groups);
        counts.try_for_each(|(count, group)| add(&mut states[*group], count.unwrap_or(0)))
    }

    fn merge_state(self, state: &mut i64, other: &i64) -> Result<(), StateError> {
        add(state, *other)
    }

    fn emit(self, states: &[i64], groups: &[usize]) -> ArrayRef {
        Arc::new(Int64Array::from_iter_values(groups.iter().map(|g| states[*g])))
    }
}

/// The measure.
#[derive(Debug)]
pub(super) struct CountMeasure;

impl MeasureAggregate for CountMeasure {
    fn rules(&self) -> MeasureRules {
        MeasureRules { is_zero_without_events: true, ..MeasureRules::of(ArgumentUse::Presence) }
    }

    fn states(&self, _: PropertyType, _: Scale) -> Vec<StateKind> {
        vec![StateKind::Count]
    }

    fn finish(
        &self,
        _: &MeasureShape,
        states: &[&ArrayRef],
    ) -> Result<FinishedMeasure, StateError> {
        Ok(FinishedMeasure::fitting(Arc::clone(states[0])))
    }
}
