//! The TOML file of settings: flat, with the names of the list as keys.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use merganser_core::text::suggestion;

use super::{NAMES, PartialSettings, SettingsError};

/// Read when no file is named and it is there.
const DEFAULT: &str = "merganser.toml";

/// Reads the named file, or the default one if it exists.
pub(super) fn read(config: Option<PathBuf>) -> Result<PartialSettings, SettingsError> {
    let named = config.is_some();
    let path = config.unwrap_or_else(|| PathBuf::from(DEFAULT));
    match fs::read_to_string(&path) {
        Ok(text) => parse(&path, &text),
        Err(error) if error.kind() == ErrorKind::NotFound && !named => {
            Ok(PartialSettings::default())
        }
        Err(error) => Err(SettingsError::Unreadable {
            path: path.display().to_string(),
            reason: error.to_string(),
        }),
    }
}

/// Reads the text of a file.
pub(super) fn parse(path: &Path, text: &str) -> Result<PartialSettings, SettingsError> {
    let wrong = |error: &toml::de::Error| located_error(path, text, error);
    let table: toml::Table = toml::from_str(text).map_err(|error| wrong(&error))?;
    for key in table.keys() {
        if !NAMES.contains(&&**key) {
            return Err(SettingsError::File {
                path: path.display().to_string(),
                reason: format!(
                    "`{key}` is not a setting{}",
                    suggestion(key, NAMES.iter().copied())
                ),
            });
        }
    }
    toml::from_str(text).map_err(|error| wrong(&error))
}

/// The error in one line, with the number of the wrong line and its text.
fn located_error(path: &Path, text: &str, error: &toml::de::Error) -> SettingsError {
    let reason = error.message().lines().collect::<Vec<_>>().join(", ");
    let Some(before) = error.span().and_then(|span| text.get(..span.start)) else {
        return SettingsError::File { path: path.display().to_string(), reason };
    };
    let number = before.matches('\n').count();
    let line = text.lines().nth(number).unwrap_or_default().trim();
    SettingsError::File {
        path: format!("{}:{}", path.display(), number + 1),
        reason: format!("{reason} in `{line}`"),
    }
}
