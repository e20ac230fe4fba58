//! The quarantine's file: `quarantine.jsonl`, lines of a checksum and JSON.
//!
//! Lines are only appended, and the file is replaced as a whole when it has grown to more than
//! twice what it was. A write or fsync that failed is not repeated on the same file: what comes
//! next goes into a new one, together with everything that was kept before.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use merganser_core::failpoint;
use serde::{Deserialize, Serialize};
use tracing::warn;

use super::QuarantineError;
use super::entries::QuarantineEntries;
use super::record::QuarantineRecord;

pub(super) const NAME: &str = "quarantine.jsonl";
const NEW_NAME: &str = "quarantine.jsonl.new";
const FORMAT: &str = "merganser-quarantine";
/// The second counts events that come again, and has what was dropped; both are read.
const VERSION: u32 = 2;

/// How much a file may grow beyond twice its size before it is rewritten.
const SLACK_BYTES: usize = 4 << 20;

/// The first line.
#[derive(Serialize, Deserialize)]
struct QuarantineHeader {
    format: String,
    version: u32,
    /// A number that is higher than that of any entry before.
    next: u64,
    /// By code, how many entries had gone because a bound was reached.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    dropped: BTreeMap<String, u64>,
}

/// What a file holds.
pub(super) struct QuarantineContents {
    pub(super) records: Vec<QuarantineRecord>,
    pub(super) next: u64,
    pub(super) dropped: BTreeMap<String, u64>,
    /// Whether lines were left out.
    pub(super) is_damaged: bool,
    /// Whether it is of an older version, so that it must be rewritten before more is added.
    pub(super) is_older: bool,
}

impl QuarantineContents {
    /// Of a file without entries.
    fn nothing() -> Self {
        Self {
            records: Vec::new(),
            next: 1,
            dropped: BTreeMap::new(),
            is_damaged: false,
            is_older: false,
        }
    }
}

#[derive(Debug)]
pub(super) struct QuarantineFile {
    directory: PathBuf,
    /// `None` when the file must be replaced before anything else is written.
    file: Option<File>,
    size_bytes: usize,
    /// Its size when it was last replaced or opened.
    base_bytes: usize,
}

impl QuarantineFile {
    pub(super) fn open(directory: &Path) -> Result<(Self, QuarantineContents), QuarantineError> {
        fs::create_dir_all(directory).map_err(|error| failed(directory, &error))?;
        if let Some(parent) = directory.parent() {
            sync_directory(parent)?;
        }
        let path = directory.join(NAME);
        let directory = directory.to_owned();
        let mut file = Self { directory, file: None, size_bytes: 0, base_bytes: 0 };
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                file.rewrite(1, &QuarantineEntries::default(), &[])?;
                return Ok((file, QuarantineContents::nothing()));
            }
            Err(error) => return Err(failed(&path, &error)),
        };
        let loaded = load(&text, &path)?;
        let opened = OpenOptions::new().append(true).open(&path);
        file.file = Some(opened.map_err(|error| failed(&path, &error))?);
        file.size_bytes = text.len();
        file.base_bytes = text.len();
        Ok((file, loaded))
    }

    pub(super) fn needs_rewrite(&self) -> bool {
        self.file.is_none() || self.size_bytes > 2 * self.base_bytes + SLACK_BYTES
    }

    /// Writes records after the others. They are durable when it returns.
    pub(super) fn append(&mut self, records: &[QuarantineRecord]) -> Result<(), QuarantineError> {
        let path = self.directory.join(NAME);
        let lines = lines(records)?;
        let Some(mut file) = self.file.take() else {
            return Err(failed(&path, &io::Error::other("it must be rewritten first")));
        };
        failpoint::hit("quarantine.write.before")
            .and_then(|()| {
                failpoint::disk::writing(&file);
                file.write_all(&lines)?;
                failpoint::hit("quarantine.sync.before")?;
                file.sync_data()?;
                failpoint::disk::synced(&file);
                failpoint::hit("quarantine.sync.after")
            })
            .map_err(|error| failed(&path, &error))?;
        self.file = Some(file);
        self.size_bytes += lines.len();
        Ok(())
    }

    /// Replaces the file by one of what is kept and `records`. It is durable when it returns.
    pub(super) fn rewrite(
        &mut self,
        next: u64,
        kept: &QuarantineEntries,
        records: &[QuarantineRecord],
    ) -> Result<(), QuarantineError> {
        self.file = None;
        let (format, dropped) = (FORMAT.to_owned(), kept.dropped());
        let header = QuarantineHeader { format, version: VERSION, next, dropped };
        let mut text = Vec::new();
        write_line(&mut text, &header)?;
        for entry in kept.iter() {
            write_line(&mut text, &QuarantineRecord::Add((**entry).clone()))?;
        }
        text.extend(lines(records)?);
        let new = self.directory.join(NEW_NAME);
        let path = self.directory.join(NAME);
        let file = File::create(&new)
            .and_then(|mut file| {
                failpoint::disk::created(&new);
                failpoint::hit("quarantine.rewrite.before")?;
                file.write_all(&text)?;
                file.sync_all()?;
                failpoint::disk::synced(&file);
                Ok(file)
            })
            .map_err(|error| failed(&new, &error))?;
        failpoint::hit("quarantine.rename.before")
            .and_then(|()| {
                failpoint::disk::renaming(&new, &path);
                fs::rename(&new, &path)?;
                failpoint::hit("quarantine.rename.after")
            })
            .map_err(|error| failed(&path, &error))?;
        sync_directory(&self.directory)?;
        self.file = Some(file);
        self.size_bytes = text.len();
        self.base_bytes = text.len();
        Ok(())
    }
}

#[cfg(test)]
impl QuarantineFile {
    /// Makes the next append fail: the file is open for reading only.
    pub(super) fn break_for_tests(&mut self) {
        self.file = File::open(self.directory.join(NAME)).ok();
    }
}

fn load(text: &[u8], path: &Path) -> Result<QuarantineContents, QuarantineError> {
    let mut loaded = QuarantineContents::nothing();
    let mut damaged = Vec::new();
    let complete = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    let (text, torn) = text.split_at(complete);
    let mut count = 0;
    for (number, line) in (1..).zip(text.split_inclusive(|byte| *byte == b'\n')) {
        count = number;
        let Some(json) = checked(line) else {
            damaged.push(number);
            continue;
        };
        if number == 1 {
            let header = read_header(json, path)?;
            (loaded.next, loaded.dropped) = (header.next, header.dropped);
            loaded.is_older = header.version < VERSION;
        } else if let Ok(record) = serde_json::from_slice(json) {
            if let QuarantineRecord::Add(entry) = &record {
                loaded.next = loaded.next.max(entry.id.0 + 1);
            }
            loaded.records.push(record);
        } else {
            damaged.push(number);
        }
    }
    loaded.is_damaged = !torn.is_empty() || !damaged.is_empty();
    // Damage at the end is what a crash leaves of a write that was not acknowledged.
    let is_tail = (0..).zip(damaged.iter().rev()).all(|(i, number)| *number == count - i);
    if !is_tail {
        warn!(path = %path.display(), lines = ?damaged, "damaged quarantine lines were left out");
    }
    Ok(loaded)
}

fn read_header(json: &[u8], path: &Path) -> Result<QuarantineHeader, QuarantineError> {
    let path = path.display();
    let header: QuarantineHeader = serde_json::from_slice(json).map_err(|error| {
        QuarantineError::Format(format!("{path} is not a quarantine file: its first line: {error}"))
    })?;
    if header.format != FORMAT {
        return Err(QuarantineError::Format(format!(
            "{path} is a `{}` file, not `{FORMAT}`",
            header.format
        )));
    }
    if header.version > VERSION {
        return Err(QuarantineError::Format(format!(
            "{path} has format version {}; this program reads up to {VERSION}: use a newer one",
            header.version
        )));
    }
    Ok(header)
}

/// The JSON of a line, if its checksum is right.
fn checked(line: &[u8]) -> Option<&[u8]> {
    let (sum, rest) = line.split_at_checked(8)?;
    let json = rest.strip_prefix(b" ")?.strip_suffix(b"\n")?;
    let sum = u32::from_str_radix(std::str::from_utf8(sum).ok()?, 16).ok()?;
    (crc32c::crc32c(json) == sum).then_some(json)
}

fn lines(records: &[QuarantineRecord]) -> Result<Vec<u8>, QuarantineError> {
    let mut text = Vec::new();
    for record in records {
        write_line(&mut text, record)?;
    }
    Ok(text)
}

fn write_line(text: &mut Vec<u8>, line: &impl Serialize) -> Result<(), QuarantineError> {
    let json = serde_json::to_vec(line)
        .map_err(|error| QuarantineError::Format(format!("writing a quarantine line: {error}")))?;
    text.extend(format!("{:08x} ", crc32c::crc32c(&json)).into_bytes());
    text.extend(json);
    text.push(b'\n');
    Ok(())
}

fn sync_directory(directory: &Path) -> Result<(), QuarantineError> {
    // The parent of a relative name is empty, and means the current directory.
    let directory = if directory.as_os_str().is_empty() { Path::new(".") } else { directory };
    failpoint::hit("quarantine.directory.before")
        .and_then(|()| File::open(directory)?.sync_all())
        .inspect(|()| failpoint::disk::directory_synced(directory))
        .map_err(|error| failed(directory, &error))
}

fn failed(path: &Path, error: &io::Error) -> QuarantineError {
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            QuarantineError::Full(error.to_string())
        }
        _ => QuarantineError::Io { path: path.display().to_string(), error: error.to_string() },
    }
}
