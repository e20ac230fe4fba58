//! Making columns of values.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanBuilder, Decimal128Builder, StringBuilder};

use super::{Extractor, Finder};
use crate::decimal;
use crate::expression::{PropertyColumn, Type};
use crate::omissions::Noted;
use crate::properties::{Properties, Property};

/// Columns in the making: a row is what a [`Finder`] found.
#[derive(Debug)]
pub struct Extraction<'x> {
    columns: &'x [PropertyColumn],
    builders: Vec<Builder>,
    rows: u32,
}

impl<'x> Extraction<'x> {
    /// The columns that an extractor reads, with room for so many rows.
    #[must_use]
    pub fn with_capacity(extractor: &'x Extractor, rows: usize) -> Self {
        let columns = extractor.columns();
        let builders = columns.iter().map(|column| Builder::new(column.ty, rows)).collect();
        Self { columns, builders, rows: 0 }
    }

    /// Adds a row; the finder is of the same extractor.
    #[inline]
    pub fn push(&mut self, found: &Finder<'_, '_>) {
        for (builder, json) in self.builders.iter_mut().zip(found.values()) {
            builder.push(self.rows, json.filter(|json| *json != "null"));
        }
        self.rows += 1;
    }

    /// The columns.
    #[must_use]
    pub fn finish(self) -> Properties {
        let properties = self.builders.into_iter().map(Builder::finish);
        self.columns.iter().cloned().zip(properties).collect()
    }
}

#[derive(Debug)]
struct Builder {
    values: Values,
    mismatches: Noted,
}

#[derive(Debug)]
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
        Self { values, mismatches: Noted::default() }
    }

    fn push(&mut self, row: u32, json: Option<&str>) {
        let fits = match &mut self.values {
            Values::Number(builder) => {
                let value = json.and_then(decimal::parse);
                builder.append_option(value);
                value.is_some()
            }
            Values::Boolean(builder) => {
                let value = match json {
                    Some("true") => Some(true),
                    Some("false") => Some(false),
                    _ => None,
                };
                builder.append_option(value);
                value.is_some()
            }
            Values::Text(builder) => push_text(builder, json),
        };
        if let Some(json) = json.filter(|_| !fits) {
            self.mismatches.push(row, json);
        }
    }

    fn finish(self) -> Property {
        let values: ArrayRef = match self.values {
            Values::Number(mut builder) => Arc::new(builder.finish()),
            Values::Boolean(mut builder) => Arc::new(builder.finish()),
            Values::Text(mut builder) => Arc::new(builder.finish()),
        };
        Property { values, mismatches: self.mismatches }
    }
}

/// Adds a string's text, or a number or boolean as it is spelled. Whether it was one of these.
fn push_text(builder: &mut StringBuilder, json: Option<&str>) -> bool {
    let text = json.filter(|json| !json.starts_with(['{', '[']));
    let Some(text) = text else {
        builder.append_null();
        return false;
    };
    let inner = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
    match inner {
        None => builder.append_value(text),
        Some(inner) if !inner.contains('\\') => builder.append_value(inner),
        Some(_) => {
            let spelled = serde_json::from_str::<String>(text).ok();
            builder.append_option(spelled.as_deref());
            return spelled.is_some();
        }
    }
    true
}
