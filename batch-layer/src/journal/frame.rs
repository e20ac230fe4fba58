//! A frame: one batch of events as it lies in a segment.
//!
//! | at | bytes | what |
//! |---|---|---|
//! | 0 | 4 | length of what follows byte 8, u32 |
//! | 4 | 4 | checksum: CRC32C over the length and what follows byte 8, u32 |
//! | 8 | 1 | format version |
//! | 9 | 4 | checksum of the frame before, u32; 0 in the first frame of all |
//! | 13 | 8 | offset of the first event, u64 |
//! | 21 | 4 | number of events, u32 |
//! | 25 | | Arrow IPC stream: schema, one record batch (LZ4), end of stream |
//!
//! Numbers are little-endian. Since each frame holds its predecessor's checksum, a checksum stands
//! for everything up to its frame's end: two histories that part and meet again at the same offset
//! have different checksums there. So it serves as the identity of a position.

use merganser_core::event::{EventBatch, EventIdentities};
use merganser_core::ids::Offset;
use merganser_core::journal::JournalError;

use super::payload;

/// The format that is written, and the newest that is read.
pub(super) const FRAME_VERSION: u8 = 1;
/// Bytes before the payload.
pub(super) const FRAME_HEADER_BYTES: usize = 25;
/// Bytes that the length does not count.
const PREFIX_BYTES: usize = 8;
/// Bytes that the length counts beside the payload.
const COUNTED_HEADER_BYTES: u32 = (FRAME_HEADER_BYTES - PREFIX_BYTES) as u32;

/// What stands before a frame's payload. As parsed it is a claim; the checksum proves it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FrameHeader {
    bytes: [u8; FRAME_HEADER_BYTES],
}

impl FrameHeader {
    /// The bytes of a header, unproven.
    pub(super) fn parse(bytes: [u8; FRAME_HEADER_BYTES]) -> Self {
        Self { bytes }
    }

    /// Bytes of the payload; `None` when the length is shorter than the header itself.
    pub(super) fn payload_bytes(&self) -> Option<usize> {
        let payload = self.u32_at(0).checked_sub(COUNTED_HEADER_BYTES)?;
        usize::try_from(payload).ok()
    }

    /// Bytes of the whole frame, saturating: too much rather than too little.
    pub(super) fn frame_bytes(&self) -> u64 {
        u64::from(self.u32_at(0)) + PREFIX_BYTES as u64
    }

    /// The frame's checksum, the identity of its end.
    pub(super) fn checksum(&self) -> u32 {
        self.u32_at(4)
    }

    /// The format that it was written in.
    pub(super) fn version(&self) -> u8 {
        self.bytes[8]
    }

    /// The checksum of the frame before.
    pub(super) fn previous(&self) -> u32 {
        self.u32_at(9)
    }

    /// Offset of the first event.
    pub(super) fn first(&self) -> Offset {
        Offset(u64::from(self.u32_at(13)) | u64::from(self.u32_at(17)) << 32)
    }

    /// Number of events.
    pub(super) fn rows(&self) -> u32 {
        self.u32_at(21)
    }

    /// The offset after the last event, saturating.
    pub(super) fn end(&self) -> Offset {
        Offset(self.first().0.saturating_add(u64::from(self.rows())))
    }

    /// Whether `payload` is what was written behind this header, and this what was before it.
    pub(super) fn verifies(&self, payload: &[u8]) -> bool {
        self.checksum() == self.checksum_with(payload)
    }

    fn checksum_with(&self, payload: &[u8]) -> u32 {
        let length = crc32c::crc32c(&self.bytes[..4]);
        let header = crc32c::crc32c_append(length, &self.bytes[PREFIX_BYTES..]);
        crc32c::crc32c_append(header, payload)
    }

    fn u32_at(&self, at: usize) -> u32 {
        let b = &self.bytes;
        u32::from_le_bytes([b[at], b[at + 1], b[at + 2], b[at + 3]])
    }
}

/// A batch that is ready to be written, but for its place in the journal.
#[derive(Debug)]
pub(super) struct EncodedFrame {
    /// The header's room, then the payload.
    bytes: Vec<u8>,
    rows: u32,
}

impl EncodedFrame {
    /// Encodes `events`, which are not empty.
    ///
    /// # Errors
    /// [`JournalError::TooLarge`] when the frame would have more than `limit_bytes`.
    pub(super) fn encode(events: &EventBatch, limit_bytes: usize) -> Result<Self, JournalError> {
        let bytes = payload::encode(vec![0; FRAME_HEADER_BYTES], events)
            .map_err(|error| JournalError::Io(format!("encoding a batch: {error}")))?;
        let limit_bytes = limit_bytes.min(u32::MAX as usize);
        let too_large = JournalError::TooLarge { size_bytes: bytes.len(), limit_bytes };
        match u32::try_from(events.len()) {
            Ok(rows) if bytes.len() <= limit_bytes => Ok(Self { bytes, rows }),
            _ => Err(too_large),
        }
    }

    /// Completes the frame for its place: the offset of its first event, and the checksum of the
    /// frame before.
    pub(super) fn place(&mut self, first: Offset, previous: u32) -> FrameHeader {
        let length = (self.bytes.len() - PREFIX_BYTES) as u32; // at most `u32::MAX`, see `encode`
        let mut header = FrameHeader { bytes: [0; FRAME_HEADER_BYTES] };
        header.bytes[..4].copy_from_slice(&length.to_le_bytes());
        header.bytes[8] = FRAME_VERSION;
        header.bytes[9..13].copy_from_slice(&previous.to_le_bytes());
        header.bytes[13..21].copy_from_slice(&first.0.to_le_bytes());
        header.bytes[21..].copy_from_slice(&self.rows.to_le_bytes());
        let checksum = header.checksum_with(&self.bytes[FRAME_HEADER_BYTES..]);
        header.bytes[4..8].copy_from_slice(&checksum.to_le_bytes());
        self.bytes[..FRAME_HEADER_BYTES].copy_from_slice(&header.bytes);
        header
    }

    /// The whole frame, once it was placed.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// The events of a frame that is proved, out of its payload.
///
/// # Errors
/// Why the payload is not what its header says.
pub(super) fn decode(header: &FrameHeader, payload: Vec<u8>) -> Result<EventBatch, String> {
    let events = payload::decode(payload)?;
    check_rows(header, events.len())?;
    Ok(events)
}

/// As [`decode`], only of the columns that identify events.
///
/// # Errors
/// As [`decode`].
pub(super) fn decode_identities(
    header: &FrameHeader,
    payload: Vec<u8>,
) -> Result<EventIdentities, String> {
    let identities = payload::decode_identities(payload)?;
    check_rows(header, identities.len())?;
    Ok(identities)
}

fn check_rows(header: &FrameHeader, found: usize) -> Result<(), String> {
    let rows = header.rows();
    if found as u64 == u64::from(rows) {
        Ok(())
    } else {
        Err(format!("it holds {found} events, its header says {rows}"))
    }
}

/// Where in `bytes` a whole frame of events after `after` lies, if one does. It
/// distinguishes damage in the midst of a journal, which has a frame behind it, from a write that
/// was cut short.
pub(super) fn find_frame(bytes: &[u8], after: Offset) -> Option<usize> {
    let last = bytes.len().checked_sub(FRAME_HEADER_BYTES)?;
    (0..=last).find(|&at| is_frame(&bytes[at..], after))
}

fn is_frame(bytes: &[u8], after: Offset) -> bool {
    let Some((header, rest)) = bytes.split_first_chunk() else { return false };
    let header = FrameHeader::parse(*header);
    // One damaged frame can hide no more events than its count has room for.
    let distance = header.first().since(after);
    if distance == 0 || distance > u64::from(u32::MAX) || header.rows() == 0 {
        return false;
    }
    let payload = header.payload_bytes().and_then(|size| rest.get(..size));
    payload.is_some_and(|payload| header.verifies(payload))
}
