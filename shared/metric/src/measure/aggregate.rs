//! What a kind of measure is: what it takes, which states it keeps, and how they become values.

use std::fmt::Debug;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Decimal128Array};
use merganser_core::decimal::Scale;
use merganser_core::property::PropertyType;

use super::StateKind;
use super::stored_state::StateError;

/// What a measure makes of its argument, `of`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ArgumentUse {
    /// Whether there is a value; events count without an argument.
    Presence,
    /// Numbers.
    Number,
    /// Numbers or times.
    Ordered,
    /// Values of any type, to distinguish them.
    Identity,
    /// Values of the type that the definition says, each with its event's time and offset.
    Placed,
}

/// What is the same for all measures of a kind.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MeasureRules {
    /// What its argument is used as.
    pub(crate) argument: ArgumentUse,
    /// Whether its values are rounded to `places` of its own.
    pub(crate) has_places: bool,
    /// Whether a bucket without events has the value 0, and not null.
    pub(crate) is_zero_without_events: bool,
    /// Where a value that could not be used is missing, for warnings: `in the sum`.
    pub(crate) phrase: Option<&'static str>,
    /// How its values are estimated; `None` of values that are exact.
    pub(crate) estimate: Option<MeasureEstimate>,
}

/// How a measure's values are estimated.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MeasureEstimate {
    /// The sketch: `hll` or `ddsketch`.
    pub method: &'static str,
    /// The sketch's relative error (of `hll`: one standard deviation); `None` of an expression
    /// over estimates.
    pub relative_error: Option<f64>,
}

impl MeasureRules {
    /// Exact values without places of their own, null without events.
    pub(super) const fn of(argument: ArgumentUse) -> Self {
        Self {
            argument,
            has_places: false,
            is_zero_without_events: false,
            phrase: None,
            estimate: None,
        }
    }
}

/// What a measure's definition says of its values.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MeasureShape {
    /// For quantiles, from 0 to 1.
    pub(crate) q: f64,
    /// The type of its values.
    pub(crate) ty: PropertyType,
    /// The places that numbers are rounded to before they are folded.
    pub(crate) scale: Scale,
}

/// The values of a measure.
#[derive(Debug)]
pub(crate) struct FinishedMeasure {
    /// One a group.
    pub(crate) values: ArrayRef,
    /// Groups whose value does not fit 38 digits and is null for it.
    pub(crate) overflows: usize,
    /// The places of its decimals.
    pub(crate) scale: Scale,
}

impl FinishedMeasure {
    /// Values that always fit.
    pub(super) fn fitting(values: ArrayRef) -> Self {
        Self { values, overflows: 0, scale: Scale::DEFAULT }
    }

    /// Decimals, of which `nulls` have no value; the other nulls do not fit.
    pub(super) fn decimals(values: Decimal128Array, scale: Scale, nulls: usize) -> Self {
        let overflows = values.null_count() - nulls;
        Self { values: Arc::new(values.with_data_type(scale.value_type())), overflows, scale }
    }
}

/// A kind of measure that aggregates events.
pub(crate) trait MeasureAggregate: Debug + Sync {
    /// What is the same for all its measures.
    fn rules(&self) -> MeasureRules;

    /// The states that it keeps, in the order in which [`MeasureAggregate::finish`] takes them.
    fn states(&self, argument: PropertyType, scale: Scale) -> Vec<StateKind>;

    /// The type of its values.
    fn result_type(&self, argument: PropertyType) -> PropertyType {
        let _ = argument;
        PropertyType::Number
    }

    /// Values from merged states.
    ///
    /// # Errors
    /// When a state cannot be read.
    fn finish(
        &self,
        measure: &MeasureShape,
        states: &[&ArrayRef],
    ) -> Result<FinishedMeasure, StateError>;
}
