//! Parameters as they came, from a query string or a JSON object, read one by one by name.

use merganser_api::error_code::ErrorCode;
use std::collections::BTreeMap;

use merganser_core::text::{excerpt, suggestion};
use serde_json::Value;

use super::{QueryError, hint};

/// The names that a query may use.
pub(super) const NAMES: [&str; 23] = [
    "metric",
    "measures",
    "from",
    "to",
    "granularity",
    "timezone",
    "group_by",
    "filter",
    "having",
    "order_by",
    "limit",
    "offset",
    "limit_per_bucket",
    "group_limit",
    "totals",
    "other",
    "window",
    "fill",
    "compare",
    "partial",
    "after",
    "format",
    "csv",
];

/// Parameters by name; each is one of [`NAMES`].
#[derive(Debug)]
pub(super) struct QueryParameters(BTreeMap<&'static str, Value>);

impl QueryParameters {
    /// Takes named values, and refuses unknown names and names that occur twice.
    pub(super) fn new(
        given: impl IntoIterator<Item = (String, Value)>,
    ) -> Result<Self, QueryError> {
        let mut parameters = BTreeMap::new();
        for (name, value) in given {
            let Some(known) = NAMES.into_iter().find(|known| *known == name) else {
                let hint = match hint::parameter(&name) {
                    Some(meant) => format!("; did you mean `{meant}`?"),
                    None => suggestion(&excerpt(&name), NAMES),
                };
                return Err(QueryError::new(
                    ErrorCode::UnknownParameter,
                    &name,
                    format!("there is no parameter `{}`{hint}", excerpt(&name)),
                ));
            };
            if parameters.insert(known, value).is_some() {
                return Err(wrong(known, "is given twice; once is right"));
            }
        }
        Ok(Self(parameters))
    }

    /// A text; `None` when it is not given, null or empty.
    pub(super) fn text(&mut self, name: &'static str) -> Result<Option<String>, QueryError> {
        match self.0.remove(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text).filter(|text| !text.trim().is_empty())),
            Some(other) => Err(wrong(name, &format!("is {}; a text is right", clip(&other)))),
        }
    }

    /// A text, or a number as one.
    pub(super) fn text_or_number(
        &mut self,
        name: &'static str,
    ) -> Result<Option<String>, QueryError> {
        match self.0.get(name) {
            Some(Value::Number(number)) => Ok(Some(number.to_string())),
            _ => self.text(name),
        }
    }

    /// A list of names, from an array or a text with commas; `None` when it is not given.
    pub(super) fn list(&mut self, name: &'static str) -> Result<Option<Vec<String>>, QueryError> {
        match self.0.remove(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => {
                let names = text.split(',').map(|part| part.trim().to_owned());
                Ok(Some(names.filter(|part| !part.is_empty()).collect()))
            }
            Some(Value::Array(items)) => {
                let text = |item: Value| match item {
                    Value::String(text) => Ok(text),
                    other => {
                        let found = format!("holds {}; names are right", clip(&other));
                        Err(wrong(name, &found))
                    }
                };
                items.into_iter().map(text).collect::<Result<_, _>>().map(Some)
            }
            Some(other) => {
                Err(wrong(name, &format!("is {}; a list of names is right", clip(&other))))
            }
        }
    }

    /// A whole number up to `max`.
    pub(super) fn number(
        &mut self,
        name: &'static str,
        max: usize,
    ) -> Result<Option<usize>, QueryError> {
        let text = match self.0.remove(name) {
            None | Some(Value::Null) => return Ok(None),
            Some(Value::String(text)) if text.trim().is_empty() => return Ok(None),
            Some(Value::String(text)) => text.trim().to_owned(),
            Some(other) => other.to_string(),
        };
        let number = text.parse().ok().filter(|number| *number <= max);
        number.map(Some).ok_or_else(|| {
            wrong(name, &format!("is {}; a whole number from 0 to {max} is right", excerpt(&text)))
        })
    }

    /// `true` or `false`.
    pub(super) fn switch(&mut self, name: &'static str) -> Result<bool, QueryError> {
        match self.0.remove(name) {
            None | Some(Value::Null) => Ok(false),
            Some(Value::Bool(on)) => Ok(on),
            Some(Value::String(text)) if text == "true" => Ok(true),
            Some(Value::String(text)) if text == "false" || text.is_empty() => Ok(false),
            Some(other) => {
                Err(wrong(name, &format!("is {}; true or false is right", clip(&other))))
            }
        }
    }

    /// One of some words.
    pub(super) fn choice<T: Copy>(
        &mut self,
        name: &'static str,
        choices: &[(&'static str, T)],
    ) -> Result<Option<T>, QueryError> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        let found = choices.iter().find(|(known, _)| *known == text);
        found.map(|(_, choice)| Some(*choice)).ok_or_else(|| {
            let hint = match hint::choice(name, &text) {
                Some(meant) => format!("; did you mean `{meant}`?"),
                None => suggestion(&excerpt(&text), choices.iter().map(|(known, _)| *known)),
            };
            wrong(name, &format!("is `{}`{hint}", excerpt(&text)))
        })
    }

    /// A position: a text as `0:123456,1:77`, or an object as `{"0": 123456}`.
    pub(super) fn position(
        &mut self,
        name: &'static str,
    ) -> Result<Option<merganser_core::ids::PartitionOffsets>, QueryError> {
        match self.0.remove(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) if text.trim().is_empty() => Ok(None),
            Some(Value::String(text)) => {
                text.parse().map(Some).map_err(|e: String| wrong(name, &format!("is wrong: {e}")))
            }
            Some(other) => {
                let found = format!("is {}; `{{\"0\": 123456}}` is right", clip(&other));
                serde_json::from_value(other).map(Some).map_err(|_| wrong(name, &found))
            }
        }
    }
}

pub(super) fn wrong(name: &str, what: &str) -> QueryError {
    QueryError::new(ErrorCode::InvalidParameter, name, format!("`{name}` {what}"))
}

/// A value's beginning, for messages.
fn clip(value: &Value) -> String {
    excerpt(&value.to_string()).into_owned()
}
