//! What a user of the journal relies on: what was appended reads back, through any crash; and
//! nothing that was not written is ever read.

mod damage;
mod faults;
mod oracle;
mod power;

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use merganser_core::event::{Event, EventBatch};
use merganser_core::ids::{Boundary, Epoch, Fence, Offset};
use merganser_core::journal::{CommittedBatch, Journal, JournalError};
use merganser_core::testing::{JournalLog, check_journal};
use tempfile::TempDir;

use super::{FileJournal, JOURNAL_DIRECTORY, JournalDisk, JournalSettings};

/// Events `[from, from + count)` of an endless row, no two alike.
fn events(from: u64, count: u64) -> EventBatch {
    (from..from + count)
        .map(|n| Event {
            id: format!("event-{n}"),
            content: (n % 3 != 0).then_some(n.wrapping_mul(0x9E37_79B9_7F4A_7C15)),
            event: ["view", "order", "refund"][n as usize % 3].to_owned(),
            time: 1_700_000_000_000_000 + n as i64,
            arrived: 1_700_000_000_000_007 + n as i64,
            subject: (n % 2 == 0).then(|| format!("user-{}", n % 7)),
            properties: (n % 5 != 0).then(|| format!(r#"{{"amount":{n}.25,"note":"é\n"}}"#)),
        })
        .collect()
}

/// The least that an event can hold.
fn plain_event() -> Event {
    Event {
        id: "a".to_owned(),
        content: None,
        event: "view".to_owned(),
        time: 0,
        arrived: 0,
        subject: None,
        properties: Some("{}".to_owned()),
    }
}

/// Segments of about three small records.
fn small() -> JournalSettings {
    JournalSettings { segment_bytes_max: 4500, ..JournalSettings::default() }
}

fn open(directory: &TempDir) -> FileJournal {
    claimed(FileJournal::open(directory.path(), small()).unwrap())
}

fn claimed(journal: FileJournal) -> FileJournal {
    journal.claim().unwrap();
    journal
}

/// A disk that makes nothing durable, for tests that open a journal many thousand times.
#[derive(Debug)]
struct HastyDisk;

impl JournalDisk for HastyDisk {
    fn create_directory(&self, path: &Path) -> io::Result<()> {
        fs::create_dir_all(path)
    }

    fn sync(&self, _: &File) -> io::Result<()> {
        Ok(())
    }

    fn replace(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let unfinished = path.with_extension("new");
        fs::write(&unfinished, bytes)?;
        fs::rename(unfinished, path)
    }

    fn sync_directory(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }
}

fn open_hastily(directory: &Path) -> Result<FileJournal, JournalError> {
    FileJournal::open_on(Arc::new(HastyDisk), directory, small()).map(claimed)
}

/// Everything from `from` on as one batch, after a look at each part's place.
fn read_all(journal: &FileJournal, from: Offset) -> EventBatch {
    let mut at = from;
    let mut batches = vec![EventBatch::empty()];
    for committed in journal.read(from).unwrap() {
        let committed = committed.unwrap();
        assert_eq!(committed.first, at);
        at = committed.end();
        batches.push(committed.events.clone());
    }
    EventBatch::concat(&batches).unwrap()
}

fn segment_files(directory: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = fs::read_dir(directory.join(JOURNAL_DIRECTORY))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "log"))
        .collect();
    paths.sort();
    paths
}

/// The error's text, for a journal that must not open.
fn refusal(directory: &Path) -> String {
    FileJournal::open(directory, small()).unwrap_err().to_string()
}

#[test]
fn appended_events_read_back_after_a_reopening() {
    let directory = TempDir::new().unwrap();
    let journal = open(&directory);
    let id = journal.id();
    let first = journal.append(&events(0, 3)).unwrap();
    let second = journal.append(&events(3, 2)).unwrap();
    assert_eq!((first.first, first.end()), (Offset(0), Offset(3)));
    assert_eq!((second.first, second.end()), (Offset(3), Offset(5)));
    assert_eq!(first.events, events(0, 3));
    drop(journal);

    let journal = open(&directory);
    assert_eq!(journal.id(), id);
    assert_eq!((journal.start(), journal.end()), (Offset(0), Offset(5)));
    assert_eq!(read_all(&journal, Offset(0)), events(0, 5));
    let read: Vec<Arc<CommittedBatch>> =
        journal.read(Offset(0)).unwrap().collect::<Result<_, _>>().unwrap();
    assert_eq!(read[1].checksum, second.checksum);
    assert_eq!(read[1].epoch, second.epoch);
}

#[test]
fn a_batch_is_cut_to_begin_at_the_offset_of_the_read() {
    let directory = TempDir::new().unwrap();
    let journal = open(&directory);
    journal.append(&events(0, 10)).unwrap();
    let last = journal.append(&events(10, 10)).unwrap();
    for from in 0..=20 {
        assert_eq!(read_all(&journal, Offset(from)), events(from, 20 - from));
    }
    let cut = journal.read(Offset(13)).unwrap().next().unwrap().unwrap();
    assert_eq!((cut.first, cut.end(), cut.checksum), (Offset(13), Offset(20), last.checksum));
}

#[test]
fn a_sliced_batch_is_stored_as_the_slice() {
    let directory = TempDir::new().unwrap();
    let journal = open(&directory);
    journal.append(&events(0, 50).slice(20, 7)).unwrap();
    assert_eq!(read_all(&journal, Offset(0)), events(20, 7));
}

#[test]
fn a_batch_that_compresses_as_well_as_any_can_reads_back() {
    let directory = TempDir::new().unwrap();
    let journal = open(&directory);
    let same = plain_event();
    let batch: EventBatch = std::iter::repeat_n(same, 200_000).collect();
    journal.append(&batch).unwrap();
    assert_eq!(read_all(&journal, Offset(0)), batch);
}

#[test]
fn an_empty_batch_changes_nothing() {
    let directory = TempDir::new().unwrap();
    let journal = open(&directory);
    let before = journal.append(&events(0, 2)).unwrap();
    let size_bytes = journal.size_bytes();
    let nothing = journal.append(&EventBatch::empty()).unwrap();
    assert_eq!((nothing.first, nothing.end()), (Offset(2), Offset(2)));
    assert_eq!(nothing.checksum, before.checksum);
    assert_eq!(journal.size_bytes(), size_bytes);
}

#[test]
fn a_batch_over_the_limit_is_refused_and_the_next_one_is_not() {
    let directory = TempDir::new().unwrap();
    let settings = JournalSettings { record_bytes_max: 8000, ..small() };
    let journal = claimed(FileJournal::open(directory.path(), settings).unwrap());
    let error = journal.append(&events(0, 2000)).unwrap_err();
    assert!(matches!(error, JournalError::TooLarge { limit_bytes: 8000, size_bytes: 8001.. }));
    journal.append(&events(0, 2)).unwrap();
    assert_eq!(journal.end(), Offset(2));
}

#[test]
fn segments_roll_in_the_same_epoch_and_seal_begins_the_next() {
    let directory = TempDir::new().unwrap();
    let journal = open(&directory);
    // An epoch without events is not ended.
    let zero = Boundary { epoch: Epoch(0), offset: Offset(0) };
    assert_eq!(journal.seal().unwrap(), zero);
    for n in 0..10 {
        assert_eq!(journal.append(&events(n * 2, 2)).unwrap().epoch, Epoch(0));
    }
    let rolled = segment_files(directory.path());
    assert!(rolled.len() > 2, "{rolled:?}");
    for path in &rolled {
        assert!(fs::metadata(path).unwrap().len() <= 4500);
    }
    let one = Boundary { epoch: Epoch(1), offset: Offset(20) };
    assert_eq!(journal.seal().unwrap(), one);
    assert_eq!(journal.seal().unwrap(), one);
    assert_eq!(segment_files(directory.path()).len(), rolled.len() + 1);
    drop(journal);

    let journal = open(&directory);
    assert_eq!(journal.seal().unwrap(), one);
    assert_eq!(journal.append(&events(20, 1)).unwrap().epoch, Epoch(1));
    for committed in journal.read(Offset(0)).unwrap() {
        let committed = committed.unwrap();
        assert_eq!(committed.epoch, Epoch(u64::from(committed.first >= one.offset)));
    }
    let sizes = segment_files(directory.path()).into_iter().map(|p| fs::metadata(p).unwrap().len());
    assert_eq!(journal.size_bytes(), sizes.sum::<u64>());
}

#[test]
fn a_record_larger_than_a_segment_has_one_for_itself() {
    let directory = TempDir::new().unwrap();
    let journal = open(&directory);
    journal.append(&events(0, 1)).unwrap();
    journal.append(&events(1, 1000)).unwrap();
    journal.append(&events(1001, 1)).unwrap();
    assert_eq!(segment_files(directory.path()).len(), 3);
    drop(journal);
    assert_eq!(read_all(&open(&directory), Offset(0)), events(0, 1002));
}

#[test]
fn every_position_has_the_checksum_of_the_record_that_ends_there() {
    let directory = TempDir::new().unwrap();
    let journal = open(&directory);
    assert_eq!(journal.checksum_at(Offset(0)).unwrap(), Some(0));
    let mut ends = vec![(Offset(0), 0)];
    for n in 0..9 {
        let committed = journal.append(&events(n * 3, 3)).unwrap();
        ends.push((committed.end(), committed.checksum));
        if n % 4 == 3 {
            journal.seal().unwrap();
        }
    }
    let check = |journal: &FileJournal| {
        for n in 0..=28 {
            let known = ends.iter().find(|(end, _)| *end == Offset(n)).map(|(_, sum)| *sum);
            assert_eq!(journal.checksum_at(Offset(n)).unwrap(), known, "at {n}");
        }
    };
    check(&journal);
    drop(journal);
    let journal = open(&directory);
    check(&journal);

    // Where the first segment begins that is still held, the checksum is known, not before.
    let start = journal.trim(Offset(15)).unwrap();
    assert!(start > Offset(0) && start <= Offset(15));
    let sum = ends.iter().find(|(end, _)| *end == start).unwrap().1;
    assert_eq!(journal.checksum_at(start).unwrap(), Some(sum));
    assert_eq!(journal.checksum_at(Offset(0)).unwrap(), None);
}

#[test]
fn histories_that_part_and_meet_again_have_different_checksums() {
    let directory = TempDir::new().unwrap();
    let journal = open(&directory);
    journal.append(&events(0, 1)).unwrap();
    drop(journal);
    let copy = TempDir::new().unwrap();
    fs::create_dir(copy.path().join(JOURNAL_DIRECTORY)).unwrap();
    for entry in fs::read_dir(directory.path().join(JOURNAL_DIRECTORY)).unwrap() {
        let path = entry.unwrap().path();
        let to = copy.path().join(JOURNAL_DIRECTORY).join(path.file_name().unwrap());
        fs::copy(&path, to).unwrap();
    }
    let (journal, restored) = (open(&directory), open(&copy));
    journal.append(&events(1, 1)).unwrap();
    restored.append(&events(100, 1)).unwrap();
    // The same batch at the same offset, after another one.
    let here = journal.append(&events(2, 1)).unwrap();
    let there = restored.append(&events(2, 1)).unwrap();
    assert_eq!(here.first, there.first);
    assert_ne!(here.checksum, there.checksum);
}

#[test]
fn trimming_deletes_whole_segments_and_never_the_open_one() {
    let directory = TempDir::new().unwrap();
    let journal = open(&directory);
    for n in 0..4 {
        journal.append(&events(n * 5, 5)).unwrap();
        journal.seal().unwrap();
    }
    assert_eq!(journal.trim(Offset(0)).unwrap(), Offset(0));
    assert_eq!(journal.trim(Offset(9)).unwrap(), Offset(5));
    assert_eq!(segment_files(directory.path()).len(), 4);
    assert!(matches!(
        journal.read(Offset(4)).err(),
        Some(JournalError::OutOfRange { asked: Offset(4), start: Offset(5), end: Offset(20) })
    ));
    assert!(matches!(journal.read(Offset(21)).err(), Some(JournalError::OutOfRange { .. })));
    assert_eq!(read_all(&journal, Offset(5)), events(5, 15));

    assert_eq!(journal.trim(Offset(1000)).unwrap(), Offset(20));
    assert_eq!(segment_files(directory.path()).len(), 1);
    let id = journal.id();
    drop(journal);
    let journal = open(&directory);
    assert_eq!(journal.id(), id);
    assert_eq!((journal.start(), journal.end()), (Offset(20), Offset(20)));
    assert_eq!(journal.seal().unwrap(), Boundary { epoch: Epoch(4), offset: Offset(20) });
    let committed = journal.append(&events(20, 5)).unwrap();
    assert_eq!((committed.epoch, committed.first), (Epoch(4), Offset(20)));
    assert_eq!(read_all(&journal, Offset(20)), events(20, 5));
}

#[test]
fn an_epoch_whose_first_segments_were_trimmed_is_still_one_with_events() {
    let directory = TempDir::new().unwrap();
    let journal = open(&directory);
    for n in 0..6 {
        journal.append(&events(n * 2, 2)).unwrap();
    }
    assert!(journal.trim(Offset(12)).unwrap() > Offset(0));
    drop(journal);
    let boundary = open(&directory).seal().unwrap();
    assert_eq!(boundary, Boundary { epoch: Epoch(1), offset: Offset(12) });
}

#[test]
fn a_reader_whose_segment_was_trimmed_says_so() {
    let directory = TempDir::new().unwrap();
    let journal = open(&directory);
    journal.append(&events(0, 1)).unwrap();
    journal.seal().unwrap();
    journal.append(&events(1, 1)).unwrap();
    let mut reader = journal.read(Offset(0)).unwrap();
    journal.trim(Offset(1)).unwrap();
    let error = reader.next().unwrap().unwrap_err();
    assert!(
        matches!(error, JournalError::OutOfRange { asked: Offset(0), start: Offset(1), .. }),
        "{error}"
    );
    assert!(reader.next().is_none());
}

#[test]
fn readers_see_a_prefix_while_others_append_seal_and_trim() {
    const BATCHES: u64 = 120;
    let directory = TempDir::new().unwrap();
    let journal = &open(&directory);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for n in 0..BATCHES {
                let committed = journal.append(&events(n * 3, 3)).unwrap();
                assert!(journal.end() >= committed.end());
                if n % 20 == 19 {
                    journal.seal().unwrap();
                }
                if n == 100 {
                    journal.trim(Offset(60)).unwrap();
                }
            }
        });
        for reader in 0..3 {
            scope.spawn(move || {
                let mut at = Offset(60 + reader);
                while at < Offset(BATCHES * 3) {
                    let until = journal.end();
                    if until < at {
                        std::thread::yield_now();
                        continue;
                    }
                    let from = at;
                    for committed in journal.read(from).unwrap() {
                        let committed = committed.unwrap();
                        assert_eq!(committed.first, at);
                        let count = committed.events.len() as u64;
                        assert_eq!(committed.events, events(at.0, count));
                        at = committed.end();
                    }
                    assert!(at >= until);
                }
            });
        }
    });
}

#[test]
fn writers_that_append_at_once_get_dense_ranges() {
    let directory = TempDir::new().unwrap();
    let journal = &open(&directory);
    let mut ranges: Vec<(Offset, Offset)> = std::thread::scope(|scope| {
        let writers: Vec<_> = (0..4)
            .map(|w| {
                scope.spawn(move || {
                    let batches = (0..20).map(|n| journal.append(&events(w * 1000 + n, 1 + w)));
                    batches.map(|c| c.unwrap()).map(|c| (c.first, c.end())).collect::<Vec<_>>()
                })
            })
            .collect();
        writers.into_iter().flat_map(|writer| writer.join().unwrap()).collect()
    });
    ranges.sort();
    assert_eq!(ranges[0].0, Offset(0));
    assert!(ranges.windows(2).all(|pair| pair[0].1 == pair[1].0));
    assert_eq!(ranges.last().unwrap().1, journal.end());
    assert_eq!(read_all(journal, Offset(0)).len() as u64, journal.end().0);
}

#[test]
fn finding_a_record_in_a_long_segment_starts_near_it() {
    let directory = TempDir::new().unwrap();
    let journal = claimed(FileJournal::open(directory.path(), JournalSettings::default()).unwrap());
    let mut ends = Vec::new();
    for n in 0..40 {
        let committed = journal.append(&events(n * 1000, 1000)).unwrap();
        ends.push((committed.end(), committed.checksum));
    }
    assert!(journal.size_bytes() > 1_000_000, "{} bytes need several marks", journal.size_bytes());
    drop(journal);
    let journal = claimed(FileJournal::open(directory.path(), JournalSettings::default()).unwrap());
    for (end, checksum) in ends {
        assert_eq!(journal.checksum_at(end).unwrap(), Some(checksum));
        assert_eq!(journal.checksum_at(Offset(end.0 - 1)).unwrap(), None);
        let before = Offset(end.0 - 1);
        let one = journal.read(before).unwrap().next().unwrap().unwrap();
        assert_eq!((one.first, &one.events), (before, &events(before.0, 1)));
    }
}

/// A log in a directory of its own; its handles are made as processes do that ignore the lock.
struct DirectoryLog(TempDir);

impl JournalLog for DirectoryLog {
    fn open(&self) -> Result<Arc<dyn Journal>, JournalError> {
        Ok(Arc::new(FileJournal::open_on(Arc::new(HastyDisk), self.0.path(), small())?))
    }
}

#[test]
fn the_journal_in_files_keeps_the_contract() {
    check_journal(&|| Box::new(DirectoryLog(TempDir::new().unwrap())));
}

#[test]
fn a_directory_without_a_fence_opens_and_each_claim_is_one_higher() {
    let directory = TempDir::new().unwrap();
    let journal = FileJournal::open(directory.path(), small()).unwrap();
    let fence = directory.path().join(JOURNAL_DIRECTORY).join("fence");
    assert!(!fence.exists(), "as earlier builds left it");
    assert_eq!(journal.claim().unwrap(), Fence(1));
    journal.append(&events(0, 1)).unwrap();
    drop(journal);
    fs::remove_file(&fence).unwrap();
    assert_eq!(read_all(&open(&directory), Offset(0)), events(0, 1));
    assert_eq!(fs::read_to_string(&fence).unwrap(), "1\n");
    let journal = open(&directory);
    assert_eq!(fs::read_to_string(&fence).unwrap(), "2\n");
    fs::write(&fence, "two").unwrap();
    assert!(matches!(journal.claim(), Err(JournalError::Corrupt(_))));
}
