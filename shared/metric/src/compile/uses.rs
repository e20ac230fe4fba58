//! Which use a definition makes of what it reads, and what of it each use could not take.

use std::sync::Arc;

use arrow::array::{Array, AsArray, BooleanArray, RecordBatch};
use arrow::datatypes::UInt32Type;
use datafusion_expr::Expr;

use super::Metric;
use super::fold_error::FoldError;
use super::plan::EvaluationPlan;
use super::round::RoundingLoss;
use crate::expression::{EvaluationEffects, Evaluator, InputColumn};
use crate::measure::MeasureKind;
use merganser_core::omissions::{DefinitionUse, MetricOmissions, RowMismatches, ValueTally};

/// The uses of a definition.
#[derive(Debug, Default)]
pub(super) struct UseIndex {
    all: Vec<UseInputs>,
    /// The metric's filter.
    pub(super) filter: Option<usize>,
    /// By dimension.
    pub(super) dimensions: Vec<usize>,
    /// By argument, the measures that aggregate it.
    pub(super) arguments: Vec<Vec<usize>>,
}

/// A use, and what it reads.
#[derive(Debug)]
struct UseInputs {
    name: DefinitionUse,
    /// By position.
    inputs: Vec<usize>,
    rows: UseRows,
}

/// The rows that a use is made of.
#[derive(Debug)]
pub(super) enum UseRows {
    /// All events of the metric's types.
    Chosen,
    /// Those that pass the metric's filter.
    Passed,
    /// Those of them for which this holds, too: over short numbers, and over wide ones.
    Where([Evaluator; 2]),
}

/// What is read of events, and may be missing in all of them.
#[derive(Clone, Debug)]
pub(super) struct InputName {
    /// As it is read: `number:tokens`.
    name: Arc<str>,
    /// Its path, under which it counts as seen.
    path: Arc<str>,
}

impl InputName {
    /// What an input reads; `id`, `event` and `time` every event has.
    pub(super) fn of(input: &InputColumn) -> Option<Self> {
        let name: Arc<str> = input.name().into();
        match input {
            InputColumn::Property(column) => {
                Some(Self { name, path: column.path.to_string().into() })
            }
            InputColumn::Field("subject") => Some(Self { path: Arc::clone(&name), name }),
            InputColumn::Field(_) | InputColumn::Exact(_) | InputColumn::Column(..) => None,
        }
    }
}

impl UseIndex {
    /// No uses, of so many arguments.
    pub(super) fn with_arguments(count: usize) -> Self {
        Self { arguments: vec![Vec::new(); count], ..Self::default() }
    }

    /// Adds a use of an expression over `inputs`, by their names.
    pub(super) fn push(
        &mut self,
        name: DefinitionUse,
        expr: &Expr,
        inputs: &[String],
        rows: UseRows,
    ) -> usize {
        let columns = expr.column_refs();
        let reads = |input: &str| columns.iter().any(|column| column.name == input);
        let inputs = inputs.iter().enumerate().filter(|(_, input)| reads(input));
        let inputs = inputs.map(|(at, _)| at).collect();
        self.all.push(UseInputs { name, inputs, rows });
        self.all.len() - 1
    }
}

/// Counts the omissions of a batch while it is projected.
#[derive(Debug)]
pub(super) struct OmissionCounter<'a> {
    metric: &'a Metric,
    plan: &'a EvaluationPlan,
    /// Inputs with values of another type than they are read as.
    odd: Vec<(usize, &'a RowMismatches)>,
    /// Which events are of the metric's types; `None` for all.
    chosen: Option<&'a BooleanArray>,
    pub(super) mismatches: u64,
    pub(super) omissions: MetricOmissions,
}

impl<'a> OmissionCounter<'a> {
    pub(super) fn new(
        metric: &'a Metric,
        plan: &'a EvaluationPlan,
        chosen: Option<&'a BooleanArray>,
    ) -> Self {
        let (odd, omissions) = (Vec::new(), MetricOmissions::default());
        Self { metric, plan, odd, chosen, mismatches: 0, omissions }
    }

    /// Adds what an input's column notes.
    pub(super) fn add(&mut self, input: usize, mismatches: &'a RowMismatches) {
        if !mismatches.is_empty() {
            self.odd.push((input, mismatches));
        }
    }

    /// Whether it needs the rows that pass the filter.
    pub(super) fn needs_rows(&self) -> bool {
        !self.odd.is_empty()
    }

    /// Notes which properties the chosen events have.
    pub(super) fn note_properties(&mut self, rows: &RecordBatch) {
        let count = rows.num_rows();
        self.omissions.has_events |= count > 0;
        for (at, read) in self.metric.reads.iter().enumerate() {
            if let Some(read) = read
                && rows.column(1 + at).null_count() < count
            {
                self.omissions.note_property(&read.path);
            }
        }
        for (at, noted) in std::mem::take(&mut self.odd) {
            let chosen = |row: &u32| self.chosen.is_none_or(|mask| mask.value(*row as usize));
            let count = noted.rows().iter().copied().filter(chosen).count() as u64;
            if let Some(read) = self.metric.reads[at].as_ref().filter(|_| count > 0) {
                self.mismatches += count;
                self.omissions.note_property(&read.path);
                self.odd.push((at, noted));
            }
        }
    }

    /// Adds what an evaluation for some uses did.
    pub(super) fn add_effects(&mut self, uses: &[usize], effects: EvaluationEffects) {
        if effects == EvaluationEffects::default() {
            return;
        }
        self.mismatches += effects.no_result;
        for usage in uses {
            let omitted = self.omissions.of(&self.metric.uses.all[*usage].name);
            omitted.no_result.add_count(effects.no_result);
        }
    }

    /// Adds values that lost digits on the places of some measures.
    pub(super) fn add_rounding(&mut self, uses: &[usize], lost: RoundingLoss) {
        if lost.any == 0 {
            return;
        }
        let measures = self.metric.measures.iter();
        let is_estimate = |usage: &DefinitionUse| {
            let DefinitionUse::Measure(name) = usage else { return false };
            measures.clone().any(|m| m.name == *name && m.kind == MeasureKind::Quantile)
        };
        for usage in uses {
            let usage = &self.metric.uses.all[*usage].name;
            let count = if is_estimate(usage) { lost.much } else { lost.any };
            if count > 0 {
                self.omissions.of(usage).rounded.add_count(count);
            }
        }
    }

    /// Counts mismatches by use. `rows` passed the metric's filter; the last column is their place
    /// among the `events` that there were.
    pub(super) fn count(&mut self, rows: &RecordBatch, events: usize) -> Result<(), FoldError> {
        if self.odd.is_empty() {
            return Ok(());
        }
        let places = rows.column(rows.num_columns() - 1).as_primitive::<UInt32Type>().values();
        let within = |mask: Option<&BooleanArray>| {
            let mut within = vec![false; events];
            for (at, place) in places.iter().enumerate() {
                within[*place as usize] =
                    mask.is_none_or(|mask| mask.is_valid(at) && mask.value(at));
            }
            within
        };
        let passed = within(None);
        for usage in &self.metric.uses.all {
            let odd = self.odd.iter().filter(|(input, _)| usage.inputs.contains(input));
            let odd: Vec<_> = odd.collect();
            if odd.is_empty() {
                continue;
            }
            let own = match &usage.rows {
                UseRows::Where(filters) => {
                    let filter = &filters[usize::from(self.plan.is_wide())];
                    let mask = filter.evaluate(&self.plan.inputs_of(rows)?)?;
                    Some(within(Some(mask.as_boolean())))
                }
                UseRows::Chosen | UseRows::Passed => None,
            };
            let is_in = |row: usize| match &usage.rows {
                UseRows::Chosen => self.chosen.is_none_or(|mask| mask.value(row)),
                UseRows::Passed | UseRows::Where(_) => own.as_ref().unwrap_or(&passed)[row],
            };
            for (input, noted) in odd {
                let Some(read) = &self.metric.reads[*input] else { continue };
                let mut tally = ValueTally::default();
                for (_, json) in noted.iter().filter(|(row, _)| is_in(*row as usize)) {
                    tally.add(json);
                }
                if !tally.is_empty() {
                    self.omissions.of(&usage.name).mismatch(&read.name).merge(&tally);
                }
            }
        }
        Ok(())
    }
}

/// A property that a use reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PropertyUse<'a> {
    /// The use.
    pub usage: &'a DefinitionUse,
    /// The property as it is read, `number:tokens`, by which mismatches are counted.
    pub name: &'a Arc<str>,
    /// Its path, under which it counts as seen: `tokens`.
    pub path: &'a Arc<str>,
}

impl Metric {
    /// What is read for these measures and dimensions (positions in the definition), and for the
    /// metric's filter.
    #[must_use]
    pub fn property_uses(&self, measures: &[usize], dimensions: &[usize]) -> Vec<PropertyUse<'_>> {
        let measures = self.aggregates_of(measures);
        let is_wanted = |usage: &DefinitionUse| match usage {
            DefinitionUse::Filter => true,
            DefinitionUse::Dimension(name) => {
                dimensions.iter().any(|at| self.layout.dimensions[*at] == *name)
            }
            DefinitionUse::Measure(name) | DefinitionUse::MeasureFilter(name) => {
                measures.iter().any(|at| self.measures[*at].name == *name)
            }
        };
        let wanted = self.uses.all.iter().filter(|usage| is_wanted(&usage.name));
        let readings = wanted.flat_map(|usage| {
            let reads = usage.inputs.iter().filter_map(|at| self.reads[*at].as_ref());
            reads.map(|read| PropertyUse { usage: &usage.name, name: &read.name, path: &read.path })
        });
        readings.collect()
    }
}
