//! Sessions against the routes of a service, and against other sites.

use std::num::NonZeroU32;
use std::sync::Arc;

use axum::body::Bytes;
use axum::http::Method;
use axum::routing::post;
use http_body_util::BodyExt;
use merganser_core::access::{AccessScope, Role, RouteAccess};
use merganser_core::clock::ManualClock;
use merganser_core::time::Timestamp;
use merganser_metric::catalog::CatalogSnapshot;
use tokio::sync::watch;
use tower::layer::layer_fn;
use tower::{BoxError, ServiceExt};

use merganser_core::access::AccessKey;
use serde_json::{Value, json};

use super::*;
use crate::access::tests::{key, snapshot};
use crate::access::{AnonymousAccess, AuthService, SessionCookie};
use crate::settings::AllowedOrigins;

/// A session's cookie as a browser sends it, by what the service set.
async fn logged_in(service: &Router, text: &str) -> String {
    let body = format!(r#"{{"key":"{text}"}}"#);
    let request = Request::post("/v1/session").header("sec-fetch-site", "same-origin");
    let answer = service.clone().oneshot(request.body(Body::from(body)).unwrap()).await.unwrap();
    assert_eq!(answer.status(), 200);
    let cookie = answer.headers()["set-cookie"].to_str().unwrap();
    cookie.split(';').next().unwrap().to_owned()
}

/// Routes of each kind, and those of sessions, behind a guard.
fn service_with_sessions(guard: &AccessGuard) -> Router {
    let guarded = guard.clone();
    Router::new()
        .route("/v1/query", get(async || "rows").post(async || "rows"))
        .route("/v1/events", post(async || "taken"))
        .route("/v1/stream", get(stream_for_ever))
        .merge(session_routes(guard.clone()))
        .layer(layer_fn(move |route| AuthService::new(route, guarded.clone())))
}

async fn stream_for_ever() -> impl IntoResponse {
    let pieces = futures::stream::pending::<Result<Bytes, BoxError>>();
    ([(header::CONTENT_TYPE, "text/event-stream")], Body::from_stream(pieces))
}

const SESSION_ROUTES: [(&str, Method, RouteAccess); 7] = [
    ("/v1/query", Method::GET, RouteAccess::Read),
    ("/v1/query", Method::POST, RouteAccess::Read),
    ("/v1/stream", Method::GET, RouteAccess::Read),
    ("/v1/events", Method::POST, RouteAccess::Ingest),
    ("/v1/session", Method::GET, RouteAccess::Open),
    ("/v1/session", Method::POST, RouteAccess::Open),
    ("/v1/session", Method::DELETE, RouteAccess::Open),
];

type KeySender = watch::Sender<Arc<CatalogSnapshot>>;

fn session_guard(keys: &[&Arc<AccessKey>], openness: AnonymousAccess) -> (AccessGuard, KeySender) {
    let (sender, snapshots) = watch::channel(snapshot(keys));
    let clock = ManualClock::at(Timestamp(0));
    let origins = AllowedOrigins::None;
    let cookie = SessionCookie::Plain;
    (AccessGuard::new(snapshots, clock, SESSION_ROUTES, openness, origins, cookie), sender)
}

async fn answer_of(service: &Router, method: &str, path: &str, sent: &[(&str, &str)]) -> Response {
    let request = Request::builder().method(method).uri(path);
    let request = sent.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    service.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
}

async fn json_of(answer: Response) -> Value {
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    serde_json::from_slice(&body).unwrap()
}

const SAME: (&str, &str) = ("sec-fetch-site", "same-origin");

#[tokio::test]
async fn a_session_opens_what_its_key_opens_to_the_page_alone_and_never_takes_events() {
    let ((admin, text), (reader, read)) = (key(Role::Admin), key(Role::Read));
    let (admin, reader) = (Arc::new(admin), Arc::new(reader));
    let (guard, _keys) = session_guard(&[&admin, &reader], AnonymousAccess::Closed);
    let service = service_with_sessions(&guard);
    let cookie = logged_in(&service, &text).await;
    assert!(cookie.starts_with("merganser-session=") && !cookie.contains("mgs_"), "{cookie}");
    let cookie = ("cookie", &*cookie);
    for method in ["GET", "POST"] {
        assert_eq!(answer_of(&service, method, "/v1/query", &[cookie, SAME]).await.status(), 200);
        for site in [None, Some("none"), Some("same-site"), Some("cross-site")] {
            let mut sent = vec![cookie];
            sent.extend(site.map(|site| ("sec-fetch-site", site)));
            let answer = answer_of(&service, method, "/v1/query", &sent).await;
            assert_eq!(answer.status(), 401, "{method} {site:?}");
            assert_eq!(json_of(answer).await["code"], "key_missing");
        }
    }
    let answer = answer_of(&service, "POST", "/v1/events", &[cookie, SAME]).await;
    assert_eq!(json_of(answer).await["code"], "key_missing");
    let answer = answer_of(&service, "GET", "/v1/nope", &[cookie, SAME]).await;
    assert_eq!(answer.status(), 404, "a caller with a session gets 404 for a path without a route");
    // A key goes before the session, also a wrong one.
    let wrong = ("authorization", "Bearer mgs_0_0");
    let answer = answer_of(&service, "GET", "/v1/query", &[cookie, SAME, wrong]).await;
    assert_eq!(json_of(answer).await["code"], "key_unknown");
    for made_up in ["merganser-session=", "merganser-session=x", "merganser-session=\u{e9}"] {
        let answer = answer_of(&service, "GET", "/v1/query", &[("cookie", made_up), SAME]).await;
        assert_eq!(answer.status(), 401, "{made_up}");
    }
    let other = logged_in(&service, &read).await;
    assert_ne!(other, cookie.1);
    let shown = answer_of(&service, "GET", "/v1/session", &[("cookie", &other), SAME]).await;
    let shown = json_of(shown).await;
    assert_eq!(shown["authentication"], "session");
    assert_eq!(shown["roles"], json!(["read"]));
    assert_eq!(shown["key"]["id"], *reader.id);
    assert!(shown["scope"].is_null());
}

#[tokio::test]
async fn a_session_and_its_streams_end_with_its_key_or_when_it_is_closed() {
    let ((admin, text), (reader, _)) = (key(Role::Admin), key(Role::Read));
    let (admin, reader) = (Arc::new(admin), Arc::new(reader));
    let (guard, keys) = session_guard(&[&admin, &reader], AnonymousAccess::Closed);
    let service = service_with_sessions(&guard);
    let (kept, closed) = (logged_in(&service, &text).await, logged_in(&service, &text).await);
    let follow = async |cookie: &str| {
        let answer = answer_of(&service, "GET", "/v1/stream", &[("cookie", cookie), SAME]).await;
        assert_eq!(answer.status(), 200);
        answer.into_body()
    };
    let (stream, other) = (follow(&closed).await, follow(&kept).await);
    // Another site cannot end it.
    let cookie = ("cookie", &*closed);
    let cross = ("sec-fetch-site", "cross-site");
    assert_eq!(answer_of(&service, "DELETE", "/v1/session", &[cookie, cross]).await.status(), 204);
    assert_eq!(answer_of(&service, "GET", "/v1/query", &[cookie, SAME]).await.status(), 200);
    let answer = answer_of(&service, "DELETE", "/v1/session", &[cookie, SAME]).await;
    assert_eq!(answer.status(), 204);
    assert!(answer.headers()["set-cookie"].to_str().unwrap().ends_with("; Max-Age=0"));
    let answer = answer_of(&service, "GET", "/v1/query", &[cookie, SAME]).await;
    assert_eq!(answer.status(), 401);
    assert_eq!(json_of(answer).await["code"], "session_ended");
    stream.collect().await.unwrap();
    let shown = answer_of(&service, "GET", "/v1/session", &[cookie, SAME]).await;
    assert_eq!(json_of(shown).await["authentication"], "required");

    keys.send_replace(snapshot(&[&reader]));
    other.collect().await.unwrap();
    let answer = answer_of(&service, "GET", "/v1/query", &[("cookie", &kept), SAME]).await;
    assert_eq!(json_of(answer).await["code"], "session_ended");
}

#[tokio::test]
async fn the_session_names_its_bearer_and_a_wrong_key_opens_none() {
    let (mut made, text) = key(Role::Read);
    made.scope = Arc::new(AccessScope { metrics: None, filter: Some("tenant = 'a'".to_owned()) });
    made.requests_per_s = NonZeroU32::new(2);
    let made = Arc::new(made);
    let (guard, keys) = session_guard(&[&made], AnonymousAccess::Loopback);
    let service = service_with_sessions(&guard);
    let shown = json_of(answer_of(&service, "GET", "/v1/session", &[]).await).await;
    assert_eq!(
        shown,
        json!({"authentication": "required", "key": null, "roles": [], "scope": null})
    );
    let bearer = format!("Bearer {text}");
    let shown = answer_of(&service, "GET", "/v1/session", &[("authorization", &bearer)]).await;
    let shown = json_of(shown).await;
    assert_eq!(shown["authentication"], "key");
    assert_eq!(shown["scope"], json!({"filter": "tenant = 'a'"}));
    let shown = answer_of(&service, "GET", "/v1/session", &[("authorization", "Bearer x")]).await;
    assert_eq!(json_of(shown).await["authentication"], "required");

    let open = async |body: &str, site: &str| {
        let request = Request::post("/v1/session").header("sec-fetch-site", site);
        let request = request.header("sec-fetch-mode", "cors").body(Body::from(body.to_owned()));
        let answer = service.clone().oneshot(request.unwrap()).await.unwrap();
        assert!(answer.status() == 200 || !answer.headers().contains_key("set-cookie"));
        let challenges: Vec<_> =
            answer.headers().get_all("www-authenticate").iter().cloned().collect();
        assert!(
            challenges.iter().all(|challenge| challenge.as_bytes().starts_with(b"Bearer")),
            "{challenges:?}"
        );
        let status = answer.status().as_u16();
        (status, json_of(answer).await["code"].as_str().unwrap_or_default().to_owned())
    };
    let right = format!(r#"{{"key":"{text}"}}"#);
    let refused = |status: u16, code: &str| (status, code.to_owned());
    assert_eq!(open(&right, "cross-site").await, refused(403, "another_site"));
    assert_eq!(open(&right, "none").await, refused(403, "another_site"));
    assert_eq!(open(r#"{"key":"mgs_0_0"}"#, SAME.1).await, refused(401, "key_unknown"));
    assert_eq!(open(r#"{"key":7}"#, SAME.1).await, refused(422, "invalid_request"));
    assert_eq!(open(r#"{"key":"a","x":1}"#, SAME.1).await, refused(422, "invalid_request"));
    assert_eq!(open("{", SAME.1).await, refused(400, "malformed_body"));
    assert_eq!(open(&"x".repeat(4097), SAME.1).await, refused(413, "body_too_large"));
    assert_eq!(open(&right, SAME.1).await.0, 200);
    assert_eq!(open(&right, SAME.1).await.0, 200);
    assert_eq!(open(&right, SAME.1).await, refused(429, "rate_limited"));

    // A user who types an address may bring a key by the browser's own dialogue, a script not.
    for (mode, challenges) in [("navigate", 2), ("cors", 1)] {
        let answer = answer_of(&service, "GET", "/v1/query", &[("sec-fetch-mode", mode)]).await;
        assert_eq!(answer.headers().get_all("www-authenticate").iter().count(), challenges);
    }
    keys.send_replace(snapshot(&[]));
    let shown = json_of(answer_of(&service, "GET", "/v1/session", &[]).await).await;
    assert_eq!(shown["authentication"], "none");
    assert_eq!(shown["roles"], json!(["admin"]));
}
