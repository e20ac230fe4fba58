//! Arrow IPC streams ("Arrow Columnar Format", version 1.5, "IPC Streaming Format").

use std::io::Cursor;

use arrow::error::ArrowError;
use arrow_ipc::reader::StreamReader;
use arrow_ipc::{Message, root_as_message_with_opts};
use bytes::Bytes;
use flatbuffers::VerifierOptions;

use super::json_lines::check_fields;
use super::parquet_file::Int96Batch;
use super::{ColumnLayout, ColumnMapping, DecodeBounds, IntakeError, malformed};

/// Stands before each message.
const CONTINUATION: [u8; 4] = [0xff; 4];
/// Bytes that a message's head may come to, and how many for each that it has: heads refer to the
/// same names and types several times.
const HEAD_BYTES_MIN: usize = 4096;
const HEAD_GROWTH_MAX: usize = 16;
/// How the file format begins, which is another one.
const FILE_MAGIC: &[u8] = b"ARROW1";

/// Batches, and which of their columns are which fields.
type WithLayout<B> = Result<(ColumnLayout, B), IntakeError>;

/// The batches of a stream that was checked, and which columns are which fields.
pub(super) fn batches(
    body: Bytes,
    mapping: Option<&ColumnMapping>,
) -> WithLayout<impl Iterator<Item = Result<Int96Batch, ArrowError>> + use<>> {
    let reader = StreamReader::try_new(Cursor::new(body), None).map_err(malformed)?;
    let layout = check_fields(reader.schema().fields(), mapping)?;
    Ok((layout, reader.map(|batch| Ok((batch?, None)))))
}

/// What a stream says it comes to.
#[derive(Clone, Copy, Debug, Default)]
struct StreamTotals {
    rows: usize,
    /// Bytes of all buffers, as often as they are named.
    bytes: usize,
    /// Values of all arrays, those within others and those that take no bytes among them.
    values: usize,
}

/// Goes through the messages without reading what is in them, and adds up what the library would
/// make of them; returns the bytes that it would hold.
pub(super) fn check(body: &[u8], bounds: DecodeBounds) -> Result<usize, IntakeError> {
    if body.starts_with(FILE_MAGIC) {
        return Err(malformed("it is the file format; the stream format is read"));
    }
    let broken = || malformed("it breaks off");
    let mut rest = body;
    let mut sum = StreamTotals::default();
    while !rest.is_empty() {
        let IpcFrame { head, after } = framed(rest).ok_or_else(broken)?;
        let Some(head) = head else {
            return match after {
                [] => Ok(sum.bytes),
                _ => Err(malformed("there is more behind its end; send one stream a request")),
            };
        };
        // What a head refers to often is made as often.
        let options = VerifierOptions {
            max_apparent_size: HEAD_BYTES_MIN + HEAD_GROWTH_MAX * head.len(),
            ..VerifierOptions::default()
        };
        let head = root_as_message_with_opts(&options, head).map_err(malformed)?;
        let body_bytes = usize::try_from(head.bodyLength()).map_err(malformed)?;
        rest = after.get(body_bytes..).ok_or_else(broken)?;
        sum.add(&head, body_bytes)?;
        if sum.rows > bounds.events_max {
            return Err(bounds.too_many());
        }
        if sum.bytes > bounds.bytes_max || sum.values > bounds.bytes_max {
            return Err(bounds.too_large());
        }
    }
    Ok(sum.bytes)
}

/// The head of a message, none where the stream ends, and what follows it.
struct IpcFrame<'a> {
    head: Option<&'a [u8]>,
    after: &'a [u8],
}

fn framed(bytes: &[u8]) -> Option<IpcFrame<'_>> {
    let (length, after) = bytes.strip_prefix(&CONTINUATION)?.split_first_chunk::<4>()?;
    let length = usize::try_from(i32::from_le_bytes(*length)).ok()?;
    if length == 0 {
        return Some(IpcFrame { head: None, after });
    }
    let (head, after) = after.split_at_checked(length)?;
    Some(IpcFrame { head: Some(head), after })
}

impl StreamTotals {
    /// Adds a batch or a dictionary; other messages have no values.
    fn add(&mut self, message: &Message<'_>, body_bytes: usize) -> Result<(), IntakeError> {
        let dictionary = message.header_as_dictionary_batch();
        if dictionary.is_some_and(|dictionary| dictionary.isDelta()) {
            // Each would have all values of before copied.
            return Err(malformed("it adds to a dictionary; dictionaries are read whole"));
        }
        let rows = message.header_as_record_batch();
        let dictionary = dictionary.and_then(|dictionary| dictionary.data());
        let Some(batch) = rows.or(dictionary) else { return Ok(()) };
        if batch.compression().is_some() {
            // How much comes out would be known only afterwards.
            return Err(IntakeError::UnsupportedMedia(
                "the buffers of the Arrow stream are compressed; leave that out, and compress the \
                 body as a whole, with `Content-Encoding: zstd` or `gzip`"
                    .to_owned(),
            ));
        }
        let size = |length: i64| usize::try_from(length).map_err(malformed);
        for buffer in batch.buffers().into_iter().flatten() {
            let (start, length) = (size(buffer.offset())?, size(buffer.length())?);
            if start.checked_add(length).is_none_or(|end| end > body_bytes) {
                return Err(malformed("a buffer lies outside of its message"));
            }
            self.bytes = self.bytes.saturating_add(length);
        }
        for node in batch.nodes().into_iter().flatten() {
            self.values = self.values.saturating_add(size(node.length())?);
        }
        if rows.is_some() {
            self.rows = self.rows.saturating_add(size(batch.length())?);
        }
        Ok(())
    }
}
