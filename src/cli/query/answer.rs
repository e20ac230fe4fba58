//! An answer as the server sends it, and how it is shown.
//!
//! Values stay the JSON text that they came as: a decimal has up to 38 digits, and a float would
//! round them.

use std::collections::BTreeMap;

use indicatif::HumanCount;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::super::table::Table;

type Row = BTreeMap<String, Box<RawValue>>;

/// What `/v1/query` answers with.
#[derive(Debug, Deserialize)]
pub(in crate::cli) struct Answer {
    columns: Vec<Column>,
    rows: Vec<Row>,
    total_rows: u64,
    provenance: Provenance,
}

#[derive(Debug, Deserialize)]
struct Column {
    name: String,
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Debug, Deserialize)]
struct Provenance {
    generation: u64,
    complete: bool,
    #[serde(default)]
    missing: Vec<serde_json::Value>,
    batch: Part,
    speed: Part,
    #[serde(default)]
    approximate: BTreeMap<String, serde_json::Value>,
}

#[derive(Debug, Deserialize)]
struct Part {
    events: u64,
}

impl Answer {
    /// For people.
    pub(in crate::cli) fn to_table(&self) -> String {
        let compared = self.compared();
        let mut table = Table::default();
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
        table.render()
    }

    /// RFC 4180, with a header line; null is empty.
    pub(in crate::cli) fn to_csv(&self) -> String {
        let compared = self.compared();
        let names = self.columns.iter().map(|column| column.name.clone());
        let header: Vec<String> =
            names.chain(compared.iter().map(|name| format!("compare.{name}"))).collect();
        let rows = self.rows.iter().map(|row| self.cells(row, &compared, ""));
        let line = |cells: Vec<String>| {
            cells.iter().map(|cell| quoted(cell)).collect::<Vec<_>>().join(",")
        };
        [header].into_iter().chain(rows).map(line).collect::<Vec<_>>().join("\n")
    }

    /// Its provenance, in a line.
    pub(in crate::cli) fn made_of(&self) -> String {
        let Provenance { generation, complete, missing, batch, speed, approximate } =
            &self.provenance;
        let mut text = format!(
            "{} of {} rows; {} events by batch (generation {generation}) and {} by speed; {}",
            HumanCount(self.rows.len() as u64),
            HumanCount(self.total_rows),
            HumanCount(batch.events),
            HumanCount(speed.events),
            if *complete { "complete" } else { "INCOMPLETE" },
        );
        if !missing.is_empty() {
            let missing: Vec<String> = missing
                .iter()
                .map(|what| what.as_str().map_or_else(|| what.to_string(), str::to_owned))
                .collect();
            text.push_str(&format!(", missing {}", missing.join(", ")));
        }
        if !approximate.is_empty() {
            let names: Vec<&str> = approximate.keys().map(|name| &**name).collect();
            text.push_str(&format!("; approximate: {}", names.join(", ")));
        }
        text
    }

    /// Measures that rows are compared by, in the order of the columns.
    fn compared(&self) -> Vec<&str> {
        let inner: Vec<Row> = self.rows.iter().filter_map(comparison).collect();
        let names = self.columns.iter().map(|column| &*column.name);
        names.filter(|name| inner.iter().any(|row| row.contains_key(*name))).collect()
    }

    fn cells(&self, row: &Row, compared: &[&str], null: &str) -> Vec<String> {
        let inner = comparison(row);
        let value = |row: Option<&Row>, name: &str| {
            row.and_then(|row| row.get(name)).map_or_else(|| null.to_owned(), |v| shown(v, null))
        };
        let own = self.columns.iter().map(|column| value(Some(row), &column.name));
        own.chain(compared.iter().map(|name| value(inner.as_ref(), name))).collect()
    }
}

fn comparison(row: &Row) -> Option<Row> {
    row.get("compare").and_then(|value| serde_json::from_str(value.get()).ok())
}

fn shown(value: &RawValue, null: &str) -> String {
    match value.get() {
        "null" => null.to_owned(),
        text if text.starts_with('"') => serde_json::from_str(text).unwrap_or_default(),
        number => number.to_owned(),
    }
}

fn quoted(cell: &str) -> String {
    if cell.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", cell.replace('"', "\"\""))
    } else {
        cell.to_owned()
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
            "batch":{"events":1000},"speed":{"events":5,"through":{"0":1005},"lag_ms":1},
            "approximate":{"aircraft":{"method":"hll"}},"open_bucket":null}}"#;

    #[test]
    fn no_digit_is_lost_and_nulls_are_told_from_texts() {
        let answer: Answer = serde_json::from_str(ANSWER).unwrap();
        assert_eq!(
            answer.to_csv(),
            "carrier,sum,compare.sum\n\
             \"U, \"\"A\"\"\",12345678901234567890123456789.123456789,1\n,,"
        );
        assert!(answer.to_table().ends_with("∅"), "{}", answer.to_table());
        assert_eq!(
            answer.made_of(),
            "2 of 7 rows; 1,000 events by batch (generation 3) and 5 by speed; INCOMPLETE, missing \
             epoch 4; approximate: aircraft"
        );
    }
}
