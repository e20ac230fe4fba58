//! Which events were there before: the last so many identified events of the journal, by id.
//!
//! The index is a function of the journal. What a batch adds is tentative until the batch is
//! durable ([`DedupIndex::settle`]) and goes without a trace if it is not
//! ([`DedupIndex::rollback`]), so that an event that was never stored cannot make its own retry a
//! duplicate.
//!
//! An event is a ring entry of 24 bytes (xxh3-128 of its id, digest of its content) and a table
//! slot of 5 bytes at a load of at most 7/8: about 32 bytes an event, 330 MB for 10 million. The
//! table is made for the whole window at once, so that it never grows in the middle of a commit,
//! but its memory is touched only as it fills. Eviction goes in the order of offsets, O(1) an
//! event. The index also knows how far back in the journal a rebuild has to begin
//! ([`DedupIndex::floor`]), so that what is older can be trimmed. Two ids with the same hash would
//! be taken for one; 128 bits make that less likely than a fault of the hardware.

use std::collections::VecDeque;

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use merganser_core::failpoint::is_bug_planted;
use merganser_core::ids::Offset;
use merganser_core::journal::Journal;
use tracing::info;
use xxhash_rust::xxh3::xxh3_128;

use super::error::IntakeError;

/// What an identified event is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DedupVerdict {
    /// Nothing in the window has its id; now it does.
    New,
    /// An event with its id and content was there before.
    Duplicate,
    /// An event with its id and other content was there before.
    Conflict,
}

/// Two halves of a hash and a content digest; halves, since a u128 would be padded to 32 bytes.
#[derive(Clone, Copy, Debug)]
struct DedupEntry {
    id: [u64; 2],
    content: u64,
}

/// A place in the order of entries, modulo 2^32. The window is at most half of that.
type DedupSequence = u32;

/// The index. See the module's description.
#[derive(Debug)]
pub(crate) struct DedupIndex {
    window: usize,
    /// Oldest first.
    ring: VecDeque<DedupEntry>,
    /// Sequence of the oldest.
    head: DedupSequence,
    /// The newest sequence of each id.
    table: HashTable<DedupSequence>,
    /// So many of the newest are not durable yet.
    tentative: usize,
    /// Where in the journal the entries are, oldest first; one in [`MARK_EVERY`] is known. The
    /// first one is at or before the oldest entry.
    marks: VecDeque<(DedupSequence, Offset)>,
}

/// Room in the table for a batch beside the window.
const GROUP_ROOM: usize = 1 << 17;
/// Entries between two marks, at least: fine enough to trim by, few enough to forget about.
const MARK_EVERY: DedupSequence = 1 << 14;

impl DedupIndex {
    /// An index of nothing that holds `window` events; `None` when there is no memory for it.
    pub(crate) fn new(window: usize) -> Option<Self> {
        let mut table = HashTable::new();
        table.try_reserve(window.saturating_add(GROUP_ROOM.min(window)), |_| 0).ok()?;
        let (ring, marks) = (VecDeque::new(), VecDeque::new());
        Some(Self { window, ring, head: 0, table, tentative: 0, marks })
    }

    /// Judges the next event of a batch and remembers it, tentatively, if it is new.
    pub(crate) fn judge(&mut self, id_hash: u128, content: u64) -> DedupVerdict {
        let seen = DedupEntry { id: halves(id_hash), content };
        let sequence = self.next_sequence();
        let (ring, head) = (&self.ring, self.head);
        let entry = self.table.entry(
            seen.id[0],
            |other| at(ring, head, *other).is_some_and(|other| other.id == seen.id),
            |other| at(ring, head, *other).map_or(0, |other| other.id[0]),
        );
        match entry {
            Entry::Occupied(original) => match at(ring, head, *original.get()) {
                Some(original) if original.content == content => DedupVerdict::Duplicate,
                _ => DedupVerdict::Conflict,
            },
            Entry::Vacant(vacant) => {
                vacant.insert(sequence);
                self.push(seen);
                self.tentative += 1;
                DedupVerdict::New
            }
        }
    }

    /// What was judged is durable in the journal, at `first` and above: it stays, and what is
    /// beyond the window goes.
    pub(crate) fn mark_durable(&mut self, first: Offset) {
        if self.tentative > 0 {
            self.mark(self.next_sequence().wrapping_sub(self.tentative as DedupSequence), first);
            self.tentative = 0;
        }
        while self.ring.len() > self.window {
            let Some(oldest) = self.ring.pop_front() else { break };
            let sequence = self.head;
            self.head = self.head.wrapping_add(1);
            self.forget(oldest, sequence);
        }
        // The first mark is needed until the second one is at or before the oldest entry.
        while self.marks.get(1).is_some_and(|(second, _)| !self.holds_before(*second)) {
            self.marks.pop_front();
        }
    }

    /// Where a rebuild has to begin to find every entry; `None` when there are none.
    pub(crate) fn floor(&self) -> Option<Offset> {
        let (_, offset) = self.marks.front()?;
        (!self.ring.is_empty()).then_some(*offset)
    }

    /// What was judged since the last [`DedupIndex::settle`] was not stored.
    pub(crate) fn rollback(&mut self) {
        for _ in 0..std::mem::take(&mut self.tentative) {
            let Some(newest) = self.ring.pop_back() else { break };
            let sequence = self.next_sequence();
            self.forget(newest, sequence);
        }
    }

    /// Takes the journal's event at `offset`, while the index is rebuilt. An id that was accepted
    /// again after it had left a smaller window counts from its last acceptance.
    pub(crate) fn replay(&mut self, offset: Offset, id_hash: u128, content: u64) {
        let seen = DedupEntry { id: halves(id_hash), content };
        let sequence = self.next_sequence();
        let (ring, head) = (&self.ring, self.head);
        let entry = self.table.entry(
            seen.id[0],
            |other| at(ring, head, *other).is_some_and(|other| other.id == seen.id),
            |other| at(ring, head, *other).map_or(0, |other| other.id[0]),
        );
        match entry {
            Entry::Occupied(mut original) => *original.get_mut() = sequence,
            Entry::Vacant(vacant) => {
                vacant.insert(sequence);
            }
        }
        self.push(seen);
        self.tentative = 1;
        self.mark_durable(offset);
    }

    /// Events that it holds.
    pub(crate) fn len(&self) -> usize {
        self.ring.len()
    }

    fn next_sequence(&self) -> DedupSequence {
        // The ring holds fewer than 2^32 entries, and sequences are modulo 2^32.
        self.head.wrapping_add(self.ring.len() as u32)
    }

    fn push(&mut self, seen: DedupEntry) {
        if self.ring.len() == self.ring.capacity() {
            // By a quarter, not twofold: at 10 million entries the difference is 100 MB.
            self.ring.reserve_exact((self.ring.len() / 4).max(1024));
        }
        self.ring.push_back(seen);
    }

    fn mark(&mut self, sequence: DedupSequence, offset: Offset) {
        let is_due = |(last, _): &(DedupSequence, _)| sequence.wrapping_sub(*last) >= MARK_EVERY;
        if self.marks.back().is_none_or(is_due) {
            self.marks.push_back((sequence, offset));
        }
    }

    /// Whether the oldest entry comes before this one.
    fn holds_before(&self, sequence: DedupSequence) -> bool {
        let distance = sequence.wrapping_sub(self.head);
        distance > 0 && distance <= self.ring.len() as DedupSequence
    }

    /// Removes the slot of exactly this entry; a later one of the same id stays.
    fn forget(&mut self, seen: DedupEntry, sequence: DedupSequence) {
        if let Ok(entry) = self.table.find_entry(seen.id[0], |other| *other == sequence) {
            entry.remove();
        }
    }
}

fn at(
    ring: &VecDeque<DedupEntry>,
    head: DedupSequence,
    sequence: DedupSequence,
) -> Option<&DedupEntry> {
    ring.get(sequence.wrapping_sub(head) as usize)
}

fn halves(hash: u128) -> [u64; 2] {
    [hash as u64, (hash >> 64) as u64]
}

/// Reads the whole journal once: the window counts identified events, of which a record may have
/// any number.
pub(super) fn rebuild(journal: &dyn Journal, window: usize) -> Result<DedupIndex, IntakeError> {
    let mut index = DedupIndex::new(window).ok_or_else(|| {
        IntakeError::Settings(format!(
            "there is no memory for `dedup_window_events` of {window} (32 bytes each)"
        ))
    })?;
    let from = if is_bug_planted("dedup_not_rebuilt") { journal.end() } else { journal.start() };
    for identities in journal.read_identities(from)? {
        let (first, identities) = identities?;
        for ((id, content), n) in identities.iter().zip(0..) {
            if let Some(content) = content {
                index.replay(first.plus(n), xxh3_128(id.as_bytes()), content);
            }
        }
    }
    info!(events = index.len(), "dedup index rebuilt");
    Ok(index)
}

#[cfg(test)]
mod tests;
