//! What events are like: their types, and the properties that they have, with the kinds of values
//! and some of them. Of the newest events, for authors of a definition.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::Array;
use merganser_api::preview::{EventTypeCount, PropertyList, SampledEvents, SampledProperty};
use merganser_core::blocking::run_blocking;
use merganser_core::property::PropertyPath;
use merganser_core::text::excerpt;
use serde_json::Value;
use serde_json::value::RawValue;

use super::recent_events::{RECENT_EVENTS_MAX, RecentEvents};
use super::{PermitRequest, ServingLayer};
use crate::error::ServingError;
use crate::memory::MemoryNeed;

/// Most properties that are listed.
pub(crate) const PATHS_MAX: usize = 1_000;
/// Most types of events that are listed.
const TYPES_MAX: usize = 1_000;
/// Objects within each other that are looked into.
const DEPTH_MAX: usize = 8;
/// Examples of a property.
const EXAMPLES_MAX: usize = 5;
/// Bytes of a value that is an example as it was sent.
const WHOLE_EXAMPLE_BYTES: usize = 80;
/// Memory of what is found, and of the events.
const MEMORY_BYTES: usize = 128 << 20;

/// What the newest events are like.
#[derive(Clone, Debug, Default)]
pub(crate) struct PropertySummary {
    /// Events that were read.
    pub(crate) read: usize,
    /// Those of the type that was asked for.
    pub(crate) matched: usize,
    /// Types of all that were read, most frequent first.
    pub(crate) event_types: Vec<(String, usize)>,
    /// Properties of those that match, most frequent first.
    pub(crate) properties: Vec<(String, PropertyProfile)>,
}

/// What is known of a property.
#[derive(Clone, Debug, Default)]
pub(crate) struct PropertyProfile {
    /// How many values are of each kind.
    pub(crate) types: BTreeMap<&'static str, usize>,
    /// Some of the values, each once.
    pub(crate) examples: Vec<Box<RawValue>>,
}

impl PropertyProfile {
    fn count(&self) -> usize {
        self.types.values().sum()
    }
}

impl ServingLayer {
    /// What the newest events are like, those of one type or of all.
    ///
    /// # Errors
    /// When the journal cannot be read.
    pub(crate) async fn property_summary(
        self: &Arc<Self>,
        request: &PermitRequest,
        event: Option<String>,
    ) -> Result<PropertySummary, ServingError> {
        let event = &event;
        self.run_when_admitted(MemoryNeed::Much, request, |work| async move {
            let held = work.hold(MEMORY_BYTES.min(self.memory.limit() / 4))?;
            let (journal, event) = (Arc::clone(&self.journal), event.clone());
            run_blocking(move || {
                let recent = RecentEvents::read(&*journal, RECENT_EVENTS_MAX)?;
                let summary = summarize(&recent, event.as_deref());
                drop(held);
                Ok::<_, ServingError>(summary)
            })
            .await
        })
        .await
    }
}

/// The newest events come first, so that examples are of them.
fn summarize(recent: &RecentEvents, event: Option<&str>) -> PropertySummary {
    let mut summary = PropertySummary { read: recent.len(), ..PropertySummary::default() };
    let (mut types, mut properties) =
        (BTreeMap::<String, usize>::new(), PropertyProfiles::default());
    for batch in recent.batches.iter().rev() {
        let (names, texts) = (batch.events.types(), batch.events.properties());
        for row in (0..batch.events.len()).rev() {
            let name = names.value(row);
            if types.contains_key(name) || types.len() < TYPES_MAX {
                *types.entry(name.to_owned()).or_default() += 1;
            }
            if event.is_some_and(|event| event != name) {
                continue;
            }
            summary.matched += 1;
            if texts.is_valid(row) {
                properties.add(texts.value(row), &mut Vec::new());
            }
        }
    }
    summary.event_types = types.into_iter().collect();
    summary.event_types.sort_by_key(|(_, count)| Reverse(*count));
    summary.properties = properties.0.into_iter().collect();
    summary.properties.sort_by_key(|(_, profile)| Reverse(profile.count()));
    summary
}

/// By path, as expressions write it.
#[derive(Debug, Default)]
struct PropertyProfiles(BTreeMap<String, PropertyProfile>);

impl PropertyProfiles {
    /// Adds the values of an object's text.
    fn add(&mut self, text: &str, above: &mut Vec<String>) {
        let fields: Result<BTreeMap<Cow<'_, str>, &RawValue>, _> = serde_json::from_str(text);
        // What was accepted is an object.
        for (name, value) in fields.into_iter().flatten() {
            above.push(name.into_owned());
            let text = value.get();
            match text.as_bytes().first() {
                Some(b'{') if above.len() < DEPTH_MAX && text != "{}" => self.add(text, above),
                first => self.note(above, kind(first), value),
            }
            above.pop();
        }
    }

    fn note(&mut self, names: &[String], kind: &'static str, value: &RawValue) {
        let path = written_path(names);
        if self.0.len() >= PATHS_MAX && !self.0.contains_key(&path) {
            return;
        }
        let profile = self.0.entry(path).or_default();
        *profile.types.entry(kind).or_default() += 1;
        if profile.examples.len() < EXAMPLES_MAX && !["null", "object", "array"].contains(&kind) {
            let example = clipped_example(value);
            if profile.examples.iter().all(|known| known.get() != example.get()) {
                profile.examples.push(example);
            }
        }
    }
}

/// A path as an expression has it: a property that is named like a field of the event wants
/// `properties.` before it.
fn written_path(names: &[String]) -> String {
    const FIELDS: [&str; 5] = ["id", "event", "time", "subject", "properties"];
    let path = PropertyPath(names.to_vec());
    match names.first().is_some_and(|first| FIELDS.contains(&&**first)) {
        true => format!("properties.{path}"),
        false => path.to_string(),
    }
}

fn kind(first: Option<&u8>) -> &'static str {
    match first {
        Some(b'{') => "object",
        Some(b'[') => "array",
        Some(b'"') => "text",
        Some(b't' | b'f') => "boolean",
        Some(b'n') | None => "null",
        Some(_) => "number",
    }
}

/// A value as it was sent, with all digits; of a long text its beginning.
fn clipped_example(value: &RawValue) -> Box<RawValue> {
    if value.get().len() <= WHOLE_EXAMPLE_BYTES {
        return value.to_owned();
    }
    let text = match serde_json::from_str::<Value>(value.get()) {
        Ok(Value::String(text)) => text,
        _ => value.get().to_owned(),
    };
    let short = serde_json::value::to_raw_value(&excerpt(&text));
    short.unwrap_or_else(|_| value.to_owned())
}

impl PropertySummary {
    /// As clients see it.
    pub(crate) fn listed(&self, paths_max: usize) -> PropertyList {
        let types = self.event_types.iter();
        let types = types
            .map(|(event, events)| EventTypeCount { event: event.to_string(), events: *events });
        let properties = self.properties.iter().take(paths_max).map(|(path, profile)| {
            let types = profile.types.iter();
            SampledProperty {
                path: path.clone(),
                types: types.map(|(kind, count)| ((*kind).to_owned(), *count)).collect(),
                examples: profile.examples.clone(),
            }
        });
        PropertyList {
            events: SampledEvents { matched: self.matched, read: self.read },
            event_types: types.collect(),
            properties: properties.collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use merganser_core::event::{Event, EventBatch};
    use merganser_core::journal::Journal;
    use merganser_core::testing::{MemoryJournal, event};

    use super::*;

    fn summary(events: &[(&str, &str)], of: Option<&str>) -> Value {
        let journal = MemoryJournal::new(1);
        journal.claim().unwrap();
        for part in events.chunks(3) {
            let events = part.iter().map(|(kind, properties)| event(kind, 0, Some(properties)));
            let events: Vec<Event> = events.collect();
            journal.append(&events.into_iter().collect::<EventBatch>()).unwrap();
        }
        let recent = RecentEvents::read(&journal, RECENT_EVENTS_MAX).unwrap();
        let text = serde_json::to_string(&summarize(&recent, of).listed(PATHS_MAX)).unwrap();
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn types_paths_and_examples_are_told_as_expressions_write_them() {
        let events = [
            ("sale", r#"{"amount":19.990,"plan":{"name":"pro","tags":[1]},"a b":null,"time":1}"#),
            ("sale", r#"{"amount":7,"plan":{"name":"free"},"a b":true,"empty":{}}"#),
            ("visit", r#"{"amount":"much","deep":{"a":{"b":{"c":{"d":{"e":{"f":{"g":{}}}}}}}}}"#),
            ("sale", r#"{"amount":7}"#),
        ];
        let all = summary(&events, None);
        assert_eq!(all["events"], serde_json::json!({ "read": 4, "matched": 4 }));
        assert_eq!(all["event_types"][0], serde_json::json!({ "event": "sale", "events": 3 }));
        let sales = summary(&events, Some("sale"));
        assert_eq!(sales["events"], serde_json::json!({ "read": 4, "matched": 3 }));
        assert_eq!(sales["event_types"], all["event_types"]);
        let of = |summary: &Value, path: &str| {
            let found = summary["properties"].as_array().unwrap().iter();
            found.clone().find(|one| one["path"] == path).cloned().unwrap_or_default()
        };
        assert_eq!(sales["properties"][0]["path"], "amount", "the most frequent comes first");
        let amount = of(&sales, "amount");
        assert_eq!(amount["types"], serde_json::json!({ "number": 3 }));
        assert_eq!(amount["examples"], serde_json::json!([7, 19.99]), "the newest, each once");
        let name = of(&sales, "plan.name");
        assert_eq!(name["examples"], serde_json::json!(["free", "pro"]));
        assert_eq!(of(&sales, "\"a b\"")["types"], serde_json::json!({ "boolean": 1, "null": 1 }));
        assert_eq!(of(&sales, "properties.time")["types"], serde_json::json!({ "number": 1 }));
        assert_eq!(of(&sales, "empty")["types"], serde_json::json!({ "object": 1 }));
        assert_eq!(of(&sales, "plan.tags")["examples"], serde_json::json!([]));
        assert_eq!(of(&all, "deep.a.b.c.d.e.f.g")["types"], serde_json::json!({ "object": 1 }));
        assert_eq!(of(&all, "amount")["types"], serde_json::json!({ "number": 3, "text": 1 }));
    }

    #[test]
    fn digits_are_kept_and_long_texts_cut() {
        let long = "é".repeat(200);
        let properties = format!(r#"{{"big":12345678901234567890.123456789,"long":"{long}"}}"#);
        let journal = MemoryJournal::new(1);
        journal.claim().unwrap();
        let events = [event("e", 0, Some(&properties))];
        journal.append(&events.into_iter().collect::<EventBatch>()).unwrap();
        let recent = RecentEvents::read(&journal, 10).unwrap();
        let text = serde_json::to_string(&summarize(&recent, None).listed(10)).unwrap();
        assert!(text.contains("[12345678901234567890.123456789]"), "{text}");
        let cut = format!("[\"{}…\"]", "é".repeat(80));
        assert!(text.contains(&cut), "{text}");
    }

    #[test]
    fn there_are_so_many_paths_and_no_more() {
        let wide = |from: usize| {
            let fields = (from..from + 700).map(|n| format!("\"p{n}\":{n}"));
            format!("{{{}}}", fields.collect::<Vec<_>>().join(","))
        };
        let (one, other) = (wide(0), wide(700));
        let found = summary(&[("e", &*one), ("e", &*other)], None);
        assert_eq!(found["properties"].as_array().unwrap().len(), PATHS_MAX);
    }
}
