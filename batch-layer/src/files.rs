//! Durable file primitives: what they have written is on disk when they return.
//!
//! A file is durable when its content is fsynced and the directory that names it is, too. Every
//! function here does both, so that a caller cannot forget one. All of them block.
//!
//! A crash within [`create`] leaves a file that is not whole, so it is for files that something
//! else names afterwards; [`replace`] shows its content whole or not at all.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use merganser_core::failpoint;

/// The ending of files that [`replace`] has not renamed yet. One that is found at start was left
/// by a crash and means nothing.
pub const UNFINISHED: &str = ".tmp";

/// Creates `path` and writes `bytes` to it, durably.
///
/// # Errors
/// When `path` exists, or an operation fails; then there is no file, or one of unknown content.
pub fn create(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let file = OpenOptions::new().write(true).create_new(true).open(path)?;
    fill(&file, path, bytes)?;
    sync_directory(directory_of(path))
}

/// Creates `path` with `bytes`, durably and at once: no reader finds a part of it, even after a
/// crash.
///
/// # Errors
/// [`ErrorKind::AlreadyExists`] when `path` exists, also if another caller made it; otherwise as
/// [`replace`].
pub fn create_atomic(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let unfinished = unfinished_name(path);
    let linked = write_unfinished(&unfinished, bytes).and_then(|()| link(&unfinished, path));
    // What is left over says nothing about `path`, and is deleted at the next start.
    failpoint::disk::removing(&unfinished);
    let _ = fs::remove_file(&unfinished);
    // What exists is as durable as what is new: whoever made it may have failed before its fsync.
    let exists = |error: &io::Error| error.kind() == ErrorKind::AlreadyExists;
    if linked.as_ref().err().is_none_or(exists) {
        sync_directory(directory_of(path))?;
    }
    linked
}

/// Writes `bytes` to `path`, durably and at once: a reader, now or after a crash, finds
/// either the old content or the new.
///
/// # Errors
/// When an operation fails; then `path` holds the old content, or, if it was the last step (the
/// fsync of the directory) that failed, the new one, which a crash may still undo.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let unfinished = unfinished_name(path);
    let written = write_unfinished(&unfinished, bytes).and_then(|()| rename(&unfinished, path));
    if let Err(error) = written {
        let _ = fs::remove_file(&unfinished);
        return Err(error);
    }
    sync_directory(directory_of(path))
}

/// Creates the directory `path` and those above it that are missing, durably. One that is there
/// is made durable: the process that created it may have died before its fsync.
///
/// # Errors
/// When a directory cannot be created or fsynced.
pub fn create_directory(path: &Path) -> io::Result<()> {
    let mut missing = Vec::new();
    let mut existing = path;
    while !existing.try_exists()? {
        missing.push(existing);
        existing = directory_of(existing);
    }
    if let Err(error) = sync_directory(directory_of(existing)) {
        // A directory that is ours may lie in one that we may enter, but not read.
        if error.kind() != ErrorKind::PermissionDenied {
            return Err(error);
        }
    }
    for directory in missing.into_iter().rev() {
        match fs::create_dir(directory) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
            _ => {
                failpoint::disk::created(directory);
                sync_directory(directory_of(directory))?;
            }
        }
    }
    Ok(())
}

/// Deletes `path`, durably.
///
/// # Errors
/// When it cannot be deleted, or the directory cannot be fsynced.
pub fn remove(path: &Path) -> io::Result<()> {
    failpoint::disk::removing(path);
    fs::remove_file(path)?;
    sync_directory(directory_of(path))
}

/// Makes the names in the directory `path` durable: those created, renamed and deleted.
///
/// # Errors
/// When it cannot be opened or fsynced.
pub fn sync_directory(path: &Path) -> io::Result<()> {
    failpoint::hit("files.directory.before")?;
    File::open(path)?.sync_all()?;
    failpoint::disk::directory_synced(path);
    failpoint::hit("files.directory.after")
}

/// The directory that `path` lies in.
#[must_use]
pub fn directory_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        Some(_) => Path::new("."),
        None => path,
    }
}

fn write_unfinished(path: &Path, bytes: &[u8]) -> io::Result<()> {
    fill(&File::create(path)?, path, bytes)
}

/// Writes all of a new file, durably but for its name.
fn fill(mut file: &File, path: &Path, bytes: &[u8]) -> io::Result<()> {
    failpoint::disk::created(path);
    failpoint::hit("files.write.before")?;
    file.write_all(bytes)?;
    failpoint::hit("files.sync.before")?;
    file.sync_all()?;
    failpoint::disk::synced(file);
    failpoint::hit("files.sync.after")
}

fn link(from: &Path, to: &Path) -> io::Result<()> {
    failpoint::hit("files.link.before")?;
    failpoint::disk::renaming(from, to);
    fs::hard_link(from, to)?;
    failpoint::hit("files.link.after")
}

fn rename(from: &Path, to: &Path) -> io::Result<()> {
    failpoint::hit("files.rename.before")?;
    failpoint::disk::renaming(from, to);
    fs::rename(from, to)?;
    failpoint::hit("files.rename.after")
}

/// Deletes what a crash left unfinished in `directory` and below; how many files.
///
/// # Errors
/// When a directory cannot be read, or a file not be deleted.
pub fn remove_unfinished(directory: &Path) -> io::Result<usize> {
    let mut removed = 0;
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            removed += remove_unfinished(&entry.path())?;
        } else if entry.path().as_os_str().as_encoded_bytes().ends_with(UNFINISHED.as_bytes()) {
            match fs::remove_file(entry.path()) {
                Ok(()) => removed += 1,
                // Whoever wrote it has finished it meanwhile.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(removed)
}

/// A name beside `path` that no other call has, in this process or another one, on whatever
/// machine.
fn unfinished_name(path: &Path) -> PathBuf {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    /// Seeded by the system.
    static PROCESS: LazyLock<u64> = LazyLock::new(|| RandomState::new().build_hasher().finish());
    let mut name: OsString = path.as_os_str().to_owned();
    let next = NEXT.fetch_add(1, Ordering::Relaxed);
    name.push(format!(".{:016x}-{next}{UNFINISHED}", *PROCESS));
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replaced_file_reads_back_and_leaves_nothing_behind() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("pointer");
        replace(&path, b"one").unwrap();
        replace(&path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_failed_replacement_keeps_the_old_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("pointer");
        fs::create_dir(&path).unwrap();
        assert!(replace(&path, b"two").is_err());
        assert!(create_atomic(&path, b"two").is_err());
        assert!(path.is_dir());
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
        // A name that leaves no room for that of the unfinished file.
        let long = directory.path().join("n".repeat(250));
        create(&long, b"one").unwrap();
        assert!(replace(&long, b"two").is_err());
        assert_eq!(fs::read(&long).unwrap(), b"one");
    }

    #[test]
    fn leftovers_of_a_crash_are_found_in_folders_too() {
        let directory = tempfile::tempdir().unwrap();
        let below = directory.path().join("a/b");
        create_directory(&below).unwrap();
        for path in [unfinished_name(&below.join("x")), below.join("whole")] {
            fs::write(path, "").unwrap();
        }
        assert_eq!(remove_unfinished(directory.path()).unwrap(), 1);
        assert!(below.join("whole").exists());
    }

    #[test]
    fn of_many_creations_of_a_file_one_succeeds_and_its_content_stays() {
        let directory = tempfile::tempdir().unwrap();
        for round in 0..50 {
            let path = directory.path().join(round.to_string());
            let create = |n: u8| (n, create_atomic(&path, &[n; 4000]));
            let results: Vec<_> = std::thread::scope(|scope| {
                let threads: Vec<_> = (0..4).map(|n| scope.spawn(move || create(n))).collect();
                threads.into_iter().map(|thread| thread.join().unwrap()).collect()
            });
            let created: Vec<u8> =
                results.iter().filter(|(_, r)| r.is_ok()).map(|(n, _)| *n).collect();
            assert_eq!(created.len(), 1, "{results:?}");
            assert_eq!(fs::read(&path).unwrap(), [created[0]; 4000]);
        }
    }

    #[test]
    fn a_file_is_created_once() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        create(&path, b"one").unwrap();
        assert_eq!(create(&path, b"two").unwrap_err().kind(), ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&path).unwrap(), b"one");
        remove(&path).unwrap();
        assert_eq!(remove(&path).unwrap_err().kind(), ErrorKind::NotFound);
    }

    #[test]
    fn directories_are_created_with_those_above_them() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a/b/c");
        create_directory(&path).unwrap();
        create_directory(&path).unwrap();
        assert!(path.is_dir());
        assert_eq!(directory_of(Path::new("a")), Path::new("."));
    }
}
