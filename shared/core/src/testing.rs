//! Fixtures for the tests of every crate, and the suites that every journal and every store of
//! lines run.

mod journal_contract;
mod line_store_contract;
mod memory_journal;

pub use self::journal_contract::{
    JOURNAL_RULES, JournalLog, JournalRule, broken_rules, check_journal,
};
pub use self::line_store_contract::check_line_store;
pub use self::memory_journal::MemoryJournal;

use crate::event::{Event, EventBatch};
use crate::ids::{Epoch, Offset, PartitionId};
use crate::journal::CommittedBatch;

/// An event with a made-up id.
#[must_use]
pub fn event(kind: &str, time: i64, properties: Option<&str>) -> Event {
    Event {
        id: format!("{kind}-{time}"),
        content: None,
        event: kind.to_owned(),
        time,
        arrived: time,
        subject: None,
        properties: properties.map(str::to_owned),
    }
}

/// Events as a journal hands them on that began with them, at this offset of epoch 0.
#[must_use]
pub fn committed(first: Offset, events: EventBatch) -> CommittedBatch {
    let (partition, epoch) = (PartitionId::ONLY, Epoch::ZERO);
    CommittedBatch { partition, epoch, first, events, previous: 0, checksum: 0 }
}
