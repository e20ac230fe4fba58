//! Trimming a journal, and joining small entries to segments.
//!
//! A segment is its entries' bytes, one behind the other. It is put before they are deleted, so a
//! reader finds each entry in one of the two; where both are, the segment counts. Whoever joins the
//! same entries makes the same bytes, so it does not matter who does, or how often.

use std::time::Duration;

use bytes::Bytes;
use merganser_core::failpoint;
use merganser_core::ids::Offset;
use merganser_core::journal::JournalError;

use super::index::JournalObject;
use super::place::{ObjectPlace, SegmentPlace};
use super::reader::take_entry;
use super::shared::SharedIndex;
use super::store::{JournalStorage, PutOutcome, corrupt, io_error};

/// Entries that are read at a time.
const AT_A_TIME: usize = 32;
/// Entries that are worth a segment, of an epoch that has ended and of the open one: a start, and a
/// takeover, read so many small objects and twice as many at most.
const ENTRIES_MIN: usize = 4;
const OPEN_ENTRIES: usize = 256;
/// How often a segment's put is tried, and the pause between.
const TRIES: usize = 4;
const PAUSE: Duration = Duration::from_millis(50);

/// Deletes objects whose events all lie below `below`, and what an earlier process left.
pub(super) fn trim(
    store: &JournalStorage,
    index: &SharedIndex,
    below: Offset,
    stale: &mut Vec<ObjectPlace>,
) -> Result<(), JournalError> {
    let popped = index.write().pop_below(below);
    let is_claim = |place: &ObjectPlace| index.read().is_claim(place);
    let places: Vec<ObjectPlace> =
        popped.iter().map(|object| object.place).filter(|place| !is_claim(place)).collect();
    if let Err(error) = delete(store, &places) {
        index.write().restore_oldest(&popped);
        return Err(error);
    }
    // Only what lies before the journal's start is known not to be missed.
    if below >= index.read().start() && !stale.is_empty() {
        delete(store, stale)?;
        stale.clear();
    }
    Ok(())
}

/// Joins entries to segments of at most `bytes_max`.
pub(super) fn join_all(
    store: &JournalStorage,
    index: &SharedIndex,
    bytes_max: u64,
) -> Result<(), JournalError> {
    let groups = index.read().joinable(bytes_max, ENTRIES_MIN, OPEN_ENTRIES);
    for group in groups {
        join(store, index, &group)?;
    }
    Ok(())
}

fn join(
    store: &JournalStorage,
    index: &SharedIndex,
    group: &[JournalObject],
) -> Result<(), JournalError> {
    let (Some(first), Some(last)) = (group.first(), group.last()) else { return Ok(()) };
    let mut bytes = Vec::new();
    let mut tail = None;
    let answers = group.chunks(AT_A_TIME).flat_map(|some| {
        let begun = some.iter().map(|object| store.begin_read(&object.place));
        begun.collect::<Vec<_>>()
    });
    for (object, answer) in group.iter().zip(answers) {
        let read = answer.recv().unwrap_or_else(|_| store.read(&object.place));
        let entry = read.map_err(|error| io_error("reading", &object.place, &error))?;
        let damaged = |why: String| corrupt(&object.place, &why);
        let (head, _) = take_entry(&mut entry.clone()).map_err(damaged)?;
        let after = match tail {
            None => head.after(),
            Some(before) => super::entry::ChainTail::follow(&before, &head),
        };
        tail = Some(after.map_err(damaged)?);
        bytes.extend_from_slice(&entry);
    }
    let (sequence, last) = (first.place.sequences().0, last.place.sequences().1);
    let (epoch, offset) = (first.place.epoch(), first.place.offset());
    let place = ObjectPlace::Segment(SegmentPlace { sequence, last, epoch, offset });
    let size_bytes = bytes.len() as u64;
    put(store, &place, &Bytes::from(bytes))?;
    failpoint::pass("journal.joined");
    index.write().join(JournalObject { place, size_bytes });
    let is_claim = |place: &ObjectPlace| index.read().is_claim(place);
    let places: Vec<ObjectPlace> =
        group.iter().map(|object| object.place).filter(|place| !is_claim(place)).collect();
    delete(store, &places)
}

/// Puts a segment, or finds that it is there, with the same bytes.
fn put(store: &JournalStorage, place: &ObjectPlace, bytes: &Bytes) -> Result<(), JournalError> {
    let mut why = String::new();
    for _ in 0..TRIES {
        match store.create(place, bytes.clone()) {
            PutOutcome::Created => return Ok(()),
            // Some storages say so, too, while another put is under way.
            PutOutcome::Taken => match store.read(place) {
                Ok(found) if found == *bytes => return Ok(()),
                Ok(_) => return Err(corrupt(place, "it has other bytes than its entries")),
                Err(error) => why = error.to_string(),
            },
            PutOutcome::Refused(error) | PutOutcome::InDoubt(error) => why = error,
        }
        store.pause(PAUSE);
    }
    Err(JournalError::Io(format!("putting {}: {why}", place.name())))
}

fn delete(store: &JournalStorage, places: &[ObjectPlace]) -> Result<(), JournalError> {
    let Some(first) = places.first() else { return Ok(()) };
    store.delete(places).map_err(|error| io_error("deleting", first, &error))
}
