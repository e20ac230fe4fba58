//! Pieces cover a range once, and stay within the answer's buckets.

use std::sync::{Arc, LazyLock};

use merganser_core::time::DAY_US;
use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::calendar::tests::ZONES;
use crate::calendar::{Granularity, ZoneOffsets};

static CALENDARS: LazyLock<Vec<Arc<ZoneOffsets>>> =
    LazyLock::new(|| ZONES.iter().map(|tz| Arc::new(ZoneOffsets::new(*tz))).collect());

/// Whether a piece reads the rollup bucket that begins at `start`.
fn reads(piece: &RollupScan, start: Timestamp) -> bool {
    piece.range.contains(start) && !piece.without.iter().any(|cut| cut.contains(start))
}

proptest! {
    #[test]
    fn each_base_bucket_is_read_once_within_one_bucket_of_the_answer(
        zone in 0..ZONES.len(),
        granularity in select(Granularity::EACH.to_vec()),
        base in select(vec![Grain::Minute, Grain::Hour, Grain::Day]),
        from in 1_360_000_000..1_370_000_000_i64,
        length in prop_oneof![60..90_000_i64, 90_000..6_000_000_i64],
    ) {
        let calendar = BucketCalendar::new(Arc::clone(&CALENDARS[zone]), granularity);
        let range = TimeRange {
            from: base.floor(Timestamp(from * 1_000_000)),
            to: base.ceil(Timestamp((from + length) * 1_000_000)),
        };
        prop_assume!(!granularity.is_finer_than(base) && calendar.fits(base, range));
        let pieces = rollup_scans(&calendar, base, range);
        // Every base bucket is in the rollup bucket of one piece.
        let step = if length > 90_000 { 7 * base.micros() } else { base.micros() };
        let mut at = range.from;
        while at < range.to {
            let read = pieces.iter().filter(|piece| reads(piece, piece.grain.floor(at))).count();
            prop_assert_eq!(read, 1, "{} in {:?}", at, &pieces);
            at = Timestamp(at.0 + step);
        }
        for piece in &pieces {
            prop_assert!(piece.range.from >= range.from && piece.range.to <= range.to);
            prop_assert_eq!(piece.grain.floor(piece.range.from), piece.range.from);
            let mut at = piece.range.from;
            while at < piece.range.to {
                let last = Timestamp(at.0 + piece.grain.micros() - 1);
                let one = calendar.span(at).bucket == calendar.span(last).bucket;
                prop_assert!(one || !reads(piece, at), "{} of {:?}", at, piece);
                at = Timestamp(last.0 + 1);
            }
        }
        prop_assert!(pieces.len() <= 200, "{} reads", pieces.len());
    }
}

#[test]
fn a_year_by_months_is_read_by_days_but_for_those_in_which_months_begin() {
    let zone = Arc::new(ZoneOffsets::new(chrono_tz::America::New_York));
    let calendar = BucketCalendar::new(zone, Granularity::Month);
    let start = 15_706 * DAY_US + 5 * 3_600_000_000;
    let range = TimeRange { from: Timestamp(start), to: Timestamp(start + 365 * DAY_US) };
    let pieces = rollup_scans(&calendar, Grain::Minute, range);
    let days = pieces.iter().find(|piece| piece.grain == Grain::Day).unwrap();
    assert_eq!(days.range.to.0 - days.range.from.0, 364 * DAY_US);
    assert_eq!(days.without.len(), 11);
    assert_eq!(pieces.iter().filter(|piece| piece.grain == Grain::Hour).count(), 13);
    assert_eq!(pieces.len(), 14);
}

#[test]
fn a_view_without_files_is_not_read() {
    let range = covered_range(&[], TimeRange::ALL);
    assert!(range.is_empty());
}
