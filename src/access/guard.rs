//! Whether a request may go on: decided by its route and its headers, before its body is read.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use axum::http::{HeaderMap, Method, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use merganser_api::error_code::ErrorCode;
use merganser_api::problem::Problem;
use merganser_api::request::CallerId;
use merganser_core::access::{
    AccessKey, AccessKeys, AccessScope, FixedProperties, Role, RouteAccess,
};
use merganser_core::clock::Clock;
use merganser_core::time::Timestamp;
use merganser_metric::catalog::CatalogSnapshot;
use tokio::sync::watch;
use tokio::time::timeout;

use super::rate_limit::{KeyRateLimiters, RateLimitStatus};
use super::secret;
use super::streams::{StreamLimiter, StreamPermit};
use super::unauthenticated::{self, PeerNetwork, UnauthenticatedLimiter};
use crate::settings::AllowedOrigins;

const NO_KEYS: &str = "there are no keys, and this service can be reached from elsewhere; \
    `merganser keys create --role admin --data-dir DIR` makes the first one while it is stopped";

const KEY_MISSING: &str =
    "a key is needed: `Authorization: Bearer KEY`, or Basic with the key as password";
const WRITE_KEY_MISSING: &str = "a key is needed: `Authorization: Basic` with the key as name, \
    `Bearer KEY`, or `writeKey` in the body";

/// What whoever may see everything sees.
static EVERYTHING: LazyLock<Arc<AccessScope>> = LazyLock::new(Arc::default);

/// To whom everything is open for as long as there are no keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AnonymousAccess {
    /// Nobody.
    Closed,
    /// Whoever is on this machine.
    Loopback,
    /// Whoever reaches it.
    Everybody,
}

/// How often it is looked whether a key has expired meanwhile.
const LOOK_EVERY: Duration = Duration::from_secs(60);

/// A request that may go on.
#[derive(Clone, Debug)]
pub(crate) struct AuthorizedCaller {
    /// Its key; none where none is needed.
    pub(crate) key: Option<Arc<AccessKey>>,
    /// What is left of its key's rate, where it has one.
    pub(crate) spent: Option<RateLimitStatus>,
}

impl AuthorizedCaller {
    /// What is written into its events.
    pub(crate) fn fixed_properties(&self) -> Option<Arc<FixedProperties>> {
        self.key.as_ref()?.set.clone()
    }

    /// What its answer may be made of.
    pub(crate) fn scope(&self) -> Arc<AccessScope> {
        Arc::clone(self.key.as_ref().map_or(&EVERYTHING, |key| &key.scope))
    }

    /// Who it is to share with others fairly.
    pub(crate) fn asker(&self) -> CallerId {
        self.key.as_ref().map(|key| CallerId::key(&key.id)).unwrap_or_default()
    }
}

/// A request that may not.
#[derive(Debug)]
pub(crate) struct AccessRejection {
    pub(super) problem: Box<Problem>,
    spent: Option<RateLimitStatus>,
}

impl From<Problem> for AccessRejection {
    fn from(problem: Problem) -> Self {
        Self { problem: Box::new(problem), spent: None }
    }
}

impl From<(RateLimitStatus, Box<Problem>)> for AccessRejection {
    fn from((spent, problem): (RateLimitStatus, Box<Problem>)) -> Self {
        Self { problem, spent: Some(spent) }
    }
}

impl IntoResponse for AccessRejection {
    fn into_response(self) -> Response {
        let mut response = self.problem.into_response();
        if let Some(spent) = self.spent {
            spent.write_headers(response.headers_mut());
        }
        response
    }
}

/// Decides. Cheap to clone.
#[derive(Clone)]
pub(crate) struct AccessGuard(Arc<AccessGuardState>);

struct AccessGuardState {
    snapshots: watch::Receiver<Arc<CatalogSnapshot>>,
    clock: Arc<dyn Clock>,
    /// By path of the router and method; what is not there is for whoever runs the service.
    routes: HashMap<&'static str, Vec<(Method, RouteAccess)>>,
    openness: AnonymousAccess,
    /// Sites whose pages may use it although there are no keys.
    origins: AllowedOrigins,
    rates: KeyRateLimiters,
    streams: StreamLimiter,
    /// Places for bodies of senders that are not known yet.
    unknown: UnauthenticatedLimiter,
}

impl AccessGuard {
    /// Of a service with these routes and the keys of the newest snapshot.
    pub(crate) fn new(
        snapshots: watch::Receiver<Arc<CatalogSnapshot>>,
        clock: Arc<dyn Clock>,
        routes: impl IntoIterator<Item = (&'static str, Method, RouteAccess)>,
        openness: AnonymousAccess,
        origins: AllowedOrigins,
    ) -> Self {
        let mut table: HashMap<_, Vec<_>> = HashMap::new();
        for (path, method, access) in routes {
            table.entry(path).or_default().push((method, access));
        }
        Self(Arc::new(AccessGuardState {
            snapshots,
            clock,
            routes: table,
            openness,
            origins,
            rates: KeyRateLimiters::default(),
            streams: StreamLimiter::default(),
            unknown: UnauthenticatedLimiter::default(),
        }))
    }

    /// Whether a request for the route at `path` may go on; `None` where there is no route.
    ///
    /// # Errors
    /// Why not, and what would be right.
    pub(crate) fn check(
        &self,
        method: &Method,
        path: Option<&str>,
        headers: &HeaderMap,
    ) -> Result<AuthorizedCaller, AccessRejection> {
        let access = self.access(method, path);
        let keys = Arc::clone(&self.0.snapshots.borrow().keys);
        if access == Some(RouteAccess::Open) {
            return Ok(AuthorizedCaller { key: None, spent: None });
        }
        if keys.is_empty() {
            return match self.0.openness {
                AnonymousAccess::Closed => Err(unauthorized(ErrorCode::NoKeys, NO_KEYS).into()),
                open if self.is_allowed_origin(headers) => {
                    let _ = open;
                    Ok(AuthorizedCaller { key: None, spent: None })
                }
                open if is_cross_site(headers, open) => Err(cross_site_problem().into()),
                _ => Ok(AuthorizedCaller { key: None, spent: None }),
            };
        }
        let text = presented_key(headers)?
            .ok_or_else(|| unauthorized(ErrorCode::KeyMissing, KEY_MISSING))?;
        self.admit(access, &text, &keys)
    }

    /// Whether a request brings its key in its body, if it brings one.
    pub(super) fn expects_key_in_body(
        &self,
        method: &Method,
        path: Option<&str>,
        headers: &HeaderMap,
    ) -> bool {
        self.access(method, path) == Some(RouteAccess::WriteKey)
            && !headers.contains_key(header::AUTHORIZATION)
            && !self.0.snapshots.borrow().keys.is_empty()
    }

    /// The same as [`AccessGuard::check`] for a key that was in the body.
    ///
    /// # Errors
    /// As there.
    pub(super) fn check_write_key(
        &self,
        text: Option<&str>,
    ) -> Result<AuthorizedCaller, AccessRejection> {
        let keys = Arc::clone(&self.0.snapshots.borrow().keys);
        let text = text.ok_or_else(|| unauthorized(ErrorCode::KeyMissing, WRITE_KEY_MISSING))?;
        self.admit(Some(RouteAccess::WriteKey), text, &keys)
    }

    /// A place to read a body in before it is known who sends it.
    pub(super) fn unauthenticated_permit(
        &self,
        peer: PeerNetwork,
    ) -> Option<unauthenticated::UnauthenticatedPermit> {
        self.0.unknown.acquire(peer, Instant::now())
    }

    fn admit(
        &self,
        access: Option<RouteAccess>,
        text: &str,
        keys: &AccessKeys,
    ) -> Result<AuthorizedCaller, AccessRejection> {
        let key = find_key(keys, text, self.0.clock.now())?;
        // Who asks for what is not there may learn that, whatever the key is for.
        if let Some(access) = access
            && !access.allows(key.role, &key.scope)
        {
            return Err(forbidden(access, key).into());
        }
        let spent = self.0.rates.acquire(key, keys)?;
        Ok(AuthorizedCaller { key: Some(Arc::clone(key)), spent })
    }

    /// Returns once a request that was let through would no longer be.
    pub(crate) async fn until_revoked(self, passed: Option<Arc<AccessKey>>) {
        let mut snapshots = self.0.snapshots.clone();
        loop {
            let now = self.0.clock.now();
            let left = {
                let snapshot = snapshots.borrow_and_update();
                match &passed {
                    None if snapshot.keys.is_empty() => LOOK_EVERY,
                    Some(key) if snapshot.keys.get(&key.id) == Some(key) && key.is_valid(now) => {
                        let left = key.expires_at.map(|end| end.millis_since(now));
                        left.map_or(LOOK_EVERY, |ms| LOOK_EVERY.min(Duration::from_millis(ms + 1)))
                    }
                    _ => return,
                }
            };
            // Where no more snapshots come, the service ends, and its streams with it.
            if let Ok(Err(_)) = timeout(left, snapshots.changed()).await {
                return;
            }
        }
    }

    /// A place for one more stream of a request that was let through.
    ///
    /// # Errors
    /// When its key holds as many as it may.
    pub(super) fn open_stream(
        &self,
        passed: &AuthorizedCaller,
    ) -> Result<Option<StreamPermit>, AccessRejection> {
        Ok(passed.key.as_ref().map(|key| self.0.streams.open(key)).transpose()?)
    }

    /// Whether whoever was let through may know all that the service knows: with role `admin`, or
    /// as everybody while there are no keys.
    pub(super) fn is_admin(&self, passed: &AuthorizedCaller) -> bool {
        match &passed.key {
            Some(key) => key.role == Role::Admin,
            None => self.0.snapshots.borrow().keys.is_empty(),
        }
    }

    fn is_allowed_origin(&self, headers: &HeaderMap) -> bool {
        headers.get(header::ORIGIN).is_some_and(|origin| self.0.origins.contains(origin))
    }

    fn access(&self, method: &Method, path: Option<&str>) -> Option<RouteAccess> {
        let method = if method == Method::HEAD { &Method::GET } else { method };
        let methods = self.0.routes.get(path?);
        let found = methods.into_iter().flatten().find(|(known, _)| known == method);
        Some(found.map_or(RouteAccess::Admin, |(_, access)| *access))
    }
}

/// The key of a text.
fn find_key<'a>(
    keys: &'a AccessKeys,
    text: &str,
    now: Timestamp,
) -> Result<&'a Arc<AccessKey>, Problem> {
    let found = secret::key_id(text).and_then(|id| keys.get(id));
    let key = found.filter(|key| secret::matches_digest(text, &key.digest));
    let key = key.ok_or_else(unknown_key_problem)?;
    if !key.is_valid(now) {
        return Err(unauthorized(ErrorCode::KeyExpired, "the key has expired; ask for a new one"));
    }
    Ok(key)
}

/// Whether a page of another site makes the request with its reader's browser, which reaches what
/// the reader reaches: browsers say so (Fetch Metadata), but for a page that has taken over a name
/// for this address (DNS rebinding), which the name tells.
fn is_cross_site(headers: &HeaderMap, openness: AnonymousAccess) -> bool {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    let is_cross =
        text("sec-fetch-site").is_some_and(|site| !["same-origin", "none"].contains(&site));
    let is_renamed = || text("host").is_some_and(|host| !is_local(host));
    is_cross || (openness == AnonymousAccess::Loopback && is_renamed())
}

/// Whether a `Host` can be no name that somebody else has registered: an address, or a name without
/// a dot, or below `localhost`.
fn is_local(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    !name.contains('.') || name.ends_with(".localhost") || name.parse::<IpAddr>().is_ok()
}

fn cross_site_problem() -> Problem {
    let detail = "there are no keys, so that pages of other sites are refused, and names of other \
                  machines; `merganser keys create --role admin` makes a key";
    Problem::new(ErrorCode::AnotherSite, detail)
}

/// The key's text, of `Authorization: Bearer` or `Basic`. Of the latter it is the password, or the
/// name where there is no password, as some clients send it.
fn presented_key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(value) = headers.get(header::AUTHORIZATION) else { return Ok(None) };
    let malformed = || {
        let detail = "`Authorization` cannot be read; `Bearer KEY`, or `Basic` with base64 of \
                      `name:KEY`, is right";
        unauthorized(ErrorCode::MalformedAuthorization, detail)
    };
    let (scheme, rest) =
        value.to_str().ok().and_then(|v| v.split_once(' ')).ok_or_else(malformed)?;
    let rest = rest.trim();
    if scheme.eq_ignore_ascii_case("bearer") {
        return Ok(Some(rest.to_owned()));
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return Err(malformed());
    }
    let text = STANDARD.decode(rest).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let text = text.ok_or_else(malformed)?;
    let (name, password) = text.split_once(':').ok_or_else(malformed)?;
    Ok(Some(if password.is_empty() { name } else { password }.to_owned()))
}

/// The refusal of a key that is not there, or no longer.
pub(super) fn unknown_key_problem() -> Problem {
    unauthorized(ErrorCode::KeyUnknown, "the key is not one of this service's, or was revoked")
}

fn unauthorized(code: ErrorCode, detail: &str) -> Problem {
    Problem::new(code, detail)
}

fn forbidden(access: RouteAccess, key: &AccessKey) -> Problem {
    let needed = match access {
        RouteAccess::Open | RouteAccess::Ingest | RouteAccess::WriteKey => "role `ingest`",
        RouteAccess::Read => "role `read`",
        RouteAccess::ReadAll if key.role == Role::Read => {
            "one that is not bound to metrics or a filter"
        }
        RouteAccess::ReadAll => "role `read`, not bound to metrics or a filter",
        RouteAccess::Admin => "role `admin`",
    };
    let detail = format!("the key `{}` has role `{}`; this needs {needed}", key.id, key.role);
    Problem::new(ErrorCode::Forbidden, detail).with("role", key.role.name())
}
