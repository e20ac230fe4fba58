//! How many places a measure's values have.

use arrow::datatypes::{DataType, i256};

use super::{MAX, PRECISION, SCALE, WIDE_PRECISION, div_half_even, finish_sum};

/// Places of stored and answered values, 0 to 18. Values fit 38 digits, places included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Scale(u8);

impl Default for Scale {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl Scale {
    /// What values have unless a measure says otherwise.
    pub const DEFAULT: Self = Self(SCALE.unsigned_abs());
    /// The most places.
    pub const PLACES_MAX: u8 = 18;

    /// So many places; `None` for more than [`Scale::PLACES_MAX`].
    #[must_use]
    pub const fn new(places: u8) -> Option<Self> {
        if places <= Self::PLACES_MAX { Some(Self(places)) } else { None }
    }

    /// The scale of an array of decimals.
    #[must_use]
    pub fn of(values: &DataType) -> Option<Self> {
        match values {
            DataType::Decimal128(_, scale) => Self::new(u8::try_from(*scale).ok()?),
            _ => None,
        }
    }

    /// Places.
    #[must_use]
    pub const fn places(self) -> u8 {
        self.0
    }

    /// Arrow's type of a value.
    #[must_use]
    pub const fn value_type(self) -> DataType {
        DataType::Decimal128(PRECISION, self.0 as i8)
    }

    /// Arrow's type of a sum's state.
    #[must_use]
    pub const fn sum_type(self) -> DataType {
        DataType::Decimal256(WIDE_PRECISION, self.0 as i8)
    }

    /// What of its places a mean of such values has: its own, and 9 at least.
    #[must_use]
    pub fn of_mean(self) -> Self {
        self.max(Self::DEFAULT)
    }

    /// Sum over count, rounded half to even to [`Scale::of_mean`]; `None` without values.
    #[must_use]
    pub fn average(self, sum: i256, count: i64) -> Option<i128> {
        let more = power(self.of_mean().0 - self.0);
        // A sum is below 10⁵⁷ and `more` at most 10⁹.
        let sum = sum.checked_mul(i256::from_i128(more))?;
        finish_sum(div_half_even(sum, i256::from_i128(i128::from(count)))?)
    }

    /// Writes a value of this scale with all its digits and no trailing zeros: `7.327272727`, `12`,
    /// `-0.5`.
    #[must_use]
    pub fn format(self, value: i128) -> String {
        let (size, one) = (value.unsigned_abs(), power(self.0).unsigned_abs());
        let (whole, fraction) = (size / one, size % one);
        let sign = if value < 0 { "-" } else { "" };
        if fraction == 0 {
            return format!("{sign}{whole}");
        }
        let places = usize::from(self.0);
        let text = format!("{sign}{whole}.{fraction:0places$}");
        text.trim_end_matches('0').to_owned()
    }
}

fn power(exponent: u8) -> i128 {
    10_i128.pow(u32::from(exponent))
}

/// A number of `places` places rounded half to even to a scale, and whether it lost digits; `None`
/// where it does not fit 38 digits then.
#[inline]
#[must_use]
pub fn rescale(value: i256, places: u8, to: Scale) -> Option<(i128, bool)> {
    let fitting = |value: i128| (value.unsigned_abs() <= MAX.unsigned_abs()).then_some(value);
    let Some(less) = places.checked_sub(to.0) else {
        let more = i256::from_i128(power(to.0 - places));
        return Some((fitting(value.checked_mul(more)?.to_i128()?)?, false));
    };
    let unit = power(less);
    if let Some(short) = value.to_i128() {
        let (quotient, rest) = (short / unit, short % unit);
        let twice = rest.unsigned_abs() * 2;
        let half = unit.unsigned_abs();
        let away = twice > half || (twice == half && quotient & 1 == 1);
        let step = if away { short.signum() } else { 0 };
        return Some((fitting(quotient + step)?, rest != 0));
    }
    let unit = i256::from_i128(unit);
    let is_lossy = value.checked_rem(unit)? != i256::ZERO;
    Some((fitting(div_half_even(value, unit)?.to_i128()?)?, is_lossy))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn scale(places: u8) -> Scale {
        Scale::new(places).unwrap()
    }

    #[test]
    fn means_keep_their_places_and_nine_at_least() {
        let average = |places, sum, count| scale(places).average(i256::from_i128(sum), count);
        assert_eq!(average(9, 7, 2), Some(4));
        assert_eq!(average(9, 0, 0), None);
        // 0.07 over 3, and 10⁻¹⁸ × 5 over 2.
        assert_eq!(average(2, 7, 3), Some(23_333_333));
        assert_eq!(average(18, 5, 2), Some(2));
    }

    #[test]
    fn values_are_written_with_their_digits() {
        assert_eq!(scale(18).format(-1), "-0.000000000000000001");
        assert_eq!(scale(0).format(12), "12");
        assert_eq!(scale(12).format(37_500), "0.0000000375");
        assert_eq!(scale(2).format(-1_250), "-12.5");
        assert_eq!(Scale::new(19), None);
    }

    proptest! {
        #[test]
        fn rounding_is_to_the_nearest(
            high in -(10_i128.pow(20))..10_i128.pow(20),
            low in 0_i128..10_i128.pow(18),
            from in 0_u8..=20,
            to in 0_u8..=18,
        ) {
            let value = i256::from_i128(high)
                .wrapping_mul(i256::from_i128(10_i128.pow(18)))
                .wrapping_add(i256::from_i128(low));
            let got = rescale(value, from, scale(to));
            let unit = i256::from_i128(power(from.saturating_sub(to)));
            let more = i256::from_i128(power(to.saturating_sub(from)));
            if let Some((rounded, is_lossy)) = got {
                let back = i256::from_i128(rounded).wrapping_mul(unit);
                let off = back.wrapping_sub(value.wrapping_mul(more)).wrapping_abs();
                let twice = off.wrapping_mul(i256::from_i128(2));
                let is_tie = twice == unit && rounded & 1 == 0;
                prop_assert!(twice < unit || is_tie || off == i256::ZERO);
                prop_assert_eq!(is_lossy, off != i256::ZERO);
            } else {
                let size = value.wrapping_mul(more).wrapping_abs();
                prop_assert!(size > i256::from_i128(MAX).wrapping_mul(unit).wrapping_sub(unit));
            }
        }
    }
}
