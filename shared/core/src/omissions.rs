//! What a metric could not use of its events as they were sent: values of another type, arithmetic
//! without a result, digits lost. Counted by the fold, for each use of a definition by itself.
//!
//! What always holds: [`MetricOmissions::merge`] is associative and commutative, so that states and
//! what was left out of them are merged alike: speed ⊕ batch is what a recomputation counts. An
//! example is the smallest of those that were seen, by length and then by text.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// The most bytes of an example.
pub const EXAMPLE_BYTES_MAX: usize = 64;

/// What stands for a value that is cut off.
const CUT: char = '…';

/// A use that a definition makes of its events.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum DefinitionUse {
    /// The metric's filter.
    Filter,
    /// A dimension's value.
    Dimension(String),
    /// What a measure aggregates.
    Measure(String),
    /// A measure's own filter.
    MeasureFilter(String),
}

impl fmt::Display for DefinitionUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Filter => f.write_str("filter"),
            Self::Dimension(name) => write!(f, "dimension:{name}"),
            Self::Measure(name) => write!(f, "measure:{name}"),
            Self::MeasureFilter(name) => write!(f, "measure_filter:{name}"),
        }
    }
}

impl From<DefinitionUse> for String {
    fn from(usage: DefinitionUse) -> Self {
        usage.to_string()
    }
}

impl TryFrom<String> for DefinitionUse {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let found = match text.split_once(':') {
            None if text == "filter" => Some(Self::Filter),
            Some(("dimension", name)) => Some(Self::Dimension(name.to_owned())),
            Some(("measure", name)) => Some(Self::Measure(name.to_owned())),
            Some(("measure_filter", name)) => Some(Self::MeasureFilter(name.to_owned())),
            _ => None,
        };
        found.ok_or_else(|| format!("`{text}` is no use that a definition makes"))
    }
}

/// A value that was seen, as the JSON that it was sent as: at most [`EXAMPLE_BYTES_MAX`] bytes of
/// it, and of an object or array the bracket that opens it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ValueExample(String);

impl ValueExample {
    /// Of a value's JSON.
    #[must_use]
    pub fn of(json: &str) -> Self {
        Self(clipped(json).0.to_owned())
    }

    /// The JSON, perhaps cut off.
    #[must_use]
    pub fn json(&self) -> &str {
        &self.0
    }

    /// As a message names it: `the text "12"`.
    #[must_use]
    pub fn describe(&self) -> String {
        let text = &self.0;
        match text.as_bytes().first() {
            Some(b'{') => "an object".to_owned(),
            Some(b'[') => "an array".to_owned(),
            Some(b'"') if text.len() > 1 && text.ends_with('"') => format!("the text {text}"),
            Some(b'"') => format!("the text {text}{CUT}\""),
            Some(b't' | b'f') => format!("the value {text}"),
            _ if text.len() >= EXAMPLE_BYTES_MAX => format!("the number {text}{CUT}"),
            _ => format!("the number {text}"),
        }
    }

    /// What its JSON type is called: `text`, `number`, `boolean`, `object` or `array`.
    #[must_use]
    pub fn type_name(&self) -> &'static str {
        match self.0.as_bytes().first() {
            Some(b'{') => "object",
            Some(b'[') => "array",
            Some(b'"') => "text",
            Some(b't' | b'f') => "boolean",
            _ => "number",
        }
    }

    fn is_after(&self, json: &str) -> bool {
        (json.len(), json) < (self.0.len(), &*self.0)
    }
}

/// The start of a value's JSON, and whether something was cut off.
fn clipped(json: &str) -> (&str, bool) {
    if json.starts_with(['{', '[']) {
        return (&json[..1], false);
    }
    if json.len() <= EXAMPLE_BYTES_MAX {
        return (json, false);
    }
    let end = (0..=EXAMPLE_BYTES_MAX).rev().find(|at| json.is_char_boundary(*at));
    (&json[..end.unwrap_or(0)], true)
}

/// Values that were seen: how many, and the smallest of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ValueTally {
    /// Their number.
    pub count: u64,
    /// One of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub example: Option<ValueExample>,
}

impl ValueTally {
    /// Adds a value, by its JSON.
    pub fn add(&mut self, json: &str) {
        let json = clipped(json).0;
        self.count = self.count.saturating_add(1);
        if self.example.as_ref().is_none_or(|example| example.is_after(json)) {
            self.example = Some(ValueExample::of(json));
        }
    }

    /// Adds values of which none is at hand.
    pub fn add_count(&mut self, count: u64) {
        self.count = self.count.saturating_add(count);
    }

    /// Whether nothing was seen.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Adds those of others. Whether there were any.
    pub fn merge(&mut self, other: &Self) -> bool {
        self.add_count(other.count);
        let is_less =
            |other: &ValueExample| self.example.as_ref().is_none_or(|mine| mine.is_after(&other.0));
        if let Some(smaller) = other.example.as_ref().filter(|other| is_less(other)) {
            self.example = Some(smaller.clone());
        }
        other.count > 0
    }
}

/// What one use could not take.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct UseOmissions {
    /// Values of another type than the use needs, by the property as it is read
    /// ([`crate::property::PropertyColumn::name`]): `number:tokens`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub mismatched: BTreeMap<Arc<str>, ValueTally>,
    /// Operations without a result: a division by zero, a result out of range, text that is cast to
    /// a number and is none.
    #[serde(skip_serializing_if = "ValueTally::is_empty")]
    pub no_result: ValueTally,
    /// Values that lost digits, since they have more places than the measure keeps.
    #[serde(skip_serializing_if = "ValueTally::is_empty")]
    pub rounded: ValueTally,
}

impl UseOmissions {
    /// Whether it took everything.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.mismatched.is_empty() && self.no_result.is_empty() && self.rounded.is_empty()
    }

    /// The values of a property that are of another type.
    pub fn mismatch(&mut self, property: &Arc<str>) -> &mut ValueTally {
        self.mismatched.entry(Arc::clone(property)).or_default()
    }

    fn merge(&mut self, other: &Self) -> bool {
        let mut changed = self.no_result.merge(&other.no_result);
        changed |= self.rounded.merge(&other.rounded);
        for (property, tally) in &other.mismatched {
            changed |= self.mismatch(property).merge(tally);
        }
        changed
    }
}

/// What a metric could not use of some events.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MetricOmissions {
    /// Whether some of the events were folded before this was counted, so that nothing is known of
    /// them.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub is_partial: bool,
    /// Whether there was any event of the metric's types.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub has_events: bool,
    /// Paths of the properties that the metric reads and that any of the events had, other than as
    /// null.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub seen: BTreeSet<Arc<str>>,
    /// By use; those that took everything are not among them.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub uses: BTreeMap<DefinitionUse, UseOmissions>,
}

impl MetricOmissions {
    /// Of events that were folded before this was counted.
    #[must_use]
    pub fn unknown() -> Self {
        Self { is_partial: true, ..Self::default() }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// What `usage` could not take.
    pub fn of(&mut self, usage: &DefinitionUse) -> &mut UseOmissions {
        self.uses.entry(usage.clone()).or_default()
    }

    /// Notes that some event had a property.
    pub fn note_property(&mut self, path: &Arc<str>) {
        if !self.seen.contains(path) {
            self.seen.insert(Arc::clone(path));
        }
    }

    /// Adds those of other events. Whether that changed anything.
    pub fn merge(&mut self, other: &Self) -> bool {
        let before = (self.is_partial, self.has_events, self.seen.len());
        self.is_partial |= other.is_partial;
        self.has_events |= other.has_events;
        other.seen.iter().for_each(|path| self.note_property(path));
        let mut changed = before != (self.is_partial, self.has_events, self.seen.len());
        for (usage, omitted) in other.uses.iter().filter(|(_, omitted)| !omitted.is_empty()) {
            changed |= self.of(usage).merge(omitted);
        }
        changed
    }
}

/// Rows of a column, ascending, each with the start of the JSON that its value was sent as.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RowMismatches {
    rows: Vec<u32>,
    /// By row, where its text ends.
    ends: Vec<u32>,
    texts: String,
}

impl RowMismatches {
    /// Adds a row behind the others.
    pub fn push(&mut self, row: u32, json: &str) {
        self.rows.push(row);
        self.texts.push_str(clipped(json).0);
        // A batch has at most some 10⁵ rows, each with EXAMPLE_BYTES_MAX bytes at most.
        self.ends.push(self.texts.len() as u32);
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The rows.
    #[must_use]
    pub fn rows(&self) -> &[u32] {
        &self.rows
    }

    /// Rows and texts.
    pub fn iter(&self) -> impl Iterator<Item = (u32, &str)> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        let texts = starts.zip(&self.ends).map(|(from, to)| (from as usize, *to as usize));
        self.rows.iter().zip(texts).map(|(row, (from, to))| (*row, &self.texts[from..to]))
    }

    /// Bytes that it takes.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        self.rows.len() * 8 + self.texts.len()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn examples_are_bounded_and_say_their_type() {
        for (json, text) in [
            ("\"12\"", "the text \"12\""),
            ("1e99", "the number 1e99"),
            ("true", "the value true"),
            ("{\"a\":1}", "an object"),
            ("[", "an array"),
            ("\"\"", "the text \"\""),
        ] {
            assert_eq!(ValueExample::of(json).describe(), text);
        }
        let long = format!("\"{}\"", "ä".repeat(200));
        let example = ValueExample::of(&long);
        assert!(example.json().len() <= EXAMPLE_BYTES_MAX);
        assert!(example.describe().ends_with("ä…\""), "{}", example.describe());
        assert_eq!(
            ValueExample::of(&"9".repeat(100)).describe(),
            format!("the number {}…", "9".repeat(64))
        );
    }

    #[test]
    fn uses_read_back() {
        let name = || "n".to_owned();
        for usage in [
            DefinitionUse::Filter,
            DefinitionUse::Dimension(name()),
            DefinitionUse::Measure(name()),
            DefinitionUse::MeasureFilter(name()),
        ] {
            assert_eq!(DefinitionUse::try_from(usage.to_string()), Ok(usage));
        }
        assert!(DefinitionUse::try_from("filters".to_owned()).is_err());
    }

    fn any_omissions() -> impl Strategy<Value = MetricOmissions> {
        let json = prop_oneof!["\"[a-c]{0,3}\"", "[1-3]{1,3}", Just("{".to_owned())];
        let one = (0..4_usize, 0..2_usize, 0..3_usize, json);
        (any::<bool>(), proptest::collection::vec(one, 0..12)).prop_map(|(has_events, all)| {
            let mut omissions = MetricOmissions { has_events, ..MetricOmissions::default() };
            let properties: [Arc<str>; 2] = ["number:a".into(), "text:b".into()];
            for (usage, property, kind, json) in all {
                let usage = [
                    DefinitionUse::Filter,
                    DefinitionUse::Dimension("d".to_owned()),
                    DefinitionUse::Measure("m".to_owned()),
                    DefinitionUse::MeasureFilter("m".to_owned()),
                ][usage]
                    .clone();
                omissions.note_property(&properties[property]);
                let omitted = omissions.of(&usage);
                match kind {
                    0 => omitted.no_result.add_count(1),
                    1 => omitted.rounded.add(&json),
                    _ => {
                        let property = Arc::clone(&properties[property]);
                        omitted.mismatched.entry(property).or_default().add(&json);
                    }
                }
            }
            omissions
        })
    }

    fn sum(parts: &[&MetricOmissions]) -> MetricOmissions {
        let mut all = MetricOmissions::default();
        parts.iter().for_each(|part| {
            all.merge(part);
        });
        all
    }

    proptest! {
        #[test]
        fn merging_is_the_same_in_any_order(
            a in any_omissions(),
            b in any_omissions(),
            c in any_omissions(),
        ) {
            let all = sum(&[&a, &b, &c]);
            prop_assert_eq!(&sum(&[&c, &a, &b]), &all);
            prop_assert_eq!(&sum(&[&a, &sum(&[&b, &c])]), &all);
            prop_assert_eq!(&sum(&[&a]), &a);
        }

        #[test]
        fn stored_omissions_read_back(a in any_omissions()) {
            let text = serde_json::to_string(&a).unwrap();
            prop_assert_eq!(serde_json::from_str::<MetricOmissions>(&text).unwrap(), a);
        }

        #[test]
        fn a_merge_says_whether_it_changed_anything(a in any_omissions(), b in any_omissions()) {
            let mut merged = a.clone();
            let changed = merged.merge(&b);
            prop_assert_eq!(changed, merged != a);
        }
    }
}
