//! The journal on disk: the only thing that an acknowledgement depends on.
//!
//! A directory of segment files, each a row of checksummed frames, one frame a batch. `segment`
//! and `frame` say what each byte means, and `docs/data-files.md` says it for operators.
//!
//! Always true:
//! - An event that [`FileJournal::append`] returned is on disk, and its file's name too.
//! - Offsets are dense: segments, and the frames in them, follow each other without a gap.
//! - Nothing is read that does not match its checksum, and a checksum stands for all before it.
//! - After a failure that leaves the disk's content open, nothing more is written.
//!
//! | part | what |
//! |---|---|
//! | `directory_lock`, `held` | keep a second process out, and know a directory again |
//! | `frame`, `payload`, `segment`, `identity` | the formats |
//! | `segments` | what is durable; readers see that and no more |
//! | `recovery`, `tail` | opening: check, refuse damage, put right what a crash left |
//! | `writer` | appending, rolling and sealing |
//! | `fence` | who may append |
//! | `reader`, `cursor` | reading |
//! | `inspect` | a look from outside |
//! | `disk` | every operation that changes the disk, for tests to fail |

mod cursor;
mod directory_lock;
mod disk;
mod fence;
mod frame;
mod inspect;
mod journal_id;
mod location;
mod locked_directory;
mod object;
mod payload;
mod reader;
mod record;
mod recovery;
mod segment;
mod segments;
mod tail_repair;
#[cfg(test)]
mod tests;
mod writer;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use merganser_core::event::EventBatch;
use merganser_core::ids::{Boundary, Fence, JournalId, Offset, PartitionId};
use merganser_core::journal::{
    AppendSignal, CommittedBatch, IdentityReader, Journal, JournalCopy, JournalError, JournalFile,
    JournalReader,
};

pub use self::directory_lock::{DirectoryLock, LockError, lock_holder};
pub use self::disk::{JournalDisk, LocalDisk};
pub use self::location::{JournalLocation, open_claimed};
pub use self::locked_directory::{DirectoryLostError, LockedDirectory};
pub use self::object::ObjectJournal;

pub(crate) use self::inspect::inspect_journal;

use self::cursor::io_error;
use self::frame::EncodedFrame;
use self::reader::{JournalRecordIter, SharedSegments};
use self::record::JournalRecord;
use self::recovery::RecoveredJournal;
use self::writer::JournalWriter;

/// The journal's directory within the data directory.
pub const JOURNAL_DIRECTORY: &str = "journal";

/// What may be set about a journal. It may differ from one opening to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JournalSettings {
    /// A segment does not grow beyond this, unless a single record does.
    pub segment_bytes_max: u64,
    /// A record does not grow beyond this; a batch that would is refused.
    pub record_bytes_max: usize,
}

impl Default for JournalSettings {
    /// Segments of 64 MiB, records of 256 MiB.
    fn default() -> Self {
        Self { segment_bytes_max: 64 << 20, record_bytes_max: 256 << 20 }
    }
}

/// A [`Journal`] in a directory of a local file system.
#[derive(Debug)]
pub struct FileJournal {
    id: JournalId,
    directory: PathBuf,
    settings: JournalSettings,
    disk: Arc<dyn JournalDisk>,
    /// The data directory, where the caller has locked it.
    held: Option<LockedDirectory>,
    published: SharedSegments,
    writer: Mutex<JournalWriter>,
    /// Wakes the tasks that wait for more events.
    appended: AppendSignal,
    /// Held while segments are deleted, so that they go oldest first.
    trimming: Mutex<()>,
}

impl FileJournal {
    /// Opens the journal in the data directory `directory`, or begins one there. The caller holds
    /// the [`DirectoryLock`].
    ///
    /// # Errors
    /// [`JournalError::Corrupt`] when what is there is damaged in a way that no crash explains, and
    /// [`JournalError::Io`] when it cannot be read or was written by a newer version.
    pub fn open(directory: &Path, settings: JournalSettings) -> Result<Self, JournalError> {
        Self::open_on(Arc::new(LocalDisk), directory, settings)
    }

    /// Opens the journal in a data directory that was locked. It acknowledges and changes nothing
    /// once that is not the same any more.
    ///
    /// # Errors
    /// As [`FileJournal::open`].
    pub fn open_in(lock: &DirectoryLock, settings: JournalSettings) -> Result<Self, JournalError> {
        let mut journal = Self::open(lock.directory(), settings)?;
        journal.writer()?.set_directory(lock.locked_directory().clone());
        journal.held = Some(lock.locked_directory().clone());
        Ok(journal)
    }

    /// As [`FileJournal::open`], on a disk that may fail.
    ///
    /// # Errors
    /// As [`FileJournal::open`].
    pub fn open_on(
        disk: Arc<dyn JournalDisk>,
        directory: &Path,
        settings: JournalSettings,
    ) -> Result<Self, JournalError> {
        let directory = directory.join(JOURNAL_DIRECTORY);
        let RecoveredJournal { id, segments, file } = recovery::recover(disk.as_ref(), &directory)?;
        let (start, end, size_bytes) = (segments.start(), segments.end(), segments.size_bytes());
        tracing::info!(%id, start = start.0, end = end.0, size_bytes, "the journal is open");
        let published = SharedSegments::new(segments);
        let writer = Mutex::new(JournalWriter::new(
            Arc::clone(&disk),
            directory.clone(),
            id,
            settings.segment_bytes_max,
            published.clone(),
            file,
        )?);
        Ok(Self {
            id,
            directory,
            settings,
            disk,
            held: None,
            published,
            writer,
            appended: AppendSignal::default(),
            trimming: Mutex::new(()),
        })
    }

    /// The writer, for one caller at a time. One who panicked may have left a frame half-written.
    fn writer(&self) -> Result<MutexGuard<'_, JournalWriter>, JournalError> {
        self.writer
            .lock()
            .map_err(|_| JournalError::Stopped("a thread panicked while it wrote".to_owned()))
    }
}

impl Journal for FileJournal {
    fn id(&self) -> JournalId {
        self.id
    }

    fn claim(&self) -> Result<Fence, JournalError> {
        self.writer()?.claim()
    }

    fn append(&self, events: &EventBatch) -> Result<Arc<CommittedBatch>, JournalError> {
        let placed = if events.is_empty() {
            self.writer()?.append_empty()?
        } else {
            // Compressed before the writer is taken, so that callers do so side by side.
            let frame = EncodedFrame::encode(events, self.settings.record_bytes_max)?;
            self.writer()?.append(frame)?
        };
        self.appended.notify();
        Ok(Arc::new(CommittedBatch {
            partition: PartitionId::ONLY,
            epoch: placed.epoch,
            first: placed.first,
            events: events.clone(),
            previous: placed.previous,
            checksum: placed.checksum,
        }))
    }

    fn end(&self) -> Offset {
        self.published.read().end()
    }

    fn start(&self) -> Offset {
        self.published.read().start()
    }

    fn seal(&self) -> Result<Boundary, JournalError> {
        self.writer()?.seal()
    }

    fn read(&self, from: Offset) -> Result<JournalReader, JournalError> {
        Ok(Box::new(JournalRecordIter::new(&self.published, from, JournalRecord::events)?))
    }

    fn read_identities(&self, from: Offset) -> Result<IdentityReader, JournalError> {
        Ok(Box::new(JournalRecordIter::new(&self.published, from, JournalRecord::identities)?))
    }

    /// Where the first segment that is held begins, the checksum is known too, although the record
    /// that ends there was trimmed.
    fn checksum_at(&self, position: Offset) -> Result<Option<u32>, JournalError> {
        reader::checksum_at(&self.published, position)
    }

    fn poll_beyond(&self, offset: Offset, cx: &mut Context<'_>) -> Poll<()> {
        self.appended.poll_until(cx, || self.end() > offset)
    }

    fn trim(&self, below: Offset) -> Result<Offset, JournalError> {
        let _turn = self.trimming.lock().unwrap_or_else(PoisonError::into_inner);
        // A call of its own, so that the lock is not held while the file is deleted.
        let pop = || self.published.write().pop_below(below);
        self.confirm()?;
        while let Some(oldest) = pop() {
            if let Err(error) = self.disk.remove(&oldest.path) {
                let error = io_error("removing", &oldest.path, &error);
                self.published.write().restore_oldest(oldest);
                return Err(error);
            }
            // Each by itself: a crash must not undo a deletion and leave a later one done.
            self.disk
                .sync_directory(&self.directory)
                .map_err(|error| io_error("fsync of", &self.directory, &error))?;
        }
        Ok(self.start())
    }

    fn copy(&self) -> Result<JournalCopy, JournalError> {
        self.confirm()?;
        // So that none is deleted between the look and the opening.
        let _turn = self.trimming.lock().unwrap_or_else(PoisonError::into_inner);
        let segments: Vec<_> =
            self.published.read().all().map(|s| (Arc::clone(&s.path), s.size_bytes)).collect();
        let segments = segments.iter().map(|(path, size)| open_file(path, Some(*size)));
        let id = open_file(&self.directory.join(journal_id::FILE_NAME), None);
        let files = segments.chain([id]).collect::<Result<_, _>>()?;
        let (start, end) = (self.start(), self.end());
        Ok(JournalCopy { files, objects: Vec::new(), start, end })
    }

    fn confirm_claim(&self) -> Result<(), JournalError> {
        self.writer()?.append_empty().map(drop)
    }

    fn confirm(&self) -> Result<(), JournalError> {
        let held = self.held.as_ref().map_or(Ok(()), LockedDirectory::check);
        held.map_err(|gone| JournalError::Gone(gone.to_string()))
    }

    fn size_bytes(&self) -> u64 {
        self.published.read().size_bytes()
    }
}

/// Opens a file of the journal for a back-up, up to `size_bytes` or to its end.
fn open_file(path: &Path, size_bytes: Option<u64>) -> Result<JournalFile, JournalError> {
    let failed = |error: std::io::Error| io_error("opening", path, &error);
    let file = File::open(path).map_err(failed)?;
    let size_bytes = match size_bytes {
        Some(durable) => durable,
        None => file.metadata().map_err(failed)?.len(),
    };
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    Ok(JournalFile { name: format!("{JOURNAL_DIRECTORY}/{name}"), file, size_bytes })
}
