//! Reading definitions, with errors that point at the place and speak of definitions.

use std::fmt;

use indexmap::IndexMap;
use serde::Deserialize;
use serde::de::{self, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};

use super::{MeasureDefinition, MetricDefinition};

/// Reads a definition from JSON.
///
/// # Errors
/// With the JSON pointer of the place that is wrong and what was expected there.
pub fn from_json(text: &[u8]) -> Result<MetricDefinition, DefinitionShapeError> {
    let mut deserializer = serde_json::Deserializer::from_slice(text);
    let definition = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let pointer = pointer(error.path());
        DefinitionShapeError {
            pointer,
            message: reword_serde_error(&error.into_inner().to_string()),
        }
    })?;
    deserializer.end().map_err(|error| DefinitionShapeError {
        pointer: String::new(),
        message: error.to_string(),
    })?;
    Ok(definition)
}

/// Reads the file of `--metrics`: a list of `[[metric]]` tables.
///
/// # Errors
/// As [`from_json`], with the place as TOML shows it.
pub fn from_toml(text: &str) -> Result<Vec<MetricDefinition>, DefinitionShapeError> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct DefinitionsFile {
        #[serde(default)]
        metric: Vec<MetricDefinition>,
    }
    let wrong = |message: String| DefinitionShapeError { pointer: String::new(), message };
    let deserializer = toml::Deserializer::parse(text).map_err(|e| wrong(e.to_string()))?;
    let file: DefinitionsFile =
        serde_path_to_error::deserialize(deserializer).map_err(|error| DefinitionShapeError {
            pointer: pointer(error.path()),
            message: reword_serde_error(error.into_inner().to_string().trim_end()),
        })?;
    Ok(file.metric)
}

/// A definition that has not the shape of one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}{}", pointer_suffix(pointer))]
pub struct DefinitionShapeError {
    /// JSON pointer (RFC 6901) of the place, empty for the whole.
    pub pointer: String,
    /// What was wrong and what was expected.
    pub message: String,
}

/// ` (at `/measures/n`)`, or nothing for the whole.
pub(crate) fn pointer_suffix(pointer: &str) -> String {
    if pointer.is_empty() { String::new() } else { format!(" (at `{pointer}`)") }
}

fn pointer(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    path.iter()
        .map(|segment| match segment {
            Segment::Seq { index } => format!("/{index}"),
            Segment::Map { key } => format!("/{}", key.replace('~', "~0").replace('/', "~1")),
            Segment::Enum { variant } => format!("/{variant}"),
            Segment::Unknown => String::new(),
        })
        .collect()
}

/// An error in words that are not those of the library that reads.
fn reword_serde_error(message: &str) -> String {
    const WORDS: [(&str, &str); 6] = [
        ("expected f64", "expected a number"),
        // `places` is the only one.
        ("expected u8", "expected a whole number from 0 to 18"),
        ("type: sequence", "type: list"),
        ("type: map", "type: object"),
        ("a sequence", "a list"),
        ("a map", "an object"),
    ];
    let replace = |text: String, (theirs, ours): (&str, &str)| text.replace(theirs, ours);
    WORDS.into_iter().fold(message.to_owned(), replace)
}

/// Measures by name. A name that is there twice is refused, where the later one would otherwise
/// stand in the earlier one's place without a word.
pub(super) fn unique_measures<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<IndexMap<String, MeasureDefinition>, D::Error> {
    struct MeasuresVisitor;
    impl<'de> Visitor<'de> for MeasuresVisitor {
        type Value = IndexMap<String, MeasureDefinition>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("measures by name")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut measures = IndexMap::new();
            while let Some(name) = map.next_key::<String>()? {
                if measures.contains_key(&name) {
                    // An error of the value, so that its place is the measure's.
                    map.next_value_seed(DuplicateMeasure(&name))?;
                }
                measures.insert(name, map.next_value()?);
            }
            Ok(measures)
        }
    }
    deserializer.deserialize_map(MeasuresVisitor)
}

/// Reads a value only to refuse it.
struct DuplicateMeasure<'a>(&'a str);

impl<'de> DeserializeSeed<'de> for DuplicateMeasure<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        IgnoredAny::deserialize(deserializer)?;
        Err(de::Error::custom(format!("`{}` is named twice; names differ", self.0)))
    }
}
