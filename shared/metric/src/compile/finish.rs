//! From merged states to the values of an answer.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};

use super::fold_error::FoldError;
use super::{CompiledMeasure, DefinitionError, MeasureFormula, Metric, place};
use crate::definition::MetricDefinition;
use crate::expression::{
    Evaluator, ExpressionLowering, NameScope, NumberWidth, input_schema, widen_array,
};
use crate::measure::aggregate::MeasureShape;
use merganser_core::decimal::Scale;
use merganser_core::property::PropertyType;

/// The values of some measures.
#[derive(Clone, Debug)]
pub struct FinishedValues {
    /// By measure: `Int64` for count and distinct, `Utf8` for a latest text, a timestamp
    /// in microseconds for a time, otherwise a decimal of 38 digits, with the measure's places
    /// where it has such.
    pub values: Vec<ArrayRef>,
    /// Values that do not fit a decimal and are null for it.
    pub misfits: OverflowCounts,
}

/// How many values of each measure do not fit 38 digits, with the places that it has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OverflowCounts(BTreeMap<String, (u8, usize)>);

impl OverflowCounts {
    fn add(&mut self, measure: &str, scale: Scale, rows: usize) {
        if rows > 0 {
            let known = self.0.entry(measure.to_owned()).or_insert((scale.places(), 0));
            known.1 += rows;
        }
    }

    /// Adds those of other rows.
    pub fn extend(&mut self, others: Self) {
        for (measure, (places, rows)) in others.0 {
            self.0.entry(measure).or_insert((places, 0)).1 += rows;
        }
    }

    /// A warning for each.
    pub fn warnings(&self) -> impl Iterator<Item = String> {
        self.0.iter().map(|(measure, (places, rows))| {
            format!(
                "`{measure}` does not fit 38 digits with {places} places in {rows} rows and is \
                 null there"
            )
        })
    }
}

impl Metric {
    /// The values of `measures` (positions in the definition). `states` has at least the columns of
    /// [`Metric::states_of`], found by name.
    ///
    /// # Errors
    /// When a state is missing or cannot be read.
    pub fn finish(
        &self,
        measures: &[usize],
        states: &RecordBatch,
    ) -> Result<FinishedValues, FoldError> {
        let mut done = BTreeMap::new();
        let mut misfits = OverflowCounts::default();
        for measure in measures {
            self.finish_one(*measure, states, &mut done, &mut misfits)?;
        }
        Ok(FinishedValues {
            values: measures.iter().map(|m| Arc::clone(&done[m])).collect(),
            misfits,
        })
    }

    fn finish_one(
        &self,
        at: usize,
        states: &RecordBatch,
        done: &mut BTreeMap<usize, ArrayRef>,
        misfits: &mut OverflowCounts,
    ) -> Result<(), FoldError> {
        if done.contains_key(&at) {
            return Ok(());
        }
        let measure = &self.measures[at];
        let values = match &measure.formula {
            None => self.aggregate(measure, states, misfits)?,
            Some(formula) => {
                let mut columns = Vec::new();
                for input in &formula.inputs {
                    self.finish_one(*input, states, done, misfits)?;
                    columns.push(widen_array(&done[input]));
                }
                let options =
                    arrow::array::RecordBatchOptions::new().with_row_count(Some(states.num_rows()));
                let schema = Arc::clone(&formula.schema);
                let inputs = RecordBatch::try_new_with_options(schema, columns, &options)?;
                formula.evaluator.evaluate(&inputs)?
            }
        };
        done.insert(at, values);
        Ok(())
    }

    fn aggregate(
        &self,
        measure: &CompiledMeasure,
        states: &RecordBatch,
        misfits: &mut OverflowCounts,
    ) -> Result<ArrayRef, FoldError> {
        let Some(aggregate) = measure.kind.aggregate() else {
            return Err(FoldError::Missing(measure.name.clone()));
        };
        let state = |at: &usize| {
            let name = self.layout.state_name(*at);
            states.column_by_name(&name).ok_or(FoldError::Missing(name))
        };
        let states = measure.states.iter().map(state).collect::<Result<Vec<_>, _>>()?;
        let shape = MeasureShape { q: measure.q, ty: measure.ty, scale: measure.scale };
        let finished = aggregate.finish(&shape, &states)?;
        misfits.add(&measure.name, finished.scale, finished.overflows);
        Ok(finished.values)
    }
}

/// Plans the `expr` measures over the others, and refuses circles.
pub(super) fn formulas(
    definition: &MetricDefinition,
    measures: &mut [CompiledMeasure],
) -> Result<(), DefinitionError> {
    let columns: Vec<(String, PropertyType)> =
        measures.iter().map(|m| (m.name.clone(), m.ty)).collect();
    for (at, (name, measure)) in definition.measures.iter().enumerate() {
        let Some(text) = &measure.expr else { continue };
        let pointer = format!("/measures/{name}/expr");
        // Without itself, so that it is never what is suggested for an unknown name.
        let others: Vec<_> = columns.iter().filter(|(other, _)| other != name).cloned().collect();
        let scope = NameScope::Columns { noun: "measure", columns: &others };
        let mut lowering = ExpressionLowering::new(scope);
        let names_itself = format!("there is no measure `{name}`");
        let expr = lowering.number(text).map_err(|error| match error.0 {
            text if text.starts_with(&names_itself) => {
                DefinitionError::at(&*pointer, "it depends on itself")
            }
            _ => place(&*pointer)(error),
        })?;
        let inputs = lowering.into_inputs();
        let schema = input_schema(&inputs, NumberWidth::Wide);
        let evaluator = Evaluator::new(&expr, &schema).map_err(place(&*pointer))?;
        let position = |name: &str| columns.iter().position(|(known, _)| known == name);
        let inputs = inputs.iter().filter_map(|input| position(&input.name())).collect();
        measures[at].formula = Some(MeasureFormula { evaluator, inputs, schema });
    }
    for at in 0..measures.len() {
        if in_circle(measures, at) {
            let pointer = format!("/measures/{}/expr", measures[at].name);
            return Err(DefinitionError::at(pointer, "it depends on itself"));
        }
    }
    Ok(())
}

fn in_circle(measures: &[CompiledMeasure], start: usize) -> bool {
    let inputs = |at: usize| measures[at].formula.iter().flat_map(|f| f.inputs.iter().copied());
    let mut seen = vec![false; measures.len()];
    let mut todo: Vec<usize> = inputs(start).collect();
    while let Some(at) = todo.pop() {
        if at == start {
            return true;
        }
        if !std::mem::replace(&mut seen[at], true) {
            todo.extend(inputs(at));
        }
    }
    false
}
