//! The suite holds for the journal in memory, and each break of a rule is found.

use std::sync::Mutex;

use super::*;
use crate::ids::{Fence, JournalId};
use crate::journal::{IdentityReader, JournalCopy, JournalReader};
use crate::testing::MemoryJournal;

/// What a journal does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum JournalBreak {
    OtherIdOnReopening,
    GapInOffsets,
    WrongPartition,
    LostAppend,
    LostOnReopening,
    ReadMissesTheEnd,
    ReadGoesBeyond,
    ReadIsNotCut,
    ReadGrows,
    ChecksumOfNothing,
    ChecksumWithinRecords,
    ChecksumsDoNotChain,
    ChecksumsOfEventsAlone,
    SealMovesNothing,
    SealMovesWithoutEvents,
    EpochsAreForgotten,
    OldFenceAppends,
    OldFenceSeals,
    UnclaimedAppends,
    ClaimIsNotHigher,
    FencedIsWorthATry,
    OldFenceIsConfirmed,
    IdentitiesOfOthers,
    IdentitiesAreNotCut,
    TrimTooMuch,
    TrimNothing,
    TrimTellsAnotherStart,
    TrimForgetsTheChecksum,
    TailIsNotWoken,
    TailSkips,
    TailRepeats,
}

/// Each with the rule that must find it.
const BREAKS: [(JournalBreak, &str); 31] = {
    use JournalBreak::*;
    [
        (OtherIdOnReopening, "identity"),
        (GapInOffsets, "offsets"),
        (WrongPartition, "offsets"),
        (LostAppend, "durability"),
        (LostOnReopening, "durability"),
        (ReadMissesTheEnd, "reading"),
        (ReadGoesBeyond, "reading"),
        (ReadIsNotCut, "reading"),
        (ReadGrows, "reading"),
        (ChecksumOfNothing, "checksums"),
        (ChecksumWithinRecords, "checksums"),
        (ChecksumsDoNotChain, "checksums"),
        (ChecksumsOfEventsAlone, "checksums"),
        (SealMovesNothing, "epochs"),
        (SealMovesWithoutEvents, "epochs"),
        (EpochsAreForgotten, "epochs"),
        (OldFenceAppends, "fence"),
        (OldFenceSeals, "fence"),
        (UnclaimedAppends, "fence"),
        (ClaimIsNotHigher, "fence"),
        (FencedIsWorthATry, "fence"),
        (OldFenceIsConfirmed, "fence"),
        (IdentitiesOfOthers, "identities"),
        (IdentitiesAreNotCut, "identities"),
        (TrimTooMuch, "trimming"),
        (TrimNothing, "trimming"),
        (TrimTellsAnotherStart, "trimming"),
        (TrimForgetsTheChecksum, "trimming"),
        (TailIsNotWoken, "tail"),
        (TailSkips, "tail"),
        (TailRepeats, "tail"),
    ]
};

/// A journal in memory that breaks one rule.
struct BrokenJournal {
    inner: MemoryJournal,
    broken: JournalBreak,
    is_reopened: bool,
    /// The fence of the handle that claimed last.
    fence: Mutex<Option<Fence>>,
    trimmed: Mutex<Offset>,
}

struct BrokenLog {
    inner: MemoryJournal,
    broken: JournalBreak,
    opened: Mutex<usize>,
}

impl JournalLog for BrokenLog {
    fn open(&self) -> Result<Arc<dyn Journal>, JournalError> {
        let mut opened = self.opened.lock().unwrap();
        *opened += 1;
        Ok(Arc::new(BrokenJournal {
            inner: self.inner.reopen(),
            broken: self.broken,
            is_reopened: *opened > 1,
            fence: Mutex::default(),
            trimmed: Mutex::default(),
        }))
    }
}

impl BrokenJournal {
    fn is(&self, broken: JournalBreak) -> bool {
        self.broken == broken
    }

    /// A batch as this journal shows it.
    fn as_shown(&self, batch: &Arc<CommittedBatch>) -> Arc<CommittedBatch> {
        let mut batch = (**batch).clone();
        match self.broken {
            JournalBreak::GapInOffsets if batch.first > Offset(0) => {
                batch.first = batch.first.next();
            }
            JournalBreak::WrongPartition => batch.partition = PartitionId(1),
            JournalBreak::EpochsAreForgotten => batch.epoch = Epoch(0),
            JournalBreak::ChecksumsDoNotChain => batch.previous ^= 1,
            JournalBreak::ChecksumsOfEventsAlone => {
                let sum = |id: &str| {
                    id.bytes().fold(0, |sum: u32, byte| sum.wrapping_mul(31) ^ u32::from(byte))
                };
                batch.checksum = batch.events.ids().iter().flatten().map(sum).max().unwrap_or(0);
            }
            _ => {}
        }
        Arc::new(batch)
    }

    /// Lets an older claim write.
    fn take_over(&self, is_planted: bool) {
        if is_planted {
            self.inner.claim().unwrap();
        }
    }
}

impl Journal for BrokenJournal {
    fn id(&self) -> JournalId {
        let is_other = self.is(JournalBreak::OtherIdOnReopening) && self.is_reopened;
        if is_other { MemoryJournal::new(1).id() } else { self.inner.id() }
    }

    fn claim(&self) -> Result<Fence, JournalError> {
        let fence = self.inner.claim()?;
        *self.fence.lock().unwrap() = Some(fence);
        Ok(if self.is(JournalBreak::ClaimIsNotHigher) { Fence(1) } else { fence })
    }

    fn append(&self, events: &EventBatch) -> Result<Arc<CommittedBatch>, JournalError> {
        let is_claimed = self.fence.lock().unwrap().is_some();
        self.take_over(self.is(JournalBreak::OldFenceAppends) && is_claimed);
        self.take_over(self.is(JournalBreak::UnclaimedAppends) && !is_claimed);
        if self.is(JournalBreak::LostAppend) && self.inner.end() == Offset(3) {
            let copy = self.inner.fork();
            return copy.append(events);
        }
        match self.inner.append(events) {
            Err(JournalError::Fenced { .. }) if self.is(JournalBreak::FencedIsWorthATry) => {
                Err(JournalError::Io("another process writes".to_owned()))
            }
            result => Ok(self.as_shown(&result?)),
        }
    }

    fn end(&self) -> Offset {
        let end = self.inner.end();
        let is_lost = self.is(JournalBreak::LostOnReopening) && self.is_reopened && end > Offset(0);
        if is_lost { Offset(end.0 - 1) } else { end }
    }

    fn start(&self) -> Offset {
        self.inner.start()
    }

    fn seal(&self) -> Result<Boundary, JournalError> {
        let is_claimed = self.fence.lock().unwrap().is_some();
        self.take_over(self.is(JournalBreak::OldFenceSeals) && is_claimed);
        match self.broken {
            JournalBreak::SealMovesNothing => Ok(Boundary::default()),
            JournalBreak::SealMovesWithoutEvents => {
                let sealed = self.inner.seal()?;
                Ok(Boundary { epoch: sealed.epoch.next(), ..sealed })
            }
            _ => self.inner.seal(),
        }
    }

    fn read(&self, from: Offset) -> Result<JournalReader, JournalError> {
        let beyond = self.is(JournalBreak::ReadGoesBeyond) && from > self.inner.end();
        if beyond {
            return Ok(Box::new(std::iter::empty()));
        }
        let mut batches: Vec<_> = self.inner.read(from)?.collect::<Result<_, _>>()?;
        match self.broken {
            JournalBreak::ReadMissesTheEnd if batches.len() > 1 => drop(batches.pop()),
            JournalBreak::ReadIsNotCut => {
                let whole: Vec<_> = self.inner.read(self.start())?.collect::<Result<_, _>>()?;
                batches = whole.into_iter().filter(|batch| batch.end() > from).collect();
            }
            JournalBreak::ReadGrows => {
                let log = self.inner.reopen();
                let mut at = from;
                let next = move || {
                    let batch = log.read(at).ok()?.next()?;
                    at = batch.as_ref().ok()?.end();
                    Some(batch)
                };
                return Ok(Box::new(std::iter::from_fn(next)));
            }
            // As a tail reads that looks again.
            JournalBreak::TailSkips if from > Offset(7) && batches.len() > 1 => {
                drop(batches.remove(0));
            }
            JournalBreak::TailRepeats if from > Offset(7) && !batches.is_empty() => {
                batches.insert(0, Arc::clone(&batches[0]));
            }
            _ => {}
        }
        let shown: Vec<_> = batches.iter().map(|batch| Ok(self.as_shown(batch))).collect();
        Ok(Box::new(shown.into_iter()))
    }

    fn read_identities(&self, from: Offset) -> Result<IdentityReader, JournalError> {
        let read: Vec<_> = self.inner.read_identities(from)?.collect::<Result<_, _>>()?;
        let first = read.first().cloned();
        let shown = move |(n, (at, identities)): (usize, (Offset, EventIdentities))| match &first {
            Some((_, others)) if n == 1 => Ok((at, others.clone())),
            _ => Ok((at, identities)),
        };
        if self.is(JournalBreak::IdentitiesOfOthers) {
            return Ok(Box::new(read.into_iter().enumerate().map(shown)));
        }
        if self.is(JournalBreak::IdentitiesAreNotCut) {
            let whole = self.inner.read_identities(self.start())?.flatten();
            let held =
                move |(first, ids): &(Offset, EventIdentities)| first.plus(ids.len() as u64) > from;
            return Ok(Box::new(whole.filter(held).map(Ok).collect::<Vec<_>>().into_iter()));
        }
        Ok(Box::new(read.into_iter().map(Ok)))
    }

    fn checksum_at(&self, position: Offset) -> Result<Option<u32>, JournalError> {
        let checksum = self.inner.checksum_at(position)?;
        let end = self.inner.end();
        Ok(match self.broken {
            JournalBreak::ChecksumOfNothing if position == Offset(0) => None,
            JournalBreak::ChecksumWithinRecords if position < end => checksum.or(Some(1)),
            JournalBreak::TrimForgetsTheChecksum if *self.trimmed.lock().unwrap() > Offset(0) => {
                None
            }
            JournalBreak::ChecksumsOfEventsAlone => {
                let batches = self.read(self.start())?.flatten();
                let found = batches.filter(|batch| batch.end() == position).last();
                found.map(|batch| batch.checksum).or(checksum)
            }
            _ => checksum,
        })
    }

    fn poll_beyond(&self, offset: Offset, cx: &mut Context<'_>) -> Poll<()> {
        if self.is(JournalBreak::TailIsNotWoken) {
            return self.inner.poll_beyond(offset, &mut Context::from_waker(Waker::noop()));
        }
        self.inner.poll_beyond(offset, cx)
    }

    fn trim(&self, below: Offset) -> Result<Offset, JournalError> {
        *self.trimmed.lock().unwrap() = below;
        match self.broken {
            JournalBreak::TrimTooMuch => self.inner.trim(Offset(below.0.max(3))),
            JournalBreak::TrimNothing => Ok(self.start()),
            JournalBreak::TrimTellsAnotherStart => self.inner.trim(below).map(Offset::next),
            _ => self.inner.trim(below),
        }
    }

    fn copy(&self) -> Result<JournalCopy, JournalError> {
        self.inner.copy()
    }

    fn confirm_claim(&self) -> Result<(), JournalError> {
        match self.broken {
            JournalBreak::OldFenceIsConfirmed => Ok(()),
            _ => self.inner.confirm_claim(),
        }
    }

    fn size_bytes(&self) -> u64 {
        self.inner.size_bytes()
    }
}

impl JournalLog for MemoryJournal {
    fn open(&self) -> Result<Arc<dyn Journal>, JournalError> {
        Ok(Arc::new(self.reopen()))
    }
}

#[test]
fn the_journal_in_memory_keeps_the_contract() {
    check_journal(&|| Box::new(MemoryJournal::default()));
}

#[test]
fn a_break_of_each_rule_is_found_by_it() {
    for (broken, rule) in BREAKS {
        let fresh = || -> Box<dyn JournalLog> {
            let inner = MemoryJournal::default();
            Box::new(BrokenLog { inner, broken, opened: Mutex::default() })
        };
        let found = broken_rules(&fresh);
        assert!(found.iter().any(|(name, _)| *name == rule), "{broken:?} by `{rule}`: {found:#?}");
    }
    for (name, _) in JOURNAL_RULES {
        assert!(BREAKS.iter().any(|(_, rule)| *rule == name), "no break of `{name}` is planted");
    }
}
