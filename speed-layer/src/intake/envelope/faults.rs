//! What is wrong with an event that is no object, or has fields that an event does not have, and
//! what would be right.

use merganser_api::invalid_code::InvalidCode;
use merganser_core::text::excerpt;
use serde::de::IgnoredAny;

use super::{EnvelopeFields, EventFault};
use crate::intake::field_hints::{FIELDS, is_list_of_events, suggest_field};

/// How many unknown fields of an event one message names.
pub(super) const UNKNOWN_MAX: usize = 5;
/// Characters of each, where there are several.
const NAME_CHARS_MAX: usize = 20;

/// Why a text is not an object in JSON, as a parser that says so puts it.
pub(super) fn not_an_object(text: &str) -> EventFault {
    let start = text.trim_ascii_start();
    let array = "; an array of events is sent as `application/json`, and a file has one event a \
                 line (`jq -c '.[]'` makes one of an array)";
    let message = match serde_json::from_str::<IgnoredAny>(text) {
        Ok(_) if !start.starts_with('{') => {
            let hint = if start.starts_with('[') { array } else { "" };
            return EventFault::new(
                InvalidCode::NotAnObject,
                format!("the event is `{}`; it must be a JSON object{hint}", excerpt(text)),
            );
        }
        Ok(_) => "the event is not JSON: the name of a field is not Unicode".to_owned(),
        // A piece of an array that has several lines.
        Err(error) if start.starts_with('[') || text.trim_ascii_end().ends_with("},") => {
            format!("the event is not JSON: {error}{array}")
        }
        Err(error) => format!("the event is not JSON: {error}"),
    };
    EventFault::new(InvalidCode::MalformedEvent, message)
}

/// Says of each name what would be right: the field that it stands for elsewhere, if the event has
/// none of that name, else to be a property.
pub(super) fn unknown_fields(fields: &EnvelopeFields<'_>) -> EventFault {
    let names_max = if fields.unknown.len() == 1 { usize::MAX } else { NAME_CHARS_MAX };
    let short = |name: &str| name.chars().take(names_max).collect::<String>();
    let unknown: Vec<String> =
        fields.unknown.iter().take(UNKNOWN_MAX).map(|name| short(name)).collect();
    let mut free: Vec<&str> =
        FIELDS.into_iter().filter(|field| !has_field(fields, field)).collect();
    let (mut hints, mut others) = (Vec::new(), Vec::new());
    for name in &unknown {
        let meant = suggest_field(name).and_then(|meant| free.iter().position(|f| *f == meant));
        match meant {
            Some(at) => hints.push(format!("`{}` is meant by `{name}`", free.swap_remove(at))),
            None if is_list_of_events(name) && !has_field(fields, "event") => hints.push(format!(
                "instead of an object with `{name}`, send the array itself, or one event a line"
            )),
            None if name == "specversion" => hints.push(
                "a CloudEvent has the content type `application/cloudevents+json`".to_owned(),
            ),
            None => others.push(name.as_str()),
        }
    }
    if !others.is_empty() {
        let what = if hints.is_empty() && others.len() == 1 { "it" } else { &listed(&others) };
        hints.push(format!("move {what} under `properties`"));
    }
    let names: Vec<&str> = unknown.iter().map(String::as_str).collect();
    let verb = match fields.unknown.len() {
        1 => "is not a field",
        2..=UNKNOWN_MAX => "are no fields",
        _ => "and others are no fields",
    };
    let (names, hints) = (listed(&names), hints.join("; "));
    EventFault::new(
        InvalidCode::UnknownField,
        format!(
            "{names} {verb} of an event (`id`, `event`, `time`, `subject`, `properties`); \
             {hints}"
        ),
    )
}

fn has_field(fields: &EnvelopeFields<'_>, field: &str) -> bool {
    let values = [
        ("id", fields.id),
        ("event", fields.event),
        ("time", fields.time),
        ("subject", fields.subject),
        ("properties", fields.properties),
    ];
    values.iter().any(|(name, value)| *name == field && value.is_some())
}

/// Names, with commas and an "and".
fn listed(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    match quoted.split_last() {
        Some((last, before)) if !before.is_empty() => format!("{} and {last}", before.join(", ")),
        _ => quoted.concat(),
    }
}
