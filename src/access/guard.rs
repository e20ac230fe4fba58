//! Whether a request may go on: decided by its route and its headers, before its body is read.

mod lifetime;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use axum::http::{HeaderMap, HeaderValue, Method, header};
use merganser_api::error_code::ErrorCode;
use merganser_api::problem::Problem;
use merganser_core::access::{AccessKey, AccessKeys, Role, RouteAccess};
use merganser_core::clock::Clock;
use merganser_metric::catalog::CatalogSnapshot;
use tokio::sync::watch;

use super::authorized_caller::{AuthorizedCaller, NewSession};
use super::bearer::{Bearer, SessionUse, find_key, presented_key, unauthorized};
use super::cluster_secret::{ClusterSecret, sender_of_forwarded};
use super::manifest_age::{self, ManifestAge};
use super::rate_limit::KeyRateLimiters;
use super::rejection::AccessRejection;
use super::session::{SessionCookie, SessionStore, SharedSessions};
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
    /// Of a process of a cluster.
    cluster: Option<ClusterAccess>,
}

/// What a process of a cluster must know, beside the keys.
pub(crate) struct ClusterAccess {
    /// What other processes of the cluster say with what they hand on.
    pub(crate) secret: ClusterSecret,
    /// How old the keys may be.
    pub(crate) age: ManifestAge,
    /// What the others know of sessions.
    pub(crate) sessions: Arc<dyn SharedSessions>,
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
            cluster: None,
        }))
    }

    /// The same, before it is shared, of a process of a cluster: it believes what others with the
    /// secret say of the sender of a request that they hand on, and answers nobody while its keys
    /// may be outdated.
    pub(crate) fn in_cluster(mut self, access: ClusterAccess) -> Self {
        if let Some(state) = Arc::get_mut(&mut self.0) {
            state.sessions = SessionStore::in_cluster(access.secret.clone());
            state.cluster = Some(access);
        }
        self
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
        let keys = self.current_keys()?;
        if self.is_forwarded(headers) {
            return sender_of_forwarded(headers, &keys, self.0.clock.now());
        }
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

    /// Tries a request again that was refused since its key is not known, where another process
    /// may have made it a moment ago: with keys that were asked for since.
    ///
    /// # Errors
    /// Why it is not let through.
    pub(super) async fn recheck<T>(
        &self,
        refused: AccessRejection,
        headers: &HeaderMap,
        again: impl FnOnce() -> Result<T, AccessRejection>,
    ) -> Result<T, AccessRejection> {
        let unknown = [ErrorCode::KeyUnknown, ErrorCode::NoKeys, ErrorCode::SessionEnded];
        let is_unknown = unknown.iter().any(|code| refused.problem.code() == code.name());
        match &self.0.cluster {
            Some(access) if is_unknown => {
                if !access.age.look_again().await {
                    return Err(manifest_age::problem().into());
                }
                if refused.problem.code() == ErrorCode::SessionEnded.name() {
                    self.take_over_session(access, headers).await?;
                }
                again()
            }
            _ => Err(refused),
        }
    }

    /// Opens a session of the key with this text, whatever its role.
    ///
    /// # Errors
    /// When there is no such key, or it makes too many requests.
    pub(super) fn open_session(&self, text: &str) -> Result<NewSession, AccessRejection> {
        let (keys, now) = (self.current_keys()?, self.0.clock.now());
        let key = Arc::clone(find_key(&keys, text, now)?);
        let spent = self.0.rates.acquire(&key, &keys)?;
        let opened = self.0.sessions.open(Arc::clone(&key), now);
        let cookie = opened.and_then(|text| self.0.cookie.set(&text)).map_err(internal)?;
        Ok(NewSession { key, cookie, spent })
    }

    /// Takes over a session that another process has opened, unless it was closed.
    async fn take_over_session(
        &self,
        access: &ClusterAccess,
        headers: &HeaderMap,
    ) -> Result<(), Problem> {
        let Some(text) = self.0.cookie.read(headers) else { return Ok(()) };
        let shared = self.0.sessions.shared(&text, self.0.clock.now());
        let Some(session) = shared else { return Ok(()) };
        if !access.sessions.is_closed(session).await? {
            self.0.sessions.take_over(&text, &self.keys(), self.0.clock.now());
        }
        Ok(())
    }

    /// Ends the session of a request, if it has one; what has the browser forget it.
    ///
    /// # Errors
    /// When others of a cluster would not know of it.
    pub(super) async fn close_session(&self, headers: &HeaderMap) -> Result<HeaderValue, Problem> {
        if let Some(text) = self.0.cookie.read(headers) {
            self.0.sessions.close(&text);
            if let Some(access) = self.0.cluster.as_ref().filter(|_| !self.is_forwarded(headers))
                && let Some(session) = self.0.sessions.shared(&text, self.0.clock.now())
            {
                access.sessions.close(session, headers).await?;
            }
        }
        self.0.cookie.clear().map_err(internal)
    }

    /// The keys, if they are not outdated.
    fn current_keys(&self) -> Result<Arc<AccessKeys>, Problem> {
        self.0.cluster.as_ref().map_or(Ok(()), |access| access.age.check())?;
        Ok(self.keys())
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
            && !self.is_forwarded(headers)
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
        let keys = self.current_keys()?;
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

    /// Whether another process of the cluster has handed it on.
    fn is_forwarded(&self, headers: &HeaderMap) -> bool {
        self.0.cluster.as_ref().is_some_and(|access| access.secret.is_in(headers))
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
