//! Numbers as they are spelled: from text to decimals, and from text to one spelling.

use std::borrow::Cow;

use arrow::datatypes::i256;

use super::{MAX, SCALE, WIDE_SCALE, in_range};

/// Places of [`parse_exact`].
pub const EXACT_SCALE: i8 = 20;

/// Reads a JSON number (RFC 8259 grammar) as units of 10⁻⁹.
///
/// `None` when it is not a number or does not fit 38 digits.
#[must_use]
pub fn parse(text: &str) -> Option<i128> {
    parse_rounded(text).map(|(value, _)| value)
}

/// As [`parse`], and whether 9 places hold all of the number's digits.
#[inline]
#[must_use]
pub fn parse_rounded(text: &str) -> Option<(i128, bool)> {
    if let Some(value) = parse_short(text.as_bytes()) {
        return Some((value, true));
    }
    let number = DecimalDigits::read(text)?;
    let places = u32::from(SCALE.unsigned_abs());
    let size = i128::try_from(number.scaled(places, 39)?).ok()?;
    let value = if number.negative { -size } else { size };
    (size <= MAX).then_some((value, number.rest_is_zero(places)))
}

/// Reads a number so that it can be rounded to any number of places up to 18 as if its text were
/// read again: units of 10⁻²⁰, of which the last digit is 1 for whatever is left of the number.
///
/// `None` when it is not a number or not below 10⁴⁰ in size.
#[must_use]
pub fn parse_exact(text: &str) -> Option<i256> {
    let number = DecimalDigits::read(text)?;
    let size = number.cut_wide(19)?;
    let left = i256::from_i128(i128::from(!number.rest_is_zero(19)));
    let size = size.checked_mul(i256::from_i128(10))?.checked_add(left)?;
    Some(if number.negative { size.wrapping_neg() } else { size })
}

/// One spelling for all JSON numbers of the same value: `1`, `1.0`, `1e0` and `100e-2` are `1`, and
/// `-0.0` is `0`. No digit is lost, however many there are. `None` when it is not a number.
///
/// What [`format_wide`](super::format_wide) writes is spelled this way.
#[must_use]
pub fn canonical(text: &str) -> Option<Cow<'_, str>> {
    let digits = text.strip_prefix('-').unwrap_or(text).as_bytes();
    let is_whole = digits.len() <= 40 && digits.iter().all(u8::is_ascii_digit);
    if is_whole && matches!(digits.first(), Some(b'1'..=b'9')) {
        return Some(Cow::Borrowed(text));
    }
    Some(Cow::Owned(DecimalDigits::read(text)?.spell()))
}

/// The same for most numbers that occur: of at most 18 digits, 9 of them behind the point, and
/// without an exponent.
fn parse_short(text: &[u8]) -> Option<i128> {
    let (is_negative, digits) = match text.split_first()? {
        (b'-', rest) => (true, rest),
        _ => (false, text),
    };
    if digits.len() > 19 {
        return None;
    }
    let (mut size, mut point) = (0_u64, None);
    for (at, byte) in digits.iter().enumerate() {
        match byte {
            b'0'..=b'9' => size = size * 10 + u64::from(byte - b'0'),
            b'.' if point.is_none() && at > 0 => point = Some(at),
            _ => return None,
        }
    }
    let places = point.map_or(0, |at| digits.len() - at - 1);
    let count = digits.len() - usize::from(point.is_some());
    if !(1..=18).contains(&count) || places > 9 {
        return None;
    }
    let size = i128::from(size) * i128::from(10_u64.pow(9 - places as u32));
    Some(if is_negative { -size } else { size })
}

/// Reads a number as units of 10⁻¹⁸, for literals in expressions.
///
/// `None` when it is not a number or not below 10⁴⁰ in size.
#[must_use]
pub fn parse_wide(text: &str) -> Option<i256> {
    let number = DecimalDigits::read(text)?;
    let whole = number.scaled_wide(u32::from(WIDE_SCALE.unsigned_abs()))?;
    in_range(if number.negative { whole.wrapping_neg() } else { whole })
}

/// A number's decimal digits: `0.d₀d₁d₂… × 10^point`.
struct DecimalDigits {
    negative: bool,
    digits: Vec<u8>,
    point: i64,
}

impl DecimalDigits {
    fn read(text: &str) -> Option<Self> {
        let (negative, rest) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (mantissa, exponent) = match rest.find(['e', 'E']) {
            Some(at) => (&rest[..at], parse_exponent(&rest[at + 1..])?),
            None => (rest, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        if whole.is_empty() || !is_all_digits(whole) || !is_all_digits(fraction) {
            return None;
        }
        let leading_zeros =
            whole.bytes().chain(fraction.bytes()).take_while(|b| *b == b'0').count();
        let digits: Vec<u8> =
            whole.bytes().chain(fraction.bytes()).skip(leading_zeros).map(|b| b - b'0').collect();
        let point = exponent.saturating_add(i64::try_from(whole.len()).ok()?)
            - i64::try_from(leading_zeros).ok()?;
        Some(Self { negative, digits, point })
    }

    /// Size in units of `10^-places`, rounded; `None` over `digits_max` digits.
    fn scaled(&self, places: u32, digits_max: i64) -> Option<u128> {
        let Some(kept) = self.kept(places, digits_max)? else { return Some(0) };
        let mut size: u128 = 0;
        for i in 0..kept {
            let digit = self.digits.get(i).copied().unwrap_or(0);
            size = size.checked_mul(10)?.checked_add(u128::from(digit))?;
        }
        Some(size + u128::from(self.rounds_up(kept, size & 1 == 1)))
    }

    fn scaled_wide(&self, places: u32) -> Option<i256> {
        let size = self.cut_wide(places)?;
        let Some(kept) = self.kept(places, 60)? else { return Some(i256::ZERO) };
        let odd = size.to_parts().0 & 1 == 1;
        size.checked_add(i256::from_i128(i128::from(self.rounds_up(kept, odd))))
    }

    /// Size in units of `10^-places`, without what is left of it.
    fn cut_wide(&self, places: u32) -> Option<i256> {
        let Some(kept) = self.kept(places, 60)? else { return Some(i256::ZERO) };
        let mut size = i256::ZERO;
        for i in 0..kept {
            let digit = self.digits.get(i).copied().unwrap_or(0);
            size = size
                .checked_mul(i256::from_i128(10))?
                .checked_add(i256::from_i128(i128::from(digit)))?;
        }
        Some(size)
    }

    /// Whether there are no digits below `10^-places`.
    fn rest_is_zero(&self, places: u32) -> bool {
        let kept = self.point.saturating_add(i64::from(places)).max(0);
        let kept = usize::try_from(kept).unwrap_or(usize::MAX);
        self.digits.get(kept..).unwrap_or_default().iter().all(|digit| *digit == 0)
    }

    /// See [`canonical`]: plain while all digits are between 10⁴⁰ and 10⁻¹⁸, with an exponent
    /// otherwise.
    fn spell(&self) -> String {
        let length = self.digits.iter().rposition(|digit| *digit != 0).map_or(0, |at| at + 1);
        if length == 0 {
            return "0".to_owned();
        }
        let (sign, count) = (if self.negative { "-" } else { "" }, length as i64);
        let digits: String =
            self.digits[..length].iter().map(|digit| char::from(b'0' + digit)).collect();
        if self.point > 40 || count.saturating_sub(self.point) > 18 {
            return format!("{sign}{digits}e{}", self.point.saturating_sub(count));
        }
        // Both are small here.
        let point = self.point as isize;
        match usize::try_from(point) {
            Ok(0) | Err(_) => format!("{sign}0.{}{digits}", "0".repeat(point.unsigned_abs())),
            Ok(point) if point >= length => format!("{sign}{digits}{}", "0".repeat(point - length)),
            Ok(point) => format!("{sign}{}.{}", &digits[..point], &digits[point..]),
        }
    }

    /// How many digits stay when it is cut at `10^-places`: `Some(None)` when it is 0 at that scale
    /// whatever the rounding, `None` when there would be more than `digits_max`.
    fn kept(&self, places: u32, digits_max: i64) -> Option<Option<usize>> {
        let kept = self.point.saturating_add(i64::from(places));
        if self.digits.is_empty() || kept < 0 {
            return Some(None);
        }
        if kept > digits_max {
            return None;
        }
        usize::try_from(kept).ok().map(Some)
    }

    fn rounds_up(&self, kept: usize, odd: bool) -> bool {
        let Some((first, rest)) = self.digits.get(kept..).and_then(<[u8]>::split_first) else {
            return false;
        };
        match first.cmp(&5) {
            std::cmp::Ordering::Less => false,
            std::cmp::Ordering::Greater => true,
            std::cmp::Ordering::Equal => odd || rest.iter().any(|d| *d != 0),
        }
    }
}

fn is_all_digits(part: &str) -> bool {
    part.bytes().all(|b| b.is_ascii_digit())
}

fn parse_exponent(text: &str) -> Option<i64> {
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let size = digits.bytes().fold(0_i64, |n, b| {
        (n.saturating_mul(10).saturating_add(i64::from(b - b'0'))).min(1 << 40)
    });
    Some(if negative { -size } else { size })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{Scale, format_wide, rescale};
    use super::*;

    #[test]
    fn numbers_of_one_value_have_one_spelling() {
        for (spelled, all) in [
            ("1", &["1", "1.0", "1e0", "100e-2", "0.1E1", "1.000", "10e-1"][..]),
            ("0", &["0", "-0", "0.0", "-0.0", "0e5", "-0e-999999999999999999999"]),
            ("-1200", &["-1200", "-1.2e3", "-1200.0", "-12E+2"]),
            ("0.5", &["0.5", "5e-1", "0.50"]),
            ("-12.034", &["-12.034", "-12034e-3"]),
            ("0.000000000000000001", &["1e-18", "0.000000000000000001"]),
            ("1e-19", &["1e-19", "0.0000000000000000001", "10e-20"]),
            ("12345e396", &["1.2345e400", "12345e396", "123450e395"]),
            ("9007199254740993", &["9007199254740993", "9007199254740993.0", "9007199254740993e0"]),
            ("1e40", &["1e40", "10000000000000000000000000000000000000000"]),
            ("1e41", &["1e41", "10e40", "100000000000000000000000000000000000000000"]),
        ] {
            for text in all {
                assert_eq!(canonical(text).as_deref(), Some(spelled), "{text}");
            }
        }
        assert_ne!(canonical("9007199254740993"), canonical("9007199254740992"));
        for text in ["", "-", "x", "1.2.3", "true", "e5"] {
            assert_eq!(canonical(text), None, "{text}");
        }
    }

    #[test]
    fn digits_behind_a_half_decide_the_rounding() {
        let rounded = |text: &str, places| {
            let scale = Scale::new(places).unwrap();
            rescale(parse_exact(text).unwrap(), EXACT_SCALE.unsigned_abs(), scale)
        };
        assert_eq!(rounded("0.5", 0), Some((0, true)));
        assert_eq!(rounded("0.50000000000000000000000000000001", 0), Some((1, true)));
        assert_eq!(rounded("-0.50000000000000000000000000000001", 0), Some((-1, true)));
        assert_eq!(rounded("0.0000000000000000015", 18), Some((2, true)));
        assert_eq!(rounded("0.0000000000000000025", 18), Some((2, true)));
        assert_eq!(rounded("0.00000000000000000250000000001", 18), Some((3, true)));
        assert_eq!(rounded("3.75e-8", 12), Some((37_500, false)));
        assert_eq!(
            rounded("99999999999999999999.9", 18),
            Some((MAX - 99_999_999_999_999_999, false))
        );
        assert_eq!(rounded("100000000000000000000", 18), None);
        assert_eq!(rounded("1e-400", 18), Some((0, true)));
    }

    proptest! {
        #[test]
        fn short_numbers_are_the_same_either_way(text in "-?[0-9]{0,19}(\\.[0-9]{0,10})?") {
            if let Some(short) = parse_short(text.as_bytes()) {
                let padded = format!("{text}{}e0", if text.contains('.') { "0" } else { ".0" });
                prop_assert_eq!(parse(&padded), Some(short), "{}", text);
            }
        }


        #[test]
        fn any_rounding_is_that_of_the_text(text in "-?[0-9]{1,25}(\\.[0-9]{0,30})?(e-?[0-9])?") {
            let exact = parse_exact(&text).unwrap();
            let nine = rescale(exact, EXACT_SCALE.unsigned_abs(), Scale::DEFAULT);
            prop_assert_eq!(nine.map(|(value, _)| value), parse(&text));
            let is_exact = parse_rounded(&text).map(|read| read.1);
            prop_assert_eq!(nine.map(|(_, is_lossy)| !is_lossy), is_exact);
            let eighteen = exact.checked_div(i256::from_i128(100)).unwrap();
            let wide = parse_wide(&text).unwrap();
            prop_assert!(wide.wrapping_sub(eighteen).wrapping_abs() <= i256::ONE);
        }

        #[test]
        fn a_spelling_is_of_the_same_value(text in "-?[0-9]{1,20}(\\.[0-9]{0,18})?(e-?[0-9])?") {
            let spelled = canonical(&text).unwrap();
            prop_assert_eq!(parse_exact(&spelled), parse_exact(&text));
            let again = canonical(&spelled);
            prop_assert_eq!(again.as_deref(), Some(&*spelled));
            let point = if text.contains('.') { "" } else { "." };
            let zeros = format!("{text}{point}0e0");
            if !text.contains('e') {
                let padded = canonical(&zeros);
                prop_assert_eq!(padded.as_deref(), Some(&*spelled));
                prop_assert_eq!(format_wide(parse_wide(&text).unwrap()), &*spelled);
            }
        }

        #[test]
        fn any_text_is_spelled_or_refused(
            text in "-?[0-9]{0,45}\\.?[0-9]{0,25}([eE][-+]?[0-9]{0,22})?",
        ) {
            let _ = (canonical(&text), parse_exact(&text), parse_rounded(&text));
        }
    }
}
