//! Whether a request may go on: decided by its route and its headers, before its body is read.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use axum::http::{HeaderMap, HeaderValue, Method, header};
use axum::response::{IntoResponse, Response};
use merganser_api::error_code::ErrorCode;
use merganser_api::problem::Problem;
use merganser_api::request::CallerId;
use merganser_core::access::{
    AccessKey, AccessKeys, AccessScope, FixedProperties, Role, RouteAccess,
};
use merganser_core::clock::Clock;
use merganser_metric::catalog::CatalogSnapshot;
use tokio::sync::watch;
use tokio::time::timeout;

use super::bearer::{Bearer, SessionUse, find_key, presented_key, unauthorized};
use super::rate_limit::{KeyRateLimiters, RateLimitStatus};
use super::session::{OpenSession, SessionCookie, SessionStore};
use super::site::{cross_site_problem, is_cross_site};
use super::streams::{StreamLimiter, StreamPermit};
use super::unauthenticated::{self, PeerNetwork, UnauthenticatedLimiter};
use crate::settings::AllowedOrigins;

const NO_KEYS: &str = "there are no keys, and this service can be reached from elsewhere; \
    `merganser keys create --role admin --data-dir DIR` makes the first one while it is stopped";

const KEY_MISSING: &str =
    "a key is needed: `Authorization: Bearer KEY`, or Basic with the key as password";
const SESSION_ENDED: &str = "the session has ended: it was not used for 12 hours, its key was \
    revoked, or the service was restarted; `POST /v1/session` opens another one";
const WRITE_KEY_MISSING: &str = "a key is needed: `Authorization: Basic` with the key as name, \
    `Bearer KEY`, or `writeKey` in the body";

/// The scope of a caller that may see everything.
static EVERYTHING: LazyLock<Arc<AccessScope>> = LazyLock::new(Arc::default);

/// To whom everything is open for as long as there are no keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AnonymousAccess {
    /// To no caller.
    Closed,
    /// To callers on this machine.
    Loopback,
    /// To every caller that reaches it.
    Everybody,
}

/// How often it is looked whether a key has expired meanwhile.
const LOOK_EVERY: Duration = Duration::from_secs(60);

/// A session that was opened just now.
pub(super) struct NewSession {
    /// What it stands for.
    pub(super) key: Arc<AccessKey>,
    /// What brings it back.
    pub(super) cookie: HeaderValue,
    /// What is left of its key's rate, where it has one.
    pub(super) spent: Option<RateLimitStatus>,
}

/// A request that may go on.
#[derive(Clone, Debug, Default)]
pub(crate) struct AuthorizedCaller {
    /// Its key; none where none is needed.
    pub(crate) key: Option<Arc<AccessKey>>,
    /// The session that brought it.
    pub(super) session: Option<OpenSession>,
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

    /// The caller, by whom work is shared fairly.
    pub(crate) fn caller(&self) -> CallerId {
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
    /// By path of the router and method; a route that is not there is for role `admin` only.
    routes: HashMap<&'static str, Vec<(Method, RouteAccess)>>,
    openness: AnonymousAccess,
    /// Sites whose pages may use it although there are no keys.
    origins: AllowedOrigins,
    rates: KeyRateLimiters,
    streams: StreamLimiter,
    sessions: SessionStore,
    cookie: SessionCookie,
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
        cookie: SessionCookie,
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
            sessions: SessionStore::default(),
            cookie,
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
        let sessions = match access {
            Some(RouteAccess::Open) => return Ok(AuthorizedCaller::default()),
            Some(RouteAccess::Ingest | RouteAccess::WriteKey) => SessionUse::Ignored,
            Some(RouteAccess::Read | RouteAccess::ReadAll | RouteAccess::Admin) | None => {
                SessionUse::Accepted
            }
        };
        match self.bearer(headers, sessions)? {
            Bearer::Anybody => Ok(AuthorizedCaller::default()),
            Bearer::Key(key) => self.admit(access, key),
            Bearer::Session(session) => {
                let admitted = self.admit(access, Arc::clone(&session.key))?;
                Ok(AuthorizedCaller { session: Some(session), ..admitted })
            }
        }
    }

    /// The bearer of a request, by its headers. A key in them goes before a session.
    ///
    /// # Errors
    /// When the request has no valid key or session and needs one.
    pub(super) fn bearer(
        &self,
        headers: &HeaderMap,
        sessions: SessionUse,
    ) -> Result<Bearer, Problem> {
        let keys = self.keys();
        if keys.is_empty() {
            return match self.0.openness {
                AnonymousAccess::Closed => Err(unauthorized(ErrorCode::NoKeys, NO_KEYS)),
                _ if self.is_allowed_origin(headers) => Ok(Bearer::Anybody),
                open if is_cross_site(headers, open) => Err(cross_site_problem()),
                _ => Ok(Bearer::Anybody),
            };
        }
        let now = self.0.clock.now();
        if let Some(text) = presented_key(headers)? {
            return find_key(&keys, &text, now).map(|key| Bearer::Key(Arc::clone(key)));
        }
        let session = self.0.cookie.read(headers).filter(|_| sessions == SessionUse::Accepted);
        let Some(text) = session else {
            return Err(unauthorized(ErrorCode::KeyMissing, KEY_MISSING));
        };
        let found = self.0.sessions.find(&text, &keys, now).map(Bearer::Session);
        found.ok_or_else(|| unauthorized(ErrorCode::SessionEnded, SESSION_ENDED))
    }

    /// Opens a session of the key with this text, whatever its role.
    ///
    /// # Errors
    /// When there is no such key, or it makes too many requests.
    pub(super) fn open_session(&self, text: &str) -> Result<NewSession, AccessRejection> {
        let (keys, now) = (self.keys(), self.0.clock.now());
        let key = Arc::clone(find_key(&keys, text, now)?);
        let spent = self.0.rates.acquire(&key, &keys)?;
        let opened = self.0.sessions.open(Arc::clone(&key), now);
        let cookie = opened.and_then(|text| self.0.cookie.set(&text)).map_err(internal)?;
        Ok(NewSession { key, cookie, spent })
    }

    /// Ends the session of a request, if it has one; what has the browser forget it.
    ///
    /// # Errors
    /// Only by a fault.
    pub(super) fn close_session(&self, headers: &HeaderMap) -> Result<HeaderValue, Problem> {
        if let Some(text) = self.0.cookie.read(headers) {
            self.0.sessions.close(&text);
        }
        self.0.cookie.clear().map_err(internal)
    }

    fn keys(&self) -> Arc<AccessKeys> {
        Arc::clone(&self.0.snapshots.borrow().keys)
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
            && !self.keys().is_empty()
    }

    /// The same as [`AccessGuard::check`] for a key that was in the body.
    ///
    /// # Errors
    /// As there.
    pub(super) fn check_write_key(
        &self,
        text: Option<&str>,
    ) -> Result<AuthorizedCaller, AccessRejection> {
        let text = text.ok_or_else(|| unauthorized(ErrorCode::KeyMissing, WRITE_KEY_MISSING))?;
        let keys = self.keys();
        let key = find_key(&keys, text, self.0.clock.now())?;
        self.admit(Some(RouteAccess::WriteKey), Arc::clone(key))
    }

    /// A place to read a body before its sender is known.
    pub(super) fn unauthenticated_permit(
        &self,
        peer: PeerNetwork,
    ) -> Option<unauthenticated::UnauthenticatedPermit> {
        self.0.unknown.acquire(peer, Instant::now())
    }

    fn admit(
        &self,
        access: Option<RouteAccess>,
        key: Arc<AccessKey>,
    ) -> Result<AuthorizedCaller, AccessRejection> {
        // A path without a route is answered with 404, whatever the role of the key.
        if let Some(access) = access
            && !access.allows(key.role, &key.scope)
        {
            return Err(forbidden(access, &key).into());
        }
        let spent = self.0.rates.acquire(&key, &self.keys())?;
        Ok(AuthorizedCaller { key: Some(key), session: None, spent })
    }

    /// Returns once a request that was let through would no longer be.
    pub(super) async fn until_ended(self, passed: &AuthorizedCaller) {
        let revoked = self.until_revoked(passed.key.clone());
        match &passed.session {
            None => revoked.await,
            Some(session) => tokio::select! {
                () = revoked => {}
                () = session.ended.cancelled() => {}
            },
        }
    }

    /// The same of a key.
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

    /// Whether an authorized caller may see all details: with role `admin`, or any caller while
    /// there are no keys.
    pub(super) fn is_admin(&self, passed: &AuthorizedCaller) -> bool {
        match &passed.key {
            Some(key) => key.role == Role::Admin,
            None => self.keys().is_empty(),
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

fn internal(error: anyhow::Error) -> Problem {
    Problem::new(ErrorCode::Internal, error.to_string())
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
