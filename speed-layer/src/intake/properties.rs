//! The rules of `properties` that JSON's syntax does not have: an object, nested at most 32 deep
//! (itself counted), no key twice in one object, no text with half a surrogate pair.
//!
//! The text's syntax was checked before, so that the scanner only has to find keys and brackets. It
//! keeps its levels in an array and never recurses; given text that is not JSON it finds something
//! or nothing, and does not panic. Numbers may have any size: what does not fit a metric is that
//! metric's type mismatch.

use std::borrow::Cow;

use super::envelope::{Invalid, InvalidCode, excerpt, unescape};

/// How deep `properties` may be nested, itself counted.
const DEPTH_MAX: usize = 32;

/// Up to so many keys are compared pair by pair, more are sorted.
const PAIRS_MAX: usize = 16;

/// Checks one event's properties after the other, reusing its memory.
#[derive(Debug, Default)]
pub(super) struct PropertyScanner<'a> {
    /// Keys of the objects that are open, the innermost last.
    keys: Vec<Cow<'a, str>>,
}

#[derive(Clone, Copy, Default)]
struct Level {
    is_object: bool,
    /// Where its keys begin.
    keys_from: usize,
}

impl<'a> PropertyScanner<'a> {
    /// Checks the JSON text of an event's `properties`.
    pub(super) fn check(&mut self, text: &'a str) -> Result<(), Invalid> {
        if !text.starts_with('{') {
            return Err(Invalid::new(
                InvalidCode::InvalidProperties,
                format!("`properties` is `{}`; it must be an object", excerpt(text)),
            ));
        }
        self.keys.clear();
        let bytes = text.as_bytes();
        let mut levels = [Level::default(); DEPTH_MAX];
        let mut depth = 0;
        let mut is_key_next = false;
        let mut at = 0;
        while let Some(&byte) = bytes.get(at) {
            match byte {
                b'{' | b'[' => {
                    let level = levels.get_mut(depth).ok_or_else(too_deep)?;
                    is_key_next = byte == b'{';
                    *level = Level { is_object: is_key_next, keys_from: self.keys.len() };
                    depth += 1;
                }
                b'}' | b']' => {
                    depth = depth.saturating_sub(1);
                    let level = levels.get(depth).copied().unwrap_or_default();
                    if level.is_object {
                        self.close(level.keys_from)?;
                    }
                    is_key_next = false;
                }
                b',' => {
                    is_key_next = depth > 0 && levels.get(depth - 1).is_some_and(|l| l.is_object);
                }
                b'"' => {
                    let end = string_end(bytes, at).ok_or_else(not_unicode)?;
                    if is_key_next {
                        let key = text.get(at..end).and_then(unescape).ok_or_else(not_unicode)?;
                        self.keys.push(key);
                        is_key_next = false;
                    }
                    at = end;
                    continue;
                }
                _ => {}
            }
            at += 1;
        }
        Ok(())
    }

    /// Ends an object: none of its keys may occur twice.
    fn close(&mut self, keys_from: usize) -> Result<(), Invalid> {
        let keys = self.keys.get_mut(keys_from..).unwrap_or_default();
        let twice = if keys.len() <= PAIRS_MAX {
            keys.iter().enumerate().find(|(i, key)| keys.iter().take(*i).any(|k| k == *key))
        } else {
            keys.sort_unstable();
            keys.windows(2).map(|pair| &pair[0]).enumerate().find(|(i, key)| keys[i + 1] == **key)
        };
        if let Some((_, key)) = twice {
            return Err(Invalid::new(
                InvalidCode::DuplicateProperty,
                format!("the key `{}` occurs twice in one object of `properties`", excerpt(key)),
            ));
        }
        self.keys.truncate(keys_from);
        Ok(())
    }
}

fn too_deep() -> Invalid {
    Invalid::new(
        InvalidCode::PropertiesTooDeep,
        format!("`properties` is nested more than {DEPTH_MAX} deep, itself counted"),
    )
}

fn not_unicode() -> Invalid {
    Invalid::new(
        InvalidCode::InvalidProperties,
        "`properties` has text with half a surrogate pair (`\\ud800` to `\\udfff` by itself), \
         which is not Unicode",
    )
}

/// The index after the string that begins at the quote `at`; `None` when it spells half a
/// surrogate pair.
fn string_end(bytes: &[u8], at: usize) -> Option<usize> {
    let mut at = at + 1;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'"' => return Some(at + 1),
            b'\\' => at = escape_end(bytes, at)?,
            _ => at += 1,
        }
    }
    Some(bytes.len())
}

/// The index after the escape, or pair of escapes, that begins at the backslash `at`.
fn escape_end(bytes: &[u8], at: usize) -> Option<usize> {
    match utf16_unit(bytes, at) {
        None => Some(at + 2),
        Some(0xD800..=0xDBFF) => {
            utf16_unit(bytes, at + 6).filter(|unit| (0xDC00..=0xDFFF).contains(unit))?;
            Some(at + 12)
        }
        Some(0xDC00..=0xDFFF) => None,
        Some(_) => Some(at + 6),
    }
}

/// What the escape `\uXXXX` at `at` stands for, if there is one.
fn utf16_unit(bytes: &[u8], at: usize) -> Option<u16> {
    let digits = bytes.get(at..at + 6)?.strip_prefix(b"\\u")?;
    u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

#[cfg(test)]
mod tests;
