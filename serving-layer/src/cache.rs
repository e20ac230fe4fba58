//! What was made for a query, kept for as long as it is what would be made again.
//!
//! Nothing outlives its generation. Within one, the batch part of an answer cannot change, and the
//! answer itself changes only with how far the speed view has come: that is its *stamp*. So either
//! is made once for all queries of one key; those that ask at the same time wait for the first. The
//! least recently used go when the bound of bytes is reached.

use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

use hashbrown::HashMap;
use merganser_core::ids::{Generation, Offset};
use tokio::sync::OnceCell;

use crate::instruments::CacheInstruments;

/// What can be kept.
pub trait CacheValue {
    /// Bytes that it takes.
    fn size_bytes(&self) -> usize;

    /// Whether it would be made the same again.
    fn is_lasting(&self) -> bool {
        true
    }
}

type CacheCell<V> = Arc<OnceCell<Arc<V>>>;

/// Values by key.
#[derive(Debug)]
pub struct GenerationCache<K, V> {
    bytes_max: usize,
    kept: Mutex<CacheContents<K, V>>,
    instruments: CacheInstruments,
}

#[derive(Debug)]
struct CacheContents<K, V> {
    generation: Generation,
    entries: HashMap<K, CacheEntry<V>>,
    bytes: usize,
    /// Counts uses, so that each is later than those before.
    uses: u64,
}

#[derive(Debug)]
struct CacheEntry<V> {
    stamp: Offset,
    cell: CacheCell<V>,
    /// 0 until it is filled.
    bytes: usize,
    used: u64,
}

impl<K: Clone + Eq + Hash, V: CacheValue> GenerationCache<K, V> {
    /// A cache of at most so many bytes; its instruments bear the name.
    #[must_use]
    pub fn new(name: &'static str, bytes_max: usize) -> Self {
        let kept = CacheContents {
            generation: Generation::ZERO,
            entries: HashMap::new(),
            bytes: 0,
            uses: 0,
        };
        Self { bytes_max, kept: Mutex::new(kept), instruments: CacheInstruments::of(name) }
    }

    /// The value of this key with this stamp, from `make` if it is not there yet. A
    /// value with a higher stamp replaces it for good.
    ///
    /// # Errors
    /// Those of `make`; then the next call tries again.
    pub async fn get<E>(
        &self,
        generation: Generation,
        stamp: Offset,
        key: &K,
        make: impl Future<Output = Result<Arc<V>, E>>,
    ) -> Result<Arc<V>, E> {
        let CacheInstruments { hits, misses, .. } = &self.instruments;
        let Some(cell) = self.cell(generation, stamp, key) else {
            misses.increment(1);
            return make.await;
        };
        if let Some(value) = cell.get() {
            hits.increment(1);
            return Ok(Arc::clone(value));
        }
        // Settled even when the query is given up while it waits.
        let _settle = CacheFillGuard { cache: self, key, cell: &cell };
        let mut found = hits;
        let value = cell.get_or_try_init(|| {
            found = misses;
            make
        });
        let value = value.await.cloned();
        found.increment(1);
        value
    }

    /// The value of this key with this stamp, if it was made.
    pub fn find(&self, generation: Generation, stamp: Offset, key: &K) -> Option<Arc<V>> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.generation != generation {
            return None;
        }
        kept.uses += 1;
        let used = kept.uses;
        let entry = kept.entries.get_mut(key).filter(|entry| entry.stamp == stamp)?;
        let value = Arc::clone(entry.cell.get()?);
        entry.used = used;
        self.instruments.hits.increment(1);
        Some(value)
    }

    /// Forgets values, those that were used longest ago first, until so many bytes are forgotten;
    /// how many more would have been.
    pub fn shrink_by(&self, bytes: usize) -> usize {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let before = kept.bytes;
        let most = before.saturating_sub(bytes);
        while kept.bytes > most && kept.evict_oldest() {}
        self.instruments.bytes.set(kept.bytes as f64);
        bytes.saturating_sub(before - kept.bytes)
    }

    /// Bytes that are held.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).bytes
    }

    /// `None` for a generation or a stamp that is older than one of an earlier call.
    fn cell(&self, generation: Generation, stamp: Offset, key: &K) -> Option<CacheCell<V>> {
        let mut guard = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = &mut *guard;
        if generation < kept.generation {
            return None;
        }
        if generation > kept.generation {
            kept.generation = generation;
            kept.entries.clear();
            kept.bytes = 0;
        }
        kept.uses += 1;
        let used = kept.uses;
        let new = || CacheEntry { stamp, cell: CacheCell::default(), bytes: 0, used };
        let Some(entry) = kept.entries.get_mut(key) else {
            let entry = kept.entries.entry(key.clone()).or_insert_with(new);
            return Some(Arc::clone(&entry.cell));
        };
        if stamp < entry.stamp {
            return None;
        }
        if stamp > entry.stamp {
            kept.bytes -= entry.bytes;
            *entry = new();
        }
        entry.used = used;
        Some(Arc::clone(&entry.cell))
    }

    /// Counts a value's bytes once it is filled, forgets it if that failed, and makes room.
    fn record_fill(&self, key: &K, cell: &CacheCell<V>) {
        let mut guard = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = &mut *guard;
        let Some(entry) = kept.entries.get_mut(key) else { return };
        if !Arc::ptr_eq(&entry.cell, cell) {
            return;
        }
        // The map and this call hold it; so does each other call that makes it or waits.
        let is_last = Arc::strong_count(cell) <= 2;
        match cell.get() {
            None if is_last => {
                kept.entries.remove(key);
            }
            None => {}
            Some(value) if !value.is_lasting() || value.size_bytes() > self.bytes_max => {
                kept.entries.remove(key);
            }
            Some(value) if entry.bytes == 0 => {
                entry.bytes = value.size_bytes() + 1024;
                kept.bytes += entry.bytes;
            }
            Some(_) => {}
        }
        while kept.bytes > self.bytes_max && kept.evict_oldest() {}
        self.instruments.bytes.set(kept.bytes as f64);
    }
}

impl<K: Eq + Hash, V> CacheContents<K, V> {
    /// Forgets the quarter of the filled entries that was used longest ago, at least one: looking
    /// for the oldest at each new entry would take long when there are many small ones. Whether
    /// there was one.
    fn evict_oldest(&mut self) -> bool {
        let filled = self.entries.values().filter(|entry| entry.bytes > 0);
        let mut uses: Vec<u64> = filled.map(|entry| entry.used).collect();
        if uses.is_empty() {
            return false;
        }
        let quarter = uses.len() / 4;
        let (_, last, _) = uses.select_nth_unstable(quarter);
        let last = *last;
        self.entries.retain(|_, entry| entry.bytes == 0 || entry.used > last);
        self.bytes = self.entries.values().map(|entry| entry.bytes).sum();
        true
    }
}

struct CacheFillGuard<'a, K: Clone + Eq + Hash, V: CacheValue> {
    cache: &'a GenerationCache<K, V>,
    key: &'a K,
    cell: &'a CacheCell<V>,
}

impl<K: Clone + Eq + Hash, V: CacheValue> Drop for CacheFillGuard<'_, K, V> {
    fn drop(&mut self) {
        self.cache.record_fill(self.key, self.cell);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ServingError;
    use metrics::Counter;
    use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
    use std::time::Duration;

    #[derive(Debug)]
    struct Part;

    impl CacheValue for Part {
        fn size_bytes(&self) -> usize {
            64
        }
    }

    fn part() -> Arc<Part> {
        Arc::new(Part)
    }

    #[tokio::test]
    async fn queries_at_the_same_time_share_one_read_and_a_new_generation_forgets() {
        let cache = GenerationCache::new("test", 1 << 20);
        let made = AtomicUsize::new(0);
        let make = || async {
            made.fetch_add(1, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(20)).await;
            Ok::<_, ServingError>(part())
        };
        let get =
            |generation, stamp| cache.get(Generation(generation), Offset(stamp), &"a", make());
        let both = tokio::join!(get(1, 7), get(1, 7));
        assert!(both.0.is_ok() && both.1.is_ok());
        assert_eq!(made.load(Ordering::SeqCst), 1);
        get(2, 7).await.unwrap();
        get(1, 7).await.unwrap();
        get(2, 7).await.unwrap();
        assert_eq!(made.load(Ordering::SeqCst), 3);
        for (stamp, count) in [(8, 4), (8, 4), (7, 5), (8, 5)] {
            get(2, stamp).await.unwrap();
            assert_eq!(made.load(Ordering::SeqCst), count, "a higher stamp takes the place");
        }
        assert_eq!(cache.size_bytes(), part().size_bytes() + 1024, "what was replaced is gone");
    }

    #[tokio::test]
    async fn a_reader_that_waits_counts_as_a_hit_and_the_one_that_fills_as_a_miss() {
        let (hits, misses) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let mut cache = GenerationCache::new("test", 1 << 20);
        cache.instruments.hits = Counter::from_arc(Arc::clone(&hits));
        cache.instruments.misses = Counter::from_arc(Arc::clone(&misses));
        let make = || async {
            tokio::time::sleep(Duration::from_millis(20)).await;
            Ok::<_, ServingError>(part())
        };
        let get = |stamp| cache.get(Generation(1), Offset(stamp), &"a", make());
        let (made, waited) = tokio::join!(get(7), get(7));
        assert!(made.is_ok() && waited.is_ok());
        for (stamp, counted) in [(7, (2, 1)), (8, (2, 2)), (7, (2, 3)), (8, (3, 3))] {
            get(stamp).await.unwrap();
            let now = (hits.load(Ordering::SeqCst), misses.load(Ordering::SeqCst));
            assert_eq!(now, counted, "(hits, misses) after an ask at {stamp}");
        }
    }

    #[tokio::test]
    async fn a_waiter_that_gives_up_does_not_stop_the_fill() {
        let cache = GenerationCache::new("test", 1 << 20);
        let made = AtomicUsize::new(0);
        let make = || async {
            made.fetch_add(1, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(50)).await;
            Ok::<_, ServingError>(part())
        };
        let get = || cache.get(Generation(1), Offset(7), &"a", make());
        let impatient = tokio::time::timeout(Duration::from_millis(10), get());
        let (made_it, gave_up) = tokio::join!(get(), impatient);
        assert!(made_it.is_ok() && gave_up.is_err());
        get().await.unwrap();
        assert_eq!(made.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn a_failed_fill_is_tried_again_and_the_bound_holds() {
        let cache = GenerationCache::new("test", 3 * 1024);
        let failed =
            cache.get(Generation(1), Offset(0), &0, async { Err(ServingError::Moving(1)) }).await;
        assert!(failed.is_err());
        for key in 0..10 {
            cache
                .get(Generation(1), Offset(0), &key, async { Ok::<_, ServingError>(part()) })
                .await
                .unwrap();
        }
        assert!((1024..=3 * 1024).contains(&cache.size_bytes()), "{}", cache.size_bytes());
        let again =
            cache.get(Generation(1), Offset(0), &9, async { Err(ServingError::Moving(1)) }).await;
        assert!(again.is_ok(), "the newest is kept");
    }
}
