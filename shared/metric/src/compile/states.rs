//! Which states a metric's measures need, each kept once.

use arrow::datatypes::DataType;
use datafusion_common::ScalarValue;
use datafusion_expr::Expr;
use datafusion_expr::expr::Case;
use indexmap::{IndexMap, IndexSet};

use super::plan::{ExprPair, LoweringPair};
use super::{CompiledMeasure, DefinitionError, FoldVersion, place};
use crate::definition::{self, MeasureKind, ValueType};
use crate::expression::{ExpressionError, ExpressionLowering, NameScope};
use crate::measure::{ExtremeType, StateKind};
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
        let value = measure.of.as_deref().map(|text| value(measure, text, lowerings)).transpose();
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
        let shape = ArgumentType { ty, scale, is_placed: measure.kind == MeasureKind::Latest };
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
        let kinds = kinds(measure.kind, ty, scale);
        let states = kinds.iter().map(|kind| self.states.insert_full((*kind, argument)).0);
        let ty = match (measure.kind, ty) {
            (MeasureKind::Latest, ty)
            | (MeasureKind::Min | MeasureKind::Max, ty @ PropertyType::Time) => ty,
            _ => PropertyType::Number,
        };
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

fn kinds(kind: MeasureKind, ty: PropertyType, scale: Scale) -> Vec<StateKind> {
    let extreme =
        if ty == PropertyType::Time { ExtremeType::Time } else { ExtremeType::Number(scale) };
    match kind {
        MeasureKind::Count => vec![StateKind::Count],
        MeasureKind::Sum => vec![StateKind::Sum(scale)],
        MeasureKind::Min => vec![StateKind::Min(extreme)],
        MeasureKind::Max => vec![StateKind::Max(extreme)],
        MeasureKind::Avg => vec![StateKind::Sum(scale), StateKind::Count],
        MeasureKind::Distinct => vec![StateKind::Distinct],
        MeasureKind::Quantile => vec![StateKind::Quantile],
        MeasureKind::Latest => vec![StateKind::Latest],
        MeasureKind::Expr => vec![],
    }
}

/// What a measure aggregates, as the type that its kind asks for.
fn value(
    measure: &definition::MeasureDefinition,
    text: &str,
    lowerings: &mut LoweringPair,
) -> Result<(ExprPair, PropertyType), ExpressionError> {
    let typed = |[(short, ty), (wide, _)]: [(Expr, PropertyType); 2]| ([short, wide], ty);
    Ok(match measure.kind {
        MeasureKind::Count | MeasureKind::Expr => {
            (lowerings.lower_both(|lowering| lowering.text(text))?, PropertyType::Text)
        }
        MeasureKind::Sum | MeasureKind::Avg | MeasureKind::Quantile => {
            (lowerings.lower_both(|lowering| lowering.summed(text))?, PropertyType::Number)
        }
        MeasureKind::Min | MeasureKind::Max => {
            typed(lowerings.lower_both(|lowering| lowering.ordered(text))?)
        }
        MeasureKind::Distinct => {
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
        MeasureKind::Latest => {
            let ty = match measure.ty {
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
