//! Memory for answers: one budget of bytes, taken before it is used and given back after.
//!
//! An [`MemoryAccount`] is what one query holds, and a [`QueryMemoryGuard`] is a part of it that
//! lives as long as the tables, rows or texts that it is for; what is kept for later queries stays
//! in the budget. No query waits while it holds memory, since two such queries may wait for each
//! other: where there is not enough ([`MemoryShortageError`]), a query gives everything back, waits
//! until as much is free as it will need, reserves it, and begins anew.
//!
//! A spare part is left for queries that need little. The queries of one key hold at most half of
//! the budget; those that need little may take half of the spare part besides.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use merganser_api::request::CallerId;
use metrics::Gauge;

use crate::instruments;

/// Of the budget, the part that only queries which need little may use: one in so many.
const SPARE: usize = 8;
/// Of the budget, the most that a query which needs little may hold.
const LITTLE: usize = 32;

/// The budget. Clones share it.
#[derive(Clone, Debug)]
pub struct QueryMemory(Arc<QueryMemoryInner>);

#[derive(Debug)]
struct QueryMemoryInner {
    limit: usize,
    gauge: Gauge,
    taken: Mutex<QueryMemoryUsage>,
}

#[derive(Debug, Default)]
struct QueryMemoryUsage {
    bytes: usize,
    by_caller: HashMap<CallerId, usize>,
}

/// Who may use how much of the budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemoryNeed {
    /// All of it: the query needs little.
    Little,
    /// Up to a bound, so that there is some left for others.
    Much,
}

/// There is not as much memory as a query needs now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryShortageError {
    /// What it held and what it wanted besides, together.
    pub needed: usize,
}

impl QueryMemory {
    /// A budget of so many bytes.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        let gauge = instruments::query_memory(limit);
        Self(Arc::new(QueryMemoryInner { limit, gauge, taken: Mutex::default() }))
    }

    /// Bytes of all.
    #[must_use]
    pub fn limit(&self) -> usize {
        self.0.limit
    }

    /// Bytes that are taken.
    #[must_use]
    pub fn taken(&self) -> usize {
        self.0.taken().bytes
    }

    /// The most that one caller may hold at a time.
    #[must_use]
    pub fn most(&self, caller: &CallerId) -> usize {
        match caller.is_known() {
            true => self.limit() / 2,
            false => self.limit() - self.limit() / SPARE,
        }
    }

    /// An account that holds nothing.
    #[must_use]
    pub fn account(&self, caller: &CallerId, need: MemoryNeed) -> MemoryAccount {
        let (memory, caller) = (self.clone(), caller.clone());
        MemoryAccount(Arc::new(MemoryAccountInner { memory, caller, need, used: Mutex::default() }))
    }
}

impl QueryMemoryInner {
    fn taken(&self) -> MutexGuard<'_, QueryMemoryUsage> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes bytes, or says how many are lacking in all; where a key's share is used up, none are.
    fn take(
        &self,
        bytes: usize,
        caller: &CallerId,
        most: usize,
        need: MemoryNeed,
    ) -> Result<(), usize> {
        if bytes == 0 {
            return Ok(());
        }
        let mut taken = self.taken();
        let spare = self.limit / SPARE;
        let (limit, most) = match need {
            MemoryNeed::Little => (self.limit, most + spare / 2),
            MemoryNeed::Much => (self.limit - spare, most),
        };
        let own = taken.by_caller.get(caller).copied().unwrap_or(0);
        let lacking = taken.bytes.saturating_add(bytes).saturating_sub(limit);
        if lacking > 0 || own.saturating_add(bytes) > most {
            return Err(lacking);
        }
        taken.bytes += bytes;
        *taken.by_caller.entry(caller.clone()).or_default() += bytes;
        self.gauge.set(taken.bytes as f64);
        Ok(())
    }

    fn release(&self, bytes: usize, caller: &CallerId) {
        if bytes == 0 {
            return;
        }
        let mut taken = self.taken();
        taken.bytes -= bytes;
        self.gauge.set(taken.bytes as f64);
        if let Some(own) = taken.by_caller.get_mut(caller) {
            *own -= bytes;
            if *own == 0 {
                taken.by_caller.remove(caller);
            }
        }
    }
}

/// What one query holds. Clones share it; when the last one and all that was held are dropped,
/// everything is given back.
#[derive(Clone, Debug)]
pub struct MemoryAccount(Arc<MemoryAccountInner>);

#[derive(Debug)]
struct MemoryAccountInner {
    memory: QueryMemory,
    caller: CallerId,
    need: MemoryNeed,
    used: Mutex<MemoryAccountUsage>,
}

impl Drop for MemoryAccountInner {
    fn drop(&mut self) {
        // Nothing is held any more, since what is held keeps its account.
        let used = self.used.get_mut().unwrap_or_else(PoisonError::into_inner);
        self.memory.0.release(used.taken(), &self.caller);
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct MemoryAccountUsage {
    /// Taken ahead of use.
    reserved: usize,
    /// Taken for something.
    held: usize,
}

impl MemoryAccountUsage {
    /// What is taken of the budget.
    fn taken(&self) -> usize {
        self.reserved.max(self.held)
    }
}

impl MemoryAccount {
    /// Takes so many bytes in all ahead of their use.
    ///
    /// # Errors
    /// How many bytes are lacking in the budget; 0 where the caller's share is used up.
    pub fn reserve(&self, bytes: usize) -> Result<(), usize> {
        self.change(|used| used.reserved = bytes)
    }

    /// Takes bytes for something.
    ///
    /// # Errors
    /// When there are not as many.
    pub fn hold(&self, bytes: usize) -> Result<QueryMemoryGuard, MemoryShortageError> {
        let mut held = QueryMemoryGuard { account: self.clone(), bytes: 0 };
        held.resize(bytes)?;
        Ok(held)
    }

    /// Makes a change, if what it takes more is there; else says how much is lacking.
    fn change(&self, change: impl FnOnce(&mut MemoryAccountUsage)) -> Result<(), usize> {
        let MemoryAccountInner { memory, caller, need, used } = &*self.0;
        let mut used = used.lock().unwrap_or_else(PoisonError::into_inner);
        let before = *used;
        change(&mut used);
        let (old, new) = (before.taken(), used.taken());
        let most = memory.limit() / LITTLE;
        let done = match need {
            MemoryNeed::Little if new > old && new > most => Err(0),
            _ if new > old => memory.0.take(new - old, caller, memory.most(caller), *need),
            _ => {
                memory.0.release(old - new, caller);
                Ok(())
            }
        };
        if done.is_err() {
            *used = before;
        }
        done
    }

    /// What is taken.
    fn taken(&self) -> usize {
        self.0.used.lock().unwrap_or_else(PoisonError::into_inner).taken()
    }
}

/// Bytes that are taken for something, for as long as this lives.
#[derive(Debug)]
pub struct QueryMemoryGuard {
    account: MemoryAccount,
    bytes: usize,
}

impl QueryMemoryGuard {
    /// Its bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Takes more, or gives some back.
    ///
    /// # Errors
    /// When there are not as many; it is as it was then.
    pub fn resize(&mut self, bytes: usize) -> Result<(), MemoryShortageError> {
        let before = self.bytes;
        let done = self.account.change(|used| used.held = used.held - before + bytes);
        if done.is_err() {
            return Err(MemoryShortageError { needed: self.account.taken() + (bytes - before) });
        }
        self.bytes = bytes;
        Ok(())
    }

    /// As much, but of another account, where it is there.
    #[must_use]
    pub fn moved_to(self, account: &MemoryAccount) -> Self {
        account.hold(self.bytes).unwrap_or(self)
    }
}

impl Drop for QueryMemoryGuard {
    fn drop(&mut self) {
        // Less is always there.
        let _ = self.resize(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn key(name: &str) -> CallerId {
        CallerId::key(name)
    }

    #[test]
    fn reserved_memory_can_be_used_and_is_released_on_drop() {
        let memory = QueryMemory::new(3_200);
        let account = memory.account(&CallerId::default(), MemoryNeed::Much);
        assert!(account.reserve(2_000).is_ok());
        let other = memory.account(&CallerId::default(), MemoryNeed::Much);
        assert_eq!(
            other.hold(1_200).unwrap_err(),
            MemoryShortageError { needed: 1_200 },
            "an eighth is spared"
        );
        assert_eq!(other.reserve(1_200), Err(400), "so much is lacking");
        let rest = other.hold(800).unwrap();
        let little = memory.account(&key("a"), MemoryNeed::Little).hold(100).unwrap();
        // Although others hold what is spared, what was reserved is there.
        drop(account.hold(1_600).unwrap());
        let mut second = account.hold(2_000).unwrap();
        assert_eq!(second.resize(2_001), Err(MemoryShortageError { needed: 2_001 }));
        assert_eq!((second.bytes(), memory.taken()), (2_000, 2_900));
        assert!(account.reserve(0).is_ok());
        second.resize(10).unwrap();
        assert_eq!(memory.taken(), 910);
        drop((second, rest, little, account, other));
        assert_eq!(memory.taken(), 0);
    }

    #[test]
    fn a_key_holds_half_at_most_and_leaves_the_rest_to_others() {
        let memory = QueryMemory::new(3_200);
        let (one, two) = (key("a"), key("b"));
        let held = memory.account(&one, MemoryNeed::Much).hold(1_300).unwrap();
        assert!(memory.account(&one, MemoryNeed::Much).hold(301).is_err());
        let more = memory.account(&one, MemoryNeed::Much).hold(300).unwrap();
        assert_eq!(memory.account(&one, MemoryNeed::Much).reserve(1), Err(0), "it is its share");
        let little = || memory.account(&one, MemoryNeed::Little).hold(100);
        assert!(memory.account(&one, MemoryNeed::Little).hold(101).is_err(), "that is not little");
        let passed = (little().unwrap(), little().unwrap());
        assert!(little().is_err(), "half of what is spared is for others");
        assert!(memory.account(&two, MemoryNeed::Little).hold(100).is_ok());
        assert!(memory.account(&two, MemoryNeed::Much).hold(1_000).is_ok());
        drop((held, more, passed));
        assert!(memory.account(&one, MemoryNeed::Much).hold(1_600).is_ok());
    }

    proptest! {
        /// Whatever is done in whatever order, what is taken is the sum of what each account has,
        /// and never more than the budget.
        #[test]
        fn the_sum_is_what_is_held(
            steps in prop::collection::vec((0..3_usize, 0..4_usize, 0..600_usize), 0..60),
        ) {
            let memory = QueryMemory::new(1_000);
            let one = |caller: CallerId, need| memory.account(&caller, need);
            let accounts = [
                one(CallerId::default(), MemoryNeed::Much),
                one(key("a"), MemoryNeed::Much),
                one(key("a"), MemoryNeed::Little),
            ];
            let mut reserved = [0; 3];
            let mut held: [Vec<QueryMemoryGuard>; 3] = Default::default();
            for (at, what, bytes) in steps {
                let account = &accounts[at];
                match what {
                    0 => if account.reserve(bytes).is_ok() { reserved[at] = bytes },
                    1 => held[at].extend(account.hold(bytes)),
                    2 => drop(held[at].pop()),
                    _ => if let Some(last) = held[at].last_mut() {
                        let before = last.bytes();
                        let done = last.resize(bytes);
                        prop_assert!(done.is_ok() || bytes > before, "less is always there");
                        prop_assert_eq!(last.bytes(), if done.is_ok() { bytes } else { before });
                    },
                }
                let sum = |held: &Vec<QueryMemoryGuard>| {
                    held.iter().map(QueryMemoryGuard::bytes).sum::<usize>()
                };
                let taken = |at: usize| reserved[at].max(sum(&held[at]));
                prop_assert_eq!(memory.taken(), taken(0) + taken(1) + taken(2));
                prop_assert!(taken(0) + taken(1) + taken(2) <= 1_000);
                prop_assert!(taken(0) + taken(1) <= 875 && taken(1) <= 500 && taken(2) <= 31);
            }
            drop((held, accounts));
            prop_assert_eq!(memory.taken(), 0);
        }
    }
}
