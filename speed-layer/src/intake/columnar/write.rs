//! Rows of columns as lines of JSON.

use std::io::{self, Write};

use arrow::array::RecordBatch;
use arrow::datatypes::Fields;
use serde_json::value::RawValue;

use super::values::{self, Path, Values};
use super::{Bounds, IntakeError, malformed};

/// Fields of an event that are columns.
const FIELDS: [&str; 5] = ["event", "id", "time", "subject", PROPERTIES];
const PROPERTIES: &str = "properties";

/// Lines in the making, up to a bound.
pub(super) struct Lines {
    bounds: Bounds,
    text: Text,
    count: usize,
}

impl Lines {
    pub(super) fn new(bounds: Bounds) -> Self {
        let text = Text { bytes: Vec::new(), bytes_max: bounds.bytes_max, seen: 0 };
        Self { bounds, text, count: 0 }
    }

    /// Adds a line for each row.
    pub(super) fn add(&mut self, batch: &RecordBatch) -> Result<(), IntakeError> {
        self.count = self.count.saturating_add(batch.num_rows());
        if self.count > self.bounds.events_max {
            return Err(self.bounds.too_many());
        }
        let columns = columns(batch)?;
        (0..batch.num_rows())
            .try_for_each(|row| line(&columns, row, &mut self.text))
            .map_err(|_| self.bounds.too_large())
    }

    pub(super) fn finish(self) -> Vec<u8> {
        self.text.bytes
    }
}

/// Text that does not grow beyond a bound, and takes no longer than that: then, and only then,
/// writing fails.
pub(super) struct Text {
    bytes: Vec<u8>,
    bytes_max: usize,
    /// Values that were looked at, written or not.
    seen: usize,
}

impl Text {
    /// Counts values that are looked at.
    pub(super) fn look_at(&mut self, count: usize) -> io::Result<()> {
        self.seen = self.seen.saturating_add(count);
        if self.seen > self.bytes_max {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        Ok(())
    }

    /// Writes items with commas between them, and brackets around all.
    pub(super) fn enclose<T>(
        &mut self,
        [open, close]: [&[u8]; 2],
        items: impl Iterator<Item = T>,
        mut one: impl FnMut(T, &mut Self) -> io::Result<()>,
    ) -> io::Result<()> {
        self.write_all(open)?;
        for (n, item) in items.enumerate() {
            if n > 0 {
                self.write_all(b",")?;
            }
            one(item, self)?;
        }
        self.write_all(close)
    }
}

impl Write for Text {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        if self.bytes.len() + piece.len() > self.bytes_max {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.bytes.extend_from_slice(piece);
        Ok(piece.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Whether columns are those of events.
pub(super) fn check_fields(fields: &Fields) -> Result<(), IntakeError> {
    for (at, field) in fields.iter().enumerate() {
        let name: String = field.name().chars().take(80).collect();
        if !FIELDS.contains(&field.name().as_str()) {
            return Err(malformed(format!(
                "the column `{name}` is no field of an event; those are `event`, `id`, `time`, \
                 `subject`, and `properties` as a struct, a map or JSON"
            )));
        }
        if fields.iter().take(at).any(|other| other.name() == field.name()) {
            return Err(malformed(format!("the column `{name}` is there twice")));
        }
        values::check(field.data_type(), &Path::of(&name))?;
    }
    if !fields.iter().any(|field| field.name() == "event") {
        return Err(malformed("there is no column `event`"));
    }
    Ok(())
}

fn columns(batch: &RecordBatch) -> Result<Vec<(&str, Values<'_>)>, IntakeError> {
    let fields = batch.schema_ref().fields().iter().zip(batch.columns());
    let mut columns = Vec::new();
    for (field, array) in fields {
        let json = match field.name() == PROPERTIES {
            true => values::of_texts(array.as_ref(), write_json),
            false => None,
        };
        let values = json.unwrap_or_else(|| values::of(array.as_ref()))?;
        columns.push((field.name().as_str(), values));
    }
    Ok(columns)
}

fn line(columns: &[(&str, Values<'_>)], row: usize, text: &mut Text) -> io::Result<()> {
    let there = columns.iter().filter(|(_, values)| values.is_there(row));
    text.enclose([b"{", b"}\n"], there, |(name, values), text| {
        write!(text, "\"{name}\":")?;
        values.write(row, text)
    })
}

/// Writes JSON as it is, but on one line. What is none is written as a text, which the rules for
/// `properties` refuse for its event alone.
fn write_json(value: &str, text: &mut Text) -> io::Result<()> {
    let Ok(json) = serde_json::from_str::<&RawValue>(value) else {
        return Ok(serde_json::to_writer(text, value)?);
    };
    // In JSON, ends of lines stand between values only.
    for (n, piece) in json.get().split(['\n', '\r']).enumerate() {
        if n > 0 {
            text.write_all(b" ")?;
        }
        text.write_all(piece.as_bytes())?;
    }
    Ok(())
}
