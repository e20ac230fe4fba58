//! `stddev_pop` and `stddev_samp`: the standard deviation, from exact sums.
//!
//! With n values of sum S and sum of squares Q, in units of the scale, the variance is
//! (n·Q − S²) / (n·n) of a population and (n·Q − S²) / (n·(n − 1)) of a sample (the textbook's
//! formula, which loses all digits in floating point and none in integers). The root is rounded
//! half to even once, at the end.
//!
//! A square is below 10⁷⁶, and 2⁶³ of them below 2³¹⁶: a state has 320 bits. Encoding: a version
//! byte, then the sum's bytes, little-endian, without zeros at the end.

use arrow::array::{ArrayRef, AsArray, Decimal128Array};
use arrow::datatypes::{Decimal256Type, Int64Type, i256};
use merganser_core::decimal::{self, Scale};
use merganser_core::property::PropertyType;
use num_bigint::BigUint;

use super::StateKind;
use super::aggregate::{
    ArgumentUse, FinishedMeasure, MeasureAggregate, MeasureRules, MeasureShape,
};
use super::column::StateFormat;
use super::stored_state::{
    StateError, each_number, each_stored, encoded, encoding_error, stored_values,
};

/// The kind of its states, for errors.
const KIND: &str = "squares";
const VERSION: u8 = 1;
const LIMBS: usize = 5;

/// A sum of squares: 320 bits, the least first.
type SquareSum = [u64; LIMBS];

/// Sums of squares of values of the scale.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct SquaresFormat(pub(super) Scale);

fn add(sum: &mut SquareSum, other: &SquareSum) {
    let mut carry = false;
    for (limb, other) in sum.iter_mut().zip(other) {
        let (added, first) = limb.overflowing_add(*other);
        let (added, second) = added.overflowing_add(u64::from(carry));
        (*limb, carry) = (added, first || second);
    }
}

fn square(value: i128) -> SquareSum {
    let value = i256::from_i128(value);
    from_bytes(&value.wrapping_mul(value).to_le_bytes())
}

/// Of at most as many bytes as a sum has.
fn from_bytes(bytes: &[u8]) -> SquareSum {
    let mut sum = [0; LIMBS];
    for (limb, bytes) in sum.iter_mut().zip(bytes.chunks(8)) {
        let mut whole = [0; 8];
        whole[..bytes.len()].copy_from_slice(bytes);
        *limb = u64::from_le_bytes(whole);
    }
    sum
}

fn decode(stored: &[u8]) -> Result<SquareSum, StateError> {
    match stored {
        [VERSION, bytes @ ..] if bytes.len() > LIMBS * 8 => {
            Err(encoding_error(KIND, "it is too long"))
        }
        [VERSION, .., 0] => Err(encoding_error(KIND, "zeros stand at its end")),
        [VERSION, bytes @ ..] => Ok(from_bytes(bytes)),
        [version, ..] => {
            Err(encoding_error(KIND, format!("version {version}; this build reads {VERSION}")))
        }
        [] => Err(encoding_error(KIND, "it is empty")),
    }
}

fn encode(sum: &SquareSum, bytes: &mut Vec<u8>) {
    bytes.push(VERSION);
    bytes.extend(sum.iter().flat_map(|limb| limb.to_le_bytes()));
    let zeros = bytes[1..].iter().rev().take_while(|byte| **byte == 0).count();
    bytes.truncate(bytes.len() - zeros);
}

impl StateFormat for SquaresFormat {
    type State = SquareSum;

    fn kind(self) -> StateKind {
        StateKind::Squares(self.0)
    }

    fn update(
        self,
        states: &mut [SquareSum],
        groups: &[usize],
        values: Option<&ArrayRef>,
    ) -> Result<(), StateError> {
        each_number(
            self.kind(),
            || self.0.value_type(),
            values,
            groups,
            |group, value| {
                add(&mut states[group], &square(value));
            },
        )
    }

    fn merge(
        self,
        states: &mut [SquareSum],
        groups: &[usize],
        stored: &ArrayRef,
    ) -> Result<(), StateError> {
        each_stored(self.kind(), groups, stored, |group, bytes| {
            add(&mut states[group], &decode(bytes)?);
            Ok(())
        })
    }

    fn merge_state(self, state: &mut SquareSum, other: &SquareSum) -> Result<(), StateError> {
        add(state, other);
        Ok(())
    }

    fn emit(self, states: &[SquareSum], groups: &[usize]) -> ArrayRef {
        encoded(groups, |group, bytes| encode(&states[group], bytes))
    }

    fn check(self, stored: &[u8]) -> Result<(), StateError> {
        decode(stored).map(drop)
    }
}

/// What the sum of squared deviations is divided by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Divisor {
    /// The number of values.
    Population,
    /// One less, so that there is no result of a single value.
    Sample,
}

/// The measure.
#[derive(Debug)]
pub(super) struct StddevMeasure(pub(super) Divisor);

impl MeasureAggregate for StddevMeasure {
    fn rules(&self) -> MeasureRules {
        MeasureRules {
            has_places: true,
            phrase: Some("in the standard deviation"),
            ..MeasureRules::of(ArgumentUse::Number)
        }
    }

    fn states(&self, _: PropertyType, scale: Scale) -> Vec<StateKind> {
        vec![StateKind::Sum(scale), StateKind::Count, StateKind::Squares(scale)]
    }

    fn finish(
        &self,
        measure: &MeasureShape,
        states: &[&ArrayRef],
    ) -> Result<FinishedMeasure, StateError> {
        let sums = states[0].as_primitive::<Decimal256Type>();
        let counts = states[1].as_primitive::<Int64Type>();
        let squares: Vec<Option<SquareSum>> = stored_values(states[2], decode)?;
        let (mut values, mut nulls) = (Vec::with_capacity(sums.len()), 0);
        for ((sum, count), squares) in sums.iter().zip(counts).zip(&squares) {
            let least = if self.0 == Divisor::Sample { 2 } else { 1 };
            let group = sum.zip(*squares).zip(count.filter(|count| *count >= least));
            nulls += usize::from(group.is_none());
            values.push(group.and_then(|((sum, squares), count)| {
                deviation(self.0, measure.scale, sum, &squares, count.unsigned_abs())
            }));
        }
        let values: Decimal128Array = values.into_iter().collect();
        Ok(FinishedMeasure::decimals(values, measure.scale.of_mean(), nulls))
    }
}

/// The deviation on the places of a mean; `None` where it does not fit 38 digits.
fn deviation(
    divisor: Divisor,
    scale: Scale,
    sum: i256,
    squares: &SquareSum,
    count: u64,
) -> Option<i128> {
    let bytes = |limbs: &SquareSum| limbs.iter().flat_map(|l| l.to_le_bytes()).collect::<Vec<_>>();
    let squares = BigUint::from_bytes_le(&bytes(squares));
    let sum = BigUint::from_bytes_le(&sum.checked_abs()?.to_le_bytes());
    let (mean, spread) = (&sum * &sum, squares * count);
    // Never below zero (Cauchy and Schwarz) but for states that do not belong together.
    if spread < mean {
        return None;
    }
    let variance = spread - mean;
    let divisor = BigUint::from(count) * (count - u64::from(divisor == Divisor::Sample));
    let places = u32::from(scale.of_mean().places() - scale.places());
    let scaled = variance * BigUint::from(10_u8).pow(2 * places);
    let root = (&scaled / &divisor).sqrt();
    // The root is exact plus less than one: twice and one more, squared, is its half.
    let half = (&root * 2_u8 + 1_u8).pow(2) * &divisor;
    let is_up = match (scaled * 4_u8).cmp(&half) {
        std::cmp::Ordering::Less => false,
        std::cmp::Ordering::Equal => root.bit(0),
        std::cmp::Ordering::Greater => true,
    };
    let rounded = i128::try_from(root + u8::from(is_up)).ok()?;
    (rounded <= decimal::MAX).then_some(rounded)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn finished(divisor: Divisor, scale: Scale, values: &[i128]) -> Option<i128> {
        let squares = values.iter().fold([0; LIMBS], |mut sum, value| {
            add(&mut sum, &square(*value));
            sum
        });
        let sum = values.iter().map(|v| i256::from_i128(*v));
        let sum = sum.fold(i256::ZERO, i256::wrapping_add);
        deviation(divisor, scale, sum, &squares, values.len() as u64)
    }

    #[test]
    fn known_deviations_come_out() {
        let two = Scale::new(2).unwrap();
        // 2, 4, 4, 4, 5, 5, 7, 9: the textbook's example, with the deviation 2.
        let values: Vec<i128> = [2, 4, 4, 4, 5, 5, 7, 9].map(|v| v * 100).to_vec();
        assert_eq!(finished(Divisor::Population, two, &values), Some(2_000_000_000));
        // √(32/7) = 2.138089935299395…
        assert_eq!(finished(Divisor::Sample, two, &values), Some(2_138_089_935));
        assert_eq!(finished(Divisor::Population, two, &[7]), Some(0));
        // The largest values there are, and both ends.
        let (max, nine) = (decimal::MAX, Scale::DEFAULT);
        assert_eq!(finished(Divisor::Population, nine, &[max, -max]), Some(max));
        assert_eq!(finished(Divisor::Sample, nine, &[max, -max]), None, "over 38 digits");
        assert_eq!(finished(Divisor::Population, nine, &vec![max; 1000]), Some(0));
    }

    #[test]
    fn stored_sums_have_one_encoding() {
        for value in [0, 1, -1, 255, 1 << 64, decimal::MAX, -decimal::MAX] {
            let mut bytes = Vec::new();
            encode(&square(value), &mut bytes);
            assert_eq!(decode(&bytes), Ok(square(value)));
            let longer = [&bytes[..], &[0]].concat();
            assert!(decode(&longer).unwrap_err().to_string().contains("zeros"), "{value}");
        }
        for (bytes, reason) in [(&[][..], "empty"), (&[2, 1], "version 2"), (&[1; 42], "too long")]
        {
            assert!(decode(bytes).unwrap_err().to_string().contains(reason));
        }
    }

    proptest! {
        /// Against floats, which hold small values well.
        #[test]
        fn small_values_deviate_as_floats_say(
            values in prop::collection::vec(-10_000_i128..10_000, 2..50),
        ) {
            let zero = Scale::new(0).unwrap();
            let count = values.len() as f64;
            let mean = values.iter().sum::<i128>() as f64 / count;
            let squares: f64 = values.iter().map(|v| (*v as f64 - mean).powi(2)).sum();
            for (divisor, over) in [(Divisor::Population, count), (Divisor::Sample, count - 1.0)] {
                let exact = finished(divisor, zero, &values).unwrap() as f64 / 1e9;
                prop_assert!((exact - (squares / over).sqrt()).abs() < 1e-6);
            }
        }

        /// A constant that is added to all values changes nothing, however large it is.
        #[test]
        fn deviations_do_not_depend_on_where_values_lie(
            values in prop::collection::vec(-1_000_000_i128..1_000_000, 2..20),
            shift in -(10_i128.pow(37))..10_i128.pow(37),
        ) {
            let moved: Vec<i128> = values.iter().map(|v| v + shift).collect();
            for divisor in [Divisor::Population, Divisor::Sample] {
                let finished = |values: &[i128]| finished(divisor, Scale::DEFAULT, values);
                prop_assert_eq!(finished(&moved), finished(&values));
            }
        }
    }
}
