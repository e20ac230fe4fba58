//! Chunks: runs of buckets that are kept and read together, so that a query touches only those in
//! its range and a store has few enough keys.

use merganser_core::time::{DAY_US, Grain, HOUR_US, TimeRange, Timestamp};

/// The start of a chunk, in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct TimeChunk(pub(super) Timestamp);

/// A chunk's length: 60 minutes, 24 hours or 32 days.
pub(super) const fn length_us(grain: Grain) -> i64 {
    match grain {
        Grain::Minute => HOUR_US,
        Grain::Hour => DAY_US,
        Grain::Day => 32 * DAY_US,
    }
}

impl TimeChunk {
    /// The chunk that a bucket lies in, and the bucket's place there.
    pub(super) fn of(grain: Grain, bucket: Timestamp) -> (Self, i64) {
        let length = length_us(grain);
        let start = bucket.0.div_euclid(length) * length;
        (Self(Timestamp(start)), (bucket.0 - start).div_euclid(grain.micros()))
    }

    /// The bucket at a place; `None` where the chunk has none.
    pub(super) fn bucket(self, grain: Grain, place: i64) -> Option<Timestamp> {
        let inside = (0..length_us(grain) / grain.micros()).contains(&place);
        inside.then(|| Timestamp(self.0.0 + place * grain.micros()))
    }

    /// Its buckets' starts lie in it.
    pub(super) fn range(self, grain: Grain) -> TimeRange {
        TimeRange { from: self.0, to: Timestamp(self.0.0.saturating_add(length_us(grain))) }
    }

    /// The first and the last chunk with a bucket in `range`; `None` when it is empty.
    pub(super) fn span(grain: Grain, range: TimeRange) -> Option<(Self, Self)> {
        if range.is_empty() {
            return None;
        }
        let last = Timestamp(range.to.0 - 1);
        Some((Self::of(grain, range.from).0, Self::of(grain, last).0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use merganser_core::time::MINUTE_US;

    #[test]
    fn a_bucket_is_found_again_in_its_chunk() {
        for grain in [Grain::Minute, Grain::Hour, Grain::Day] {
            for n in [-1_000_003, -1, 0, 1, 59, 60, 400_009] {
                let bucket = Timestamp(n * grain.micros());
                let (chunk, place) = TimeChunk::of(grain, bucket);
                assert_eq!(chunk.bucket(grain, place), Some(bucket));
                assert!(chunk.range(grain).contains(bucket));
            }
        }
        let (chunk, _) = TimeChunk::of(Grain::Minute, Timestamp(0));
        assert_eq!(chunk.bucket(Grain::Minute, 60), None);
        assert_eq!(chunk.bucket(Grain::Minute, -1), None);
    }

    #[test]
    fn a_range_spans_the_chunks_of_its_buckets() {
        let range = TimeRange { from: Timestamp(-MINUTE_US), to: Timestamp(HOUR_US) };
        let span = TimeChunk::span(Grain::Minute, range);
        assert_eq!(span, Some((TimeChunk(Timestamp(-HOUR_US)), TimeChunk(Timestamp(0)))));
        assert_eq!(TimeChunk::span(Grain::Day, TimeRange { from: range.to, ..range }), None);
    }
}
