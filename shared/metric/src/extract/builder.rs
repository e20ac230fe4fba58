//! Making columns of values.

use std::borrow::Cow;
use std::sync::Arc;

use arrow::array::{ArrayRef, BinaryBuilder, BooleanBuilder, Decimal128Builder, StringBuilder};

use super::{PropertyExtractor, PropertyFinder};
use crate::scalar;
use merganser_core::decimal;
use merganser_core::omissions::RowMismatches;
use merganser_core::properties::{PropertyBatch, PropertyValues};
use merganser_core::property::{PropertyColumn, PropertyType};

/// Columns in the making: a row is what a [`PropertyFinder`] found.
#[derive(Debug)]
pub struct PropertyBatchBuilder<'x> {
    columns: &'x [PropertyColumn],
    builders: Vec<PropertyBuilder>,
    rows: u32,
}

impl<'x> PropertyBatchBuilder<'x> {
    /// The columns that an extractor reads, with room for so many rows.
    #[must_use]
    pub fn with_capacity(extractor: &'x PropertyExtractor, rows: usize) -> Self {
        let columns = extractor.columns();
        let builders = columns.iter().map(|column| PropertyBuilder::new(column.ty, rows)).collect();
        Self { columns, builders, rows: 0 }
    }

    /// Adds a row; the finder is of the same extractor.
    #[inline]
    pub fn push(&mut self, found: &PropertyFinder<'_, '_>) {
        for (builder, json) in self.builders.iter_mut().zip(found.values()) {
            builder.push(self.rows, json.filter(|json| *json != "null"));
        }
        self.rows += 1;
    }

    /// The columns.
    #[must_use]
    pub fn finish(self) -> PropertyBatch {
        let properties = self.builders.into_iter().map(PropertyBuilder::finish);
        self.columns.iter().cloned().zip(properties).collect()
    }
}

#[derive(Debug)]
struct PropertyBuilder {
    values: ValuesBuilder,
    mismatches: RowMismatches,
    long: Vec<(u32, Box<str>)>,
}

#[derive(Debug)]
enum ValuesBuilder {
    Number(Decimal128Builder),
    Text(StringBuilder),
    Boolean(BooleanBuilder),
    Value(BinaryBuilder),
}

impl PropertyBuilder {
    fn new(ty: PropertyType, rows: usize) -> Self {
        let values = match ty {
            PropertyType::Number => ValuesBuilder::Number(
                Decimal128Builder::with_capacity(rows).with_data_type(decimal::value_type()),
            ),
            PropertyType::Boolean => ValuesBuilder::Boolean(BooleanBuilder::with_capacity(rows)),
            PropertyType::Text | PropertyType::Time => {
                ValuesBuilder::Text(StringBuilder::with_capacity(rows, rows * 8))
            }
            PropertyType::Value => {
                ValuesBuilder::Value(BinaryBuilder::with_capacity(rows, rows * 8))
            }
        };
        Self { values, mismatches: RowMismatches::default(), long: Vec::new() }
    }

    fn push(&mut self, row: u32, json: Option<&str>) {
        let fits = match &mut self.values {
            ValuesBuilder::Number(builder) => {
                let read = json.and_then(decimal::parse_rounded);
                builder.append_option(read.map(|(value, _)| value));
                if let (Some(text), Some((_, false))) = (json, read) {
                    self.long.push((row, text.into()));
                }
                read.is_some()
            }
            ValuesBuilder::Boolean(builder) => {
                let value = match json {
                    Some("true") => Some(true),
                    Some("false") => Some(false),
                    _ => None,
                };
                builder.append_option(value);
                value.is_some()
            }
            ValuesBuilder::Text(builder) => {
                let text = json.and_then(text_of);
                builder.append_option(text.as_deref());
                text.is_some()
            }
            ValuesBuilder::Value(builder) => {
                let value = json.and_then(value_of);
                builder.append_option(value.as_deref());
                value.is_some()
            }
        };
        if let Some(json) = json.filter(|_| !fits) {
            self.mismatches.push(row, json);
        }
    }

    fn finish(self) -> PropertyValues {
        let values: ArrayRef = match self.values {
            ValuesBuilder::Number(mut builder) => Arc::new(builder.finish()),
            ValuesBuilder::Boolean(mut builder) => Arc::new(builder.finish()),
            ValuesBuilder::Text(mut builder) => Arc::new(builder.finish()),
            ValuesBuilder::Value(mut builder) => Arc::new(builder.finish()),
        };
        PropertyValues { values, mismatches: self.mismatches, long: self.long }
    }
}

/// A string's text, or a number or boolean as it is spelled; `None` of anything else.
fn text_of(json: &str) -> Option<Cow<'_, str>> {
    match json.as_bytes().first()? {
        b'{' | b'[' => None,
        b'"' => string(json),
        _ => Some(Cow::Borrowed(json)),
    }
}

/// A string, number or boolean, so that equal ones have equal bytes; `None` of anything else.
fn value_of(json: &str) -> Option<Cow<'_, [u8]>> {
    match json.as_bytes().first()? {
        b'{' | b'[' => None,
        b'"' => Some(match string(json)? {
            Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
            Cow::Owned(text) => Cow::Owned(text.into_bytes()),
        }),
        b't' | b'f' => Some(Cow::Owned(scalar::boolean(json == "true"))),
        _ => Some(Cow::Owned(scalar::number(&decimal::canonical(json)?))),
    }
}

/// What a JSON string says; `None` where it is no Unicode text.
fn string(json: &str) -> Option<Cow<'_, str>> {
    let inner = json.strip_prefix('"')?.strip_suffix('"')?;
    match inner.contains('\\') {
        false => Some(Cow::Borrowed(inner)),
        true => serde_json::from_str(json).ok().map(Cow::Owned),
    }
}
