//! CloudEvents 1.0: structured and batched mode (JSON event format), and binary mode, in which
//! attributes are headers and the body is the data.
//!
//! | CloudEvent | event |
//! |---|---|
//! | `type` | `event` |
//! | `source` and `id`, with a space between | `id`: together they make it unique |
//! | `time`, `subject` | the same |
//! | `data`, an object | `properties` |
//! | other `data` | `properties.data`; of bytes `properties.data_base64` |
//!
//! Other attributes are not kept: middlemen add and change them on the way.

use std::borrow::Cow;
use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::json;
use serde_json::value::{RawValue, to_raw_value};

use super::{NativeEvent, malformed, not_text, to_json};
use crate::intake::invalid::EventFault;
use crate::intake::raw_event::RawEvent;

const WHAT: &str = "CloudEvent";

/// What a content type says of a CloudEvent's data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CloudEventData {
    /// There is none, which means JSON.
    #[default]
    Undeclared,
    /// JSON.
    Json,
    /// Something else: text, or bytes where it is not UTF-8.
    Other,
}

/// A CloudEvent's attributes, out of the headers of binary mode.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CloudEventHead {
    /// `ce-specversion`.
    pub specversion: Option<String>,
    /// `ce-id`.
    pub id: Option<String>,
    /// `ce-source`.
    pub source: Option<String>,
    /// `ce-type`.
    pub kind: Option<String>,
    /// `ce-time`.
    pub time: Option<String>,
    /// `ce-subject`.
    pub subject: Option<String>,
    /// What the data is, by its content type.
    pub data: CloudEventData,
}

impl CloudEventHead {
    /// The headers that it was read from.
    pub(in crate::intake) fn as_headers(&self) -> String {
        let named = [
            ("specversion", &self.specversion),
            ("id", &self.id),
            ("source", &self.source),
            ("type", &self.kind),
            ("time", &self.time),
            ("subject", &self.subject),
        ];
        let there = named.iter().filter_map(|(name, value)| Some((name, value.as_ref()?)));
        there.map(|(name, value)| format!("ce-{name}: {value}\r\n")).collect()
    }
}

#[derive(Deserialize)]
struct CloudEvent<'a> {
    #[serde(borrow)]
    specversion: Cow<'a, str>,
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow)]
    source: Cow<'a, str>,
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    time: Option<Cow<'a, str>>,
    #[serde(borrow)]
    subject: Option<Cow<'a, str>>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    #[serde(borrow)]
    data_base64: Option<Cow<'a, str>>,
}

pub(in crate::intake) fn structured(raw: &RawEvent<'_>) -> Result<String, EventFault> {
    let text = raw.text.ok_or_else(|| not_text(WHAT))?;
    let event: CloudEvent<'_> =
        serde_json::from_str(text).map_err(|error| malformed(WHAT, error))?;
    native(&event)
}

pub(in crate::intake) fn binary(
    head: &CloudEventHead,
    raw: &RawEvent<'_>,
) -> Result<String, EventFault> {
    fn needed<'a>(name: &str, value: Option<&'a String>) -> Result<Cow<'a, str>, EventFault> {
        let missing = || malformed(WHAT, format!("the header `ce-{name}` is missing"));
        value.map(|text| Cow::Borrowed(&**text)).ok_or_else(missing)
    }
    let broken = |error| malformed(WHAT, error);
    let (mut data, mut data_base64) = (None, None);
    match raw.text {
        Some("") => {}
        Some(text) if head.data != CloudEventData::Other => {
            let value: Result<&RawValue, _> = serde_json::from_str(text);
            data = Some(value.map_err(|error| not_json(head.data, &error))?.to_owned());
        }
        Some(text) => data = Some(to_raw_value(text).map_err(broken)?),
        None => {
            data_base64 = Some(Cow::Owned(STANDARD.encode(raw.bytes)));
        }
    }
    native(&CloudEvent {
        specversion: needed("specversion", head.specversion.as_ref())?,
        id: needed("id", head.id.as_ref())?,
        source: needed("source", head.source.as_ref())?,
        kind: needed("type", head.kind.as_ref())?,
        time: head.time.as_deref().map(Cow::Borrowed),
        subject: head.subject.as_deref().map(Cow::Borrowed),
        data: data.as_deref(),
        data_base64,
    })
}

/// Says what the data was taken for, and why.
fn not_json(data: CloudEventData, error: &serde_json::Error) -> EventFault {
    let why = match data {
        CloudEventData::Undeclared => {
            "the request has no `Content-Type`, so the data is read as JSON, which it is not; \
             `Content-Type: text/plain` says that it is text"
        }
        CloudEventData::Json | CloudEventData::Other => {
            "its `Content-Type` says that the data is JSON, which it is not"
        }
    };
    malformed(WHAT, format!("{why} ({error})"))
}

fn native(event: &CloudEvent<'_>) -> Result<String, EventFault> {
    if !event.specversion.starts_with("1.") {
        let version = event.specversion.escape_default();
        return Err(malformed(WHAT, format!("`specversion` is `{version}`; 1.0 is read")));
    }
    for (name, text) in [("id", &event.id), ("source", &event.source)] {
        if text.is_empty() {
            return Err(malformed(WHAT, format!("`{name}` is empty")));
        }
    }
    if event.source.contains(char::is_whitespace) {
        // So that source and id can be separated again in the id that they make.
        return Err(malformed(WHAT, "`source` has blanks, which no URI has"));
    }
    let made = match (event.data, &event.data_base64) {
        (Some(_), Some(_)) => {
            return Err(malformed(WHAT, "it has both `data` and `data_base64`"));
        }
        (Some(data), None) if data.get().starts_with('{') || data.get() == "null" => None,
        (Some(data), None) => Some(to_raw_value(&BTreeMap::from([("data", data)]))),
        (None, Some(text)) => Some(to_raw_value(&json!({ "data_base64": text }))),
        (None, None) => None,
    };
    let made = made.transpose().map_err(|error| malformed(WHAT, error))?;
    let time = event.time.as_ref().map(to_raw_value).transpose();
    let time = time.map_err(|error| malformed(WHAT, error))?;
    let native = NativeEvent {
        event: &event.kind,
        id: Some(&format!("{} {}", event.source, event.id)),
        time: time.as_deref(),
        subject: event.subject.as_deref(),
        properties: made.as_deref().or(event.data),
    };
    to_json(&native, WHAT)
}
