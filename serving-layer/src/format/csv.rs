//! RFC 4180: a header line, lines that end with CR LF, quotes where they are needed.
//!
//! Null is empty; an empty text is `""`. A text that a spreadsheet would take for a formula (it
//! begins with `=`, `+`, `-`, `@`, a tab or a carriage return) gets an apostrophe in front, as the
//! OWASP page on CSV injection advises; numbers stay as they are.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{Decimal128Type, Int64Type, TimestampMicrosecondType};
use bytes::Bytes;
use shared::decimal;
use shared::time::Timestamp;

use super::columnar::flat;
use crate::answer::Answer;
use crate::calendar::Zone;

/// Rows written at a time.
const ROWS: usize = 1_000;

pub(super) fn pieces(answer: Answer) -> impl Iterator<Item = Bytes> + Send {
    let rows = flat(&answer);
    let names: Vec<String> = rows.iter().map(|(name, _)| name.clone()).collect();
    let head = Bytes::from(format!("{}\r\n", names.join(",")));
    let count = answer.rows.num_rows();
    let lines = (0..count).step_by(ROWS).map(move |from| {
        let mut text = String::new();
        for row in from..count.min(from + ROWS) {
            for (at, (_, values)) in rows.iter().enumerate() {
                if at > 0 {
                    text.push(',');
                }
                cell(values, row, answer.calendar.zone(), &mut text);
            }
            text.push_str("\r\n");
        }
        Bytes::from(text)
    });
    [head].into_iter().chain(lines)
}

fn cell(values: &ArrayRef, row: usize, zone: &Zone, text: &mut String) {
    if values.is_null(row) {
        return;
    }
    if let Some(counts) = values.as_primitive_opt::<Int64Type>() {
        text.push_str(&counts.value(row).to_string());
    } else if let Some(decimals) = values.as_primitive_opt::<Decimal128Type>() {
        text.push_str(&decimal::format(decimals.value(row)));
    } else if let Some(times) = values.as_primitive_opt::<TimestampMicrosecondType>() {
        text.push_str(&zone.format(Timestamp(times.value(row))));
    } else if let Some(texts) = values.as_string_opt::<i32>() {
        quoted(texts.value(row), text);
    }
}

fn quoted(value: &str, text: &mut String) {
    let formula = value.starts_with(['=', '+', '-', '@', '\t', '\r']);
    if !value.is_empty() && !formula && !value.contains([',', '"', '\r', '\n']) {
        text.push_str(value);
        return;
    }
    text.push('"');
    if formula {
        text.push('\'');
    }
    text.push_str(&value.replace('"', "\"\""));
    text.push('"');
}
