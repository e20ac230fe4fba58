//! A look at a journal from outside, while another process may have it open.
//!
//! Only names and headers are read: whether this build can read what is there, and whether it is of
//! one journal. Only opening the journal checks all of it. What comes and goes meanwhile is let
//! be.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read};
use std::path::Path;

use merganser_core::ids::{JournalId, Offset};
use merganser_core::journal::JournalError;

use super::JOURNAL_DIRECTORY;
use super::cursor::{corrupt, io_error};
use super::journal_id;
use super::segment::{
    HeaderError, SEGMENT_HEADER_BYTES, SEGMENT_VERSION, SegmentHeader, SegmentName,
};

/// The result of a look at a journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct JournalInspection {
    /// Its id.
    pub(crate) id: JournalId,
    /// Its segments.
    pub(crate) segments: usize,
    /// Whether there may be events in it, or have been.
    pub(crate) is_used: bool,
}

/// Looks at the journal in the data directory `directory`; `None` if there never was one.
///
/// # Errors
/// When it was written by a newer version, or its headers are not what was written.
pub(crate) fn inspect_journal(directory: &Path) -> Result<Option<JournalInspection>, JournalError> {
    let directory = directory.join(JOURNAL_DIRECTORY);
    let Some(id) = journal_id::read(&directory)? else { return Ok(None) };
    let listing = |error: io::Error| io_error("listing", &directory, &error);
    let mut look = JournalInspection { id, segments: 0, is_used: false };
    for entry in fs::read_dir(&directory).map_err(listing)? {
        let name = entry.map_err(listing)?.file_name();
        let Some(name) = SegmentName::parse(&name.to_string_lossy()) else { continue };
        let path = directory.join(name.file_name());
        let Some((header, has_frames)) = header(&path)? else { continue };
        if header.journal != id {
            let why = format!("it belongs to journal {}, this is journal {id}", header.journal);
            return Err(corrupt(&path, 0, &why));
        }
        look.segments += 1;
        look.is_used |= has_frames || name.first != Offset::ZERO;
    }
    Ok(Some(look))
}

/// A segment's header, and whether anything follows it. None of a file that was deleted meanwhile,
/// or whose header is not written yet.
fn header(path: &Path) -> Result<Option<(SegmentHeader, bool)>, JournalError> {
    let reading = |error: io::Error| io_error("reading", path, &error);
    let mut file = match File::open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        opened => opened.map_err(reading)?,
    };
    let has_frames = file.metadata().map_err(reading)?.len() > SEGMENT_HEADER_BYTES as u64;
    let mut bytes = [0; SEGMENT_HEADER_BYTES];
    match file.read_exact(&mut bytes) {
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(None),
        read => read.map_err(reading)?,
    }
    match SegmentHeader::parse(&bytes) {
        Ok(header) => Ok(Some((header, has_frames))),
        Err(HeaderError::Newer(version)) => Err(JournalError::Io(format!(
            "{} has journal format {version}, this version of merganser reads up to \
             {SEGMENT_VERSION}; start a newer one",
            path.display()
        ))),
        Err(HeaderError::Damaged(_)) if !has_frames => Ok(None),
        Err(HeaderError::Damaged(why)) => Err(corrupt(path, 0, why)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{FileJournal, JournalSettings};
    use super::*;

    #[test]
    fn a_journal_is_looked_at_while_it_is_open() {
        let directory = tempfile::tempdir().unwrap();
        assert_eq!(inspect_journal(directory.path()).unwrap(), None);
        let journal = FileJournal::open(directory.path(), JournalSettings::default()).unwrap();
        let found = inspect_journal(directory.path()).unwrap().unwrap();
        assert_eq!((found.segments, found.is_used), (1, false));
        let folder = directory.path().join(JOURNAL_DIRECTORY);
        let mut files = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
        let segment = files.find(|path| !path.ends_with("id")).unwrap();
        let mut bytes = fs::read(&segment).unwrap();
        bytes[8..12].copy_from_slice(&(SEGMENT_VERSION + 1).to_le_bytes());
        fs::write(&segment, &bytes).unwrap();
        let error = inspect_journal(directory.path()).unwrap_err().to_string();
        assert!(error.contains("start a newer one"), "{error}");
        drop(journal);
    }
}
