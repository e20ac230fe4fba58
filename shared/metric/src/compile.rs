//! A definition compiled: the one fold that both layers run.
//!
//! [`Metric::project`] turns a batch of events into rows of (bucket, dimensions, arguments), and a
//! [`crate::table::StateTable`] takes the rows: in the speed layer as events come in, in the batch
//! layer as a node of a DataFusion plan. [`Metric::finish`] turns merged states into values.
//!
//! Folds are total and pure: no clock, no randomness, and no event stops a batch.

mod effects;
mod finish;
mod fold_error;
mod fold_version;
mod names;
mod plan;
mod project;
mod round;
mod states;
#[cfg(test)]
mod tests;
mod uses;

use std::collections::BTreeSet;

use arrow::datatypes::SchemaRef;
use datafusion_expr::lit;

use crate::definition::{
    DefinitionShapeError, DimensionSource, EventTypes, MetricDefinition, pointer_suffix,
};
use crate::expression::{Evaluator, ExpressionError, InputColumn, Predicate};
use crate::layout::StateLayout;
use crate::measure::{MeasureEstimate, MeasureKind};
pub use finish::{FinishedValues, OverflowCounts};
pub use fold_error::FoldError;
pub use fold_version::FoldVersion;
use merganser_core::decimal::Scale;
use merganser_core::omissions::DefinitionUse;
use merganser_core::property::{PropertyColumn, PropertyType, parse_path};
use merganser_core::time::Grain;
use plan::{DefinitionExpressions, EvaluationPlan, LoweringPair};
pub use project::{FoldOutcome, GroupedRows, ProjectedRows};
use states::{ArgumentType, StateCollector};
pub use uses::PropertyUse;
use uses::{InputName, UseIndex, UseRows};

const DIMENSIONS_MAX: usize = 32;
const MEASURES_MAX: usize = 100;

/// A definition that cannot be compiled.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}{}", pointer_suffix(pointer))]
pub struct DefinitionError {
    /// JSON pointer (RFC 6901) of the place.
    pub pointer: String,
    /// What is wrong there and what would be right.
    pub message: String,
}

impl DefinitionError {
    fn at(pointer: impl Into<String>, message: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), message: message.into() }
    }
}

impl From<DefinitionShapeError> for DefinitionError {
    fn from(error: DefinitionShapeError) -> Self {
        Self { pointer: error.pointer, message: error.message }
    }
}

/// A measure as it is finished.
#[derive(Clone, Debug)]
pub struct CompiledMeasure {
    /// Its name.
    pub name: String,
    /// Its kind.
    pub kind: MeasureKind,
    /// The states that it is finished from, by position in the layout.
    pub states: Vec<usize>,
    /// For quantiles.
    pub q: f64,
    /// What its values are: a number, a time, or text of a `latest`.
    pub ty: PropertyType,
    /// The places that values are rounded to before they are folded.
    pub scale: Scale,
    formula: Option<MeasureFormula>,
}

/// An `expr` measure: an expression over other measures.
#[derive(Clone, Debug)]
struct MeasureFormula {
    evaluator: Evaluator,
    /// The measures that it reads, by position.
    inputs: Vec<usize>,
    schema: SchemaRef,
}

/// A compiled definition.
#[derive(Debug)]
pub struct Metric {
    event: EventTypes,
    grain: Grain,
    layout: StateLayout,
    measures: Vec<CompiledMeasure>,
    fold: FoldVersion,
    depends_on_fold: bool,
    /// Over short numbers, and over wide ones.
    plans: [EvaluationPlan; 2],
    /// By input of the first plan, what may be missing in all events.
    reads: Vec<Option<InputName>>,
    uses: UseIndex,
    /// By argument.
    shapes: Vec<ArgumentType>,
    projected_schema: SchemaRef,
    /// By state, the argument that it folds; none counts rows.
    state_arguments: Vec<Option<usize>>,
}

impl Metric {
    /// Checks a definition and compiles it.
    ///
    /// # Errors
    /// With the place and what was expected there.
    pub fn compile(definition: &MetricDefinition) -> Result<Self, DefinitionError> {
        Self::compile_as(definition, FoldVersion::CURRENT)
    }

    /// As [`Metric::compile`], but folds as a version of before that has this definition: in the
    /// newest way that gives the same states.
    ///
    /// # Errors
    /// As [`Metric::compile`].
    pub fn compile_as(
        definition: &MetricDefinition,
        fold: FoldVersion,
    ) -> Result<Self, DefinitionError> {
        let metric = Self::compile_in(definition, fold)?;
        match metric.depends_on_fold || fold == FoldVersion::CURRENT {
            true => Ok(metric),
            false => Self::compile_in(definition, FoldVersion::CURRENT),
        }
    }

    fn compile_in(
        definition: &MetricDefinition,
        fold: FoldVersion,
    ) -> Result<Self, DefinitionError> {
        names::check(definition)?;
        let mut lowerings = LoweringPair::new(fold);
        let filter = definition.filter.as_deref();
        let filter = filter.map(|text| lowerings.lower_both(|lowering| lowering.condition(text)));
        let filter = filter.transpose().map_err(place("/filter"))?;
        let mut dimensions = Vec::new();
        for (i, dimension) in definition.dimensions.iter().enumerate() {
            let lowered = match &dimension.source {
                DimensionSource::Property(path) => {
                    let path = parse_path(path).map_err(|error| {
                        DefinitionError::at(format!("/dimensions/{i}"), error.0)
                    })?;
                    lowerings.lower_both(|lowering| Ok(lowering.property_text(path.clone())))
                }
                DimensionSource::Expression(text) => {
                    lowerings.lower_both(|lowering| lowering.text(text))
                }
            };
            dimensions.push(lowered.map_err(place(format!("/dimensions/{i}/expr")))?);
        }
        let mut states = StateCollector::default();
        let mut measures = Vec::new();
        for (name, measure) in &definition.measures {
            let pointer = format!("/measures/{name}");
            measures.push(states.add(name, measure, &mut lowerings, &pointer)?);
        }
        finish::formulas(definition, &mut measures)?;

        let expressions =
            DefinitionExpressions { filter, dimensions, arguments: states.arguments() };
        let (plans, depends_on_fold) = lowerings.plans(&expressions)?;
        let uses = uses_of(definition, &plans, &expressions, &states)?;
        let layout = StateLayout {
            dimensions: definition.dimensions.iter().map(|d| d.name.clone()).collect(),
            states: states.kinds(),
        };
        Ok(Self {
            event: definition.event.clone(),
            grain: definition.granularity,
            measures,
            fold,
            depends_on_fold,
            projected_schema: project::schema(&layout, &states),
            state_arguments: states.state_arguments(),
            shapes: states.shapes(),
            layout,
            reads: plans[0].inputs.iter().map(InputName::of).collect(),
            uses,
            plans,
        })
    }

    /// The way in which it folds.
    #[must_use]
    pub fn fold_version(&self) -> FoldVersion {
        self.fold
    }

    /// Whether its states are others than the definition would give now: a version of before that
    /// wants to be made anew.
    #[must_use]
    pub fn is_outdated(&self) -> bool {
        self.fold < FoldVersion::CURRENT
    }

    /// The base grain.
    #[must_use]
    pub fn grain(&self) -> Grain {
        self.grain
    }

    /// How its states are stored.
    #[must_use]
    pub fn layout(&self) -> &StateLayout {
        &self.layout
    }

    /// A condition over its dimensions, whose values are text.
    ///
    /// # Errors
    /// When the text is none, or names something else.
    pub fn condition(&self, text: &str) -> Result<Predicate, ExpressionError> {
        let names = self.layout.dimensions.iter();
        let columns: Vec<_> = names.map(|name| (name.clone(), PropertyType::Text)).collect();
        Predicate::new(text, "dimension", &columns)
    }

    /// Its measures, in the definition's order.
    #[must_use]
    pub fn measures(&self) -> &[CompiledMeasure] {
        &self.measures
    }

    /// The properties that it reads.
    pub fn properties(&self) -> impl Iterator<Item = &PropertyColumn> {
        self.plans[0].properties()
    }

    /// Whether it reads this column of [`merganser_core::event::EventBatch`] by itself. Every
    /// metric reads `time` and `event`.
    #[must_use]
    pub fn reads(&self, column: &str) -> bool {
        let is_it =
            |input: &InputColumn| matches!(input, InputColumn::Field(name) if *name == column);
        matches!(column, "time" | "event") || self.plans[0].inputs.iter().any(is_it)
    }

    /// The states that these measures are finished from, ascending.
    #[must_use]
    pub fn states_of(&self, measures: &[usize]) -> Vec<usize> {
        let measures = self.aggregates_of(measures);
        let states = measures.iter().flat_map(|at| self.measures[*at].states.iter().copied());
        states.collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// How a measure is estimated. An expression over several estimates is estimated as the first
    /// of them in the list of kinds; its error is unknown.
    #[must_use]
    pub fn estimate_of(&self, measure: usize) -> Option<MeasureEstimate> {
        let aggregates = self.aggregates_of(&[measure]);
        let kinds = aggregates.iter().map(|at| self.measures[*at].kind);
        let estimate = kinds.filter(|kind| kind.estimate().is_some()).min()?.estimate()?;
        match self.measures[measure].formula {
            Some(_) => Some(MeasureEstimate { relative_error: None, ..estimate }),
            None => Some(estimate),
        }
    }

    /// These measures and those that their formulas read, ascending.
    fn aggregates_of(&self, measures: &[usize]) -> BTreeSet<usize> {
        let mut found = BTreeSet::new();
        let mut todo = measures.to_vec();
        while let Some(measure) = todo.pop() {
            if found.insert(measure) {
                let formula = self.measures[measure].formula.iter();
                todo.extend(formula.flat_map(|formula| formula.inputs.iter().copied()));
            }
        }
        found
    }
}

/// What a definition uses its inputs for. What an expression reads of short numbers it reads of
/// wide ones, too.
fn uses_of(
    definition: &MetricDefinition,
    plans: &[EvaluationPlan; 2],
    expressions: &DefinitionExpressions,
    states: &StateCollector,
) -> Result<UseIndex, DefinitionError> {
    let names: Vec<String> = plans[0].inputs.iter().map(InputColumn::name).collect();
    let mut uses = UseIndex::with_arguments(expressions.arguments.len());
    if let Some([filter, _]) = &expressions.filter {
        uses.filter = Some(uses.push(DefinitionUse::Filter, filter, &names, UseRows::Chosen));
    }
    for (dimension, [expr, _]) in definition.dimensions.iter().zip(&expressions.dimensions) {
        let name = DefinitionUse::Dimension(dimension.name.clone());
        let usage = uses.push(name, expr, &names, UseRows::Passed);
        uses.dimensions.push(usage);
    }
    for source in &states.sources {
        let mut rows = UseRows::Passed;
        if let Some([short, wide]) = &source.filter {
            uses.push(
                DefinitionUse::MeasureFilter(source.name.clone()),
                short,
                &names,
                UseRows::Passed,
            );
            rows = UseRows::Where([plans[0].evaluator(short)?, plans[1].evaluator(wide)?]);
        }
        let yes = lit(true);
        let value = source.value.as_ref().unwrap_or(&yes);
        let usage = uses.push(DefinitionUse::Measure(source.name.clone()), value, &names, rows);
        if let Some(argument) = source.argument {
            uses.arguments[argument].push(usage);
        }
    }
    Ok(uses)
}

fn place(pointer: impl Into<String>) -> impl Fn(ExpressionError) -> DefinitionError {
    let pointer = pointer.into();
    move |error| DefinitionError { pointer: pointer.clone(), message: error.0 }
}
