//! A multiset of decimals, kept as a DDSketch with relative accuracy α = 0.01.
//!
//! A value's bin is `⌊ln |v| / ln γ⌋` with γ = (1 + α) / (1 − α); a bin answers with a value within
//! α of everything in it. Source: Masson, Rim, Lee, "DDSketch" (VLDB 2019), sections 2.1 and 2.2;
//! the mapping is the one of the crate `sketches-ddsketch`. Decimals of 38 digits and 9 places need
//! at most some 4,400 bins a sign, so bins are never collapsed, and neither merge order nor split
//! can show.
//!
//! Encoding: a version byte; zeros; min and max (16 bytes each, little endian, only if there are
//! values); then for the negative and the positive values the number of bins and each bin as (key
//! less the key before, zigzag; count). Numbers are LEB128 varints.

use std::borrow::Cow;
use std::sync::{Arc, LazyLock};

use arrow::array::{ArrayRef, Decimal128Array};
use merganser_core::decimal::Scale;
use merganser_core::property::PropertyType;
use sketches_ddsketch::Config;

use super::StateKind;
use super::aggregate::{
    ArgumentUse, FinishedMeasure, MeasureAggregate, MeasureEstimate, MeasureRules, MeasureShape,
};
use super::column::StateFormat;
use super::stored_state::{
    StateError, each_number, each_stored, encoded, encoding_error, stored_values,
};

/// α: how far a quantile may be from the true one, relative to it.
pub(super) const RELATIVE_ERROR: f64 = 0.01;

/// The kind of its states, for errors.
const KIND: &str = "quantile";
const VERSION: u8 = 1;
/// Keys of 10⁻⁹ and 10²⁹ are −1036 and 3338.
const KEY_MAX: i64 = 4096;

static MAPPING: LazyLock<Config> = LazyLock::new(|| Config::new(RELATIVE_ERROR, 8192, 1e-10));

/// A sketch of a multiset of decimals.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QuantileSketch {
    zeros: u64,
    negative: QuantileBins,
    positive: QuantileBins,
    range: Option<(i128, i128)>,
}

/// Counts by key, sorted by key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct QuantileBins(Vec<(i32, u64)>);

impl QuantileBins {
    fn add(&mut self, key: i32, count: u64) {
        match self.0.binary_search_by_key(&key, |bin| bin.0) {
            Ok(at) => self.0[at].1 = self.0[at].1.saturating_add(count),
            Err(at) => self.0.insert(at, (key, count)),
        }
    }

    fn count(&self) -> u64 {
        self.0.iter().fold(0, |sum, bin| sum.saturating_add(bin.1))
    }

    fn key_at(&self, rank: u64) -> Option<i32> {
        let mut below = 0_u64;
        self.0.iter().find_map(|(key, count)| {
            below = below.saturating_add(*count);
            (below > rank).then_some(*key)
        })
    }
}

impl QuantileSketch {
    /// Adds a value, in units of 10⁻⁹.
    pub fn insert(&mut self, value: i128) {
        match value.signum() {
            0 => self.zeros = self.zeros.saturating_add(1),
            1 => self.positive.add(key(value), 1),
            _ => self.negative.add(key(value), 1),
        }
        self.widen(value, value);
    }

    fn widen(&mut self, min: i128, max: i128) {
        self.range = Some(self.range.map_or((min, max), |(a, b)| (a.min(min), b.max(max))));
    }

    /// Adds all of another sketch's values.
    pub fn merge(&mut self, other: Cow<'_, Self>) {
        if self.zeros == 0 && self.range.is_none() {
            *self = other.into_owned();
            return;
        }
        self.zeros = self.zeros.saturating_add(other.zeros);
        other.negative.0.iter().for_each(|(key, count)| self.negative.add(*key, *count));
        other.positive.0.iter().for_each(|(key, count)| self.positive.add(*key, *count));
        if let Some((min, max)) = other.range {
            self.widen(min, max);
        }
    }

    /// The value at rank `⌊q (n − 1)⌋`, within α of the true one; exact for 0 and 1. `None` without
    /// values.
    #[must_use]
    pub fn quantile(&self, q: f64) -> Option<i128> {
        let (min, max) = self.range?;
        if q <= 0.0 {
            return Some(min);
        }
        if q >= 1.0 {
            return Some(max);
        }
        let negatives = self.negative.count();
        let count = negatives.saturating_add(self.zeros).saturating_add(self.positive.count());
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a rank below the count; DDSketch defines it on floats"
        )]
        let rank = (q * (count - 1) as f64) as u64;
        let value = if rank < negatives {
            -value(self.negative.key_at(negatives - rank - 1)?)
        } else if rank < negatives.saturating_add(self.zeros) {
            0
        } else {
            value(self.positive.key_at(rank - negatives - self.zeros)?)
        };
        Some(value.clamp(min, max))
    }

    /// Appends the canonical bytes, see the module's text.
    pub fn encode(&self, bytes: &mut Vec<u8>) {
        bytes.push(VERSION);
        varint(bytes, self.zeros);
        let Some((min, max)) = self.range else { return };
        bytes.extend(min.to_le_bytes());
        bytes.extend(max.to_le_bytes());
        for bins in [&self.negative, &self.positive] {
            varint(bytes, bins.0.len() as u64);
            let mut before = 0_i32;
            for (key, count) in &bins.0 {
                let step = i64::from(key - before);
                #[expect(clippy::cast_sign_loss, reason = "zigzag keeps the bits")]
                varint(bytes, ((step << 1) ^ (step >> 63)) as u64);
                varint(bytes, *count);
                before = *key;
            }
        }
    }

    /// Reads what [`QuantileSketch::encode`] wrote.
    ///
    /// # Errors
    /// When the bytes are something else.
    pub fn decode(bytes: &[u8]) -> Result<Self, StateError> {
        match bytes.first() {
            Some(&VERSION) => {}
            Some(version) => {
                return Err(encoding_error(
                    KIND,
                    format!("version {version}; this build reads {VERSION}"),
                ));
            }
            None => return Err(encoding_error(KIND, "it is empty")),
        }
        decode_body(&mut &bytes[1..])
            .ok_or_else(|| encoding_error(KIND, "it is cut off or out of range"))
    }

    /// Bytes held in memory.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        let bins = self.negative.0.capacity() + self.positive.0.capacity();
        size_of::<Self>() + bins * size_of::<(i32, u64)>()
    }
}

fn decode_body(rest: &mut &[u8]) -> Option<QuantileSketch> {
    let mut sketch = QuantileSketch { zeros: read_varint(rest)?, ..QuantileSketch::default() };
    if rest.is_empty() {
        return (sketch.zeros == 0).then_some(sketch);
    }
    sketch.range = Some((read_i128(rest)?, read_i128(rest)?));
    for bins in [&mut sketch.negative, &mut sketch.positive] {
        let mut before = None;
        for _ in 0..read_varint(rest)? {
            let zigzag = read_varint(rest)?;
            #[expect(clippy::cast_possible_wrap, reason = "zigzag keeps the bits")]
            let step = (zigzag >> 1) as i64 ^ -((zigzag & 1) as i64);
            let key = step.checked_add(before.unwrap_or(0))?;
            let count = read_varint(rest)?;
            if before.is_some_and(|b| key <= b) || key.abs() > KEY_MAX || count == 0 {
                return None;
            }
            bins.0.push((i32::try_from(key).ok()?, count));
            before = Some(key);
        }
    }
    rest.is_empty().then_some(sketch)
}

fn read_i128(rest: &mut &[u8]) -> Option<i128> {
    let (bytes, after) = rest.split_first_chunk::<16>()?;
    *rest = after;
    Some(i128::from_le_bytes(*bytes))
}

fn varint(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

fn read_varint(rest: &mut &[u8]) -> Option<u64> {
    let mut number = 0_u64;
    for shift in (0..64).step_by(7) {
        let (&byte, after) = rest.split_first()?;
        *rest = after;
        let bits = u64::from(byte & 0x7f);
        if shift == 63 && bits > 1 {
            return None;
        }
        number |= bits << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

/// The bin of a value that is not 0.
#[expect(clippy::cast_precision_loss, reason = "the nearest float is well within α")]
fn key(value: i128) -> i32 {
    MAPPING.key(value.unsigned_abs() as f64 / 1e9)
}

/// The value that a bin answers with, in units of 10⁻⁹.
#[expect(clippy::cast_possible_truncation, reason = "the cast saturates; the caller clamps")]
fn value(key: i32) -> i128 {
    (MAPPING.value(key) * 1e9).round() as i128
}

/// A sketch a group.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct QuantileFormat;

impl StateFormat for QuantileFormat {
    type State = QuantileSketch;

    fn kind(self) -> StateKind {
        StateKind::Quantile
    }

    fn update(
        self,
        states: &mut [QuantileSketch],
        groups: &[usize],
        values: Option<&ArrayRef>,
    ) -> Result<(), StateError> {
        let want = || Scale::DEFAULT.value_type();
        each_number(self.kind(), want, values, groups, |group, value| states[group].insert(value))
    }

    fn merge(
        self,
        states: &mut [QuantileSketch],
        groups: &[usize],
        stored: &ArrayRef,
    ) -> Result<(), StateError> {
        each_stored(self.kind(), groups, stored, |group, bytes| {
            states[group].merge(Cow::Owned(QuantileSketch::decode(bytes)?));
            Ok(())
        })
    }

    fn merge_state(
        self,
        state: &mut QuantileSketch,
        other: &QuantileSketch,
    ) -> Result<(), StateError> {
        state.merge(Cow::Borrowed(other));
        Ok(())
    }

    fn emit(self, states: &[QuantileSketch], groups: &[usize]) -> ArrayRef {
        encoded(groups, |group, bytes| states[group].encode(bytes))
    }

    fn check(self, stored: &[u8]) -> Result<(), StateError> {
        QuantileSketch::decode(stored).map(drop)
    }

    fn heap_bytes(state: &QuantileSketch) -> Option<usize> {
        Some(state.size_bytes())
    }
}

/// The measure.
#[derive(Debug)]
pub(super) struct QuantileMeasure;

impl MeasureAggregate for QuantileMeasure {
    fn rules(&self) -> MeasureRules {
        MeasureRules {
            phrase: Some("in the quantile"),
            estimate: Some(MeasureEstimate {
                method: "ddsketch",
                relative_error: Some(RELATIVE_ERROR),
            }),
            ..MeasureRules::of(ArgumentUse::Number)
        }
    }

    fn states(&self, _: PropertyType, _: Scale) -> Vec<StateKind> {
        vec![StateKind::Quantile]
    }

    fn finish(
        &self,
        measure: &MeasureShape,
        states: &[&ArrayRef],
    ) -> Result<FinishedMeasure, StateError> {
        let value = |bytes| Ok(QuantileSketch::decode(bytes)?.quantile(measure.q));
        let values: Vec<Option<Option<i128>>> = stored_values(states[0], value)?;
        let values: Decimal128Array = values.into_iter().map(Option::flatten).collect();
        Ok(FinishedMeasure::fitting(Arc::new(values.with_data_type(Scale::DEFAULT.value_type()))))
    }
}
