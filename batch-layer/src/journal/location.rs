//! Where the journal is: the setting `--journal`, read, and opened.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use merganser_core::ids::Fence;
use merganser_core::journal::{Journal, JournalError};
use object_store::ObjectStore;

use super::{DirectoryLock, FileJournal, JournalSettings, ObjectJournal};

/// A journal's place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum JournalLocation {
    /// In files of the data directory: an acknowledgement is an fsync.
    #[default]
    Directory,
    /// In the storage, beside the master dataset: an acknowledgement is a put.
    Storage,
}

impl fmt::Display for JournalLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Directory => "directory",
            Self::Storage => "storage",
        })
    }
}

impl FromStr for JournalLocation {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "directory" => Ok(Self::Directory),
            "storage" => Ok(Self::Storage),
            _ => Err(format!("`{text}` is no place of a journal; expected directory or storage")),
        }
    }
}

/// Opens the journal and claims it, with the fence that is returned. Blocks.
///
/// # Errors
/// When it cannot be read, or the claim is not known to be durable.
pub fn open_claimed(
    location: JournalLocation,
    lock: &DirectoryLock,
    storage: Arc<dyn ObjectStore>,
) -> Result<(Arc<dyn Journal>, Fence), JournalError> {
    let settings = JournalSettings::default();
    let journal: Arc<dyn Journal> = match location {
        JournalLocation::Directory => Arc::new(FileJournal::open_in(lock, settings)?),
        JournalLocation::Storage => Arc::new(ObjectJournal::open(storage, settings)?),
    };
    let fence = journal.claim()?;
    Ok((journal, fence))
}
