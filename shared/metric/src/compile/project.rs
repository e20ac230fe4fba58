//! From events to rows of (bucket, dimensions, arguments).

use std::sync::Arc;

use arrow::array::{
    ArrayRef, AsArray, BinaryArray, BooleanArray, RecordBatch, StringArray,
    TimestampMicrosecondArray, UInt32Array,
};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{
    DataType, Decimal128Type, Field, Schema, SchemaRef, TimestampMicrosecondType,
};

use super::fold_error::FoldError;
use super::plan::EvaluationPlan;
use super::round::round_to_scale;
use super::states::StateCollector;
use super::uses::OmissionCounter;
use super::{FoldVersion, Metric};
use crate::expression::InputColumn;
use crate::extract::ExtractedEvents;
use crate::layout::StateLayout;
use crate::measure::LatestState;
use crate::table::StateTable;
use merganser_core::event::EventOffsets;
use merganser_core::omissions::MetricOmissions;
use merganser_core::properties::PropertyValues;
use merganser_core::property::{PropertyColumn, PropertyType};
use merganser_core::time::Timestamp;
use merganser_core::time::timestamp_type;

/// Rows to be grouped: `time` (the bucket's start), the dimensions, and the arguments as `arg:0`…
#[derive(Clone, Debug)]
pub struct ProjectedRows {
    /// The rows.
    pub batch: RecordBatch,
    /// Values of another type than their use needs, and rows without a result of arithmetic.
    pub mismatches: u64,
    /// What each use could not take.
    pub omissions: MetricOmissions,
}

/// Rows of which it is known what groups of a table they belong to.
#[derive(Clone, Debug)]
pub struct GroupedRows {
    batch: RecordBatch,
    /// The group of each row.
    pub groups: Vec<usize>,
    /// As [`ProjectedRows::mismatches`].
    pub mismatches: u64,
    /// As [`ProjectedRows::omissions`].
    pub omissions: MetricOmissions,
    /// As [`FoldOutcome::dropped`].
    pub dropped: u64,
}

/// What a fold did to a table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FoldOutcome {
    /// The group of each row that was folded.
    pub groups: Vec<usize>,
    /// As [`ProjectedRows::mismatches`].
    pub mismatches: u64,
    /// As [`ProjectedRows::omissions`].
    pub omissions: MetricOmissions,
    /// Rows that were not folded, since the table had its bound of groups.
    pub dropped: u64,
}

pub(super) fn schema(layout: &StateLayout, states: &StateCollector) -> SchemaRef {
    let mut fields = vec![Field::new("time", timestamp_type(), false)];
    fields.extend(layout.dimensions.iter().map(|d| Field::new(d, DataType::Utf8, true)));
    let arguments = states.shapes().into_iter().enumerate();
    let arguments =
        arguments.map(|(i, shape)| Field::new(format!("arg:{i}"), shape.data_type(), true));
    fields.extend(arguments);
    Arc::new(Schema::new(fields))
}

impl Metric {
    /// The schema of [`ProjectedRows::batch`].
    #[must_use]
    pub fn projected_schema(&self) -> SchemaRef {
        Arc::clone(&self.projected_schema)
    }

    /// The rows that a batch of events gives. `extracted` holds at least [`Metric::properties`].
    ///
    /// # Errors
    /// Never for what the events hold.
    pub fn project(&self, extracted: &ExtractedEvents) -> Result<ProjectedRows, FoldError> {
        let chosen = self.chosen(extracted.events.types());
        let mut has_long = false;
        for property in self.properties() {
            has_long |= !found(extracted, property)?.long.is_empty();
        }
        let plan = &self.plans[usize::from(has_long && self.fold > FoldVersion::First)];
        let mut omitted = OmissionCounter::new(self, plan, chosen.as_ref());
        let mut columns: Vec<ArrayRef> = vec![Arc::new(extracted.events.times().clone())];
        for (at, input) in plan.inputs.iter().enumerate() {
            columns.push(match input {
                InputColumn::Field(name) => {
                    let column = extracted.events.batch().column_by_name(name);
                    column.cloned().ok_or_else(|| FoldError::Missing((*name).to_owned()))?
                }
                InputColumn::Property(property) => {
                    let column = found(extracted, property)?;
                    omitted.add(at, &column.mismatches);
                    match property.ty {
                        PropertyType::Number if plan.is_wide() => Arc::new(column.wide()),
                        _ => Arc::clone(&column.values),
                    }
                }
                InputColumn::Exact(property) => Arc::new(found(extracted, property)?.exact()),
                InputColumn::Column(name, _) => return Err(FoldError::Missing(name.clone())),
            });
        }
        if self.needs_places() {
            columns.extend(extracted.places.columns());
        }
        let events = extracted.events.len();
        if omitted.needs_rows() {
            // A batch has at most 2³² events.
            columns.push(Arc::new(UInt32Array::from_iter_values(0..events as u32)));
        }
        let rows = self.input_batch(plan, columns, omitted.needs_rows())?;
        let batch = self.rows(plan, rows, chosen.as_ref(), &mut omitted, events)?;
        let OmissionCounter { mismatches, omissions, .. } = omitted;
        Ok(ProjectedRows { batch, mismatches, omissions })
    }

    /// The projected ones of the rows that are chosen and pass the filter.
    fn rows(
        &self,
        plan: &EvaluationPlan,
        mut rows: RecordBatch,
        chosen: Option<&BooleanArray>,
        omitted: &mut OmissionCounter<'_>,
        events: usize,
    ) -> Result<RecordBatch, FoldError> {
        if let Some(chosen) = chosen {
            rows = filter_record_batch(&rows, chosen)?;
        }
        omitted.note_properties(&rows);
        if let Some(filter) = &plan.filter {
            let (mask, effects) = filter.evaluate(&plan.inputs_of(&rows)?)?;
            omitted.add_effects(self.uses.filter.as_slice(), effects);
            let mask = mask.as_boolean();
            if mask.true_count() < mask.len() {
                rows = filter_record_batch(&rows, mask)?;
            }
        }
        omitted.count(&rows, events)?;
        self.evaluate(plan, &rows, omitted)
    }

    /// Which events are of the metric's types; `None` for all.
    fn chosen(&self, types: &StringArray) -> Option<BooleanArray> {
        let includes = |t: Option<&str>| t.is_some_and(|t| self.event.includes(t));
        if types.iter().all(includes) {
            return None;
        }
        Some(types.iter().map(|t| Some(includes(t))).collect())
    }

    /// Whether it reads where events are in the journal.
    #[must_use]
    pub fn needs_places(&self) -> bool {
        self.shapes.iter().any(|shape| shape.is_placed)
    }

    /// Times, inputs, places where an argument needs them, and numbers of rows where those are
    /// needed.
    fn input_batch(
        &self,
        plan: &EvaluationPlan,
        columns: Vec<ArrayRef>,
        has_rows: bool,
    ) -> Result<RecordBatch, FoldError> {
        let time = Field::new("time", timestamp_type(), false);
        let places = self.needs_places().then(EventOffsets::fields).into_iter().flatten();
        let fields = std::iter::once(Arc::new(time))
            .chain(plan.input_schema.fields().iter().cloned())
            .chain(places.map(Arc::new))
            .chain(has_rows.then(|| Arc::new(Field::new("row", DataType::UInt32, false))));
        let schema = Schema::new(fields.collect::<Vec<_>>());
        Ok(RecordBatch::try_new(Arc::new(schema), columns)?)
    }

    fn evaluate(
        &self,
        plan: &EvaluationPlan,
        rows: &RecordBatch,
        omitted: &mut OmissionCounter<'_>,
    ) -> Result<RecordBatch, FoldError> {
        let inputs = plan.inputs_of(rows)?;
        let times = rows.column(0).as_primitive::<TimestampMicrosecondType>();
        let starts = times.values().iter().map(|t| self.grain.floor(Timestamp(*t)).0);
        let starts = TimestampMicrosecondArray::from_iter_values(starts).with_timezone("UTC");
        let mut columns: Vec<ArrayRef> = vec![Arc::new(starts)];
        for (dimension, usage) in plan.dimensions.iter().zip(&self.uses.dimensions) {
            let (values, effects) = dimension.evaluate(&inputs)?;
            omitted.add_effects(&[*usage], effects);
            columns.push(values);
        }
        let arguments = plan.arguments.iter().zip(&self.shapes).zip(&self.uses.arguments);
        for ((argument, shape), uses) in arguments {
            let (mut values, mut effects) = argument.evaluate(&inputs)?;
            if shape.ty == PropertyType::Number {
                let rounded = round_to_scale(values, shape.scale);
                effects.no_result += rounded.misfits;
                omitted.add_rounding(uses, rounded.lost);
                values = rounded.values;
            }
            omitted.add_effects(uses, effects);
            if shape.is_placed {
                values = placed(times, &EventOffsets::of(rows)?, &values);
            }
            columns.push(values);
        }
        Ok(RecordBatch::try_new(Arc::clone(&self.projected_schema), columns)?)
    }

    /// Folds a batch of events into a table of the metric's layout: [`Metric::place`], then
    /// [`Metric::update`].
    ///
    /// # Errors
    /// As [`Metric::project`], and when the table is full.
    pub fn fold(
        &self,
        table: &mut StateTable,
        extracted: &ExtractedEvents,
        groups_max: usize,
    ) -> Result<FoldOutcome, FoldError> {
        let placed = self.assign_groups(table, extracted, groups_max)?;
        self.update(table, &placed)?;
        let GroupedRows { groups, mismatches, omissions, dropped, .. } = placed;
        Ok(FoldOutcome { groups, mismatches, omissions, dropped })
    }

    /// Finds the groups of a batch's rows, and makes those that are new, with zero states. Rows
    /// that would need a group over `groups_max` are dropped and counted.
    ///
    /// # Errors
    /// As [`Metric::project`], and when the table is full.
    pub fn assign_groups(
        &self,
        table: &mut StateTable,
        extracted: &ExtractedEvents,
        groups_max: usize,
    ) -> Result<GroupedRows, FoldError> {
        let ProjectedRows { mut batch, mismatches, omissions } = self.project(extracted)?;
        let (times, dimensions) = self.group_columns(&batch);
        let found = table.groups_within(times, &dimensions, groups_max)?;
        let groups: Vec<usize> = found.iter().copied().flatten().collect();
        let dropped = (found.len() - groups.len()) as u64;
        if dropped > 0 {
            let kept: BooleanArray = found.iter().map(|group| Some(group.is_some())).collect();
            batch = filter_record_batch(&batch, &kept)?;
        }
        Ok(GroupedRows { batch, groups, mismatches, omissions, dropped })
    }

    /// Folds rows into the groups of the table that they were placed in.
    ///
    /// # Errors
    /// When the rows are not the table's.
    pub fn update(&self, table: &mut StateTable, placed: &GroupedRows) -> Result<(), FoldError> {
        self.update_groups(table, &placed.groups, &placed.batch)
    }

    /// Folds projected rows ([`ProjectedRows::batch`]) into a table, whatever groups they need.
    ///
    /// # Errors
    /// When they are not rows of this metric, or the table is full.
    pub fn fold_rows(&self, table: &mut StateTable, rows: &RecordBatch) -> Result<(), FoldError> {
        let (times, dimensions) = self.group_columns(rows);
        let groups = table.groups(times, &dimensions)?;
        self.update_groups(table, &groups, rows)
    }

    /// The columns of projected rows that say which group each belongs to.
    fn group_columns<'r>(&self, rows: &'r RecordBatch) -> (&'r [i64], Vec<&'r StringArray>) {
        let times = rows.column(0).as_primitive::<TimestampMicrosecondType>().values();
        let dimensions = &rows.columns()[1..=self.layout.dimensions.len()];
        (times, dimensions.iter().map(|column| column.as_string()).collect())
    }

    fn update_groups(
        &self,
        table: &mut StateTable,
        groups: &[usize],
        rows: &RecordBatch,
    ) -> Result<(), FoldError> {
        let first = 1 + self.layout.dimensions.len();
        let argument = |i| rows.column(first + i);
        let arguments: Vec<Option<&ArrayRef>> =
            self.state_arguments.iter().map(|arg| arg.map(argument)).collect();
        Ok(table.update(groups, &arguments)?)
    }
}

fn found<'e>(
    extracted: &'e ExtractedEvents,
    column: &PropertyColumn,
) -> Result<&'e PropertyValues, FoldError> {
    extracted.column(column).ok_or_else(|| FoldError::Missing(column.name()))
}

/// Each value, a text, number or time, as the state of its event.
fn placed(times: &TimestampMicrosecondArray, places: &EventOffsets, values: &ArrayRef) -> ArrayRef {
    let state = |row: usize, value: &[u8]| {
        LatestState::of(Timestamp(times.value(row)), places.place(row), value)
    };
    let number = |(row, n): (usize, Option<i128>)| n.map(|n| state(row, &n.to_le_bytes()));
    let states: BinaryArray = if let Some(numbers) = values.as_primitive_opt::<Decimal128Type>() {
        numbers.iter().enumerate().map(number).collect()
    } else if let Some(values) = values.as_primitive_opt::<TimestampMicrosecondType>() {
        values.iter().map(|time| time.map(i128::from)).enumerate().map(number).collect()
    } else {
        let texts = values.as_string::<i32>().iter().enumerate();
        texts.map(|(row, text)| text.map(|text| state(row, text.as_bytes()))).collect()
    };
    Arc::new(states)
}
