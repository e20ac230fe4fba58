//! A metric's definition as a team writes it, in TOML or JSON.
//!
//! This is its shape only; whether names are distinct and expressions make sense is decided when it
//! is compiled ([`crate::compile::Metric::compile`]).

mod parse;
mod schema;
mod toml_text;

use std::fmt;

use indexmap::IndexMap;
use serde::de::{self, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize, Serializer};
use utoipa::ToSchema;

pub(crate) use parse::pointer_suffix;
pub use parse::{DefinitionShapeError, from_json, from_toml};
pub use toml_text::{TextPosition, one_from_toml, toml_position};

use crate::measure::MeasureKind;
use merganser_core::time::Grain;

/// A metric's definition
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "a definition, as { event, dimensions, measures }")]
#[schema(as = Definition)]
pub struct MetricDefinition {
    /// Default: the name in the path
    #[serde(default)]
    #[schema(pattern = "^[a-z][a-z0-9_]{0,63}$")]
    pub name: String,
    /// For people
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub description: Option<String>,
    /// An event type, a list of them, or `*` for all
    #[schema(schema_with = schema::event_types)]
    pub event: EventTypes,
    /// SQL condition over event fields and properties; only events for which it is true count
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub filter: Option<String>,
    /// The base bucket; default minute
    #[serde(default)]
    pub granularity: Grain,
    /// What answers can be grouped and filtered by
    #[serde(default)]
    #[schema(schema_with = schema::dimensions)]
    pub dimensions: Vec<DimensionDefinition>,
    /// By name, in the order of answers
    #[serde(deserialize_with = "parse::unique_measures")]
    #[schema(value_type = HashMap<String, MeasureDefinition>)]
    pub measures: IndexMap<String, MeasureDefinition>,
}

/// One type, a list of types, or `"*"` for all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventTypes {
    /// Every event.
    All,
    /// Events of these types.
    Some(Vec<String>),
}

impl EventTypes {
    /// Whether events of type `event` are folded.
    #[must_use]
    pub fn includes(&self, event: &str) -> bool {
        match self {
            Self::All => true,
            Self::Some(types) => types.iter().any(|t| t == event),
        }
    }
}

impl Serialize for EventTypes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::All => serializer.serialize_str("*"),
            Self::Some(types) if types.len() == 1 => serializer.serialize_str(&types[0]),
            Self::Some(types) => types.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for EventTypes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct EventTypesVisitor;
        impl<'de> Visitor<'de> for EventTypesVisitor {
            type Value = EventTypes;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an event type, a list of them, or \"*\" for all")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<EventTypes, E> {
                Ok(match text {
                    "*" => EventTypes::All,
                    one => EventTypes::Some(vec![one.to_owned()]),
                })
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<EventTypes, A::Error> {
                let mut types = Vec::new();
                while let Some(one) = list.next_element::<String>()? {
                    types.push(one);
                }
                Ok(EventTypes::Some(types))
            }
        }
        deserializer.deserialize_any(EventTypesVisitor)
    }
}

/// A dimension: a name, and where its value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DimensionDefinition {
    /// `[a-z][a-z0-9_]{0,63}`.
    pub name: String,
    /// Where the value comes from.
    pub source: DimensionSource,
}

/// Where a dimension's value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DimensionSource {
    /// A property by path, as `account.plan.name`.
    Property(String),
    /// A SQL expression.
    Expression(String),
}

/// A name and where its value comes from: a property's path or an SQL expression
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct DimensionTable {
    #[schema(pattern = "^[a-z][a-z0-9_]{0,63}$")]
    name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    property: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    expr: Option<String>,
}

impl Serialize for DimensionDefinition {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (property, expr) = match &self.source {
            DimensionSource::Property(path) if *path == self.name => {
                return serializer.serialize_str(&self.name);
            }
            DimensionSource::Property(path) => (Some(path.clone()), None),
            DimensionSource::Expression(expr) => (None, Some(expr.clone())),
        };
        DimensionTable { name: self.name.clone(), property, expr }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for DimensionDefinition {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct DimensionVisitor;
        impl<'de> Visitor<'de> for DimensionVisitor {
            type Value = DimensionDefinition;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a property's name, or { name, property } or { name, expr }")
            }

            fn visit_str<E: de::Error>(self, name: &str) -> Result<DimensionDefinition, E> {
                Ok(DimensionDefinition {
                    name: name.to_owned(),
                    source: DimensionSource::Property(name.to_owned()),
                })
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<DimensionDefinition, A::Error> {
                let table =
                    DimensionTable::deserialize(de::value::MapAccessDeserializer::new(map))?;
                let source = match (table.property, table.expr) {
                    (Some(path), None) => DimensionSource::Property(path),
                    (None, Some(expr)) => DimensionSource::Expression(expr),
                    (None, None) => DimensionSource::Property(table.name.clone()),
                    (Some(_), Some(_)) => {
                        return Err(de::Error::custom(
                            "a dimension has either `property` or `expr`, not both",
                        ));
                    }
                };
                Ok(DimensionDefinition { name: table.name, source })
            }
        }
        deserializer.deserialize_any(DimensionVisitor)
    }
}

/// What is aggregated, and how
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "a measure, as { kind = \"sum\", of = \"amount\" }")]
#[schema(as = Measure)]
pub struct MeasureDefinition {
    /// The aggregate
    pub kind: MeasureKind,
    /// SQL expression for the value; every kind but `count` and `expr` needs it
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub of: Option<String>,
    /// SQL condition; only events for which it is true are aggregated
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub filter: Option<String>,
    /// For `quantile`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, minimum = 0, maximum = 1)]
    pub q: Option<f64>,
    /// For `expr`: an expression over the metric's other measures
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub expr: Option<String>,
    /// For `sum`, `min`, `max`, `avg`, `stddev_pop` and `stddev_samp` of numbers: the places that
    /// values are rounded to, half to even, before they are folded; default 9
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, minimum = 0, maximum = 18)]
    pub places: Option<u8>,
    /// For `latest`: what its values are; default time of a time, text of all else
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub ty: Option<ValueType>,
}

/// What the values of a `latest` are
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ValueType {
    /// Exact decimals.
    Number,
    /// Texts.
    Text,
    /// Instants.
    Time,
}

#[cfg(test)]
mod tests {
    use super::*;

    const FLIGHTS: &str = r#"
        [[metric]]
        name = "flights"
        event = "flight"
        dimensions = ["carrier", { name = "to", property = "dest" },
                      { name = "dow", expr = "date_part('dow', time)" }]
        [metric.measures]
        zebra = { kind = "count" }
        apple = { kind = "sum", of = "dep_delay" }
    "#;

    #[test]
    fn toml_and_json_say_the_same_and_keep_the_order_of_measures() {
        let from_file = from_toml(FLIGHTS).unwrap().remove(0);
        let text = serde_json::to_vec(&from_file).unwrap();
        assert_eq!(from_json(&text).unwrap(), from_file);
        assert_eq!(from_file.measures.keys().collect::<Vec<_>>(), ["zebra", "apple"]);
        assert_eq!(from_file.event, EventTypes::Some(vec!["flight".into()]));
        assert_eq!(from_file.granularity, Grain::Minute);
    }

    #[test]
    fn errors_point_at_the_place() {
        let error = from_json(br#"{"event":"x","measures":{"m":{"kind":"median"}}}"#).unwrap_err();
        assert_eq!(error.pointer, "/measures/m/kind");
        assert!(error.message.contains("quantile"), "{error}");
        let error = from_json(br#"{"event":"x","measures":{},"colour":1}"#).unwrap_err();
        assert!(error.message.contains("colour"), "{error}");
        let error = from_toml("[[metric]]\nname = 'x'\nevent = 'e'\nmeasures = 3\n").unwrap_err();
        assert_eq!(error.pointer, "/metric/0/measures");
    }

    #[test]
    fn a_measure_that_is_named_twice_is_refused() {
        let twice = br#"{"event":"x","measures":{"n":{"kind":"count"},"n":{"kind":"count"}}}"#;
        let error = from_json(twice).unwrap_err();
        assert_eq!(error.pointer, "/measures/n");
        assert!(error.message.contains("`n` is named twice"), "{error}");
        let error = from_json(br#"{"event":"x","event":"y","measures":{}}"#).unwrap_err();
        assert!(error.message.contains("duplicate field `event`"), "{error}");
        let twice = "[[metric]]\nname = 'x'\nevent = 'e'\n[metric.measures]\n\
            n = { kind = 'count' }\nn = { kind = 'count' }\n";
        assert!(from_toml(twice).unwrap_err().message.contains("duplicate key"));
    }

    #[test]
    fn errors_are_in_the_words_of_definitions() {
        for (text, words) in [
            ("[]", "a definition, as { event"),
            ("3", "a definition, as { event"),
            (r#"{"event":"x","measures":{"n":3}}"#, "a measure, as { kind"),
            (r#"{"event":"x","measures":{"n":[]}}"#, "a measure, as { kind"),
            (r#"{"event":"x","measures":[]}"#, "measures by name"),
            (r#"{"event":"x","measures":{"n":{"kind":"quantile","q":"x"}}}"#, "a number"),
            (r#"{"event":"x","measures":{"n":{"kind":"sum","places":-1}}}"#, "from 0 to 18"),
            (r#"{"event":"x","measures":{"n":{"kind":"sum","places":"2"}}}"#, "from 0 to 18"),
            (r#"{"event":"x","measures":{"n":{"kind":"sum","places":2.5}}}"#, "from 0 to 18"),
            (r#"{"event":"x","measures":{},"dimensions":3}"#, "a list"),
            (r#"{"event":"x","measures":{},"dimensions":[3]}"#, "a property's name"),
        ] {
            let error = from_json(text.as_bytes()).unwrap_err();
            assert!(error.message.contains(words), "{text}: {error}");
            for phrase in ["struct", "enum", "sequence", "f64", "u8", "element", "a map"] {
                assert!(!error.message.contains(phrase), "{text}: {error}");
            }
        }
    }
}
