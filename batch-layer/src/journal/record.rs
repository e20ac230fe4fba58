//! A record of a journal, whatever it was read from.

use std::sync::Arc;

use merganser_core::event::EventIdentities;
use merganser_core::ids::{Epoch, Offset, PartitionId};
use merganser_core::journal::CommittedBatch;

use super::frame::{FRAME_VERSION, FrameHeader, decode, decode_identities};

/// A record that is proved.
#[derive(Debug)]
pub(super) struct JournalRecord {
    pub(super) epoch: Epoch,
    pub(super) header: FrameHeader,
    /// Where the reader begins, which may be within it.
    pub(super) from: Offset,
    pub(super) payload: Vec<u8>,
}

impl JournalRecord {
    /// How many of its events lie before the reader's beginning.
    fn skipped(&self) -> usize {
        // Below the number of events, which is a `usize`.
        self.from.since(self.header.first()) as usize
    }

    /// Its events.
    pub(super) fn events(self) -> Result<Arc<CommittedBatch>, String> {
        let skipped = self.skipped();
        let events = decode(&self.header, self.payload)?;
        Ok(Arc::new(CommittedBatch {
            partition: PartitionId::ONLY,
            epoch: self.epoch,
            first: self.from,
            events: events.slice(skipped, events.len() - skipped),
            previous: self.header.previous(),
            checksum: self.header.checksum(),
        }))
    }

    /// The identities of its events, and the offset of the first.
    pub(super) fn identities(self) -> Result<(Offset, EventIdentities), String> {
        let skipped = self.skipped();
        Ok((self.from, decode_identities(&self.header, self.payload)?.skip(skipped)))
    }
}

/// Whether a frame that was found where one with the first offset `first` should be, is that.
pub(super) fn check_place(
    header: Option<FrameHeader>,
    first: Offset,
) -> Result<FrameHeader, String> {
    match header {
        None => Err(format!("the record at offset {first} is missing")),
        Some(header) if header.version() != FRAME_VERSION => {
            Err(format!("a record has format {}, expected {FRAME_VERSION}", header.version()))
        }
        Some(header) if header.first() != first || header.rows() == 0 => Err(format!(
            "a record of {} events at offset {} stands where offset {first} should be",
            header.rows(),
            header.first()
        )),
        Some(header) => Ok(header),
    }
}
