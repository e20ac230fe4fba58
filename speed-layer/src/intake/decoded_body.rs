//! A body that another process of a cluster has decoded: the bytes that it hands on to the owner of
//! the journal, which then need not read JSON.
//!
//! | part | what |
//! |---|---|
//! | 4 bytes | CRC32C of all that follows, u32, little-endian |
//! | 4 bytes | length of the notes, likewise |
//! | texts | the events as they were sent, one behind the other |
//! | columns | an Arrow IPC stream of one batch |
//! | notes | JSON: lengths, invalid events, properties that were read |
//!
//! The batch has the columns of [`EventBatch`], the places of events, and a column for each
//! property that was read. Properties of which a value was of another type, or had too many digits,
//! are left out, and read from their text where they are wanted. Events arrive when the owner takes
//! them.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, UInt32Array};
use arrow::datatypes::{DataType, Field, Schema, UInt32Type};
use arrow::error::ArrowError;
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;
use bytes::Bytes;
use merganser_api::invalid_code::InvalidCode;
use merganser_core::event::EventBatch;
use merganser_core::omissions::RowMismatches;
use merganser_core::properties::{PropertyBatch, PropertyValues};
use merganser_core::property::{PropertyColumn, PropertyPath, PropertyType};
use merganser_core::time::Timestamp;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_128;

use super::body_format::BodyFormat;
use super::error::IntakeError;
use super::invalid::EventFault;
use super::prepare::{EventSpan, PendingEvent, PreparedEvents, PreparedRequest};

/// Columns that say where an event is, behind those of [`EventBatch`].
const PLACES: [&str; 3] = ["index", "start", "length"];

/// The checksum and the length of the notes.
const PREFIX_BYTES: usize = 8;

#[derive(Serialize, Deserialize)]
struct BodyNotes {
    texts_bytes: usize,
    columns_bytes: usize,
    invalid: Vec<InvalidEntry>,
    read: Vec<ReadProperty>,
}

#[derive(Serialize, Deserialize)]
struct InvalidEntry {
    place: (u32, u32, u32),
    code: InvalidCode,
    message: String,
}

#[derive(Serialize, Deserialize)]
struct ReadProperty {
    path: Vec<String>,
    as_type: ReadType,
}

/// [`PropertyType`], as it is written.
#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum ReadType {
    Number,
    Text,
    Boolean,
    Time,
    Value,
}

impl From<PropertyType> for ReadType {
    fn from(of: PropertyType) -> Self {
        match of {
            PropertyType::Number => Self::Number,
            PropertyType::Text => Self::Text,
            PropertyType::Boolean => Self::Boolean,
            PropertyType::Time => Self::Time,
            PropertyType::Value => Self::Value,
        }
    }
}

impl From<ReadType> for PropertyType {
    fn from(of: ReadType) -> Self {
        match of {
            ReadType::Number => Self::Number,
            ReadType::Text => Self::Text,
            ReadType::Boolean => Self::Boolean,
            ReadType::Time => Self::Time,
            ReadType::Value => Self::Value,
        }
    }
}

/// About how many bytes [`encode`] makes of it.
pub(super) fn encoded_bytes(prepared: &PreparedEvents) -> usize {
    let places = prepared.candidates.len() * size_of::<EventSpan>();
    let requests = prepared.requests.iter().flatten();
    prepared.size_bytes() + places + requests.map(PreparedRequest::body_bytes).sum::<usize>()
}

/// Writes a request that was decoded by itself.
///
/// # Errors
/// Only by a fault.
pub(super) fn encode(prepared: &PreparedEvents) -> Result<Vec<u8>, IntakeError> {
    let Some(Ok(request)) = prepared.requests.first() else {
        return Err(IntakeError::Internal("a request that was not decoded".to_owned()));
    };
    let mut body = Vec::with_capacity(encoded_bytes(prepared));
    body.extend_from_slice(&[0; PREFIX_BYTES]);
    let mut moved = |place: EventSpan| {
        let (text, start) = (request.as_sent(place), (body.len() - PREFIX_BYTES) as u32);
        body.extend_from_slice(&text);
        EventSpan { index: place.index, start, length: text.len() as u32 }
    };
    let places: Vec<EventSpan> =
        prepared.candidates.iter().map(|event| moved(event.place)).collect();
    let invalid = request.invalid.iter().map(|(place, fault)| {
        let EventSpan { index, start, length } = moved(*place);
        let (code, message) = (fault.code, fault.message.clone());
        InvalidEntry { place: (index, start, length), code, message }
    });
    let invalid = invalid.collect();
    let plain = |(_, values): &(&PropertyColumn, &PropertyValues)| {
        values.long.is_empty() && values.mismatches.iter().next().is_none()
    };
    let read: Vec<_> = prepared.events.read().iter().filter(plain).collect();
    let columns_at = body.len();
    write_columns(&mut body, &prepared.events, &places, &read).map_err(internal)?;
    let notes_at = body.len();
    let read = read
        .iter()
        .map(|(column, _)| ReadProperty { path: column.path.0.clone(), as_type: column.ty.into() });
    let (texts_bytes, columns_bytes) = (columns_at - PREFIX_BYTES, notes_at - columns_at);
    let notes = BodyNotes { texts_bytes, columns_bytes, invalid, read: read.collect() };
    serde_json::to_writer(&mut body, &notes).map_err(internal)?;
    let length = u32::try_from(body.len() - notes_at).map_err(internal)?;
    body[4..PREFIX_BYTES].copy_from_slice(&length.to_le_bytes());
    let (sum, rest) = body.split_at_mut(4);
    sum.copy_from_slice(&crc32c::crc32c(rest).to_le_bytes());
    Ok(body)
}

fn write_columns(
    body: &mut Vec<u8>,
    events: &EventBatch,
    places: &[EventSpan],
    read: &[(&PropertyColumn, &PropertyValues)],
) -> Result<(), ArrowError> {
    let mut fields: Vec<Arc<Field>> = EventBatch::schema().fields().iter().cloned().collect();
    let mut columns = events.batch().columns().to_vec();
    let numbers: [fn(&EventSpan) -> u32; 3] =
        [|place| place.index, |place| place.start, |place| place.length];
    for (name, number) in PLACES.iter().zip(numbers) {
        fields.push(Arc::new(Field::new(*name, DataType::UInt32, false)));
        columns.push(Arc::new(places.iter().map(number).collect::<UInt32Array>()) as ArrayRef);
    }
    for (n, (_, values)) in read.iter().enumerate() {
        let kind = values.values.data_type().clone();
        fields.push(Arc::new(Field::new(format!("read {n}"), kind, true)));
        columns.push(Arc::clone(&values.values));
    }
    let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)?;
    let mut writer = StreamWriter::try_new(body, &batch.schema())?;
    writer.write(&batch)?;
    writer.finish()
}

/// Reads what [`encode`] has written.
///
/// # Errors
/// [`IntakeError::MalformedBody`] when it is something else.
pub(super) fn decode(body: &Bytes, now: Timestamp) -> Result<PreparedEvents, IntakeError> {
    // The library does not check all that it reads; a panic ends this request and no other.
    catch_unwind(AssertUnwindSafe(|| read(body, now)))
        .unwrap_or_else(|_| Err(malformed("its parts do not fit each other")))
}

fn read(body: &Bytes, now: Timestamp) -> Result<PreparedEvents, IntakeError> {
    let (notes, columns, texts) = parts(body).ok_or_else(|| malformed("it is damaged"))?;
    let mut batches = StreamReader::try_new(&columns[..], None).map_err(malformed)?;
    let batch = batches.next().ok_or_else(|| malformed("no columns"))?.map_err(malformed)?;
    let events = EventBatch::new(&batch).and_then(|events| events.arrived_at(now));
    let events = events.map_err(malformed)?;
    let rows = events.len();
    let place = |name: &str| {
        let column = batch.column_by_name(name);
        let column = column.and_then(|column| column.as_primitive_opt::<UInt32Type>());
        column.ok_or_else(|| malformed("no places"))
    };
    let [index, start, length] = [place(PLACES[0])?, place(PLACES[1])?, place(PLACES[2])?];
    let (ids, contents) = (events.ids(), events.contents());
    let candidates = (0..rows).map(|row| PendingEvent {
        place: EventSpan {
            index: index.value(row),
            start: start.value(row),
            length: length.value(row),
        },
        // Means nothing where the server made the id.
        id_hash: if contents.is_null(row) { 0 } else { xxh3_128(ids.value(row).as_bytes()) },
    });
    let candidates = candidates.collect();
    let properties = notes.read.into_iter().enumerate().map(|(n, property)| {
        let column =
            PropertyColumn { path: PropertyPath(property.path), ty: property.as_type.into() };
        let values = batch.column_by_name(&format!("read {n}"));
        let values = values.filter(|values| *values.data_type() == column.ty.data_type());
        let values = Arc::clone(values.ok_or_else(|| malformed("properties"))?);
        let (mismatches, long) = (RowMismatches::default(), Vec::new());
        Ok((column, PropertyValues { values, mismatches, long }))
    });
    let properties = properties.collect::<Result<PropertyBatch, IntakeError>>()?;
    let invalid = notes.invalid.into_iter().map(|entry| {
        let (index, start, length) = entry.place;
        (EventSpan { index, start, length }, EventFault::new(entry.code, entry.message))
    });
    let request = PreparedRequest {
        body: texts,
        format: BodyFormat::Ndjson,
        rows: 0..rows,
        invalid: invalid.collect(),
        arrived: now,
        begun: Instant::now(),
    };
    Ok(PreparedEvents {
        events: events.with_read(properties),
        candidates,
        requests: vec![Ok(request)],
    })
}

/// The notes, the columns and the texts.
fn parts(body: &Bytes) -> Option<(BodyNotes, Bytes, Bytes)> {
    let number = |at: usize| Some(u32::from_le_bytes(body.get(at..at + 4)?.try_into().ok()?));
    let (sum, length) = (number(0)?, number(4)? as usize);
    if crc32c::crc32c(body.get(4..)?) != sum {
        return None;
    }
    let notes_at = body.len().checked_sub(length).filter(|at| *at >= PREFIX_BYTES)?;
    let notes: BodyNotes = serde_json::from_slice(body.get(notes_at..)?).ok()?;
    let columns_at = PREFIX_BYTES.checked_add(notes.texts_bytes)?;
    if columns_at.checked_add(notes.columns_bytes)? != notes_at {
        return None;
    }
    Some((notes, body.slice(columns_at..notes_at), body.slice(PREFIX_BYTES..columns_at)))
}

fn internal(error: impl std::fmt::Display) -> IntakeError {
    IntakeError::Internal(format!("writing decoded events: {error}"))
}

fn malformed(why: impl std::fmt::Display) -> IntakeError {
    IntakeError::MalformedBody(format!("the body is not one of decoded events: {why}"))
}

#[cfg(test)]
mod tests;
