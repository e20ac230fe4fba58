//! Access: keys, and what they open.
//!
//! Keys are part of the manifest (`merganser_core::access`). A request is let through, or refused,
//! by its route and its headers alone ([`AccessGuard`]), before its body is read, but where clients
//! bring the key in the body (`write_key`). The page brings it once and has a session from then on
//! (`session`). What its bearer may see, and what is written into its events, goes with it to the
//! layers. As long as there are no keys, every caller may do everything, and the service answers on
//! loopback only, unless it is configured otherwise.

mod auth_service;
mod authorized_caller;
mod bearer;
mod cluster_secret;
mod guard;
mod manifest_age;
mod rate_limit;
mod rejection;
mod routes;
mod secret;
mod session;
mod session_routes;
mod signed_session;
mod site;
mod streams;
#[cfg(test)]
mod tests;
mod unauthenticated;
mod write_key;

pub(crate) use self::auth_service::AuthService;
pub(crate) use self::cluster_secret::{CLUSTER_KEY, CLUSTER_SECRET, ClusterSecret, SenderKey};
pub(crate) use self::guard::{AccessGuard, AnonymousAccess, ClusterAccess};
pub(crate) use self::manifest_age::ManifestAge;
pub(crate) use self::routes::{KeyRoutes, create_key, routes};
pub(crate) use self::session::{SessionCookie, SharedSession, SharedSessions};
pub(crate) use self::session_routes::session_routes;
pub(crate) use self::unauthenticated::PeerNetwork;

/// A guard that lets everybody do everything.
#[cfg(test)]
pub(crate) fn open_guard() -> AccessGuard {
    use std::sync::Arc;

    use merganser_core::clock::SystemClock;
    use merganser_core::ids::{Boundary, Generation, JournalId};
    use merganser_core::time::Timestamp;
    use merganser_metric::catalog::CatalogSnapshot;

    let snapshot = CatalogSnapshot {
        generation: Generation(0),
        journal: JournalId::try_from("1".repeat(32)).unwrap(),
        published_at: Timestamp(0),
        archived: Boundary::default(),
        metrics: Vec::new(),
        keys: Arc::default(),
    };
    let snapshots = tokio::sync::watch::channel(Arc::new(snapshot)).1;
    let origins = crate::settings::AllowedOrigins::None;
    let (clock, openness) = (Arc::new(SystemClock), AnonymousAccess::Loopback);
    AccessGuard::new(snapshots, clock, [], openness, origins, SessionCookie::Plain)
}
