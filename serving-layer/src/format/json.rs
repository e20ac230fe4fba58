//! The JSON object of an answer. Values keep all their digits: none passes through a float.

use std::io::Write;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{Decimal128Type, Int64Type, TimestampMicrosecondType};
use bytes::Bytes;
use merganser_api::answer::AnswerColumn;
use merganser_core::time::Timestamp;
use serde_json::json;

use crate::answer::{AnswerRows, QueryAnswer, column_type};
use crate::calendar::ZoneOffsets;
use crate::format::{PIECE_BYTES, decimal_text};

/// The pieces of an answer's text. What comes before the tail is the same for all answers of the
/// same rows, so that it is written once where it is short.
pub(super) fn pieces(answer: QueryAnswer) -> Box<dyn Iterator<Item = Bytes> + Send> {
    let tail = tail(&answer);
    if answer.rows.is_short() {
        let written = answer
            .rows
            .rendered
            .json(|| rows_text(answer.clone()).collect::<Vec<_>>().concat().into());
        return Box::new([written, tail].into_iter());
    }
    Box::new(rows_text(answer).chain([tail]))
}

/// The text up to the end of the rows.
pub(super) fn rows_text(answer: QueryAnswer) -> impl Iterator<Item = Bytes> + Send {
    let around = RowDelimiters { between: b",", after: b"" };
    let head = Bytes::from(head(&answer));
    let rows = Arc::clone(&answer.rows);
    let other = answer.rows.other.as_ref().map(|_| {
        let other = row_pieces(Arc::clone(&rows), RowSource::Other, around);
        [Bytes::from_static(b"\"other\":[")].into_iter().chain(other).chain([Bytes::from("],")])
    });
    [head]
        .into_iter()
        .chain(other.into_iter().flatten())
        .chain([Bytes::from_static(b"\"rows\":[")])
        .chain(row_pieces(rows, RowSource::Page, around))
}

/// The rows alone, one a line.
pub(super) fn lines(answer: QueryAnswer) -> impl Iterator<Item = Bytes> + Send {
    row_pieces(answer.rows, RowSource::Page, RowDelimiters { between: b"", after: b"\n" })
}

/// What stands between rows, and after each.
#[derive(Clone, Copy)]
struct RowDelimiters {
    between: &'static [u8],
    after: &'static [u8],
}

/// Which rows of an answer are written.
#[derive(Clone, Copy)]
enum RowSource {
    Page,
    Totals,
    Other,
}

impl RowSource {
    /// Their values, and what they are compared with.
    fn of(self, rows: &AnswerRows) -> Option<(&RecordBatch, Option<&RecordBatch>)> {
        let summed = match self {
            Self::Page => return Some((&rows.values, rows.compared.as_ref())),
            Self::Totals => rows.totals.as_ref(),
            Self::Other => rows.other.as_ref(),
        };
        summed.map(|sums| (&sums.values, sums.compared.as_ref()))
    }
}

/// Rows, some at a time.
fn row_pieces(
    rows: Arc<AnswerRows>,
    source: RowSource,
    around: RowDelimiters,
) -> impl Iterator<Item = Bytes> + Send {
    let mut next = 0;
    std::iter::from_fn(move || {
        let (values, compared) = source.of(&rows)?;
        let count = values.num_rows();
        if next == count {
            return None;
        }
        let mut writer = JsonRowWriter::new(values, compared, rows.calendar.zone());
        let mut text = Vec::with_capacity(PIECE_BYTES);
        while next < count && text.len() < PIECE_BYTES {
            text.extend_from_slice(if next > 0 { around.between } else { b"" });
            writer.write(next, &mut text);
            text.extend_from_slice(around.after);
            next += 1;
        }
        Some(text.into())
    })
}

fn head(answer: &QueryAnswer) -> Vec<u8> {
    let zone = answer.rows.calendar.zone();
    let edge = |time: Option<Timestamp>| json!(time.map(|time| zone.format(time)));
    let column = |field: &arrow::datatypes::FieldRef| {
        let ty = column_type(field.data_type()).name();
        format!("{{\"name\":{},\"type\":\"{ty}\"}}", json!(field.name()))
    };
    let columns: Vec<String> =
        answer.rows.values.schema_ref().fields().iter().map(column).collect();
    let compare = answer.rows.comparison.as_ref().map(|compare| compare.to_json(zone));
    let compare = compare.map(|compare| format!("\"compare\":{compare},"));
    let window = answer.rows.window.map(|window| format!("\"window\":\"{window}\","));
    let text = format!(
        "{{\"metric\":{},\"from\":{},\"to\":{},\"granularity\":\"{}\",{}\"timezone\":\"{}\",{}\
         \"columns\":[{}],",
        json!(answer.metric),
        edge(answer.rows.edges.from),
        edge(answer.rows.edges.to),
        answer.rows.calendar.granularity().name(),
        window.unwrap_or_default(),
        zone.name(),
        compare.unwrap_or_default(),
        columns.join(","),
    );
    let mut text = text.into_bytes();
    if let Some((totals, compared)) = RowSource::Totals.of(&answer.rows) {
        text.extend_from_slice(b"\"totals\":");
        JsonRowWriter::new(totals, compared, zone).write(0, &mut text);
        text.push(b',');
    }
    text
}

fn tail(answer: &QueryAnswer) -> Bytes {
    let warnings = match answer.rows.warnings.is_empty() {
        true => String::new(),
        false => format!(",\"warnings\":{}", json!(answer.rows.warnings)),
    };
    // A struct of numbers and texts, whose serialization cannot fail.
    let provenance = serde_json::to_string(&answer.provenance).unwrap_or_default();
    let total = answer.rows.total_rows;
    format!("],\"total_rows\":{total},\"provenance\":{provenance}{warnings}}}").into()
}

/// The columns of an answer, and its rows as a JSON array, for answers that are short.
pub(crate) fn rows_table(rows: &AnswerRows) -> (Vec<AnswerColumn>, String) {
    let fields = rows.values.schema_ref().fields().iter();
    let described = fields.map(|field| AnswerColumn {
        name: field.name().clone(),
        kind: column_type(field.data_type()),
    });
    let columns = columns(&rows.values);
    let mut times = TimeTextCache { zone: rows.calendar.zone(), last: None };
    let mut text = b"[".to_vec();
    for row in 0..rows.values.num_rows() {
        text.extend_from_slice(if row > 0 { b"," } else { b"" });
        times.object(&columns, row, &mut text);
    }
    text.push(b']');
    (described.collect(), String::from_utf8_lossy(&text).into_owned())
}

/// Writes rows as JSON objects.
struct JsonRowWriter<'a> {
    columns: Vec<JsonColumn<'a>>,
    times: TimeTextCache<'a>,
    /// Bucket starts of the two ranges take turns.
    compared: Option<(Vec<JsonColumn<'a>>, TimeTextCache<'a>)>,
}

/// A column with its name as JSON.
struct JsonColumn<'a> {
    name: String,
    values: &'a ArrayRef,
}

/// Bucket starts repeat, and writing one is slow.
struct TimeTextCache<'a> {
    zone: &'a ZoneOffsets,
    last: Option<(i64, String)>,
}

impl<'a> JsonRowWriter<'a> {
    fn new(
        values: &'a RecordBatch,
        compared: Option<&'a RecordBatch>,
        zone: &'a ZoneOffsets,
    ) -> Self {
        let times = || TimeTextCache { zone, last: None };
        Self {
            columns: columns(values),
            times: times(),
            compared: compared.map(|compared| (columns(compared), times())),
        }
    }

    /// Appends row number `row`.
    fn write(&mut self, row: usize, text: &mut Vec<u8>) {
        self.times.object(&self.columns, row, text);
        if let Some((compared, times)) = &mut self.compared {
            text.pop();
            text.extend_from_slice(if self.columns.is_empty() { b"" } else { b"," });
            text.extend_from_slice(b"\"compare\":");
            times.object(compared, row, text);
            text.push(b'}');
        }
    }
}

fn columns(batch: &RecordBatch) -> Vec<JsonColumn<'_>> {
    let fields = batch.schema_ref().fields().iter();
    let names = fields.map(|field| json!(field.name()).to_string());
    names.zip(batch.columns()).map(|(name, values)| JsonColumn { name, values }).collect()
}

impl TimeTextCache<'_> {
    fn object(&mut self, columns: &[JsonColumn<'_>], row: usize, text: &mut Vec<u8>) {
        text.push(b'{');
        for (at, JsonColumn { name, values }) in columns.iter().enumerate() {
            if at > 0 {
                text.push(b',');
            }
            text.extend_from_slice(name.as_bytes());
            text.push(b':');
            self.value(values, row, text);
        }
        text.push(b'}');
    }

    /// Writing to memory cannot fail.
    fn value(&mut self, values: &ArrayRef, row: usize, text: &mut Vec<u8>) {
        if values.is_null(row) {
            text.extend_from_slice(b"null");
        } else if let Some(counts) = values.as_primitive_opt::<Int64Type>() {
            let _ = write!(text, "{}", counts.value(row));
        } else if let Some(decimals) = values.as_primitive_opt::<Decimal128Type>() {
            text.extend_from_slice(decimal_text(decimals, row).as_bytes());
        } else if let Some(times) = values.as_primitive_opt::<TimestampMicrosecondType>() {
            let time = times.value(row);
            if self.last.as_ref().is_none_or(|(last, _)| *last != time) {
                let written = format!("\"{}\"", self.zone.format(Timestamp(time)));
                self.last = Some((time, written));
            }
            let written = self.last.as_ref().map_or("", |(_, written)| written);
            text.extend_from_slice(written.as_bytes());
        } else if let Some(texts) = values.as_string_opt::<i32>() {
            let _ = serde_json::to_writer(&mut *text, texts.value(row));
        } else {
            text.extend_from_slice(b"null");
        }
    }
}
