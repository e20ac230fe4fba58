//! Who has parts of runs made by executors: the setting `--ballista-scheduler`.

use std::fmt;
use std::str::FromStr;

use axum::http::Uri;
use serde::Deserialize;
use serde::de::{self, Deserializer};

/// Who has parts of runs made by executors.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum SchedulerPlace {
    /// Nobody: the leader makes them.
    #[default]
    Nowhere,
    /// A scheduler in the process that does the runs.
    Leader,
    /// A scheduler by itself.
    At(String),
}

impl fmt::Display for SchedulerPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nowhere => "",
            Self::Leader => "leader",
            Self::At(url) => url,
        })
    }
}

impl FromStr for SchedulerPlace {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "" => return Ok(Self::Nowhere),
            "leader" => return Ok(Self::Leader),
            _ => {}
        }
        let is_url = text.parse::<Uri>().is_ok_and(|uri| {
            let is_http = ["http", "https"].contains(&uri.scheme_str().unwrap_or(""));
            is_http && uri.host().is_some() && uri.port().is_some() && uri.path() == "/"
        });
        match is_url {
            true => Ok(Self::At(text.trim_end_matches('/').to_owned())),
            false => Err(format!(
                "`{text}` is no scheduler; expected leader, or the URL of one, as \
                 http://host:50050"
            )),
        }
    }
}

impl<'de> Deserialize<'de> for SchedulerPlace {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_read() {
        let at = |url: &str| Ok(SchedulerPlace::At(url.to_owned()));
        assert_eq!("".parse(), Ok(SchedulerPlace::Nowhere));
        assert_eq!("leader".parse(), Ok(SchedulerPlace::Leader));
        assert_eq!("http://h:50050".parse(), at("http://h:50050"));
        assert_eq!("https://h:50050/".parse(), at("https://h:50050"));
        for wrong in ["Leader", "h:50050", "http://h", "ftp://h:1", "http://h:1/path"] {
            let error = wrong.parse::<SchedulerPlace>().unwrap_err();
            assert!(error.contains("expected leader"), "{error}");
        }
    }
}
