//! The rules of `properties` that JSON's syntax does not have: nested at most 32 deep (itself
//! counted), no key twice in one object, no text with half a surrogate pair.
//!
//! They are watched while a [`merganser_core::json::JsonCursor`] walks over the text. Numbers may
//! have any size: what does not fit a metric is that metric's type mismatch.

use merganser_api::invalid_code::InvalidCode;
use std::borrow::Cow;

use merganser_core::json::{JsonString, JsonVisitor};
use merganser_core::text::excerpt;

use super::invalid::EventFault;

/// How deep `properties` may be nested, itself counted.
const DEPTH_MAX: usize = 32;

/// An object with more keys is sorted at its end; with fewer, each key is looked up as it comes.
const LOOKED_UP_MAX: usize = 32;

/// Watches one event's properties after the other, reusing its memory.
#[derive(Debug, Default)]
pub(super) struct PropertyRules<'a> {
    /// What is open, as deep as it may be.
    levels: [NestingLevel; DEPTH_MAX],
    depth: usize,
    /// Keys of the objects that are open, the innermost last.
    keys: Vec<Cow<'a, str>>,
    /// The first rule that was broken.
    broken: Option<EventFault>,
}

#[derive(Clone, Copy, Debug, Default)]
struct NestingLevel {
    is_object: bool,
    /// Where its keys begin.
    keys_from: usize,
    /// A bit for each [`fingerprint`] of its keys: most new keys are known to be new by it.
    fingerprints: u64,
}

impl PropertyRules<'_> {
    /// Another event's properties come next.
    pub(super) fn begin(&mut self) {
        self.keys.clear();
        self.depth = 0;
        self.broken = None;
    }

    /// What was wrong with those that came.
    pub(super) fn end(&mut self) -> Result<(), EventFault> {
        self.broken.take().map_or(Ok(()), Err)
    }

    fn record_violation(&mut self, rule: impl FnOnce() -> EventFault) {
        self.broken.get_or_insert_with(rule);
    }
}

impl<'a> JsonVisitor<'a> for PropertyRules<'a> {
    fn open(&mut self, is_object: bool) {
        match self.levels.get_mut(self.depth) {
            Some(level) => {
                *level = NestingLevel { is_object, keys_from: self.keys.len(), fingerprints: 0 };
            }
            None => self.record_violation(too_deep),
        }
        self.depth += 1;
    }

    fn close(&mut self) {
        self.depth = self.depth.saturating_sub(1);
        let Some(level) = self.levels.get(self.depth).filter(|level| level.is_object) else {
            return;
        };
        let keys = self.keys.get_mut(level.keys_from..).unwrap_or_default();
        if keys.len() > LOOKED_UP_MAX {
            keys.sort_unstable();
            if let Some(pair) = keys.windows(2).find(|pair| pair[0] == pair[1]) {
                let rule = duplicate_key(&pair[0]);
                self.broken.get_or_insert(rule);
            }
        }
        self.keys.truncate(level.keys_from);
    }

    fn key(&mut self, key: JsonString<'a>) {
        let Some(key) = key.text() else { return self.record_violation(not_unicode) };
        let Some(level) = self.depth.checked_sub(1).and_then(|top| self.levels.get_mut(top)) else {
            return;
        };
        let bit = 1 << fingerprint(&key);
        if level.fingerprints & bit != 0 {
            let keys = self.keys.get(level.keys_from..).unwrap_or_default();
            if keys.len() < LOOKED_UP_MAX && keys.contains(&key) {
                self.broken.get_or_insert_with(|| duplicate_key(&key));
            }
        }
        level.fingerprints |= bit;
        self.keys.push(key);
    }

    fn string(&mut self, value: JsonString<'a>) {
        if !value.is_unicode {
            self.record_violation(not_unicode);
        }
    }

    fn plain(&mut self, _: &'a str) {}
}

/// A number below 64 that depends on a key's length and some of its bytes.
fn fingerprint(key: &str) -> u32 {
    let bytes = key.as_bytes();
    let at = |i: usize| bytes.get(i).copied().map_or(0, u32::from);
    let length = bytes.len();
    let mixed = length as u32 + 31 * at(0) + 7 * at(length / 2) + at(length.wrapping_sub(1));
    mixed % 64
}

fn duplicate_key(key: &str) -> EventFault {
    EventFault::new(
        InvalidCode::DuplicateProperty,
        format!("the key `{}` occurs twice in one object of `properties`", excerpt(key)),
    )
}

fn too_deep() -> EventFault {
    EventFault::new(
        InvalidCode::PropertiesTooDeep,
        format!("`properties` is nested more than {DEPTH_MAX} deep, itself counted"),
    )
}

fn not_unicode() -> EventFault {
    EventFault::new(
        InvalidCode::InvalidProperties,
        "`properties` has text with half a surrogate pair (`\\ud800` to `\\udfff` by itself), \
         which is not Unicode",
    )
}

#[cfg(test)]
mod tests;
