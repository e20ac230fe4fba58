//! Which fields are numbers.

/// Digits before the point, up to which every tool keeps a number. A longer one is more likely the
/// number of a card or an account, which is no quantity.
const WHOLE_DIGITS_MAX: usize = 15;
/// Digits behind it.
const FRACTION_DIGITS_MAX: usize = 20;

/// Whether a field is a number and nothing else: digits with at most a minus before and one point
/// within, no zero in front, no exponent, and not too many of them. So `007`, `+49`, `1e5`, `1.`
/// and `NaN` are texts. Its spelling is that of JSON.
#[must_use]
pub fn is_plain_number(field: &str) -> bool {
    let digits = field.strip_prefix('-').unwrap_or(field);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    is_digits(whole)
        && is_digits(fraction)
        && whole.len() <= WHOLE_DIGITS_MAX
        && fraction.len() <= FRACTION_DIGITS_MAX
        && (whole == "0" || !whole.starts_with('0'))
}

/// A field of a column that is said to have numbers, as JSON: a plus, zeros in front, a point
/// without digits on one side and an exponent are understood. `None` if it is no number.
pub(super) fn parse_lenient(field: &str) -> Option<String> {
    let field = field.trim_matches([' ', '\t']);
    let (sign, rest) = match field.as_bytes().first()? {
        b'-' => ("-", field.get(1..)?),
        b'+' => ("", field.get(1..)?),
        _ => ("", field),
    };
    let (digits, exponent) = match rest.find(['e', 'E']) {
        Some(at) => (rest.get(..at)?, Some(rest.get(at + 1..)?)),
        None => (rest, None),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_digits(whole) || !is_digits(fraction) || whole.len() + fraction.len() == 0 {
        return None;
    }
    let whole = whole.trim_start_matches('0');
    let whole = if whole.is_empty() { "0" } else { whole };
    let mut json = format!("{sign}{whole}");
    if !fraction.is_empty() {
        json = format!("{json}.{fraction}");
    }
    if let Some(exponent) = exponent {
        let power = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        if power.is_empty() || !is_digits(power) {
            return None;
        }
        json = format!("{json}e{exponent}");
    }
    Some(json)
}
