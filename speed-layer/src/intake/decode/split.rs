//! Finds the events of a body.

use std::fmt;

use memchr::memchr;
use serde::de::{Deserialize, Deserializer, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::intake::body_format::BodyFormat;
use crate::intake::error::{ExceededLimit, IntakeError};
use crate::intake::raw_event::RawEvent;
use crate::intake::settings::IntakeSettings;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Finds the events of `body`, of which there may be `max_events`.
pub(crate) fn split<'a>(
    body: &'a [u8],
    format: &BodyFormat,
    max_events: usize,
) -> Result<Vec<RawEvent<'a>>, IntakeError> {
    if let BodyFormat::Rows(rows) = format {
        return Ok(rows.split(body));
    }
    let body = body.strip_prefix(BYTE_ORDER_MARK).unwrap_or(body);
    match format {
        BodyFormat::Json | BodyFormat::CloudEvents => split_json(body, max_events),
        BodyFormat::Segment(_) if body.trim_ascii_start().first() != Some(&b'{') => {
            Err(IntakeError::MalformedBody("the body is not a JSON object".to_owned()))
        }
        BodyFormat::Segment(_) => split_json(body, max_events),
        // Columns are lines by now, CSV is rows, and what is decoded is not split.
        BodyFormat::Ndjson
        | BodyFormat::Columns(..)
        | BodyFormat::Csv(_)
        | BodyFormat::Rows(_)
        | BodyFormat::Decoded => split_lines(body, max_events),
        BodyFormat::NamedNdjson => {
            let lines = split_lines(body, max_events)?;
            Ok(lines.into_iter().map(RawEvent::strip_id_prefix).collect())
        }
        BodyFormat::CloudEventData(_) => Ok(vec![RawEvent::of(0, body)]),
        BodyFormat::SegmentBatch => split_batch(body, max_events),
    }
}

fn too_many(max: usize) -> IntakeError {
    IntakeError::TooLarge { limit: ExceededLimit::Events, max }
}

/// Lines that are not blank, by their number. They are checked for UTF-8 together where the whole
/// body is, which is faster, and else one by one.
fn split_lines(body: &[u8], max_events: usize) -> Result<Vec<RawEvent<'_>>, IntakeError> {
    let whole = std::str::from_utf8(body).ok();
    let mut events = Vec::new();
    let mut start = 0;
    let mut index = 0;
    while start < body.len() {
        let rest = body.get(start..).unwrap_or_default();
        let length = memchr(b'\n', rest).unwrap_or(rest.len());
        let line = rest.get(..length).unwrap_or_default();
        let bytes = line.trim_ascii();
        if !bytes.is_empty() {
            if events.len() == max_events {
                return Err(too_many(max_events));
            }
            let from = start + (line.len() - line.trim_ascii_start().len());
            let text = match whole {
                Some(text) => text.get(from..from + bytes.len()),
                None => std::str::from_utf8(bytes).ok(),
            };
            events.push(RawEvent { index, bytes, text, id: None });
        }
        start += length + 1;
        index += 1;
    }
    Ok(events)
}

fn split_json(body: &[u8], max_events: usize) -> Result<Vec<RawEvent<'_>>, IntakeError> {
    let text = std::str::from_utf8(body).map_err(|error| {
        let (from, hint) = (error.valid_up_to(), compression(body));
        IntakeError::MalformedBody(format!("the body is not UTF-8 from byte {from} on{hint}"))
    })?;
    let malformed = |error| {
        let hint = if is_lines(text) {
            "; one event a line has the content type `application/x-ndjson`"
        } else {
            ""
        };
        IntakeError::MalformedBody(format!("the body is not JSON: {error}{hint}"))
    };
    match text.trim_ascii_start().as_bytes().first() {
        None => Ok(Vec::new()),
        Some(b'[') => {
            let elements: ArrayElements<'_> = serde_json::from_str(text).map_err(malformed)?;
            elements.events(max_events)
        }
        Some(b'{') => {
            let raw: &RawValue = serde_json::from_str(text).map_err(malformed)?;
            Ok(vec![raw_event(0, raw)])
        }
        Some(_) => {
            let _: &RawValue = serde_json::from_str(text).map_err(malformed)?;
            Err(IntakeError::MalformedBody(
                "the body is JSON, but neither an object nor an array of objects".to_owned(),
            ))
        }
    }
}

/// What a body that is no text is probably compressed with.
fn compression(body: &[u8]) -> &'static str {
    match body {
        [0x1f, 0x8b, ..] => "; it looks compressed: say so with `Content-Encoding: gzip`",
        [0x28, 0xb5, 0x2f, 0xfd, ..] => {
            "; it looks compressed: say so with `Content-Encoding: zstd`"
        }
        _ => "",
    }
}

/// Whether there is more than one object, one behind the other.
fn is_lines(text: &str) -> bool {
    let mut objects = serde_json::Deserializer::from_str(text).into_iter::<&RawValue>();
    let mut is_object =
        || objects.next().and_then(Result::ok).is_some_and(|object| object.get().starts_with('{'));
    is_object() && is_object()
}

/// The elements of the field `batch`.
fn split_batch(body: &[u8], max_events: usize) -> Result<Vec<RawEvent<'_>>, IntakeError> {
    #[derive(serde::Deserialize)]
    struct SegmentBatchBody<'a> {
        #[serde(borrow)]
        batch: ArrayElements<'a>,
    }
    let SegmentBatchBody { batch } = serde_json::from_slice(body).map_err(|error| {
        IntakeError::MalformedBody(format!("the body is not {{\"batch\": [...]}}: {error}"))
    })?;
    batch.events(max_events)
}

fn raw_event(index: u32, raw: &RawValue) -> RawEvent<'_> {
    RawEvent { index, bytes: raw.get().as_bytes(), text: Some(raw.get()), id: None }
}

/// The elements of an array, of which no more are held than any limit may be: an array of single
/// digits would otherwise take many times its own size.
struct ArrayElements<'a> {
    first: Vec<&'a RawValue>,
    count: usize,
}

impl<'a> ArrayElements<'a> {
    fn events(self, max_events: usize) -> Result<Vec<RawEvent<'a>>, IntakeError> {
        if self.count > max_events {
            return Err(too_many(max_events));
        }
        Ok((0..).zip(self.first).map(|(index, raw)| raw_event(index, raw)).collect())
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for ArrayElements<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ElementsVisitor;

        impl<'de> Visitor<'de> for ElementsVisitor {
            type Value = ArrayElements<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array of events")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let mut elements = ArrayElements { first: Vec::new(), count: 0 };
                while let Some(raw) = seq.next_element()? {
                    elements.count += 1;
                    if elements.count <= IntakeSettings::EVENTS_CAP {
                        elements.first.push(raw);
                    }
                }
                Ok(elements)
            }
        }

        deserializer.deserialize_seq(ElementsVisitor)
    }
}
