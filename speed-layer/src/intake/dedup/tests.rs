//! The index, against a list of what the journal holds.

use proptest::prelude::*;

use super::*;

/// The same in the plainest way: a list of what the journal holds.
struct Oracle {
    window: usize,
    journal: Vec<(u128, u64)>,
}

impl Oracle {
    /// The verdicts of a batch in which nothing leaves the window before the batch is durable.
    fn judge(&mut self, batch: &[(u128, u64)], is_stored: bool) -> Vec<DedupVerdict> {
        let from = self.journal.len().saturating_sub(self.window);
        let before = self.journal.len();
        let mut verdicts = Vec::new();
        for (id, content) in batch {
            let original = self.journal[from..].iter().rev().find(|(other, _)| other == id);
            verdicts.push(match original {
                None => {
                    self.journal.push((*id, *content));
                    DedupVerdict::New
                }
                Some((_, other)) if other == content => DedupVerdict::Duplicate,
                Some(_) => DedupVerdict::Conflict,
            });
        }
        if !is_stored {
            self.journal.truncate(before);
        }
        verdicts
    }
}

fn rebuilt(window: usize, journal: &[(u128, u64)]) -> DedupIndex {
    let mut index = DedupIndex::new(window).unwrap();
    for (offset, (id, content)) in journal.iter().enumerate() {
        index.replay(Offset(offset as u64), *id, *content);
    }
    index
}

#[test]
fn the_lower_position_is_the_original() {
    let mut index = DedupIndex::new(10).unwrap();
    assert_eq!(index.judge(1, 7), DedupVerdict::New);
    assert_eq!(index.judge(1, 7), DedupVerdict::Duplicate);
    assert_eq!(index.judge(1, 8), DedupVerdict::Conflict);
    assert_eq!(index.judge(1, 7), DedupVerdict::Duplicate, "the conflict left no trace");
    assert_eq!(index.judge(2, 8), DedupVerdict::New);
}

#[test]
fn an_event_that_was_not_stored_is_new_again() {
    let mut index = DedupIndex::new(2).unwrap();
    for id in 1..=2 {
        index.judge(id, 0);
    }
    index.mark_durable(Offset(0));
    assert_eq!(index.judge(3, 0), DedupVerdict::New);
    assert_eq!(index.judge(4, 0), DedupVerdict::New);
    index.rollback();
    assert_eq!(index.judge(1, 0), DedupVerdict::Duplicate, "nothing was evicted for it");
    assert_eq!(index.judge(3, 1), DedupVerdict::New);
    index.mark_durable(Offset(2));
    assert_eq!(index.judge(1, 0), DedupVerdict::New, "evicted when the third was stored");
}

#[test]
fn a_window_of_nothing_remembers_nothing() {
    let mut index = DedupIndex::new(0).unwrap();
    assert_eq!(index.judge(1, 0), DedupVerdict::New);
    assert_eq!(index.judge(1, 0), DedupVerdict::Duplicate, "within its batch it is still known");
    index.mark_durable(Offset(0));
    assert_eq!(index.floor(), None);
    assert_eq!(index.judge(1, 0), DedupVerdict::New);
}

#[test]
fn halves_of_a_hash_are_both_compared() {
    let mut index = DedupIndex::new(10).unwrap();
    assert_eq!(index.judge(1, 0), DedupVerdict::New);
    assert_eq!(index.judge(1 | 1 << 64, 0), DedupVerdict::New);
    assert_eq!(index.judge(1, 0), DedupVerdict::Duplicate);
}

#[test]
fn sequences_may_wrap() {
    let mut index = DedupIndex::new(3).unwrap();
    index.head = u32::MAX - 1;
    for id in 0..10 {
        assert_eq!(index.judge(id, 0), DedupVerdict::New);
        index.mark_durable(Offset(id as u64));
        assert_eq!(index.judge(id, 0), DedupVerdict::Duplicate);
        assert_eq!(index.judge(id, 1), DedupVerdict::Conflict);
    }
    assert_eq!((index.len(), index.table.len()), (3, 3));
    assert_eq!(index.judge(7, 0), DedupVerdict::Duplicate);
    assert_eq!(index.judge(6, 0), DedupVerdict::New);
}

/// Batches of five events, of which two are identified: offsets and entries are counted apart.
#[test]
fn a_rebuild_from_the_floor_finds_every_entry() {
    const BATCHES: u64 = 40_000;
    let window = 2 * MARK_EVERY as usize;
    let mut index = DedupIndex::new(window).unwrap();
    index.head = u32::MAX - MARK_EVERY;
    for batch in 0..BATCHES {
        for id in [2 * batch, 2 * batch + 1] {
            assert_eq!(index.judge(u128::from(id), 0), DedupVerdict::New);
        }
        index.mark_durable(Offset(5 * batch));
        assert!(index.marks.len() <= 4);
    }
    let oldest = 2 * BATCHES - window as u64;
    let floor = index.floor().unwrap();
    let (batch, slack) = (oldest / 2, u64::from(MARK_EVERY) / 2);
    assert!(floor.0 <= 5 * batch, "the floor is at or before the oldest entry");
    assert!(floor.0 >= 5 * (batch - slack), "and at most a mark before it");

    let mut again = DedupIndex::new(window).unwrap();
    for batch in floor.0 / 5..BATCHES {
        for id in [2 * batch, 2 * batch + 1] {
            again.replay(Offset(5 * batch + 3), u128::from(id), 0);
        }
    }
    assert_eq!(again.len(), window);
    assert_eq!(again.judge(u128::from(oldest), 0), DedupVerdict::Duplicate);
    assert_eq!(again.judge(u128::from(oldest - 1), 0), DedupVerdict::New);
}

#[test]
fn memory_is_what_the_module_says() {
    assert_eq!(size_of::<DedupEntry>(), 24);
    let index = DedupIndex::new(10_000_000).unwrap();
    assert!(index.table.allocation_size() < 90 << 20, "{}", index.table.allocation_size());
}

proptest! {
    #[test]
    fn verdicts_are_those_of_a_list(
        window in 0_usize..12,
        batches in prop::collection::vec(
            (prop::collection::vec((0_u128..20, 0_u64..3), 0..8), 0_u8..4),
            0..30,
        ),
    ) {
        let mut oracle = Oracle { window, journal: Vec::new() };
        let mut index = DedupIndex::new(window).unwrap();
        for (batch, fate) in batches {
            let is_stored = fate != 0;
            let expected = oracle.judge(&batch, is_stored);
            let added = expected.iter().filter(|verdict| **verdict == DedupVerdict::New).count();
            let found: Vec<_> = batch.iter().map(|(id, c)| index.judge(*id, *c)).collect();
            prop_assert_eq!(found, expected);
            let first = oracle.journal.len() - if is_stored { added } else { 0 };
            if is_stored { index.mark_durable(Offset(first as u64)) } else { index.rollback() }
            if fate == 1 {
                index = rebuilt(window, &oracle.journal);
            }
            prop_assert_eq!(index.len(), oracle.journal.len().min(window));
            prop_assert!(index.table.len() <= index.ring.len());
        }
    }

    #[test]
    fn a_larger_window_after_a_restart_judges_by_the_last_acceptance(
        small in 0_usize..4,
        large in 4_usize..12,
        events in prop::collection::vec((0_u128..6, 0_u64..2), 0..40),
    ) {
        let mut oracle = Oracle { window: small, journal: Vec::new() };
        for event in &events {
            oracle.judge(&[*event], true);
        }
        let mut index = rebuilt(large, &oracle.journal);
        oracle.window = large;
        for event in &events {
            let offset = Offset(oracle.journal.len() as u64);
            prop_assert_eq!(vec![index.judge(event.0, event.1)], oracle.judge(&[*event], true));
            index.mark_durable(offset);
        }
    }
}
