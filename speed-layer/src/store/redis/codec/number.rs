//! Exact decimals of 76 digits as text: all their digits, no trailing zeros.

use arrow::datatypes::i256;
use merganser_core::decimal::{self, Scale};

const DIGITS_MAX: usize = decimal::WIDE_PRECISION as usize;

/// Writes a number of that scale: `7.327272727`, `12`, `-0.5`.
pub(super) fn format(value: i256, scale: Scale) -> String {
    if let Some(small) = value.to_i128() {
        return scale.format(small);
    }
    let text = value.to_string();
    let (sign, digits) = text.strip_prefix('-').map_or(("", &*text), |digits| ("-", digits));
    // It does not fit 128 bits, so it has more than 38 digits.
    let (whole, fraction) = digits.split_at(digits.len().saturating_sub(scale.places().into()));
    let fraction = fraction.trim_end_matches('0');
    let point = if fraction.is_empty() { "" } else { "." };
    format!("{sign}{whole}{point}{fraction}")
}

/// Reads what [`format`] wrote, and nothing else.
pub(super) fn parse(text: &str, scale: Scale) -> Option<i256> {
    let places = usize::from(scale.places());
    let (sign, digits) = text.strip_prefix('-').map_or(("", text), |digits| ("-", digits));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let all_digits = whole.bytes().chain(fraction.bytes()).all(|b| b.is_ascii_digit());
    if whole.is_empty() || !all_digits || fraction.len() > places {
        return None;
    }
    if whole.len() + places > DIGITS_MAX {
        return None;
    }
    let value = i256::from_string(&format!("{sign}{whole}{fraction:0<places$}"))?;
    (format(value, scale) == text).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn numbers_read_back(
            high in any::<i128>(),
            low in any::<i128>(),
            shift in 0_u8..3,
            places in 0_u8..=18,
        ) {
            let scale = Scale::new(places).unwrap();
            let high = i256::from_i128(high >> (64 * u32::from(shift)).min(127));
            let wide = high.wrapping_mul(i256::from_i128(10_i128.pow(37)));
            let value = wide.wrapping_add(i256::from_i128(low));
            let text = format(value, scale);
            if text.trim_start_matches('-').replace('.', "").len() <= 58 {
                prop_assert_eq!(parse(&text, scale), Some(value), "{}", text);
            }
        }

        #[test]
        fn no_text_panics(text in "[-+.0-9eE ]{0,90}", places in 0_u8..=18) {
            let scale = Scale::new(places).unwrap();
            if let Some(value) = parse(&text, scale) {
                prop_assert_eq!(format(value, scale), text);
            }
        }
    }

    #[test]
    fn texts_are_canonical() {
        let (format, parse) =
            (|value| format(value, Scale::DEFAULT), |text: &str| parse(text, Scale::DEFAULT));
        assert_eq!(format(i256::from_i128(-500_000_000)), "-0.5");
        assert_eq!(parse("12"), Some(i256::from_i128(12_000_000_000)));
        for bad in ["", "-", "-0", "01", "1.", "1.50", ".5", "1.0000000001", "1e3", "+1", "٣"] {
            assert_eq!(parse(bad), None, "{bad}");
        }
        let large = i256::from_i128(decimal::MAX).wrapping_mul(i256::from_i128(1 << 62));
        assert_eq!(parse(&format(large)), Some(large));
    }
}
