//! Events in the shapes of other standards, written as events of ours.
//!
//! Each is translated by itself, from the text that was sent to the text of a native event, and
//! then goes the way of all: the same rules, verdicts and digest. The translation is a function of
//! the text, without what changes from one sending of the same event to the next, so that retries
//! are duplicates. What cannot be translated is invalid and quarantined as it was sent.

mod cloud_event;
mod segment;

use std::borrow::Cow;

use serde::Serialize;
use serde_json::value::RawValue;

pub use self::cloud_event::{CloudEventData, CloudEventHead};
pub use self::segment::SegmentCall;

use super::decode::{BodyFormat, RawEvent};
use super::envelope::{EventFault, InvalidCode, check_size};

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

/// The texts of the native events that these stand for; `None` where they are native. What is over
/// `bytes_max` is not translated, so that no text grows far beyond what was sent.
pub(super) fn translate(
    format: &BodyFormat,
    events: &[RawEvent<'_>],
    bytes_max: usize,
) -> Option<Vec<TranslationResult>> {
    let each = |translate: &dyn Fn(&RawEvent<'_>) -> TranslationResult| {
        let checked = |raw| check_size(raw, bytes_max).and_then(|()| translate(raw));
        Some(events.iter().map(checked).collect())
    };
    match format {
        BodyFormat::Json
        | BodyFormat::Ndjson
        | BodyFormat::NamedNdjson
        | BodyFormat::Columns(..)
        | BodyFormat::Csv(_)
        | BodyFormat::Rows(_) => None,
        BodyFormat::CloudEvents => each(&cloud_event::structured),
        BodyFormat::CloudEventData(head) => each(&|raw| cloud_event::binary(head, raw)),
        BodyFormat::SegmentBatch => each(&|raw| segment::translate(None, raw)),
        BodyFormat::Segment(call) => each(&|raw| segment::translate(Some(*call), raw)),
    }
}

/// An event as it was sent, with what its request said of it beside the body: for people, and for
/// who wants to send it again. A key that proves who sends is not in it.
pub(super) fn original_text<'a>(format: &BodyFormat, bytes: &'a [u8]) -> Cow<'a, [u8]> {
    let (beside, bytes) = match format {
        BodyFormat::CloudEventData(head) => (head.as_headers(), Cow::Borrowed(bytes)),
        BodyFormat::Segment(call) => {
            (format!("POST /v1/segment/{}\r\n", call.name()), segment::without_key(bytes))
        }
        BodyFormat::SegmentBatch => return segment::without_key(bytes),
        _ => return Cow::Borrowed(bytes),
    };
    Cow::Owned([beside.as_bytes(), b"\r\n", &bytes].concat())
}

fn malformed(what: &str, why: impl std::fmt::Display) -> EventFault {
    EventFault::new(InvalidCode::MalformedEvent, format!("it is no {what}: {why}"))
}

fn not_text(what: &str) -> EventFault {
    malformed(what, "it is not UTF-8")
}

fn to_json(native: &NativeEvent<'_>, what: &str) -> Result<String, EventFault> {
    serde_json::to_string(native).map_err(|error| malformed(what, error))
}

#[cfg(test)]
mod tests;
