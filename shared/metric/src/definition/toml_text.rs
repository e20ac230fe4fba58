//! A definition as somebody writes it in an editor: TOML whose errors say in which line.

use serde::Serialize;
use toml::de::{DeTable, DeValue};

use super::{DefinitionShapeError, MetricDefinition, from_toml};

/// Where something is in a text, both from 1 on; a column is a character.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct TextPosition {
    /// The line.
    pub line: usize,
    /// The character in it.
    pub column: usize,
}

impl TextPosition {
    /// That of a byte of a text.
    fn of(text: &str, byte: usize) -> Self {
        let before = text.get(..byte.min(text.len())).unwrap_or(text);
        let line = before.rsplit('\n').next().unwrap_or_default();
        Self { line: before.matches('\n').count() + 1, column: line.chars().count() + 1 }
    }
}

/// Reads the one definition of a text: a `[[metric]]`, as in the file of `--metrics`.
///
/// # Errors
/// With the JSON pointer of the place within the definition, and what was expected there.
pub fn one_from_toml(text: &str) -> Result<MetricDefinition, DefinitionShapeError> {
    let wrong = |message: String| DefinitionShapeError { pointer: String::new(), message };
    let definitions = from_toml(text).map_err(|error| {
        let own = error.pointer.strip_prefix("/metric/0");
        DefinitionShapeError { pointer: own.unwrap_or_default().to_owned(), ..error }
    })?;
    let count = definitions.len();
    match <[MetricDefinition; 1]>::try_from(definitions) {
        Ok([definition]) => Ok(definition),
        Err(_) => Err(wrong(format!("it has {count} of `[[metric]]`; one is right"))),
    }
}

/// Where the place of a JSON pointer is in the text of one definition: the deepest part of it that
/// there is. Of a text that is no TOML, where it stops being one.
#[must_use]
pub fn toml_position(text: &str, pointer: &str) -> TextPosition {
    let table = match DeTable::parse(text) {
        Ok(table) => table,
        Err(error) => {
            return TextPosition::of(text, error.span().map_or(text.len(), |span| span.start));
        }
    };
    let names = pointer.split('/').skip(1).map(|name| name.replace("~1", "/").replace("~0", "~"));
    let names: Vec<String> = ["metric", "0"].map(str::to_owned).into_iter().chain(names).collect();
    let mut at = 0;
    let mut found = Some(DeValue::Table(table.into_inner()));
    for name in &names {
        let next = match found {
            Some(DeValue::Table(table)) => {
                table.into_iter().find(|(key, _)| key.get_ref() == name).map(|(key, value)| {
                    at = key.span().start;
                    value.into_inner()
                })
            }
            Some(DeValue::Array(items)) => {
                let item = name.parse().ok().and_then(|at: usize| items.into_iter().nth(at));
                item.map(|value| {
                    at = value.span().start;
                    value.into_inner()
                })
            }
            _ => None,
        };
        if next.is_none() {
            break;
        }
        found = next;
    }
    TextPosition::of(text, at)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"# Überschrift
[[metric]]
name = "sales"
event = "purchase"
dimensions = ["country", { name = "plan", expr = "lower(" }]

[metric.measures]
orders = { kind = "count" }
"größe" = { kind = "sum", of = "amount" }
[metric.measures.revenue]
kind = "sum"
of = "amount +"
"#;

    #[test]
    fn places_are_found_in_the_text() {
        for (pointer, line, column) in [
            ("", 2, 1),
            ("/event", 4, 1),
            ("/dimensions", 5, 1),
            ("/dimensions/0", 5, 15),
            ("/dimensions/1/expr", 5, 43),
            ("/measures", 7, 9),
            ("/measures/orders", 8, 1),
            ("/measures/orders/kind", 8, 12),
            ("/measures/größe/of", 9, 27),
            ("/measures/revenue/of", 12, 1),
            ("/measures/revenue/filter", 10, 18),
            ("/nope/deeper", 2, 1),
        ] {
            let found = toml_position(TEXT, pointer);
            assert_eq!((found.line, found.column), (line, column), "{pointer}");
        }
        assert_eq!(toml_position("", "/event"), TextPosition { line: 1, column: 1 });
        let broken = "[[metric]]\nname = \"sales\"\nevent = purchase\n";
        assert_eq!(toml_position(broken, "").line, 3);
    }

    #[test]
    fn one_definition_is_read_and_its_errors_are_of_the_definition() {
        let error = |text: &str| one_from_toml(text).unwrap_err();
        let right = "[[metric]]\nname='a'\nevent='e'\nmeasures.n.kind='count'\n";
        assert_eq!(one_from_toml(right).unwrap().name, "a");
        assert!(error(&format!("{right}{right}")).message.contains("2 of"));
        assert!(error("").message.contains("0 of"));
        let wrong = right.replace("'count'", "'cuont'");
        assert_eq!(error(&wrong).pointer, "/measures/n/kind");
        assert_eq!(error("[[metric]").pointer, "");
    }
}
