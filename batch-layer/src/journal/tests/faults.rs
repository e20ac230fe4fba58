//! What a journal makes of a disk that fails.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::sync::Mutex;

use super::*;
use crate::journal::JournalDisk;

/// An operation, and what it fails with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Failure {
    Create(ErrorKind),
    /// After half of the bytes.
    Write(ErrorKind),
    Sync,
    Truncate,
    Remove,
    SyncDirectory,
}

/// A disk whose next operations of given sorts fail, in that order, once each.
#[derive(Debug, Default)]
struct FaultyDisk(Mutex<VecDeque<Failure>>);

impl FaultyDisk {
    fn plan(&self, failures: impl IntoIterator<Item = Failure>) {
        let mut planned = self.0.lock().unwrap();
        assert!(planned.is_empty(), "{planned:?} did not come about");
        planned.extend(failures);
    }

    /// The next failure, if it is of this sort.
    fn next(&self, is_it: impl FnOnce(&Failure) -> bool) -> Option<Failure> {
        self.0.lock().unwrap().pop_front_if(|failure| is_it(failure))
    }
}

fn broken() -> io::Error {
    io::Error::other("the disk is broken")
}

impl JournalDisk for FaultyDisk {
    fn create(&self, path: &Path) -> io::Result<File> {
        match self.next(|failure| matches!(failure, Failure::Create(_))) {
            Some(Failure::Create(kind)) => Err(kind.into()),
            _ => super::super::LocalDisk.create(path),
        }
    }

    fn write(&self, mut file: &File, bytes: &[u8]) -> io::Result<()> {
        match self.next(|failure| matches!(failure, Failure::Write(_))) {
            Some(Failure::Write(kind)) => {
                file.write_all(&bytes[..bytes.len() / 2])?;
                Err(kind.into())
            }
            _ => file.write_all(bytes),
        }
    }

    fn sync(&self, file: &File) -> io::Result<()> {
        self.next(|failure| *failure == Failure::Sync)
            .map_or_else(|| file.sync_data(), |_| Err(broken()))
    }

    fn truncate(&self, file: &File, size_bytes: u64) -> io::Result<()> {
        self.next(|failure| *failure == Failure::Truncate)
            .map_or_else(|| file.set_len(size_bytes), |_| Err(broken()))
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.next(|failure| *failure == Failure::Remove)
            .map_or_else(|| fs::remove_file(path), |_| Err(broken()))
    }

    fn sync_directory(&self, path: &Path) -> io::Result<()> {
        self.next(|failure| *failure == Failure::SyncDirectory)
            .map_or_else(|| super::super::LocalDisk.sync_directory(path), |_| Err(broken()))
    }
}

fn open_faulty(directory: &TempDir) -> (Arc<FaultyDisk>, FileJournal) {
    let disk = Arc::new(FaultyDisk::default());
    let journal = FileJournal::open_on(Arc::clone(&disk) as _, directory.path(), small()).unwrap();
    let journal = claimed(journal);
    (disk, journal)
}

/// The journal refuses all writes, and gives what was durable before.
fn assert_stopped(journal: &FileJournal, durable: u64) {
    for _ in 0..2 {
        assert!(matches!(journal.append(&events(0, 1)), Err(JournalError::Stopped(_))));
        assert!(matches!(journal.append(&EventBatch::empty()), Err(JournalError::Stopped(_))));
        assert!(matches!(journal.seal(), Err(JournalError::Stopped(_))));
    }
    assert_eq!(journal.end(), Offset(durable));
    assert_eq!(read_all(journal, Offset(0)), events(0, durable));
}

#[test]
fn a_failed_fsync_or_write_stops_the_journal_until_it_is_opened_anew() {
    let unwell = [
        vec![Failure::Sync],
        vec![Failure::Write(ErrorKind::Other)],
        vec![Failure::Write(ErrorKind::StorageFull), Failure::Truncate],
        vec![Failure::Write(ErrorKind::StorageFull), Failure::Sync],
    ];
    for failures in unwell {
        let directory = TempDir::new().unwrap();
        let (disk, journal) = open_faulty(&directory);
        journal.append(&events(0, 3)).unwrap();
        disk.plan(failures.clone());
        let error = journal.append(&events(3, 2)).unwrap_err();
        assert!(matches!(error, JournalError::Uncertain(_)), "{failures:?}: {error}");
        assert_stopped(&journal, 3);
        disk.plan([]);
        drop(journal);
        // What was being written may or may not be there; nothing else changed.
        let journal = open(&directory);
        let end = journal.end();
        assert!(end == Offset(3) || end == Offset(5), "{failures:?}: {end}");
        journal.append(&events(end.0, 4)).unwrap();
        assert_eq!(read_all(&journal, Offset(0)), events(0, end.0 + 4));
    }
}

#[test]
fn a_full_disk_is_an_error_that_the_journal_survives() {
    let directory = TempDir::new().unwrap();
    let (disk, journal) = open_faulty(&directory);
    journal.append(&events(0, 3)).unwrap();
    let size_bytes = journal.size_bytes();
    for kind in [ErrorKind::StorageFull, ErrorKind::QuotaExceeded] {
        disk.plan([Failure::Write(kind)]);
        assert!(matches!(journal.append(&events(3, 2)), Err(JournalError::Full(_))));
        let path = segment_files(directory.path()).pop().unwrap();
        assert_eq!(fs::metadata(path).unwrap().len(), size_bytes);
    }
    journal.append(&events(3, 2)).unwrap();
    assert_eq!(read_all(&journal, Offset(0)), events(0, 5));
    drop(journal);
    assert_eq!(read_all(&open(&directory), Offset(0)), events(0, 5));
}

#[test]
fn a_segment_that_finds_no_room_leaves_no_trace() {
    let directory = TempDir::new().unwrap();
    let (disk, journal) = open_faulty(&directory);
    journal.append(&events(0, 3)).unwrap();
    for failure in [Failure::Create(ErrorKind::StorageFull), Failure::Write(ErrorKind::StorageFull)]
    {
        disk.plan([failure]);
        assert!(matches!(journal.seal(), Err(JournalError::Full(_))));
        assert_eq!(segment_files(directory.path()).len(), 1);
    }
    assert_eq!(journal.append(&events(3, 2)).unwrap().epoch, Epoch(0));
    assert_eq!(journal.seal().unwrap(), Boundary { epoch: Epoch(1), offset: Offset(5) });
    drop(journal);
    assert_eq!(read_all(&open(&directory), Offset(0)), events(0, 5));
}

#[test]
fn a_segment_that_cannot_be_opened_for_want_of_files_can_be_later() {
    let directory = TempDir::new().unwrap();
    let (disk, journal) = open_faulty(&directory);
    journal.append(&events(0, 3)).unwrap();
    disk.plan([Failure::Create(ErrorKind::Other)]);
    assert!(matches!(journal.seal(), Err(JournalError::Io(_))));
    assert_eq!(journal.seal().unwrap(), Boundary { epoch: Epoch(1), offset: Offset(3) });
}

#[test]
fn a_segment_of_doubtful_durability_stops_the_journal() {
    let unwell = [
        vec![Failure::Sync],
        vec![Failure::SyncDirectory],
        vec![Failure::Write(ErrorKind::Other)],
        vec![Failure::Write(ErrorKind::StorageFull), Failure::Remove],
        vec![Failure::Write(ErrorKind::StorageFull), Failure::SyncDirectory],
    ];
    for failures in unwell {
        let directory = TempDir::new().unwrap();
        let (disk, journal) = open_faulty(&directory);
        journal.append(&events(0, 3)).unwrap();
        disk.plan(failures.clone());
        let error = journal.seal().unwrap_err();
        assert!(matches!(error, JournalError::Uncertain(_)), "{failures:?}: {error}");
        assert_stopped(&journal, 3);
        disk.plan([]);
        drop(journal);
        let journal = open(&directory);
        journal.append(&events(3, 1)).unwrap();
        assert_eq!(read_all(&journal, Offset(0)), events(0, 4));
    }
}

#[test]
fn a_segment_that_cannot_be_deleted_is_kept() {
    let directory = TempDir::new().unwrap();
    let (disk, journal) = open_faulty(&directory);
    for n in 0..3 {
        journal.append(&events(n, 1)).unwrap();
        journal.seal().unwrap();
    }
    let size_bytes = journal.size_bytes();
    disk.plan([Failure::Remove]);
    assert!(matches!(journal.trim(Offset(3)), Err(JournalError::Io(_))));
    assert_eq!((journal.start(), journal.size_bytes()), (Offset(0), size_bytes));
    assert_eq!(read_all(&journal, Offset(0)), events(0, 3));
    disk.plan([Failure::SyncDirectory]);
    assert!(matches!(journal.trim(Offset(3)), Err(JournalError::Io(_))));
    assert_eq!(journal.start(), Offset(1));
    assert_eq!(journal.trim(Offset(3)).unwrap(), Offset(3));
    drop(journal);
    assert_eq!(open(&directory).start(), Offset(3));
}

#[test]
fn a_journal_does_not_open_on_a_disk_that_cannot_make_its_tail_durable() {
    let directory = TempDir::new().unwrap();
    let journal = open(&directory);
    journal.append(&events(0, 2)).unwrap();
    drop(journal);
    for failure in [Failure::Write(ErrorKind::Other), Failure::Sync, Failure::SyncDirectory] {
        let disk = Arc::new(FaultyDisk::default());
        disk.plan([failure]);
        let error =
            FileJournal::open_on(Arc::clone(&disk) as _, directory.path(), small()).unwrap_err();
        assert!(matches!(error, JournalError::Io(_)), "{error}");
    }
    assert_eq!(read_all(&open(&directory), Offset(0)), events(0, 2));
}
