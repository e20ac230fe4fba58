//! Where the speed store is: the setting `--speed-store`, read and checked.

use std::fmt;
use std::str::FromStr;

/// A store's place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreAddress {
    /// In this process.
    Memory,
    /// In Redis or Valkey.
    Redis(RedisAddress),
}

/// Servers that are one store. Its [`fmt::Display`] has no credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RedisAddress {
    /// A single server, as a URL.
    Single(String),
    /// Some nodes of a cluster, as URLs.
    Cluster(Vec<String>),
}

impl fmt::Display for RedisAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Single(url) => f.write_str(&without_credentials(url)),
            Self::Cluster(urls) => {
                let hosts = urls.iter().map(|url| without_credentials(url));
                let hosts = hosts.filter_map(|url| Some(url.split_once("://")?.1.to_owned()));
                let is_tls = urls.iter().any(|url| url.starts_with("rediss"));
                let scheme = if is_tls { "rediss-cluster" } else { "redis-cluster" };
                write!(f, "{scheme}://{}", hosts.collect::<Vec<_>>().join(","))
            }
        }
    }
}

fn without_credentials(url: &str) -> String {
    match (url.split_once("://"), url.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, rest))) => format!("{scheme}://{rest}"),
        _ => url.to_owned(),
    }
}

/// A setting that names no store.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{given}` is not a speed store: {reason}")]
pub struct StoreAddressError {
    given: String,
    reason: &'static str,
}

const EXPECTED: &str = "expected `memory`, `redis://host:port[/db]` or \
    `redis-cluster://host:port,host:port`, with `rediss` for TLS";

impl FromStr for StoreAddress {
    type Err = StoreAddressError;

    fn from_str(text: &str) -> Result<Self, StoreAddressError> {
        let wrong = |reason| StoreAddressError { given: without_credentials(text), reason };
        if text == "memory" {
            return Ok(Self::Memory);
        }
        let Some((scheme, rest)) = text.split_once("://") else { return Err(wrong(EXPECTED)) };
        match scheme {
            "redis" | "rediss" if !rest.is_empty() => {
                Ok(Self::Redis(RedisAddress::Single(text.to_owned())))
            }
            "redis-cluster" | "rediss-cluster" => {
                let scheme = scheme.trim_end_matches("-cluster");
                let (credentials, hosts) = match rest.rsplit_once('@') {
                    Some((credentials, hosts)) => (format!("{credentials}@"), hosts),
                    None => (String::new(), rest),
                };
                if hosts.contains('/') {
                    return Err(wrong("a cluster has no numbered databases"));
                }
                if hosts.split(',').any(|host| host.trim().is_empty()) {
                    return Err(wrong(EXPECTED));
                }
                let node = |host: &str| format!("{scheme}://{credentials}{}", host.trim());
                Ok(Self::Redis(RedisAddress::Cluster(hosts.split(',').map(node).collect())))
            }
            _ => Err(wrong(EXPECTED)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Result<String, String> {
        match text.parse::<StoreAddress>() {
            Ok(StoreAddress::Memory) => Ok("memory".into()),
            Ok(StoreAddress::Redis(address)) => Ok(address.to_string()),
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn addresses_are_read_and_shown_without_their_credentials() {
        assert_eq!(shown("memory").unwrap(), "memory");
        assert_eq!(shown("redis://h:1/2").unwrap(), "redis://h:1/2");
        assert_eq!(shown("redis://me:s@cret@h:1").unwrap(), "redis://h:1");
        assert_eq!(shown("redis-cluster://u:p@a:1,b:2").unwrap(), "redis-cluster://a:1,b:2");
        let cluster = "redis-cluster://u:p@a:1, b:2".parse::<StoreAddress>().unwrap();
        let urls = vec!["redis://u:p@a:1".to_owned(), "redis://u:p@b:2".to_owned()];
        assert_eq!(cluster, StoreAddress::Redis(RedisAddress::Cluster(urls)));
        assert_eq!(shown("rediss://me:secret@h:1").unwrap(), "rediss://h:1");
        assert_eq!(shown("rediss-cluster://u:p@a:1,b:2").unwrap(), "rediss-cluster://a:1,b:2");
        for bad in ["", "Memory", "redis://", "rediss://", "redis-cluster://a:1,,b:2", "http://x"] {
            assert!(shown(bad).is_err(), "{bad}");
        }
        assert!(!shown("valkey://me:secret@h").unwrap_err().contains("secret"));
    }
}
