//! From bodies to what the committer needs: columns, and what breaks a rule. Most work that grows
//! with the bytes of a request is done here.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

use arrow::array::{
    ArrayRef, RecordBatch, StringBuilder, TimestampMicrosecondArray, UInt64Builder,
};
use bytes::Bytes;
use merganser_api::receipt::{InvalidEvent, Receipt};
use merganser_core::access::FixedProperties;
use merganser_core::event::EventBatch;
use merganser_core::ids::Offset;
use merganser_core::time::Timestamp;
use merganser_metric::extract::{PropertyBatchBuilder, PropertyExtractor};
use xxhash_rust::xxh3::xxh3_128;

use super::InvalidEventPolicy;
use super::adapters::TranslationResult;
use super::body_format::BodyFormat;
use super::content_digest::ContentDigest;
use super::decode::split;
use super::envelope::{Envelope, EnvelopeReader};
use super::error::IntakeError;
use super::event_id::EventIdGenerator;
use super::fixed_properties;
use super::invalid::EventFault;
use super::raw_event::RawEvent;
use super::settings::IntakeLimits;
use super::translate;

/// Where an event is in its request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct EventSpan {
    /// Array position or line number, from 0.
    pub(crate) index: u32,
    pub(super) start: u32,
    pub(super) length: u32,
}

/// A valid event that is not judged yet. The rest of it is in the batch, in the same row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PendingEvent {
    pub(crate) place: EventSpan,
    /// xxh3-128 of the id.
    pub(crate) id_hash: u128,
}

/// A body that is not compressed any more.
#[derive(Clone, Debug)]
pub(crate) struct PlainBody {
    pub(crate) bytes: Bytes,
    pub(crate) format: BodyFormat,
    /// What the sender's key writes into each event.
    pub(crate) fixed: Option<Arc<FixedProperties>>,
    /// The clock's time then: stamped once, for all its events.
    pub(crate) arrived: Timestamp,
    /// The same for measuring how long it takes.
    pub(crate) begun: Instant,
}

/// A decoded request. What it has of events is in the rows of a [`PreparedEvents`].
#[derive(Debug)]
pub(crate) struct PreparedRequest {
    pub(super) body: Bytes,
    pub(super) format: BodyFormat,
    /// The rows of its valid events, in their order.
    pub(crate) rows: Range<usize>,
    /// The others.
    pub(crate) invalid: Vec<(EventSpan, EventFault)>,
    /// When it arrived.
    pub(crate) arrived: Timestamp,
    /// The same for measuring how long it takes.
    pub(crate) begun: Instant,
}

impl PreparedRequest {
    /// The text of an event, as it was sent.
    pub(crate) fn raw(&self, place: EventSpan) -> &[u8] {
        let start = place.start as usize;
        self.body.get(start..start + place.length as usize).unwrap_or_default()
    }

    /// The same with what was said of it beside the body, so that it can be sent again, and without
    /// the sender's key.
    pub(crate) fn as_sent(&self, place: EventSpan) -> Cow<'_, [u8]> {
        translate::original_text(&self.format, self.raw(place))
    }

    /// Bytes of its body.
    pub(super) fn body_bytes(&self) -> usize {
        self.body.len()
    }

    /// Events that it had.
    pub(crate) fn len(&self) -> usize {
        self.rows.len() + self.invalid.len()
    }
}

/// Decoded requests.
#[derive(Debug)]
pub(crate) struct PreparedEvents {
    /// The valid events of all, one request's behind the other's.
    pub(crate) events: EventBatch,
    /// One for each row of `events`.
    pub(crate) candidates: Vec<PendingEvent>,
    /// One for each body, or why it could not be read.
    pub(crate) requests: Vec<Result<PreparedRequest, IntakeError>>,
}

impl PreparedEvents {
    /// Bytes that it holds beside its bodies.
    pub(crate) fn size_bytes(&self) -> usize {
        self.events.size_bytes() + self.candidates.len() * size_of::<PendingEvent>()
    }

    /// The receipt at the journal's `end` of a request without events; an error for one that is to
    /// be rejected.
    pub(crate) fn receipt_without_commit(
        &self,
        end: Offset,
        on_invalid: InvalidEventPolicy,
    ) -> Result<Option<Receipt>, IntakeError> {
        let requests = || self.requests.iter().flatten();
        let end = Receipt::empty_at(end);
        let mut invalid = requests().flat_map(|request| &request.invalid).peekable();
        if on_invalid == InvalidEventPolicy::Reject && invalid.peek().is_some() {
            let invalid = invalid.map(|(place, fault)| InvalidEvent {
                index: place.index,
                code: fault.code,
                message: fault.message.clone(),
                quarantine_id: None,
            });
            let receipt = Receipt { invalid: invalid.collect(), ..end };
            return Err(IntakeError::Rejected(Box::new(receipt)));
        }
        Ok(requests().all(|request| request.len() == 0).then_some(end))
    }
}

/// Decodes and checks bodies; on the way, the properties that are wanted are read.
pub(crate) fn prepare(
    bodies: &[PlainBody],
    limits: &IntakeLimits,
    wanted: &PropertyExtractor,
    ids: &dyn EventIdGenerator,
) -> Result<PreparedEvents, IntakeError> {
    let ahead_us = limits.time_ahead_max_ms.saturating_mul(1000);
    let split: Vec<Result<Vec<RawEvent<'_>>, IntakeError>> = bodies
        .iter()
        .map(|body| split(&body.bytes, &body.format, limits.request_max_events))
        .collect();
    // Before there is a reader, which holds on to what it has read.
    let texts = |(body, raw): (&PlainBody, &Result<Vec<RawEvent<'_>>, _>)| {
        native_texts(body, raw.as_deref().unwrap_or_default(), limits.event_max_bytes)
    };
    let translated: Vec<_> = bodies.iter().zip(&split).map(texts).collect();
    let count = split.iter().flatten().map(Vec::len).sum();
    let bytes = bodies.iter().map(|body| body.bytes.len()).sum();
    let mut reader = EnvelopeReader::new(limits.event_max_bytes, wanted);
    let mut columns = EventBatchBuilder::with_capacity(count, bytes);
    let mut properties = PropertyBatchBuilder::with_capacity(wanted, count);
    let mut candidates = Vec::with_capacity(count);
    let mut requests = Vec::with_capacity(bodies.len());
    for ((PlainBody { bytes, format, fixed, arrived, begun }, raw_events), translated) in
        bodies.iter().zip(split).zip(&translated)
    {
        let latest = Timestamp(arrived.0.saturating_add(ahead_us));
        let (first, mut invalid) = (candidates.len(), Vec::new());
        let read = raw_events.map(|raw_events| {
            for (n, raw) in raw_events.iter().enumerate() {
                let place = span_of(raw, bytes);
                if let Some(fault) = format.fault(raw.index) {
                    invalid.push((place, format.locate_fault(raw.index, fault.clone())));
                    continue;
                }
                let native = match translated.as_ref().and_then(|texts| texts.get(n)) {
                    None => *raw,
                    Some(Ok(text)) => RawEvent { bytes: text.as_bytes(), text: Some(text), ..*raw },
                    Some(Err(fault)) => {
                        invalid.push((place, format.locate_fault(raw.index, fault.clone())));
                        continue;
                    }
                };
                // What was sent has been measured; what the key adds does not count.
                let read = match fixed {
                    None => reader.read(&native, latest),
                    Some(_) => reader.read_unbounded(&native, latest),
                };
                match read {
                    Ok(event) => {
                        let id_hash = columns.push(&event, ids, *arrived);
                        properties.push(reader.extracted());
                        candidates.push(PendingEvent { place, id_hash });
                    }
                    Err(fault) => invalid.push((place, format.locate_fault(raw.index, fault))),
                }
            }
        });
        requests.push(read.map(|()| PreparedRequest {
            body: bytes.clone(),
            format: format.clone(),
            rows: first..candidates.len(),
            invalid,
            arrived: *arrived,
            begun: *begun,
        }));
    }
    let events = columns.finish()?.with_read(properties.finish());
    Ok(PreparedEvents { events, candidates, requests })
}

/// The texts of native events that these stand for, with what the sender's key writes into them;
/// `None` where they are what was sent.
fn native_texts(
    body: &PlainBody,
    events: &[RawEvent<'_>],
    bytes_max: usize,
) -> Option<Vec<TranslationResult>> {
    let translated = translate::translate(&body.format, events, bytes_max);
    match &body.fixed {
        None => translated,
        Some(set) => Some(fixed_properties::add_properties(set, events, translated, bytes_max)),
    }
}

/// `raw` is a piece of `body`; settings keep a body under 4 GiB.
fn span_of(raw: &RawEvent<'_>, body: &Bytes) -> EventSpan {
    let start = raw.bytes.as_ptr().addr().saturating_sub(body.as_ptr().addr());
    EventSpan { index: raw.index, start: start as u32, length: raw.bytes.len() as u32 }
}

/// The columns of an [`EventBatch`], in the making.
struct EventBatchBuilder {
    id: StringBuilder,
    content: UInt64Builder,
    event: StringBuilder,
    time: Vec<i64>,
    arrived: Vec<i64>,
    subject: StringBuilder,
    properties: StringBuilder,
    digest: ContentDigest,
}

impl EventBatchBuilder {
    /// Room for `events` events out of a body of `bytes`, most of which are properties.
    fn with_capacity(events: usize, bytes: usize) -> Self {
        Self {
            id: StringBuilder::with_capacity(events, events * 16),
            content: UInt64Builder::with_capacity(events),
            event: StringBuilder::with_capacity(events, events * 8),
            time: Vec::with_capacity(events),
            arrived: Vec::with_capacity(events),
            subject: StringBuilder::with_capacity(events, events * 8),
            properties: StringBuilder::with_capacity(events, bytes / 2),
            digest: ContentDigest::default(),
        }
    }

    /// Adds an event; returns the hash of its id, which means nothing if the server made it.
    fn push(
        &mut self,
        event: &Envelope<'_>,
        ids: &dyn EventIdGenerator,
        arrived: Timestamp,
    ) -> u128 {
        let id_hash = match &event.id {
            Some(id) => {
                self.id.append_value(id);
                self.content.append_value(self.digest.of(event));
                xxh3_128(id.as_bytes())
            }
            None => {
                let mut text = uuid::Uuid::encode_buffer();
                self.id.append_value(ids.next(arrived).hyphenated().encode_lower(&mut text));
                self.content.append_null();
                0
            }
        };
        self.event.append_value(&event.event);
        self.time.push(event.time.map_or(arrived, |time| time.at).0);
        self.arrived.push(arrived.0);
        self.subject.append_option(event.subject.as_deref());
        self.properties.append_option(event.properties);
        id_hash
    }

    fn finish(mut self) -> Result<EventBatch, IntakeError> {
        let columns: Vec<ArrayRef> = vec![
            Arc::new(self.id.finish()),
            Arc::new(self.content.finish()),
            Arc::new(self.event.finish()),
            time_column(self.time),
            time_column(self.arrived),
            Arc::new(self.subject.finish()),
            Arc::new(self.properties.finish()),
        ];
        RecordBatch::try_new(EventBatch::schema(), columns)
            .and_then(|batch| EventBatch::new(&batch))
            .map_err(|error| IntakeError::Internal(format!("building columns: {error}")))
    }
}

fn time_column(values: Vec<i64>) -> ArrayRef {
    Arc::new(TimestampMicrosecondArray::from(values).with_timezone("UTC"))
}

#[cfg(test)]
mod tests {
    use arrow::array::Array;

    use merganser_core::property::{PropertyColumn, PropertyType, parse_path};

    use super::*;
    use crate::intake::event_id::CountedIds;

    const NOW: Timestamp = Timestamp(1_795_000_000_000_000);

    fn prepare_lines(bodies: &[&'static str]) -> PreparedEvents {
        let ids = CountedIds::default();
        let body = |body: &&'static str| PlainBody {
            bytes: Bytes::from_static(body.as_bytes()),
            format: BodyFormat::Ndjson,
            fixed: None,
            arrived: NOW,
            begun: Instant::now(),
        };
        let bodies: Vec<_> = bodies.iter().map(body).collect();
        let wanted = PropertyExtractor::new([PropertyColumn {
            path: parse_path("x").unwrap(),
            ty: PropertyType::Number,
        }]);
        prepare(&bodies, &IntakeLimits::default(), &wanted, &ids).unwrap()
    }

    #[test]
    fn columns_hold_what_was_sent_and_places_find_it_again() {
        let prepared = prepare_lines(&[
            "\n{\"event\":\"a\",\"id\":\"i\",\"time\":1763719200123,\"subject\":\"s\",\
             \"properties\":{\"x\": 1}}\n bad \n{\"event\":\"b\"}\n",
        ]);
        let request = prepared.requests[0].as_ref().unwrap();
        let events = &prepared.events;
        assert_eq!(events.len(), 2);
        assert_eq!(events.ids().value(0), "i");
        assert_eq!(events.ids().value(1), "00000000-0000-0000-0000-000000000000");
        assert!(events.contents().is_valid(0) && events.contents().is_null(1));
        assert_eq!(events.types().value(1), "b");
        assert_eq!(events.times().values(), &[1_763_719_200_123_000, NOW.0]);
        assert_eq!(events.arrivals().values(), &[NOW.0, NOW.0]);
        assert_eq!(events.subjects().value(0), "s");
        assert!(events.subjects().is_null(1));
        assert_eq!(events.properties().value(0), "{\"x\": 1}");
        assert!(events.properties().is_null(1));
        let found = events.read().iter().next().unwrap().1;
        assert!(found.values.is_valid(0) && found.values.is_null(1));
        assert_eq!(prepared.candidates[0].id_hash, xxh3_128(b"i"));
        assert_eq!(prepared.candidates[1].place.index, 3);
        assert_eq!(request.raw(prepared.candidates[1].place), b"{\"event\":\"b\"}");
        let (place, fault) = &request.invalid[0];
        assert_eq!((place.index, request.raw(*place)), (2, &b"bad"[..]));
        assert_eq!(fault.code.name(), "malformed_event");
    }

    #[test]
    fn requests_keep_their_events_apart() {
        let both = ["{\"event\":\"a\"}\n{\"event\":\"b\"}", "nope\n", "", "{\"event\":\"c\"}"];
        let prepared = prepare_lines(&both);
        let requests: Vec<_> = prepared.requests.iter().flatten().collect();
        let rows: Vec<_> = requests.iter().map(|request| request.rows.clone()).collect();
        assert_eq!(rows, [0..2, 2..2, 2..2, 2..3]);
        assert_eq!(prepared.events.types().iter().flatten().collect::<String>(), "abc");
        assert_eq!(requests.iter().map(|request| request.len()).collect::<Vec<_>>(), [2, 1, 0, 1]);
        assert_eq!(requests[3].raw(prepared.candidates[2].place), both[3].as_bytes());
    }
}
