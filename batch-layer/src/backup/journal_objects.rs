//! Which objects of a journal a back-up still has to copy.
//!
//! While it copies them, small entries are joined: their segment is there first, then they are
//! deleted. So an entry that is gone is in a segment of a newer list. Names say which entries an
//! object holds; what was copied need not be copied again, but as a part of a segment. A journal
//! may have an entry and a segment with it: the segment counts.
//!
//! Always true: all entries before `next` were copied, as far as the newest list has them. Segments
//! are never joined, so the same entry is missed once, and a back-up comes to its end however often
//! entries are joined.

use std::collections::VecDeque;

use crate::journal::entry_sequences;

/// What is left to be copied of a journal.
#[derive(Debug)]
pub(super) struct JournalObjects {
    /// Names of objects, with the last sequence in each.
    left: VecDeque<(String, u64)>,
    /// The sequence of the first entry that was not copied yet.
    next: u64,
    /// That of the last one to be copied. What was appended since the first list is not needed.
    last: u64,
}

impl JournalObjects {
    /// Everything in this list, which is in order.
    pub(super) fn new(names: &[String]) -> Self {
        let mut objects = Self { left: VecDeque::new(), next: 0, last: u64::MAX };
        objects.list_again(names);
        objects.last = objects.left.back().map_or(0, |(_, last)| *last);
        objects
    }

    /// The one that is to be copied first.
    pub(super) fn first(&self) -> Option<&str> {
        self.left.front().map(|(name, _)| &**name)
    }

    /// It was copied.
    pub(super) fn set_copied(&mut self) {
        if let Some((_, last)) = self.left.pop_front() {
            self.next = last.saturating_add(1);
        }
    }

    /// What is left, by a newer list.
    pub(super) fn list_again(&mut self, names: &[String]) {
        let needed = |name: &String| {
            let (first, last) = entry_sequences(name)?;
            (last >= self.next && first <= self.last).then(|| (name.clone(), last))
        };
        self.left = names.iter().filter_map(needed).collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(sequence: u64) -> String {
        format!("journal/entries/0000000001/{sequence:020}-0000000000-{:020}", 10 * sequence)
    }

    fn segment(first: u64, last: u64) -> String {
        format!("journal/segments/{first:020}-{last:020}-0000000000-{:020}", 10 * first)
    }

    fn left(objects: &mut JournalObjects) -> Vec<String> {
        let mut names = Vec::new();
        while let Some(name) = objects.first().map(str::to_owned) {
            objects.set_copied();
            names.push(name);
        }
        names
    }

    #[test]
    fn a_newer_list_says_what_is_left() {
        let names: Vec<String> = (3..9).map(entry).collect();
        let mut objects = JournalObjects::new(&names);
        assert_eq!(objects.first(), Some(&*entry(3)));
        (3..6).for_each(|_| objects.set_copied());
        assert_eq!(objects.first(), Some(&*entry(6)));
        // The entry 6 is in the second segment by now, and 9 and 10 came behind the first list.
        let newer = [segment(3, 4), segment(5, 6), entry(7), entry(8), entry(9), entry(10)];
        objects.list_again(&newer);
        assert_eq!(left(&mut objects), newer[1..4]);
        // One that goes on behind the first list is taken whole.
        let mut objects = JournalObjects::new(&names);
        objects.list_again(&[segment(3, 12), entry(13)]);
        assert_eq!(left(&mut objects), [segment(3, 12)]);
        objects.list_again(&[segment(3, 12), entry(13)]);
        assert_eq!(objects.first(), None);
        // Everything that was to be copied is gone.
        let mut objects = JournalObjects::new(&names);
        objects.list_again(&[entry(9)]);
        assert_eq!(objects.first(), None);
    }
}
