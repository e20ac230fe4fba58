//! Tables, read byte by byte: rows as the JSON that they stand for.

use std::collections::BTreeSet;

use super::{EVENT_MAX_BYTES, EVENTS_MAX, PLAIN_MAX_BYTES};

/// A row: the JSON that it stands for, or what was sent if it is no event.
pub(super) type Row = Result<String, Vec<u8>>;

/// What a body is as a table.
pub(super) enum Table {
    Rows(Vec<Row>),
    TooMany,
    /// Its names are none of events, or it comes to too much.
    Refused,
    /// Its names may be those of times, or not; that is not said here.
    Unknown,
}

/// Names that are no fields of an event and mean nothing elsewhere.
const PLAIN: [&str; 5] = ["a", "b", "c", "x", "amount"];
const FIELDS: [&str; 5] = ["event", "id", "time", "subject", "properties"];

/// Reads a body with a line of names and commas.
pub(super) fn read(body: &[u8]) -> Table {
    let records = records(body);
    let Some((names, rows)) = records.split_first() else { return Table::Rows(Vec::new()) };
    let Some(names) = names.texts() else { return Table::Refused };
    let distinct: BTreeSet<&String> = names.iter().collect();
    let has = |name: &str| names.iter().any(|known| known == name);
    let is_odd = |name: &String| name.is_empty() || name.trim() != name;
    let beside = names.iter().any(|name| !FIELDS.contains(&&**name));
    let is_wrong = distinct.len() < names.len() || names.iter().any(is_odd) || !has("event");
    if is_wrong || (has("properties") && beside) {
        return Table::Refused;
    }
    // How deep a reader of JSON goes is not said here.
    let is_deep = |field: &Vec<u8>| field.iter().filter(|b| b"[{".contains(b)).count() > 100;
    if rows.iter().any(|row| row.fields.iter().flatten().any(is_deep)) {
        return Table::Unknown;
    }
    let is_known = |name: &String| FIELDS.contains(&&**name) || PLAIN.contains(&&**name);
    if !has("time") && !names.iter().all(is_known) {
        return Table::Unknown;
    }
    let (mut read, mut size) = (Vec::new(), 0);
    for record in rows {
        if read.len() == EVENTS_MAX {
            return Table::TooMany;
        }
        let row = record.row(&names);
        size += row.as_ref().map_or_else(|raw| raw.len(), |json| json.len());
        if size > PLAIN_MAX_BYTES {
            return Table::Refused;
        }
        read.push(row);
    }
    Table::Rows(read)
}

/// A record: as it was sent, and its fields, unless its quotes are broken.
struct Record<'a> {
    raw: &'a [u8],
    fields: Option<Vec<Vec<u8>>>,
}

impl Record<'_> {
    fn texts(&self) -> Option<Vec<String>> {
        let fields = self.fields.as_ref()?;
        fields.iter().map(|field| String::from_utf8(field.clone()).ok()).collect()
    }

    fn row(&self, names: &[String]) -> Row {
        let most = EVENT_MAX_BYTES + 3 * names.len();
        let cut = || self.raw[..self.raw.len().min(most)].to_vec();
        let fields = self.texts().filter(|fields| {
            let is_empty = fields.iter().all(String::is_empty);
            fields.len() == names.len() && !is_empty && self.raw.len() <= most
        });
        Ok(json(names, &fields.ok_or_else(cut)?))
    }
}

fn json(names: &[String], fields: &[String]) -> String {
    let text = |text: &str| serde_json::to_string(text).unwrap();
    let of = |name: &str| {
        let at = names.iter().position(|known| known == name);
        at.map(|at| fields[at].as_str()).filter(|field| !field.is_empty())
    };
    let mut members = Vec::new();
    for name in ["event", "id", "time", "subject"] {
        if let Some(field) = of(name) {
            let is_plain = name == "time" && is_whole(field);
            let value = if is_plain { field.to_owned() } else { text(field) };
            members.push(format!("\"{name}\":{value}"));
        }
    }
    if let Some(field) = of("properties") {
        let is_json = crate::json::read(field).is_some();
        let value = if is_json { field.to_owned() } else { text(field) };
        members.push(format!("\"properties\":{value}"));
    }
    let rest = names
        .iter()
        .zip(fields)
        .filter(|(name, field)| !FIELDS.contains(&&***name) && !field.is_empty());
    let rest: Vec<String> = rest
        .map(|(name, field)| {
            let value = if is_number(field) { field.clone() } else { text(field) };
            format!("{}:{value}", text(name))
        })
        .collect();
    if !rest.is_empty() {
        members.push(format!("\"properties\":{{{}}}", rest.join(",")));
    }
    format!("{{{}}}", members.join(","))
}

fn is_whole(field: &str) -> bool {
    let digits = field.strip_prefix('-').unwrap_or(field);
    let is_digits = !digits.is_empty() && digits.chars().all(|c| c.is_ascii_digit());
    is_digits && (digits == "0" || digits.as_bytes()[0] != b'0')
}

fn is_number(field: &str) -> bool {
    let parts: Vec<&str> = field.split('.').collect();
    match parts[..] {
        [whole] => is_whole(whole) && whole.trim_start_matches('-').len() <= 15,
        [whole, fraction] => {
            is_whole(whole)
                && whole.trim_start_matches('-').len() <= 15
                && (1..=20).contains(&fraction.len())
                && fraction.chars().all(|c| c.is_ascii_digit())
        }
        _ => false,
    }
}

fn records(body: &[u8]) -> Vec<Record<'_>> {
    let is_end = |byte: u8| byte == b'\r' || byte == b'\n';
    let (mut records, mut at) = (Vec::new(), 0);
    while at < body.len() {
        if is_end(body[at]) {
            at += 1;
            continue;
        }
        let (start, mut fields, mut is_broken) = (at, vec![Vec::new()], false);
        let mut is_start = true;
        while at < body.len() && !is_end(body[at]) {
            let field = fields.last_mut().unwrap();
            match body[at] {
                b',' => {
                    fields.push(Vec::new());
                    is_start = true;
                    at += 1;
                    continue;
                }
                b'"' if is_start => {
                    let (end, is_closed) = quoted(body, at + 1, field);
                    at = end;
                    let behind = body.get(at).copied();
                    is_broken |= !is_closed || !behind.is_none_or(|b| b == b',' || is_end(b));
                }
                byte => {
                    field.push(byte);
                    at += 1;
                }
            }
            is_start = false;
        }
        let fields = (!is_broken).then_some(fields);
        // Ends of lines within a quote that is never closed are those of the file.
        let ends = body[start..at].iter().rev().take_while(|byte| is_end(**byte)).count();
        records.push(Record { raw: &body[start..at - ends], fields });
    }
    records
}

/// Reads what stands within quotes; where it ends, and whether a quote ends it.
fn quoted(body: &[u8], mut at: usize, field: &mut Vec<u8>) -> (usize, bool) {
    while let Some(byte) = body.get(at) {
        match (*byte, body.get(at + 1)) {
            (b'"', Some(b'"')) => {
                field.push(b'"');
                at += 2;
            }
            (b'"', _) => return (at + 1, true),
            (byte, _) => {
                field.push(byte);
                at += 1;
            }
        }
    }
    (at, false)
}
