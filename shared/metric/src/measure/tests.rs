//! Merge laws: any split of the values, merged in any order, gives the same bytes.

use proptest::prelude::*;

use std::sync::Arc;

use super::*;
use crate::scalar;
use arrow::array::{Array, ArrayRef, AsArray, BinaryArray, Decimal128Array, StringArray};
use arrow::datatypes::{Decimal256Type, i256};
use merganser_core::decimal::{self, Scale};
use merganser_core::ids::{Offset, PartitionId};
use merganser_core::time::Timestamp;

fn decimals(values: &[Option<i128>]) -> ArrayRef {
    let array: Decimal128Array = values.iter().copied().collect();
    Arc::new(array.with_data_type(decimal::value_type()))
}

fn folded(kind: StateKind, values: &ArrayRef) -> ArrayRef {
    let mut column = StateColumn::new(kind);
    column.resize(1);
    column.update(&vec![0; values.len()], Some(values)).unwrap();
    column.emit(&[0])
}

fn merged(kind: StateKind, parts: &[ArrayRef]) -> ArrayRef {
    let mut column = StateColumn::new(kind);
    column.resize(1);
    for part in parts {
        column.merge(&[0], part).unwrap();
    }
    column.emit(&[0])
}

fn any_decimal() -> impl Strategy<Value = Option<i128>> {
    prop_oneof![
        1 => Just(None),
        6 => (-2_000_000_000_000_i128..2_000_000_000_000).prop_map(Some),
        1 => (-decimal::MAX..=decimal::MAX).prop_map(Some),
        1 => Just(Some(0)),
    ]
}

proptest! {
    #[test]
    fn decimals_fold_the_same_however_they_are_split(
        places in 0_u8..=18,
        values in prop::collection::vec(any_decimal(), 0..400),
        cuts in prop::collection::vec(0_usize..400, 0..4),
    ) {
        let mut cuts: Vec<usize> = cuts.into_iter().map(|c| c.min(values.len())).collect();
        cuts.extend([0, values.len()]);
        cuts.sort_unstable();
        let scale = Scale::new(places).unwrap();
        let kinds = [
            StateKind::Count,
            StateKind::Sum(scale),
            StateKind::Min(ExtremeType::Number(scale)),
            StateKind::Max(ExtremeType::Number(scale)),
            StateKind::Quantile,
            StateKind::Squares(scale),
        ];
        for kind in kinds {
            let whole = folded(kind, &decimals(&values));
            let part = |cut: &[usize]| folded(kind, &decimals(&values[cut[0]..cut[1]]));
            let mut parts: Vec<ArrayRef> = cuts.windows(2).map(part).collect();
            prop_assert_eq!(&merged(kind, &parts), &whole);
            parts.reverse();
            prop_assert_eq!(&merged(kind, &parts), &whole);
            let zero = folded(kind, &decimals(&[]));
            prop_assert_eq!(&merged(kind, &[zero, whole.clone()]), &whole);
        }
    }

    #[test]
    fn texts_fold_the_same_however_they_are_split(
        sizes in prop::collection::vec(0_usize..900, 1..4),
        overlap in 0_usize..300,
    ) {
        let mut start = 0;
        let texts: Vec<ArrayRef> = sizes
            .iter()
            .map(|size| {
                let all = (start..start + size).map(|n| Some(format!("t{n}")));
                let part: StringArray = all.collect();
                start = (start + size).saturating_sub(overlap);
                Arc::new(part) as ArrayRef
            })
            .collect();
        let all: Vec<&dyn Array> = texts.iter().map(AsRef::as_ref).collect();
        let whole = folded(StateKind::Distinct, &arrow::compute::concat(&all).unwrap());
        let fold = |t| folded(StateKind::Distinct, t);
        let mut parts: Vec<ArrayRef> = texts.iter().map(fold).collect();
        prop_assert_eq!(&merged(StateKind::Distinct, &parts), &whole);
        parts.reverse();
        prop_assert_eq!(&merged(StateKind::Distinct, &parts), &whole);
    }

    #[test]
    fn the_last_value_is_found_however_events_are_split(
        events in prop::collection::vec((-3_i64..3, 0_u32..2, "[a-c]{0,3}"), 0..40),
        cut in 0_usize..40,
        order in any::<prop::sample::Index>(),
    ) {
        let place = |row: usize| (PartitionId(events[row].1), Offset(row as u64));
        let states: Vec<Option<Vec<u8>>> = (0..events.len())
            .map(|row| {
                let (time, _, text) = &events[row];
                LatestState::of(Timestamp(*time), place(row), text.as_bytes())
            })
            .map(Some)
            .collect();
        let mut parts: Vec<ArrayRef> = states
            .chunks((cut + 1).min(states.len().max(1)))
            .map(|part| Arc::new(part.iter().map(|s| s.as_deref()).collect::<BinaryArray>()) as _)
            .map(|values| folded(StateKind::Latest, &values))
            .collect();
        if !parts.is_empty() {
            let at = order.index(parts.len());
            parts.rotate_left(at);
        }
        let merged = merged(StateKind::Latest, &parts);
        let merged = merged.as_binary::<i32>();
        let last = (0..events.len()).max_by_key(|row| (events[*row].0, place(*row)));
        prop_assert_eq!(merged.is_valid(0), last.is_some());
        if let Some(last) = last {
            prop_assert_eq!(LatestState::text(merged.value(0)).unwrap(), events[last].2.as_str());
        }
    }

    #[test]
    fn a_quantile_is_within_its_stated_error(
        mut values in prop::collection::vec(-1_000_000_000_000_i128..1_000_000_000_000, 1..300),
        q in 0.0_f64..=1.0,
    ) {
        let mut sketch = QuantileSketch::default();
        values.iter().for_each(|v| sketch.insert(*v));
        values.sort_unstable();
        let exact = values[(q * (values.len() - 1) as f64) as usize];
        let got = sketch.quantile(q).unwrap();
        let allowed = exact.unsigned_abs() as f64 * quantile::RELATIVE_ERROR + 1.0;
        prop_assert!((got - exact).unsigned_abs() as f64 <= allowed, "{got} for {exact}");
    }

    #[test]
    fn sketches_never_panic_on_foreign_bytes(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = (DistinctSketch::decode(&bytes), QuantileSketch::decode(&bytes));
        let _ = (LatestState::text(&bytes), LatestState::number(&bytes));
        let mut versioned = vec![1];
        versioned.extend(&bytes);
        let _ = (DistinctSketch::decode(&versioned), QuantileSketch::decode(&versioned));
        let _ = (LatestState::text(&versioned), LatestState::number(&versioned));
    }
}

#[test]
fn distinct_counts_are_close_at_every_size() {
    let mut sketch = DistinctSketch::default();
    for n in 1..=50_000_i64 {
        sketch.insert(format!("visitor-{n}").as_bytes());
        if [1, 7, 8, 9, 100, 384, 385, 386, 1000, 5000, 50_000].contains(&n) {
            let off = (sketch.estimate() - n).unsigned_abs() as f64 / n as f64;
            assert!(off <= 4.0 * distinct::RELATIVE_ERROR, "{} for {n}", sketch.estimate());
            let mut bytes = Vec::new();
            sketch.encode(&mut bytes);
            assert_eq!(DistinctSketch::decode(&bytes).unwrap(), sketch);
        }
    }
}

#[test]
fn the_library_agrees_with_our_registers() {
    use datasketches::hash::value::raw_bytes;
    use datasketches::hll::{HllSketch, HllType};
    let mut ours = DistinctSketch::default();
    let mut theirs = HllSketch::new(12, HllType::Hll8).unwrap();
    assert_eq!(ours.estimate(), 0);
    for n in 0..20_000 {
        let text = format!("{n}");
        ours.insert(text.as_bytes());
        theirs.update(raw_bytes::from_str(&text));
        if n % 97 == 0 {
            assert_eq!(ours.estimate(), theirs.composite_estimate().round() as i64, "at {n}");
        }
    }
}

#[test]
fn sums_of_the_greatest_values_do_not_overflow() {
    let values = decimals(&vec![Some(decimal::MAX); 1000]);
    let sum = folded(StateKind::Sum(Scale::DEFAULT), &values);
    let sum = sum.as_primitive::<Decimal256Type>().value(0);
    assert_eq!(sum, i256::from_i128(decimal::MAX).wrapping_mul(i256::from_i128(1000)));
    assert_eq!(decimal::finish_sum(sum), None);
}

/// What earlier builds have stored: `kind`, `bytes` in hexadecimal, and the `value` that they are
/// finished to. Lines are added when an encoding changes, and never altered.
const STORED: &str = include_str!("golden/states.txt");

#[test]
fn states_that_were_stored_long_ago_are_read() {
    let mut kinds = std::collections::BTreeSet::new();
    for line in STORED.lines().filter(|line| !line.starts_with('#')) {
        let [kind, hex, value] = line.split(' ').collect::<Vec<_>>()[..] else { panic!("{line}") };
        kinds.insert(kind);
        let bytes: Vec<u8> = (0..hex.len() / 2)
            .map(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap())
            .collect();
        let mut written = Vec::new();
        let (read, written) = match kind {
            "distinct" => {
                let sketch = DistinctSketch::decode(&bytes).unwrap();
                sketch.encode(&mut written);
                (sketch.estimate().to_string(), written)
            }
            "quantile" => {
                let sketch = QuantileSketch::decode(&bytes).unwrap();
                let median = sketch.quantile(0.5).map(decimal::format);
                sketch.encode(&mut written);
                (median.unwrap_or_else(|| "null".to_owned()), written)
            }
            "latest-text" | "latest-number" | "latest-time" => {
                let mut state = LatestState::default();
                state.merge(&bytes).unwrap();
                let value = match kind {
                    "latest-text" => LatestState::text(&bytes).unwrap().to_owned(),
                    "latest-time" => Timestamp(LatestState::time(&bytes).unwrap()).to_string(),
                    _ => decimal::format(LatestState::number(&bytes).unwrap()),
                };
                (value, state.encode().unwrap().to_vec())
            }
            other => panic!("{other}"),
        };
        assert_eq!(read, value, "{line}");
        assert_eq!(written, bytes, "what is written now is what was written then: {line}");
    }
    assert_eq!(kinds.len(), 5);
}

/// Sketches of before and of now are merged, so that a value's hash is never another.
#[test]
fn values_are_hashed_as_in_what_is_stored() {
    let texts = ["visitor-0", "visitor-1", "visitor-2"].map(|text| text.as_bytes().to_vec());
    let others = [scalar::number("1"), scalar::number("1.5"), scalar::boolean(true)];
    for (values, hex) in [
        (texts, "010201070c03080308153cad06a97506074153720a"),
        (others, "010201070c030803088e8c9104e1ec740a6d92d10a"),
    ] {
        let (mut sketch, mut bytes) = (DistinctSketch::default(), Vec::new());
        values.iter().for_each(|value| sketch.insert(value));
        sketch.encode(&mut bytes);
        let written: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(written, hex);
        assert!(STORED.contains(hex), "{hex}");
    }
}
