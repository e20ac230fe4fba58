//! Arrow IPC streams ("Arrow Columnar Format", version 1.5, "IPC Streaming Format").

use std::io::Cursor;

use arrow::array::RecordBatch;
use arrow::error::ArrowError;
use arrow_ipc::reader::StreamReader;
use arrow_ipc::{Message, root_as_message};
use bytes::Bytes;

use super::{Bounds, IntakeError, malformed};

/// Stands before each message.
const CONTINUATION: [u8; 4] = [0xff; 4];
/// How the file format begins, which is another one.
const FILE_MAGIC: &[u8] = b"ARROW1";

/// The batches of a stream.
pub(super) fn batches(
    body: Bytes,
    bounds: Bounds,
) -> Result<impl Iterator<Item = Result<RecordBatch, ArrowError>>, IntakeError> {
    check(&body, bounds)?;
    StreamReader::try_new(Cursor::new(body), None).map_err(malformed)
}

/// Goes through the messages without reading what is in them: every buffer has to lie within its
/// message, so that nothing takes more than the body has.
fn check(body: &[u8], bounds: Bounds) -> Result<(), IntakeError> {
    if body.starts_with(FILE_MAGIC) {
        return Err(malformed("it is the file format; the stream format is read"));
    }
    let broken = || malformed("it breaks off");
    let mut rest = body;
    let mut rows = 0_usize;
    while !rest.is_empty() {
        let Framed { head, after } = framed(rest).ok_or_else(broken)?;
        let Some(head) = head else { break };
        let head = root_as_message(head).map_err(malformed)?;
        let body_bytes = usize::try_from(head.bodyLength()).map_err(malformed)?;
        let after = after.get(body_bytes..).ok_or_else(broken)?;
        rows = rows.saturating_add(rows_of(&head, body_bytes)?);
        if rows > bounds.events_max {
            return Err(bounds.too_many());
        }
        rest = after;
    }
    Ok(())
}

/// The head of a message, none where the stream ends, and what follows it.
struct Framed<'a> {
    head: Option<&'a [u8]>,
    after: &'a [u8],
}

fn framed(bytes: &[u8]) -> Option<Framed<'_>> {
    let (length, after) = bytes.strip_prefix(&CONTINUATION)?.split_first_chunk::<4>()?;
    let length = usize::try_from(i32::from_le_bytes(*length)).ok()?;
    if length == 0 {
        return Some(Framed { head: None, after });
    }
    let (head, after) = after.split_at_checked(length)?;
    Some(Framed { head: Some(head), after })
}

/// Rows of a batch of events; none of other messages.
fn rows_of(message: &Message<'_>, body_bytes: usize) -> Result<usize, IntakeError> {
    let dictionary = message.header_as_dictionary_batch().and_then(|batch| batch.data());
    let Some(batch) = message.header_as_record_batch().or(dictionary) else { return Ok(0) };
    if batch.compression().is_some() {
        // How much comes out would be known only afterwards.
        return Err(IntakeError::UnsupportedMedia(
            "the buffers of the Arrow stream are compressed; leave that out, and compress the \
             body as a whole, with `Content-Encoding: zstd` or `gzip`"
                .to_owned(),
        ));
    }
    let within = |offset: i64, length: i64| {
        let end = offset.checked_add(length).and_then(|end| usize::try_from(end).ok());
        offset >= 0 && length >= 0 && end.is_some_and(|end| end <= body_bytes)
    };
    let mut buffers = batch.buffers().into_iter().flatten();
    if !buffers.all(|buffer| within(buffer.offset(), buffer.length())) {
        return Err(malformed("a buffer lies outside of its message"));
    }
    let rows = usize::try_from(batch.length()).map_err(malformed)?;
    Ok(if message.header_as_record_batch().is_some() { rows } else { 0 })
}
