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

/// An object with more keys is sorted at its end; with fewer, each key is looked up as it comes.
const LOOKED_UP_MAX: usize = 32;

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
    /// A bit for each [`fingerprint`] of its keys: most new keys are known to be new by it.
    fingerprints: u64,
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
                    let keys_from = self.keys.len();
                    *level = Level { is_object: is_key_next, keys_from, fingerprints: 0 };
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
                    let string = string_at(text, at).ok_or_else(not_unicode)?;
                    let level = depth.checked_sub(1).and_then(|top| levels.get_mut(top));
                    if let Some(level) = level.filter(|_| is_key_next) {
                        self.add(string.text().ok_or_else(not_unicode)?, level)?;
                        is_key_next = false;
                    }
                    at = string.end;
                    continue;
                }
                _ => {}
            }
            at += 1;
        }
        Ok(())
    }

    /// Adds a key to the innermost object.
    fn add(&mut self, key: Cow<'a, str>, level: &mut Level) -> Result<(), Invalid> {
        let bit = 1 << fingerprint(&key);
        if level.fingerprints & bit != 0 {
            let keys = self.keys.get(level.keys_from..).unwrap_or_default();
            if keys.len() < LOOKED_UP_MAX && keys.contains(&key) {
                return Err(twice(&key));
            }
        }
        level.fingerprints |= bit;
        self.keys.push(key);
        Ok(())
    }

    /// Ends an object.
    fn close(&mut self, keys_from: usize) -> Result<(), Invalid> {
        let keys = self.keys.get_mut(keys_from..).unwrap_or_default();
        if keys.len() > LOOKED_UP_MAX {
            keys.sort_unstable();
            if let Some(pair) = keys.windows(2).find(|pair| pair[0] == pair[1]) {
                return Err(twice(&pair[0]));
            }
        }
        self.keys.truncate(keys_from);
        Ok(())
    }
}

/// A number below 64 that depends on a key's length and some of its bytes.
fn fingerprint(key: &str) -> u32 {
    let bytes = key.as_bytes();
    let at = |i: usize| bytes.get(i).copied().map_or(0, u32::from);
    let length = bytes.len();
    let mixed = length as u32 + 31 * at(0) + 7 * at(length / 2) + at(length.wrapping_sub(1));
    mixed % 64
}

fn twice(key: &str) -> Invalid {
    Invalid::new(
        InvalidCode::DuplicateProperty,
        format!("the key `{}` occurs twice in one object of `properties`", excerpt(key)),
    )
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

/// A string within JSON text.
struct StringAt<'a> {
    /// With its quotes.
    json: &'a str,
    has_escapes: bool,
    /// The index after it.
    end: usize,
}

impl<'a> StringAt<'a> {
    fn text(&self) -> Option<Cow<'a, str>> {
        if self.has_escapes {
            return unescape(self.json);
        }
        self.json.get(1..self.json.len().checked_sub(1)?).map(Cow::Borrowed)
    }
}

/// The string that begins at the quote `start`; `None` when it spells half a surrogate pair.
fn string_at(text: &str, start: usize) -> Option<StringAt<'_>> {
    let bytes = text.as_bytes();
    let mut has_escapes = false;
    let mut at = start + 1;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'"' => {
                let end = at + 1;
                return Some(StringAt { json: text.get(start..end)?, has_escapes, end });
            }
            b'\\' => {
                has_escapes = true;
                at = escape_end(bytes, at)?;
            }
            _ => at += 1,
        }
    }
    None
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
