//! `min` and `max`: the least and the greatest value, of numbers and of times.

use std::marker::PhantomData;
use std::sync::Arc;

use arrow::array::{ArrayRef, Decimal128Array, TimestampMicrosecondArray};
use merganser_core::decimal::Scale;
use merganser_core::property::PropertyType;
use merganser_core::time::timestamp_type;

use super::aggregate::{
    ArgumentUse, FinishedMeasure, MeasureAggregate, MeasureRules, MeasureShape,
};
use super::column::StateFormat;
use super::stored_state::{StateError, each_number};
use super::{ExtremeType, StateKind};

/// Which of two values is kept.
pub(super) trait ExtremeEnd:
    Copy + std::fmt::Debug + PartialEq + Send + Sync + 'static
{
    fn kind(values: ExtremeType) -> StateKind;
    fn of(a: i128, b: i128) -> i128;
    const PHRASE: &'static str;
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct LeastValue;

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct GreatestValue;

impl ExtremeEnd for LeastValue {
    fn kind(values: ExtremeType) -> StateKind {
        StateKind::Min(values)
    }

    fn of(a: i128, b: i128) -> i128 {
        a.min(b)
    }

    const PHRASE: &'static str = "in the minimum";
}

impl ExtremeEnd for GreatestValue {
    fn kind(values: ExtremeType) -> StateKind {
        StateKind::Max(values)
    }

    fn of(a: i128, b: i128) -> i128 {
        a.max(b)
    }

    const PHRASE: &'static str = "in the maximum";
}

/// A value in units of its type, null without values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct ExtremeFormat<E>(ExtremeType, PhantomData<E>);

impl<E> ExtremeFormat<E> {
    pub(super) fn new(values: ExtremeType) -> Self {
        Self(values, PhantomData)
    }
}

fn keep<E: ExtremeEnd>(state: &mut Option<i128>, value: i128) {
    *state = Some(state.map_or(value, |old| E::of(old, value)));
}

impl<E: ExtremeEnd> StateFormat for ExtremeFormat<E> {
    type State = Option<i128>;

    fn kind(self) -> StateKind {
        E::kind(self.0)
    }

    fn update(
        self,
        states: &mut [Option<i128>],
        groups: &[usize],
        values: Option<&ArrayRef>,
    ) -> Result<(), StateError> {
        each_number(
            self.kind(),
            || self.0.data_type(),
            values,
            groups,
            |group, value| {
                keep::<E>(&mut states[group], value);
            },
        )
    }

    fn merge(
        self,
        states: &mut [Option<i128>],
        groups: &[usize],
        stored: &ArrayRef,
    ) -> Result<(), StateError> {
        self.update(states, groups, Some(stored))
    }

    fn merge_state(self, state: &mut Option<i128>, other: &Option<i128>) -> Result<(), StateError> {
        other.iter().for_each(|value| keep::<E>(state, *value));
        Ok(())
    }

    fn emit(self, states: &[Option<i128>], groups: &[usize]) -> ArrayRef {
        let values = groups.iter().map(|g| states[*g]);
        match self.0 {
            ExtremeType::Number(scale) => {
                let values: Decimal128Array = values.collect();
                Arc::new(values.with_data_type(scale.value_type()))
            }
            ExtremeType::Time => {
                let times = values.map(|time| time.and_then(|time| i64::try_from(time).ok()));
                let times: TimestampMicrosecondArray = times.collect();
                Arc::new(times.with_data_type(timestamp_type()))
            }
        }
    }
}

/// The measure of one end.
#[derive(Debug)]
pub(super) struct ExtremeMeasure<E>(pub(super) E);

impl<E: ExtremeEnd> MeasureAggregate for ExtremeMeasure<E> {
    fn rules(&self) -> MeasureRules {
        MeasureRules {
            has_places: true,
            phrase: Some(E::PHRASE),
            ..MeasureRules::of(ArgumentUse::Ordered)
        }
    }

    fn states(&self, ty: PropertyType, scale: Scale) -> Vec<StateKind> {
        vec![E::kind(match ty {
            PropertyType::Time => ExtremeType::Time,
            _ => ExtremeType::Number(scale),
        })]
    }

    fn result_type(&self, argument: PropertyType) -> PropertyType {
        match argument {
            PropertyType::Time => PropertyType::Time,
            _ => PropertyType::Number,
        }
    }

    fn finish(
        &self,
        _: &MeasureShape,
        states: &[&ArrayRef],
    ) -> Result<FinishedMeasure, StateError> {
        Ok(FinishedMeasure::fitting(Arc::clone(states[0])))
    }
}
