//! A row as the JSON of an event.

use merganser_api::invalid_code::InvalidCode;
use std::collections::{HashMap, HashSet};

use serde::de::IgnoredAny;

use super::number::{is_plain_number, parse_lenient};
use super::record::{CsvRecord, CsvRecordFault};
use super::{CsvParameters, EventFault, wrong_number};
use crate::intake::column_layout::{ColumnLayout, EventTypeSource, no_column};

/// What the fields of a column are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum CsvColumnKind {
    /// Numbers where they are unmistakable, else texts.
    Spelled,
    Numbers,
    Texts,
}

/// A property out of a column.
#[derive(Debug)]
struct CsvProperty {
    at: usize,
    name: String,
    /// The name as JSON, with a colon.
    key: Vec<u8>,
    kind: CsvColumnKind,
}

/// What is done with the columns of a table.
#[derive(Debug)]
pub(super) struct CsvRowEncoder {
    pub(super) layout: ColumnLayout,
    width: usize,
    properties: Vec<CsvProperty>,
}

impl CsvRowEncoder {
    pub(super) fn new(
        names: &[&str],
        layout: ColumnLayout,
        options: &CsvParameters,
    ) -> Result<Self, String> {
        let places: HashMap<&str, usize> = names.iter().copied().zip(0..).collect();
        let mut kinds = HashMap::new();
        let said = [
            (&options.number_columns, CsvColumnKind::Numbers),
            (&options.text_columns, CsvColumnKind::Texts),
        ];
        for (name, kind) in
            said.into_iter().flat_map(|(list, kind)| list.iter().map(move |n| (n, kind)))
        {
            let at = places.get(&**name).ok_or_else(|| no_column(name, names, ""))?;
            if kinds.insert(*at, kind).is_some_and(|other| other != kind) {
                return Err(format!("the column `{name}` is said to be both numbers and text"));
            }
        }
        let properties: HashSet<usize> = layout.properties.iter().copied().collect();
        if let Some(at) = kinds.keys().find(|at| !properties.contains(at)) {
            return Err(format!(
                "the column `{}` is said to have numbers or text, and is no property",
                names[*at]
            ));
        }
        let property = |at: &usize| {
            let name = names[*at].to_owned();
            let mut key = Vec::new();
            write_json(&name, &mut key);
            key.push(b':');
            let kind = kinds.get(at).copied().unwrap_or(CsvColumnKind::Spelled);
            CsvProperty { at: *at, name, key, kind }
        };
        let properties = layout.properties.iter().map(property).collect();
        Ok(Self { width: names.len(), properties, layout })
    }

    /// Bytes of a row, beyond which its JSON has over `event_bytes_max`: all fields may have quotes
    /// around them, and be empty.
    pub(super) fn row_bytes_max(&self, event_bytes_max: usize) -> usize {
        event_bytes_max.saturating_add(self.width.saturating_mul(3))
    }

    /// Adds the JSON of a row to `text`.
    pub(super) fn write(
        &self,
        record: &CsvRecord<'_>,
        text: &mut Vec<u8>,
    ) -> Result<(), EventFault> {
        let other_width = |row: usize| {
            let some = if row == 1 { "1 field".to_owned() } else { format!("{row} fields") };
            malformed_row(format!("the row has {some}, and the line of names {}", self.width))
        };
        let fields = match &record.fields {
            Ok(fields) if fields.len() == self.width => fields,
            Ok(fields) => return Err(other_width(fields.len())),
            Err(CsvRecordFault::TooManyFields { fields }) => return Err(other_width(*fields)),
            Err(fault) => return Err(fault.invalid(record.bytes_max)),
        };
        if fields.iter().all(|field| field.is_empty()) {
            return Err(malformed_row("all fields of the row are empty".to_owned()));
        }
        let field = |at: Option<usize>| at.map_or("", |at| fields[at]);
        let event = match &self.layout.event {
            EventTypeSource::All(event) => event,
            EventTypeSource::Column(at) => fields[*at],
        };
        let mut object = JsonObjectWriter::in_text(text);
        object.text("event", event);
        object.text("id", field(self.layout.id));
        match field(self.layout.time) {
            millis if is_integer(millis) => object.json("time", millis),
            time => object.text("time", time),
        }
        object.text("subject", field(self.layout.subject));
        match field(self.layout.all_properties) {
            json if serde_json::from_str::<IgnoredAny>(json).is_ok() => {
                object.json("properties", json);
            }
            // The rules for properties refuse it.
            other => object.text("properties", other),
        }
        if self.properties.iter().any(|property| !fields[property.at].is_empty()) {
            object.key(b"\"properties\":");
            self.write_properties(fields, object.text)?;
        }
        object.text.push(b'}');
        Ok(())
    }

    fn write_properties(&self, fields: &[&str], text: &mut Vec<u8>) -> Result<(), EventFault> {
        let mut object = JsonObjectWriter::in_text(text);
        for property in &self.properties {
            let field = fields[property.at];
            if field.is_empty() {
                continue;
            }
            object.key(&property.key);
            match property.kind {
                CsvColumnKind::Spelled if is_plain_number(field) => {
                    object.text.extend_from_slice(field.as_bytes());
                }
                CsvColumnKind::Spelled | CsvColumnKind::Texts => write_json(field, object.text),
                CsvColumnKind::Numbers => {
                    let number =
                        parse_lenient(field).ok_or_else(|| wrong_number(&property.name, field))?;
                    object.text.extend_from_slice(number.as_bytes());
                }
            }
        }
        object.text.push(b'}');
        Ok(())
    }
}

fn malformed_row(why: String) -> EventFault {
    EventFault::new(InvalidCode::MalformedEvent, why)
}

/// An object in the making, with at least one member.
struct JsonObjectWriter<'t> {
    text: &'t mut Vec<u8>,
    before: u8,
}

impl<'t> JsonObjectWriter<'t> {
    fn in_text(text: &'t mut Vec<u8>) -> Self {
        Self { text, before: b'{' }
    }

    fn key(&mut self, key: &[u8]) {
        self.text.push(std::mem::replace(&mut self.before, b','));
        self.text.extend_from_slice(key);
    }

    /// A member that is a text; an empty one is none.
    fn text(&mut self, name: &str, value: &str) {
        if !value.is_empty() {
            self.key(format!("\"{name}\":").as_bytes());
            write_json(value, self.text);
        }
    }

    /// A member that is JSON already.
    fn json(&mut self, name: &str, value: &str) {
        self.key(format!("\"{name}\":").as_bytes());
        self.text.extend_from_slice(value.as_bytes());
    }
}

/// Milliseconds are a number; every other time is a text.
fn is_integer(field: &str) -> bool {
    let digits = field.strip_prefix('-').unwrap_or(field);
    let is_plain = digits == "0" || !digits.starts_with('0');
    is_plain && !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

fn write_json(value: &str, text: &mut Vec<u8>) {
    // Neither a text nor memory can fail to be written.
    let _ = serde_json::to_writer(text, value);
}
