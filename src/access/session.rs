//! Sessions: what stands for a key in the browser of a user of the page.
//!
//! A session is a random text in a cookie that no script can read. The service keeps its digest,
//! in memory: a restart ends all sessions. It opens what its key opens, but for sending events, and
//! ends with the key, after [`IDLE_MS`] without a request, or when it is closed.
//!
//! In a cluster the text is signed ([`super::signed_session`]), and a process that does not know it
//! takes it over, for [`IDLE_MS`] after it was opened, unless it was closed, which the storage says
//! ([`SharedSessions`]).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context;
use axum::http::{HeaderMap, HeaderValue};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures::future::BoxFuture;
use headers::{Cookie, HeaderMapExt};
use merganser_api::problem::Problem;
use merganser_core::access::{AccessKey, AccessKeys};
use merganser_core::time::Timestamp;
use sha2::{Digest, Sha256};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::cluster_secret::ClusterSecret;
use super::signed_session::{sign, verify};
use super::site::is_same_origin;

/// Sessions that are open at a time; the one that was not used for the longest makes room.
const SESSIONS_MAX: usize = 10_000;
/// How long one may go unused: 12 hours.
const IDLE_MS: u64 = 12 * 60 * 60 * 1000;

/// The cookie that a session is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SessionCookie {
    /// Of a service without TLS.
    Plain,
    /// Of a service with TLS: it is sent nowhere else, and no other host can set it (RFC 6265bis,
    /// 4.1.3.2).
    Secure,
}

impl SessionCookie {
    const fn name(self) -> &'static str {
        match self {
            Self::Plain => "merganser-session",
            Self::Secure => "__Host-merganser-session",
        }
    }

    /// The text of a session, of a request that the service's own page makes.
    pub(super) fn read(self, headers: &HeaderMap) -> Option<String> {
        let cookie = headers.typed_get::<Cookie>().filter(|_| is_same_origin(headers))?;
        cookie.get(self.name()).map(str::to_owned)
    }

    /// Sets it to a session's text, for as long as the browser runs.
    pub(super) fn set(self, text: &str) -> anyhow::Result<HeaderValue> {
        self.write(text, "")
    }

    /// Has the browser forget it.
    pub(super) fn clear(self) -> anyhow::Result<HeaderValue> {
        self.write("", "; Max-Age=0")
    }

    fn write(self, text: &str, age: &str) -> anyhow::Result<HeaderValue> {
        let secure = match self {
            Self::Plain => "",
            Self::Secure => "; Secure",
        };
        let name = self.name();
        let value = format!("{name}={text}; Path=/; HttpOnly; SameSite=Strict{secure}{age}");
        HeaderValue::from_str(&value).context("a cookie is no header")
    }
}

/// A session that a request belongs to.
#[derive(Clone, Debug)]
pub(super) struct OpenSession {
    /// What it stands for.
    pub(super) key: Arc<AccessKey>,
    /// Cancelled when it ends.
    pub(super) ended: CancellationToken,
}

/// A session as processes of a cluster know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SharedSession {
    /// SHA-256 of its text, in hexadecimal digits.
    pub(crate) digest: String,
    pub(crate) opened_at: Timestamp,
}

/// What the processes of a cluster know of each other's sessions.
pub(crate) trait SharedSessions: Send + Sync {
    /// Whether one was closed.
    ///
    /// # Errors
    /// When that cannot be known.
    fn is_closed(&self, session: SharedSession) -> BoxFuture<'_, Result<bool, Problem>>;

    /// Notes that one is closed, and has the others close it, who get the headers of the request.
    ///
    /// # Errors
    /// When it could not be noted.
    fn close(&self, session: SharedSession, of: &HeaderMap) -> BoxFuture<'_, Result<(), Problem>>;
}

/// The sessions that there are. Clones share them.
#[derive(Clone, Default)]
pub(super) struct SessionStore {
    entries: Arc<Mutex<HashMap<SessionDigest, SessionEntry>>>,
    /// What other processes of a cluster sign theirs with.
    secret: Option<ClusterSecret>,
}

/// SHA-256 of a session's text.
type SessionDigest = [u8; 32];

struct SessionEntry {
    key: Arc<AccessKey>,
    used_at: Timestamp,
    ended: CancellationToken,
    /// Tells when the entry goes.
    _end: DropGuard,
}

impl SessionEntry {
    fn new(key: Arc<AccessKey>, used_at: Timestamp) -> Self {
        let ended = CancellationToken::new();
        Self { key, used_at, _end: ended.clone().drop_guard(), ended }
    }

    fn is_idle(&self, now: Timestamp) -> bool {
        now.millis_since(self.used_at) > IDLE_MS
    }
}

impl SessionStore {
    /// The sessions of a process of a cluster.
    pub(super) fn in_cluster(secret: ClusterSecret) -> Self {
        Self { secret: Some(secret), ..Self::default() }
    }

    /// Opens a session of a key; its text.
    ///
    /// # Errors
    /// When the system has no random numbers.
    pub(super) fn open(&self, key: Arc<AccessKey>, now: Timestamp) -> anyhow::Result<String> {
        let mut random = [0; 32];
        getrandom::fill(&mut random).context("the system gives no random numbers")?;
        let random = URL_SAFE_NO_PAD.encode(random);
        let text = match &self.secret {
            Some(secret) => sign(secret, &random, &key.id, now).context("it cannot be signed")?,
            None => random,
        };
        self.with_entries(|entries| {
            insert(entries, digest(&text), SessionEntry::new(key, now), now);
        });
        Ok(text)
    }

    /// The session of a text, if it has not ended; from now on it goes unused anew.
    pub(super) fn find(
        &self,
        text: &str,
        keys: &AccessKeys,
        now: Timestamp,
    ) -> Option<OpenSession> {
        let digest = digest(text);
        self.with_entries(|entries| {
            let entry = entries.get_mut(&digest)?;
            let key = &entry.key;
            if entry.is_idle(now) || keys.get(&key.id) != Some(key) || !key.is_valid(now) {
                entries.remove(&digest);
                return None;
            }
            entry.used_at = entry.used_at.max(now);
            Some(OpenSession { key: Arc::clone(&entry.key), ended: entry.ended.clone() })
        })
    }

    /// What other processes of the cluster know a session by, if one of them has opened it, or this
    /// one, so lately that it may be taken over.
    pub(super) fn shared(&self, text: &str, now: Timestamp) -> Option<SharedSession> {
        let opened_at = verify(self.secret.as_ref()?, text)?.opened_at;
        let digest = digest(text).iter().map(|byte| format!("{byte:02x}")).collect();
        (now.millis_since(opened_at) <= IDLE_MS).then_some(SharedSession { digest, opened_at })
    }

    /// Takes over a session that another process of the cluster has opened, and nobody has closed.
    pub(super) fn take_over(&self, text: &str, keys: &AccessKeys, now: Timestamp) {
        let session = self.secret.as_ref().and_then(|secret| verify(secret, text));
        let Some(session) = session else { return };
        let Some(key) = keys.get(session.key_id) else { return };
        let entry = SessionEntry::new(Arc::clone(key), session.opened_at);
        self.with_entries(|entries| insert(entries, digest(text), entry, now));
    }

    /// Ends a session here.
    pub(super) fn close(&self, text: &str) {
        self.with_entries(|entries| entries.remove(&digest(text)));
    }

    fn with_entries<T>(
        &self,
        work: impl FnOnce(&mut HashMap<SessionDigest, SessionEntry>) -> T,
    ) -> T {
        work(&mut self.entries.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Puts an entry in, for which an idle one or the one that was not used for the longest makes room.
fn insert(
    entries: &mut HashMap<SessionDigest, SessionEntry>,
    digest: SessionDigest,
    entry: SessionEntry,
    now: Timestamp,
) {
    entries.retain(|_, entry| !entry.is_idle(now));
    if entries.len() >= SESSIONS_MAX {
        let oldest = entries.iter().min_by_key(|(_, entry)| entry.used_at);
        let oldest = oldest.map(|(digest, _)| *digest);
        oldest.map(|digest| entries.remove(&digest));
    }
    entries.insert(digest, entry);
}

fn digest(text: &str) -> SessionDigest {
    Sha256::digest(text).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::tests::key;
    use merganser_core::access::Role;

    const HOUR_US: i64 = 3_600_000_000;

    fn keys(keys: &[&Arc<AccessKey>]) -> AccessKeys {
        keys.iter().map(|key| (key.id.clone(), Arc::clone(key))).collect()
    }

    fn made(role: Role) -> Arc<AccessKey> {
        Arc::new(key(role).0)
    }

    #[test]
    fn a_session_ends_when_it_is_not_used_with_its_key_and_when_it_is_closed() {
        let (sessions, reader) = (SessionStore::default(), made(Role::Read));
        let all = keys(&[&reader]);
        let at = |hours: i64| Timestamp(hours * HOUR_US);
        let text = sessions.open(Arc::clone(&reader), at(0)).unwrap();
        assert_eq!(text.len(), 43, "256 bits in base64");
        for hours in [1, 13, 25, 37] {
            assert!(sessions.find(&text, &all, at(hours)).is_some(), "used 12 h ago");
        }
        // A clock that was set back neither ends it nor makes it older.
        assert!(sessions.find(&text, &all, at(0)).is_some());
        let open = sessions.find(&text, &all, at(49)).unwrap();
        assert_eq!(open.key, reader);
        assert!(sessions.find(&text, &all, Timestamp(at(61).0 + 1000)).is_none());
        assert!(open.ended.is_cancelled() && sessions.find(&text, &all, at(49)).is_none());

        let text = sessions.open(Arc::clone(&reader), at(0)).unwrap();
        let other = sessions.open(Arc::clone(&reader), at(0)).unwrap();
        let open = sessions.find(&text, &all, at(0)).unwrap();
        sessions.close(&text);
        assert!(open.ended.is_cancelled() && sessions.find(&text, &all, at(0)).is_none());
        assert!(sessions.find(&other, &all, at(0)).is_some());
        assert!(sessions.find(&other, &keys(&[]), at(0)).is_none(), "its key was revoked");
        let mut expiring = key(Role::Read).0;
        expiring.expires_at = Some(at(1));
        let expiring = Arc::new(expiring);
        let text = sessions.open(Arc::clone(&expiring), at(0)).unwrap();
        assert!(sessions.find(&text, &keys(&[&expiring]), at(1)).is_none());
        for wrong in ["", "x", &text[1..]] {
            assert!(sessions.find(wrong, &all, at(0)).is_none());
        }
    }

    #[test]
    fn processes_of_a_cluster_take_sessions_over_from_each_other() {
        let reader = made(Role::Read);
        let all = keys(&[&reader]);
        let at = |hours: i64| Timestamp(hours * HOUR_US);
        let of_cluster =
            |secret: &str| SessionStore::in_cluster(ClusterSecret::new(secret).unwrap());
        let (one, other) = (of_cluster("a"), of_cluster("a"));
        let text = one.open(Arc::clone(&reader), at(0)).unwrap();
        assert!(other.find(&text, &all, at(1)).is_none(), "it may have been closed");
        assert_eq!(other.shared(&text, at(1)), one.shared(&text, at(1)));
        assert_eq!(other.shared(&text, at(1)).unwrap().opened_at, at(0));
        other.take_over(&text, &all, at(1));
        let there = other.find(&text, &all, at(1)).unwrap();
        assert_eq!(there.key, reader);
        assert!(other.find(&text, &all, at(13)).is_some(), "it was used");
        other.close(&text);
        assert!(there.ended.is_cancelled() && other.find(&text, &all, at(13)).is_none());
        assert_eq!(other.shared(&text, at(13)), None, "it is too old");
        for (store, keys, now) in [
            (of_cluster("b"), &all, at(1)),
            (SessionStore::default(), &all, at(1)),
            (of_cluster("a"), &keys(&[]), at(1)),
            (of_cluster("a"), &all, at(13)),
        ] {
            store.take_over(&text, keys, now);
            assert!(store.find(&text, keys, now).is_none());
        }
    }

    #[test]
    fn of_too_many_sessions_the_one_goes_that_was_not_used_for_the_longest() {
        let (sessions, reader) = (SessionStore::default(), made(Role::Read));
        let all = keys(&[&reader]);
        let open = |at: i64| sessions.open(Arc::clone(&reader), Timestamp(at)).unwrap();
        let texts: Vec<String> = (0..SESSIONS_MAX as i64).map(&open).collect();
        let is_open = |text: &str| sessions.find(text, &all, Timestamp(20_000)).is_some();
        assert!(is_open(&texts[0]), "and is now the newest");
        open(20_001);
        let is_there = |text: &String| sessions.entries.lock().unwrap().contains_key(&digest(text));
        assert!(is_there(&texts[0]) && !is_there(&texts[1]) && is_there(&texts[2]));
        assert_eq!(sessions.entries.lock().unwrap().len(), SESSIONS_MAX);
        open(20_001 + 13 * HOUR_US);
        assert_eq!(sessions.entries.lock().unwrap().len(), 1, "those that are idle are forgotten");
    }

    #[test]
    fn a_cookie_is_read_from_requests_of_the_page_itself() {
        let read = |cookie: SessionCookie, text: &str, site: Option<&str>| {
            let mut headers = HeaderMap::new();
            headers.insert("cookie", text.parse().unwrap());
            if let Some(site) = site {
                headers.insert("sec-fetch-site", site.parse().unwrap());
            }
            cookie.read(&headers)
        };
        let same = Some("same-origin");
        let plain = "a=b; merganser-session=x-_1; c=d";
        assert_eq!(read(SessionCookie::Plain, plain, same).as_deref(), Some("x-_1"));
        for site in [None, Some("none"), Some("same-site"), Some("cross-site")] {
            assert_eq!(read(SessionCookie::Plain, plain, site), None, "{site:?}");
        }
        assert_eq!(read(SessionCookie::Secure, plain, same), None, "any host could have set it");
        let secure = "__Host-merganser-session=y";
        assert_eq!(read(SessionCookie::Secure, secure, same).as_deref(), Some("y"));
        assert_eq!(read(SessionCookie::Plain, secure, same), None);
        assert_eq!(
            SessionCookie::Secure.set("y").unwrap(),
            "__Host-merganser-session=y; Path=/; HttpOnly; SameSite=Strict; Secure"
        );
        assert_eq!(
            SessionCookie::Plain.clear().unwrap(),
            "merganser-session=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0"
        );
    }
}
