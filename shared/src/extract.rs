//! Pulling properties out of their JSON text into typed columns, all that a set of metrics needs in
//! one pass.
//!
//! A value of another type than its use asks for is null, and its row is noted as a mismatch. A
//! property that is missing or `null` is null without one. Text takes strings, and numbers and
//! booleans in their JSON spelling; objects and arrays fit no type.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BooleanBuilder, Decimal128Builder, StringArray, StringBuilder,
};
use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::decimal;
use crate::event::{EventBatch, Places};
use crate::expression::{PropertyColumn, Type};

/// A number of events with their properties as columns.
#[derive(Clone, Debug)]
pub struct Extracted {
    /// The events themselves.
    pub events: EventBatch,
    /// Where they are in the journal.
    pub places: Places,
    columns: BTreeMap<PropertyColumn, Extraction>,
}

/// One property of a number of events.
#[derive(Clone, Debug)]
pub struct Extraction {
    /// A value an event.
    pub values: ArrayRef,
    /// Rows whose value was of another type, ascending.
    pub mismatches: Vec<u32>,
}

impl Extracted {
    /// A column, if it was asked for.
    #[must_use]
    pub fn column(&self, column: &PropertyColumn) -> Option<&Extraction> {
        self.columns.get(column)
    }
}

/// Reads a set of properties.
#[derive(Clone, Debug, Default)]
pub struct Extractor {
    columns: Vec<PropertyColumn>,
    root: Node,
}

/// A name's place among the paths: the columns that end here, and the names below.
#[derive(Clone, Debug, Default)]
struct Node {
    columns: Vec<usize>,
    below: Vec<(String, Node)>,
}

impl Extractor {
    /// An extractor of these columns; the same one twice counts once.
    #[must_use]
    pub fn new(columns: impl IntoIterator<Item = PropertyColumn>) -> Self {
        let mut extractor = Self::default();
        for column in columns {
            if extractor.columns.contains(&column) {
                continue;
            }
            let mut node = &mut extractor.root;
            for name in &column.path.0 {
                let at = match node.below.iter().position(|(known, _)| known == name) {
                    Some(at) => at,
                    None => {
                        node.below.push((name.clone(), Node::default()));
                        node.below.len() - 1
                    }
                };
                node = &mut node.below[at].1;
            }
            node.columns.push(extractor.columns.len());
            extractor.columns.push(column);
        }
        extractor
    }

    /// The columns that it reads.
    #[must_use]
    pub fn columns(&self) -> &[PropertyColumn] {
        &self.columns
    }

    /// Reads all columns from the text of the properties.
    #[must_use]
    pub fn extract(&self, events: &EventBatch, places: Places) -> Extracted {
        self.extract_with(events, places, BTreeMap::new())
    }

    /// As [`Extractor::extract`], but takes the columns in `known` as they are.
    #[must_use]
    pub fn extract_with(
        &self,
        events: &EventBatch,
        places: Places,
        known: BTreeMap<PropertyColumn, Extraction>,
    ) -> Extracted {
        let mut columns = known;
        let missing: Vec<PropertyColumn> =
            self.columns.iter().filter(|c| !columns.contains_key(c)).cloned().collect();
        if missing.len() == self.columns.len() {
            columns.extend(self.read(events.properties()));
        } else if !missing.is_empty() {
            columns.extend(Self::new(missing).read(events.properties()));
        }
        Extracted { events: events.clone(), places, columns }
    }

    fn read(&self, properties: &StringArray) -> Vec<(PropertyColumn, Extraction)> {
        let mut builders: Vec<Builder> =
            self.columns.iter().map(|c| Builder::new(c.ty, properties.len())).collect();
        for row in 0..properties.len() {
            if properties.is_valid(row) {
                read_object(properties.value(row), &self.root, &mut builders);
            }
            builders.iter_mut().for_each(|builder| builder.end_row(row));
        }
        self.columns.iter().cloned().zip(builders.into_iter().map(Builder::finish)).collect()
    }
}

fn read_object(text: &str, node: &Node, builders: &mut [Builder]) {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    // What intake accepted is an object; of anything else, nothing is read.
    let _ = Names { node, builders }.deserialize(&mut deserializer);
}

struct Names<'a, 'b> {
    node: &'a Node,
    builders: &'b mut [Builder],
}

impl<'de> DeserializeSeed<'de> for Names<'_, '_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Names<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(name) = map.next_key::<CowText<'de>>()? {
            let below = self.node.below.iter().find(|(known, _)| *known == name.0);
            let Some((_, node)) = below else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            let raw = map.next_value::<&RawValue>()?.get();
            for column in &node.columns {
                self.builders[*column].set(raw);
            }
            if !node.below.is_empty() && raw.starts_with('{') {
                read_object(raw, node, self.builders);
            }
        }
        Ok(())
    }
}

/// A text that borrows where it can; `Cow` alone would always own.
#[derive(serde::Deserialize)]
struct CowText<'a>(#[serde(borrow)] Cow<'a, str>);

/// Builds one column; a row that is not set is null.
struct Builder {
    values: Values,
    set: bool,
    mismatched: bool,
    mismatches: Vec<u32>,
}

enum Values {
    Number(Decimal128Builder),
    Text(StringBuilder),
    Boolean(BooleanBuilder),
}

impl Builder {
    fn new(ty: Type, rows: usize) -> Self {
        let values = match ty {
            Type::Number => Values::Number(
                Decimal128Builder::with_capacity(rows).with_data_type(decimal::value_type()),
            ),
            Type::Boolean => Values::Boolean(BooleanBuilder::with_capacity(rows)),
            Type::Text | Type::Time => Values::Text(StringBuilder::with_capacity(rows, rows * 8)),
        };
        Self { values, set: false, mismatched: false, mismatches: Vec::new() }
    }

    /// Takes a value as JSON text. Intake refuses duplicate names; of any that there are, the first
    /// counts.
    fn set(&mut self, raw: &str) {
        if self.set || raw == "null" {
            return;
        }
        self.set = match &mut self.values {
            Values::Number(builder) => {
                decimal::parse(raw).map(|value| builder.append_value(value)).is_some()
            }
            Values::Boolean(builder) => match raw {
                "true" => {
                    builder.append_value(true);
                    true
                }
                "false" => {
                    builder.append_value(false);
                    true
                }
                _ => false,
            },
            Values::Text(builder) => match raw.as_bytes().first() {
                Some(b'"') => match serde_json::from_str::<CowText<'_>>(raw) {
                    Ok(text) => {
                        builder.append_value(&text.0);
                        true
                    }
                    Err(_) => false,
                },
                Some(b'{' | b'[') | None => false,
                Some(_) => {
                    builder.append_value(raw);
                    true
                }
            },
        };
        self.mismatched = !self.set;
    }

    fn end_row(&mut self, row: usize) {
        if !self.set {
            match &mut self.values {
                Values::Number(builder) => builder.append_null(),
                Values::Boolean(builder) => builder.append_null(),
                Values::Text(builder) => builder.append_null(),
            }
        }
        if self.mismatched {
            // A batch holds far fewer rows than 2³².
            self.mismatches.push(row as u32);
        }
        (self.set, self.mismatched) = (false, false);
    }

    fn finish(self) -> Extraction {
        let values: ArrayRef = match self.values {
            Values::Number(mut builder) => Arc::new(builder.finish()),
            Values::Boolean(mut builder) => Arc::new(builder.finish()),
            Values::Text(mut builder) => Arc::new(builder.finish()),
        };
        Extraction { values, mismatches: self.mismatches }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expression::parse_path;
    use crate::ids::Offset;
    use crate::testing::event;
    use arrow::array::AsArray;
    use arrow::datatypes::Decimal128Type;

    fn column(path: &str, ty: Type) -> PropertyColumn {
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
        let (b, c, d) =
            (column("a.b", Type::Number), column("c", Type::Text), column("d", Type::Boolean));
        let (a, deep) = (column("a", Type::Number), column("c.deep", Type::Number));
        let all = [b.clone(), c.clone(), d.clone(), a.clone(), deep.clone(), b.clone()];
        let got =
            Extractor::new(all).extract(&events, Places::following(Offset::ZERO, events.len()));

        let numbers = got.column(&b).unwrap();
        let values: Vec<_> = numbers.values.as_primitive::<Decimal128Type>().iter().collect();
        assert_eq!(values, [Some(1_500_000_000), None, None, None, None, None]);
        assert_eq!(numbers.mismatches, [1, 4]);

        let texts = got.column(&c).unwrap();
        let values: Vec<_> = texts.values.as_string::<i32>().iter().collect();
        assert_eq!(values, [Some("x"), Some("12"), None, Some("ä\n"), None, None]);
        assert_eq!(texts.mismatches, [2, 4]);

        assert_eq!(got.column(&d).unwrap().mismatches, [1]);
        assert_eq!(got.column(&a).unwrap().mismatches, [0, 1, 2, 4]);
        assert!(got.column(&deep).unwrap().values.is_valid(2));
    }
}
