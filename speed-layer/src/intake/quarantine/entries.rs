//! The entries that the quarantine holds, within its bounds.
//!
//! When a bound is exceeded the code that holds most gives up its oldest entry. So each code has
//! room for its share, and one wrong file does not push out what was refused for other reasons.
//! What goes is counted by its code. All of it follows from the order of the records and the
//! bounds.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;
use std::sync::Arc;

use merganser_api::quarantine::{CodeTotal, QuarantineId};

use super::entry::QuarantineEntry;
use super::record::QuarantineRecord;
use crate::intake::settings::QuarantineSettings;

#[derive(Debug, Default)]
struct CodeShare {
    ids: BTreeSet<QuarantineId>,
    size_bytes: usize,
    dropped: u64,
}

/// The entries.
#[derive(Debug, Default)]
pub(super) struct QuarantineEntries {
    entries: BTreeMap<QuarantineId, Arc<QuarantineEntry>>,
    /// By fingerprint.
    known: HashMap<u128, QuarantineId>,
    shares: BTreeMap<String, CodeShare>,
    size_bytes: usize,
}

impl QuarantineEntries {
    /// None yet, after so many of each code were dropped.
    pub(super) fn new(dropped: BTreeMap<String, u64>) -> Self {
        let share = |(code, dropped)| (code, CodeShare { dropped, ..CodeShare::default() });
        Self { shares: dropped.into_iter().map(share).collect(), ..Self::default() }
    }

    /// Does what a record says, and keeps the bounds; the codes of what went.
    pub(super) fn apply(
        &mut self,
        record: QuarantineRecord,
        settings: &QuarantineSettings,
    ) -> Vec<String> {
        match record {
            QuarantineRecord::Add(entry) => {
                self.add(entry);
                return self.shrink(settings);
            }
            QuarantineRecord::Again { id, count, received } => {
                if let Some(entry) = self.entries.get_mut(&id) {
                    Arc::make_mut(entry).record_repeat(count, received);
                }
            }
            QuarantineRecord::Delete(id) => {
                self.remove(id);
            }
        }
        Vec::new()
    }

    fn add(&mut self, entry: QuarantineEntry) {
        let (id, bytes) = (entry.id, entry.size_bytes());
        // A number that is there already would be of a damaged file: the later one stands.
        self.remove(id);
        self.size_bytes += bytes;
        let share = self.shares.entry(entry.event.code.clone()).or_default();
        share.ids.insert(id);
        share.size_bytes += bytes;
        self.known.insert(entry.event.fingerprint(), id);
        self.entries.insert(id, Arc::new(entry));
    }

    fn shrink(&mut self, settings: &QuarantineSettings) -> Vec<String> {
        let mut dropped = Vec::new();
        loop {
            let by_count = self.entries.len() > settings.max_events;
            if !by_count && self.size_bytes <= settings.max_bytes {
                return dropped;
            }
            let weight = |share: &CodeShare| match by_count {
                true => share.ids.len(),
                false => share.size_bytes,
            };
            // Of several that hold as much, the one with the oldest entry.
            let largest = self
                .shares
                .iter()
                .filter_map(|(code, share)| Some((code, share, *share.ids.first()?)))
                .max_by_key(|(_, share, oldest)| (weight(share), Reverse(*oldest)));
            let Some((code, _, oldest)) = largest else { return dropped };
            let code = code.clone();
            self.remove(oldest);
            if let Some(share) = self.shares.get_mut(&code) {
                share.dropped += 1;
            }
            dropped.push(code);
        }
    }

    fn remove(&mut self, id: QuarantineId) {
        let Some(entry) = self.entries.remove(&id) else { return };
        let (fingerprint, bytes) = (entry.event.fingerprint(), entry.size_bytes());
        self.size_bytes -= bytes;
        if self.known.get(&fingerprint) == Some(&id) {
            self.known.remove(&fingerprint);
        }
        if let Some(share) = self.shares.get_mut(&entry.event.code) {
            share.ids.remove(&id);
            share.size_bytes -= bytes;
        }
    }

    /// The entry of an event that was there before.
    pub(super) fn find_by_fingerprint(&self, fingerprint: u128) -> Option<QuarantineId> {
        self.known.get(&fingerprint).copied()
    }

    pub(super) fn get(&self, id: QuarantineId) -> Option<&Arc<QuarantineEntry>> {
        self.entries.get(&id)
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// All of them, oldest first.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Arc<QuarantineEntry>> {
        self.entries.values()
    }

    /// Those after one, of a code if one is given; oldest first.
    pub(super) fn after<'a>(
        &'a self,
        after: Option<QuarantineId>,
        code: Option<&str>,
    ) -> Box<dyn Iterator<Item = &'a Arc<QuarantineEntry>> + 'a> {
        let from = (after.map_or(Bound::Unbounded, Bound::Excluded), Bound::Unbounded);
        match code {
            None => Box::new(self.entries.range(from).map(|(_, entry)| entry)),
            Some(code) => {
                let ids = self.shares.get(code).into_iter();
                let ids = ids.flat_map(move |share| share.ids.range(from));
                Box::new(ids.filter_map(move |id| self.entries.get(id)))
            }
        }
    }

    /// What went of each code.
    pub(super) fn dropped(&self) -> BTreeMap<String, u64> {
        let dropped = self.shares.iter().filter(|(_, share)| share.dropped > 0);
        dropped.map(|(code, share)| (code.clone(), share.dropped)).collect()
    }

    /// What is there and went of each code.
    pub(super) fn totals(&self) -> BTreeMap<String, CodeTotal> {
        let total =
            |share: &CodeShare| CodeTotal { entries: share.ids.len(), dropped: share.dropped };
        let there = |share: &CodeShare| !share.ids.is_empty() || share.dropped > 0;
        let shares = self.shares.iter().filter(|(_, share)| there(share));
        shares.map(|(code, share)| (code.clone(), total(share))).collect()
    }
}
