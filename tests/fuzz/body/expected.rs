//! What the contract says of a body's events: each rule by itself, all faults of an event together.

use std::collections::{BTreeMap, BTreeSet};

use chrono::DateTime;
use merganser_core::time::Timestamp;
use speed_layer::intake::BodyFormat;

use super::table::{self, Row, Table};
use super::{EVENT_MAX_BYTES, EVENTS_MAX, NOW};
use crate::json::{self, Json, Value};

/// What an event is stored as.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Event {
    /// The client's id.
    pub(super) id: Option<String>,
    /// Its type.
    pub(super) event: String,
    /// When it happened, µs.
    pub(super) time: i64,
    /// Whom it is about.
    pub(super) subject: Option<String>,
    /// The text of its properties.
    pub(super) properties: Option<String>,
}

/// What becomes of an event.
#[derive(Debug)]
pub(super) enum Verdict {
    /// It is stored.
    Accepted(Event),
    /// Its id was there with the same content.
    Duplicate,
    /// Its id was there with other content.
    Conflict {
        /// Its place.
        index: u32,
        /// The id.
        id: String,
        /// As it was sent.
        raw: Vec<u8>,
    },
    /// It breaks these rules; the error may name any of them.
    Invalid {
        /// Its place.
        index: u32,
        /// The rules.
        codes: BTreeSet<&'static str>,
        /// As it was sent.
        raw: Vec<u8>,
    },
}

/// What becomes of a body.
#[derive(Debug)]
pub(super) enum Outcome {
    /// Its events were found.
    Read(Vec<Verdict>),
    /// There are too many of them.
    TooMany,
    /// It cannot be read.
    Refused,
    /// That is not said here.
    Unknown,
}

/// Reads a body as the contract says.
pub(super) fn outcome(body: &[u8], format: &BodyFormat) -> Outcome {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    if matches!(format, BodyFormat::Csv(_)) {
        return rows(body);
    }
    let events = match format {
        BodyFormat::Ndjson => lines(body),
        _ => match elements(body) {
            Some(events) => events,
            None => return Outcome::Refused,
        },
    };
    if events.len() > EVENTS_MAX {
        return Outcome::TooMany;
    }
    let mut seen = BTreeMap::new();
    Outcome::Read(events.iter().map(|(index, raw)| verdict(*index, raw, &mut seen)).collect())
}

fn rows(body: &[u8]) -> Outcome {
    let rows = match table::read(body) {
        Table::Rows(rows) => rows,
        Table::TooMany => return Outcome::TooMany,
        Table::Refused => return Outcome::Refused,
        Table::Unknown => return Outcome::Unknown,
    };
    let mut seen = BTreeMap::new();
    let row = |(index, row): (u32, Row)| match row {
        Ok(json) => verdict(index, json.as_bytes(), &mut seen),
        Err(raw) => {
            let codes = BTreeSet::from(["malformed_event", "event_too_large"]);
            Verdict::Invalid { index, codes, raw }
        }
    };
    Outcome::Read((0..).zip(rows).map(row).collect())
}

fn lines(body: &[u8]) -> Vec<(u32, &[u8])> {
    let lines = body.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    (0..).zip(lines).filter(|(_, line)| !line.is_empty()).collect()
}

fn elements(body: &[u8]) -> Option<Vec<(u32, &[u8])>> {
    let text = std::str::from_utf8(body).ok()?;
    if text.trim_ascii().is_empty() {
        return Some(Vec::new());
    }
    let body = json::read(text)?;
    match body.value {
        Value::Object(_) => Some(vec![(0, body.text.as_bytes())]),
        Value::Array(items) => {
            Some((0..).zip(items).map(|(index, item)| (index, item.text.as_bytes())).collect())
        }
        Value::Word | Value::Number | Value::Text(_) => None,
    }
}

/// The content that a repetition must have too: texts as they were sent, but for escapes.
type Content = (String, Option<String>, Option<String>, Option<String>);

fn verdict(index: u32, raw: &[u8], seen: &mut BTreeMap<String, Content>) -> Verdict {
    let (event, time) = match read(raw) {
        Ok(event) => event,
        Err(codes) => return Verdict::Invalid { index, codes, raw: raw.to_vec() },
    };
    let Some(id) = event.id.clone() else { return Verdict::Accepted(event) };
    let (subject, properties) = (event.subject.clone(), event.properties.clone());
    let content = (event.event.clone(), time, subject, properties);
    match seen.get(&id) {
        None => {
            seen.insert(id, content);
            Verdict::Accepted(event)
        }
        Some(first) if *first == content => Verdict::Duplicate,
        Some(_) => Verdict::Conflict { index, id, raw: raw.to_vec() },
    }
}

/// An event and the text of its time, or the rules that it breaks.
fn read(raw: &[u8]) -> Result<(Event, Option<String>), BTreeSet<&'static str>> {
    if raw.len() > EVENT_MAX_BYTES {
        return Err(BTreeSet::from(["event_too_large"]));
    }
    // A text that begins as another kind of value may be refused as one before its end is read.
    let no_object = || BTreeSet::from(["malformed_event", "not_an_object"]);
    let text = std::str::from_utf8(raw).map_err(|_| no_object())?;
    let Some(Json { value: Value::Object(fields), .. }) = json::read(text) else {
        return Err(no_object());
    };
    let mut codes = BTreeSet::new();
    let mut named: BTreeMap<&str, &Json<'_>> = BTreeMap::new();
    for (key, value) in &fields {
        match key.as_deref() {
            None => {
                codes.insert("malformed_event");
            }
            Some(name @ ("id" | "event" | "time" | "subject" | "properties")) => {
                if named.insert(name, value).is_some() {
                    codes.insert("duplicate_field");
                }
            }
            Some(_) => {
                codes.insert("unknown_field");
            }
        }
    }
    let field = |name: &str| named.get(name).filter(|value| value.text != "null").copied();
    let mut text = |name: &str, code: &'static str, is_allowed: fn(&str) -> bool| {
        let value = field(name)?;
        match &value.value {
            Value::Text(Some(text)) if is_allowed(text) => return Some(text.clone()),
            _ => codes.insert(code),
        };
        None
    };
    let id = text("id", "invalid_id", |id| (1..=256).contains(&id.len()));
    let event = text("event", "invalid_event", is_type);
    let subject = text("subject", "invalid_subject", |subject| subject.len() <= 256);
    if field("event").is_none() {
        codes.insert("invalid_event");
    }
    let time = field("time").map(|value| (time(value), value.text.to_owned()));
    if matches!(time, Some((None, _))) {
        codes.insert("invalid_time");
    }
    if let Some(value) = field("properties") {
        properties(value, 1, &mut codes);
        if !matches!(value.value, Value::Object(_)) {
            codes.insert("invalid_properties");
        }
    }
    let Some(event) = event.filter(|_| codes.is_empty()) else { return Err(codes) };
    let properties = field("properties").map(|value| value.text.to_owned());
    let at = time.as_ref().and_then(|(at, _)| *at).unwrap_or(NOW.0);
    Ok((Event { id, event, time: at, subject, properties }, time.map(|(_, text)| text)))
}

fn is_type(event: &str) -> bool {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || "_.:-".contains(c);
    (1..=128).contains(&event.len()) && event.chars().all(is_allowed)
}

fn time(value: &Json<'_>) -> Option<i64> {
    let at = match &value.value {
        Value::Text(text) => {
            DateTime::parse_from_rfc3339(text.as_deref()?).ok()?.timestamp_micros()
        }
        Value::Number => {
            let millis = value.text.parse::<i64>().ok()?;
            // Smaller ones look like seconds.
            let is_small = (-99_999_999_999..=99_999_999_999).contains(&millis);
            millis.checked_mul(1000).filter(|_| !is_small)?
        }
        _ => return None,
    };
    let latest = NOW.0 + 24 * 60 * 60 * 1_000_000;
    (Timestamp::MIN.0..Timestamp::MAX.0).contains(&at).then_some(at).filter(|at| *at <= latest)
}

/// The rules of `properties`, of which `value` lies `depth` deep.
fn properties(value: &Json<'_>, depth: usize, codes: &mut BTreeSet<&'static str>) {
    match &value.value {
        Value::Word | Value::Number => {}
        Value::Text(text) => {
            if text.is_none() {
                codes.insert("invalid_properties");
            }
        }
        Value::Array(items) => {
            deeper(depth, codes);
            items.iter().for_each(|item| properties(item, depth + 1, codes));
        }
        Value::Object(fields) => {
            deeper(depth, codes);
            let mut keys = BTreeSet::new();
            for (key, value) in fields {
                match key {
                    None => codes.insert("invalid_properties"),
                    Some(key) if keys.insert(key) => true,
                    Some(_) => codes.insert("duplicate_property"),
                };
                properties(value, depth + 1, codes);
            }
        }
    }
}

fn deeper(depth: usize, codes: &mut BTreeSet<&'static str>) {
    if depth > 32 {
        codes.insert("properties_too_deep");
    }
}
