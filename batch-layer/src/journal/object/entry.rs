//! An entry: what one append, seal or claim puts into the journal, as an object of its own.
//!
//! | at | bytes | what |
//! |---|---|---|
//! | 0 | 8 | `MRGENTR\n` |
//! | 8 | 4 | format version, u32 |
//! | 12 | 16 | the journal's id |
//! | 28 | 8 | fence that is the newest before it, u64 |
//! | 36 | 8 | sequence, u64: 0 for the first entry of all, and one more for each |
//! | 44 | 4 | kind, u32: 0 begins the journal, 1 has events, 2 ends an epoch, 3 is a claim |
//! | 48 | 8 | epoch that is open before it, u64 |
//! | 56 | 8 | first offset of that epoch, u64 |
//! | 64 | 8 | offset before it, u64 |
//! | 72 | 4 | checksum of the entry before, u32; 0 in the first entry of all |
//! | 76 | 4 | checksum of the frame before, u32; 0 at offset 0 |
//! | 80 | 4 | checksum of the newest frame behind it, u32: its own if it has events |
//! | 84 | 16 | its writer, a UUID that each handle makes anew |
//! | 100 | 4 | checksum: CRC32C of the 100 bytes before, u32 |
//! | 104 | | an entry with events: a frame, as in segments of files |
//!
//! Numbers are little-endian. Where an entry is put follows from the one before
//! ([`ChainTail::place`]), so whoever writes from the same state competes for the same name, of
//! which the storage lets one have it.

use merganser_core::ids::{Epoch, Fence, JournalId, Offset};
use uuid::Uuid;

use super::super::frame::{FRAME_HEADER_BYTES, FrameHeader};
use super::place::EntryPlace;

/// The format that is written, and the newest that is read.
const ENTRY_VERSION: u32 = 1;
/// Bytes before an entry's frame.
pub(super) const ENTRY_HEADER_BYTES: usize = 104;
/// Bytes that say everything of an entry but its events.
pub(super) const ENTRY_HEAD_BYTES: usize = ENTRY_HEADER_BYTES + FRAME_HEADER_BYTES;

const MAGIC: [u8; 8] = *b"MRGENTR\n";

/// What an entry does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EntryKind {
    /// The journal begins.
    Begin,
    /// Events are appended.
    Events,
    /// The open epoch ends.
    Seal,
    /// Another handle writes from now on.
    Claim,
}

impl EntryKind {
    const ALL: [Self; 4] = [Self::Begin, Self::Events, Self::Seal, Self::Claim];

    const fn number(self) -> u32 {
        match self {
            Self::Begin => 0,
            Self::Events => 1,
            Self::Seal => 2,
            Self::Claim => 3,
        }
    }
}

/// The state of a journal behind an entry: everything that the next one is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ChainTail {
    /// The journal.
    pub(super) journal: JournalId,
    /// The newest claim.
    pub(super) fence: Fence,
    /// The next entry's sequence.
    pub(super) sequence: u64,
    /// The open epoch.
    pub(super) epoch: Epoch,
    /// Its first offset.
    pub(super) epoch_first: Offset,
    /// The next offset.
    pub(super) end: Offset,
    /// Checksum of the last frame.
    pub(super) frame: u32,
    /// Checksum of the last entry.
    pub(super) entry: u32,
}

impl ChainTail {
    /// The state of a journal without entries.
    pub(super) fn empty(journal: JournalId) -> Self {
        Self {
            journal,
            fence: Fence::ZERO,
            sequence: 0,
            epoch: Epoch::default(),
            epoch_first: Offset::ZERO,
            end: Offset::ZERO,
            frame: 0,
            entry: 0,
        }
    }

    /// Where the next entry is put.
    pub(super) fn place(&self) -> EntryPlace {
        let Self { fence, sequence, epoch, end, .. } = *self;
        EntryPlace { fence, sequence, epoch, offset: end }
    }

    /// The next entry's header. With events, `frame` is the frame's.
    pub(super) fn next(
        &self,
        kind: EntryKind,
        writer: Uuid,
        frame: Option<&FrameHeader>,
    ) -> [u8; ENTRY_HEADER_BYTES] {
        let mut bytes = [0; ENTRY_HEADER_BYTES];
        bytes[..8].copy_from_slice(&MAGIC);
        bytes[8..12].copy_from_slice(&ENTRY_VERSION.to_le_bytes());
        bytes[12..28].copy_from_slice(self.journal.0.as_bytes());
        bytes[28..36].copy_from_slice(&self.fence.0.to_le_bytes());
        bytes[36..44].copy_from_slice(&self.sequence.to_le_bytes());
        bytes[44..48].copy_from_slice(&kind.number().to_le_bytes());
        bytes[48..56].copy_from_slice(&self.epoch.0.to_le_bytes());
        bytes[56..64].copy_from_slice(&self.epoch_first.0.to_le_bytes());
        bytes[64..72].copy_from_slice(&self.end.0.to_le_bytes());
        bytes[72..76].copy_from_slice(&self.entry.to_le_bytes());
        bytes[76..80].copy_from_slice(&self.frame.to_le_bytes());
        let newest = frame.map_or(self.frame, FrameHeader::checksum);
        bytes[80..84].copy_from_slice(&newest.to_le_bytes());
        bytes[84..100].copy_from_slice(writer.as_bytes());
        let checksum = crc32c::crc32c(&bytes[..100]);
        bytes[100..].copy_from_slice(&checksum.to_le_bytes());
        bytes
    }

    /// The state behind an entry that follows this one.
    ///
    /// # Errors
    /// Why it does not follow.
    pub(super) fn follow(&self, entry: &EntryHead) -> Result<Self, String> {
        let before = entry.before();
        if before != *self {
            return Err(format!("it follows {before:?} and not {self:?}"));
        }
        entry.after()
    }
}

/// What stands at the beginning of an entry.
#[derive(Clone, Debug)]
pub(super) struct EntryHead {
    bytes: [u8; ENTRY_HEADER_BYTES],
    kind: EntryKind,
    frame: Option<FrameHeader>,
}

impl EntryHead {
    /// Reads the beginning of an entry, of which there are at least [`ENTRY_HEAD_BYTES`] or all.
    ///
    /// # Errors
    /// Why it is none.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, String> {
        let Some((header, rest)) = bytes.split_first_chunk::<ENTRY_HEADER_BYTES>() else {
            return Err("it is cut off".to_owned());
        };
        if header[..8] != MAGIC {
            return Err("it does not begin as an entry does".to_owned());
        }
        let mut head = Self { bytes: *header, kind: EntryKind::Begin, frame: None };
        // A newer format may keep its checksum elsewhere, so the version is looked at first.
        if head.u32_at(8) != ENTRY_VERSION {
            let found = head.u32_at(8);
            return Err(format!("it has format {found}, this build reads {ENTRY_VERSION}"));
        }
        if head.u32_at(100) != crc32c::crc32c(&header[..100]) {
            return Err("the checksum of its header does not match".to_owned());
        }
        let kind = EntryKind::ALL.into_iter().find(|kind| kind.number() == head.u32_at(44));
        head.kind = kind.ok_or_else(|| format!("there is no kind {}", head.u32_at(44)))?;
        if head.kind == EntryKind::Events {
            let frame = rest.first_chunk().copied().map(FrameHeader::parse);
            head.frame = Some(frame.ok_or_else(|| "its frame is cut off".to_owned())?);
        }
        Ok(head)
    }

    /// What it does.
    pub(super) fn kind(&self) -> EntryKind {
        self.kind
    }

    /// Its frame's header, if it has events.
    pub(super) fn frame(&self) -> Option<&FrameHeader> {
        self.frame.as_ref()
    }

    /// Its bytes, all of them.
    pub(super) fn size_bytes(&self) -> u64 {
        ENTRY_HEADER_BYTES as u64 + self.frame.map_or(0, |frame| frame.frame_bytes())
    }

    /// The state that it was written from.
    pub(super) fn before(&self) -> ChainTail {
        let mut id = [0; 16];
        id.copy_from_slice(&self.bytes[12..28]);
        ChainTail {
            journal: JournalId(Uuid::from_bytes(id)),
            fence: Fence(self.u64_at(28)),
            sequence: self.u64_at(36),
            epoch: Epoch(self.u64_at(48)),
            epoch_first: Offset(self.u64_at(56)),
            end: Offset(self.u64_at(64)),
            entry: self.u32_at(72),
            frame: self.u32_at(76),
        }
    }

    /// The state behind it.
    ///
    /// # Errors
    /// When its frame is not the one that it was written with.
    pub(super) fn after(&self) -> Result<ChainTail, String> {
        let before = self.before();
        let next = ChainTail {
            sequence: before.sequence.saturating_add(1),
            entry: self.u32_at(100),
            frame: self.u32_at(80),
            ..before
        };
        Ok(match (self.kind, &self.frame) {
            (EntryKind::Events, Some(frame)) => {
                let is_its = frame.first() == before.end
                    && frame.previous() == before.frame
                    && frame.checksum() == next.frame;
                if !is_its || frame.rows() == 0 {
                    return Err("its frame does not belong to it".to_owned());
                }
                ChainTail { end: frame.end(), ..next }
            }
            (EntryKind::Seal, _) => {
                ChainTail { epoch: before.epoch.next(), epoch_first: before.end, ..next }
            }
            (EntryKind::Claim, _) => ChainTail { fence: before.fence.next(), ..next },
            (EntryKind::Begin | EntryKind::Events, _) => next,
        })
    }

    fn u32_at(&self, at: usize) -> u32 {
        let b = &self.bytes;
        u32::from_le_bytes([b[at], b[at + 1], b[at + 2], b[at + 3]])
    }

    fn u64_at(&self, at: usize) -> u64 {
        u64::from(self.u32_at(at)) | u64::from(self.u32_at(at + 4)) << 32
    }
}
