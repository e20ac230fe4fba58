//! The types of settings: each reads from text, the same from a flag, a variable or the file. What
//! a layer reads itself (its store's address, its schedule) is checked by that layer's reader.

use std::fmt;
use std::str::FromStr;

use axum::http::{HeaderValue, Uri};
use batch_layer::journal::JournalLocation;
use batch_layer::schedule::Schedule;
use batch_layer::storage::{StorageAddress, StorageAddressError};
use serde::Deserialize;
use serde::de::{self, Deserializer, Visitor};
use speed_layer::store::StoreAddress;
use tracing_subscriber::EnvFilter;

use super::roles::Roles;

/// Reads a type from a TOML text by its [`FromStr`].
macro_rules! read_from_text {
    ($($type:ty),+) => {$(
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
            }
        }
    )+};
}

/// The name of a switch's value.
pub(super) const SWITCH: &str = "BOOL";

/// Yes or no.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BoolSetting(pub(crate) bool);

impl FromStr for BoolSetting {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not a switch; expected true or false");
        text.parse().map(Self).map_err(|_| wrong())
    }
}

impl<'de> Deserialize<'de> for BoolSetting {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        bool::deserialize(deserializer).map(Self)
    }
}

read_from_text!(
    ListenAddress,
    SpeedStoreAddress,
    StorageLocation,
    JournalPlace,
    RoleSetting,
    AdvertisedUrl,
    CronExpression,
    TimezoneName,
    LogFilter,
    LogFormat,
    AllowedOrigins,
    OtlpEndpoint
);

/// Sites whose pages may use the service, as the `Origin` of their requests has them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum AllowedOrigins {
    /// No other's.
    #[default]
    None,
    /// Everybody's.
    All,
    /// Those of these.
    These(Vec<HeaderValue>),
}

impl AllowedOrigins {
    /// Whether pages of an origin may.
    #[must_use]
    pub(crate) fn contains(&self, origin: &HeaderValue) -> bool {
        match self {
            Self::None => false,
            Self::All => true,
            Self::These(origins) => origins.contains(origin),
        }
    }
}

impl FromStr for AllowedOrigins {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.trim() {
            "" => return Ok(Self::None),
            "*" => return Ok(Self::All),
            _ => {}
        }
        let origins = text.split(',').map(str::trim).map(|origin| {
            let host = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"));
            let is_plain = |c: char| c.is_ascii_alphanumeric() || "-.:[]_".contains(c);
            let is_one = host.is_some_and(|host| !host.is_empty() && host.chars().all(is_plain));
            // As browsers write it: in lower case, and without the port that goes without saying.
            let lower = origin.to_ascii_lowercase();
            let usual = if lower.starts_with("https") { ":443" } else { ":80" };
            let written = lower.strip_suffix(usual).unwrap_or(&lower);
            let value = is_one.then(|| HeaderValue::from_str(written).ok()).flatten();
            value.ok_or_else(|| {
                format!("`{origin}` is no origin; expected scheme and host, as https://a.example")
            })
        });
        origins.collect::<Result<_, _>>().map(Self::These)
    }
}

/// The address of a collector, or nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct OtlpEndpoint(pub(crate) Option<String>);

impl FromStr for OtlpEndpoint {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Ok(Self(None));
        }
        let is_url = text.parse::<Uri>().is_ok_and(|uri| {
            uri.host().is_some() && ["http", "https"].contains(&uri.scheme_str().unwrap_or(""))
        });
        match is_url {
            true => Ok(Self(Some(text.to_owned()))),
            false => Err(format!("`{text}` is no URL; expected as http://host:4318/v1/traces")),
        }
    }
}

/// `host:port`, looked up when it is bound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ListenAddress(pub(crate) String);

impl FromStr for ListenAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let valid = text.rsplit_once(':').is_some_and(|(host, port)| {
            let bare = !host.contains(':') || host.starts_with('[') && host.ends_with(']');
            !host.is_empty() && bare && port.parse::<u16>().is_ok()
        });
        match valid {
            true => Ok(Self(text.to_owned())),
            false => {
                Err(format!("`{text}` is not an address; expected host:port, as 127.0.0.1:8080"))
            }
        }
    }
}

/// Where the speed views live, as the speed layer reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SpeedStoreAddress(pub(crate) String);

impl FromStr for SpeedStoreAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let checked = text.parse::<StoreAddress>().map_err(|error| error.to_string());
        checked.map(|_| Self(text.to_owned()))
    }
}

/// Where the objects are, as the batch layer reads it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct StorageLocation(pub(crate) StorageAddress);

impl FromStr for StorageLocation {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.parse().map(Self).map_err(|error: StorageAddressError| error.to_string())
    }
}

impl StorageLocation {
    /// Whether no other machine sees it.
    pub(super) fn is_of_this_machine(&self) -> bool {
        self.0 == StorageAddress::DataDirectory
    }
}

/// Where the journal is, as the batch layer reads it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct JournalPlace(pub(crate) JournalLocation);

impl JournalPlace {
    /// Whether other processes can read it.
    pub(super) fn is_in_storage(self) -> bool {
        self.0 == JournalLocation::Storage
    }
}

impl FromStr for JournalPlace {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.parse().map(Self)
    }
}

/// What the process stands ready for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct RoleSetting(pub(crate) Roles);

impl RoleSetting {
    /// Of a process that only makes parts of runs.
    pub(crate) fn executor() -> Self {
        Self(Roles { ingest: false, batch: false, executor: true, is_cluster: true })
    }
}

impl FromStr for RoleSetting {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.parse().map(Self)
    }
}

/// Where other processes reach this one; empty for where it listens.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct AdvertisedUrl(pub(crate) String);

impl FromStr for AdvertisedUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let is_root = |uri: &Uri| uri.path() == "/" && uri.query().is_none();
        let is_url = text.parse::<Uri>().is_ok_and(|uri| {
            let scheme = uri.scheme_str().unwrap_or_default();
            uri.host().is_some() && ["http", "https"].contains(&scheme) && is_root(&uri)
        });
        match text.is_empty() || is_url {
            true => Ok(Self(text.trim_end_matches('/').to_owned())),
            false => Err(format!("`{text}` is no address of a process; expected http://host:port")),
        }
    }
}

/// A cron expression of five fields, or empty for never.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CronExpression(pub(crate) String);

impl FromStr for CronExpression {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let alone = Schedule { incremental: text.to_owned(), ..Schedule::default() };
        alone.parse().map(|_| Self(text.to_owned())).map_err(|error| error.message)
    }
}

/// A time zone by its IANA name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TimezoneName(pub(crate) String);

impl FromStr for TimezoneName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let alone = Schedule { timezone: text.to_owned(), ..Schedule::default() };
        alone.parse().map(|_| Self(text.to_owned())).map_err(|error| error.message)
    }
}

/// A number of bytes: `65536`, `64KiB`, `16MiB`, `1GiB`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ByteSize(pub(crate) u64);

impl ByteSize {
    const UNITS: [(&str, u64); 4] =
        [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];

    /// `count` MiB.
    #[must_use]
    pub(crate) const fn mib(count: u64) -> Self {
        Self(count << 20)
    }

    /// `count` GiB.
    #[must_use]
    pub(crate) const fn gib(count: u64) -> Self {
        Self(count << 30)
    }

    /// As a size in memory.
    #[must_use]
    pub(crate) fn as_usize(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

impl FromStr for ByteSize {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (digits, unit) = Self::UNITS
            .iter()
            .find_map(|(name, size)| text.strip_suffix(name).map(|digits| (digits, *size)))
            .unwrap_or((text, 1));
        let bytes = digits.trim().parse::<u64>().ok().and_then(|n| n.checked_mul(unit));
        bytes.map(Self).ok_or_else(|| {
            format!("`{text}` is not a size; expected bytes, or as 64KiB, 16MiB, 1GiB")
        })
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let exact = |(_, size): &&(&str, u64)| self.0 > 0 && self.0.is_multiple_of(*size);
        match Self::UNITS.iter().find(exact) {
            Some((name, size)) => write!(f, "{}{name}", self.0 / size),
            None => write!(f, "{}B", self.0),
        }
    }
}

impl<'de> Deserialize<'de> for ByteSize {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NumberOrText;
        impl Visitor<'_> for NumberOrText {
            type Value = ByteSize;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number of bytes, or a text as \"64KiB\"")
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<ByteSize, E> {
                u64::try_from(number)
                    .map(ByteSize)
                    .map_err(|_| E::invalid_value(de::Unexpected::Signed(number), &self))
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<ByteSize, E> {
                Ok(ByteSize(number))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<ByteSize, E> {
                text.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_any(NumberOrText)
    }
}

/// Directives of what to log, as [`EnvFilter`] reads them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LogFilter(pub(crate) String);

impl FromStr for LogFilter {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        EnvFilter::try_new(text).map(|_| Self(text.to_owned())).map_err(|error| {
            format!(
                "`{text}` is not a log filter: {error}; expected info, debug or info,module=debug"
            )
        })
    }
}

/// How log lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

impl FromStr for LogFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            _ => Err(format!("`{text}` is not a log format; expected text or json")),
        }
    }
}
