//! Which states a metric's measures need, each kept once.

use arrow::datatypes::DataType;
use datafusion_common::ScalarValue;
use datafusion_expr::Expr;
use datafusion_expr::expr::Case;
use indexmap::{IndexMap, IndexSet};

use super::plan::{ExprPair, LoweringPair};
use super::{CompiledMeasure, DefinitionError, FoldVersion, place};
use crate::definition::{self, ValueType};
use crate::expression::{ExpressionError, ExpressionLowering, NameScope};
use crate::measure::StateKind;
use crate::measure::aggregate::ArgumentUse;
use merganser_core::decimal::Scale;
use merganser_core::property::PropertyType;

/// States and the arguments that they fold, in order of first use.
#[derive(Default)]
pub(super) struct StateCollector {
    states: IndexSet<(StateKind, Option<usize>)>,
    /// By the expression over short numbers, that over wide ones.
    arguments: IndexMap<(Expr, ArgumentType), Expr>,
    /// What each measure is made of.
    pub(super) sources: Vec<MeasureSource>,
}

/// What a measure aggregates of events.
pub(super) struct MeasureSource {
    pub(super) name: String,
    /// Over short numbers.
    pub(super) value: Option<Expr>,
    pub(super) filter: Option<ExprPair>,
    /// By position; none counts rows.
    pub(super) argument: Option<usize>,
}

/// What an expression's values are folded as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct ArgumentType {
    /// What they are.
    pub(super) ty: PropertyType,
    /// Of numbers, their places.
    pub(super) scale: Scale,
    /// Each with its event's time and place.
    pub(super) is_placed: bool,
}

impl ArgumentType {
    pub(super) fn data_type(self) -> DataType {
        match self.ty {
            _ if self.is_placed => DataType::Binary,
            PropertyType::Number => self.scale.value_type(),
            other => other.data_type(),
        }
    }
}

impl StateCollector {
    pub(super) fn kinds(&self) -> Vec<StateKind> {
        self.states.iter().map(|(kind, _)| *kind).collect()
    }

    pub(super) fn state_arguments(&self) -> Vec<Option<usize>> {
        self.states.iter().map(|(_, argument)| *argument).collect()
    }

    pub(super) fn arguments(&self) -> Vec<ExprPair> {
        let both =
            |((short, _), wide): (&(Expr, ArgumentType), &Expr)| [short.clone(), wide.clone()];
        self.arguments.iter().map(both).collect()
    }

    pub(super) fn shapes(&self) -> Vec<ArgumentType> {
        self.arguments.keys().map(|(_, shape)| *shape).collect()
    }

    /// Adds what a measure needs.
    pub(super) fn add(
        &mut self,
        name: &str,
        measure: &definition::MeasureDefinition,
        lowerings: &mut LoweringPair,
        pointer: &str,
    ) -> Result<CompiledMeasure, DefinitionError> {
        let aggregate = measure.kind.aggregate();
        let used = aggregate.map_or(ArgumentUse::Presence, |aggregate| aggregate.rules().argument);
        let value = measure.of.as_deref();
        let value = value.map(|text| self::value(used, measure.ty, text, lowerings)).transpose();
        let value = value.map_err(place(format!("{pointer}/of")))?;
        let ty = value.as_ref().map_or(PropertyType::Boolean, |(_, ty)| *ty);
        if ty == PropertyType::Time && measure.places.is_some() {
            let pointer = format!("{pointer}/places");
            return Err(DefinitionError::at(pointer, "`places` goes with numbers, not with times"));
        }
        let filter = measure.filter.as_deref();
        let filter = filter.map(|text| lowerings.lower_both(|lowering| lowering.condition(text)));
        let filter = filter.transpose().map_err(place(format!("{pointer}/filter")))?;
        let scale = measure.places.and_then(Scale::new).unwrap_or_default();
        let shape = ArgumentType { ty, scale, is_placed: used == ArgumentUse::Placed };
        let source = value.as_ref().map(|([short, _], _)| short.clone());
        let argument = match (filter.clone(), value) {
            (None, value) => value.map(|(both, _)| both),
            (Some([short, wide]), value) => {
                let yes = || Expr::Literal(ScalarValue::Boolean(Some(true)), None);
                let [a, b] = value.map_or_else(|| [yes(), yes()], |(both, _)| both);
                Some([when(short, a), when(wide, b)])
            }
        };
        let argument = argument.map(|[short, wide]| {
            let entry = self.arguments.entry((short, shape));
            let at = entry.index();
            entry.or_insert(wide);
            at
        });
        self.sources.push(MeasureSource { name: name.to_owned(), value: source, filter, argument });
        let kinds = aggregate.map(|aggregate| aggregate.states(ty, scale)).unwrap_or_default();
        let states = kinds.iter().map(|kind| self.states.insert_full((*kind, argument)).0);
        let ty = aggregate.map_or(PropertyType::Number, |aggregate| aggregate.result_type(ty));
        Ok(CompiledMeasure {
            name: name.to_owned(),
            kind: measure.kind,
            states: states.collect(),
            q: measure.q.unwrap_or(0.0),
            ty,
            scale,
            formula: None,
        })
    }
}

fn when(filter: Expr, value: Expr) -> Expr {
    Expr::Case(Case::new(None, vec![(Box::new(filter), Box::new(value))], None))
}

/// What a measure aggregates, as the type that its use needs; `given` is the type that the
/// definition says.
fn value(
    used: ArgumentUse,
    given: Option<ValueType>,
    text: &str,
    lowerings: &mut LoweringPair,
) -> Result<(ExprPair, PropertyType), ExpressionError> {
    let typed = |[(short, ty), (wide, _)]: [(Expr, PropertyType); 2]| ([short, wide], ty);
    Ok(match used {
        ArgumentUse::Presence => {
            (lowerings.lower_both(|lowering| lowering.text(text))?, PropertyType::Text)
        }
        ArgumentUse::Number => {
            (lowerings.lower_both(|lowering| lowering.summed(text))?, PropertyType::Number)
        }
        ArgumentUse::Ordered => typed(lowerings.lower_both(|lowering| lowering.ordered(text))?),
        ArgumentUse::Identity => {
            if ExpressionLowering::new(NameScope::Event).value(text)?.1 != PropertyType::Text {
                lowerings.note_dependence();
            }
            match lowerings.fold {
                FoldVersion::First => {
                    (lowerings.lower_both(|lowering| lowering.text(text))?, PropertyType::Text)
                }
                FoldVersion::Second => {
                    typed(lowerings.lower_both(|lowering| lowering.value(text))?)
                }
            }
        }
        ArgumentUse::Placed => {
            let ty = match given {
                Some(ValueType::Number) => PropertyType::Number,
                Some(ValueType::Text) => PropertyType::Text,
                Some(ValueType::Time) => PropertyType::Time,
                None => latest_type(text, lowerings)?,
            };
            let value = match ty {
                PropertyType::Number => lowerings.lower_both(|lowering| lowering.summed(text))?,
                PropertyType::Time => lowerings.lower_both(|lowering| lowering.time(text))?,
                _ => lowerings.lower_both(|lowering| lowering.text(text))?,
            };
            (value, ty)
        }
    })
}

/// A time where it is one by itself, text otherwise.
fn latest_type(text: &str, lowerings: &mut LoweringPair) -> Result<PropertyType, ExpressionError> {
    let [is_time, _] = lowerings.lower_both(|lowering| lowering.is_time(text))?;
    if !is_time {
        return Ok(PropertyType::Text);
    }
    lowerings.note_dependence();
    Ok(match lowerings.fold {
        FoldVersion::First => PropertyType::Text,
        FoldVersion::Second => PropertyType::Time,
    })
}
