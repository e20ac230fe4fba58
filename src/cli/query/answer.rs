//! An answer as the server sends it, and how it is shown.
//!
//! Values stay the JSON text that they came as: a decimal has up to 38 digits, and a float would
//! round them.

use std::collections::BTreeMap;

use indicatif::HumanCount;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::super::output;
use super::super::table::TextTable;
use super::super::text::pluralize;

type Row = BTreeMap<String, Box<RawValue>>;

/// What `/v1/query` answers with.
#[derive(Debug, Deserialize)]
pub(in crate::cli) struct QueryReply {
    columns: Vec<ReplyColumn>,
    rows: Vec<Row>,
    /// Below the rows: what is left out of them.
    #[serde(default)]
    other: Vec<Row>,
    #[serde(default)]
    totals: Option<Row>,
    total_rows: u64,
    #[serde(default)]
    compare: Option<ComparisonReply>,
    provenance: ProvenanceReply,
    #[serde(default)]
    warnings: Vec<serde_json::Value>,
}

#[derive(Debug, Deserialize)]
struct ReplyColumn {
    name: String,
    #[serde(rename = "type")]
    kind: String,
}

/// What an answer is made of.
#[derive(Debug, Deserialize)]
pub(super) struct ProvenanceReply {
    generation: u64,
    complete: bool,
    #[serde(default)]
    missing: Vec<serde_json::Value>,
    batch: LayerPartReply,
    speed: LayerPartReply,
    #[serde(default)]
    approximate: BTreeMap<String, serde_json::Value>,
    #[serde(default)]
    partial_buckets: Vec<PartialBucketReply>,
}

#[derive(Debug, Deserialize)]
struct LayerPartReply {
    events: u64,
}

#[derive(Debug, Deserialize)]
struct PartialBucketReply {
    time: String,
}

/// The range that rows are compared with.
#[derive(Debug, Deserialize)]
struct ComparisonReply {
    from: String,
    to: String,
}

impl ProvenanceReply {
    /// Whether there is more to say than that all is in and exact.
    pub(super) fn is_notable(&self) -> bool {
        let is_whole = self.complete && self.missing.is_empty() && self.partial_buckets.is_empty();
        !is_whole || !self.approximate.is_empty()
    }

    /// What it says, in a line.
    pub(super) fn line(&self) -> String {
        let Self { generation, complete, missing, batch, speed, approximate, partial_buckets } =
            self;
        let mut text = format!(
            "{} by batch (generation {generation}) and {} by speed; {}",
            pluralize(batch.events, "event"),
            HumanCount(speed.events),
            if *complete { "complete" } else { "INCOMPLETE" },
        );
        if !missing.is_empty() {
            let missing: Vec<String> = missing.iter().map(warning_text).collect();
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
}

impl QueryReply {
    /// For people.
    pub(in crate::cli) fn to_table(&self) -> String {
        let compared = self.compared();
        let mut table = TextTable::default();
        for column in &self.columns {
            table = match &*column.kind {
                "integer" | "decimal" => table.number(&column.name),
                _ => table.text(&column.name),
            };
        }
        for name in &compared {
            table = table.number(&format!("{name} before"));
        }
        for row in &self.rows {
            table.row(self.cells(row, &compared, "∅"));
        }
        let sums = self.other.iter().map(|row| ("other", row));
        for (label, row) in sums.chain(self.totals.iter().map(|row| ("total", row))) {
            table.row(self.sum_cells(label, row, &compared));
        }
        table.render()
    }

    /// The cells of a sum: its label in the first of the columns that it has no value for.
    fn sum_cells(&self, label: &str, row: &Row, compared: &[&str]) -> Vec<String> {
        let mut cells = self.cells(row, compared, "∅");
        let mut label = Some(label);
        for (column, cell) in self.columns.iter().zip(&mut cells) {
            if !row.contains_key(&column.name) {
                *cell = label.take().unwrap_or_default().to_owned();
            }
        }
        let inner = comparison(row);
        for (name, cell) in compared.iter().zip(&mut cells[self.columns.len()..]) {
            if inner.as_ref().is_none_or(|inner| !inner.contains_key(*name)) {
                cell.clear();
            }
        }
        cells
    }

    /// Its provenance, in a line.
    pub(in crate::cli) fn made_of(&self) -> String {
        let (count, total) = (self.rows.len() as u64, self.total_rows);
        let made_of = self.provenance.line();
        let compared = self.compare.as_ref();
        let compared =
            compared.map(|ComparisonReply { from, to }| format!("; compared with {from} to {to}"));
        let compared = compared.unwrap_or_default();
        let rows = pluralize(total, "row");
        format!("{} of {rows}; {made_of}{compared}", HumanCount(count))
    }

    /// How many rows of how many it has, if it lacks some at its end.
    pub(super) fn cut(&self) -> Option<String> {
        let count = self.rows.len() as u64;
        let there_are = pluralize(self.total_rows, "row");
        let cut = || format!("these are {} of {there_are}", HumanCount(count));
        (count < self.total_rows).then(cut)
    }

    /// Tells on stderr what a reader of the values should know.
    pub(super) fn warn(&self) {
        self.warnings.iter().for_each(|warning| output::print_warning(&warning_text(warning)));
    }

    /// Measures that rows are compared by, in the order of the columns.
    fn compared(&self) -> Vec<&str> {
        let rows = self.rows.iter().chain(&self.other).chain(&self.totals);
        let inner: Vec<Row> = rows.filter_map(comparison).collect();
        let names = self.columns.iter().map(|column| &*column.name);
        names.filter(|name| inner.iter().any(|row| row.contains_key(*name))).collect()
    }

    fn cells(&self, row: &Row, compared: &[&str], null: &str) -> Vec<String> {
        let inner = comparison(row);
        let value = |row: Option<&Row>, name: &str| {
            row.and_then(|row| row.get(name))
                .map_or_else(|| null.to_owned(), |v| cell_text(v, null))
        };
        let own = self.columns.iter().map(|column| value(Some(row), &column.name));
        own.chain(compared.iter().map(|name| value(inner.as_ref(), name))).collect()
    }
}

fn comparison(row: &Row) -> Option<Row> {
    row.get("compare").and_then(|value| serde_json::from_str(value.get()).ok())
}

fn cell_text(value: &RawValue, null: &str) -> String {
    match value.get() {
        "null" => null.to_owned(),
        text if text.starts_with('"') => serde_json::from_str(text).unwrap_or_default(),
        number => number.to_owned(),
    }
}

/// A warning as the server words it.
pub(super) fn warning_text(warning: &serde_json::Value) -> String {
    warning.as_str().map_or_else(|| warning.to_string(), str::to_owned)
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
            "batch":{"events":1000},"speed":{"events":5,"through":{"0":1005},"lag_ms":1},
            "approximate":{"aircraft":{"method":"hll"}},"open_bucket":null,
            "partial_buckets":[{"time":"2026-11-01T00:00:00Z"}]},
        "compare":{"kind":"previous_month","from":"2026-10-01","to":"2026-10-05"}}"#;

    #[test]
    fn sums_stand_below_the_rows_with_their_label_where_they_have_no_value() {
        let answer = ANSWER.replace(
            "\"total_rows\":7",
            "\"other\":[{\"sum\":4.5,\"compare\":{\"sum\":2}}],\
                \"totals\":{\"sum\":9,\"compare\":{\"sum\":null}},\"total_rows\":7",
        );
        let answer: QueryReply = serde_json::from_str(&answer).unwrap();
        let table = answer.to_table();
        let lines: Vec<Vec<&str>> =
            table.lines().rev().take(2).map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(lines, [["total", "9", "∅"], ["other", "4.5", "2"]], "{table}");
    }

    #[test]
    fn no_digit_is_lost_and_nulls_differ_from_texts() {
        let answer: QueryReply = serde_json::from_str(ANSWER).unwrap();
        let table = answer.to_table();
        assert!(table.contains("12345678901234567890123456789.123456789"), "{table}");
        assert!(table.contains("U, \"A\"") && table.ends_with("∅"), "{table}");
        assert_eq!(answer.cut().unwrap(), "these are 2 of 7 rows");
        assert_eq!(
            answer.made_of(),
            "2 of 7 rows; 1,000 events by batch (generation 3) and 5 by speed; INCOMPLETE, missing \
             epoch 4; approximate: aircraft; cut by the range: 2026-11-01T00:00:00Z; compared with \
             2026-10-01 to 2026-10-05"
        );
    }
}
