//! Names of the journal's objects. They sort in the order of entries, and say what a reader must
//! know to find an offset without opening them.
//!
//! | name below `journal/` | what |
//! |---|---|
//! | `entries/<fence>/<sequence>-<epoch>-<offset>` | an entry, by the state before it |
//! | `segments/<sequence>-<last sequence>-<epoch>-<offset>` | entries, one behind the other |
//!
//! The last entry under a fence is the claim of the next one. It is never deleted: who wrote under
//! the fence before and knows nothing of the claim would otherwise find its name free.

use merganser_core::ids::{Epoch, Fence, Offset};

/// The folder of the journal's objects.
pub(super) const FOLDER: &str = "journal";

/// Where an entry is put.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct EntryPlace {
    /// The newest claim before it.
    pub(super) fence: Fence,
    /// Its sequence.
    pub(super) sequence: u64,
    /// The open epoch before it.
    pub(super) epoch: Epoch,
    /// The offset before it.
    pub(super) offset: Offset,
}

/// Entries that were joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct SegmentPlace {
    /// The first entry's sequence.
    pub(super) sequence: u64,
    /// The last entry's sequence.
    pub(super) last: u64,
    /// The open epoch before the first.
    pub(super) epoch: Epoch,
    /// The offset before the first.
    pub(super) offset: Offset,
}

/// An object's name, read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ObjectPlace {
    /// Of an entry.
    Entry(EntryPlace),
    /// Of a segment.
    Segment(SegmentPlace),
}

impl ObjectPlace {
    /// The name.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Entry(EntryPlace { fence, sequence, epoch, offset }) => format!(
                "{FOLDER}/entries/{:010}/{sequence:020}-{:010}-{:020}",
                fence.0, epoch.0, offset.0
            ),
            Self::Segment(SegmentPlace { sequence, last, epoch, offset }) => format!(
                "{FOLDER}/segments/{sequence:020}-{last:020}-{:010}-{:020}",
                epoch.0, offset.0
            ),
        }
    }

    /// Reads a name; `None` unless it is exactly what [`ObjectPlace::name`] writes.
    pub(super) fn parse(name: &str) -> Option<Self> {
        let parts: Vec<&str> = name.split('/').collect();
        let numbers = |text: &str| -> Option<Vec<u64>> {
            text.split('-').map(|digits| digits.parse().ok()).collect()
        };
        let parsed = match *parts.as_slice() {
            [FOLDER, "entries", fence, rest] => {
                let [sequence, epoch, offset] = *numbers(rest)?.as_slice() else { return None };
                let (fence, epoch) = (Fence(fence.parse().ok()?), Epoch(epoch));
                Self::Entry(EntryPlace { fence, sequence, epoch, offset: Offset(offset) })
            }
            [FOLDER, "segments", rest] => {
                let [sequence, last, epoch, offset] = *numbers(rest)?.as_slice() else {
                    return None;
                };
                let (epoch, offset) = (Epoch(epoch), Offset(offset));
                Self::Segment(SegmentPlace { sequence, last, epoch, offset })
            }
            _ => return None,
        };
        (parsed.name() == name).then_some(parsed)
    }

    /// Of an entry, where it is.
    pub(super) fn entry(&self) -> Option<EntryPlace> {
        match self {
            Self::Entry(entry) => Some(*entry),
            Self::Segment(_) => None,
        }
    }

    /// The sequences of its entries: the first and the last.
    pub(super) fn sequences(&self) -> (u64, u64) {
        match self {
            Self::Entry(entry) => (entry.sequence, entry.sequence),
            Self::Segment(segment) => (segment.sequence, segment.last),
        }
    }

    /// The offset before its first entry.
    pub(super) fn offset(&self) -> Offset {
        match self {
            Self::Entry(entry) => entry.offset,
            Self::Segment(segment) => segment.offset,
        }
    }

    /// The open epoch before its first entry.
    pub(super) fn epoch(&self) -> Epoch {
        match self {
            Self::Entry(entry) => entry.epoch,
            Self::Segment(segment) => segment.epoch,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back_and_sort_in_the_order_of_entries() {
        let entry = |fence, sequence, epoch, offset| {
            ObjectPlace::Entry(EntryPlace {
                fence: Fence(fence),
                sequence,
                epoch: Epoch(epoch),
                offset: Offset(offset),
            })
        };
        let (epoch, offset) = (Epoch(3), Offset(u64::MAX));
        let segment = ObjectPlace::Segment(SegmentPlace { sequence: 7, last: 900, epoch, offset });
        let places = [
            entry(0, 0, 0, 0),
            entry(0, 1, 0, 0),
            entry(1, 2, 0, 0),
            entry(1, 10, 9, 1_000),
            entry(10, 11, 10, 1_000),
            entry(10, u64::MAX, 10, u64::MAX),
            segment,
        ];
        let names: Vec<String> = places.iter().map(ObjectPlace::name).collect();
        assert!(names.is_sorted(), "{names:?}");
        for (place, name) in places.iter().zip(&names) {
            assert_eq!(ObjectPlace::parse(name), Some(*place), "{name}");
        }
        assert_eq!((segment.sequences(), segment.offset()), ((7, 900), offset));
        for wrong in
            ["", "journal", "journal/entries/1/2-3-4", "journal/other/1", "journal/segments/1-2-3"]
        {
            assert_eq!(ObjectPlace::parse(wrong), None, "{wrong}");
        }
    }
}
