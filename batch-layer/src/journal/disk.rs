//! Every operation by which the journal changes the disk, in one place.
//!
//! It exists so that tests can slip a failing disk beneath the journal: the methods' default
//! bodies are the real operations, and a faulty disk overrides the ones that it fails. Reading is
//! not here: what is read is checked against its checksum, wherever it went wrong.

use std::fmt::Debug;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::Path;

use merganser_core::failpoint;

use crate::files;

/// The operations by which a journal changes its directory.
pub trait JournalDisk: Debug + Send + Sync + 'static {
    /// Creates a directory and those above it that are missing, durably.
    ///
    /// # Errors
    /// When it is not there, or not known to be durable.
    fn create_directory(&self, path: &Path) -> io::Result<()> {
        files::create_directory(path)
    }

    /// Creates a file that is not there yet, to append to.
    ///
    /// # Errors
    /// When it was not created.
    fn create(&self, path: &Path) -> io::Result<File> {
        failpoint::hit("journal.create.before")?;
        let file = OpenOptions::new().append(true).create_new(true).open(path)?;
        failpoint::disk::created(path);
        failpoint::hit("journal.create.after")?;
        Ok(file)
    }

    /// Writes all of `bytes` where `file` stands: at its end, if it was opened to append.
    ///
    /// # Errors
    /// When they were not all written; some may have been.
    fn write(&self, mut file: &File, bytes: &[u8]) -> io::Result<()> {
        failpoint::hit("journal.write.before")?;
        failpoint::disk::writing(file);
        file.write_all(bytes)?;
        failpoint::hit("journal.write.after")
    }

    /// Makes the content of `file` durable, its length included.
    ///
    /// # Errors
    /// When it is not known to be durable. Another attempt would prove nothing: the system may
    /// have dropped what it could not write.
    fn sync(&self, file: &File) -> io::Result<()> {
        failpoint::hit("journal.sync.before")?;
        file.sync_data()?;
        failpoint::disk::synced(file);
        failpoint::hit("journal.sync.after")
    }

    /// Replaces a small file as a whole, durably.
    ///
    /// # Errors
    /// When the new content is not known to be durable; then the old or the new one is there.
    fn replace(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        files::replace(path, bytes)
    }

    /// Cuts `file` to `size_bytes`.
    ///
    /// # Errors
    /// When it was not cut.
    fn truncate(&self, file: &File, size_bytes: u64) -> io::Result<()> {
        failpoint::hit("journal.truncate")?;
        file.set_len(size_bytes)?;
        failpoint::disk::truncated(file, size_bytes);
        Ok(())
    }

    /// Deletes a file.
    ///
    /// # Errors
    /// When it was not deleted.
    fn remove(&self, path: &Path) -> io::Result<()> {
        failpoint::hit("journal.remove.before")?;
        failpoint::disk::removing(path);
        fs::remove_file(path)?;
        failpoint::hit("journal.remove.after")
    }

    /// Makes the names in a directory durable.
    ///
    /// # Errors
    /// When they are not known to be durable.
    fn sync_directory(&self, path: &Path) -> io::Result<()> {
        failpoint::hit("journal.directory.before")?;
        files::sync_directory(path)?;
        failpoint::hit("journal.directory.after")
    }
}

/// The machine's disk.
#[derive(Clone, Copy, Debug, Default)]
pub struct LocalDisk;

impl JournalDisk for LocalDisk {}

/// Whether a write failed because there is no room, as opposed to a disk that is unwell.
pub(super) fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded)
}
