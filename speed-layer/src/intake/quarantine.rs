//! Where events go that were sent and cannot be counted: invalid ones, and those whose id was there
//! before with other content. Nothing is dropped silently: each entry has the text that was sent
//! and the reason, can be listed, and stays until someone deletes it or the bound is reached.
//!
//! What [`Quarantine::add`] returned for is durable. Entries are held in memory, which the bound of
//! their bytes bounds too; the file is read at the start only. Its format is in
//! `docs/data-files.md`.

mod file;

use std::collections::VecDeque;
use std::fmt;
use std::path::Path;
use std::str::FromStr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use shared::time::Timestamp;

use self::file::{QuarantineFile, Record};
use super::figures;
use super::settings::QuarantineSettings;

/// An entry's number, `q-17` as text: in the order of arrival, never given twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QuarantineId(pub u64);

impl fmt::Display for QuarantineId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "q-{}", self.0)
    }
}

impl FromStr for QuarantineId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.strip_prefix("q-")
            .and_then(|number| number.parse().ok())
            .map(Self)
            .ok_or_else(|| format!("`{text}` is no quarantine id; they look like `q-17`"))
    }
}

impl Serialize for QuarantineId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for QuarantineId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// Why an event is here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum QuarantineKind {
    /// It breaks a rule.
    Invalid,
    /// Its id was there before with other content.
    Conflict,
}

/// An event to be kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuarantinedEvent {
    /// When its request arrived.
    pub received: Timestamp,
    /// Why it is here.
    pub kind: QuarantineKind,
    /// The rule that it breaks, or `conflict`.
    pub code: String,
    /// What was wrong, and what would be right.
    pub message: String,
    /// Its array position or line number, from 0.
    pub index: u32,
    /// As it was sent; what is not UTF-8 is replaced by U+FFFD.
    pub raw: String,
    /// Whether `raw` is only its beginning.
    pub raw_truncated: bool,
}

impl QuarantinedEvent {
    /// Text of an event for [`QuarantinedEvent::raw`], cut after `bytes_max`, and whether it was.
    pub(crate) fn raw_of(bytes: &[u8], bytes_max: usize) -> (String, bool) {
        let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
        match bytes.get(..bytes_max) {
            Some(cut) if cut.len() < bytes.len() => {
                // A character that the cut went through is left out.
                let half = cut.utf8_chunks().last().map_or(0, |chunk| chunk.invalid().len());
                (text(cut.get(..cut.len() - half).unwrap_or_default()), true)
            }
            _ => (text(bytes), false),
        }
    }
}

/// An event that is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuarantineEntry {
    /// Its number.
    pub id: QuarantineId,
    /// The event and the reason.
    #[serde(flatten)]
    pub event: QuarantinedEvent,
}

impl QuarantineEntry {
    /// What an entry takes beside its texts.
    const OVERHEAD_BYTES: usize = 256;

    fn size_bytes(&self) -> usize {
        self.event.raw.len() + self.event.message.len() + Self::OVERHEAD_BYTES
    }
}

/// A part of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuarantinePage {
    /// Oldest first.
    pub entries: Vec<Arc<QuarantineEntry>>,
    /// Whether more follow.
    pub has_more: bool,
    /// Entries in all.
    pub total: usize,
}

/// What can go wrong with the quarantine's file.
#[derive(Clone, Debug, thiserror::Error)]
pub enum QuarantineError {
    /// There is no room.
    #[error("the disk under the quarantine is full: {0}")]
    Full(String),
    /// A file could not be read or written.
    #[error("{path}: {error}")]
    Io {
        /// Which file.
        path: String,
        /// What the system said.
        error: String,
    },
    /// The file was written by a newer version of this program, or is another file.
    #[error("{0}")]
    Format(String),
}

/// The quarantine. Its calls block on its file.
#[derive(Debug)]
pub struct Quarantine {
    state: Mutex<State>,
    settings: QuarantineSettings,
}

#[derive(Debug)]
struct State {
    /// Oldest first.
    entries: VecDeque<Arc<QuarantineEntry>>,
    size_bytes: usize,
    /// The number of the next entry.
    next: u64,
    file: QuarantineFile,
}

impl Quarantine {
    /// The file's name.
    pub const FILE: &str = file::NAME;

    /// Opens the quarantine in `directory`, which is made if it does not exist.
    ///
    /// A line that is damaged is left out: the last ones may be those of a write that a crash cut
    /// short and nobody was answered for.
    ///
    /// # Errors
    /// When the directory or its file cannot be read or written, or is of a newer format.
    pub fn open(directory: &Path, settings: QuarantineSettings) -> Result<Self, QuarantineError> {
        let (file, loaded) = QuarantineFile::open(directory)?;
        let mut state = State { entries: VecDeque::new(), size_bytes: 0, next: loaded.next, file };
        for record in loaded.records {
            match record {
                Record::Add(entry) => {
                    state.add(Arc::new(entry), &settings);
                }
                Record::Delete(id) => {
                    state.remove(id);
                }
            }
        }
        if loaded.is_damaged {
            state.file.rewrite(state.next, &state.entries, &[])?;
        }
        figures::quarantine_entries(state.entries.len());
        Ok(Self { state: Mutex::new(state), settings })
    }

    /// Keeps events. They are durable when it returns; the oldest entries have gone as the bound
    /// asks for, and a counter tells how many.
    ///
    /// # Errors
    /// When the file cannot be written: then none of them is kept.
    pub fn add(&self, events: Vec<QuarantinedEvent>) -> Result<Vec<QuarantineId>, QuarantineError> {
        if events.is_empty() {
            return Ok(Vec::new());
        }
        let mut state = self.lock();
        let fresh: Vec<Arc<QuarantineEntry>> = (state.next..)
            .zip(events)
            .map(|(number, event)| Arc::new(QuarantineEntry { id: QuarantineId(number), event }))
            .collect();
        let ids = fresh.iter().map(|entry| entry.id).collect();
        let next = state.next + fresh.len() as u64;
        let records: Vec<Record> = fresh.iter().map(|e| Record::Add((**e).clone())).collect();
        state.write(next, &records)?;
        state.next = next;
        let dropped = fresh.into_iter().map(|entry| state.add(entry, &self.settings)).sum();
        figures::quarantine_dropped(dropped);
        figures::quarantine_entries(state.entries.len());
        Ok(ids)
    }

    /// Up to `limit` entries after `after`, oldest first.
    #[must_use]
    pub fn list(&self, after: Option<QuarantineId>, limit: usize) -> QuarantinePage {
        let state = self.lock();
        let from = state.entries.partition_point(|entry| Some(entry.id) <= after);
        QuarantinePage {
            entries: state.entries.range(from..).take(limit).cloned().collect(),
            has_more: state.entries.len() - from > limit,
            total: state.entries.len(),
        }
    }

    /// Deletes an entry; whether there was one. It is gone for good when it returns.
    ///
    /// # Errors
    /// When the file cannot be written: then the entry stays.
    pub fn delete(&self, id: QuarantineId) -> Result<bool, QuarantineError> {
        let mut state = self.lock();
        if state.position(id).is_none() {
            return Ok(false);
        }
        let next = state.next;
        state.write(next, &[Record::Delete(id)])?;
        state.remove(id);
        figures::quarantine_entries(state.entries.len());
        Ok(true)
    }

    /// Makes the next write fail.
    #[cfg(test)]
    pub(super) fn break_for_tests(&self) {
        self.lock().file.break_for_tests();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn write(&mut self, next: u64, records: &[Record]) -> Result<(), QuarantineError> {
        if self.file.needs_rewrite() {
            self.file.rewrite(next, &self.entries, records)
        } else {
            self.file.append(records)
        }
    }

    /// Adds an entry and lets the oldest go until the bounds are kept; how many went. The file
    /// keeps them until it is rewritten; when it is read they go again.
    fn add(&mut self, entry: Arc<QuarantineEntry>, settings: &QuarantineSettings) -> u64 {
        self.size_bytes += entry.size_bytes();
        self.entries.push_back(entry);
        let mut dropped = 0;
        while self.entries.len() > settings.max_events || self.size_bytes > settings.max_bytes {
            let Some(oldest) = self.entries.pop_front() else { break };
            self.size_bytes -= oldest.size_bytes();
            dropped += 1;
        }
        dropped
    }

    fn position(&self, id: QuarantineId) -> Option<usize> {
        self.entries.binary_search_by_key(&id, |entry| entry.id).ok()
    }

    fn remove(&mut self, id: QuarantineId) -> Option<Arc<QuarantineEntry>> {
        let entry = self.entries.remove(self.position(id)?)?;
        self.size_bytes -= entry.size_bytes();
        Some(entry)
    }
}

#[cfg(test)]
mod tests;
