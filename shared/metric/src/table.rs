//! Groups and their states: the one structure that both layers fill and every answer is merged in.
//!
//! A group is a bucket's start and a value (text or null) for each dimension. Groups are numbered
//! in the order of their first appearance and keep their numbers. Dimension values are interned, so
//! a group's key is a few integers whatever its texts are.

mod merge_tables;
mod regroup;
mod sliding;

use std::cmp::Ordering;
use std::hash::{BuildHasher, Hasher};
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, RecordBatch, StringArray, StringBuilder, TimestampMicrosecondArray,
};
use arrow::datatypes::{SchemaRef, TimestampMicrosecondType};
use hashbrown::{DefaultHashBuilder, HashMap, HashTable};

use crate::layout::StateLayout;
use crate::measure::{StateColumn, StateError};
use merganser_core::time::{TimeRange, Timestamp};
pub use sliding::{SlidingMerge, WindowedBucket};

/// Groups and their states.
#[derive(Clone, Debug)]
pub struct StateTable {
    schema: SchemaRef,
    times: Vec<i64>,
    dimensions: Vec<DimensionColumn>,
    states: Vec<StateColumn>,
    index: HashTable<u32>,
    hasher: DefaultHashBuilder,
}

/// One dimension's values: a number a group, and what the numbers mean. 0 is null.
#[derive(Clone, Debug, Default)]
struct DimensionColumn {
    values: Vec<u32>,
    texts: Vec<Arc<str>>,
    numbers: HashMap<Arc<str>, u32>,
    text_bytes: usize,
}

impl DimensionColumn {
    fn number(&mut self, text: Option<&str>) -> u32 {
        let Some(text) = text else { return 0 };
        if let Some(number) = self.numbers.get(text) {
            return *number;
        }
        let text: Arc<str> = text.into();
        self.texts.push(Arc::clone(&text));
        self.text_bytes += text.len();
        let number = self.texts.len() as u32;
        self.numbers.insert(text, number);
        number
    }

    /// The number of each of these values; equal ones that follow each other are looked up once.
    fn numbers(&mut self, texts: &StringArray) -> Vec<u32> {
        let mut last = (None, 0);
        let number = |text| {
            if last.0 != text {
                last = (text, self.number(text));
            }
            last.1
        };
        texts.iter().map(number).collect()
    }

    /// The number of a value that occurred before.
    fn known(&self, text: Option<&str>) -> Option<u32> {
        text.map_or(Some(0), |text| self.numbers.get(text).copied())
    }

    fn text(&self, group: usize) -> Option<&str> {
        self.values[group].checked_sub(1).map(|at| &*self.texts[at as usize])
    }
}

impl StateTable {
    /// No groups.
    #[must_use]
    pub fn new(layout: &StateLayout) -> Self {
        Self {
            schema: layout.schema(),
            times: Vec::new(),
            dimensions: layout.dimensions.iter().map(|_| DimensionColumn::default()).collect(),
            states: layout.states.iter().map(|kind| StateColumn::new(*kind)).collect(),
            index: HashTable::new(),
            hasher: DefaultHashBuilder::default(),
        }
    }

    /// Number of groups.
    #[must_use]
    pub fn len(&self) -> usize {
        self.times.len()
    }

    /// Whether there are no groups.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.times.is_empty()
    }

    /// The bucket's start of a group.
    #[must_use]
    pub fn time(&self, group: usize) -> Timestamp {
        Timestamp(self.times[group])
    }

    /// The value of a group's dimension.
    #[must_use]
    pub fn dimension(&self, group: usize, dimension: usize) -> Option<&str> {
        self.dimensions[dimension].text(group)
    }

    /// The states, by position in the layout.
    #[must_use]
    pub fn states(&self) -> &[StateColumn] {
        &self.states
    }

    /// The group of each row, new ones with zero states.
    ///
    /// # Errors
    /// [`TableError::Full`] past 2³² groups.
    pub fn groups(
        &mut self,
        times: &[i64],
        dimensions: &[&StringArray],
    ) -> Result<Vec<usize>, TableError> {
        let numbers: Vec<Vec<u32>> = dimensions
            .iter()
            .zip(&mut self.dimensions)
            .map(|(texts, dimension)| dimension.numbers(texts))
            .collect();
        let mut key = vec![0_u32; dimensions.len()];
        let mut groups = Vec::with_capacity(times.len());
        // Rows that lie next to each other are often of one group.
        let mut last = None;
        for (row, time) in times.iter().enumerate() {
            let mut is_same = true;
            for (part, column) in key.iter_mut().zip(&numbers) {
                is_same &= *part == column[row];
                *part = column[row];
            }
            let group = match last {
                Some((last, group)) if last == *time && is_same => group,
                _ => self.group(*time, &key)?,
            };
            last = Some((*time, group));
            groups.push(group);
        }
        let count = self.times.len();
        self.states.iter_mut().for_each(|states| states.resize(count));
        Ok(groups)
    }

    /// As [`StateTable::groups`], but makes no group when there are `groups_max` already: such rows
    /// have no group.
    ///
    /// # Errors
    /// As [`StateTable::groups`].
    pub fn groups_within(
        &mut self,
        times: &[i64],
        dimensions: &[&StringArray],
        groups_max: usize,
    ) -> Result<Vec<Option<usize>>, TableError> {
        if self.len().saturating_add(times.len()) <= groups_max {
            return Ok(self.groups(times, dimensions)?.into_iter().map(Some).collect());
        }
        let mut groups = Vec::with_capacity(times.len());
        for (row, time) in times.iter().enumerate() {
            let texts = dimensions.iter().map(|d| d.is_valid(row).then(|| d.value(row)));
            let row = self.dimensions.iter_mut().zip(texts);
            groups.push(if self.times.len() < groups_max {
                let key: Vec<u32> = row.map(|(d, text)| d.number(text)).collect();
                Some(self.group(*time, &key)?)
            } else {
                let key: Option<Vec<u32>> = row.map(|(d, text)| d.known(text)).collect();
                key.and_then(|key| self.find(*time, &key))
            });
        }
        let count = self.times.len();
        self.states.iter_mut().for_each(|states| states.resize(count));
        Ok(groups)
    }

    fn find(&self, time: i64, key: &[u32]) -> Option<usize> {
        let hash = hash_key(&self.hasher, time, key.iter().copied());
        let same = |group: &u32| {
            let group = *group as usize;
            let mut parts = self.dimensions.iter().zip(key);
            self.times[group] == time && parts.all(|(d, k)| d.values[group] == *k)
        };
        self.index.find(hash, same).map(|group| *group as usize)
    }

    fn group(&mut self, time: i64, key: &[u32]) -> Result<usize, TableError> {
        if let Some(group) = self.find(time, key) {
            return Ok(group);
        }
        let Self { times, dimensions, index, hasher, .. } = self;
        let hash = hash_key(hasher, time, key.iter().copied());
        let group = u32::try_from(times.len()).map_err(|_| TableError::Full)?;
        times.push(time);
        dimensions.iter_mut().zip(key).for_each(|(d, k)| d.values.push(*k));
        index.insert_unique(hash, group, |group| {
            let group = *group as usize;
            hash_key(hasher, times[group], dimensions.iter().map(|d| d.values[group]))
        });
        Ok(group as usize)
    }

    /// Folds row `i` of each state's argument into group `groups[i]`.
    ///
    /// # Errors
    /// When an argument has the wrong type, or a count overflows.
    pub fn update(
        &mut self,
        groups: &[usize],
        arguments: &[Option<&ArrayRef>],
    ) -> Result<(), TableError> {
        for (states, argument) in self.states.iter_mut().zip(arguments) {
            states.update(groups, *argument)?;
        }
        Ok(())
    }

    /// Merges stored states: a batch with the layout's schema.
    ///
    /// # Errors
    /// When the batch has another schema, or a state cannot be read.
    pub fn merge(&mut self, batch: &RecordBatch) -> Result<(), TableError> {
        let times = batch
            .column(0)
            .as_primitive_opt::<TimestampMicrosecondType>()
            .ok_or(TableError::Schema)?
            .values();
        self.merge_at(&times.clone(), batch)
    }

    /// Merges stored states, with other bucket starts than the batch's own. Columns after the first
    /// are the layout's dimensions and states, in its order.
    ///
    /// # Errors
    /// As [`StateTable::merge`].
    pub fn merge_at(&mut self, times: &[i64], batch: &RecordBatch) -> Result<(), TableError> {
        let (dimensions, states) = (self.dimensions.len(), self.states.len());
        if batch.num_columns() != 1 + dimensions + states || times.len() != batch.num_rows() {
            return Err(TableError::Schema);
        }
        let texts = batch.columns()[1..=dimensions]
            .iter()
            .map(|column| column.as_string_opt::<i32>().ok_or(TableError::Schema))
            .collect::<Result<Vec<_>, _>>()?;
        let groups = self.groups(times, &texts)?;
        for (states, stored) in self.states.iter_mut().zip(&batch.columns()[1 + dimensions..]) {
            states.merge(&groups, stored)?;
        }
        Ok(())
    }

    /// The given groups as a batch with the layout's schema.
    #[must_use]
    pub fn emit(&self, groups: &[usize]) -> RecordBatch {
        let times = groups.iter().map(|g| self.times[*g]);
        let times = TimestampMicrosecondArray::from_iter_values(times).with_timezone("UTC");
        let mut columns: Vec<ArrayRef> = vec![Arc::new(times)];
        for dimension in &self.dimensions {
            let mut texts = StringBuilder::new();
            groups.iter().for_each(|g| texts.append_option(dimension.text(*g)));
            columns.push(Arc::new(texts.finish()));
        }
        columns.extend(self.states.iter().map(|states| states.emit(groups)));
        RecordBatch::try_new(Arc::clone(&self.schema), columns)
            .expect("the columns are built from the layout that the schema is made of")
    }

    /// All groups as a batch, in the order of their numbers.
    #[must_use]
    pub fn emit_all(&self) -> RecordBatch {
        self.emit(&(0..self.len()).collect::<Vec<_>>())
    }

    /// Groups whose bucket starts in `range`, in the order of their numbers.
    #[must_use]
    pub fn within(&self, range: TimeRange) -> Vec<usize> {
        (0..self.len()).filter(|g| range.contains(self.time(*g))).collect()
    }

    /// All groups ordered by time, then by dimensions, nulls last.
    #[must_use]
    pub fn sorted(&self) -> Vec<usize> {
        let ranks: Vec<Vec<u32>> = self.dimensions.iter().map(DimensionColumn::ranks).collect();
        let mut groups: Vec<usize> = (0..self.len()).collect();
        groups.sort_unstable_by(|a, b| {
            self.times[*a].cmp(&self.times[*b]).then_with(|| {
                ranks.iter().map(|r| r[*a].cmp(&r[*b])).find(|o| o.is_ne()).unwrap_or(a.cmp(b))
            })
        });
        groups
    }

    /// A number for the value of a group's dimension: in a table equal values have equal ones.
    #[must_use]
    pub fn value_number(&self, group: usize, dimension: usize) -> u32 {
        self.dimensions[dimension].values[group]
    }

    /// The order of two groups' values of a dimension: that of texts, nulls last.
    #[must_use]
    pub fn compare_values(&self, a: usize, b: usize, dimension: usize) -> Ordering {
        let dimension = &self.dimensions[dimension];
        if dimension.values[a] == dimension.values[b] {
            return Ordering::Equal;
        }
        match (dimension.text(a), dimension.text(b)) {
            (Some(a), Some(b)) => a.cmp(b),
            (a, b) => b.is_some().cmp(&a.is_some()),
        }
    }

    /// The group of this bucket and these values, if there is one.
    #[must_use]
    pub fn group_of(&self, time: Timestamp, values: &[Option<&str>]) -> Option<usize> {
        self.find(time.0, &self.value_numbers(values)?)
    }

    /// Bytes that a group takes when it is written out, roughly.
    #[must_use]
    pub fn group_bytes(&self, group: usize) -> usize {
        let texts = self.dimensions.iter().map(|d| 4 + d.text(group).map_or(0, str::len));
        8 + texts.sum::<usize>() + self.states.iter().map(|s| s.group_bytes(group)).sum::<usize>()
    }

    /// Bytes held in memory, roughly.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        let keys = self.times.capacity() * 8
            + self.index.capacity() * 5
            + self
                .dimensions
                .iter()
                .map(|d| d.values.capacity() * 4 + d.text_bytes + d.texts.len() * 64)
                .sum::<usize>();
        keys + self.states.iter().map(StateColumn::size_bytes).sum::<usize>()
    }

    /// The first and the last of the bucket starts.
    #[must_use]
    pub fn span(&self) -> Option<(Timestamp, Timestamp)> {
        let (first, last) = (self.times.iter().min()?, self.times.iter().max()?);
        Some((Timestamp(*first), Timestamp(*last)))
    }
}

fn hash_key(hasher: &DefaultHashBuilder, time: i64, key: impl Iterator<Item = u32>) -> u64 {
    let mut state = hasher.build_hasher();
    state.write_i64(time);
    key.for_each(|part| state.write_u32(part));
    state.finish()
}

impl DimensionColumn {
    /// By group, the place of its value in the order of texts, nulls last.
    fn ranks(&self) -> Vec<u32> {
        let mut order: Vec<u32> = (0..self.texts.len() as u32).collect();
        order.sort_unstable_by_key(|at| &self.texts[*at as usize]);
        let mut ranks = vec![u32::MAX; self.texts.len() + 1];
        for (rank, at) in order.into_iter().enumerate() {
            ranks[at as usize + 1] = rank as u32;
        }
        self.values.iter().map(|number| ranks[*number as usize]).collect()
    }
}

/// What can go wrong in a table.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TableError {
    /// There are 2³² groups.
    #[error("a table holds at most 2^32 groups")]
    Full,
    /// A batch has other columns than the layout.
    #[error("a batch of states has other columns than its metric")]
    Schema,
    /// A state cannot be read or merged.
    #[error(transparent)]
    State(#[from] StateError),
}

#[cfg(test)]
mod tests;
