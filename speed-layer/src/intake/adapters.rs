//! Events in the shapes of other standards, written as native events.
//!
//! Each is translated by itself, from the text that was sent to the text of a native event, and
//! then goes the way of all: the same rules, verdicts and digest. The translation is a function of
//! the text, without what changes from one sending of the same event to the next, so that retries
//! are duplicates. What cannot be translated is invalid and quarantined as it was sent.

pub(super) mod cloud_event;
pub(super) mod segment;

use merganser_api::invalid_code::InvalidCode;
use serde::Serialize;
use serde_json::value::RawValue;

pub use self::cloud_event::{CloudEventData, CloudEventHead};
pub use self::segment::SegmentCall;

use super::invalid::EventFault;

/// A native event in the making.
#[derive(Serialize)]
struct NativeEvent<'a> {
    event: &'a str,
    /// Without one the server makes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    time: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    properties: Option<&'a RawValue>,
}

/// A native event's text, or why there is none.
pub(super) type TranslationResult = Result<String, EventFault>;

fn malformed(what: &str, why: impl std::fmt::Display) -> EventFault {
    EventFault::new(InvalidCode::MalformedEvent, format!("it is no {what}: {why}"))
}

fn not_text(what: &str) -> EventFault {
    malformed(what, "it is not UTF-8")
}

fn to_json(native: &NativeEvent<'_>, what: &str) -> Result<String, EventFault> {
    serde_json::to_string(native).map_err(|error| malformed(what, error))
}
