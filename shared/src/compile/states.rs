//! Which states a metric's measures need, each kept once.

use datafusion::common::ScalarValue;
use datafusion::logical_expr::Expr;
use datafusion::logical_expr::expr::Case;
use indexmap::IndexSet;

use super::{DefinitionError, Measure, place};
use crate::definition::{self, MeasureKind, ValueType};
use crate::expression::{Lowering, Type};
use crate::measure::StateKind;

/// States and the arguments that they fold, in order of first use.
#[derive(Default)]
pub(super) struct States {
    states: IndexSet<(StateKind, Option<usize>)>,
    arguments: IndexSet<(Expr, Shape)>,
    /// What each measure is made of.
    pub(super) sources: Vec<MeasureSource>,
}

/// What a measure aggregates of events.
pub(super) struct MeasureSource {
    pub(super) name: String,
    pub(super) value: Option<Expr>,
    pub(super) filter: Option<Expr>,
    /// By position; none counts rows.
    pub(super) argument: Option<usize>,
}

/// What an expression's values are folded as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Shape {
    /// As they are.
    Plain(Type),
    /// Each with its event's time and place.
    Placed,
}

impl States {
    pub(super) fn kinds(&self) -> Vec<StateKind> {
        self.states.iter().map(|(kind, _)| *kind).collect()
    }

    pub(super) fn state_arguments(&self) -> Vec<Option<usize>> {
        self.states.iter().map(|(_, argument)| *argument).collect()
    }

    pub(super) fn arguments(&self) -> impl Iterator<Item = &(Expr, Shape)> {
        self.arguments.iter()
    }

    /// Adds what a measure needs.
    pub(super) fn add(
        &mut self,
        name: &str,
        measure: &definition::Measure,
        lowering: &mut Lowering<'_>,
        pointer: &str,
    ) -> Result<Measure, DefinitionError> {
        let of = format!("{pointer}/of");
        let (kinds, ty): (&[StateKind], Type) = match measure.kind {
            MeasureKind::Count => (&[StateKind::Count], Type::Text),
            MeasureKind::Sum => (&[StateKind::Sum], Type::Number),
            MeasureKind::Min => (&[StateKind::Min], Type::Number),
            MeasureKind::Max => (&[StateKind::Max], Type::Number),
            MeasureKind::Avg => (&[StateKind::Sum, StateKind::Count], Type::Number),
            MeasureKind::Distinct => (&[StateKind::Distinct], Type::Text),
            MeasureKind::Quantile => (&[StateKind::Quantile], Type::Number),
            MeasureKind::Latest => (&[StateKind::Latest], value_type(measure)),
            MeasureKind::Expr => (&[], Type::Number),
        };
        let value = match (&measure.of, ty) {
            (None, _) => None,
            (Some(text), Type::Number) => Some(lowering.number(text).map_err(place(of))?),
            (Some(text), _) => Some(lowering.text(text).map_err(place(of))?),
        };
        let filter = measure.filter.as_deref().map(|text| lowering.condition(text));
        let filter = filter.transpose().map_err(place(format!("{pointer}/filter")))?;
        let shape = match (measure.kind, &value) {
            (MeasureKind::Latest, _) => Shape::Placed,
            (_, Some(_)) => Shape::Plain(ty),
            (_, None) => Shape::Plain(Type::Boolean),
        };
        let argument = match (filter.clone(), value.clone()) {
            (None, value) => value,
            (Some(filter), value) => {
                let yes = || Expr::Literal(ScalarValue::Boolean(Some(true)), None);
                let value = Box::new(value.unwrap_or_else(yes));
                Some(Expr::Case(Case::new(None, vec![(Box::new(filter), value)], None)))
            }
        };
        let argument = argument.map(|expr| self.arguments.insert_full((expr, shape)).0);
        self.sources.push(MeasureSource { name: name.to_owned(), value, filter, argument });
        let states = kinds.iter().map(|kind| self.states.insert_full((*kind, argument)).0);
        Ok(Measure {
            name: name.to_owned(),
            kind: measure.kind,
            states: states.collect(),
            q: measure.q.unwrap_or(0.0),
            ty: if measure.kind == MeasureKind::Latest { ty } else { Type::Number },
            formula: None,
        })
    }
}

fn value_type(measure: &definition::Measure) -> Type {
    match measure.ty.unwrap_or_default() {
        ValueType::Number => Type::Number,
        ValueType::Text => Type::Text,
    }
}
