//! Lines in a file of this machine.
//!
//! The file is replaced under another name and renamed. A write or fsync that failed is not
//! repeated on the same file.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use merganser_core::failpoint;
use merganser_core::line_store::{LineStore, LineStoreError};

/// A file of lines.
#[derive(Debug)]
pub struct LineFile {
    path: PathBuf,
    /// `None` when it must be replaced before anything else is written.
    file: Option<File>,
}

impl LineFile {
    /// The file at `path`, which need not exist, nor its directory.
    #[must_use]
    pub fn new(path: PathBuf) -> Self {
        Self { path, file: None }
    }

    fn directory(&self) -> &Path {
        // The parent of a relative name is empty, and means the current directory.
        let parent = self.path.parent().filter(|parent| !parent.as_os_str().is_empty());
        parent.unwrap_or(Path::new("."))
    }

    fn make_directory(&self) -> Result<(), LineStoreError> {
        let directory = self.directory();
        fs::create_dir_all(directory).map_err(|error| failed(directory, &error))?;
        directory.parent().map_or(Ok(()), sync_directory)
    }
}

impl LineStore for LineFile {
    fn read(&mut self) -> Result<Vec<u8>, LineStoreError> {
        self.make_directory()?;
        let text = match fs::read(&self.path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(failed(&self.path, &error)),
        };
        let opened = OpenOptions::new().append(true).open(&self.path);
        self.file = Some(opened.map_err(|error| failed(&self.path, &error))?);
        Ok(text)
    }

    fn can_append(&self) -> bool {
        self.file.is_some()
    }

    fn append(&mut self, lines: &[u8]) -> Result<(), LineStoreError> {
        let Some(mut file) = self.file.take() else {
            return Err(failed(&self.path, &io::Error::other("it must be replaced first")));
        };
        failpoint::hit("quarantine.write.before")
            .and_then(|()| {
                failpoint::disk::writing(&file);
                file.write_all(lines)?;
                failpoint::hit("quarantine.sync.before")?;
                file.sync_data()?;
                failpoint::disk::synced(&file);
                failpoint::hit("quarantine.sync.after")
            })
            .map_err(|error| failed(&self.path, &error))?;
        self.file = Some(file);
        Ok(())
    }

    fn replace(&mut self, text: &[u8]) -> Result<(), LineStoreError> {
        self.file = None;
        let (path, new) = (&self.path, self.path.with_added_extension("new"));
        let file = File::create(&new)
            .and_then(|mut file| {
                failpoint::disk::created(&new);
                failpoint::hit("quarantine.rewrite.before")?;
                file.write_all(text)?;
                file.sync_all()?;
                failpoint::disk::synced(&file);
                Ok(file)
            })
            .map_err(|error| failed(&new, &error))?;
        failpoint::hit("quarantine.rename.before")
            .and_then(|()| {
                failpoint::disk::renaming(&new, path);
                fs::rename(&new, path)?;
                failpoint::hit("quarantine.rename.after")
            })
            .map_err(|error| failed(path, &error))?;
        sync_directory(self.directory())?;
        self.file = Some(file);
        Ok(())
    }

    fn place(&self) -> String {
        self.path.display().to_string()
    }
}

fn sync_directory(directory: &Path) -> Result<(), LineStoreError> {
    let directory = if directory.as_os_str().is_empty() { Path::new(".") } else { directory };
    failpoint::hit("quarantine.directory.before")
        .and_then(|()| File::open(directory)?.sync_all())
        .inspect(|()| failpoint::disk::directory_synced(directory))
        .map_err(|error| failed(directory, &error))
}

fn failed(path: &Path, error: &io::Error) -> LineStoreError {
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            LineStoreError::Full(error.to_string())
        }
        _ => LineStoreError::Io { place: path.display().to_string(), error: error.to_string() },
    }
}

#[cfg(test)]
mod tests {
    use merganser_core::testing::check_line_store;
    use tempfile::TempDir;

    use super::*;

    #[test]
    fn it_keeps_what_every_store_of_lines_promises() {
        check_line_store(&|| {
            let directory = TempDir::new().unwrap();
            Box::new(move || Box::new(LineFile::new(directory.path().join("new/lines"))))
        });
    }

    #[test]
    fn after_a_write_that_failed_it_is_replaced() {
        let directory = TempDir::new().unwrap();
        let mut lines = LineFile::new(directory.path().join("lines"));
        lines.read().unwrap();
        lines.replace(b"a\n").unwrap();
        // Open for reading only.
        lines.file = Some(File::open(&lines.path).unwrap());
        lines.append(b"b\n").unwrap_err();
        assert!(!lines.can_append());
        lines.append(b"b\n").unwrap_err();
        lines.replace(b"a\nc\n").unwrap();
        assert_eq!(fs::read(&lines.path).unwrap(), b"a\nc\n");
    }
}
