//! Rows of columns as lines of JSON.

use std::io::{self, Write};

use arrow::array::RecordBatch;
use arrow::datatypes::Fields;
use merganser_core::text::clipped;
use serde_json::value::RawValue;

use super::bounded_text::BoundedText;
use super::column_writer::JsonColumnWriter;
use super::values::{self, ValuePath};
use super::{DecodeBounds, IntakeError, malformed};
use crate::intake::column_layout::{ColumnLayout, ColumnMapping, EventTypeSource, ParameterStyle};

/// Fields of an event that are columns.
const FIELDS: [&str; 5] = ["event", "id", "time", "subject", PROPERTIES];
const PROPERTIES: &str = "properties";

/// Lines in the making, up to a bound.
pub(super) struct JsonLinesWriter {
    bounds: DecodeBounds,
    layout: ColumnLayout,
    text: BoundedText,
    count: usize,
}

impl JsonLinesWriter {
    pub(super) fn new(layout: ColumnLayout, bounds: DecodeBounds) -> Self {
        Self { bounds, layout, text: BoundedText::new(bounds.bytes_max), count: 0 }
    }

    /// Adds a line for each row. What [`values::Int96Seconds`] is of a column, `twin` is of the
    /// batch.
    pub(super) fn add(
        &mut self,
        batch: &RecordBatch,
        twin: Option<&RecordBatch>,
    ) -> Result<(), IntakeError> {
        self.count = self.count.saturating_add(batch.num_rows());
        if self.count > self.bounds.events_max {
            return Err(self.bounds.too_many());
        }
        let columns = members(batch, twin, &self.layout)?;
        (0..batch.num_rows())
            .try_for_each(|row| line(&columns, row, &mut self.text))
            .map_err(|_| self.bounds.too_large())
    }

    pub(super) fn finish(self) -> Vec<u8> {
        self.text.into_bytes()
    }
}

/// Which columns are which fields of an event. Without a mapping they have to be named as these.
pub(super) fn check_fields(
    fields: &Fields,
    mapping: Option<&ColumnMapping>,
) -> Result<ColumnLayout, IntakeError> {
    let names: Vec<&str> = fields.iter().map(|field| field.name().as_str()).collect();
    if mapping.is_none() {
        check_names(&names)?;
    }
    for field in fields {
        values::check(field.data_type(), &ValuePath::of(clipped(field.name())))?;
    }
    let default = ColumnMapping::default();
    let layout = ColumnLayout::of(&names, mapping.unwrap_or(&default), ParameterStyle::Query);
    let layout = layout.map_err(malformed)?;
    for at in [layout.id, layout.subject].into_iter().flatten().filter(|_| mapping.is_some()) {
        let field = &fields[at];
        if !values::is_text_or_integer(field.data_type()) {
            let (name, data_type) = (field.name(), field.data_type());
            return Err(malformed(format!(
                "the column `{name}` has the type {data_type}; ids and subjects are texts or \
                 whole numbers"
            )));
        }
    }
    Ok(layout)
}

fn check_names(names: &[&str]) -> Result<(), IntakeError> {
    for (at, name) in names.iter().enumerate() {
        let short = clipped(name);
        if !FIELDS.contains(name) {
            return Err(malformed(format!(
                "the column `{short}` is no field of an event; those are `event`, `id`, `time`, \
                 `subject`, and `properties` as a struct, a map or JSON. With `event=`, \
                 `event_column=`, `time_column=`, `id_column=` or `subject_column=` the other \
                 columns are properties"
            )));
        }
        if names.iter().take(at).any(|other| other == name) {
            return Err(malformed(format!("the column `{short}` is there twice")));
        }
    }
    if !names.contains(&"event") {
        return Err(malformed("there is no column `event`"));
    }
    Ok(())
}

/// The members of an event, out of the columns of a batch.
fn members<'a>(
    batch: &'a RecordBatch,
    twin: Option<&'a RecordBatch>,
    layout: &ColumnLayout,
) -> Result<Vec<(&'static str, JsonColumnWriter<'a>)>, IntakeError> {
    let column = |at: usize| {
        let twin = twin.and_then(|twin| twin.columns().get(at)).map(AsRef::as_ref);
        batch.columns().get(at).map_or_else(
            || Err(malformed("a column is missing")),
            |array| Ok((array.as_ref(), twin)),
        )
    };
    let values = |at: usize| column(at).and_then(|(array, twin)| values::of(array, twin));
    // Whole numbers are the ids of many tables.
    let text = |at: usize| column(at).and_then(|(array, _)| values::as_text(array));
    let mut members = vec![match &layout.event {
        EventTypeSource::All(event) => ("event", JsonColumnWriter::constant(event)),
        EventTypeSource::Column(at) => ("event", values(*at)?),
    }];
    if let Some(at) = layout.id {
        members.push(("id", text(at)?));
    }
    if let Some(at) = layout.time {
        let (array, twin) = column(at)?;
        members.push(("time", values::as_time(array, twin)?));
    }
    if let Some(at) = layout.subject {
        members.push(("subject", text(at)?));
    }
    if let Some(at) = layout.all_properties {
        let (array, twin) = column(at)?;
        let json = values::of_texts(array, write_json);
        members.push((PROPERTIES, json.unwrap_or_else(|| values::of(array, twin))?));
    }
    if !layout.properties.is_empty() {
        let schema = batch.schema_ref();
        let mut each = Vec::new();
        for at in &layout.properties {
            each.push((schema.field(*at).name().as_str(), values(*at)?));
        }
        members.push((PROPERTIES, JsonColumnWriter::object_of(each)));
    }
    Ok(members)
}

fn line(
    members: &[(&str, JsonColumnWriter<'_>)],
    row: usize,
    text: &mut BoundedText,
) -> io::Result<()> {
    let there = members.iter().filter(|(_, values)| values.is_present(row));
    text.enclose([b"{", b"}\n"], there, |(name, values), text| {
        write!(text, "\"{name}\":")?;
        values.write(row, text)
    })
}

/// Writes JSON as it is, but on one line. What is none is written as a text, which the rules for
/// `properties` refuse for its event alone.
fn write_json(value: &str, text: &mut BoundedText) -> io::Result<()> {
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
