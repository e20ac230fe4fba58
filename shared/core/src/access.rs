//! Who may do what: keys, their roles, and what the bearer of a key may see.
//!
//! A key is a random text that is shown once; what is kept is its digest. Its role says which
//! routes it opens, its [`AccessScope`] which metrics and which of their groups answers are made
//! of.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde::{Deserializer, Serializer, de};
use utoipa::ToSchema;

use crate::text::clipped;
use crate::time::Timestamp;

/// What a key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Sending events.
    Ingest,
    /// Asking.
    Read,
    /// Everything.
    Admin,
}

impl Role {
    /// All roles.
    pub const EACH: [Self; 3] = [Self::Ingest, Self::Read, Self::Admin];

    /// As it is spelled.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ingest => "ingest",
            Self::Read => "read",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Role {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::EACH.into_iter().find(|role| role.name() == text);
        found.ok_or_else(|| format!("`{text}` is not a role; ingest, read or admin is right"))
    }
}

/// Who may use a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RouteAccess {
    /// Everybody, without a key.
    Open,
    /// Sends events.
    Ingest,
    /// The same, as clients of Segment do: the key may also stand in the body, as `writeKey`.
    WriteKey,
    /// Queries metrics; answers are made of the events that its [`AccessScope`] admits.
    Read,
    /// Queries, with a scope of everything: the answers are about all metrics together.
    ReadAll,
    /// Operates the service.
    Admin,
}

impl RouteAccess {
    /// Whether a role and scope are enough.
    #[must_use]
    pub fn allows(self, role: Role, scope: &AccessScope) -> bool {
        match (self, role) {
            (Self::Open, _) | (_, Role::Admin) => true,
            (Self::Ingest | Self::WriteKey, role) => role == Role::Ingest,
            (Self::Read, role) => role == Role::Read,
            (Self::ReadAll, role) => role == Role::Read && scope.is_everything(),
            (Self::Admin, _) => false,
        }
    }
}

/// What a reader may see
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AccessScope {
    /// Names of metrics; missing: all
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<String>>, nullable = false)]
    pub metrics: Option<BTreeSet<String>>,
    /// Condition over dimensions that holds for all that is seen; missing: none
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub filter: Option<String>,
}

impl AccessScope {
    /// Whether nothing is left out.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        self.metrics.is_none() && self.filter.is_none()
    }

    /// Whether a metric may be seen.
    #[must_use]
    pub fn allows_metric(&self, metric: &str) -> bool {
        self.metrics.as_ref().is_none_or(|metrics| metrics.contains(metric))
    }
}

/// Properties that a key fixes: they are written into every event that it sends, whatever was sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "BTreeMap<String, String>", into = "BTreeMap<String, String>")]
pub struct FixedProperties {
    values: BTreeMap<String, String>,
    json: String,
}

impl FixedProperties {
    /// How many there may be.
    pub const COUNT_MAX: usize = 10;
    /// Characters of a name.
    pub const NAME_MAX: usize = 64;
    /// Bytes of all of them as JSON: they stand in every event.
    pub const BYTES_MAX: usize = 512;

    /// Whether a property is one of them.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.values.contains_key(name)
    }

    /// The fields of a JSON object, without its brackets; always the same text.
    #[must_use]
    pub fn json(&self) -> &str {
        &self.json
    }

    /// Names and values.
    #[must_use]
    pub fn values(&self) -> &BTreeMap<String, String> {
        &self.values
    }
}

impl TryFrom<BTreeMap<String, String>> for FixedProperties {
    type Error = String;

    fn try_from(values: BTreeMap<String, String>) -> Result<Self, String> {
        if values.is_empty() || values.len() > Self::COUNT_MAX {
            return Err(format!("1 to {} properties can be fixed", Self::COUNT_MAX));
        }
        if let Some(name) = values.keys().find(|name| !is_plain_name(name)) {
            return Err(format!(
                "`{}` is no name of a property that can be fixed; 1 to {} characters of \
                 `A-Za-z0-9_-` are right",
                clipped(name),
                Self::NAME_MAX
            ));
        }
        let fields: Result<Vec<_>, _> = values.iter().map(json_field).collect();
        let json = fields.map_err(|error| error.to_string())?.join(",");
        if json.len() > Self::BYTES_MAX {
            return Err(format!(
                "they have {} bytes as JSON; {} are right at most, since they stand in every event",
                json.len(),
                Self::BYTES_MAX
            ));
        }
        Ok(Self { values, json })
    }
}

fn json_field((name, value): (&String, &String)) -> serde_json::Result<String> {
    serde_json::to_string(value).map(|value| format!("\"{name}\":{value}"))
}

/// Whether a property of this name can be fixed.
fn is_plain_name(name: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "_-".contains(c);
    (1..=FixedProperties::NAME_MAX).contains(&name.len()) && name.chars().all(allowed)
}

impl From<FixedProperties> for BTreeMap<String, String> {
    fn from(fixed: FixedProperties) -> Self {
        fixed.values
    }
}

/// SHA-256 of a key's text; 64 hexadecimal digits where it is kept.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct KeyDigest(pub [u8; 32]);

impl fmt::Debug for KeyDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyDigest")
    }
}

impl Serialize for KeyDigest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text: String = self.0.iter().map(|byte| format!("{byte:02x}")).collect();
        serializer.serialize_str(&text)
    }
}

impl<'de> Deserialize<'de> for KeyDigest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let bytes: Option<Vec<u8>> = text.as_bytes().chunks(2).map(hex_byte).collect();
        let digest = bytes.and_then(|bytes| bytes.try_into().ok());
        digest.map(Self).ok_or_else(|| de::Error::custom("a digest is not 64 hexadecimal digits"))
    }
}

fn hex_byte(digits: &[u8]) -> Option<u8> {
    let text = std::str::from_utf8(digits).ok()?;
    u8::from_str_radix(text, 16).ok()
}

/// A key, without what its bearer knows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccessKey {
    /// What it is called; part of its text.
    pub id: String,
    /// Tells its text.
    pub digest: KeyDigest,
    /// What it is for.
    pub role: Role,
    /// What its bearer sees.
    #[serde(default, skip_serializing_if = "is_everything")]
    pub scope: Arc<AccessScope>,
    /// What is written into the events of its bearer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub set: Option<Arc<FixedProperties>>,
    /// When it was made.
    pub created_at: Timestamp,
    /// From when on it opens nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// Requests that it may make in a second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests_per_s: Option<NonZeroU32>,
    /// What its maker wrote down about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

impl AccessKey {
    /// Whether it still opens anything.
    #[must_use]
    pub fn is_valid(&self, now: Timestamp) -> bool {
        self.expires_at.is_none_or(|end| now < end)
    }
}

fn is_everything(scope: &Arc<AccessScope>) -> bool {
    scope.is_everything()
}

/// All keys, by id.
pub type AccessKeys = BTreeMap<String, Arc<AccessKey>>;

/// Keys at most.
pub const KEYS_MAX: usize = 1000;

/// Why keys stay as they are.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// With another first key no key could make a second one.
    #[error("the first key has to have role `admin`: without one nobody could make another")]
    FirstIsNoAdmin,
    /// Without it no key could make or revoke keys.
    #[error("`{0}` is the last valid key with role `admin`; make another one first")]
    LastAdmin(String),
    /// There is no such key.
    #[error("there is no key `{0}`")]
    Unknown(String),
    /// There are as many as there may be.
    #[error("there are {KEYS_MAX} keys already, the most that there can be; revoke some first")]
    TooMany,
    /// It could not be stored; nothing changed.
    #[error("the keys were not stored: {0}")]
    Store(String),
}

/// A change of the keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyChange {
    /// Another one.
    Create(Arc<AccessKey>),
    /// The one with this id opens nothing from now on.
    Revoke(String),
}

impl KeyChange {
    /// Whether keys can be changed after it: once there are keys, there is always one with role
    /// `admin`, so that revoking keys never opens a service to everybody.
    ///
    /// # Errors
    /// Why it must not be.
    pub fn check(&self, keys: &AccessKeys, now: Timestamp) -> Result<(), KeyError> {
        let is_admin = |key: &AccessKey| key.role == Role::Admin && key.is_valid(now);
        let has_admin = |but: &str| keys.values().any(|key| key.id != but && is_admin(key));
        match self {
            // One more with role `admin` can always be made, to revoke others with.
            Self::Create(key) if keys.len() >= KEYS_MAX && !is_admin(key) => Err(KeyError::TooMany),
            Self::Create(key) if keys.is_empty() && !is_admin(key) => Err(KeyError::FirstIsNoAdmin),
            Self::Create(_) => Ok(()),
            Self::Revoke(id) if !keys.contains_key(id) => Err(KeyError::Unknown(id.clone())),
            Self::Revoke(id) if !has_admin(id) && has_admin("") => {
                Err(KeyError::LastAdmin(id.clone()))
            }
            Self::Revoke(_) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_open_what_they_are_for() {
        let (all, some) = (
            AccessScope::default(),
            AccessScope { metrics: Some(["m".to_owned()].into()), ..AccessScope::default() },
        );
        let accesses = [
            RouteAccess::Open,
            RouteAccess::WriteKey,
            RouteAccess::Read,
            RouteAccess::ReadAll,
            RouteAccess::Admin,
        ];
        assert!(
            RouteAccess::Ingest.allows(Role::Ingest, &all)
                && !RouteAccess::Ingest.allows(Role::Read, &all)
        );
        let opened = |role, scope: &AccessScope| accesses.map(|access| access.allows(role, scope));
        assert_eq!(opened(Role::Ingest, &all), [true, true, false, false, false]);
        assert_eq!(opened(Role::Read, &all), [true, false, true, true, false]);
        assert_eq!(opened(Role::Read, &some), [true, false, true, false, false]);
        assert_eq!(opened(Role::Admin, &all), [true; 5]);
        assert!(some.allows_metric("m") && !some.allows_metric("n") && all.allows_metric("n"));
    }

    fn key(id: &str, role: Role, expires_at: Option<i64>) -> Arc<AccessKey> {
        Arc::new(AccessKey {
            id: id.to_owned(),
            digest: KeyDigest([0; 32]),
            role,
            scope: Arc::default(),
            set: None,
            created_at: Timestamp(0),
            expires_at: expires_at.map(Timestamp),
            requests_per_s: None,
            note: None,
        })
    }

    #[test]
    fn somebody_can_always_change_keys() {
        let now = Timestamp(10);
        let keys = |keys: &[Arc<AccessKey>]| -> AccessKeys {
            keys.iter().map(|key| (key.id.clone(), Arc::clone(key))).collect()
        };
        let none = keys(&[]);
        let create =
            |key: Arc<AccessKey>, keys: &AccessKeys| KeyChange::Create(key).check(keys, now);
        let revoke =
            |id: &str, keys: &AccessKeys| KeyChange::Revoke(id.to_owned()).check(keys, now);
        assert_eq!(create(key("r", Role::Read, None), &none), Err(KeyError::FirstIsNoAdmin));
        assert_eq!(create(key("a", Role::Admin, Some(10)), &none), Err(KeyError::FirstIsNoAdmin));
        assert_eq!(create(key("a", Role::Admin, None), &none), Ok(()));
        let both = keys(&[key("a", Role::Admin, None), key("r", Role::Read, None)]);
        assert_eq!(create(key("i", Role::Ingest, None), &both), Ok(()));
        assert_eq!(revoke("a", &both), Err(KeyError::LastAdmin("a".to_owned())));
        assert_eq!(revoke("r", &both), Ok(()));
        assert_eq!(revoke("x", &both), Err(KeyError::Unknown("x".to_owned())));
        let last = keys(&[key("a", Role::Admin, None)]);
        assert_eq!(revoke("a", &last), Err(KeyError::LastAdmin("a".to_owned())));
        let old = keys(&[key("a", Role::Admin, None), key("b", Role::Admin, Some(9))]);
        assert_eq!(revoke("a", &old), Err(KeyError::LastAdmin("a".to_owned())));
        assert_eq!(revoke("b", &old), Ok(()));
    }

    fn fixed(values: &[(&str, &str)]) -> Result<FixedProperties, String> {
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        values.iter().map(own).collect::<BTreeMap<_, _>>().try_into()
    }

    #[test]
    fn fixed_properties_are_bounded_and_have_one_text() {
        let some = fixed(&[("tenant", "acme \"1\""), ("plan", "")]).unwrap();
        assert_eq!(some.json(), r#""plan":"","tenant":"acme \"1\"""#);
        assert!(some.has("plan") && !some.has("Plan"));
        for name in ["", "a.b", "a b", "é", &"x".repeat(65)] {
            assert!(fixed(&[(name, "v")]).unwrap_err().contains("A-Za-z0-9_-"), "{name}");
        }
        assert!(fixed(&[]).is_err());
        assert!(fixed(&[("a", &"x".repeat(507))]).unwrap_err().contains("513 bytes"));
        let names: Vec<String> = (0..11).map(|n| n.to_string()).collect();
        let many: Vec<_> = names.iter().map(|name| (&**name, "v")).collect();
        assert!(fixed(&many).is_err() && fixed(&many[1..]).is_ok());
        assert!(serde_json::from_str::<FixedProperties>(r#"{"a.b":"c"}"#).is_err());
    }

    #[test]
    fn a_stored_key_reads_back() {
        let key = AccessKey {
            id: "k1".to_owned(),
            digest: KeyDigest(std::array::from_fn(|n| n as u8 * 7)),
            role: Role::Read,
            scope: Arc::new(AccessScope {
                metrics: None,
                filter: Some("tenant = 'acme'".to_owned()),
            }),
            set: Some(Arc::new(fixed(&[("tenant", "acme \"1\""), ("plan", "")]).unwrap())),
            created_at: Timestamp(1),
            expires_at: Some(Timestamp(2)),
            requests_per_s: NonZeroU32::new(10),
            note: None,
        };
        let text = serde_json::to_string(&key).unwrap();
        assert_eq!(serde_json::from_str::<AccessKey>(&text).unwrap(), key);
        assert!(key.is_valid(Timestamp(1)) && !key.is_valid(Timestamp(2)));
        for wrong in ["", "00", &"0".repeat(65), &"x".repeat(64), &"é".repeat(32)] {
            assert!(serde_json::from_str::<KeyDigest>(&format!("\"{wrong}\"")).is_err(), "{wrong}");
        }
    }
}
