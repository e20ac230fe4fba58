//! Options in the query string. An unknown one is an error and not ignored: whoever misspells
//! `on_invalid` would otherwise learn of it too late.

use axum::extract::Query;
use axum::http::Uri;
use shared::problem::suggestion;

use crate::intake::{IntakeError, OnInvalid, QuarantineId};

/// When a request is answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Wait {
    /// When its events are durable.
    #[default]
    Durable,
    /// When every query from now on includes them.
    Applied,
}

/// Options of `POST /v1/events`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct EventOptions {
    pub(super) wait: Wait,
    pub(super) on_invalid: OnInvalid,
}

impl EventOptions {
    pub(super) fn of_query(uri: &Uri) -> Result<Self, IntakeError> {
        let [wait, on_invalid] = values(uri, ["wait", "on_invalid"])?;
        Ok(Self {
            wait: match wait.as_deref() {
                None | Some("durable") => Wait::Durable,
                Some("applied") => Wait::Applied,
                Some(other) => return Err(wrong("wait", other, "`durable` or `applied`")),
            },
            on_invalid: match on_invalid.as_deref() {
                None | Some("quarantine") => OnInvalid::Quarantine,
                Some("reject") => OnInvalid::Reject,
                Some(other) => return Err(wrong("on_invalid", other, "`quarantine` or `reject`")),
            },
        })
    }
}

/// Options of `GET /v1/quarantine`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ListOptions {
    pub(super) limit: usize,
    pub(super) after: Option<QuarantineId>,
}

impl ListOptions {
    const LIMIT_DEFAULT: usize = 100;
    const LIMIT_MAX: usize = 1000;

    pub(super) fn of_query(uri: &Uri) -> Result<Self, IntakeError> {
        let [limit, after] = values(uri, ["limit", "after"])?;
        let limit = match limit {
            None => Self::LIMIT_DEFAULT,
            Some(text) => text
                .parse()
                .ok()
                .filter(|limit| (1..=Self::LIMIT_MAX).contains(limit))
                .ok_or_else(|| wrong("limit", &text, "1 to 1000"))?,
        };
        let after = after
            .map(|text| text.parse().map_err(|_| wrong("after", &text, "an entry's id, as `q-17`")))
            .transpose()?;
        Ok(Self { limit, after })
    }
}

fn wrong(name: &str, value: &str, right: &str) -> IntakeError {
    IntakeError::Option(format!("`{name}` is `{value}`; it can be {right}"))
}

/// The values of the options `names`, which may each be there once, beside which there may be none.
fn values<const N: usize>(uri: &Uri, names: [&str; N]) -> Result<[Option<String>; N], IntakeError> {
    let Query(pairs) = Query::<Vec<(String, String)>>::try_from_uri(uri)
        .map_err(|error| IntakeError::Option(format!("the query string: {error}")))?;
    let mut values = [const { None }; N];
    for (name, value) in pairs {
        let slot = names.iter().zip(&mut values).find(|(known, _)| **known == name);
        let Some((_, slot)) = slot else {
            let hint = suggestion(&name, names);
            return Err(IntakeError::Option(format!("there is no option `{name}`{hint}")));
        };
        if slot.replace(value).is_some() {
            return Err(IntakeError::Option(format!("the option `{name}` is there twice")));
        }
    }
    Ok(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(query: &str) -> Result<EventOptions, String> {
        let uri = format!("/v1/events{query}").parse().unwrap();
        EventOptions::of_query(&uri).map_err(|error| error.to_string())
    }

    #[test]
    fn options_are_read_and_default() {
        assert_eq!(events(""), Ok(EventOptions::default()));
        assert_eq!(events("?"), Ok(EventOptions::default()));
        let options = EventOptions { wait: Wait::Applied, on_invalid: OnInvalid::Reject };
        assert_eq!(events("?on_invalid=reject&wait=appl%69ed"), Ok(options));
    }

    #[test]
    fn what_is_wrong_is_named_with_what_is_right() {
        for (query, parts) in [
            ("?wait=maybe", ["`maybe`", "`durable` or `applied`"]),
            ("?on_invalid=", ["`on_invalid`", "`quarantine` or `reject`"]),
            ("?wiat=applied", ["`wiat`", "did you mean `wait`"]),
            ("?x=1", ["`x`", "`wait`, `on_invalid`"]),
            ("?wait=applied&wait=durable", ["`wait`", "twice"]),
        ] {
            let error = events(query).unwrap_err();
            assert!(parts.iter().all(|part| error.contains(part)), "{query}: {error}");
        }
    }

    #[test]
    fn a_list_has_a_bounded_limit() {
        let list = |query: &str| {
            ListOptions::of_query(&format!("/v1/quarantine{query}").parse().unwrap()).ok()
        };
        assert_eq!(list(""), Some(ListOptions { limit: 100, after: None }));
        let after = Some(QuarantineId(7));
        assert_eq!(list("?limit=1000&after=q-7"), Some(ListOptions { limit: 1000, after }));
        for query in ["?limit=0", "?limit=1001", "?limit=x", "?after=7", "?after=q-", "?from=1"] {
            assert_eq!(list(query), None, "{query}");
        }
    }
}
