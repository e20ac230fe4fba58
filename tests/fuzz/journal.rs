//! A journal that was damaged: it opens with a beginning of what was written, or not at all.
//!
//! The input is a list of damages; see [`damage`]. Where it brings forth records that were never
//! written and whose checksums are right all the same, nothing can be known of the content: then
//! opening twice must find the same, and nothing may panic.

mod damage;
mod sealed;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use arrow::array::Array;
use batch_layer::journal::{FileJournal, JOURNAL_DIRECTORY, JournalSettings};
use merganser_core::event::{Event, EventBatch};
use merganser_core::ids::Offset;
use merganser_core::journal::{Journal, JournalError};

/// Files by name.
type Files = BTreeMap<String, Vec<u8>>;

/// The ending of segments.
const SEGMENT: &str = ".log";
/// The file of the newest claim.
const FENCE: &str = "fence";
/// Small, so that there are several segments of an epoch.
const SETTINGS: JournalSettings =
    JournalSettings { segment_bytes_max: 3_000, record_bytes_max: 1 << 20 };
const ID: &str = "0123456789abcdef0123456789abcdef";

/// A journal as it was written, and its events.
struct Written {
    files: Files,
    events: Vec<String>,
    /// The records as they lie in the files.
    frames: BTreeSet<Vec<u8>>,
}

static WRITTEN: LazyLock<Written> = LazyLock::new(|| {
    let directory = tempfile::tempdir().unwrap();
    let journal = FileJournal::open(directory.path(), SETTINGS).unwrap();
    journal.claim().unwrap();
    for first in 0..7 {
        journal.append(&(2 * first..2 * first + 2).map(event).collect()).unwrap();
        if first == 3 {
            journal.seal().unwrap();
        }
    }
    let events = read(&journal).unwrap();
    let mut files = files_in(directory.path());
    // The same id every time, so that an input means the same in every process.
    sealed::set_journal(&mut files, ID);
    let segments = files.iter().filter(|(name, _)| name.ends_with(SEGMENT));
    let frames: BTreeSet<Vec<u8>> =
        segments.flat_map(|(_, bytes)| sealed::frames(bytes)).map(<[u8]>::to_vec).collect();
    assert!(events.len() == 14 && files.len() > 4 && frames.len() == 7);
    Written { files, events, frames }
});

fn event(number: i64) -> Event {
    Event {
        id: format!("e-{number}"),
        content: Some(number.cast_unsigned()),
        event: "sale".to_owned(),
        time: number * 1_000_000,
        arrived: 0,
        subject: None,
        properties: (number % 2 == 0).then(|| format!("{{\"n\":{number}}}")),
    }
}

/// Damages the journal, opens it and compares what it holds with what was written.
pub(crate) fn check(input: &[u8]) {
    let written = &*WRITTEN;
    let mut files = written.files.clone();
    damage::apply(input, &mut files);
    let is_forged = files
        .iter()
        .filter(|(name, _)| name.ends_with(SEGMENT))
        .any(|(name, bytes)| is_forged(written, name, bytes));

    let directory = tempfile::tempdir().unwrap();
    let place = directory.path().join(JOURNAL_DIRECTORY);
    fs::create_dir(&place).unwrap();
    for (name, bytes) in &files {
        fs::write(place.join(name), bytes).unwrap();
    }
    let opened = FileJournal::open(directory.path(), SETTINGS);
    let found = files_in(directory.path());
    let again = || FileJournal::open(directory.path(), SETTINGS);
    match opened {
        Err(error) => {
            let message = error.to_string();
            assert!(message.contains(&*place.to_string_lossy()), "names no file: {message}");
            assert_eq!(names(&found), names(&files), "refused and changed: {message}");
            assert!(found == files, "refused and changed: {message}");
            assert_eq!(again().unwrap_err().to_string(), message);
        }
        Ok(journal) => {
            let (start, end, events) = (journal.start(), journal.end(), read(&journal));
            drop(journal);
            let journal = again().unwrap();
            assert_eq!((journal.start(), journal.end()), (start, end));
            assert_eq!(read(&journal).ok(), events.as_ref().ok().cloned());
            assert!(files_in(directory.path()) == found, "the second opening changed files");
            if is_forged {
                return;
            }
            let range = start.0 as usize..end.0 as usize;
            let expected = written.events[range].to_vec();
            assert_eq!(events.unwrap(), expected);
            check_closed(written, &files);
            if files.get(FENCE) == written.files.get(FENCE) || journal.claim().is_ok() {
                check_appends(journal, directory.path(), expected);
            } else {
                let message = journal.claim().unwrap_err().to_string();
                assert!(message.contains(FENCE), "names no file: {message}");
                assert!(files_in(directory.path()) == found, "refused and changed: {message}");
            }
        }
    }
}

/// A header or a record that was never written, with the right checksum.
fn is_forged(written: &Written, name: &str, bytes: &[u8]) -> bool {
    let is_known = |header: &[u8]| {
        written.files.get(name).is_some_and(|original| original.starts_with(header))
    };
    sealed::header(bytes).is_some_and(|header| !is_known(header))
        || sealed::anywhere(bytes).any(|frame| !written.frames.contains(frame))
}

/// Only the last segment may have been put right: what it goes on from is as it was written.
fn check_closed(written: &Written, damaged: &Files) {
    let segments: Vec<_> = damaged.iter().filter(|(name, _)| name.ends_with(SEGMENT)).collect();
    // Without an id, what a first start left behind is begun anew.
    let closed = &segments[..segments.len().saturating_sub(1)];
    if damaged.contains_key("id") {
        for (name, bytes) in closed {
            assert!(written.files.get(*name) == Some(bytes), "{name} is damaged, and was taken");
        }
    }
}

/// The journal goes on from where it was put right.
fn check_appends(journal: FileJournal, directory: &Path, mut expected: Vec<String>) {
    journal.claim().unwrap();
    let start = journal.start();
    let more: EventBatch = [event(99)].into_iter().collect();
    let first = journal.append(&more).unwrap().first;
    assert_eq!(first, start.plus(expected.len() as u64));
    drop(journal);
    let journal = FileJournal::open(directory, SETTINGS).unwrap();
    expected.push(texts(&more).remove(0));
    assert_eq!(read(&journal).unwrap(), expected);
}

/// All events, or why one cannot be read; their offsets are dense.
fn read(journal: &FileJournal) -> Result<Vec<String>, JournalError> {
    let mut events = Vec::new();
    let mut next: Offset = journal.start();
    for committed in journal.read(next)? {
        let committed = committed?;
        assert_eq!(committed.first, next);
        next = committed.end();
        events.extend(texts(&committed.events));
    }
    assert_eq!(next, journal.end());
    Ok(events)
}

fn texts(events: &EventBatch) -> Vec<String> {
    let batch = events.batch();
    let text = |row: usize| format!("{:?}", batch.slice(row, 1).columns());
    (0..events.ids().len()).map(text).collect()
}

fn files_in(directory: &Path) -> Files {
    let entries = fs::read_dir(directory.join(JOURNAL_DIRECTORY)).unwrap();
    let file = |entry: fs::DirEntry| {
        (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap())
    };
    entries.map(|entry| file(entry.unwrap())).collect()
}

fn names(files: &Files) -> Vec<(&str, usize)> {
    files.iter().map(|(name, bytes)| (&**name, bytes.len())).collect()
}
