//! The claim of the one that may append, in the file `fence` beside the segments: a decimal number
//! and a line end. A directory without it has fence 0.
//!
//! Each claim replaces the file. Who claimed before finds another file at the path, which takes one
//! look at a name and no file descriptor; so it is done before every write. This stands behind the
//! lock on the directory and not instead of it: between the look and the write there is no bound on
//! a process that is held up.

use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use merganser_core::ids::Fence;
use merganser_core::journal::JournalError;

use super::cursor::{corrupt, io_error};
use super::disk::JournalDisk;
use super::locked_directory::FileIdentity;

/// The file's name.
const FILE_NAME: &str = "fence";

/// A fence that was claimed.
#[derive(Debug)]
pub(super) struct ClaimedFence {
    path: PathBuf,
    identity: FileIdentity,
    /// Kept open, so that no other file gets its numbers.
    _file: File,
}

impl ClaimedFence {
    /// Claims the journal in `directory` with the next fence.
    pub(super) fn claim(
        disk: &dyn JournalDisk,
        directory: &Path,
    ) -> Result<(Self, Fence), JournalError> {
        let fence = read(directory)?.next();
        let path = directory.join(FILE_NAME);
        let failed = |error| io_error("claiming", &path, &error);
        disk.replace(&path, format!("{fence}\n").as_bytes()).map_err(failed)?;
        let file = File::open(&path).map_err(failed)?;
        let identity = FileIdentity::of(&file).map_err(failed)?;
        Ok((Self { path, identity, _file: file }, fence))
    }

    /// Whether no other handle has claimed since.
    pub(super) fn is_newest(&self) -> bool {
        self.identity.check(&self.path).is_ok()
    }
}

/// The newest fence of the journal in `directory`.
pub(super) fn read(directory: &Path) -> Result<Fence, JournalError> {
    let path = directory.join(FILE_NAME);
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Fence::ZERO),
        Err(error) => return Err(io_error("reading", &path, &error)),
    };
    let number = text.strip_suffix('\n').and_then(|digits| digits.parse::<u64>().ok());
    // The last number there is has none after it, and no claim has ever come to it.
    let number = number.filter(|number| *number < u64::MAX);
    number.map(Fence).ok_or_else(|| corrupt(&path, 0, "expected a line with a decimal number"))
}
