//! What lies in the data directory: how much, and how new.

use std::fs;
use std::path::Path;
use std::time::UNIX_EPOCH;

use merganser_core::time::Timestamp;

/// The files in a directory and below, as far as they can be seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct DirectoryUsage {
    /// Bytes of all of them.
    pub(super) size_bytes: u64,
    /// When the newest of them was changed.
    pub(super) newest: Option<Timestamp>,
}

impl DirectoryUsage {
    /// Of a directory; nothing if there is none. What vanishes meanwhile is left out.
    pub(super) fn of(directory: &Path) -> Self {
        let Ok(entries) = fs::read_dir(directory) else { return Self::default() };
        let entries = entries.filter_map(Result::ok);
        let found = entries.filter_map(|entry| Some((entry.path(), entry.metadata().ok()?)));
        found.fold(Self::default(), |sum, (path, about)| {
            let one = if about.is_dir() { Self::of(&path) } else { Self::one(&about) };
            Self { size_bytes: sum.size_bytes + one.size_bytes, newest: sum.newest.max(one.newest) }
        })
    }

    fn one(about: &fs::Metadata) -> Self {
        let changed = about.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        let newest = changed.and_then(|since| i64::try_from(since.as_micros()).ok());
        Self { size_bytes: about.len(), newest: newest.map(Timestamp) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_files_below_count() {
        let directory = tempfile::tempdir().unwrap();
        assert_eq!(DirectoryUsage::of(&directory.path().join("none")), DirectoryUsage::default());
        fs::create_dir_all(directory.path().join("a/b")).unwrap();
        assert_eq!(DirectoryUsage::of(directory.path()), DirectoryUsage::default());
        fs::write(directory.path().join("a/b/one"), "12345").unwrap();
        fs::write(directory.path().join("two"), "1").unwrap();
        let content = DirectoryUsage::of(directory.path());
        assert_eq!(content.size_bytes, 6);
        assert!(content.newest.unwrap() > Timestamp(0));
    }
}
