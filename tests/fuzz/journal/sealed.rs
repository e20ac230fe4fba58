//! Checksums of headers and records, as `docs/data-files.md` tells the format.

use super::{Files, SEGMENT};

const HEADER_BYTES: usize = 64;
const FRAME_HEADER_BYTES: usize = 25;

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn set(bytes: &mut [u8], at: usize, value: u32) {
    bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
}

/// The bytes of the frame that begins at `at`, as far as its length says so.
fn frame(bytes: &[u8], at: usize) -> Option<&[u8]> {
    let length = u32_at(bytes, at)? as usize + 8;
    bytes.get(at..at.checked_add(length)?).filter(|frame| frame.len() >= FRAME_HEADER_BYTES)
}

fn frame_checksum(frame: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&frame[..4]), &frame[8..])
}

/// The header, if its checksum is right.
pub(super) fn header(bytes: &[u8]) -> Option<&[u8]> {
    let header = bytes.get(..HEADER_BYTES)?;
    (u32_at(header, 60)? == crc32c::crc32c(&header[..60])).then_some(header)
}

/// The frames that follow each other behind the header, by their lengths.
pub(super) fn frames(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut at = HEADER_BYTES;
    std::iter::from_fn(move || {
        let found = frame(bytes, at)?;
        at += found.len();
        Some(found)
    })
}

/// All frames with the right checksum, wherever they begin.
pub(super) fn anywhere(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let whole = (0..bytes.len()).filter_map(|at| frame(bytes, at));
    whole.filter(|frame| u32_at(frame, 4) == Some(frame_checksum(frame)))
}

/// Makes the checksums right, and each say that it follows the one before, from file to file.
pub(super) fn make_right(files: &mut Files) {
    let mut previous = None;
    for bytes in files.iter_mut().filter(|(name, _)| name.ends_with(SEGMENT)).map(|(_, b)| b) {
        if bytes.len() < HEADER_BYTES {
            continue;
        }
        if let Some(previous) = previous {
            set(bytes, 56, previous);
        }
        let checksum = crc32c::crc32c(&bytes[..60]);
        set(bytes, 60, checksum);
        let mut last = u32_at(bytes, 56).unwrap_or_default();
        let mut at = HEADER_BYTES;
        while let Some(length) = frame(bytes, at).map(<[u8]>::len) {
            let frame = &mut bytes[at..at + length];
            set(frame, 9, last);
            last = frame_checksum(frame);
            set(frame, 4, last);
            at += length;
        }
        previous = Some(last);
    }
}

/// Gives the journal another id, of 32 hexadecimal digits.
pub(super) fn set_journal(files: &mut Files, id: &str) {
    files.insert("id".to_owned(), format!("{id}\n").into_bytes());
    let id = uuid::Uuid::parse_str(id).unwrap();
    for bytes in files.iter_mut().filter(|(name, _)| name.ends_with(SEGMENT)).map(|(_, b)| b) {
        bytes[12..28].copy_from_slice(id.as_bytes());
        let checksum = crc32c::crc32c(&bytes[..60]);
        set(bytes, 60, checksum);
    }
}
