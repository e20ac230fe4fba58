//! One epoch's states by slot.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, RecordBatch, StringArray, StringBuilder, TimestampMicrosecondArray,
};
use arrow::datatypes::{FieldRef, Schema, SchemaRef, TimestampMicrosecondType};
use merganser_core::time::{Grain, TimeRange, Timestamp};
use merganser_metric::measure::StateColumn;
use merganser_metric::views::ReadColumns;

use crate::store::chunk::TimeChunk;
use crate::store::{EpochStates, SpeedView, StoreError};

/// Groups and their states, a row a slot.
#[derive(Debug)]
pub(super) struct EpochColumns {
    grain: Grain,
    times: Vec<i64>,
    dimensions: Vec<DimensionTexts>,
    states: Vec<StateColumn>,
    chunks: BTreeMap<TimeChunk, Vec<usize>>,
}

/// A dimension's values; equal ones share their text.
#[derive(Debug, Default)]
struct DimensionTexts {
    values: Vec<Option<Arc<str>>>,
    known: HashSet<Arc<str>>,
}

impl DimensionTexts {
    fn push(&mut self, text: Option<&str>) {
        let value = text.map(|text| match self.known.get(text) {
            Some(known) => Arc::clone(known),
            None => {
                let new: Arc<str> = text.into();
                self.known.insert(Arc::clone(&new));
                new
            }
        });
        self.values.push(value);
    }
}

impl EpochColumns {
    pub(super) fn new(view: &SpeedView) -> Self {
        Self {
            grain: view.grain,
            times: Vec::new(),
            dimensions: view.layout.dimensions.iter().map(|_| DimensionTexts::default()).collect(),
            states: view.layout.states.iter().map(|kind| StateColumn::new(*kind)).collect(),
            chunks: BTreeMap::new(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.times.len()
    }

    /// The chunks from `first` to `last` that have groups.
    pub(super) fn chunks(
        &self,
        first: TimeChunk,
        last: TimeChunk,
    ) -> impl Iterator<Item = TimeChunk> {
        self.chunks.range(first..=last).map(|(chunk, _)| *chunk)
    }

    /// Adds the slots of a chunk whose buckets start in `range`.
    pub(super) fn within(
        &self,
        chunk: TimeChunk,
        grain: Grain,
        range: TimeRange,
        slots: &mut Vec<usize>,
    ) {
        let Some(all) = self.chunks.get(&chunk) else { return };
        let whole = chunk.range(grain);
        if range.from <= whole.from && whole.to <= range.to {
            slots.extend(all);
        } else {
            slots.extend(all.iter().filter(|slot| range.contains(Timestamp(self.times[**slot]))));
        }
    }

    /// The groups at `slots`: the columns of the read, or all.
    pub(super) fn emit(
        &self,
        schema: &SchemaRef,
        slots: &[usize],
        wanted: Option<&ReadColumns>,
    ) -> RecordBatch {
        let times = slots.iter().map(|slot| self.times[*slot]);
        let times = TimestampMicrosecondArray::from_iter_values(times).with_timezone("UTC");
        let mut columns: Vec<(FieldRef, ArrayRef)> =
            vec![(Arc::clone(&schema.fields()[0]), Arc::new(times))];
        let fields = &schema.fields()[1..];
        let (texts, states) = fields.split_at(self.dimensions.len());
        for (at, (field, dimension)) in texts.iter().zip(&self.dimensions).enumerate() {
            if wanted.is_none_or(|wanted| wanted.dimensions.contains(&at)) {
                let mut texts = StringBuilder::new();
                let values = slots.iter().map(|slot| dimension.values[*slot].as_deref());
                values.for_each(|value| texts.append_option(value));
                columns.push((Arc::clone(field), Arc::new(texts.finish())));
            }
        }
        for (at, (field, states)) in states.iter().zip(&self.states).enumerate() {
            if wanted.is_none_or(|wanted| wanted.states.contains(&at)) {
                columns.push((Arc::clone(field), states.emit(slots)));
            }
        }
        let (fields, columns): (Vec<_>, Vec<_>) = columns.into_iter().unzip();
        RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)
            .expect("the columns are built from the layout that the schema is made of")
    }

    fn is_group(&self, slot: usize, rows: &StateRows<'_>, row: usize) -> bool {
        let mut texts = self.dimensions.iter().zip(&rows.dimensions);
        self.times[slot] == rows.times[row]
            && texts.all(|(texts, column)| {
                texts.values[slot].as_deref() == column.is_valid(row).then(|| column.value(row))
            })
    }

    /// Overwrites and appends. [`check_slots`] has passed.
    pub(super) fn put(&mut self, part: &EpochStates) -> Result<(), StoreError> {
        let rows = StateRows::of(&part.states, self.dimensions.len())?;
        let before = self.len();
        for (row, slot) in part.slots.iter().enumerate() {
            if *slot as usize == self.times.len() {
                let time = rows.times[row];
                self.times.push(time);
                for (texts, column) in self.dimensions.iter_mut().zip(&rows.dimensions) {
                    texts.push(column.is_valid(row).then(|| column.value(row)));
                }
                let (chunk, _) = TimeChunk::of(self.grain, Timestamp(time));
                self.chunks.entry(chunk).or_default().push(*slot as usize);
            }
        }
        let groups = self.times.len();
        let slots: Vec<usize> = part.slots.iter().map(|slot| *slot as usize).collect();
        let appended = slots.first().is_some_and(|first| *first >= before)
            && slots.windows(2).all(|pair| pair[0] < pair[1]);
        for (states, stored) in self.states.iter_mut().zip(rows.states) {
            states.resize(groups);
            // New groups are zero, so that merging all at once is the same as putting each.
            let done = if appended {
                states.merge(&slots, stored)
            } else {
                slots.iter().enumerate().try_for_each(|(row, slot)| states.put(*slot, stored, row))
            };
            done.map_err(|error| StoreError::Invalid(error.to_string()))?;
        }
        Ok(())
    }
}

/// Whether `part` can be put, after which the epoch has `groups` groups: nothing may fail half-way.
pub(super) fn check_slots(
    view: &SpeedView,
    columns: Option<&EpochColumns>,
    part: &EpochStates,
    groups: &mut usize,
) -> Result<(), StoreError> {
    let rows = StateRows::of(&part.states, view.layout.dimensions.len())?;
    for (row, slot) in part.slots.iter().enumerate() {
        let slot = *slot as usize;
        if slot > *groups {
            let reason = format!("slot {slot} is not dense, {groups} would be next");
            return Err(StoreError::Invalid(reason));
        }
        *groups = (*groups).max(slot + 1);
        if columns.is_some_and(|held| slot < held.len() && !held.is_group(slot, &rows, row)) {
            return Err(StoreError::Invalid(format!("slot {slot} is another group's")));
        }
    }
    for (kind, stored) in view.layout.states.iter().zip(rows.states) {
        if kind.is_binary() {
            let mut decoded = StateColumn::new(*kind);
            decoded.resize(1);
            let zeros = vec![0; stored.len()];
            let done = decoded.merge(&zeros, stored);
            done.map_err(|error| StoreError::Invalid(error.to_string()))?;
        }
    }
    Ok(())
}

/// A batch's columns by their part.
struct StateRows<'a> {
    times: &'a [i64],
    dimensions: Vec<&'a StringArray>,
    states: &'a [ArrayRef],
}

impl<'a> StateRows<'a> {
    fn of(batch: &'a RecordBatch, dimensions: usize) -> Result<Self, StoreError> {
        let wrong = || StoreError::Invalid("its columns are not the metric's".to_owned());
        let columns = batch.columns();
        let texts = columns.get(1..=dimensions).ok_or_else(wrong)?;
        let times = columns[0].as_primitive_opt::<TimestampMicrosecondType>().ok_or_else(wrong)?;
        let texts = texts.iter().map(|column| column.as_string_opt().ok_or_else(wrong));
        Ok(Self {
            times: times.values(),
            dimensions: texts.collect::<Result<_, _>>()?,
            states: &columns[1 + dimensions..],
        })
    }
}
