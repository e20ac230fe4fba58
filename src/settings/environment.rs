//! Environment variables that look like settings and are none.
//!
//! A mistyped variable would otherwise be ignored without a word. What Kubernetes sets by itself
//! for a Service called `merganser` is not ours to refuse.

use std::ffi::OsString;

use merganser_core::text::suggestion;

use super::{SettingsError, VARIABLES};

const PREFIX: &str = "MERGANSER_";

/// Variables that are read elsewhere than in the list of settings.
const OTHERS: [&str; 4] = ["MERGANSER_CONFIG", "MERGANSER_SERVER", "MERGANSER_KEY", "MERGANSER_CA"];

/// Refuses names that begin as settings do and are not known.
pub(super) fn check(names: impl Iterator<Item = OsString>) -> Result<(), SettingsError> {
    let known = || VARIABLES.iter().chain(&OTHERS).copied();
    let mut unknown: Vec<String> = names
        .filter_map(|name| name.into_string().ok())
        .filter(|name| name.starts_with(PREFIX) && !is_service_link(name))
        .filter(|name| !known().any(|k| k == name))
        .collect();
    unknown.sort_unstable();
    match unknown.into_iter().next() {
        None => Ok(()),
        Some(name) => {
            let suggestion = suggestion(&name, known());
            Err(SettingsError::UnknownVariable { name, suggestion })
        }
    }
}

/// What Kubernetes sets for each Service that a pod can see (its documentation of Services, under
/// "Environment variables").
fn is_service_link(name: &str) -> bool {
    let rest = &name[PREFIX.len()..];
    rest == "PORT" || rest.starts_with("PORT_") || rest.starts_with("SERVICE_")
}
