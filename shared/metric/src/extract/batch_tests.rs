//! Properties that were read stay with their events, however batches are cut and joined.

use proptest::prelude::*;

use std::sync::Arc;

use crate::extract::PropertyExtractor;
use arrow::array::{ArrayRef, BooleanArray};
use merganser_core::event::{EventBatch, EventOffsets};
use merganser_core::ids::Offset;
use merganser_core::omissions::RowMismatches;
use merganser_core::properties::{PropertyBatch, PropertyValues};
use merganser_core::property::PropertyColumn;
use merganser_core::property::{PropertyType, parse_path};
use merganser_core::testing::event;

fn extractor() -> PropertyExtractor {
    let columns = [
        ("a", PropertyType::Number),
        ("b.c", PropertyType::Text),
        ("d", PropertyType::Boolean),
        ("a", PropertyType::Value),
    ];
    let column = |(path, ty)| PropertyColumn { path: parse_path(path).unwrap(), ty };
    PropertyExtractor::new(columns.map(column))
}

fn properties(events: &EventBatch) -> PropertyBatch {
    let extractor = extractor();
    let extracted =
        extractor.extract(events, EventOffsets::consecutive(Offset::ZERO, events.len()));
    let column = |c: &PropertyColumn| Some((c.clone(), extracted.column(c)?.clone()));
    extractor.columns().iter().filter_map(column).collect()
}

type Plain = (String, ArrayRef, RowMismatches, Vec<(u32, Box<str>)>);

/// Values, mismatches and long numbers by column.
fn plain(properties: &PropertyBatch) -> Vec<Plain> {
    let plain = |(column, property): (&PropertyColumn, &PropertyValues)| {
        let values = Arc::clone(&property.values);
        (column.name(), values, property.mismatches.clone(), property.long.clone())
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
        Some(r#"{"a":2.5e-10,"b":{"c":1.0}}"#),
        Some(r#"{"a":0.12345678901234567890123}"#),
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
