//! The columns that the states of a metric are stored in.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use merganser_core::time::timestamp_type;

use crate::measure::StateKind;

/// The columns that a metric's states are stored in, in views and in speed stores.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct StateLayout {
    /// Names of the dimensions.
    pub dimensions: Vec<String>,
    /// Kinds of the states.
    pub states: Vec<StateKind>,
}

impl StateLayout {
    /// The name of a state's column: its kind and position, as `sum:1`.
    #[must_use]
    pub fn state_name(&self, state: usize) -> String {
        format!("{}:{state}", self.states[state].name())
    }

    /// `time`, the dimensions, the states.
    #[must_use]
    pub fn schema(&self) -> SchemaRef {
        let time = Field::new("time", timestamp_type(), false);
        let dimensions = self.dimensions.iter().map(|d| Field::new(d, DataType::Utf8, true));
        let states = (0..self.states.len())
            .map(|i| Field::new(self.state_name(i), self.states[i].data_type(), true));
        Arc::new(Schema::new(
            std::iter::once(time).chain(dimensions).chain(states).collect::<Vec<_>>(),
        ))
    }

    /// The layout of only these dimensions and states.
    #[must_use]
    pub fn project(&self, dimensions: &[usize], states: &[usize]) -> Self {
        Self {
            dimensions: dimensions.iter().map(|d| self.dimensions[*d].clone()).collect(),
            states: states.iter().map(|s| self.states[*s]).collect(),
        }
    }
}
