//! Pulling properties out of their JSON text into typed columns, all that a set of metrics needs in
//! one pass.
//!
//! A value of another type than its use needs is null, and its row is noted as a mismatch. A
//! property that is missing or `null` is null without one. Text takes strings, and numbers and
//! booleans in their JSON spelling; a value takes all three and distinguishes them; objects and
//! arrays fit no type.
//!
//! [`PropertyFinder`] finds the values while a [`merganser_core::json::JsonCursor`] walks over an
//! object, and [`PropertyBatchBuilder`] makes columns of them: so code that reads an event's text
//! for another reason gets its properties on the way. [`PropertyExtractor::extract`] reads those
//! that were not read before.

#[cfg(test)]
mod batch_tests;
mod builder;
mod finder;

use arrow::array::{Array, StringArray};

pub use builder::PropertyBatchBuilder;
use finder::PathNode;
pub use finder::PropertyFinder;
use merganser_core::event::{EventBatch, EventOffsets};
use merganser_core::json::JsonCursor;
use merganser_core::properties::{PropertyBatch, PropertyValues};
use merganser_core::property::PropertyColumn;

/// A number of events with their properties as columns.
#[derive(Clone, Debug)]
pub struct ExtractedEvents {
    /// The events themselves.
    pub events: EventBatch,
    /// Where they are in the journal.
    pub places: EventOffsets,
    columns: PropertyBatch,
}

impl ExtractedEvents {
    /// A column, if it was extracted.
    #[must_use]
    pub fn column(&self, column: &PropertyColumn) -> Option<&PropertyValues> {
        self.columns.get(column)
    }
}

/// Reads a set of properties.
#[derive(Clone, Debug, Default)]
pub struct PropertyExtractor {
    columns: Vec<PropertyColumn>,
    root: PathNode,
}

impl PropertyExtractor {
    /// Reads these; one that occurs more than once is read once.
    #[must_use]
    pub fn new(columns: impl IntoIterator<Item = PropertyColumn>) -> Self {
        let mut extractor = Self::default();
        for column in columns {
            if !extractor.columns.contains(&column) {
                extractor.root.add(&column.path.0, extractor.columns.len());
                extractor.columns.push(column);
            }
        }
        extractor
    }

    /// The columns that it reads.
    #[must_use]
    pub fn columns(&self) -> &[PropertyColumn] {
        &self.columns
    }

    /// The columns of a batch of events: what was read of them before, and the rest from their
    /// text.
    #[must_use]
    pub fn extract(&self, events: &EventBatch, places: EventOffsets) -> ExtractedEvents {
        let (known, missing): (Vec<_>, Vec<_>) =
            self.columns.iter().partition(|column| events.read().get(column).is_some());
        let known = known
            .into_iter()
            .filter_map(|column| Some((column.clone(), events.read().get(column)?.clone())));
        let columns = if missing.len() == self.columns.len() {
            self.read(events.properties())
        } else if missing.is_empty() {
            known.collect()
        } else {
            let rest = Self::new(missing.into_iter().cloned()).read(events.properties());
            known.chain(rest.iter().map(|(c, p)| (c.clone(), p.clone()))).collect()
        };
        ExtractedEvents { events: events.clone(), places, columns }
    }

    /// Events together with the properties that it reads, for a later extraction.
    #[must_use]
    pub fn with_read(&self, events: &EventBatch) -> EventBatch {
        events.clone().with_read(self.read(events.properties()))
    }

    fn read(&self, properties: &StringArray) -> PropertyBatch {
        let mut finder = PropertyFinder::new(self);
        let mut extraction = PropertyBatchBuilder::with_capacity(self, properties.len());
        let mut open = Vec::new();
        for row in 0..properties.len() {
            finder.begin();
            if properties.is_valid(row) {
                // What was accepted is JSON. Should it not be, what comes before the fault counts.
                let _ = JsonCursor::new(properties.value(row)).walk(&mut open, &mut finder);
            }
            extraction.push(&finder);
        }
        extraction.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::AsArray;
    use arrow::datatypes::Decimal128Type;
    use merganser_core::ids::Offset;
    use merganser_core::property::{PropertyType, parse_path};
    use merganser_core::testing::event;

    fn column(path: &str, ty: PropertyType) -> PropertyColumn {
        PropertyColumn { path: parse_path(path).unwrap(), ty }
    }

    #[test]
    fn values_take_the_type_of_their_use() {
        let rows = [
            r#"{"a":{"b":1.5},"c":"x","d":true}"#,
            r#"{"a":{"b":"1.5"},"c":12,"d":"true"}"#,
            r#"{"a":{"b":null},"c":{"deep":1}}"#,
            r#"{"a":7,"c":"\u00e4\n","d":false}"#,
            r#"{"a":{"b":1e99},"c":[1]}"#,
        ];
        let events: EventBatch =
            rows.iter().map(|r| event("e", 0, Some(r))).chain([event("e", 0, None)]).collect();
        let (b, c, d) = (
            column("a.b", PropertyType::Number),
            column("c", PropertyType::Text),
            column("d", PropertyType::Boolean),
        );
        let (a, deep) = (column("a", PropertyType::Number), column("c.deep", PropertyType::Number));
        let all = [b.clone(), c.clone(), d.clone(), a.clone(), deep.clone(), b.clone()];
        let got = PropertyExtractor::new(all)
            .extract(&events, EventOffsets::consecutive(Offset::ZERO, events.len()));

        let numbers = got.column(&b).unwrap();
        let values: Vec<_> = numbers.values.as_primitive::<Decimal128Type>().iter().collect();
        assert_eq!(values, [Some(1_500_000_000), None, None, None, None, None]);
        assert_eq!(numbers.mismatches.rows(), [1, 4]);

        let texts = got.column(&c).unwrap();
        let values: Vec<_> = texts.values.as_string::<i32>().iter().collect();
        assert_eq!(values, [Some("x"), Some("12"), None, Some("ä\n"), None, None]);
        assert_eq!(texts.mismatches.rows(), [2, 4]);

        assert_eq!(got.column(&d).unwrap().mismatches.rows(), [1]);
        assert!([b, c, d].iter().all(|c| got.column(c).unwrap().long.is_empty()));
        assert_eq!(got.column(&a).unwrap().mismatches.rows(), [0, 1, 2, 4]);
        assert!(got.column(&deep).unwrap().values.is_valid(2));
    }

    #[test]
    fn values_are_equal_just_when_they_are_the_same() {
        let column = column("x", PropertyType::Value);
        let values = [
            r#""1""#,
            "1",
            "1.0",
            "100e-2",
            "-0.0",
            "0",
            r#""0""#,
            "true",
            r#""true""#,
            "false",
            r#""\u0031""#,
            "{}",
            "[1]",
            "null",
            "12345678901234567890123.4567890123",
            "1e400",
            r#""\ud800""#,
            "10e399",
            r#""""#,
        ];
        let events: EventBatch =
            values.iter().map(|v| event("e", 0, Some(&format!(r#"{{"x":{v}}}"#)))).collect();
        let got = PropertyExtractor::new([column.clone()])
            .extract(&events, EventOffsets::consecutive(Offset::ZERO, events.len()));
        let got = got.column(&column).unwrap();
        assert_eq!(got.mismatches.rows(), [11, 12, 16]);
        let bytes = got.values.as_binary::<i32>();
        let is_same = |a, b| bytes.is_valid(a) && bytes.value(a) == bytes.value(b);
        let first_equal = |row: usize| (0..=row).find(|at| is_same(*at, row));
        let firsts =
            (0..values.len()).map(|row| bytes.is_valid(row).then(|| first_equal(row)).flatten());
        let same = [0, 1, 1, 1, 4, 4, 6, 7, 8, 9, 0].map(Some).into_iter();
        let rest = [None, None, None, Some(14), Some(15), None, Some(15), Some(18)];
        assert_eq!(firsts.collect::<Vec<_>>(), same.chain(rest).collect::<Vec<_>>());
        assert_eq!(bytes.value(10), b"1");
    }

    #[test]
    fn a_number_keeps_the_digits_that_there_are_no_places_for() {
        let column = column("x", PropertyType::Number);
        let values = ["2.5e-10", "1.25", "1e30", "0.12345678901234567890123", "7e-9"];
        let events: EventBatch =
            values.iter().map(|v| event("e", 0, Some(&format!(r#"{{"x":{v}}}"#)))).collect();
        let got = PropertyExtractor::new([column.clone()])
            .extract(&events, EventOffsets::consecutive(Offset::ZERO, events.len()));
        let got = got.column(&column).unwrap();
        let long: Vec<_> = got.long.iter().map(|(row, text)| (*row, &**text)).collect();
        assert_eq!(long, [(0, values[0]), (3, values[3])]);
        assert_eq!(got.mismatches.rows(), [2]);
        let short = got.values.as_primitive::<Decimal128Type>();
        let short: Vec<_> = short.iter().collect();
        assert_eq!(short, [Some(0), Some(1_250_000_000), None, Some(123_456_789), Some(7)]);
        let wide: Vec<_> =
            got.wide().iter().map(|n| n.map(merganser_core::decimal::format_wide)).collect();
        let texts = ["0.00000000025", "1.25", "", "0.123456789012345679", "0.000000007"];
        assert_eq!(wide, texts.map(|t| (!t.is_empty()).then(|| t.to_owned())));
    }
}
