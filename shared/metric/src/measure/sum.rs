//! `sum`: the exact decimal sum of values; `avg`: that sum over their count, divided after the
//! merge.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Decimal128Array, Decimal256Array};
use arrow::datatypes::{Decimal256Type, Int64Type, i256};
use merganser_core::decimal::{self, Scale};
use merganser_core::failpoint::is_bug_planted;
use merganser_core::property::PropertyType;

use super::StateKind;
use super::aggregate::{
    ArgumentUse, FinishedMeasure, MeasureAggregate, MeasureRules, MeasureShape,
};
use super::column::StateFormat;
use super::stored_state::{StateError, each_number, mistyped_state};

/// A sum in units of the scale, null without values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct SumFormat(pub(super) Scale);

fn add(state: &mut Option<i256>, value: i256) {
    // 2⁶³ values below 10³⁸ stay below 10⁵⁷.
    *state = Some(state.unwrap_or(i256::ZERO).wrapping_add(value));
}

impl StateFormat for SumFormat {
    type State = Option<i256>;

    fn kind(self) -> StateKind {
        StateKind::Sum(self.0)
    }

    fn update(
        self,
        states: &mut [Option<i256>],
        groups: &[usize],
        values: Option<&ArrayRef>,
    ) -> Result<(), StateError> {
        let is_rounded = is_bug_planted("float_sums");
        each_number(
            self.kind(),
            || self.0.value_type(),
            values,
            groups,
            |group, value| {
                add(&mut states[group], i256::from_i128(value));
                if is_rounded {
                    states[group] = states[group].map(as_float);
                }
            },
        )
    }

    fn merge(
        self,
        states: &mut [Option<i256>],
        groups: &[usize],
        stored: &ArrayRef,
    ) -> Result<(), StateError> {
        let sums = stored.as_primitive_opt::<Decimal256Type>();
        let sums = sums.ok_or_else(|| mistyped_state(self.kind(), stored))?;
        for (sum, group) in sums.iter().zip(groups) {
            sum.into_iter().for_each(|sum| add(&mut states[*group], sum));
        }
        Ok(())
    }

    fn merge_state(self, state: &mut Option<i256>, other: &Option<i256>) -> Result<(), StateError> {
        other.iter().for_each(|sum| add(state, *sum));
        Ok(())
    }

    fn emit(self, states: &[Option<i256>], groups: &[usize]) -> ArrayRef {
        let array: Decimal256Array = groups.iter().map(|g| states[*g]).collect();
        Arc::new(array.with_data_type(self.0.sum_type()))
    }
}

/// A planted bug: the sum as a float holds it.
fn as_float(sum: i256) -> i256 {
    sum.to_i128().map_or(sum, |sum| i256::from_i128(sum as f64 as i128))
}

/// The measure `sum`.
#[derive(Debug)]
pub(super) struct SumMeasure;

impl MeasureAggregate for SumMeasure {
    fn rules(&self) -> MeasureRules {
        MeasureRules {
            has_places: true,
            is_zero_without_events: true,
            phrase: Some("in the sum"),
            ..MeasureRules::of(ArgumentUse::Number)
        }
    }

    fn states(&self, _: PropertyType, scale: Scale) -> Vec<StateKind> {
        vec![StateKind::Sum(scale)]
    }

    fn finish(
        &self,
        measure: &MeasureShape,
        states: &[&ArrayRef],
    ) -> Result<FinishedMeasure, StateError> {
        let sums = states[0].as_primitive::<Decimal256Type>();
        let values: Decimal128Array =
            sums.iter().map(|sum| sum.and_then(decimal::finish_sum)).collect();
        Ok(FinishedMeasure::decimals(values, measure.scale, sums.null_count()))
    }
}

/// The measure `avg`.
#[derive(Debug)]
pub(super) struct AvgMeasure;

impl MeasureAggregate for AvgMeasure {
    fn rules(&self) -> MeasureRules {
        MeasureRules {
            has_places: true,
            phrase: Some("in the average"),
            ..MeasureRules::of(ArgumentUse::Number)
        }
    }

    fn states(&self, _: PropertyType, scale: Scale) -> Vec<StateKind> {
        vec![StateKind::Sum(scale), StateKind::Count]
    }

    fn finish(
        &self,
        measure: &MeasureShape,
        states: &[&ArrayRef],
    ) -> Result<FinishedMeasure, StateError> {
        let sums = states[0].as_primitive::<Decimal256Type>();
        let counts = states[1].as_primitive::<Int64Type>().iter();
        let means = sums.iter().zip(counts);
        let means: Decimal128Array =
            means.map(|(sum, count)| measure.scale.average(sum?, count?)).collect();
        Ok(FinishedMeasure::decimals(means, measure.scale.of_mean(), sums.null_count()))
    }
}
