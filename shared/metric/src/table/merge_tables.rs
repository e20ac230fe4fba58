//! One table against another, without a way through stored states.

use super::{StateTable, TableError};
use merganser_core::time::Timestamp;

impl StateTable {
    /// Merges another table of the same layout, with its buckets' starts moved.
    ///
    /// # Errors
    /// As [`StateTable::merge`].
    pub fn merge_table(
        &mut self,
        other: &Self,
        start: impl Fn(Timestamp) -> Timestamp,
    ) -> Result<(), TableError> {
        if self.schema != other.schema {
            return Err(TableError::Schema);
        }
        let dimensions = self.dimensions.iter_mut().zip(&other.dimensions);
        let numbers: Vec<Vec<u32>> = dimensions
            .map(|(mine, other)| {
                let texts = other.texts.iter().map(|text| mine.number(Some(text)));
                std::iter::once(0).chain(texts).collect()
            })
            .collect();
        let mut key = vec![0; numbers.len()];
        let mut groups = Vec::with_capacity(other.len());
        for theirs in 0..other.len() {
            for ((part, numbers), dimension) in key.iter_mut().zip(&numbers).zip(&other.dimensions)
            {
                *part = numbers[dimension.values[theirs] as usize];
            }
            groups.push(self.group(start(other.time(theirs)).0, &key)?);
        }
        let count = self.times.len();
        for (mine, other) in self.states.iter_mut().zip(&other.states) {
            mine.resize(count);
            mine.merge_column(&groups, other)?;
        }
        Ok(())
    }

    /// By group, the group of another table that has the same bucket and dimensions.
    #[must_use]
    pub fn matching_groups(&self, other: &Self) -> Vec<Option<usize>> {
        let dimensions = self.dimensions.iter().zip(&other.dimensions);
        let numbers: Vec<Vec<Option<u32>>> = dimensions
            .map(|(mine, other)| {
                let texts = mine.texts.iter().map(|text| other.known(Some(text)));
                std::iter::once(Some(0)).chain(texts).collect()
            })
            .collect();
        let mut key = vec![0; numbers.len()];
        let counterpart = |group: usize| {
            let parts = key.iter_mut().zip(&numbers).zip(&self.dimensions);
            for ((part, numbers), dimension) in parts {
                *part = numbers[dimension.values[group] as usize]?;
            }
            other.find(self.times[group], &key)
        };
        (0..self.len()).map(counterpart).collect()
    }
}
