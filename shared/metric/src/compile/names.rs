//! Checks of a definition that need no expression: names, counts, which fields go together.

use super::{DIMENSIONS_MAX, DefinitionError, MEASURES_MAX};
use crate::definition::{EventTypes, MeasureDefinition, MetricDefinition};
use crate::measure::MeasureKind;
use merganser_core::decimal::Scale;

const RESERVED: [&str; 2] = ["time", "compare"];

pub(super) fn check(definition: &MetricDefinition) -> Result<(), DefinitionError> {
    name("/name", "a metric's name", &definition.name)?;
    event_types(&definition.event)?;
    if definition.dimensions.len() > DIMENSIONS_MAX {
        let count = definition.dimensions.len();
        return Err(DefinitionError::at(
            "/dimensions",
            format!("{count} dimensions are over {DIMENSIONS_MAX}"),
        ));
    }
    match definition.measures.len() {
        0 => return Err(DefinitionError::at("/measures", "at least one measure is needed")),
        1..=MEASURES_MAX => {}
        count => {
            return Err(DefinitionError::at(
                "/measures",
                format!("{count} measures are over {MEASURES_MAX}"),
            ));
        }
    }
    let mut seen: Vec<&str> = RESERVED.to_vec();
    let dimensions = definition.dimensions.iter().enumerate();
    let dimensions = dimensions.map(|(i, d)| (format!("/dimensions/{i}"), &*d.name));
    let measures = definition.measures.keys().map(|m| (format!("/measures/{m}"), &**m));
    for (pointer, given) in dimensions.chain(measures) {
        name(&pointer, "a name", given)?;
        if RESERVED.contains(&given) {
            return Err(DefinitionError::at(
                &*pointer,
                format!("`{given}` is reserved; choose another name"),
            ));
        }
        if seen.contains(&given) {
            let message =
                format!("`{given}` is named twice; dimensions and measures differ in name");
            return Err(DefinitionError::at(&*pointer, message));
        }
        seen.push(given);
    }
    definition.measures.iter().try_for_each(|(name, measure)| fields(name, measure))
}

fn name(pointer: &str, what: &str, given: &str) -> Result<(), DefinitionError> {
    let valid = given.len() <= 64
        && given.starts_with(|c: char| c.is_ascii_lowercase())
        && given.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    if valid {
        return Ok(());
    }
    let message = format!(
        "`{given}` is not {what}: 1 to 64 characters of a-z, 0-9 and _, beginning with a letter"
    );
    Err(DefinitionError::at(pointer, message))
}

fn event_types(types: &EventTypes) -> Result<(), DefinitionError> {
    let EventTypes::Some(types) = types else { return Ok(()) };
    if types.is_empty() || types.len() > 1000 {
        let message = "an event type, a list of 1 to 1,000 of them, or \"*\" is needed";
        return Err(DefinitionError::at("/event", message));
    }
    let valid = |t: &str| {
        (1..=128).contains(&t.len())
            && t.chars().all(|c| c.is_ascii_alphanumeric() || "_.:-".contains(c))
    };
    match types.iter().find(|t| !valid(t)) {
        None => Ok(()),
        Some(given) => Err(DefinitionError::at(
            "/event",
            format!("`{given}` is not an event type: 1 to 128 characters of A-Z a-z 0-9 _ . : -"),
        )),
    }
}

fn fields(name: &str, measure: &MeasureDefinition) -> Result<(), DefinitionError> {
    let kind = measure.kind;
    let pointer = |field: &str| format!("/measures/{name}/{field}");
    let only = |field: &str, goes_with: &str| {
        let message = format!("`{field}` goes with {goes_with}, not with a {}", kind.name());
        Err(DefinitionError::at(pointer(field), message))
    };
    let needs = |field: &str, what: &str| {
        let message = format!("a {} needs `{field}`: {what}", kind.name());
        Err(DefinitionError::at(pointer(field), message))
    };
    let is_formula = kind == MeasureKind::Expr;
    match (&measure.of, kind) {
        (Some(_), MeasureKind::Expr) => return only("of", "aggregates"),
        (None, MeasureKind::Count | MeasureKind::Expr) | (Some(_), _) => {}
        (None, _) => return needs("of", "the property or expression that is aggregated"),
    }
    match &measure.expr {
        Some(_) if !is_formula => return only("expr", "the kind `expr`"),
        None if is_formula => return needs("expr", "an expression over the other measures"),
        _ => {}
    }
    if measure.filter.is_some() && is_formula {
        return only("filter", "aggregates");
    }
    if measure.ty.is_some() && kind != MeasureKind::Latest {
        return only("type", "the kind `latest`");
    }
    match measure.places {
        Some(_) if !kind.has_places() => {
            return only(
                "places",
                "the kinds `sum`, `min`, `max`, `avg`, `stddev_pop`, `stddev_samp`",
            );
        }
        Some(places) if Scale::new(places).is_none() => {
            let message = format!("{places} is not a number of places from 0 to 18");
            return Err(DefinitionError::at(pointer("places"), message));
        }
        _ => {}
    }
    match measure.q {
        Some(_) if kind != MeasureKind::Quantile => only("q", "the kind `quantile`"),
        None if kind == MeasureKind::Quantile => needs("q", "a number from 0 to 1, as 0.95"),
        Some(q) if !(0.0..=1.0).contains(&q) => {
            Err(DefinitionError::at(pointer("q"), format!("{q} is not a number from 0 to 1")))
        }
        _ => Ok(()),
    }
}
