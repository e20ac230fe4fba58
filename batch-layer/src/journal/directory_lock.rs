//! The exclusive lock on a data directory.
//!
//! Two processes that append to one journal would write the same offsets twice, so a process takes
//! this lock before it opens anything in the directory. The system drops the lock with the process,
//! however it ends; the file `LOCK` itself stays and means nothing without it.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use super::locked_directory::LockedDirectory;
use crate::files;

/// The lock's file within the data directory.
const FILE_NAME: &str = "LOCK";

/// Why a data directory could not be locked.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process, or another part of this one, has it.
    #[error("{} is in use by another process (pid {pid})", directory.display())]
    Held {
        /// The data directory.
        directory: PathBuf,
        /// Its holder's process id, `unknown` if it could not be read.
        pid: String,
    },
    /// The file could not be created, locked or written.
    #[error("locking {}: {error}", path.display())]
    Io {
        /// The lock's file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
}

/// The right to use a data directory, until it is dropped.
#[derive(Debug)]
#[must_use = "the directory is unlocked when this is dropped"]
pub struct DirectoryLock {
    directory: PathBuf,
    held: LockedDirectory,
    /// The system's lock lives as long as the open file.
    _file: File,
}

impl DirectoryLock {
    /// Locks `directory`, which is created if it is missing.
    ///
    /// # Errors
    /// [`LockError::Held`] at once, without waiting, when it is in use.
    pub fn acquire(directory: &Path) -> Result<Self, LockError> {
        let path = directory.join(FILE_NAME);
        let at_path = |error| LockError::Io { path: path.clone(), error };
        files::create_directory(directory).map_err(at_path)?;
        // Not truncated before it is locked: the holder's pid is in it.
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(at_path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let pid = read_pid(&mut file);
                return Err(LockError::Held { directory: directory.to_owned(), pid });
            }
            Err(TryLockError::Error(error)) => return Err(at_path(error)),
        }
        file.set_len(0).map_err(at_path)?;
        writeln!(file, "{}", std::process::id()).map_err(at_path)?;
        let held = LockedDirectory::new(directory, &path).map_err(at_path)?;
        Ok(Self { directory: directory.to_owned(), held, _file: file })
    }

    /// The directory that is locked.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The directory that was locked, for looking whether it is still there.
    #[must_use]
    pub fn locked_directory(&self) -> &LockedDirectory {
        &self.held
    }
}

/// Who has locked the data directory `directory`: a process id, or `unknown`; `None` if it is free.
///
/// A directory that is free is locked for an instant, with a lock that other such looks share.
///
/// # Errors
/// When its lock cannot be read.
pub fn lock_holder(directory: &Path) -> io::Result<Option<String>> {
    let mut file = match File::open(directory.join(FILE_NAME)) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        opened => opened?,
    };
    match file.try_lock_shared() {
        Ok(()) => Ok(None),
        Err(TryLockError::WouldBlock) => Ok(Some(read_pid(&mut file))),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

fn read_pid(file: &mut File) -> String {
    let mut text = String::new();
    // It is for a person to read; a file that was damaged must not fill memory.
    let read = file.take(32).read_to_string(&mut text);
    match text.trim() {
        pid if read.is_ok() && !pid.is_empty() => pid.to_owned(),
        _ => "unknown".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_locked_once_and_free_after_the_drop() {
        let parent = tempfile::tempdir().unwrap();
        let directory = parent.path().join("data");
        let lock = DirectoryLock::acquire(&directory).unwrap();
        assert_eq!(lock.directory(), directory);
        let refused = DirectoryLock::acquire(&directory).unwrap_err().to_string();
        assert_eq!(
            refused,
            format!(
                "{} is in use by another process (pid {})",
                directory.display(),
                std::process::id()
            )
        );
        drop(lock);
        drop(DirectoryLock::acquire(&directory).unwrap());
    }

    #[test]
    fn a_longer_pid_of_an_earlier_holder_leaves_no_digits() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("LOCK"), "99999999999999\n").unwrap();
        let _lock = DirectoryLock::acquire(directory.path()).unwrap();
        let text = std::fs::read_to_string(directory.path().join("LOCK")).unwrap();
        assert_eq!(text, format!("{}\n", std::process::id()));
    }

    #[test]
    fn a_lock_is_looked_at_and_left_as_it_is() {
        let directory = tempfile::tempdir().unwrap();
        assert_eq!(lock_holder(directory.path()).unwrap(), None);
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
        let lock = DirectoryLock::acquire(directory.path()).unwrap();
        let own = std::process::id().to_string();
        assert_eq!(lock_holder(directory.path()).unwrap(), Some(own));
        drop(lock);
        assert_eq!(lock_holder(directory.path()).unwrap(), None);
        drop(DirectoryLock::acquire(directory.path()).unwrap());
    }
}
