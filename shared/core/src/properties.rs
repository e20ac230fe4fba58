//! Properties of events that were read from their text: typed columns, a value an event.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Decimal256Array};
use arrow::compute::{concat, filter};
use arrow::datatypes::{Decimal128Type, i256};
use arrow::error::ArrowError;

use crate::decimal;
use crate::omissions::RowMismatches;
use crate::property::PropertyColumn;

/// One property of a number of events.
#[derive(Clone, Debug)]
pub struct PropertyValues {
    /// A value an event.
    pub values: ArrayRef,
    /// Rows whose value was of another type.
    pub mismatches: RowMismatches,
    /// Rows whose number has digits that `values` has no places for, ascending, with its text.
    pub long: Vec<(u32, Box<str>)>,
}

impl PropertyValues {
    /// Those of the rows that a mask chooses.
    fn filter(&self, mask: &BooleanArray) -> Result<Self, ArrowError> {
        let values = filter(&self.values, mask)?;
        let (mut mismatches, mut place) = (RowMismatches::default(), place_in(mask));
        for (row, json) in self.mismatches.iter() {
            place(row).into_iter().for_each(|row| mismatches.push(row, json));
        }
        let mut place = place_in(mask);
        let long = |(row, text): &(u32, Box<str>)| Some((place(*row)?, text.clone()));
        let long = self.long.iter().filter_map(long).collect();
        Ok(Self { values, mismatches, long })
    }

    /// Its numbers on 18 places, as arithmetic takes them.
    #[must_use]
    pub fn wide(&self) -> Decimal256Array {
        let wide = self.with_long(decimal::widen, decimal::parse_wide);
        wide.with_data_type(decimal::wide_type())
    }

    /// Its numbers as [`decimal::parse_exact`] reads them.
    #[must_use]
    pub fn exact(&self) -> Decimal256Array {
        let more = i256::from_i128(10_i128.pow(11));
        let exact = |value| i256::from_i128(value).wrapping_mul(more);
        let exact = self.with_long(exact, decimal::parse_exact);
        exact.with_data_type(decimal::exact_type())
    }

    fn with_long(
        &self,
        short: impl Fn(i128) -> i256,
        long: impl Fn(&str) -> Option<i256>,
    ) -> Decimal256Array {
        let Some(values) = self.values.as_primitive_opt::<Decimal128Type>() else {
            return Decimal256Array::new_null(self.values.len());
        };
        let mut longer = self.long.iter().peekable();
        let number = |(row, value): (usize, Option<i128>)| match longer
            .next_if(|(at, _)| *at as usize == row)
        {
            Some((_, text)) => long(text),
            None => value.map(&short),
        };
        values.iter().enumerate().map(number).collect()
    }
}

/// Some properties of a number of events. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct PropertyBatch(Arc<BTreeMap<PropertyColumn, PropertyValues>>);

impl FromIterator<(PropertyColumn, PropertyValues)> for PropertyBatch {
    fn from_iter<I: IntoIterator<Item = (PropertyColumn, PropertyValues)>>(columns: I) -> Self {
        Self(Arc::new(columns.into_iter().collect()))
    }
}

impl PropertyBatch {
    /// One of them, if it was read.
    #[must_use]
    pub fn get(&self, column: &PropertyColumn) -> Option<&PropertyValues> {
        self.0.get(column)
    }

    /// All that were read.
    pub fn iter(&self) -> impl Iterator<Item = (&PropertyColumn, &PropertyValues)> {
        self.0.iter()
    }

    /// Bytes that they take.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        let long =
            |p: &PropertyValues| p.long.iter().map(|(_, text)| 24 + text.len()).sum::<usize>();
        let bytes =
            |p: &PropertyValues| slice_bytes(&p.values) + p.mismatches.size_bytes() + long(p);
        self.0.values().map(bytes).sum()
    }

    /// Those of the rows that a mask chooses.
    ///
    /// # Errors
    /// When the mask has another length.
    pub fn filter(&self, mask: &BooleanArray) -> Result<Self, ArrowError> {
        let columns = self.0.iter();
        columns.map(|(column, values)| Ok((column.clone(), values.filter(mask)?))).collect()
    }

    /// Those of rows behind each other, as far as all parts have them; each part comes with its
    /// number of rows.
    ///
    /// # Errors
    /// When there is more text than a column holds.
    pub fn concat(parts: &[(&Self, usize)]) -> Result<Self, ArrowError> {
        let Some(((first, _), others)) = parts.split_first() else { return Ok(Self::default()) };
        let everywhere =
            |column: &&PropertyColumn| others.iter().all(|p| p.0.get(column).is_some());
        let columns = first.0.keys().filter(everywhere);
        columns.map(|column| Ok((column.clone(), concat_column(column, parts)?))).collect()
    }
}

/// Bytes of an array's own values, also where it is a part of a larger one.
pub(crate) fn slice_bytes(array: &ArrayRef) -> usize {
    array.to_data().get_slice_memory_size().unwrap_or_else(|_| array.get_array_memory_size())
}

/// The values of a column that all parts have, each with its number of rows, behind each other.
fn concat_column(
    column: &PropertyColumn,
    parts: &[(&PropertyBatch, usize)],
) -> Result<PropertyValues, ArrowError> {
    let (mut values, mut before) = (Vec::new(), 0_u32);
    let (mut mismatches, mut long) = (RowMismatches::default(), Vec::new());
    for (part, rows) in parts {
        if let Some(property) = part.get(column) {
            values.push(&*property.values);
            for (row, json) in property.mismatches.iter() {
                mismatches.push(before + row, json);
            }
            let moved = |(row, text): &(u32, Box<str>)| (before + row, text.clone());
            long.extend(property.long.iter().map(moved));
        }
        before += *rows as u32;
    }
    Ok(PropertyValues { values: concat(&values)?, mismatches, long })
}

/// The place of a row among those that a mask chooses; called with ascending rows.
fn place_in(mask: &BooleanArray) -> impl FnMut(u32) -> Option<u32> + '_ {
    let (mut from, mut chosen) = (0, 0);
    move |row| {
        let row = row as usize;
        chosen += mask.slice(from, row - from).true_count();
        from = row;
        mask.value(row).then_some(chosen as u32)
    }
}
