//! Which adapter translates the events of a body, and how their original text is kept.

use std::borrow::Cow;

use super::adapters::{TranslationResult, cloud_event, segment};
use super::body_format::BodyFormat;
use super::raw_event::RawEvent;

/// The texts of the native events that these stand for; `None` where they are native. What is over
/// `bytes_max` is not translated, so that no text grows far beyond what was sent.
pub(super) fn translate(
    format: &BodyFormat,
    events: &[RawEvent<'_>],
    bytes_max: usize,
) -> Option<Vec<TranslationResult>> {
    let each = |translate: &dyn Fn(&RawEvent<'_>) -> TranslationResult| {
        let checked = |raw: &RawEvent<'_>| raw.check_size(bytes_max).and_then(|()| translate(raw));
        Some(events.iter().map(checked).collect())
    };
    match format {
        BodyFormat::Json
        | BodyFormat::Ndjson
        | BodyFormat::NamedNdjson
        | BodyFormat::Columns(..)
        | BodyFormat::Csv(_)
        | BodyFormat::Rows(_)
        | BodyFormat::Decoded => None,
        BodyFormat::CloudEvents => each(&cloud_event::structured),
        BodyFormat::CloudEventData(head) => each(&|raw| cloud_event::binary(head, raw)),
        BodyFormat::SegmentBatch => each(&|raw| segment::translate(None, raw)),
        BodyFormat::Segment(call) => each(&|raw| segment::translate(Some(*call), raw)),
    }
}

/// An event as it was sent, with what its request said of it beside the body: for people, and for
/// sending it again. It does not contain the key that the sender used.
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

#[cfg(test)]
mod tests;
