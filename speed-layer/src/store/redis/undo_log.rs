//! What has been overwritten since the last whole flush, so that a reader finds what was there.
//!
//! Each flush has a list, which the script of a change appends to. A reader takes the lists from
//! the flush that follows the one that it sees, and of each group the oldest value. It may take a
//! change that came after it read the group, which does no harm: what was there is the same.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use redis::Pipeline;

use super::RedisStore;
use super::codec::GroupFields;
use super::keys::RedisKeys;
use super::read_error::ChunkReadError;
use crate::store::{StoreReadError, StoredView, ViewChange, ViewSpace};

/// How long the list of a flush is kept that is half-way, and then goes on when its writer is back.
/// That of a whole flush is kept for as long as a read may take, see the script.
const HALF_KEPT_MS: u64 = 3_600_000;
/// What a list begins with when something that was overwritten is not in it.
const FORGOTTEN: &[u8] = b"forgotten";

/// Milliseconds for which the list is kept that `change` appends to, unless the change ends the
/// flush.
pub(super) fn partial_flush_retention_ms(change: &ViewChange) -> Option<u64> {
    (!change.ends_flush()).then_some(HALF_KEPT_MS)
}

/// What a reader knows of what has been overwritten.
#[derive(Debug)]
pub(super) struct UndoLogReader {
    space: ViewSpace,
    /// Changes of the space that are known, or that are in what is read.
    serial: Option<u64>,
    /// The flush whose list is being read, and how many elements of it were.
    flushes: u64,
    known: usize,
    /// Elements that are read at once.
    portion: usize,
    parser: UndoLogParser,
    is_forgotten: bool,
}

/// By chunk, and there by field, the oldest value; nothing where there was no such group.
type UndoLogValues = HashMap<String, HashMap<Vec<u8>, Option<Vec<u8>>>>;

/// Takes lists apart, element by element.
#[derive(Debug, Default)]
struct UndoLogParser {
    values: UndoLogValues,
    next: UndoLogElement,
    chunks_left: usize,
    groups_left: usize,
    member: String,
    field: Vec<u8>,
}

/// What the next element is.
#[derive(Clone, Copy, Debug, Default)]
enum UndoLogElement {
    #[default]
    Serial,
    Chunks,
    Member,
    Groups,
    Field,
    Value,
}

impl UndoLogReader {
    /// For a reader of the states after the last whole flush that takes so many groups at once.
    pub(super) fn since(stored: &StoredView, groups: usize) -> Self {
        let is_whole = stored.through == stored.reach;
        Self {
            space: stored.space,
            serial: is_whole.then_some(stored.serial),
            flushes: stored.flushes,
            known: 0,
            portion: 2 * groups,
            parser: UndoLogParser::default(),
            is_forgotten: false,
        }
    }

    /// Whether something that was overwritten is known no more.
    pub(super) fn is_truncated(&self) -> bool {
        self.is_forgotten
    }

    /// The chunks that matter.
    pub(super) fn track_chunks<'a>(&mut self, members: impl Iterator<Item = &'a str>) {
        self.parser.values = members.map(|name| (name.to_owned(), HashMap::new())).collect();
    }

    /// Reads what has been overwritten up to now.
    pub(super) async fn read_new_entries(
        &mut self,
        store: &RedisStore,
        keys: &RedisKeys,
    ) -> Result<(), ChunkReadError> {
        let mut look = redis::cmd("HMGET");
        look.arg(keys.meta()).arg(&["space", "serial", "flushes", "through", "reach"]);
        let now: [Option<String>; 5] = look.query_async(&mut store.connection()).await?;
        let [space, serial, flushes, through, reach] = now.map(Option::unwrap_or_default);
        if space != self.space.to_string() {
            return Err(StoreReadError::Building.into());
        }
        let (serial, flushes) = (parse_count(&serial)?, parse_count(&flushes)?);
        if self.serial == Some(serial) {
            return Ok(());
        }
        loop {
            self.read_list(store, keys).await?;
            let is_over = self.flushes >= flushes;
            // Each flush has a list, the last one while it is half-way.
            self.is_forgotten |= self.known == 0 && (!is_over || through != reach);
            if is_over {
                break;
            }
            self.flushes += 1;
            self.known = 0;
            self.parser.next = UndoLogElement::Serial;
        }
        self.serial = Some(serial);
        Ok(())
    }

    /// The rest of the list of one flush.
    async fn read_list(
        &mut self,
        store: &RedisStore,
        keys: &RedisKeys,
    ) -> Result<(), ChunkReadError> {
        let key = keys.undo_log(self.space, self.flushes);
        loop {
            let mut pipeline = Pipeline::with_capacity(2);
            pipeline.cmd("LRANGE").arg(&key).arg(self.known).arg(self.known + self.portion - 1);
            pipeline.cmd("LLEN").arg(&key);
            let (elements, length): (Vec<Vec<u8>>, usize) =
                pipeline.query_async(&mut store.connection()).await?;
            let count = elements.len();
            let is_given_up = self.known == 0 && elements.first().is_some_and(|e| e == FORGOTTEN);
            // It expired, or was given up for its size, after a part of it was read.
            self.is_forgotten |= is_given_up || length < self.known;
            if self.is_forgotten {
                return Ok(());
            }
            for element in elements {
                let done = self.parser.parse_element(element);
                done.ok_or_else(|| ChunkReadError::Suspect(format!("{key} cannot be read")))?;
            }
            self.known += count;
            if count < self.portion {
                return Ok(());
            }
        }
    }

    /// Puts what was there in place of what was overwritten.
    pub(super) fn restore(&self, member: &str, groups: &mut GroupFields) {
        let Some(values) = self.parser.values.get(member).filter(|values| !values.is_empty())
        else {
            return;
        };
        groups.retain_mut(|(field, value)| match values.get(field) {
            None => true,
            Some(None) => false,
            Some(Some(before)) => {
                value.clone_from(before);
                true
            }
        });
    }
}

fn parse_count(text: &str) -> Result<u64, ChunkReadError> {
    text.parse::<u64>().map_err(|_| ChunkReadError::Suspect(format!("meta says `{text}`")))
}

impl UndoLogParser {
    /// Takes an element; `None` when it is not what comes next.
    fn parse_element(&mut self, element: Vec<u8>) -> Option<()> {
        match self.next {
            UndoLogElement::Serial => self.next = UndoLogElement::Chunks,
            UndoLogElement::Chunks => {
                self.chunks_left = number(&element)?;
                self.next = self.chunk_or_change();
            }
            UndoLogElement::Member => {
                self.member = String::from_utf8(element).ok()?;
                self.next = UndoLogElement::Groups;
            }
            UndoLogElement::Groups => {
                self.groups_left = number(&element)?;
                self.chunks_left = self.chunks_left.checked_sub(1)?;
                self.next = self.group_or_chunk();
            }
            UndoLogElement::Field => {
                self.field = element;
                self.next = UndoLogElement::Value;
            }
            UndoLogElement::Value => {
                self.groups_left = self.groups_left.checked_sub(1)?;
                if let Some(values) = self.values.get_mut(&self.member) {
                    let field = std::mem::take(&mut self.field);
                    if let Entry::Vacant(oldest) = values.entry(field) {
                        oldest.insert((!element.is_empty()).then_some(element));
                    }
                }
                self.next = self.group_or_chunk();
            }
        }
        Some(())
    }

    fn group_or_chunk(&self) -> UndoLogElement {
        if self.groups_left > 0 { UndoLogElement::Field } else { self.chunk_or_change() }
    }

    fn chunk_or_change(&self) -> UndoLogElement {
        if self.chunks_left > 0 { UndoLogElement::Member } else { UndoLogElement::Serial }
    }
}

fn number(element: &[u8]) -> Option<usize> {
    std::str::from_utf8(element).ok()?.parse().ok()
}
