//! How an answer is shown.
//!
//! Values stay the JSON text that they came as: a decimal has up to 38 digits, and a float would
//! round them.

use indicatif::HumanCount;
use merganser_api::answer::{AnswerDocument, AnswerProvenance, AnswerRow, ColumnType};
use serde_json::value::RawValue;

use super::super::output;
use super::super::table::TextTable;
use super::super::text::pluralize;

/// Whether there is more to say of an answer than that all is in and exact.
pub(super) fn is_notable(provenance: &AnswerProvenance) -> bool {
    let AnswerProvenance { complete, missing, partial_buckets, approximate, .. } = provenance;
    let is_whole = *complete && missing.is_empty() && partial_buckets.is_empty();
    !is_whole || !approximate.is_empty()
}

/// What an answer is made of, in a line.
pub(super) fn provenance_line(provenance: &AnswerProvenance) -> String {
    let AnswerProvenance { generation, complete, missing, batch, speed, .. } = provenance;
    let AnswerProvenance { approximate, partial_buckets, .. } = provenance;
    let mut text = format!(
        "{} by batch (generation {generation}) and {} by speed; {}",
        pluralize(batch.events, "event"),
        HumanCount(speed.events),
        if *complete { "complete" } else { "INCOMPLETE" },
    );
    if !missing.is_empty() {
        text.push_str(&format!(", missing {}", missing.join(", ")));
    }
    if !approximate.is_empty() {
        let names: Vec<&str> = approximate.keys().map(|name| &**name).collect();
        text.push_str(&format!("; approximate: {}", names.join(", ")));
    }
    if !partial_buckets.is_empty() {
        let starts: Vec<&str> = partial_buckets.iter().map(|bucket| &*bucket.time).collect();
        text.push_str(&format!("; cut by the range: {}", starts.join(", ")));
    }
    text
}

/// An answer's rows, for people.
pub(in crate::cli) fn rows_table(answer: &AnswerDocument) -> String {
    let compared = compared(answer);
    let mut table = TextTable::default();
    for column in &answer.columns {
        table = match column.kind {
            ColumnType::Integer | ColumnType::Decimal => table.number(&column.name),
            ColumnType::Timestamp | ColumnType::Text => table.text(&column.name),
        };
    }
    for name in &compared {
        table = table.number(&format!("{name} before"));
    }
    for row in &answer.rows {
        table.row(cells(answer, row, &compared, "∅"));
    }
    let sums = answer.other.iter().flatten().map(|row| ("other", row));
    for (label, row) in sums.chain(answer.totals.iter().map(|row| ("total", row))) {
        table.row(sum_cells(answer, label, row, &compared));
    }
    table.render()
}

/// The cells of a sum: its label in the first of the columns that it has no value for.
fn sum_cells(
    answer: &AnswerDocument,
    label: &str,
    row: &AnswerRow,
    compared: &[&str],
) -> Vec<String> {
    let mut cells = cells(answer, row, compared, "∅");
    let mut label = Some(label);
    for (column, cell) in answer.columns.iter().zip(&mut cells) {
        if !row.contains_key(&column.name) {
            *cell = label.take().unwrap_or_default().to_owned();
        }
    }
    let inner = comparison(row);
    for (name, cell) in compared.iter().zip(&mut cells[answer.columns.len()..]) {
        if inner.as_ref().is_none_or(|inner| !inner.contains_key(*name)) {
            cell.clear();
        }
    }
    cells
}

/// How many rows there are and what they are made of, in a line.
pub(in crate::cli) fn made_of(answer: &AnswerDocument) -> String {
    let count = answer.rows.len() as u64;
    let made_of = provenance_line(&answer.provenance);
    let compared = answer.compare.as_ref();
    let compared = compared.map(|range| format!("; compared with {} to {}", range.from, range.to));
    let compared = compared.unwrap_or_default();
    let rows = pluralize(answer.total_rows as u64, "row");
    format!("{} of {rows}; {made_of}{compared}", HumanCount(count))
}

/// How many rows of how many an answer has, if it lacks some at its end.
pub(super) fn cut(answer: &AnswerDocument) -> Option<String> {
    let count = answer.rows.len();
    let there_are = pluralize(answer.total_rows as u64, "row");
    let cut = || format!("these are {} of {there_are}", HumanCount(count as u64));
    (count < answer.total_rows).then(cut)
}

/// Tells on stderr what a reader of the values should know.
pub(super) fn print_warnings(warnings: &[String]) {
    warnings.iter().for_each(|warning| output::print_warning(warning));
}

/// Measures that rows are compared by, in the order of the columns.
fn compared(answer: &AnswerDocument) -> Vec<&str> {
    let rows = answer.rows.iter().chain(answer.other.iter().flatten()).chain(&answer.totals);
    let inner: Vec<AnswerRow> = rows.filter_map(comparison).collect();
    let names = answer.columns.iter().map(|column| &*column.name);
    names.filter(|name| inner.iter().any(|row| row.contains_key(*name))).collect()
}

fn cells(answer: &AnswerDocument, row: &AnswerRow, compared: &[&str], null: &str) -> Vec<String> {
    let inner = comparison(row);
    let value = |row: Option<&AnswerRow>, name: &str| {
        row.and_then(|row| row.get(name)).map_or_else(|| null.to_owned(), |v| cell_text(v, null))
    };
    let own = answer.columns.iter().map(|column| value(Some(row), &column.name));
    own.chain(compared.iter().map(|name| value(inner.as_ref(), name))).collect()
}

fn comparison(row: &AnswerRow) -> Option<AnswerRow> {
    row.get("compare").and_then(|value| serde_json::from_str(value.get()).ok())
}

fn cell_text(value: &RawValue, null: &str) -> String {
    match value.get() {
        "null" => null.to_owned(),
        text if text.starts_with('"') => serde_json::from_str(text).unwrap_or_default(),
        number => number.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: &str = r#"{"metric":"flights","from":null,"to":null,"granularity":"all",
        "timezone":"UTC",
        "columns":[{"name":"carrier","type":"text"},{"name":"sum","type":"decimal"}],
        "rows":[{"carrier":"U, \"A\"","sum":12345678901234567890123456789.123456789,
                 "compare":{"sum":1}},
                {"carrier":null,"sum":null,"compare":null}],
        "total_rows":7,
        "provenance":{"generation":3,"metric_version":1,"complete":false,"missing":["epoch 4"],
            "batch":{"events":1000,"published_at":"2026-11-28T00:00:00Z"},
            "speed":{"events":5,"through":{"0":1005},"behind_events":0,"lag_ms":1},
            "approximate":{"aircraft":{"method":"hll","relative_error":0.0163}},
            "open_bucket":null,
            "partial_buckets":[{"time":"2026-11-01T00:00:00Z","from":"2026-11-01T00:00:00Z",
                "to":"2026-11-05T00:00:00Z"}]},
        "compare":{"kind":"previous_month","from":"2026-10-01","to":"2026-10-05",
            "partial_buckets":[]}}"#;

    #[test]
    fn sums_stand_below_the_rows_with_their_label_where_they_have_no_value() {
        let answer = ANSWER.replace(
            "\"total_rows\":7",
            "\"other\":[{\"sum\":4.5,\"compare\":{\"sum\":2}}],\
                \"totals\":{\"sum\":9,\"compare\":{\"sum\":null}},\"total_rows\":7",
        );
        let answer: AnswerDocument = serde_json::from_str(&answer).unwrap();
        let table = rows_table(&answer);
        let lines: Vec<Vec<&str>> =
            table.lines().rev().take(2).map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(lines, [["total", "9", "∅"], ["other", "4.5", "2"]], "{table}");
    }

    #[test]
    fn no_digit_is_lost_and_nulls_differ_from_texts() {
        let answer: AnswerDocument = serde_json::from_str(ANSWER).unwrap();
        let table = rows_table(&answer);
        assert!(table.contains("12345678901234567890123456789.123456789"), "{table}");
        assert!(table.contains("U, \"A\"") && table.ends_with("∅"), "{table}");
        assert_eq!(cut(&answer).unwrap(), "these are 2 of 7 rows");
        assert_eq!(
            made_of(&answer),
            "2 of 7 rows; 1,000 events by batch (generation 3) and 5 by speed; INCOMPLETE, missing \
             epoch 4; approximate: aircraft; cut by the range: 2026-11-01T00:00:00Z; compared with \
             2026-10-01 to 2026-10-05"
        );
    }
}
