//! Properties of events: paths to them, and the typed columns that their values are read into.

use std::fmt;

use arrow::datatypes::DataType;

use crate::decimal;
use crate::time::timestamp_type;

/// The type of a value, and of an expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PropertyType {
    /// An exact decimal.
    Number,
    /// UTF-8 text.
    Text,
    /// True or false.
    Boolean,
    /// An instant.
    Time,
    /// A text, number or boolean, as `merganser_metric::scalar` spells it.
    Value,
}

impl PropertyType {
    /// The Arrow type of a column of it.
    #[must_use]
    pub fn data_type(self) -> DataType {
        match self {
            Self::Number => decimal::value_type(),
            Self::Text => DataType::Utf8,
            Self::Boolean => DataType::Boolean,
            Self::Time => timestamp_type(),
            Self::Value => DataType::Binary,
        }
    }
}

impl fmt::Display for PropertyType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Number => "a number",
            Self::Text => "text",
            Self::Boolean => "a condition (true or false)",
            Self::Time => "a time",
            Self::Value => "a text, number or boolean",
        })
    }
}

/// A property by path, read as a type.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PropertyColumn {
    /// Where it is.
    pub path: PropertyPath,
    /// What it is read as: number, text, boolean or any of them.
    pub ty: PropertyType,
}

impl PropertyColumn {
    /// Its name in batches and master files: `number:dep_delay`, `text:"a b".c`.
    #[must_use]
    pub fn name(&self) -> String {
        let ty = match self.ty {
            PropertyType::Number => "number",
            PropertyType::Text => "text",
            PropertyType::Boolean => "boolean",
            PropertyType::Time => "time",
            PropertyType::Value => "value",
        };
        format!("{ty}:{}", self.path)
    }
}

/// A text that is no path to a property; says what would be right.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct PathError(pub String);

/// Names from the outside in; never empty.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PropertyPath(pub Vec<String>);

impl fmt::Display for PropertyPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, name) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str(".")?;
            }
            if is_plain(name) {
                f.write_str(name)?;
            } else {
                write!(f, "\"{}\"", name.replace('"', "\"\""))?;
            }
        }
        Ok(())
    }
}

fn is_plain(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// Reads a path as a dimension's `property` has it. The result is always a property, also for
/// `time`; a leading `properties.` is left out.
///
/// # Errors
/// When a name is empty, has characters that want quotes, or a quote is not closed.
pub fn parse_path(text: &str) -> Result<PropertyPath, PathError> {
    let mut names = Vec::new();
    let mut rest = text;
    loop {
        let (name, after) = match rest.strip_prefix('"') {
            Some(quoted) => take_quoted(quoted).ok_or_else(|| {
                PathError(format!("the path `{text}` has a quote that is not closed"))
            })?,
            None => {
                let (name, after) = rest.split_at(rest.find('.').unwrap_or(rest.len()));
                (name.to_owned(), after)
            }
        };
        if !rest.starts_with('"') && !is_plain(&name) {
            return Err(PathError(format!(
                "`{name}` in the path `{text}` is not a plain name; names with other characters \
                 than letters, digits and `_` are quoted: `\"a b\".c`"
            )));
        }
        names.push(name);
        match after.strip_prefix('.') {
            Some(more) => rest = more,
            None if after.is_empty() => return Ok(PropertyPath::of(names)),
            None => {
                return Err(PathError(format!("the path `{text}` has text behind a quote")));
            }
        }
    }
}

impl PropertyPath {
    /// A path of these names; a leading `properties` that something follows is left out.
    #[must_use]
    pub fn of(mut names: Vec<String>) -> Self {
        if names.len() > 1 && names[0] == "properties" {
            names.remove(0);
        }
        Self(names)
    }
}

fn take_quoted(text: &str) -> Option<(String, &str)> {
    let mut name = String::new();
    let mut rest = text;
    loop {
        let end = rest.find('"')?;
        name.push_str(&rest[..end]);
        rest = &rest[end + 1..];
        match rest.strip_prefix('"') {
            Some(more) => {
                name.push('"');
                rest = more;
            }
            None => return Some((name, rest)),
        }
    }
}
