//! The one writer of a handle: it puts entries, each under the name that follows from the last.
//!
//! Of all who put under a name the storage lets one have it, so an entry that was put is the
//! journal's next, for ever. Under a fence only its claimant puts events and seals; all others may
//! put but a claim, which ends it. So who finds a name taken was fenced off: it puts no more, and
//! has put nothing that another does not see.
//!
//! An answer can get lost. Then the same bytes are put under the same name again, until they are
//! there or another's are; who looks whether they are its own compares all of them, the writer's
//! own number among them.

use std::time::{Duration, Instant};

use bytes::Bytes;
use merganser_core::failpoint::{self, is_bug_planted};
use merganser_core::ids::{Boundary, Fence, Offset};
use merganser_core::journal::JournalError;
use metrics::Histogram;
use tracing::{info, warn};
use uuid::Uuid;

use super::entry::{ChainTail, ENTRY_HEAD_BYTES, ENTRY_HEADER_BYTES, EntryHead, EntryKind};
use super::index::{JournalObject, ObjectIndex};
use super::place::ObjectPlace;
use super::shared::SharedIndex;
use super::store::{JournalStorage, PutOutcome, corrupt, io_error};
use crate::journal::frame::EncodedFrame;

/// The pauses before a put in doubt is tried again: the first, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(2));

/// How long a claim is tried while another handle appends.
const CLAIM_WITHIN: Duration = Duration::from_secs(30);

/// Puts entries. There is one for each handle; a lock around it makes others wait.
#[derive(Debug)]
pub(super) struct EntryWriter {
    /// In each of its entries, and in no other's.
    id: Uuid,
    /// How long a put in doubt is tried again.
    settle_within: Duration,
    index: SharedIndex,
    claimed: Option<Fence>,
    /// Why nothing more is put.
    stopped: Option<JournalError>,
    puts: Histogram,
}

/// Where an entry came to lie.
#[derive(Clone, Copy, Debug)]
pub(super) struct AppendedEntry {
    /// The state before it.
    pub(super) before: ChainTail,
    /// The state behind it.
    pub(super) after: ChainTail,
}

/// Whose entry is under a name.
enum Put {
    Ours,
    Theirs(EntryHead),
}

impl EntryWriter {
    /// A writer that goes on at the end of `index`.
    pub(super) fn new(id: Uuid, settle_within: Duration, index: SharedIndex) -> Self {
        let puts = metrics::histogram!("merganser_journal_fsync_seconds");
        Self { id, settle_within, index, claimed: None, stopped: None, puts }
    }

    /// Claims the journal behind whatever is there.
    pub(super) fn claim(&mut self, store: &JournalStorage) -> Result<Fence, JournalError> {
        self.check_running()?;
        follow(store, &self.index)?;
        let until = Instant::now() + CLAIM_WITHIN;
        loop {
            let tail = *self.index.read().tail();
            let header = tail.next(EntryKind::Claim, self.id, None);
            match self.put(store, &tail, Bytes::copy_from_slice(&header))? {
                Put::Ours => {
                    self.take_in(&tail, &header)?;
                    self.check_is_newest(store, &tail)?;
                    let fence = tail.fence.next();
                    self.claimed = Some(fence);
                    info!(fence = fence.0, "the journal is claimed");
                    return Ok(fence);
                }
                // Somebody appended, or claimed, first.
                Put::Theirs(head) if Instant::now() < until => self.take_in_head(&tail, &head)?,
                Put::Theirs(_) => {
                    let why = "another process appends so often that it could not be claimed";
                    return Err(JournalError::Io(why.to_owned()));
                }
            };
        }
    }

    /// Whether the entry that was put behind `before` is the newest there is. One that was held up
    /// before it could claim finds a name free that was taken, joined to a segment and deleted
    /// since; what came behind it is there still.
    fn check_is_newest(
        &mut self,
        store: &JournalStorage,
        before: &ChainTail,
    ) -> Result<(), JournalError> {
        let listed = store.list().map_err(|error| {
            self.stop(JournalError::Io(format!("listing the journal: {error}")))
        })?;
        let newest = listed.iter().map(|object| object.place.sequences().1).max();
        match newest == Some(before.sequence) {
            true => Ok(()),
            false => Err(self.stop(JournalError::Fenced { fence: before.fence.next() })),
        }
    }

    /// Whether nothing was put behind what this handle has put: a claim would be.
    pub(super) fn confirm_claim(&mut self, store: &JournalStorage) -> Result<(), JournalError> {
        self.check_writable()?;
        let tail = *self.index.read().tail();
        // Only a claim could be there, and no claim is ever deleted.
        let place = ObjectPlace::Entry(tail.place());
        match store.read_head(&place, ENTRY_HEAD_BYTES) {
            Err(object_store::Error::NotFound { .. }) => Ok(()),
            Ok(_) => Err(self.stop(JournalError::Fenced { fence: tail.fence.next() })),
            Err(error) => Err(io_error("looking for", &place, &error)),
        }
    }

    /// Appends a frame.
    pub(super) fn append(
        &mut self,
        store: &JournalStorage,
        mut frame: EncodedFrame,
    ) -> Result<AppendedEntry, JournalError> {
        self.check_writable()?;
        loop {
            let before = *self.index.read().tail();
            let placed = frame.place(before.end, before.frame);
            let header = before.next(EntryKind::Events, self.id, Some(&placed));
            let mut bytes = Vec::with_capacity(ENTRY_HEADER_BYTES + frame.bytes().len());
            bytes.extend_from_slice(&header);
            bytes.extend_from_slice(frame.bytes());
            let started = Instant::now();
            match self.put_next(store, &before, bytes.into()) {
                Err(JournalError::Fenced { .. }) if is_bug_planted("lease_trusted") => {
                    self.stopped = None;
                    follow(store, &self.index)?;
                }
                after => {
                    self.puts.record(started.elapsed().as_secs_f64());
                    return after.map(|after| AppendedEntry { before, after });
                }
            }
        }
    }

    /// Where a batch without events would come to lie: at the end, with nothing written.
    pub(super) fn append_empty(&self) -> Result<AppendedEntry, JournalError> {
        self.check_writable()?;
        let tail = *self.index.read().tail();
        Ok(AppendedEntry { before: tail, after: tail })
    }

    /// Ends the open epoch, unless it has no events.
    pub(super) fn seal(&mut self, store: &JournalStorage) -> Result<Boundary, JournalError> {
        self.check_writable()?;
        let tail = *self.index.read().tail();
        if tail.end == tail.epoch_first {
            return Ok(Boundary { epoch: tail.epoch, offset: tail.end });
        }
        let header = tail.next(EntryKind::Seal, self.id, None);
        let after = self.put_next(store, &tail, Bytes::copy_from_slice(&header))?;
        Ok(Boundary { epoch: after.epoch, offset: after.end })
    }

    /// Puts an entry that only this handle may put.
    fn put_next(
        &mut self,
        store: &JournalStorage,
        before: &ChainTail,
        bytes: Bytes,
    ) -> Result<ChainTail, JournalError> {
        match self.put(store, before, bytes.clone())? {
            Put::Ours => self.take_in(before, &bytes),
            Put::Theirs(head) if head.kind() == EntryKind::Claim => {
                let fence = before.fence.next();
                Err(self.stop(JournalError::Fenced { fence }))
            }
            Put::Theirs(head) => {
                let why =
                    format!("another handle has put {:?} under this one's fence", head.kind());
                Err(self.stop(corrupt(&ObjectPlace::Entry(before.place()), &why)))
            }
        }
    }

    /// Puts bytes behind `before`, until it is known whose are there.
    fn put(
        &mut self,
        store: &JournalStorage,
        before: &ChainTail,
        bytes: Bytes,
    ) -> Result<Put, JournalError> {
        let place = ObjectPlace::Entry(before.place());
        let started = Instant::now();
        let mut pause = PAUSES.0;
        let mut doubt: Option<String> = None;
        loop {
            let put = match failpoint::hit("journal.put.before") {
                Ok(()) => store.create(&place, bytes.clone()),
                Err(error) => PutOutcome::InDoubt(error.to_string()),
            };
            let put = match (put, failpoint::hit("journal.put.after")) {
                (PutOutcome::Created, Err(error)) => PutOutcome::InDoubt(error.to_string()),
                (put, _) => put,
            };
            let why = match put {
                PutOutcome::InDoubt(_) if is_bug_planted("doubt_acknowledged") => {
                    return Ok(Put::Ours);
                }
                PutOutcome::Created => {
                    if doubt.is_some() {
                        info!(place = place.name(), "the journal's storage takes entries again");
                    }
                    return Ok(Put::Ours);
                }
                PutOutcome::Taken => match self.whose(store, &place, before, &bytes)? {
                    Some(put) => return Ok(put),
                    None => "who has put it cannot be read".to_owned(),
                },
                // An earlier try of the same request may have landed, and its answer be lost.
                PutOutcome::Refused(why) if doubt.is_none() => {
                    let landed = self.whose(store, &place, before, &bytes)?;
                    let refused = || JournalError::Io(format!("putting {}: {why}", place.name()));
                    return landed.ok_or_else(refused);
                }
                PutOutcome::Refused(why) | PutOutcome::InDoubt(why) => why,
            };
            if doubt.is_none() {
                warn!(place = place.name(), why, "a put is in doubt; trying until it is settled");
            }
            if started.elapsed() >= self.settle_within {
                self.stopped = Some(JournalError::Stopped(why.clone()));
                return Err(JournalError::Uncertain(format!("putting {}: {why}", place.name())));
            }
            doubt = Some(why);
            store.pause(pause);
            pause = (pause * 2).min(PAUSES.1);
        }
    }

    /// Whose entry is under a name that is taken; `None` while it cannot be read.
    fn whose(
        &mut self,
        store: &JournalStorage,
        place: &ObjectPlace,
        before: &ChainTail,
        ours: &Bytes,
    ) -> Result<Option<Put>, JournalError> {
        let found = match store.read(place) {
            Ok(found) => found,
            // It was deleted since, so this handle is far behind, and another has claimed; or a put
            // of its own is still under way.
            Err(object_store::Error::NotFound { .. }) => {
                let is_beyond =
                    |object: &JournalObject| object.place.sequences().1 >= before.sequence;
                if store.list().is_ok_and(|listed| listed.iter().any(is_beyond)) {
                    let fence = before.fence.next();
                    return Err(self.stop(JournalError::Fenced { fence }));
                }
                return Ok(None);
            }
            Err(_) => return Ok(None),
        };
        if found == *ours {
            return Ok(Some(Put::Ours));
        }
        let head = EntryHead::parse(&found).map_err(|why| self.stop(corrupt(place, &why)))?;
        before.follow(&head).map_err(|why| self.stop(corrupt(place, &why)))?;
        Ok(Some(Put::Theirs(head)))
    }

    /// Takes an entry in that this handle has put.
    fn take_in(&mut self, before: &ChainTail, bytes: &[u8]) -> Result<ChainTail, JournalError> {
        let place = ObjectPlace::Entry(before.place());
        let head = EntryHead::parse(bytes).map_err(|why| self.stop(corrupt(&place, &why)))?;
        self.take_in_head(before, &head)
    }

    /// Takes in the entry behind `before`.
    fn take_in_head(
        &mut self,
        before: &ChainTail,
        head: &EntryHead,
    ) -> Result<ChainTail, JournalError> {
        let place = ObjectPlace::Entry(before.place());
        let after = before.follow(head).map_err(|why| self.stop(corrupt(&place, &why)))?;
        let entry = JournalObject { place, size_bytes: head.size_bytes() };
        self.index.write().push(entry, after);
        Ok(after)
    }

    /// Whether this may put: it has not stopped, and has claimed.
    fn check_writable(&self) -> Result<(), JournalError> {
        self.check_running()?;
        let fence = self.index.read().tail().fence;
        match self.claimed == Some(fence) {
            true => Ok(()),
            false => Err(JournalError::Fenced { fence }),
        }
    }

    fn check_running(&self) -> Result<(), JournalError> {
        self.stopped.clone().map_or(Ok(()), Err)
    }

    fn stop(&mut self, why: JournalError) -> JournalError {
        self.stopped = Some(why.clone());
        why
    }
}

/// Reads on: takes in what other handles have put up to now. Returns the end.
///
/// An entry's name follows from the one before, so to ask for one after the other would never come
/// to the end of a journal that is appended to all the time. Their names say enough of all but the
/// last one.
pub(super) fn follow(store: &JournalStorage, index: &SharedIndex) -> Result<Offset, JournalError> {
    let tail = *index.read().tail();
    let place = ObjectPlace::Entry(tail.place());
    let Some((first, head)) = read_entry(store, place)? else { return Ok(tail.end) };
    let mut after = tail.follow(&head).map_err(|why| corrupt(&place, &why))?;
    let mut entries = vec![first];
    let listed = store.list_after(&place);
    let listed = listed.map_err(|error| io_error("listing what follows", &place, &error))?;
    for entry in listed {
        let next = entries.last().map_or(0, |last| last.place.sequences().1 + 1);
        if entry.place.sequences().0 == next {
            entries.push(entry);
        }
    }
    if let Some(last) = entries.last().filter(|_| entries.len() > 1) {
        // It may be joined to a segment by now, which a refresh finds.
        let Some((_, head)) = read_entry(store, last.place)? else { return Ok(tail.end) };
        let before = head.before();
        if before.journal != tail.journal || ObjectPlace::Entry(before.place()) != last.place {
            return Err(corrupt(&last.place, "it is of another place"));
        }
        after = head.after().map_err(|why| corrupt(&last.place, &why))?;
    }
    let mut index = index.write();
    // Another thread may have been here.
    if *index.tail() == tail {
        entries.into_iter().for_each(|entry| index.push(entry, after));
    }
    Ok(index.tail().end)
}

/// Looks at all names: what others have put, joined and trimmed. It finds the way on where a
/// follower was so late that the next entry is in a segment by now. Returns the end.
pub(super) fn refresh(store: &JournalStorage, index: &SharedIndex) -> Result<Offset, JournalError> {
    let known = *index.read().tail();
    let listed = super::list(store)?;
    if let Some(last) = listed.live.back()
        && last.place.sequences().1 + 1 >= known.sequence
    {
        let tail = super::tail(store, last)?;
        let mut index = index.write();
        // Another thread may have been here, or have appended.
        if index.tail().sequence <= tail.sequence {
            *index = ObjectIndex::new(listed, tail);
        }
    }
    Ok(index.read().tail().end)
}

/// The entry at a place, if there is one.
fn read_entry(
    store: &JournalStorage,
    place: ObjectPlace,
) -> Result<Option<(JournalObject, EntryHead)>, JournalError> {
    let head = match store.read_head(&place, ENTRY_HEAD_BYTES) {
        Ok(head) => head,
        Err(object_store::Error::NotFound { .. }) => return Ok(None),
        Err(error) => return Err(io_error("reading", &place, &error)),
    };
    let head = EntryHead::parse(&head).map_err(|why| corrupt(&place, &why))?;
    Ok(Some((JournalObject { place, size_bytes: head.size_bytes() }, head)))
}
