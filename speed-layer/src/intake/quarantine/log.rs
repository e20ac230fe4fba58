//! The quarantine as it is kept: lines of a checksum and JSON.
//!
//! Lines are only appended, and all are replaced when they have grown to more than twice what they
//! were. After a write that failed, what comes next is written together with everything that was
//! kept before.

use std::collections::BTreeMap;

use merganser_core::line_store::LineStore;
use serde::{Deserialize, Serialize};
use tracing::warn;

use super::QuarantineError;
use super::entries::QuarantineEntries;
use super::record::QuarantineRecord;

const FORMAT: &str = "merganser-quarantine";
/// The second counts events that come again, and has what was dropped; both are read.
const VERSION: u32 = 2;

/// How much they may grow beyond twice their size before they are replaced.
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

/// What the lines hold.
pub(super) struct QuarantineContents {
    pub(super) records: Vec<QuarantineRecord>,
    pub(super) next: u64,
    pub(super) dropped: BTreeMap<String, u64>,
    /// Whether lines were left out.
    pub(super) is_damaged: bool,
    /// Whether it has no lines yet, or lines of an older version, so that everything must be
    /// written before more is added.
    pub(super) is_older: bool,
}

impl QuarantineContents {
    /// Of no lines.
    fn nothing() -> Self {
        Self {
            records: Vec::new(),
            next: 1,
            dropped: BTreeMap::new(),
            is_damaged: false,
            is_older: true,
        }
    }
}

/// The lines, and where they are.
#[derive(Debug)]
pub(super) struct QuarantineLog {
    lines: Box<dyn LineStore>,
    size_bytes: usize,
    /// Its size when it was last replaced or opened.
    base_bytes: usize,
}

impl QuarantineLog {
    /// Reads what is there.
    ///
    /// # Errors
    /// When it cannot be read, or is of a newer format.
    pub(super) fn open(
        mut lines: Box<dyn LineStore>,
    ) -> Result<(Self, QuarantineContents), QuarantineError> {
        let text = lines.read()?;
        let contents = load(&text, &lines.place())?;
        let size_bytes = text.len();
        Ok((Self { lines, size_bytes, base_bytes: size_bytes }, contents))
    }

    /// Writes records after the others, or everything that is kept and them. They are durable when
    /// it returns.
    ///
    /// # Errors
    /// When they cannot be written; then the next call writes everything.
    pub(super) fn write(
        &mut self,
        next: u64,
        kept: &QuarantineEntries,
        records: &[QuarantineRecord],
    ) -> Result<(), QuarantineError> {
        let is_long = self.size_bytes > 2 * self.base_bytes + SLACK_BYTES;
        if is_long || !self.lines.can_append() {
            return self.rewrite(next, kept, records);
        }
        let lines = lines(records)?;
        self.lines.append(&lines)?;
        self.size_bytes += lines.len();
        Ok(())
    }

    /// Writes what is kept and `records` in the place of everything.
    ///
    /// # Errors
    /// As [`QuarantineLog::write`].
    pub(super) fn rewrite(
        &mut self,
        next: u64,
        kept: &QuarantineEntries,
        records: &[QuarantineRecord],
    ) -> Result<(), QuarantineError> {
        let (format, dropped) = (FORMAT.to_owned(), kept.dropped());
        let header = QuarantineHeader { format, version: VERSION, next, dropped };
        let mut text = Vec::new();
        write_line(&mut text, &header)?;
        for entry in kept.iter() {
            write_line(&mut text, &QuarantineRecord::Add((**entry).clone()))?;
        }
        text.extend(lines(records)?);
        self.lines.replace(&text)?;
        self.size_bytes = text.len();
        self.base_bytes = text.len();
        Ok(())
    }
}

#[cfg(test)]
impl QuarantineLog {
    /// Puts something between it and its lines.
    pub(super) fn wrap(&mut self, wrap: impl FnOnce(Box<dyn LineStore>) -> Box<dyn LineStore>) {
        let nothing = Box::new(super::tests::NoLines);
        self.lines = wrap(std::mem::replace(&mut self.lines, nothing));
    }
}

fn load(text: &[u8], place: &str) -> Result<QuarantineContents, QuarantineError> {
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
            let header = read_header(json, place)?;
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
        warn!(place, lines = ?damaged, "damaged quarantine lines were left out");
    }
    Ok(loaded)
}

fn read_header(json: &[u8], place: &str) -> Result<QuarantineHeader, QuarantineError> {
    let header: QuarantineHeader = serde_json::from_slice(json).map_err(|error| {
        QuarantineError::Format(format!("{place} is no quarantine: its first line: {error}"))
    })?;
    if header.format != FORMAT {
        return Err(QuarantineError::Format(format!(
            "{place} is a `{}` file, not `{FORMAT}`",
            header.format
        )));
    }
    if header.version > VERSION {
        return Err(QuarantineError::Format(format!(
            "{place} has format version {}; this program reads up to {VERSION}: use a newer one",
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
