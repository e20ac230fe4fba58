//! Merged batch parts, kept for as long as their generation is the newest.
//!
//! The batch part of an answer cannot change within a generation, so it is read and merged once for
//! all queries of one shape; those that ask at the same time wait for the first. The least recently
//! used go when the bound of bytes is reached.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

use shared::ids::Generation;
use shared::table::StateTable;
use tokio::sync::OnceCell;

use crate::error::Error;

type Cell = Arc<OnceCell<Arc<StateTable>>>;

/// Merged batch parts by query shape `K`.
#[derive(Debug)]
pub struct Cache<K> {
    bytes_max: usize,
    parts: Mutex<Parts<K>>,
}

#[derive(Debug)]
struct Parts<K> {
    generation: Generation,
    entries: HashMap<K, Entry>,
    bytes: usize,
    /// Counts uses, so that each is later than those before.
    uses: u64,
}

#[derive(Debug)]
struct Entry {
    cell: Cell,
    /// 0 until it is filled.
    bytes: usize,
    used: u64,
}

impl<K: Clone + Eq + Hash> Cache<K> {
    /// A cache of at most so many bytes.
    #[must_use]
    pub fn new(bytes_max: usize) -> Self {
        let parts =
            Parts { generation: Generation::ZERO, entries: HashMap::new(), bytes: 0, uses: 0 };
        Self { bytes_max, parts: Mutex::new(parts) }
    }

    /// The part of this shape, from `make` if nobody made it yet.
    ///
    /// # Errors
    /// Those of `make`; then the next one to ask tries again.
    pub async fn get(
        &self,
        generation: Generation,
        key: &K,
        make: impl Future<Output = Result<Arc<StateTable>, Error>>,
    ) -> Result<Arc<StateTable>, Error> {
        let Some(cell) = self.cell(generation, key) else { return make.await };
        // Settled even when the query is given up while it waits.
        let _settle = Settle { cache: self, key, cell: &cell };
        cell.get_or_try_init(|| make).await.cloned()
    }

    /// Bytes that are held.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        self.parts.lock().unwrap_or_else(PoisonError::into_inner).bytes
    }

    /// `None` for a generation that is older than one that was asked for already.
    fn cell(&self, generation: Generation, key: &K) -> Option<Cell> {
        let mut parts = self.parts.lock().unwrap_or_else(PoisonError::into_inner);
        if generation < parts.generation {
            return None;
        }
        if generation > parts.generation {
            parts.generation = generation;
            parts.entries.clear();
            parts.bytes = 0;
        }
        parts.uses += 1;
        let used = parts.uses;
        let new = || Entry { cell: Cell::default(), bytes: 0, used };
        let entry = parts.entries.entry(key.clone()).or_insert_with(new);
        entry.used = used;
        Some(Arc::clone(&entry.cell))
    }

    /// Counts a part's bytes once it is filled, forgets it if that failed, and makes room.
    fn settle(&self, key: &K, cell: &Cell) {
        let mut guard = self.parts.lock().unwrap_or_else(PoisonError::into_inner);
        let parts = &mut *guard;
        let Some(entry) = parts.entries.get_mut(key) else { return };
        if !Arc::ptr_eq(&entry.cell, cell) {
            return;
        }
        match cell.get() {
            None => {
                parts.entries.remove(key);
            }
            Some(part) if entry.bytes == 0 => {
                entry.bytes = part.size_bytes() + 1024;
                parts.bytes += entry.bytes;
            }
            Some(_) => {}
        }
        while parts.bytes > self.bytes_max {
            let filled = parts.entries.iter().filter(|(_, entry)| entry.bytes > 0);
            let Some(oldest) = filled.min_by_key(|(_, entry)| entry.used).map(|(k, _)| k.clone())
            else {
                return;
            };
            if let Some(entry) = parts.entries.remove(&oldest) {
                parts.bytes -= entry.bytes;
            }
        }
    }
}

struct Settle<'a, K: Clone + Eq + Hash> {
    cache: &'a Cache<K>,
    key: &'a K,
    cell: &'a Cell,
}

impl<K: Clone + Eq + Hash> Drop for Settle<'_, K> {
    fn drop(&mut self) {
        self.cache.settle(self.key, self.cell);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::compile::StateLayout;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    fn part() -> Arc<StateTable> {
        Arc::new(StateTable::new(&StateLayout { dimensions: vec![], states: vec![] }))
    }

    #[tokio::test]
    async fn queries_at_the_same_time_share_one_read_and_a_new_generation_forgets() {
        let cache = Cache::new(1 << 20);
        let made = AtomicUsize::new(0);
        let make = || async {
            made.fetch_add(1, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(20)).await;
            Ok(part())
        };
        let both = tokio::join!(
            cache.get(Generation(1), &"a", make()),
            cache.get(Generation(1), &"a", make())
        );
        assert!(both.0.is_ok() && both.1.is_ok());
        assert_eq!(made.load(Ordering::SeqCst), 1);
        cache.get(Generation(2), &"a", make()).await.unwrap();
        cache.get(Generation(1), &"a", make()).await.unwrap();
        cache.get(Generation(2), &"a", make()).await.unwrap();
        assert_eq!(made.load(Ordering::SeqCst), 3);
    }

    #[tokio::test]
    async fn what_failed_is_tried_again_and_the_bound_holds() {
        let cache = Cache::new(3 * 1024);
        let failed = cache.get(Generation(1), &0, async { Err(Error::Moving(1)) }).await;
        assert!(failed.is_err());
        for key in 0..10 {
            cache.get(Generation(1), &key, async { Ok(part()) }).await.unwrap();
        }
        assert!(cache.size_bytes() <= 3 * 1024);
        let again = cache.get(Generation(1), &9, async { Err(Error::Moving(1)) }).await;
        assert!(again.is_ok(), "the newest is kept");
    }
}
