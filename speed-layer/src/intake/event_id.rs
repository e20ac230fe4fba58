//! Ids for events that came without one. The port through which their randomness enters.

use std::sync::atomic::{AtomicU64, Ordering};

use merganser_core::time::Timestamp;
use uuid::{Builder, NoContext, Uuid};
use xxhash_rust::xxh3::xxh3_128;

/// Makes ids that no other event has.
pub trait EventIdGenerator: Send + Sync + std::fmt::Debug + 'static {
    /// An id for an event that arrived `now`.
    fn next(&self, now: Timestamp) -> Uuid;
}

/// UUIDv7 (RFC 9562): 48 bits of milliseconds and 74 bits that look random.
///
/// The system gives randomness once; the bits are a hash of that and of a counter, since a
/// call to the system for each event would take longer than all the rest of its intake.
#[derive(Debug)]
pub struct UuidGenerator {
    seed: [u8; 16],
    count: AtomicU64,
}

impl UuidGenerator {
    /// Takes its seed from the system.
    #[must_use]
    pub fn new() -> Self {
        let random = Uuid::new_v7(uuid::Timestamp::from_unix(NoContext, 0, 0));
        Self { seed: random.into_bytes(), count: AtomicU64::new(0) }
    }
}

impl Default for UuidGenerator {
    fn default() -> Self {
        Self::new()
    }
}

impl EventIdGenerator for UuidGenerator {
    fn next(&self, now: Timestamp) -> Uuid {
        let mut input = [0; 24];
        input[..16].copy_from_slice(&self.seed);
        input[16..].copy_from_slice(&self.count.fetch_add(1, Ordering::Relaxed).to_le_bytes());
        let mut random = [0; 10];
        random.copy_from_slice(&xxh3_128(&input).to_le_bytes()[..10]);
        let now_ms = u64::try_from(now.0.div_euclid(1000)).unwrap_or(0);
        Builder::from_unix_timestamp_millis(now_ms, &random).into_uuid()
    }
}

/// Ids that count up from 0, for tests.
#[derive(Debug, Default)]
#[cfg(test)]
pub(crate) struct CountedIds(AtomicU64);

#[cfg(test)]
impl EventIdGenerator for CountedIds {
    fn next(&self, _now: Timestamp) -> Uuid {
        Uuid::from_u128(self.0.fetch_add(1, Ordering::Relaxed).into())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn ids_are_version_7_of_their_time_and_never_the_same() {
        let now = Timestamp(1_763_776_800_123_456);
        let (one, other) = (UuidGenerator::new(), UuidGenerator::new());
        let mut seen = HashSet::new();
        for id in (0..10_000).map(|_| one.next(now)).chain((0..10_000).map(|_| other.next(now))) {
            assert_eq!(id.get_version_num(), 7);
            let (seconds, nanos) = id.get_timestamp().unwrap().to_unix();
            assert_eq!((seconds, nanos), (1_763_776_800, 123_000_000));
            assert!(seen.insert(id));
        }
        assert_eq!(one.next(Timestamp(-1)).get_timestamp().unwrap().to_unix(), (0, 0));
    }
}
