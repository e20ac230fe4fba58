//! States as DataFusion aggregates, so that the batch layer's plans stay columnar.
//!
//! An aggregate's result is the state itself in its stored encoding, never a finished value. There
//! are two per kind: one that folds values and one that merges stored states. Both are thin: the
//! work is that of [`StateColumn`], which the speed layer uses too.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, BooleanArray};
use datafusion::arrow::compute::filter;
use datafusion::arrow::datatypes::{DataType, FieldRef};
use datafusion::common::{DataFusionError, Result, ScalarValue};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::{AggregateOrderSensitivity, format_state_name};
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, EmitTo, GroupsAccumulator, Signature, Volatility,
};

use super::{StateColumn, StateError, StateKind};

/// The aggregate that folds one column of values into states of `kind`.
#[must_use]
pub fn fold_aggregate(kind: StateKind) -> AggregateUDF {
    StateAggregate::new(kind, AggregateInput::Values).into()
}

/// The aggregate that merges one column of stored states of `kind`.
#[must_use]
pub fn merge_aggregate(kind: StateKind) -> AggregateUDF {
    StateAggregate::new(kind, AggregateInput::States).into()
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum AggregateInput {
    Values,
    States,
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct StateAggregate {
    name: String,
    signature: Signature,
    kind: StateKind,
    input: AggregateInput,
}

impl StateAggregate {
    fn new(kind: StateKind, input: AggregateInput) -> Self {
        let verb = match input {
            AggregateInput::Values => "fold",
            AggregateInput::States => "merge",
        };
        Self {
            name: format!("{verb}_{}", kind.name()),
            signature: Signature::any(1, Volatility::Immutable),
            kind,
            input,
        }
    }

    fn states(&self) -> StateGroupsAccumulator {
        StateGroupsAccumulator { column: StateColumn::new(self.kind), input: self.input }
    }
}

impl AggregateUDFImpl for StateAggregate {
    fn name(&self) -> &str {
        &self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(self.kind.data_type())
    }

    fn accumulator(&self, _: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(SingleStateAccumulator(self.states())))
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        let name = format_state_name(args.name, "state");
        Ok(vec![Arc::new(args.return_field.as_ref().clone().with_name(name))])
    }

    fn groups_accumulator_supported(&self, _: AccumulatorArgs<'_>) -> bool {
        true
    }

    fn create_groups_accumulator(
        &self,
        _: AccumulatorArgs<'_>,
    ) -> Result<Box<dyn GroupsAccumulator>> {
        Ok(Box::new(self.states()))
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        AggregateOrderSensitivity::Insensitive
    }
}

/// Many groups at once.
#[derive(Debug)]
struct StateGroupsAccumulator {
    column: StateColumn,
    input: AggregateInput,
}

impl StateGroupsAccumulator {
    fn take(&mut self, emit_to: EmitTo) -> ArrayRef {
        let groups = self.column.len();
        let first = match emit_to {
            EmitTo::All => groups,
            EmitTo::First(n) => n.min(groups),
        };
        let emitted = self.column.emit(&(0..first).collect::<Vec<_>>());
        self.column.drop_first(first);
        emitted
    }
}

impl GroupsAccumulator for StateGroupsAccumulator {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        opt_filter: Option<&BooleanArray>,
        total_num_groups: usize,
    ) -> Result<()> {
        self.column.resize(total_num_groups);
        if let Some(kept) = opt_filter {
            let groups: Vec<usize> = group_indices
                .iter()
                .zip(kept.iter())
                .filter_map(|(group, keep)| (keep == Some(true)).then_some(*group))
                .collect();
            let values = [filter(&values[0], kept)?];
            return self.update_batch(&values, &groups, None, total_num_groups);
        }
        match self.input {
            AggregateInput::Values => self.column.update(group_indices, Some(&values[0])),
            AggregateInput::States => self.column.merge(group_indices, &values[0]),
        }
        .map_err(external)
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        Ok(self.take(emit_to))
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        Ok(vec![self.take(emit_to)])
    }

    fn merge_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        total_num_groups: usize,
    ) -> Result<()> {
        self.column.resize(total_num_groups);
        self.column.merge(group_indices, &values[0]).map_err(external)
    }

    fn convert_to_state(
        &self,
        values: &[ArrayRef],
        opt_filter: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>> {
        let mut rows = Self { column: StateColumn::new(self.column.kind()), input: self.input };
        let groups: Vec<usize> = (0..values[0].len()).collect();
        rows.update_batch(values, &groups, opt_filter, groups.len())?;
        rows.state(EmitTo::All)
    }

    fn size(&self) -> usize {
        self.column.size_bytes()
    }
}

/// A single group, for plans without a grouping.
#[derive(Debug)]
struct SingleStateAccumulator(StateGroupsAccumulator);

impl SingleStateAccumulator {
    fn current(&mut self) -> Result<ScalarValue> {
        self.0.column.resize(1);
        ScalarValue::try_from_array(&self.0.column.emit(&[0]), 0)
    }
}

impl Accumulator for SingleStateAccumulator {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.0.update_batch(values, &vec![0; values[0].len()], None, 1)
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        self.current()
    }

    fn size(&self) -> usize {
        self.0.size()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![self.current()?])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.0.merge_batch(states, &vec![0; states[0].len()], 1)
    }
}

fn external(error: StateError) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}
