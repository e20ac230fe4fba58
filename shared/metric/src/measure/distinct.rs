//! A set of texts, kept as a HyperLogLog sketch (Apache DataSketches HLL, lg_k 12).
//!
//! Up to 384 coupons (26 bits of address and 6 of value, from the hash of a text) are kept as they
//! are, sorted; more become 4,096 registers of one byte. Either form is a function of the set of
//! coupons alone: the thresholds are those of DataSketches' own set mode, and HIP, the part of its
//! estimator that depends on order, is left out in favour of the composite estimate.
//!
//! Encoding: a version byte, then DataSketches' own compact serialization with coupons sorted, HIP
//! zero and the out-of-order flag set, so that other DataSketches libraries read it from byte 1 on.

use std::borrow::Cow;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int64Array};
use arrow::datatypes::DataType;
use datasketches::hash::value::raw_bytes;
use datasketches::hll::{Coupon, HllSketch};
use merganser_core::decimal::Scale;
use merganser_core::property::PropertyType;

use super::StateKind;
use super::aggregate::{
    ArgumentUse, FinishedMeasure, MeasureAggregate, MeasureEstimate, MeasureRules, MeasureShape,
};
use super::column::StateFormat;
use super::stored_state::{StateError, each_stored, encoded, encoding_error, mistyped};

/// One standard deviation of the estimate, relative: 1.04 / √4096 for the composite estimate.
/// Source: Flajolet et al., "HyperLogLog" (2007), section 1.
pub(super) const RELATIVE_ERROR: f64 = 0.016_25;

/// The kind of its states, for errors.
const KIND: &str = "distinct";
const VERSION: u8 = 1;
const LG_K: u8 = 12;
const REGISTERS: usize = 1 << LG_K;
const KEY_BITS: u32 = 26;
/// A set of 2⁹ slots is left for registers when it is more than 3/4 full.
const COUPONS_MAX: usize = 384;
/// A list becomes a set when it reaches 8 coupons; sets begin with 2⁵ slots.
const LIST_FULL: usize = 8;
const SET_LG_MIN: u8 = 5;

const SERIAL_VERSION: u8 = 1;
const FAMILY_HLL: u8 = 7;
const FLAG_EMPTY: u8 = 4;
const FLAG_COMPACT: u8 = 8;
const FLAG_OUT_OF_ORDER: u8 = 16;
const MODE_LIST: u8 = 0b1000;
const MODE_SET: u8 = 0b1001;
const MODE_REGISTERS: u8 = 0b1010;

/// A sketch of a set of texts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DistinctSketch(SketchForm);

#[derive(Clone, Debug, PartialEq, Eq)]
enum SketchForm {
    /// Sorted, at most [`COUPONS_MAX`].
    Coupons(Vec<u32>),
    Registers(Box<[u8]>),
}

impl Default for DistinctSketch {
    fn default() -> Self {
        Self(SketchForm::Coupons(Vec::new()))
    }
}

impl DistinctSketch {
    /// Adds a text, or what else [`crate::scalar`] spells.
    pub fn insert(&mut self, value: &[u8]) {
        let mut bits = CouponBits::default();
        Coupon::from_value(raw_bytes::from_slice(value)).hash(&mut bits);
        self.insert_coupon(bits.0);
    }

    fn insert_coupon(&mut self, coupon: u32) {
        match &mut self.0 {
            SketchForm::Coupons(coupons) => {
                if let Err(at) = coupons.binary_search(&coupon) {
                    coupons.insert(at, coupon);
                    if coupons.len() > COUPONS_MAX {
                        self.0 = SketchForm::Registers(registers(coupons));
                    }
                }
            }
            SketchForm::Registers(registers) => raise(registers, coupon),
        }
    }

    /// Adds all of another sketch's texts.
    pub fn merge(&mut self, other: Cow<'_, Self>) {
        if matches!(&self.0, SketchForm::Coupons(coupons) if coupons.is_empty()) {
            *self = other.into_owned();
            return;
        }
        match (&mut self.0, &other.0) {
            (_, SketchForm::Coupons(coupons)) => {
                coupons.iter().for_each(|c| self.insert_coupon(*c))
            }
            (SketchForm::Registers(mine), SketchForm::Registers(theirs)) => {
                for (mine, theirs) in mine.iter_mut().zip(theirs) {
                    *mine = (*mine).max(*theirs);
                }
            }
            (SketchForm::Coupons(mine), SketchForm::Registers(theirs)) => {
                let mut all = theirs.clone();
                mine.iter().for_each(|c| raise(&mut all, *c));
                self.0 = SketchForm::Registers(all);
            }
        }
    }

    /// Estimated number of distinct texts: exact in practice while coupons are kept.
    #[must_use]
    pub fn estimate(&self) -> i64 {
        // What `datasketch` writes, `deserialize` reads; 0 would show a fault in every test.
        let mut bytes = Vec::new();
        self.datasketch(&mut bytes);
        let estimate = HllSketch::deserialize(&bytes).map_or(0.0, |s| s.composite_estimate());
        // Estimates are at most some 2³⁸, far below where the cast would saturate.
        #[expect(clippy::cast_possible_truncation, reason = "rounded and in range, see above")]
        let whole = estimate.round() as i64;
        whole
    }

    /// Appends the canonical bytes, see the module's text.
    pub fn encode(&self, bytes: &mut Vec<u8>) {
        bytes.push(VERSION);
        self.datasketch(bytes);
    }

    fn datasketch(&self, bytes: &mut Vec<u8>) {
        match &self.0 {
            SketchForm::Coupons(coupons) if coupons.len() < LIST_FULL => {
                let count = coupons.len() as u8;
                let flags = FLAG_COMPACT | if count == 0 { FLAG_EMPTY } else { 0 };
                bytes.extend([2, SERIAL_VERSION, FAMILY_HLL, LG_K, 3, flags, count, MODE_LIST]);
                bytes.extend(coupons.iter().flat_map(|c| c.to_le_bytes()));
            }
            SketchForm::Coupons(coupons) => {
                // The least set that is at most 3/4 full.
                let lg = (SET_LG_MIN..LG_K - 3)
                    .find(|lg| coupons.len() * 4 <= (1 << lg) * 3)
                    .unwrap_or(LG_K - 3);
                bytes.extend([3, SERIAL_VERSION, FAMILY_HLL, LG_K, lg, FLAG_COMPACT, 0, MODE_SET]);
                bytes.extend((coupons.len() as u32).to_le_bytes());
                bytes.extend(coupons.iter().flat_map(|c| c.to_le_bytes()));
            }
            SketchForm::Registers(registers) => {
                let flags = FLAG_COMPACT | FLAG_OUT_OF_ORDER;
                bytes.extend([10, SERIAL_VERSION, FAMILY_HLL, LG_K, 0, flags, 0, MODE_REGISTERS]);
                // Sums of at most 4,096 powers of two between 2⁻³¹ and 1, and between 2⁻⁶³ and
                // 2⁻³²: both fit 53 bits, so that they are exact in any order.
                let sum = |range: std::ops::Range<u8>| -> f64 {
                    let values = registers.iter().filter(|v| range.contains(v));
                    values.map(|v| (-f64::from(*v)).exp2()).sum()
                };
                let zeros = registers.iter().filter(|v| **v == 0).count() as u32;
                bytes.extend(0_f64.to_le_bytes());
                bytes.extend(sum(0..32).to_le_bytes());
                bytes.extend(sum(32..64).to_le_bytes());
                bytes.extend(zeros.to_le_bytes());
                bytes.extend(0_u32.to_le_bytes());
                bytes.extend_from_slice(registers);
            }
        }
    }

    /// Reads what [`DistinctSketch::encode`] wrote.
    ///
    /// # Errors
    /// When the bytes are something else.
    pub fn decode(bytes: &[u8]) -> Result<Self, StateError> {
        let Some((&version, sketch)) = bytes.split_first() else {
            return Err(encoding_error(KIND, "it is empty"));
        };
        if version != VERSION {
            return Err(encoding_error(
                KIND,
                format!("version {version}; this build reads {VERSION}"),
            ));
        }
        let mode = *sketch.get(7).ok_or_else(|| encoding_error(KIND, "it is cut off"))?;
        if sketch[1] != SERIAL_VERSION || sketch[2] != FAMILY_HLL || sketch[3] != LG_K {
            return Err(encoding_error(KIND, "it is not a DataSketches HLL with lg_k 12"));
        }
        match mode {
            MODE_LIST => coupons(&sketch[8..], usize::from(sketch[6])),
            MODE_SET => {
                let count =
                    sketch.get(8..12).and_then(|b| b.try_into().ok()).map(u32::from_le_bytes);
                let count = count.ok_or_else(|| encoding_error(KIND, "it is cut off"))?;
                coupons(&sketch[12..], count as usize)
            }
            MODE_REGISTERS => sketch
                .get(40..)
                .filter(|r| r.len() == REGISTERS && r.iter().all(|v| *v < 64))
                .map(|r| Self(SketchForm::Registers(r.into())))
                .ok_or_else(|| encoding_error(KIND, "its registers are not 4,096 values below 64")),
            _ => Err(encoding_error(KIND, "its mode is unknown")),
        }
    }

    /// Bytes held in memory.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        size_of::<Self>()
            + match &self.0 {
                SketchForm::Coupons(coupons) => coupons.capacity() * size_of::<u32>(),
                SketchForm::Registers(registers) => registers.len(),
            }
    }
}

fn coupons(bytes: &[u8], count: usize) -> Result<DistinctSketch, StateError> {
    let coupons: Vec<u32> =
        bytes.chunks_exact(4).map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
    let sorted = coupons.windows(2).all(|pair| pair[0] < pair[1]);
    if coupons.len() != count || !bytes.len().is_multiple_of(4) || count > COUPONS_MAX || !sorted {
        let reason = format!("{count} sorted coupons were expected");
        return Err(encoding_error(KIND, reason));
    }
    Ok(DistinctSketch(SketchForm::Coupons(coupons)))
}

fn registers(coupons: &[u32]) -> Box<[u8]> {
    let mut registers = vec![0; REGISTERS].into_boxed_slice();
    coupons.iter().for_each(|c| raise(&mut registers, *c));
    registers
}

fn raise(registers: &mut [u8], coupon: u32) {
    let register = &mut registers[coupon as usize & (REGISTERS - 1)];
    // The shift leaves six bits.
    *register = (*register).max((coupon >> KEY_BITS) as u8);
}

/// Takes a [`Coupon`]'s bits out through its `Hash`, since it has no accessor.
#[derive(Default)]
struct CouponBits(u32);

impl Hasher for CouponBits {
    fn write_u32(&mut self, bits: u32) {
        self.0 = bits;
    }

    fn write(&mut self, bytes: &[u8]) {
        for (i, byte) in bytes.iter().take(4).enumerate() {
            self.0 |= u32::from(*byte) << (8 * i);
        }
    }

    fn finish(&self) -> u64 {
        u64::from(self.0)
    }
}

/// A sketch a group.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct DistinctFormat;

impl StateFormat for DistinctFormat {
    type State = DistinctSketch;

    fn kind(self) -> StateKind {
        StateKind::Distinct
    }

    fn update(
        self,
        states: &mut [DistinctSketch],
        groups: &[usize],
        values: Option<&ArrayRef>,
    ) -> Result<(), StateError> {
        let mut insert = |group: &usize, value: Option<&[u8]>| {
            value.into_iter().for_each(|value| states[*group].insert(value));
        };
        if let Some(texts) = values.and_then(|v| v.as_string_opt::<i32>()) {
            let texts = texts.iter().map(|text| text.map(str::as_bytes));
            groups.iter().zip(texts).for_each(|(group, text)| insert(group, text));
        } else {
            let values = values.and_then(|v| v.as_binary_opt::<i32>());
            let values = values.ok_or_else(|| mistyped(self.kind(), DataType::Utf8, None))?;
            groups.iter().zip(values).for_each(|(group, value)| insert(group, value));
        }
        Ok(())
    }

    fn merge(
        self,
        states: &mut [DistinctSketch],
        groups: &[usize],
        stored: &ArrayRef,
    ) -> Result<(), StateError> {
        each_stored(self.kind(), groups, stored, |group, bytes| {
            states[group].merge(Cow::Owned(DistinctSketch::decode(bytes)?));
            Ok(())
        })
    }

    fn merge_state(
        self,
        state: &mut DistinctSketch,
        other: &DistinctSketch,
    ) -> Result<(), StateError> {
        state.merge(Cow::Borrowed(other));
        Ok(())
    }

    fn emit(self, states: &[DistinctSketch], groups: &[usize]) -> ArrayRef {
        encoded(groups, |group, bytes| states[group].encode(bytes))
    }

    fn check(self, stored: &[u8]) -> Result<(), StateError> {
        DistinctSketch::decode(stored).map(drop)
    }

    fn heap_bytes(state: &DistinctSketch) -> Option<usize> {
        Some(state.size_bytes())
    }
}

/// The measure.
#[derive(Debug)]
pub(super) struct DistinctMeasure;

impl MeasureAggregate for DistinctMeasure {
    fn rules(&self) -> MeasureRules {
        MeasureRules {
            is_zero_without_events: true,
            estimate: Some(MeasureEstimate { method: "hll", relative_error: Some(RELATIVE_ERROR) }),
            ..MeasureRules::of(ArgumentUse::Identity)
        }
    }

    fn states(&self, _: PropertyType, _: Scale) -> Vec<StateKind> {
        vec![StateKind::Distinct]
    }

    fn finish(
        &self,
        _: &MeasureShape,
        states: &[&ArrayRef],
    ) -> Result<FinishedMeasure, StateError> {
        let counts = states[0].as_binary::<i32>().iter().map(|bytes| {
            bytes.map_or(Ok(0), |bytes| DistinctSketch::decode(bytes).map(|s| s.estimate()))
        });
        let counts = counts.collect::<Result<Vec<i64>, _>>()?;
        Ok(FinishedMeasure::fitting(Arc::new(Int64Array::from(counts))))
    }
}
