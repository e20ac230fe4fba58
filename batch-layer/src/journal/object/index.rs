//! The objects that a journal consists of, as one handle knows them: all of them durable, each
//! behind the one before.

use std::collections::{BTreeMap, VecDeque};

use merganser_core::failpoint::is_bug_planted;
use merganser_core::ids::{Fence, Offset};

use super::entry::ChainTail;
use super::place::{EntryPlace, ObjectPlace};

/// An object of the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct JournalObject {
    /// Its name.
    pub(super) place: ObjectPlace,
    /// Its bytes.
    pub(super) size_bytes: u64,
}

/// The last entry under each fence. But for the newest fence, it claims the next one.
type LastEntries = BTreeMap<Fence, EntryPlace>;

/// A journal's objects, oldest first.
#[derive(Clone, Debug)]
pub(super) struct ObjectIndex {
    objects: VecDeque<JournalObject>,
    size_bytes: u64,
    last_entries: LastEntries,
    /// The state behind the last.
    tail: ChainTail,
}

/// What is in storage, sorted out.
#[derive(Debug, Default)]
pub(super) struct ListedObjects {
    /// The newest objects that follow each other.
    pub(super) live: VecDeque<JournalObject>,
    /// Objects before them, and entries that were joined; claims among both.
    pub(super) others: Vec<JournalObject>,
    last_entries: LastEntries,
}

impl ListedObjects {
    /// Sorts out what there is, by the names alone.
    pub(super) fn new(objects: impl IntoIterator<Item = JournalObject>) -> Self {
        let mut objects: Vec<JournalObject> = objects.into_iter().collect();
        // By their last entry; of objects with the same one, the one with more entries comes last.
        objects.sort_by_key(|object| {
            let (first, last) = object.place.sequences();
            (last, std::cmp::Reverse(first))
        });
        let mut listed = Self::default();
        for place in objects.iter().filter_map(|object| object.place.entry()) {
            keep_last(&mut listed.last_entries, place);
        }
        let mut before = None;
        while let Some(object) = objects.pop() {
            let (first, last) = object.place.sequences();
            if before.is_none_or(|before| last.checked_add(1) == Some(before)) {
                before = Some(first);
                listed.live.push_front(object);
            } else {
                listed.others.push(object);
            }
        }
        listed
    }
}

fn keep_last(entries: &mut LastEntries, place: EntryPlace) {
    let last = entries.entry(place.fence).or_insert(place);
    *last = place.max(*last);
}

impl ObjectIndex {
    /// The objects of a journal, behind the last of which is `tail`.
    pub(super) fn new(listed: ListedObjects, tail: ChainTail) -> Self {
        let ListedObjects { live: objects, last_entries, .. } = listed;
        let size_bytes = objects.iter().map(|object| object.size_bytes).sum();
        Self { objects, size_bytes, last_entries, tail }
    }

    /// The state behind the last object.
    pub(super) fn tail(&self) -> &ChainTail {
        &self.tail
    }

    /// The first offset that is held.
    pub(super) fn start(&self) -> Offset {
        self.objects.front().map_or(self.tail.end, |object| object.place.offset())
    }

    /// Bytes of all objects.
    pub(super) fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// Takes in an entry behind the last.
    pub(super) fn push(&mut self, entry: JournalObject, tail: ChainTail) {
        self.size_bytes += entry.size_bytes;
        if let Some(place) = entry.place.entry() {
            keep_last(&mut self.last_entries, place);
        }
        self.objects.push_back(entry);
        self.tail = tail;
    }

    /// The objects from the one on that holds the event at `offset`.
    pub(super) fn holding(&self, offset: Offset) -> impl Iterator<Item = JournalObject> + '_ {
        // Of objects with the same offset before them, the last one may have events.
        let after = self.objects.partition_point(|object| object.place.offset() <= offset);
        self.objects.range(after.saturating_sub(1)..).copied()
    }

    /// Whether it is one of them.
    pub(super) fn contains(&self, object: &JournalObject) -> bool {
        let first = object.place.sequences().0;
        let at = self.objects.partition_point(|other| other.place.sequences().0 < first);
        self.objects.get(at) == Some(object)
    }

    /// All objects.
    pub(super) fn all(&self) -> impl Iterator<Item = &JournalObject> {
        self.objects.iter()
    }

    /// The first object.
    pub(super) fn first(&self) -> Option<JournalObject> {
        self.objects.front().copied()
    }

    /// Takes out the oldest objects, as far as all of their events lie below `below`. The last one
    /// stays: the journal goes on from it.
    pub(super) fn pop_below(&mut self, below: Offset) -> Vec<JournalObject> {
        let mut popped = Vec::new();
        // An object's events end where the next one begins.
        while self.objects.get(1).is_some_and(|next| next.place.offset() <= below) {
            let Some(oldest) = self.objects.pop_front() else { break };
            self.size_bytes -= oldest.size_bytes;
            popped.push(oldest);
        }
        popped
    }

    /// Puts back what could not be deleted.
    pub(super) fn restore_oldest(&mut self, objects: &[JournalObject]) {
        for object in objects.iter().rev() {
            self.size_bytes += object.size_bytes;
            self.objects.push_front(*object);
        }
    }

    /// Whether it is an entry that claims the journal, and so is never deleted.
    pub(super) fn is_claim(&self, place: &ObjectPlace) -> bool {
        place.entry().is_some_and(|entry| {
            let is_kept = !is_bug_planted("claim_deleted");
            is_kept
                && entry.fence < self.tail.fence
                && self.last_entries.get(&entry.fence) == Some(&entry)
        })
    }

    /// Entries that are worth a segment, in groups of one epoch and of at most `bytes_max`. Of
    /// epochs that have ended that is a group of `entries_min` or more; of the open one a group
    /// that is full, by its bytes or by `open_entries`, with as many behind it: the last ones stay
    /// entries.
    pub(super) fn joinable(
        &self,
        bytes_max: u64,
        entries_min: usize,
        open_entries: usize,
    ) -> Vec<Vec<JournalObject>> {
        let mut groups = Vec::new();
        let (mut group, mut bytes) = (Vec::<JournalObject>::new(), 0);
        let is_open = |object: &JournalObject| object.place.epoch() >= self.tail.epoch;
        let newest = self.objects.len().saturating_sub(open_entries);
        for (at, object) in self.objects.iter().enumerate() {
            if is_open(object) && at >= newest {
                break;
            }
            let is_full = bytes + object.size_bytes > bytes_max
                || is_open(object) && group.len() >= open_entries;
            let is_other = |last: &JournalObject| last.place.epoch() != object.place.epoch();
            let has_ended = object.place.entry().is_none() || group.last().is_some_and(is_other);
            if is_full || has_ended {
                let least = if is_full { 2 } else { entries_min };
                groups.extend(Some(std::mem::take(&mut group)).filter(|g| g.len() >= least));
                bytes = 0;
            }
            if object.place.entry().is_some() {
                bytes += object.size_bytes;
                group.push(*object);
            }
        }
        let is_ended = group.first().is_some_and(|first| !is_open(first));
        let least = if is_ended { entries_min } else { open_entries };
        groups.extend(Some(group).filter(|group| group.len() >= least));
        groups
    }

    /// Puts a segment in the place of the entries that it consists of.
    pub(super) fn join(&mut self, segment: JournalObject) {
        let (first, last) = segment.place.sequences();
        let from = self.objects.partition_point(|object| object.place.sequences().0 < first);
        let to = self.objects.partition_point(|object| object.place.sequences().1 <= last);
        // Another handle may have joined more of them.
        if from >= to {
            return;
        }
        let joined: u64 = self.objects.drain(from..to).map(|object| object.size_bytes).sum();
        self.objects.insert(from, segment);
        self.size_bytes = self.size_bytes - joined + segment.size_bytes;
    }
}
