//! Parameters of the query string, each known and there once.

use axum::extract::{FromRequestParts, Query};
use axum::http::Uri;
use axum::http::request::Parts;

use crate::error_code::ErrorCode;
use crate::problem::Problem;
use merganser_core::text::{clipped, suggestion};

/// The parameters of a URL, as they came.
///
/// # Errors
/// When it is not one of a form.
pub fn pairs(uri: &Uri) -> Result<Vec<(String, String)>, Problem> {
    let pairs = Query::<Vec<(String, String)>>::try_from_uri(uri);
    pairs
        .map(|Query(pairs)| pairs)
        .map_err(|error| Problem::new(ErrorCode::MalformedQueryString, error.to_string()))
}

/// The values of the parameters `names`.
///
/// # Errors
/// For a parameter that is not among them, or that is there twice.
pub fn parameters<const N: usize>(
    uri: &Uri,
    names: [&str; N],
) -> Result<[Option<String>; N], Problem> {
    let mut values = [const { None }; N];
    for (name, value) in pairs(uri)? {
        let slot = names.iter().zip(&mut values).find(|(known, _)| **known == name);
        let Some((_, slot)) = slot else { return Err(unknown(&name, &names)) };
        if slot.replace(value).is_some() {
            return Err(conflicting_parameter(&name, "is given twice; once is right"));
        }
    }
    Ok(values)
}

/// A parameter that has no such `value`; `right` is what it can be.
#[must_use]
pub fn invalid_parameter(name: &str, value: &str, right: &str) -> Problem {
    conflicting_parameter(name, &format!("is `{}`; it can be {right}", clipped(value)))
}

/// A parameter that cannot be there as it is, for the reason `why`.
#[must_use]
pub fn conflicting_parameter(name: &str, why: &str) -> Problem {
    let detail = format!("`{name}` {why}");
    Problem::new(ErrorCode::InvalidParameter, detail).with("parameter", name)
}

fn unknown(name: &str, names: &[&str]) -> Problem {
    let short = clipped(name);
    let hint = match names {
        [] => ", and none is right here".to_owned(),
        names => suggestion(short, names.iter().copied()),
    };
    let detail = format!("there is no parameter `{short}`{hint}");
    Problem::new(ErrorCode::UnknownParameter, detail).with("parameter", short)
}

/// Refuses any parameter, for routes that take none.
#[derive(Clone, Copy, Debug)]
pub struct NoParameters;

impl<S: Send + Sync> FromRequestParts<S> for NoParameters {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        parameters(&parts.uri, []).map(|[]| Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(query: &str) -> Result<[Option<String>; 2], Problem> {
        parameters(&format!("/v1/runs{query}").parse().unwrap(), ["limit", "after"])
    }

    #[test]
    fn known_ones_are_read_and_others_named() {
        assert_eq!(read("?"), Ok([None, None]));
        assert_eq!(read("?after=%41&limit=2"), Ok([Some("2".into()), Some("A".into())]));
        for (query, code, words) in [
            ("?limti=2", "unknown_parameter", "did you mean `limit`?"),
            ("?limit=2&limit=2", "invalid_parameter", "twice"),
        ] {
            let problem = read(query).unwrap_err();
            assert_eq!((problem.status().as_u16(), problem.code()), (400, code));
            assert!(problem.detail().contains(words), "{}", problem.detail());
        }
        let problem = invalid_parameter("limit", &"9".repeat(99), "1 to 100");
        let detail = format!("`limit` is `{}`; it can be 1 to 100", "9".repeat(80));
        assert_eq!((problem.code(), problem.detail()), ("invalid_parameter", &*detail));
        assert_eq!(problem.to_json()["parameter"], "limit");
        let none = parameters(&"/v1/schedule?x=1".parse().unwrap(), []).unwrap_err();
        assert_eq!(none.detail(), "there is no parameter `x`, and none is right here");
        assert_eq!(none.to_json()["parameter"], "x");
    }
}
