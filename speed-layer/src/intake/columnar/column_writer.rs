//! Writes the values of a column as JSON, row by row.

use std::io::{self, Write};

use arrow::array::Array;
use arrow::buffer::NullBuffer;
use serde::Serialize;

use super::bounded_text::BoundedText;

type ValueWriter<'a> = Box<dyn Fn(usize, &mut BoundedText) -> io::Result<()> + 'a>;

/// The values of a column.
pub(super) struct JsonColumnWriter<'a> {
    nulls: Option<NullBuffer>,
    write: Option<ValueWriter<'a>>,
}

impl<'a> JsonColumnWriter<'a> {
    pub(super) fn new(
        array: &dyn Array,
        write: impl Fn(usize, &mut BoundedText) -> io::Result<()> + 'a,
    ) -> Self {
        Self { nulls: array.logical_nulls(), write: Some(Box::new(write)) }
    }

    /// No value in any row.
    pub(super) fn none() -> Self {
        Self { nulls: None, write: None }
    }

    /// The same text in every row.
    pub(super) fn constant(value: &str) -> Self {
        let value = value.to_owned();
        Self { nulls: None, write: Some(Box::new(move |_, text| json(text, &value))) }
    }

    /// An object in every row, with these members.
    pub(super) fn object_of(members: Vec<(&'a str, JsonColumnWriter<'a>)>) -> Self {
        let write = move |row, text: &mut BoundedText| write_object(&members, row, text);
        Self { nulls: None, write: Some(Box::new(write)) }
    }

    /// Whether there is a value in a row.
    pub(super) fn is_present(&self, row: usize) -> bool {
        self.write.is_some() && self.nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row))
    }

    /// Writes the value of a row, `null` where there is none.
    pub(super) fn write(&self, row: usize, text: &mut BoundedText) -> io::Result<()> {
        match &self.write {
            Some(write) if self.is_present(row) => write(row, text),
            _ => text.write_all(b"null"),
        }
    }
}

/// Writes a value as JSON.
pub(super) fn json(text: &mut BoundedText, value: &(impl Serialize + ?Sized)) -> io::Result<()> {
    Ok(serde_json::to_writer(text, value)?)
}

/// Writes an object of the members that have a value in a row.
pub(super) fn write_object(
    fields: &[(&str, JsonColumnWriter<'_>)],
    row: usize,
    text: &mut BoundedText,
) -> io::Result<()> {
    text.count_visited(fields.len())?;
    let there = fields.iter().filter(|(_, values)| values.is_present(row));
    text.enclose([b"{", b"}"], there, |(name, values), text| {
        json(text, name)?;
        text.write_all(b":")?;
        values.write(row, text)
    })
}
