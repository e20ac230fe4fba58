//! Whether a data directory is still the one that was locked.
//!
//! A directory can be renamed, deleted or replaced under a running service, whose open files then
//! take writes that no later start finds; a second service may begin in its place. Neither the
//! writes nor the lock notice. So before anything is acknowledged or changed, the device and inode
//! numbers of the directory and its lock file are compared with those that the path leads to.
//!
//! Always true: once they differed the directory counts as gone for good, also when it is put back,
//! since changes by its path were meanwhile made to another directory.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use merganser_core::failpoint::is_bug_planted;

/// What identifies a file or directory while it is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FileIdentity {
    device: u64,
    inode: u64,
}

impl FileIdentity {
    /// Of an open file.
    pub(super) fn of(file: &File) -> io::Result<Self> {
        file.metadata().map(|about| Self::from(&about))
    }

    /// Whether `path` still leads to it; if not, why.
    pub(super) fn check(self, path: &Path) -> Result<(), String> {
        if is_bug_planted("ack_into_unlinked") {
            return Ok(());
        }
        match fs::metadata(path) {
            Ok(about) if Self::from(&about) == self => Ok(()),
            Ok(_) => Err(format!("there is another one at {}", path.display())),
            Err(error) => Err(format!("{}: {error}", path.display())),
        }
    }
}

impl From<&fs::Metadata> for FileIdentity {
    fn from(about: &fs::Metadata) -> Self {
        Self { device: about.dev(), inode: about.ino() }
    }
}

/// The directory is not the one that was locked any more.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the data directory {} is no longer the one that the service was started on ({why}); nothing \
     is acknowledged any more: put it back and restart the service",
    directory.display()
)]
pub struct DirectoryLostError {
    /// Its path.
    pub directory: PathBuf,
    /// What is at the path instead.
    pub why: String,
}

/// A data directory that was locked. Clones are of the same.
#[derive(Clone, Debug)]
pub struct LockedDirectory(Arc<DirectoryIdentity>);

#[derive(Debug)]
struct DirectoryIdentity {
    directory: PathBuf,
    lock_path: PathBuf,
    /// Kept open, so that nothing else can get their numbers.
    _files: [File; 2],
    identities: [FileIdentity; 2],
    gone: OnceLock<DirectoryLostError>,
}

impl LockedDirectory {
    /// `directory` as it is now, with its lock file `lock_path`.
    pub(super) fn new(directory: &Path, lock_path: &Path) -> io::Result<Self> {
        let files = [File::open(directory)?, File::open(lock_path)?];
        let identities = [FileIdentity::of(&files[0])?, FileIdentity::of(&files[1])?];
        let (directory, lock_path) = (directory.to_owned(), lock_path.to_owned());
        let gone = OnceLock::new();
        Ok(Self(Arc::new(DirectoryIdentity {
            directory,
            lock_path,
            _files: files,
            identities,
            gone,
        })))
    }

    /// Looks whether it is still there.
    ///
    /// # Errors
    /// When it is not, or was not at an earlier look.
    pub fn check(&self) -> Result<(), DirectoryLostError> {
        let held = &*self.0;
        if let Some(gone) = held.gone.get() {
            return Err(gone.clone());
        }
        let [directory, lock] = held.identities;
        let found = directory.check(&held.directory).and_then(|()| lock.check(&held.lock_path));
        found.map_err(|why| self.mark_lost(why))
    }

    /// Notes that what was in it is not there any more.
    pub(super) fn mark_lost(&self, why: String) -> DirectoryLostError {
        let directory = self.0.directory.clone();
        self.0.gone.get_or_init(|| DirectoryLostError { directory, why }).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::super::DirectoryLock;
    use super::*;

    fn locked() -> (tempfile::TempDir, PathBuf, DirectoryLock) {
        let parent = tempfile::tempdir().unwrap();
        let directory = parent.path().join("data");
        let lock = DirectoryLock::acquire(&directory).unwrap();
        assert_eq!(lock.locked_directory().check(), Ok(()));
        (parent, directory, lock)
    }

    #[test]
    fn a_directory_that_is_deleted_or_made_anew_is_gone() {
        for is_made_anew in [false, true] {
            let (_parent, directory, lock) = locked();
            fs::remove_dir_all(&directory).unwrap();
            let other = is_made_anew.then(|| DirectoryLock::acquire(&directory).unwrap());
            let gone = lock.locked_directory().check().unwrap_err().to_string();
            let says = if is_made_anew { "another one" } else { "No such file" };
            assert!(gone.contains(says) && gone.contains("/data "), "{gone}");
            if let Some(other) = other {
                assert_eq!(other.locked_directory().check(), Ok(()));
            }
        }
    }

    #[test]
    fn a_directory_that_is_put_back_after_a_look_stays_gone() {
        let (parent, directory, lock) = locked();
        let away = parent.path().join("away");
        fs::rename(&directory, &away).unwrap();
        fs::rename(&away, &directory).unwrap();
        assert_eq!(lock.locked_directory().check(), Ok(()));
        fs::rename(&directory, &away).unwrap();
        let gone = lock.locked_directory().check().unwrap_err();
        fs::rename(&away, &directory).unwrap();
        assert_eq!(lock.locked_directory().check(), Err(gone));
        drop(lock);
        assert_eq!(DirectoryLock::acquire(&directory).unwrap().locked_directory().check(), Ok(()));
    }

    #[test]
    fn a_directory_that_is_reached_by_a_link_now_is_the_same() {
        let (parent, directory, lock) = locked();
        let away = parent.path().join("away");
        fs::rename(&directory, &away).unwrap();
        std::os::unix::fs::symlink(&away, &directory).unwrap();
        assert_eq!(lock.locked_directory().check(), Ok(()));
    }

    #[test]
    fn a_lock_file_that_is_made_anew_keeps_nobody_out() {
        let (_parent, directory, lock) = locked();
        fs::remove_file(directory.join("LOCK")).unwrap();
        let _second = DirectoryLock::acquire(&directory).unwrap();
        let gone = lock.locked_directory().check().unwrap_err().to_string();
        assert!(gone.contains("LOCK"), "{gone}");
    }
}
