//! RFC 4180: a header line, lines that end with CR LF, quotes where they are needed.
//!
//! Null is an empty field, an empty text is `""`, and every other text is what it is: read back, it
//! is the text of the JSON answer. Only for [`CsvTextStyle::Spreadsheet`], a
//! text that a spreadsheet would run gets an apostrophe in front, as the OWASP page on CSV
//! injection advises; numbers stay as they are.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{Decimal128Type, Int64Type, TimestampMicrosecondType};
use bytes::Bytes;
use merganser_core::time::Timestamp;

use super::columnar::flat;
use super::{PIECE_BYTES, decimal_text};
use crate::answer::QueryAnswer;
use crate::calendar::ZoneOffsets;
use crate::query::CsvTextStyle;

/// What a text begins with that a spreadsheet would run, full-width letters among them.
const RUN: [char; 11] = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];

pub(super) fn pieces(answer: QueryAnswer, how: CsvTextStyle) -> impl Iterator<Item = Bytes> + Send {
    let rows = flat(&answer);
    let names: Vec<String> = rows.iter().map(|(name, _)| name.clone()).collect();
    let head = Bytes::from(format!("{}\r\n", names.join(",")));
    let (count, mut next) = (answer.rows.values.num_rows(), 0);
    let lines = std::iter::from_fn(move || {
        let mut text = String::new();
        while next < count && text.len() < PIECE_BYTES {
            for (at, (_, values)) in rows.iter().enumerate() {
                if at > 0 {
                    text.push(',');
                }
                cell(values, next, (answer.rows.calendar.zone(), how), &mut text);
            }
            text.push_str("\r\n");
            next += 1;
        }
        (!text.is_empty()).then(|| Bytes::from(text))
    });
    [head].into_iter().chain(lines)
}

fn cell(
    values: &ArrayRef,
    row: usize,
    (zone, how): (&ZoneOffsets, CsvTextStyle),
    text: &mut String,
) {
    if values.is_null(row) {
        return;
    }
    if let Some(counts) = values.as_primitive_opt::<Int64Type>() {
        text.push_str(&counts.value(row).to_string());
    } else if let Some(decimals) = values.as_primitive_opt::<Decimal128Type>() {
        text.push_str(&decimal_text(decimals, row));
    } else if let Some(times) = values.as_primitive_opt::<TimestampMicrosecondType>() {
        text.push_str(&zone.format(Timestamp(times.value(row))));
    } else if let Some(texts) = values.as_string_opt::<i32>() {
        quoted(texts.value(row), how, text);
    }
}

fn quoted(value: &str, how: CsvTextStyle, text: &mut String) {
    let guarded = how == CsvTextStyle::Spreadsheet && value.starts_with(RUN);
    if !value.is_empty() && !guarded && !value.contains([',', '"', '\r', '\n']) {
        text.push_str(value);
        return;
    }
    text.push('"');
    if guarded {
        text.push('\'');
    }
    text.push_str(&value.replace('"', "\"\""));
    text.push('"');
}
