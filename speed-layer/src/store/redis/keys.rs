//! Names of keys. They are made of ids and times, never of what a user wrote.
//!
//! All keys of a view share a hash tag, so that a cluster keeps them in one slot and a script may
//! touch them together.

use merganser_core::ids::{Epoch, JournalId, PartitionId};
use merganser_core::time::{Grain, TimeRange, Timestamp};

use crate::store::chunk::TimeChunk;
use crate::store::{ViewId, ViewSpace};

/// Keys of one view.
#[derive(Clone, Debug)]
pub(super) struct RedisKeys {
    base: String,
}

impl RedisKeys {
    pub(super) fn of(id: ViewId) -> Self {
        let (metric, partition) = (id.metric, PartitionId::ONLY.0);
        Self { base: format!("mg:{{m{metric}.{partition}.{}}}", id.journal()) }
    }

    /// Hash: what [`crate::store::StoredView`] says, and the number of chunks of each epoch.
    pub(super) fn meta(&self) -> String {
        format!("{}:meta", self.base)
    }

    /// Sorted set: the chunks that there are, as [`chunk_member`]s.
    pub(super) fn index(&self) -> String {
        format!("{}:index", self.base)
    }

    /// List: what the flush that follows so many whole ones has overwritten.
    pub(super) fn undo_log(&self, space: ViewSpace, flushes: u64) -> String {
        format!("{}:{space}:overwritten:{flushes}", self.base)
    }

    /// Hash: the groups of a chunk.
    pub(super) fn chunk(&self, member: &str) -> String {
        format!("{}:{member}", self.base)
    }
}

/// Hash: the last fence that was claimed, and the metrics of which anything may be stored.
pub(super) fn journal_key(journal: JournalId) -> String {
    format!("mg:{{{journal}}}")
}

/// A chunk's name: `space:epoch:start`, ordered by start within an epoch. `None` for a time that no
/// event can have.
pub(super) fn chunk_member(
    space: ViewSpace,
    epoch: Epoch,
    grain: Grain,
    chunk: TimeChunk,
) -> Option<String> {
    label(grain, chunk).map(|label| format!("{space}:{epoch}:{label}"))
}

/// The chunk that a member names, if it is one of `space` and `epoch`.
pub(super) fn chunk_of(
    member: &str,
    space: ViewSpace,
    epoch: Epoch,
    grain: Grain,
) -> Option<TimeChunk> {
    let text = member.strip_prefix(&format!("{space}:{epoch}:"))?;
    let time = match grain {
        Grain::Minute => format!("{text}:00:00Z"),
        Grain::Hour | Grain::Day => format!("{text}T00:00:00Z"),
    };
    let time: chrono::DateTime<chrono::Utc> = time.parse().ok()?;
    let (chunk, place) = TimeChunk::of(grain, time.into());
    (place == 0 && label(grain, chunk).as_deref() == Some(text)).then_some(chunk)
}

/// First and last member of an epoch with a bucket in `range`, as bounds of `ZRANGE … BYLEX`.
pub(super) fn members_within(
    space: ViewSpace,
    epoch: Epoch,
    grain: Grain,
    range: TimeRange,
) -> Option<(String, String)> {
    let from = range.from.max(Timestamp::MIN);
    let to = range.to.min(Timestamp::MAX);
    let (first, last) = TimeChunk::span(grain, TimeRange { from, to })?;
    let bound = |chunk| chunk_member(space, epoch, grain, chunk).map(|member| format!("[{member}"));
    Some((bound(first)?, bound(last)?))
}

/// All members of an epoch, as bounds of `ZRANGE … BYLEX`: `;` follows `:`.
pub(super) fn members_of_epoch(space: ViewSpace, epoch: Epoch) -> (String, String) {
    (format!("[{space}:{epoch}:"), format!("({space}:{epoch};"))
}

fn label(grain: Grain, TimeChunk(start): TimeChunk) -> Option<String> {
    // The chunk of the first instant of 1900 begins up to 32 days before.
    let years = Timestamp(Timestamp::MIN.0 - 32 * merganser_core::time::DAY_US)..Timestamp::MAX;
    let time = years.contains(&start).then(|| start.to_utc())??;
    Some(match grain {
        Grain::Minute => time.format("%Y-%m-%dT%H").to_string(),
        Grain::Hour | Grain::Day => time.format("%Y-%m-%d").to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use merganser_core::ids::{Fence, MetricId};

    #[test]
    fn names_are_readable_and_read_back() {
        let journal = JournalId(uuid::Uuid::from_u128(0xabc));
        let keys = RedisKeys::of(ViewId::new(journal, MetricId(7)));
        let space = ViewSpace { fence: Fence(3), number: 1 };
        let time = Timestamp(1_357_017_780_000_000);
        for (grain, want) in [
            (Grain::Minute, "3-1:12:2013-01-01T05"),
            (Grain::Hour, "3-1:12:2013-01-01"),
            (Grain::Day, "3-1:12:2012-12-06"),
        ] {
            let (chunk, _) = TimeChunk::of(grain, time);
            let name = chunk_member(space, Epoch(12), grain, chunk).unwrap();
            assert_eq!(name, want);
            assert_eq!(chunk_of(&name, space, Epoch(12), grain), Some(chunk));
            assert_eq!(chunk_of(&name, space, Epoch(1), grain), None);
        }
        assert_eq!(keys.meta(), "mg:{m7.0.00000000000000000000000000000abc}:meta");
        assert_eq!(chunk_of("3-1:12:2013-01-01", space, Epoch(12), Grain::Day), None);
        for grain in [Grain::Minute, Grain::Hour, Grain::Day] {
            let last = Timestamp(Timestamp::MAX.0 - 1);
            for time in [Timestamp::MIN, Timestamp(-1), Timestamp(0), last] {
                let (chunk, _) = TimeChunk::of(grain, grain.floor(time));
                let name = chunk_member(space, Epoch(0), grain, chunk).unwrap();
                assert_eq!(chunk_of(&name, space, Epoch(0), grain), Some(chunk), "{name}");
            }
            assert!(members_within(space, Epoch(0), grain, TimeRange::ALL).is_some());
        }
    }
}
