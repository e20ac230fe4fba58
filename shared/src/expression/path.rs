//! Paths to properties: `account.plan.name`, with quotes around names that have other characters.

use std::fmt;

use super::ExpressionError;

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
pub fn parse_path(text: &str) -> Result<PropertyPath, ExpressionError> {
    let mut names = Vec::new();
    let mut rest = text;
    loop {
        let (name, after) = match rest.strip_prefix('"') {
            Some(quoted) => take_quoted(quoted).ok_or_else(|| {
                ExpressionError(format!("the path `{text}` has a quote that is not closed"))
            })?,
            None => {
                let (name, after) = rest.split_at(rest.find('.').unwrap_or(rest.len()));
                (name.to_owned(), after)
            }
        };
        if !rest.starts_with('"') && !is_plain(&name) {
            return Err(ExpressionError(format!(
                "`{name}` in the path `{text}` is not a plain name; names with other characters \
                 than letters, digits and `_` are quoted: `\"a b\".c`"
            )));
        }
        names.push(name);
        match after.strip_prefix('.') {
            Some(more) => rest = more,
            None if after.is_empty() => return Ok(PropertyPath::of(names)),
            None => {
                return Err(ExpressionError(format!("the path `{text}` has text behind a quote")));
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
