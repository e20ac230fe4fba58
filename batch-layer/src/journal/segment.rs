//! A segment: a file of the journal, a header and then frames.
//!
//! | at | bytes | what |
//! |---|---|---|
//! | 0 | 8 | `MRGJRNL\n` |
//! | 8 | 4 | format version, u32 |
//! | 12 | 16 | the journal's id |
//! | 28 | 4 | partition, u32 |
//! | 32 | 8 | epoch, u64 |
//! | 40 | 8 | first offset of the epoch, u64 |
//! | 48 | 8 | first offset of this segment, u64 |
//! | 56 | 4 | checksum of the frame before this segment, u32; 0 at offset 0 |
//! | 60 | 4 | CRC32C of the 60 bytes before, u32 |
//!
//! Numbers are little-endian. The header says everything that a journal must know to go on when
//! all older segments were trimmed. Its file is named after its epoch and first offset, so that
//! names sort in order and the name replaces a header that was lost.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;

use merganser_core::failpoint::is_bug_planted;
use merganser_core::ids::{Epoch, JournalId, Offset, PartitionId};
use uuid::Uuid;

use super::disk::JournalDisk;
use super::frame::FrameHeader;

/// The format that is written, and the newest that is read.
pub(super) const SEGMENT_VERSION: u32 = 1;
/// Bytes before the first frame.
pub(super) const SEGMENT_HEADER_BYTES: usize = 64;
/// The ending of segment files.
pub(super) const SEGMENT_ENDING: &str = ".log";

const MAGIC: [u8; 8] = *b"MRGJRNL\n";
/// A place is marked about every so many bytes; finding a frame reads at most so much. Marks are
/// what an open journal holds in memory: 16 bytes each, 4 KiB for a segment of 64 MiB.
const MARK_STRIDE_BYTES: u64 = 256 * 1024;

/// What a segment file's name says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct SegmentName {
    /// The epoch of all its events.
    pub(super) epoch: Epoch,
    /// Its first offset.
    pub(super) first: Offset,
}

impl SegmentName {
    /// The file's name.
    pub(super) fn file_name(self) -> String {
        format!("{:010}-{:020}{SEGMENT_ENDING}", self.epoch.0, self.first.0)
    }

    /// Reads a file's name; `None` unless it is exactly what [`SegmentName::file_name`] writes.
    pub(super) fn parse(name: &str) -> Option<Self> {
        let (epoch, first) = name.strip_suffix(SEGMENT_ENDING)?.split_once('-')?;
        let parsed = Self { epoch: Epoch(epoch.parse().ok()?), first: Offset(first.parse().ok()?) };
        (parsed.file_name() == name).then_some(parsed)
    }
}

/// What stands at the start of a segment file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SegmentHeader {
    /// The journal that it belongs to.
    pub(super) journal: JournalId,
    /// The epoch of all its events.
    pub(super) epoch: Epoch,
    /// The epoch's first offset; lower than `first` when the epoch has earlier segments.
    pub(super) epoch_first: Offset,
    /// Its first offset.
    pub(super) first: Offset,
    /// Checksum of the frame that ends at `first`.
    pub(super) previous: u32,
}

/// Why a file's start is not a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HeaderError {
    /// It was written by a newer version of this software.
    Newer(u32),
    /// It is not what was written.
    Damaged(&'static str),
}

impl SegmentHeader {
    /// The name of its file.
    pub(super) fn name(&self) -> SegmentName {
        SegmentName { epoch: self.epoch, first: self.first }
    }

    /// Its bytes.
    pub(super) fn to_bytes(self) -> [u8; SEGMENT_HEADER_BYTES] {
        let mut bytes = [0; SEGMENT_HEADER_BYTES];
        bytes[..8].copy_from_slice(&MAGIC);
        bytes[8..12].copy_from_slice(&SEGMENT_VERSION.to_le_bytes());
        bytes[12..28].copy_from_slice(self.journal.0.as_bytes());
        bytes[28..32].copy_from_slice(&PartitionId::ONLY.0.to_le_bytes());
        bytes[32..40].copy_from_slice(&self.epoch.0.to_le_bytes());
        bytes[40..48].copy_from_slice(&self.epoch_first.0.to_le_bytes());
        bytes[48..56].copy_from_slice(&self.first.0.to_le_bytes());
        bytes[56..60].copy_from_slice(&self.previous.to_le_bytes());
        let checksum = crc32c::crc32c(&bytes[..60]);
        bytes[60..].copy_from_slice(&checksum.to_le_bytes());
        bytes
    }

    /// Reads a file's first bytes.
    pub(super) fn parse(bytes: &[u8; SEGMENT_HEADER_BYTES]) -> Result<Self, HeaderError> {
        if bytes[..8] != MAGIC {
            return Err(HeaderError::Damaged("it does not begin as a segment does"));
        }
        // A newer format may keep its checksum elsewhere, so the version is looked at first.
        match u32_at(bytes, 8) {
            SEGMENT_VERSION => {}
            newer if newer > SEGMENT_VERSION => return Err(HeaderError::Newer(newer)),
            _ => return Err(HeaderError::Damaged("its format version is 0")),
        }
        if u32_at(bytes, 60) != crc32c::crc32c(&bytes[..60]) {
            return Err(HeaderError::Damaged("the checksum of its header does not match"));
        }
        if u32_at(bytes, 28) != PartitionId::ONLY.0 {
            return Err(HeaderError::Damaged("it belongs to another partition"));
        }
        let mut id = [0; 16];
        id.copy_from_slice(&bytes[12..28]);
        Ok(Self {
            journal: JournalId(Uuid::from_bytes(id)),
            epoch: Epoch(u64_at(bytes, 32)),
            epoch_first: Offset(u64_at(bytes, 40)),
            first: Offset(u64_at(bytes, 48)),
            previous: u32_at(bytes, 56),
        })
    }
}

fn u32_at(bytes: &[u8; SEGMENT_HEADER_BYTES], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

fn u64_at(bytes: &[u8; SEGMENT_HEADER_BYTES], at: usize) -> u64 {
    u64::from(u32_at(bytes, at)) | u64::from(u32_at(bytes, at + 4)) << 32
}

/// What an open journal knows of a segment: all of it is durable.
#[derive(Clone, Debug)]
pub(super) struct JournalSegment {
    /// Its file.
    pub(super) path: Arc<Path>,
    /// Its header.
    pub(super) header: SegmentHeader,
    /// The offset after its last event.
    pub(super) end: Offset,
    /// Checksum of the frame that ends at `end`.
    pub(super) checksum: u32,
    /// Bytes up to the end of its last frame.
    pub(super) size_bytes: u64,
    marks: Vec<FrameIndexEntry>,
}

/// A frame's place in a segment's file.
#[derive(Clone, Copy, Debug)]
struct FrameIndexEntry {
    first: Offset,
    at: u64,
}

impl JournalSegment {
    /// A segment without frames.
    pub(super) fn empty(path: Arc<Path>, header: SegmentHeader) -> Self {
        Self {
            path,
            header,
            end: header.first,
            checksum: header.previous,
            size_bytes: SEGMENT_HEADER_BYTES as u64,
            marks: Vec::new(),
        }
    }

    /// Takes in a frame that follows its last one.
    pub(super) fn push(&mut self, frame: &FrameHeader) {
        let at = self.size_bytes;
        if self.marks.last().is_none_or(|mark| at - mark.at >= MARK_STRIDE_BYTES) {
            self.marks.push(FrameIndexEntry { first: self.end, at });
        }
        self.end = frame.end();
        self.checksum = frame.checksum();
        self.size_bytes += frame.frame_bytes();
    }

    /// The place in its file of a frame that begins at or before `offset`, and that frame's first
    /// offset. The frame that holds `offset` is that one or follows closely.
    pub(super) fn seek(&self, offset: Offset) -> (u64, Offset) {
        let after = self.marks.partition_point(|mark| mark.first <= offset);
        match after.checked_sub(1).and_then(|i| self.marks.get(i)) {
            Some(mark) => (mark.at, mark.first),
            None => (SEGMENT_HEADER_BYTES as u64, self.header.first),
        }
    }
}

/// How far the creation of a segment came.
#[derive(Debug)]
pub(super) enum SegmentCreateError {
    /// There is no file.
    Absent(io::Error),
    /// There is a file, and its header was not written.
    Torn(io::Error),
    /// The file is whole, and may vanish in a crash.
    Doubtful(io::Error),
}

impl SegmentCreateError {
    /// What the system said.
    pub(super) fn into_io(self) -> io::Error {
        match self {
            Self::Absent(error) | Self::Torn(error) | Self::Doubtful(error) => error,
        }
    }
}

/// Creates the file of an empty segment, durably: its header and its name are fsynced. The file
/// appends.
pub(super) fn create(
    disk: &dyn JournalDisk,
    directory: &Path,
    header: SegmentHeader,
) -> Result<(File, JournalSegment), SegmentCreateError> {
    let path: Arc<Path> = directory.join(header.name().file_name()).into();
    let file = disk.create(&path).map_err(|error| match path.exists() {
        // The error came after the name was made; it must not be found at the next start.
        true => SegmentCreateError::Torn(error),
        false => SegmentCreateError::Absent(error),
    })?;
    disk.write(&file, &header.to_bytes()).map_err(SegmentCreateError::Torn)?;
    disk.sync(&file).map_err(SegmentCreateError::Doubtful)?;
    if !is_bug_planted("no_directory_sync") {
        disk.sync_directory(directory).map_err(SegmentCreateError::Doubtful)?;
    }
    Ok((file, JournalSegment::empty(path, header)))
}
