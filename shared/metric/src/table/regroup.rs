//! Groups of a table merged into fewer ones: over all times, or over all dimension values.

use merganser_core::time::Timestamp;

use super::{DimensionColumn, StateTable, TableError};
use crate::layout::StateLayout;
use crate::measure::StateColumn;

/// Groups that are merged at a time.
const PORTION: usize = 8_192;

impl StateTable {
    /// The numbers of these values, see [`StateTable::value_number`];
    /// none where one never occurred.
    #[must_use]
    pub fn value_numbers(&self, values: &[Option<&str>]) -> Option<Vec<u32>> {
        self.dimensions.iter().zip(values).map(|(d, text)| d.known(*text)).collect()
    }

    /// The same without groups: values of its dimensions have the same numbers.
    #[must_use]
    pub fn without_groups(&self) -> Self {
        let dimension =
            |known: &DimensionColumn| DimensionColumn { values: Vec::new(), ..known.clone() };
        Self { dimensions: self.dimensions.iter().map(dimension).collect(), ..self.emptied() }
    }

    /// Without groups and without dimensions, for the same states.
    #[must_use]
    pub fn undivided(&self) -> Self {
        let states = self.states.iter().map(StateColumn::kind).collect();
        Self::new(&StateLayout { dimensions: Vec::new(), states })
    }

    fn emptied(&self) -> Self {
        Self {
            schema: self.schema.clone(),
            times: Vec::new(),
            dimensions: Vec::new(),
            states: self.states.iter().map(|states| StateColumn::new(states.kind())).collect(),
            index: hashbrown::HashTable::new(),
            hasher: self.hasher.clone(),
        }
    }

    /// Makes a group for each of some groups of another table, at a time of its own, and gives
    /// their numbers. New ones have zero states. This table was made of the other one by
    /// [`StateTable::without_groups`] or [`StateTable::undivided`].
    ///
    /// # Errors
    /// As [`StateTable::groups`].
    pub fn groups_like(
        &mut self,
        other: &Self,
        groups: impl IntoIterator<Item = (u32, Timestamp)>,
    ) -> Result<Vec<usize>, TableError> {
        let mut key = vec![0; self.dimensions.len()];
        let mut found = Vec::new();
        for (theirs, time) in groups {
            for (part, dimension) in key.iter_mut().zip(&other.dimensions) {
                *part = dimension.values[theirs as usize];
            }
            found.push(self.group(time.0, &key)?);
        }
        let count = self.times.len();
        self.states.iter_mut().for_each(|states| states.resize(count));
        Ok(found)
    }

    /// Merges some groups of another table into groups as [`StateTable::groups_like`] makes them.
    ///
    /// # Errors
    /// As [`StateTable::merge_table`].
    pub fn merge_like(
        &mut self,
        other: &Self,
        groups: impl IntoIterator<Item = (u32, Timestamp)>,
    ) -> Result<(), TableError> {
        let mut groups = groups.into_iter();
        loop {
            let portion: Vec<(u32, Timestamp)> = groups.by_ref().take(PORTION).collect();
            if portion.is_empty() {
                return Ok(());
            }
            let mine = self.groups_like(other, portion.iter().copied())?;
            let theirs = portion.iter().map(|(group, _)| *group as usize);
            let pairs: Vec<(usize, usize)> = mine.into_iter().zip(theirs).collect();
            for (states, other) in self.states.iter_mut().zip(&other.states) {
                states.merge_pairs(&pairs, other)?;
            }
        }
    }
}
