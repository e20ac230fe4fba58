//! Properties of events that were read from their text: typed columns, a value an event.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray};
use arrow::compute::{concat, filter};
use arrow::error::ArrowError;

use crate::expression::PropertyColumn;
use crate::omissions::Noted;

/// One property of a number of events.
#[derive(Clone, Debug)]
pub struct Property {
    /// A value an event.
    pub values: ArrayRef,
    /// Rows whose value was of another type.
    pub mismatches: Noted,
}

/// Some properties of a number of events. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Properties(Arc<BTreeMap<PropertyColumn, Property>>);

impl FromIterator<(PropertyColumn, Property)> for Properties {
    fn from_iter<I: IntoIterator<Item = (PropertyColumn, Property)>>(columns: I) -> Self {
        Self(Arc::new(columns.into_iter().collect()))
    }
}

impl Properties {
    /// One of them, if it was read.
    #[must_use]
    pub fn get(&self, column: &PropertyColumn) -> Option<&Property> {
        self.0.get(column)
    }

    /// All that were read.
    pub fn iter(&self) -> impl Iterator<Item = (&PropertyColumn, &Property)> {
        self.0.iter()
    }

    /// Bytes that they take.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        self.0.values().map(|p| p.values.get_array_memory_size() + p.mismatches.size_bytes()).sum()
    }

    /// Those of the rows that a mask chooses.
    ///
    /// # Errors
    /// When the mask has another length.
    pub fn filter(&self, mask: &BooleanArray) -> Result<Self, ArrowError> {
        let chosen = |(column, property): (&PropertyColumn, &Property)| {
            let values = filter(&property.values, mask)?;
            let (mut mismatches, mut seen, mut kept) = (Noted::default(), 0_usize, 0);
            for (row, json) in property.mismatches.iter() {
                let at = row as usize;
                kept += mask.slice(seen, at - seen).true_count();
                seen = at;
                if mask.value(at) {
                    mismatches.push(kept as u32, json);
                }
            }
            Ok((column.clone(), Property { values, mismatches }))
        };
        self.0.iter().map(chosen).collect()
    }

    /// Those of rows behind each other, as far as all parts have them; each part comes with its
    /// number of rows.
    ///
    /// # Errors
    /// When there is more text than a column holds.
    pub fn concat(parts: &[(&Self, usize)]) -> Result<Self, ArrowError> {
        let Some(((first, _), others)) = parts.split_first() else { return Ok(Self::default()) };
        let everywhere =
            |column: &&PropertyColumn| others.iter().all(|p| p.0.get(column).is_some());
        let joined = |column: &PropertyColumn| {
            let (mut values, mut mismatches, mut before) = (Vec::new(), Noted::default(), 0_u32);
            for (part, rows) in parts {
                if let Some(property) = part.get(column) {
                    values.push(&*property.values);
                    for (row, json) in property.mismatches.iter() {
                        mismatches.push(before + row, json);
                    }
                }
                before += *rows as u32;
            }
            Ok((column.clone(), Property { values: concat(&values)?, mismatches }))
        };
        first.0.keys().filter(everywhere).map(joined).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::event::{EventBatch, Places};
    use crate::expression::{Type, parse_path};
    use crate::extract::Extractor;
    use crate::ids::Offset;
    use crate::testing::event;

    fn extractor() -> Extractor {
        let columns = [("a", Type::Number), ("b.c", Type::Text), ("d", Type::Boolean)];
        let column = |(path, ty)| PropertyColumn { path: parse_path(path).unwrap(), ty };
        Extractor::new(columns.map(column))
    }

    fn properties(events: &EventBatch) -> Properties {
        let extractor = extractor();
        let extracted = extractor.extract(events, Places::following(Offset::ZERO, events.len()));
        let column = |c: &PropertyColumn| Some((c.clone(), extracted.column(c)?.clone()));
        extractor.columns().iter().filter_map(column).collect()
    }

    /// Values and mismatches by column.
    fn plain(properties: &Properties) -> Vec<(String, ArrayRef, Noted)> {
        let plain = |(column, property): (&PropertyColumn, &Property)| {
            (column.name(), Arc::clone(&property.values), property.mismatches.clone())
        };
        properties.iter().map(plain).collect()
    }

    fn row() -> impl Strategy<Value = Option<&'static str>> {
        prop::sample::select(vec![
            None,
            Some("{}"),
            Some(r#"{"a":1.5,"b":{"c":"x"},"d":true}"#),
            Some(r#"{"a":"x","b":{"c":{}},"d":1}"#),
            Some(r#"{"b":7,"d":null,"a":-3,"e":[{"a":1}]}"#),
            Some(r#"{"b":{"c":"\u00e9\n"},"a":{"a":1},"d":false}"#),
        ])
    }

    proptest! {
        #[test]
        fn they_stay_with_their_events(
            rows in prop::collection::vec((row(), any::<bool>()), 0..40),
            cut in any::<prop::sample::Index>(),
        ) {
            let events: EventBatch = rows.iter().map(|(row, _)| event("e", 0, *row)).collect();
            let read = |events: EventBatch| {
                let properties = properties(&events);
                events.with_read(properties)
            };
            let whole = read(events.clone());
            let cut = cut.index(rows.len() + 1);
            let parts =
                [read(events.slice(0, cut)), read(events.slice(cut, rows.len() - cut))];
            let joined = EventBatch::concat(&parts).unwrap();
            prop_assert_eq!(&joined, &events);
            if !rows.is_empty() {
                prop_assert_eq!(plain(joined.read()), plain(whole.read()));
            }
            let mask: BooleanArray = rows.iter().map(|(_, is_chosen)| Some(*is_chosen)).collect();
            let chosen = whole.filter(&mask).unwrap();
            let expected: EventBatch = rows
                .iter()
                .filter(|(_, is_chosen)| *is_chosen)
                .map(|(row, _)| event("e", 0, *row))
                .collect();
            prop_assert_eq!(&chosen, &expected);
            prop_assert_eq!(plain(chosen.read()), plain(&properties(&expected)));
        }
    }
}
