//! Where events go that were sent and cannot be counted: invalid ones, and those whose id was there
//! before with other content. Nothing is dropped silently: each entry has the text that was sent
//! and the reason, can be listed, and stays until someone deletes it or the bound is reached; then
//! each code keeps its share, and what goes is counted. An event that comes again, with the same
//! text and for the same reason, is counted and not kept a second time.
//!
//! What [`Quarantine::add`] returned for is durable: it is kept where the journal is, in a file or
//! in the storage. Entries are held in memory, which the bound of their bytes bounds too; what is
//! kept is read at the start only. Its format is in `docs/data-files.md`.

mod entries;
mod entry;
mod file;
mod log;
mod record;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub use self::entry::{QuarantineEntry, QuarantinedEvent, RawText};
pub use self::file::LineFile;

use merganser_api::quarantine::{CodeTotal, QuarantineId};
use merganser_core::line_store::{LineStore, LineStoreError};
use merganser_core::time::Timestamp;

use self::entries::QuarantineEntries;
use self::log::QuarantineLog;
use self::record::QuarantineRecord;
use super::instruments;
use super::settings::QuarantineSettings;

/// A part of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuarantinePage {
    /// Oldest first.
    pub entries: Vec<Arc<QuarantineEntry>>,
    /// Whether more follow.
    pub has_more: bool,
    /// Entries in all.
    pub total: usize,
    /// What there is of each code, and what went.
    pub codes: BTreeMap<String, CodeTotal>,
}

/// What can go wrong with what the quarantine keeps.
#[derive(Clone, Debug, thiserror::Error)]
pub enum QuarantineError {
    /// It cannot be read or written.
    #[error(transparent)]
    Lines(#[from] LineStoreError),
    /// It was written by a newer version of this program, or is something else.
    #[error("{0}")]
    Format(String),
}

/// The quarantine. Its calls block on its store.
#[derive(Debug)]
pub struct Quarantine {
    state: Mutex<QuarantineState>,
    settings: QuarantineSettings,
}

#[derive(Debug)]
struct QuarantineState {
    kept: QuarantineEntries,
    /// The number of the next entry.
    next: u64,
    log: QuarantineLog,
}

impl Quarantine {
    /// The name of its file, where it is kept in one.
    pub const FILE: &str = "quarantine.jsonl";

    /// Opens the quarantine that is kept in `lines`.
    ///
    /// A line that is damaged is left out: the last ones may be those of a write that a crash cut
    /// short and no request was acknowledged for.
    ///
    /// # Errors
    /// When it cannot be read or written, or is of a newer format.
    pub fn open(
        lines: Box<dyn LineStore>,
        settings: QuarantineSettings,
    ) -> Result<Self, QuarantineError> {
        let (log, loaded) = QuarantineLog::open(lines)?;
        let mut state = QuarantineState {
            kept: QuarantineEntries::new(loaded.dropped),
            next: loaded.next,
            log,
        };
        for record in loaded.records {
            state.kept.apply(record, &settings);
        }
        if loaded.is_damaged || loaded.is_older {
            state.log.rewrite(state.next, &state.kept, &[])?;
        }
        instruments::quarantine_entries(state.kept.len());
        Ok(Self { state: Mutex::new(state), settings })
    }

    /// Keeps events; returns the entry of each. They are durable when it returns. An event that
    /// came before is counted at its entry. Entries have gone as the bounds ask for, and a counter
    /// tells how many.
    ///
    /// # Errors
    /// When they cannot be written: then none of them is kept.
    pub fn add(&self, events: Vec<QuarantinedEvent>) -> Result<Vec<QuarantineId>, QuarantineError> {
        if events.is_empty() {
            return Ok(Vec::new());
        }
        let mut state = self.lock();
        let QuarantinePlan { ids, records, next } = state.plan_entries(events);
        state.write(next, &records)?;
        state.next = next;
        let mut dropped: BTreeMap<String, u64> = BTreeMap::new();
        for code in records.into_iter().flat_map(|r| state.kept.apply(r, &self.settings)) {
            *dropped.entry(code).or_default() += 1;
        }
        for (code, count) in dropped {
            instruments::quarantine_dropped(&code, count);
        }
        instruments::quarantine_entries(state.kept.len());
        Ok(ids)
    }

    /// Up to `limit` entries after `after`, oldest first; with a `code` those of it.
    #[must_use]
    pub fn list(
        &self,
        after: Option<QuarantineId>,
        code: Option<&str>,
        limit: usize,
    ) -> QuarantinePage {
        let state = self.lock();
        let mut entries = state.kept.after(after, code);
        QuarantinePage {
            entries: entries.by_ref().take(limit).cloned().collect(),
            has_more: entries.next().is_some(),
            total: state.kept.len(),
            codes: state.kept.totals(),
        }
    }

    /// An entry, if it is there.
    #[must_use]
    pub fn get(&self, id: QuarantineId) -> Option<Arc<QuarantineEntry>> {
        self.lock().kept.get(id).cloned()
    }

    /// Deletes an entry; whether there was one. It is gone for good when it returns.
    ///
    /// # Errors
    /// When that cannot be written: then the entry stays.
    pub fn delete(&self, id: QuarantineId) -> Result<bool, QuarantineError> {
        let mut state = self.lock();
        if state.kept.get(id).is_none() {
            return Ok(false);
        }
        let next = state.next;
        state.write(next, &[QuarantineRecord::Delete(id)])?;
        state.kept.apply(QuarantineRecord::Delete(id), &self.settings);
        instruments::quarantine_entries(state.kept.len());
        Ok(true)
    }

    /// Makes the next write fail.
    #[cfg(test)]
    pub(super) fn break_for_tests(&self) {
        self.lock().log.wrap(tests::fail_once);
    }

    fn lock(&self) -> MutexGuard<'_, QuarantineState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What becomes of events that are to be kept.
struct QuarantinePlan {
    /// The entry of each.
    ids: Vec<QuarantineId>,
    /// First those of entries that are there, then new ones.
    records: Vec<QuarantineRecord>,
    /// The number after the new ones.
    next: u64,
}

impl QuarantineState {
    /// Tells what is new from what was there before.
    fn plan_entries(&self, events: Vec<QuarantinedEvent>) -> QuarantinePlan {
        let mut fresh: Vec<QuarantineEntry> = Vec::new();
        let mut again: BTreeMap<QuarantineId, (u64, Timestamp)> = BTreeMap::new();
        let mut seen: HashMap<u128, usize> = HashMap::new();
        let mut ids = Vec::with_capacity(events.len());
        for event in events {
            let (fingerprint, received) = (event.fingerprint(), event.received);
            if let Some(id) = self.kept.find_by_fingerprint(fingerprint) {
                let (count, last) = again.entry(id).or_insert((0, received));
                (*count, *last) = (*count + 1, received);
                ids.push(id);
            } else if let Some(entry) = seen.get(&fingerprint).and_then(|n| fresh.get_mut(*n)) {
                entry.record_repeat(1, received);
                ids.push(entry.id);
            } else {
                let id = QuarantineId(self.next + fresh.len() as u64);
                seen.insert(fingerprint, fresh.len());
                fresh.push(QuarantineEntry::new(id, event));
                ids.push(id);
            }
        }
        let next = self.next + fresh.len() as u64;
        let again = again.into_iter().map(|(id, (count, received))| QuarantineRecord::Again {
            id,
            count,
            received,
        });
        QuarantinePlan {
            ids,
            records: again.chain(fresh.into_iter().map(QuarantineRecord::Add)).collect(),
            next,
        }
    }

    fn write(&mut self, next: u64, records: &[QuarantineRecord]) -> Result<(), QuarantineError> {
        self.log.write(next, &self.kept, records)
    }
}

#[cfg(test)]
mod tests;
