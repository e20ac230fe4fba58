//! Which properties events have, so that a message can name the nearest: read from
//! the journal's newest events when a message needs them, and remembered for a while.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::Array;
use merganser_core::ids::Offset;
use merganser_core::journal::Journal;
use merganser_core::property::PropertyPath;
use merganser_metric::definition::EventTypes;
use serde_json::{Map, Value};
use tokio::sync::Mutex;

/// Events that are looked at: so many of the newest.
const EVENTS_MAX: u64 = 2_000;
/// Bytes of their properties.
const BYTES_MAX: usize = 8 << 20;
/// Paths that are kept of a type of events.
const PATHS_MAX: usize = 1_000;
/// Types of events.
const TYPES_MAX: usize = 200;
/// How long what was found of so many is good enough; of fewer it is not while more come.
const AGE_MAX: Duration = Duration::from_secs(1);

/// Paths of properties, by type of events.
type PathsByType = BTreeMap<String, BTreeSet<String>>;

/// The properties of the newest events.
#[derive(Debug, Default)]
pub(crate) struct PropertyNames(Mutex<Option<PropertyScan>>);

#[derive(Debug)]
struct PropertyScan {
    at: Instant,
    end: Offset,
    by_type: Arc<PathsByType>,
}

/// What is known of some types of events.
#[derive(Debug, Default)]
pub(crate) struct KnownProperties {
    /// Whether there is any event of them among the newest.
    pub(crate) has_events: bool,
    /// Paths of their properties.
    pub(crate) paths: BTreeSet<String>,
    /// The types of events that there are.
    pub(crate) types: BTreeSet<String>,
}

impl KnownProperties {
    /// Whether some event has the property, or something inside of it.
    pub(crate) fn has(&self, path: &str) -> bool {
        let inner = format!("{path}.");
        self.paths.contains(path) || self.paths.iter().any(|known| known.starts_with(&inner))
    }
}

impl PropertyNames {
    /// What the newest events of these types have.
    pub(crate) async fn of(
        &self,
        journal: &Arc<dyn Journal>,
        types: &EventTypes,
    ) -> KnownProperties {
        let by_type = self.by_type(journal).await;
        let mut known = KnownProperties::default();
        for (name, paths) in &*by_type {
            known.types.insert(name.clone());
            if types.includes(name) {
                known.has_events = true;
                known.paths.extend(paths.iter().cloned());
            }
        }
        known
    }

    async fn by_type(&self, journal: &Arc<dyn Journal>) -> Arc<PathsByType> {
        let mut found = self.0.lock().await;
        let end = journal.end();
        if let Some(found) = &*found
            && (found.end == end || found.end.0 >= EVENTS_MAX && found.at.elapsed() < AGE_MAX)
        {
            return Arc::clone(&found.by_type);
        }
        let journal = Arc::clone(journal);
        // Without a readable journal there are no names; other places report the failure.
        let read = tokio::task::spawn_blocking(move || read(&*journal, end)).await;
        let by_type = Arc::new(read.unwrap_or_default());
        *found = Some(PropertyScan { at: Instant::now(), end, by_type: Arc::clone(&by_type) });
        by_type
    }
}

fn read(journal: &dyn Journal, end: Offset) -> PathsByType {
    let from = Offset(end.0.saturating_sub(EVENTS_MAX)).max(journal.start());
    let mut by_type = PathsByType::new();
    let Ok(batches) = journal.read(from) else { return by_type };
    let batches: Vec<_> = batches.map_while(Result::ok).collect();
    let mut bytes = 0;
    for batch in batches.iter().rev() {
        let (types, properties) = (batch.events.types(), batch.events.properties());
        for row in (0..batch.events.len()).rev() {
            let text = if properties.is_valid(row) { properties.value(row) } else { "{}" };
            bytes += text.len();
            if bytes > BYTES_MAX {
                return by_type;
            }
            let name = types.value(row);
            if !by_type.contains_key(name) && by_type.len() >= TYPES_MAX {
                continue;
            }
            let paths = by_type.entry(name.to_owned()).or_default();
            if let Ok(Value::Object(fields)) = serde_json::from_str(text) {
                add(&fields, &mut Vec::new(), paths);
            }
        }
    }
    by_type
}

/// Adds the paths of an object's values that are not null. Accepted events are not nested deeply.
fn add(fields: &Map<String, Value>, above: &mut Vec<String>, paths: &mut BTreeSet<String>) {
    for (name, value) in fields {
        if paths.len() >= PATHS_MAX {
            return;
        }
        above.push(name.clone());
        match value {
            Value::Null => {}
            Value::Object(inner) => add(inner, above, paths),
            _ => {
                paths.insert(PropertyPath(above.clone()).to_string());
            }
        }
        above.pop();
    }
}
