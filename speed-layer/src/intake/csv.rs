//! Events as CSV (RFC 4180) with a line of names: a row is an event.
//!
//! Rows are written as the JSON that they stand for and go the way of all events from there on. The
//! type of a value depends on nothing but its own spelling and what the sender says of its column,
//! so it does not matter how a file is cut into requests. What is no row (its width, its quotes,
//! its encoding) is invalid by itself and kept as it was sent.

mod number;
mod record;
mod row;
#[cfg(test)]
mod tests;

pub use self::number::is_plain_number;
pub use self::record::{CsvRecord, CsvRecordFault, CsvRecordReader};

use merganser_api::invalid_code::InvalidCode;
use merganser_core::text::excerpt;
use std::sync::Arc;

use memchr::memchr;

use super::column_layout::{ColumnLayout, ColumnMapping, ParameterStyle};
use super::columnar::DecodeBounds;
use super::envelope::ID_BYTES_MAX;
use super::error::IntakeError;
use super::invalid::EventFault;
use super::raw_event::RawEvent;

use self::row::CsvRowEncoder;

/// Bytes of the line of names.
const HEADER_BYTES_MAX: usize = 1 << 20;

/// What a sender says of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CsvParameters {
    /// Which columns are which fields.
    pub mapping: ColumnMapping,
    /// Columns of numbers: what is none there makes its event invalid.
    pub number_columns: Vec<String>,
    /// Columns of text, whatever it looks like.
    pub text_columns: Vec<String>,
    /// Stands between fields.
    pub delimiter: u8,
    /// Whether a field stands before each row, of which the line of names has none: an id, which
    /// counts where the event has none.
    pub is_named: bool,
    /// The number of the line behind the names, where the table is a piece of a file; 0 where it is
    /// not.
    pub first_line: u64,
}

impl Default for CsvParameters {
    fn default() -> Self {
        Self {
            mapping: ColumnMapping::default(),
            number_columns: Vec::new(),
            text_columns: Vec::new(),
            delimiter: b',',
            is_named: false,
            first_line: 0,
        }
    }
}

impl CsvParameters {
    /// The names in a list of columns, which is a line of CSV itself. `None` if it is none.
    #[must_use]
    pub fn parse_column_list(list: &str) -> Option<Vec<String>> {
        let mut records = CsvRecordReader::new(list.as_bytes(), b',', HEADER_BYTES_MAX);
        let record = records.next_record().ok()??;
        let fields = record.fields.as_ref().ok()?;
        let names = fields.iter().map(|name| (*name).to_owned()).collect();
        let is_all = records.next_record().ok()?.is_none();
        is_all.then_some(names)
    }

    /// Whether something can stand between fields.
    #[must_use]
    pub fn is_delimiter(byte: u8) -> bool {
        byte.is_ascii()
            && !byte.is_ascii_alphanumeric()
            && !b"\"\r\n.-+_".contains(&byte)
            && byte != 0
    }
}

/// Where the rows are in the text that was made of them, and which are no events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CsvRowIndex {
    rows: Vec<CsvRowExtent>,
    /// By their rows, in order.
    faults: Vec<(u32, EventFault)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct CsvRowExtent {
    /// Where its text ends. Settings keep a body under 4 GiB.
    end: u32,
    /// How much of it is the id that stood before the row.
    id_bytes: u32,
    line: u64,
}

impl CsvRowIndex {
    /// The rows of a text.
    pub(super) fn split<'a>(&self, text: &'a [u8]) -> Vec<RawEvent<'a>> {
        let mut start = 0;
        let rows = (0..).zip(&self.rows).map(|(index, row)| {
            let end = row.end as usize;
            let bytes = text.get(start..end).unwrap_or_default();
            start = end;
            let (id, bytes) = bytes.split_at_checked(row.id_bytes as usize).unwrap_or_default();
            let id = std::str::from_utf8(id).ok().filter(|id| !id.is_empty());
            RawEvent { id, ..RawEvent::of(index, bytes) }
        });
        rows.collect()
    }

    /// Why a row is no event, as far as that is known.
    pub(super) fn fault(&self, index: u32) -> Option<&EventFault> {
        let at = self.faults.binary_search_by_key(&index, |(row, _)| *row).ok()?;
        self.faults.get(at).map(|(_, fault)| fault)
    }

    /// The same fault, with the line that it is in.
    pub(super) fn at_line(&self, index: u32, fault: EventFault) -> EventFault {
        let line = self.rows.get(index as usize).map_or(0, |row| row.line);
        EventFault { message: format!("line {line}: {}", fault.message), ..fault }
    }

    /// Bytes that it holds.
    pub(super) fn size_bytes(&self) -> usize {
        let faults = self.faults.iter().map(|(_, fault)| fault.message.len());
        self.rows.len() * size_of::<CsvRowExtent>()
            + self.faults.len() * size_of::<(u32, EventFault)>()
            + faults.sum::<usize>()
    }
}

/// Rows as JSON.
#[derive(Debug, Default)]
pub(super) struct JsonRows {
    pub(super) text: Vec<u8>,
    pub(super) places: Arc<CsvRowIndex>,
}

/// Reads a table; events of more than `event_bytes_max` bytes are only counted.
///
/// # Errors
/// When its names are not those of events, or it exceeds a bound.
pub(super) fn read(
    body: &[u8],
    options: &CsvParameters,
    bounds: DecodeBounds,
    event_bytes_max: usize,
) -> Result<JsonRows, IntakeError> {
    let columns = {
        let mut header = CsvRecordReader::new(body, options.delimiter, HEADER_BYTES_MAX);
        let Some(names) = header.next_record().map_err(|error| malformed_csv(error.to_string()))?
        else {
            return Ok(JsonRows::default());
        };
        let names =
            names.fields.as_ref().map_err(|fault| malformed_csv(names_fault(body, fault)))?;
        columns(names, options, ParameterStyle::Query).map_err(malformed_csv)?
    };
    let id_bytes_max = if options.is_named { ID_BYTES_MAX + 1 } else { 0 };
    let record_bytes_max = columns.row_bytes_max(event_bytes_max) + id_bytes_max;
    let mut records = CsvRecordReader::new(body, options.delimiter, HEADER_BYTES_MAX);
    // The names once more; from here on rows are bounded as events are.
    let _ = records.next_record();
    records.limit(record_bytes_max);
    let (mut text, mut places, mut shift) = (Vec::new(), CsvRowIndex::default(), None);
    while let Some(record) =
        records.next_record().map_err(|error| malformed_csv(error.to_string()))?
    {
        if places.rows.len() == bounds.events_max {
            return Err(bounds.too_many());
        }
        let first = *shift.get_or_insert_with(|| match options.first_line {
            0 => 0,
            first => first.saturating_sub(record.line),
        });
        let line = record.line.saturating_add(first);
        let (id, record) = match options.is_named {
            true => split_id_prefix(record, options.delimiter),
            false => ("", record),
        };
        let row = places.rows.len() as u32;
        text.extend_from_slice(id.as_bytes());
        let start = text.len();
        if let Err(fault) = columns.write(&record, &mut text) {
            text.truncate(start);
            text.extend_from_slice(record.raw);
            places.faults.push((row, fault));
        }
        if text.len() > bounds.bytes_max {
            return Err(bounds.too_large());
        }
        places.rows.push(CsvRowExtent { end: text.len() as u32, id_bytes: id.len() as u32, line });
    }
    Ok(JsonRows { text, places: Arc::new(places) })
}

fn malformed_csv(why: String) -> IntakeError {
    IntakeError::MalformedBody(format!("the body is not CSV of events: {why}"))
}

/// The id that stands before a row, and the row.
fn split_id_prefix(record: CsvRecord<'_>, delimiter: u8) -> (&str, CsvRecord<'_>) {
    let at = memchr(delimiter, record.raw).unwrap_or(record.raw.len());
    let id = record.raw.get(..at).and_then(|id| std::str::from_utf8(id).ok()).unwrap_or_default();
    let raw = record.raw.get(at + 1..).unwrap_or_default();
    let fields = match record.fields {
        Ok(mut fields) => {
            fields.drain(..fields.len().min(1));
            Ok(fields)
        }
        Err(fault) => Err(fault.without_prefix(at + 1)),
    };
    (id, CsvRecord { raw, fields, bytes_max: record.bytes_max - ID_BYTES_MAX - 1, ..record })
}

/// What is to be done with columns of these names.
fn columns(
    names: &[&str],
    options: &CsvParameters,
    said: ParameterStyle,
) -> Result<CsvRowEncoder, String> {
    let layout = ColumnLayout::of(names, &options.mapping, said).map_err(|why| {
        let hint = match names {
            [one] if options.delimiter == b',' => other_delimiter(one, said),
            _ => "",
        };
        format!("{why}{hint}")
    })?;
    CsvRowEncoder::new(names, layout, options)
}

/// Whether a single name looks like several.
fn other_delimiter(name: &str, said: ParameterStyle) -> &'static str {
    match (said, name.contains(';'), name.contains('\t')) {
        (ParameterStyle::Query, true, _) => {
            "; `delimiter=;` reads fields with semicolons between them"
        }
        (ParameterStyle::Query, false, true) => {
            "; `delimiter=%09` reads fields with tabs between them"
        }
        (ParameterStyle::Flags, true, _) => {
            "; `--delimiter ';'` reads fields with semicolons between them"
        }
        (ParameterStyle::Flags, false, true) => {
            "; `--delimiter $'\\t'` reads fields with tabs between them"
        }
        (_, false, false) => "",
    }
}

fn names_fault(body: &[u8], fault: &CsvRecordFault) -> String {
    match (fault, body) {
        (CsvRecordFault::NotUtf8, [0xff, 0xfe, ..] | [0xfe, 0xff, ..]) => {
            "it is UTF-16; UTF-8 is read (in Excel: save as \"CSV UTF-8\")".to_owned()
        }
        (CsvRecordFault::NotUtf8, _) => {
            "its names are not UTF-8 (in Excel: save as \"CSV UTF-8\")".to_owned()
        }
        (CsvRecordFault::TooLarge { .. }, _) => {
            format!("its line of names has over {HEADER_BYTES_MAX} bytes")
        }
        (CsvRecordFault::TooManyFields { .. }, _) => fault.message(),
        (fault, _) => format!("its line of names: {}", fault.message()),
    }
}

/// Checks the names of a table's columns as a server does, for a client that sends the table in
/// pieces.
///
/// # Errors
/// What is wrong with them.
pub fn check_column_names(names: &[&str], options: &CsvParameters) -> Result<ColumnLayout, String> {
    columns(names, options, ParameterStyle::Flags).map(|columns| columns.layout)
}

impl CsvRecordFault {
    /// The same of a record without a first field of so many bytes.
    fn without_prefix(self, id_bytes: usize) -> Self {
        match self {
            Self::TooManyFields { fields } => Self::TooManyFields { fields: fields - 1 },
            Self::TooLarge { bytes } => Self::TooLarge { bytes: bytes.saturating_sub(id_bytes) },
            Self::OpenQuote | Self::BehindQuote | Self::NotUtf8 => self,
        }
    }

    fn invalid(&self, bytes_max: usize) -> EventFault {
        match self {
            Self::TooLarge { bytes } => EventFault::new(
                InvalidCode::EventTooLarge,
                format!("the row has {bytes} bytes, and one of {bytes_max} is no event any more"),
            ),
            other => EventFault::new(InvalidCode::MalformedEvent, other.message()),
        }
    }
}

fn wrong_number(name: &str, value: &str) -> EventFault {
    EventFault::new(
        InvalidCode::InvalidProperties,
        format!(
            "`{}` is `{}`, which is no number, and its column is said to have numbers",
            excerpt(name),
            excerpt(value)
        ),
    )
}
