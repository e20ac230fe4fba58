//! A time zone as stretches of constant offset: what makes buckets cheap to compute.
//!
//! `chrono-tz` gives the offset at an instant. Here all offsets of a zone are looked up once, for
//! the years that events can have; afterwards an offset is a binary search over a few hundred
//! stretches, and the instants at which it changes are known exactly.

use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Offset, SecondsFormat, TimeZone};
use chrono_tz::Tz;
use merganser_core::time::{DAY_US, Timestamp};

/// Offsets are looked up this far apart; what changes in between is then searched for.
const STEP_US: i64 = DAY_US / 2;
const SECOND_US: i64 = 1_000_000;

/// A stretch of time with one offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OffsetSpan {
    /// Its first instant, µs.
    pub begin: i64,
    /// The first instant after it, µs.
    pub end: i64,
    /// Local time less UTC, µs.
    pub offset: i64,
}

/// A time zone. Two are equal if their names are: the offsets are looked up by these.
#[derive(Debug)]
pub struct ZoneOffsets {
    tz: Tz,
    stretches: Box<[OffsetSpan]>,
}

impl PartialEq for ZoneOffsets {
    fn eq(&self, other: &Self) -> bool {
        self.tz == other.tz
    }
}

impl Eq for ZoneOffsets {}

impl Hash for ZoneOffsets {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.tz.hash(state);
    }
}

impl ZoneOffsets {
    /// Looks the zone's offsets up, for all times that events can have.
    #[must_use]
    pub fn new(tz: Tz) -> Self {
        let first = Timestamp::MIN.0 - 400 * DAY_US;
        let last = Timestamp::MAX.0 + 400 * DAY_US;
        let mut stretches = Vec::new();
        // Far enough out that nothing overflows, whatever is added.
        let (mut begin, mut offset, mut at) = (i64::MIN / 4, offset_at(tz, first), first);
        while at < last {
            let next = at + STEP_US;
            if offset_at(tz, next) == offset {
                at = next;
                continue;
            }
            let change = first_change(tz, at, next, offset);
            stretches.push(OffsetSpan { begin, end: change, offset });
            (begin, offset, at) = (change, offset_at(tz, change), change);
        }
        stretches.push(OffsetSpan { begin, end: i64::MAX / 4, offset });
        Self { tz, stretches: stretches.into() }
    }

    /// Its IANA name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.tz.name()
    }

    /// The stretch that an instant lies in.
    #[must_use]
    pub fn offset_span(&self, instant: i64) -> OffsetSpan {
        self.stretches[self.position(instant)]
    }

    fn position(&self, instant: i64) -> usize {
        self.stretches.partition_point(|s| s.end <= instant).min(self.stretches.len() - 1)
    }

    /// The first instant whose local time is not before `local`: the earlier one of two, and the
    /// next instant where the local time was skipped.
    #[must_use]
    pub fn first_at(&self, local: i64) -> i64 {
        // No zone is over 26 h from UTC.
        let near = self.position(local - 26 * DAY_US / 24);
        self.stretches[near..]
            .iter()
            .map(|s| ((local - s.offset).max(s.begin), s.end))
            .find(|(instant, end)| instant < end)
            .map_or(local, |(instant, _)| instant)
    }

    /// The local time of an instant.
    #[must_use]
    pub fn local(&self, instant: i64) -> i64 {
        instant + self.offset_span(instant).offset
    }

    /// RFC 3339 with the offset at that instant; in UTC where the offset has seconds, which the
    /// format cannot say.
    #[must_use]
    pub fn format(&self, instant: Timestamp) -> String {
        let Some(utc) = instant.to_utc() else { return instant.to_string() };
        let whole_minutes = self.offset_span(instant.0).offset % (60 * SECOND_US) == 0;
        if whole_minutes {
            utc.with_timezone(&self.tz).to_rfc3339_opts(SecondsFormat::AutoSi, true)
        } else {
            instant.to_string()
        }
    }
}

fn offset_at(tz: Tz, instant: i64) -> i64 {
    let utc = DateTime::from_timestamp_micros(instant).unwrap_or_default().naive_utc();
    i64::from(tz.offset_from_utc_datetime(&utc).fix().local_minus_utc()) * SECOND_US
}

/// The first instant in `(from, to]`, to the second, at which the offset is not `offset`.
fn first_change(tz: Tz, from: i64, to: i64, offset: i64) -> i64 {
    let (mut same, mut other) = (from / SECOND_US, to / SECOND_US);
    while other - same > 1 {
        let middle = same + (other - same) / 2;
        if offset_at(tz, middle * SECOND_US) == offset {
            same = middle;
        } else {
            other = middle;
        }
    }
    other * SECOND_US
}

/// The zones that queries have named so far.
#[derive(Debug, Default)]
pub struct ZoneCache(Mutex<HashMap<Tz, Arc<ZoneOffsets>>>);

impl ZoneCache {
    /// A zone that is in the cache.
    #[must_use]
    pub fn known(&self, tz: Tz) -> Option<Arc<ZoneOffsets>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&tz).cloned()
    }

    /// A zone, looked up at the first time; that takes some milliseconds.
    #[must_use]
    pub fn get(&self, tz: Tz) -> Arc<ZoneOffsets> {
        self.known(tz).unwrap_or_else(|| {
            let zone = Arc::new(ZoneOffsets::new(tz));
            let mut zones = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(zones.entry(tz).or_insert(zone))
        })
    }
}
