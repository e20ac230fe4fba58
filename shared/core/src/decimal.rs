//! Exact numbers. Values and results are decimals that fit 38 digits, with 9 places unless a
//! measure says otherwise ([`Scale`]): `i128` units of 10⁻⁹, Arrow's `Decimal128(38, 9)`.
//! Arithmetic in expressions runs on 18 places (`i256` units of 10⁻¹⁸). No number passes through a
//! float on its way from the JSON text to an answer.
//!
//! Rounding is half to even everywhere. What has no result in range is `None`, never an error.

mod digits;
mod scale;

use arrow::datatypes::{DataType, i256};

pub use digits::{EXACT_SCALE, canonical, parse, parse_exact, parse_rounded, parse_wide};
pub use scale::{Scale, rescale};

/// Places of a stored or answered value.
pub const SCALE: i8 = 9;
/// Digits of a stored or answered value.
pub const PRECISION: u8 = 38;
/// Places of an intermediate result.
pub const WIDE_SCALE: i8 = 18;
/// Digits of an intermediate result and of a sum's state.
pub const WIDE_PRECISION: u8 = 76;
/// One, in units of 10⁻⁹.
pub const ONE: i128 = 1_000_000_000;
/// The greatest value, in units of 10⁻⁹: 38 nines.
pub const MAX: i128 = 99_999_999_999_999_999_999_999_999_999_999_999_999;

const ONE_WIDE: i256 = i256::from_i128(1_000_000_000_000_000_000);
/// Intermediate results are below 10⁴⁰ in size: 58 digits in units of 10⁻¹⁸.
const WIDE_LIMIT: i256 =
    i256::from_parts(0x37e9_f14d_3eec_8920_e400_0000_0000_0000, 0x1_97d4_df19_d605_7673);

/// Arrow's type of a value.
#[must_use]
pub const fn value_type() -> DataType {
    DataType::Decimal128(PRECISION, SCALE)
}

/// Arrow's type of an intermediate result.
#[must_use]
pub const fn wide_type() -> DataType {
    DataType::Decimal256(WIDE_PRECISION, WIDE_SCALE)
}

/// Arrow's type of a sum's state.
#[must_use]
pub const fn sum_type() -> DataType {
    DataType::Decimal256(WIDE_PRECISION, SCALE)
}

/// Arrow's type of what [`parse_exact`] reads.
#[must_use]
pub const fn exact_type() -> DataType {
    DataType::Decimal256(WIDE_PRECISION, EXACT_SCALE)
}

/// Writes units of 10⁻⁹ with all their digits and no trailing zeros: `7.327272727`, `12`, `-0.5`.
#[must_use]
pub fn format(value: i128) -> String {
    Scale::DEFAULT.format(value)
}

/// Writes units of 10⁻¹⁸ in the same way.
#[must_use]
pub fn format_wide(value: i256) -> String {
    let (whole, fraction) = (value.wrapping_div(ONE_WIDE), value.wrapping_rem(ONE_WIDE));
    let sign = if value < i256::ZERO { "-" } else { "" };
    let whole = whole.to_string();
    let whole = whole.trim_start_matches('-');
    let fraction = fraction.to_i128().unwrap_or(0).unsigned_abs();
    if fraction == 0 {
        return format!("{sign}{whole}");
    }
    let text = format!("{sign}{whole}.{fraction:018}");
    text.trim_end_matches('0').to_owned()
}

/// A value on 18 places.
#[must_use]
pub fn widen(value: i128) -> i256 {
    i256::from_i128(value).wrapping_mul(i256::from_i128(ONE))
}

/// An intermediate result as a value, rounded to 9 places; `None` out of range.
#[must_use]
pub fn narrow(value: i256) -> Option<i128> {
    let value = div_half_even(value, i256::from_i128(ONE))?.to_i128()?;
    (value.unsigned_abs() <= MAX.unsigned_abs()).then_some(value)
}

/// A sum's state as a value of as many places; `None` out of range.
#[must_use]
pub fn finish_sum(sum: i256) -> Option<i128> {
    sum.to_i128().filter(|value| value.unsigned_abs() <= MAX.unsigned_abs())
}

fn in_range(value: i256) -> Option<i256> {
    (value < WIDE_LIMIT && value > WIDE_LIMIT.wrapping_neg()).then_some(value)
}

/// `a + b`
#[must_use]
pub fn add(a: i256, b: i256) -> Option<i256> {
    a.checked_add(b).and_then(in_range)
}

/// `a - b`
#[must_use]
pub fn sub(a: i256, b: i256) -> Option<i256> {
    a.checked_sub(b).and_then(in_range)
}

/// `a × b`
#[must_use]
pub fn mul(a: i256, b: i256) -> Option<i256> {
    // A product over 2²⁵⁵ units of 10⁻³⁶ is over 10⁴⁰, so that the check loses nothing in range.
    div_half_even(a.checked_mul(b)?, ONE_WIDE).and_then(in_range)
}

/// `a ÷ b`; `None` for a `b` of 0.
#[must_use]
pub fn div(a: i256, b: i256) -> Option<i256> {
    div_half_even(a.checked_mul(ONE_WIDE)?, b).and_then(in_range)
}

/// The remainder of `a ÷ b` with the sign of `a`; `None` for a `b` of 0.
#[must_use]
pub fn rem(a: i256, b: i256) -> Option<i256> {
    a.checked_rem(b)
}

/// `a` rounded half to even to `places` (0 to 18).
#[must_use]
pub fn round(a: i256, places: u32) -> Option<i256> {
    let unit = i256::from_i128(10_i128.pow(18_u32.saturating_sub(places)));
    div_half_even(a, unit)?.checked_mul(unit).and_then(in_range)
}

/// The greatest whole number that is not above `a`.
#[must_use]
pub fn floor(a: i256) -> Option<i256> {
    let whole = a.wrapping_div(ONE_WIDE).wrapping_mul(ONE_WIDE);
    if whole > a { sub(whole, ONE_WIDE) } else { Some(whole) }
}

fn div_half_even(a: i256, b: i256) -> Option<i256> {
    if b == i256::ZERO {
        return None;
    }
    let quotient = a.checked_div(b)?;
    let remainder = a.checked_rem(b)?;
    if remainder == i256::ZERO {
        return Some(quotient);
    }
    let (twice, size) =
        (remainder.wrapping_abs().checked_mul(i256::from_i128(2))?, b.wrapping_abs());
    let odd = quotient.to_parts().0 & 1 == 1;
    let away = twice > size || (twice == size && odd);
    if !away {
        return Some(quotient);
    }
    let negative = (a < i256::ZERO) != (b < i256::ZERO);
    let step = if negative { i256::MINUS_ONE } else { i256::ONE };
    quotient.checked_add(step)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_are_read_from_their_text() {
        for (text, units) in [
            ("0", 0),
            ("-0.0", 0),
            ("1", ONE),
            ("19.99", 19_990_000_000),
            ("1e3", 1000 * ONE),
            ("1.5E-2", 15_000_000),
            ("0.0000000005", 0),
            ("0.0000000015", 2),
            ("0.0000000025", 2),
            ("0.00000000250000000000000000000001", 3),
            ("-0.0000000015", -2),
            ("1e-400", 0),
            ("99999999999999999999999999999.999999999", MAX),
            ("0e999999999999999999999", 0),
        ] {
            assert_eq!(parse(text), Some(units), "{text}");
        }
        for text in [
            "99999999999999999999999999999.9999999995",
            "1e29",
            "1e999999999999",
            "",
            "-",
            "x",
            "1.2.3",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn the_limit_of_intermediate_results_is_ten_to_the_forty() {
        assert!(parse_wide("9999999999999999999999999999999999999999.9").is_some());
        assert!(parse_wide("1e40").is_none());
        assert_eq!(
            format_wide(parse_wide("-12345.0000000000000000015").unwrap()),
            "-12345.000000000000000002"
        );
        assert_eq!(format_wide(parse_wide("-0.5").unwrap()), "-0.5");
    }

    #[test]
    fn division_rounds_half_to_even() {
        let wide = |text| parse_wide(text).unwrap();
        assert_eq!(format_wide(div(wide("1"), wide("2")).unwrap()), "0.5");
        assert_eq!(format_wide(div(wide("2"), wide("3")).unwrap()), "0.666666666666666667");
        assert_eq!(div(wide("1"), i256::ZERO), None);
        assert_eq!(narrow(wide("0.0000000005")), Some(0));
        assert_eq!(narrow(wide("-0.0000000015")), Some(-2));
        assert_eq!(mul(wide("1e21"), wide("1e21")), None);
        assert_eq!(format_wide(floor(wide("-0.5")).unwrap()), "-1");
        assert_eq!(format_wide(round(wide("2.5"), 0).unwrap()), "2");
    }

    proptest! {
        #[test]
        fn a_written_decimal_reads_back(value in -MAX..=MAX) {
            prop_assert_eq!(parse(&format(value)), Some(value));
            prop_assert_eq!(narrow(widen(value)), Some(value));
            prop_assert_eq!(parse_wide(&format_wide(widen(value))), Some(widen(value)));
        }

        #[test]
        fn any_text_is_read_or_refused(
            text in "-?[0-9]{0,45}\\.?[0-9]{0,25}([eE][-+]?[0-9]{0,22})?",
        ) {
            let _ = (parse(&text), parse_wide(&text));
        }
    }
}
