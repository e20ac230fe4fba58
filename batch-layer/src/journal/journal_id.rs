//! The journal's id, in the file `id` of its directory: 32 hexadecimal digits and a line end.
//!
//! It is made once. Every segment repeats it, so that a file from another journal is refused.

use std::io::ErrorKind;
use std::path::Path;

use merganser_core::ids::JournalId;
use merganser_core::journal::JournalError;
use uuid::Uuid;

use super::cursor::{corrupt, io_error};
use crate::files;

/// The file's name.
pub(super) const FILE_NAME: &str = "id";

/// The id of the journal in `directory`; `None` when it has none yet.
pub(super) fn read(directory: &Path) -> Result<Option<JournalId>, JournalError> {
    let path = directory.join(FILE_NAME);
    let bytes = match std::fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(io_error("reading", &path, &error)),
    };
    let text = std::str::from_utf8(&bytes).unwrap_or_default();
    match text.strip_suffix('\n').map(Uuid::try_parse) {
        Some(Ok(id)) if text == line(JournalId(id)) => Ok(Some(JournalId(id))),
        _ => Err(corrupt(&path, 0, "expected a line of 32 lower-case hexadecimal digits")),
    }
}

/// Makes an id.
#[expect(
    clippy::disallowed_methods,
    reason = "once for each journal, and nothing is replayed from it"
)]
pub(super) fn generate() -> JournalId {
    JournalId(Uuid::now_v7())
}

/// Writes the id of the journal in `directory`, durably.
pub(super) fn write(directory: &Path, id: JournalId) -> Result<(), JournalError> {
    let path = directory.join(FILE_NAME);
    files::replace(&path, line(id).as_bytes()).map_err(|error| io_error("writing", &path, &error))
}

fn line(id: JournalId) -> String {
    format!("{id}\n")
}
