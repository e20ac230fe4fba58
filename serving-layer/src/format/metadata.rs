//! What an answer tells besides its rows, for formats that hold nothing else.
//!
//! As headers it is ASCII, and short: clients bound the headers that they read (Node all of them
//! together at 16 KiB). What is left out of one for that is said in it. Values are JSON where they
//! are no plain number or instant; what is beyond ASCII is escaped as JSON does it.

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use merganser_core::time::Timestamp;
use serde_json::{Value, json};

use crate::answer::QueryAnswer;

/// Bytes of a header's value.
const HEADER_BYTES_MAX: usize = 4_096;
/// Bytes of a text in a header that would be too long.
const TEXT_BYTES_MAX: usize = 200;
/// Entries of a list or an object in a header that would be too long.
const ENTRIES_MAX: usize = 8;
/// Bytes of a warning in a header.
const WARNING_BYTES_MAX: usize = 600;

/// The first instant that was answered.
const FROM: HeaderName = HeaderName::from_static("merganser-from");
/// The first instant after.
const TO: HeaderName = HeaderName::from_static("merganser-to");
/// Rows before `limit` and `offset`.
const TOTAL_ROWS: HeaderName = HeaderName::from_static("merganser-total-rows");
/// What the answer is made of.
const PROVENANCE: HeaderName = HeaderName::from_static("merganser-provenance");
/// With `compare`: the earlier range.
const COMPARE: HeaderName = HeaderName::from_static("merganser-compare");
/// What a reader of the values should know; none where there is nothing.
const WARNINGS: HeaderName = HeaderName::from_static("merganser-warnings");

/// The headers of an answer in a format of rows alone.
pub(crate) fn headers(answer: &QueryAnswer) -> HeaderMap {
    let mut headers = HeaderMap::new();
    // What is escaped is visible ASCII, which a header can hold.
    let mut tell = |name: HeaderName, text: String| {
        if let Ok(value) = HeaderValue::from_str(&text) {
            headers.insert(name, value);
        }
    };
    let [from, to] = edges(answer);
    for (name, edge) in [(FROM, from), (TO, to)] {
        if let Some(edge) = edge {
            tell(name, edge);
        }
    }
    tell(TOTAL_ROWS, answer.rows.total_rows.to_string());
    tell(PROVENANCE, bounded_json(json!(answer.provenance)));
    if let Some(compare) = compare(answer) {
        tell(COMPARE, compare);
    }
    if !answer.rows.warnings.is_empty() {
        tell(WARNINGS, list(&answer.rows.warnings));
    }
    headers
}

/// The same for the metadata of a schema, where nothing is bounded.
pub(super) fn metadata(answer: &QueryAnswer) -> impl Iterator<Item = (String, String)> {
    let [from, to] = edges(answer);
    let always = [
        ("metric", answer.metric.clone()),
        ("granularity", answer.rows.calendar.granularity().name().to_owned()),
        ("timezone", answer.rows.calendar.zone().name().to_owned()),
        ("total_rows", answer.rows.total_rows.to_string()),
        ("provenance", json!(answer.provenance).to_string()),
        ("warnings", json!(answer.rows.warnings).to_string()),
    ];
    let edges = [("from", from), ("to", to)].into_iter();
    let window = answer.rows.window.map(|window| window.to_string());
    let edges = edges.chain([("compare", compare(answer)), ("window", window)]);
    let edges = edges.filter_map(|(name, edge)| Some((name, edge?)));
    always.into_iter().chain(edges).map(|(name, text)| (format!("merganser.{name}"), text))
}

/// The earlier range, which is short and ASCII.
fn compare(answer: &QueryAnswer) -> Option<String> {
    answer.rows.comparison.as_ref().map(|compare| compare.to_json(answer.rows.calendar.zone()))
}

fn edges(answer: &QueryAnswer) -> [Option<String>; 2] {
    let zone = answer.rows.calendar.zone();
    [answer.rows.edges.from, answer.rows.edges.to]
        .map(|edge: Option<Timestamp>| edge.map(|edge| zone.format(edge)))
}

/// An object as short JSON; what is cut says `"truncated":true`.
fn bounded_json(mut object: Value) -> String {
    let whole = ascii(&object);
    if whole.len() <= HEADER_BYTES_MAX {
        return whole;
    }
    for field in object.as_object_mut().into_iter().flat_map(|fields| fields.values_mut()) {
        shorten(field);
    }
    object["truncated"] = json!(true);
    let short = ascii(&object);
    if short.len() <= HEADER_BYTES_MAX {
        return short;
    }
    // The numbers and switches alone.
    let fields = object.as_object().into_iter().flatten();
    let plain = fields.filter(|(_, value)| value.is_boolean() || value.is_number());
    ascii(&plain.map(|(name, value)| (name.clone(), value.clone())).collect())
}

/// Cuts lists, objects and texts, at every depth.
fn shorten(value: &mut Value) {
    match value {
        Value::String(text) => *text = truncated_json(text, TEXT_BYTES_MAX),
        Value::Array(items) => {
            items.truncate(ENTRIES_MAX);
            items.iter_mut().for_each(shorten);
        }
        Value::Object(fields) => {
            let beyond: Vec<String> = fields.keys().skip(ENTRIES_MAX).cloned().collect();
            beyond.iter().for_each(|name| drop(fields.remove(name)));
            fields.values_mut().for_each(shorten);
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Texts as a JSON array: as many as there is room for, and how many there are besides.
fn list(texts: &[String]) -> String {
    let mut kept: Vec<String> = Vec::new();
    // Brackets, and room for the last text.
    let mut bytes = 100;
    for (at, text) in texts.iter().enumerate() {
        let text = truncated_json(text, WARNING_BYTES_MAX);
        bytes += ascii(&json!(text)).len() + 1;
        if bytes > HEADER_BYTES_MAX {
            kept.push(format!("and {} more, in `format=json`", texts.len() - at));
            break;
        }
        kept.push(text);
    }
    ascii(&json!(kept))
}

/// A text's beginning that takes so many bytes as JSON in ASCII.
fn truncated_json(text: &str, bytes_max: usize) -> String {
    if ascii(&json!(text)).len() <= bytes_max {
        return text.to_owned();
    }
    let mut bytes = "\"\\u2026\"".len();
    let beginning = text.chars().take_while(|c| {
        bytes += ascii(&json!(c.to_string())).len() - 2;
        bytes <= bytes_max
    });
    beginning.chain(['…']).collect()
}

/// JSON in visible ASCII: what else occurs is in texts, and stands there as `\u` and UTF-16.
fn ascii(value: &Value) -> String {
    let mut text = String::new();
    for c in value.to_string().chars() {
        if (' '..='~').contains(&c) {
            text.push(c);
            continue;
        }
        for unit in c.encode_utf16(&mut [0; 2]) {
            text.push_str(&format!("\\u{unit:04x}"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Whatever a text holds, it is read back, and can be a header.
        #[test]
        fn json_in_ascii_is_the_same_json(text in ".{0,40}", odd in any::<Vec<char>>()) {
            let value = json!([text, odd.into_iter().collect::<String>(), "\u{7f}", "🦆"]);
            let written = ascii(&value);
            prop_assert!(HeaderValue::from_str(&written).is_ok());
            prop_assert_eq!(serde_json::from_str::<Value>(&written).unwrap(), value);
        }

        /// However many and long, it is short, and says what it lacks.
        #[test]
        fn a_header_is_short_and_says_what_it_lacks(
            texts in prop::collection::vec("\\PC{0,80}", 0..60),
            long in 0..3_000_usize,
        ) {
            let texts: Vec<String> = texts.into_iter().chain(["ü".repeat(long)]).collect();
            let seen = list(&texts);
            prop_assert!(seen.len() <= HEADER_BYTES_MAX);
            let seen: Vec<String> = serde_json::from_str(&seen).unwrap();
            match seen.last().and_then(|last| last.strip_prefix("and ")?.split_once(" more, in ")) {
                Some((count, _)) => {
                    prop_assert_eq!(count.parse::<usize>().unwrap() + seen.len() - 1, texts.len());
                }
                None => prop_assert_eq!(seen.len(), texts.len()),
            }
            let names: serde_json::Map<String, Value> =
                texts.iter().map(|text| (text.clone(), json!(0.5))).collect();
            let object =
                json!({ "complete": false, "missing": texts, "approximate": names, "n": 1 });
            let short = bounded_json(object.clone());
            prop_assert!(short.len() <= HEADER_BYTES_MAX);
            let short: Value = serde_json::from_str(&short).unwrap();
            prop_assert_eq!(&short["complete"], &json!(false));
            prop_assert!(short == object || short["truncated"] == true);
        }
    }
}
