//! A frame's payload: events as an Arrow IPC stream of one record batch, compressed with LZ4.
//!
//! Reading checks what Arrow's reader takes on trust, so that even a file that is wrong
//! in spite of its checksums is an error, and never a panic or an allocation without bounds.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use arrow::array::RecordBatch;
use arrow::buffer::Buffer;
use arrow::error::ArrowError;
use arrow_ipc::reader::read_record_batch;
use arrow_ipc::writer::{IpcWriteOptions, StreamWriter};
use arrow_ipc::{CompressionType, Message, MetadataVersion, convert, root_as_message};
use merganser_core::event::{EventBatch, EventIdentities};

/// What begins each message of a stream, before the length of its metadata.
const CONTINUATION: [u8; 4] = [0xFF; 4];
/// Bytes before a compressed buffer with its length once it is decompressed.
const LENGTH_BYTES: usize = 8;
/// LZ4 makes no more than so many bytes out of one: a byte of a match's length adds at most 255.
const EXPANSION_MAX: usize = 255;

/// Appends `events` to `bytes`.
pub(super) fn encode(bytes: Vec<u8>, events: &EventBatch) -> Result<Vec<u8>, ArrowError> {
    // Buffers are decompressed before anything looks at them in place, so padding them further than
    // Arrow demands would only make small batches larger.
    let options = IpcWriteOptions::try_new(8, false, MetadataVersion::V5)?
        .try_with_compression(Some(CompressionType::LZ4_FRAME))?;
    let mut writer = StreamWriter::try_new_with_options(bytes, &EventBatch::schema(), options)?;
    writer.write(events.batch())?;
    writer.into_inner()
}

/// The events in a payload that its frame has proved.
///
/// # Errors
/// Why these bytes are not events. A defect wrote them so; the disk did not.
pub(super) fn decode(payload: Vec<u8>) -> Result<EventBatch, String> {
    catch_panic(|| EventBatch::new(&decode_stream(Buffer::from_vec(payload), None)?))
}

/// As [`decode`], only of the columns that identify events.
///
/// # Errors
/// As [`decode`].
pub(super) fn decode_identities(payload: Vec<u8>) -> Result<EventIdentities, String> {
    let columns = ["id", "content"];
    catch_panic(|| EventIdentities::new(&decode_stream(Buffer::from_vec(payload), Some(&columns))?))
}

/// Arrow's reader asserts some of what it reads. A journal must not bring its process down.
fn catch_panic<T>(decode: impl FnOnce() -> Result<T, ArrowError>) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(decode))
        .map_err(|_| "the decoder panicked".to_owned())?
        .map_err(|error| error.to_string())
}

/// The record batch, or these columns of it.
fn decode_stream(mut stream: Buffer, columns: Option<&[&str]>) -> Result<RecordBatch, ArrowError> {
    let metadata = take_metadata(&mut stream)?;
    let schema = parse(&metadata)?
        .header_as_schema()
        .map(convert::fb_to_schema)
        .ok_or_else(|| wrong("the first message is no schema"))?;
    let metadata = take_metadata(&mut stream)?;
    let message = parse(&metadata)?;
    let batch = message
        .header_as_record_batch()
        .ok_or_else(|| wrong("the second message is no record batch"))?;
    let body = usize::try_from(message.bodyLength())
        .ok()
        .and_then(|size| take(&mut stream, size))
        .ok_or_else(|| wrong("the record batch is cut short"))?;
    check_expansion(&batch, &body)?;
    let version = message.version();
    let wanted = columns.map(|columns| columns.iter().map(|name| schema.index_of(name)).collect());
    let wanted: Option<Vec<usize>> = wanted.transpose()?;
    let none = HashMap::new();
    read_record_batch(&body, batch, schema.into(), &none, wanted.as_deref(), &version)
}

/// The metadata of the next message; its body follows.
fn take_metadata(stream: &mut Buffer) -> Result<Buffer, ArrowError> {
    let mut next = || {
        let prefix = take(stream, 8)?;
        let (mark, length) = prefix.split_first_chunk()?;
        let length = u32::from_le_bytes(*length.first_chunk()?);
        if *mark == CONTINUATION { take(stream, usize::try_from(length).ok()?) } else { None }
    };
    next().ok_or_else(|| wrong("a message is cut short"))
}

fn take(stream: &mut Buffer, size: usize) -> Option<Buffer> {
    (size <= stream.len()).then(|| {
        let taken = stream.slice_with_length(0, size);
        stream.advance(size);
        taken
    })
}

fn parse(metadata: &Buffer) -> Result<Message<'_>, ArrowError> {
    root_as_message(metadata).map_err(|error| wrong(&error.to_string()))
}

/// Checks that each buffer lies in `body`, and says of itself to become no larger than it can: so
/// much is allocated for it.
fn check_expansion(batch: &arrow_ipc::RecordBatch<'_>, body: &Buffer) -> Result<(), ArrowError> {
    for buffer in batch.buffers().into_iter().flatten() {
        let place =
            usize::try_from(buffer.offset()).ok().zip(usize::try_from(buffer.length()).ok());
        let bytes = place
            .and_then(|(at, size)| body.get(at..at.checked_add(size)?))
            .ok_or_else(|| wrong("a buffer lies outside of the record batch"))?;
        let claimed = match bytes.first_chunk::<LENGTH_BYTES>() {
            // -1 says that the buffer is stored as it is.
            Some(length) if batch.compression().is_some() => i64::from_le_bytes(*length),
            _ => continue,
        };
        if claimed > 0 && claimed.unsigned_abs() > (bytes.len() * EXPANSION_MAX) as u64 {
            return Err(wrong("a buffer cannot become as large as it says"));
        }
    }
    Ok(())
}

fn wrong(why: &str) -> ArrowError {
    ArrowError::IpcError(why.to_owned())
}
