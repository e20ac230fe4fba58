//! What is let through, on a guard by itself.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Method, Request, header};
use axum::response::IntoResponse;
use axum::routing::get;
use futures::SinkExt;
use http_body_util::BodyExt;
use merganser_api::error_code::ErrorCode;
use merganser_api::problem::Problem;
use merganser_core::access::{AccessKey, Role, RouteAccess};
use merganser_core::clock::ManualClock;
use merganser_core::ids::{Boundary, Generation, JournalId};
use merganser_core::time::Timestamp;
use merganser_metric::catalog::CatalogSnapshot;
use tokio::sync::watch;
use tower::layer::layer_fn;
use tower::{BoxError, ServiceExt};

use super::rejection::AccessRejection;
use super::secret::KeySecret;
use super::*;
use crate::settings::AllowedOrigins;

pub(super) fn snapshot(keys: &[&Arc<AccessKey>]) -> Arc<CatalogSnapshot> {
    let keys: BTreeMap<_, _> = keys.iter().map(|key| (key.id.clone(), Arc::clone(key))).collect();
    Arc::new(CatalogSnapshot {
        generation: Generation(0),
        journal: JournalId::try_from("1".repeat(32)).unwrap(),
        published_at: Timestamp(0),
        archived: Boundary::default(),
        metrics: Vec::new(),
        keys: Arc::new(keys),
    })
}

pub(super) fn key(role: Role) -> (AccessKey, String) {
    let secret = KeySecret::new().unwrap();
    let key = AccessKey {
        id: secret.id,
        digest: secret.digest,
        role,
        scope: Arc::default(),
        set: None,
        created_at: Timestamp(0),
        expires_at: None,
        requests_per_s: None,
        note: None,
    };
    (key, secret.text)
}

const ROUTES: [(&str, Method, RouteAccess); 1] = [("/v1/query", Method::GET, RouteAccess::Read)];

/// A guard of these keys, with what changes them, at the beginning of 1970.
fn guard(
    keys: &[&Arc<AccessKey>],
) -> (AccessGuard, watch::Sender<Arc<CatalogSnapshot>>, Arc<ManualClock>) {
    let (sender, snapshots) = watch::channel(snapshot(keys));
    let clock = ManualClock::at(Timestamp(0));
    let origins = AllowedOrigins::None;
    let guard = AccessGuard::new(
        snapshots,
        Arc::clone(&clock) as _,
        ROUTES,
        AnonymousAccess::Closed,
        origins,
        SessionCookie::Plain,
    );
    (guard, sender, clock)
}

fn ask(guard: &AccessGuard, authorization: &str) -> Result<(), AccessRejection> {
    let mut headers = HeaderMap::new();
    if !authorization.is_empty() {
        headers.insert(header::AUTHORIZATION, authorization.parse().unwrap());
    }
    guard.check(&Method::GET, Some("/v1/query"), &headers).map(|_| ())
}

/// The status and code of a refusal.
fn refused(guard: &AccessGuard, authorization: &str) -> (u16, &'static str) {
    let AccessRejection { problem, .. } = ask(guard, authorization).unwrap_err();
    (problem.status().as_u16(), problem.code())
}

#[tokio::test]
async fn keys_come_as_bearer_or_password_and_nothing_else_opens() {
    let (made, text) = key(Role::Read);
    let (guard, ..) = guard(&[&Arc::new(made)]);
    let base64 = |text: &str| {
        use base64::Engine;
        base64::engine::general_purpose::STANDARD.encode(text)
    };
    for right in [
        format!("Bearer {text}"),
        format!("bearer  {text}"),
        format!("Basic {}", base64(&format!("me:{text}"))),
        format!("Basic {}", base64(&format!("{text}:"))),
    ] {
        assert!(ask(&guard, &right).is_ok(), "{right}");
    }
    assert_eq!(refused(&guard, ""), (401, "key_missing"));
    for wrong in [
        "Bearer mgs_0_0".to_owned(),
        format!("Bearer {}x", text),
        format!("Bearer {}", &text[..text.len() - 1]),
        format!("Basic {}", base64(&format!("{text}:wrong"))),
        "Bearer ".to_owned() + &"x".repeat(5000),
    ] {
        assert_eq!(refused(&guard, &wrong), (401, "key_unknown"), "{wrong}");
    }
    for wrong in ["Bearer", "Digest x", "Basic %%%", "Basic YQ==", "é"] {
        assert_eq!(refused(&guard, wrong), (401, "malformed_authorization"), "{wrong}");
    }
    let (other, text) = key(Role::Ingest);
    let (guard, ..) = super::tests::guard(&[&Arc::new(other)]);
    assert_eq!(refused(&guard, &format!("Bearer {text}")), (403, "forbidden"));
}

#[tokio::test]
async fn without_keys_nothing_is_open_beyond_loopback_and_expired_ones_open_nothing() {
    let (nobody, sender, clock) = guard(&[]);
    assert_eq!(refused(&nobody, ""), (401, "no_keys"));
    assert!(ask(&open_guard(), "").is_ok());
    for (name, value, is_let_in) in [
        ("host", "127.0.0.1:8080", true),
        ("host", "localhost", true),
        ("host", "[::1]:8080", true),
        ("host", "merganser:8080", true),
        ("host", "app.localhost:8080", true),
        ("host", "example.com:8080", false),
        ("host", "127.0.0.1.example.com", false),
        ("sec-fetch-site", "same-origin", true),
        ("sec-fetch-site", "none", true),
        ("sec-fetch-site", "cross-site", false),
        ("sec-fetch-site", "same-site", false),
    ] {
        let mut headers = HeaderMap::new();
        headers.insert(name, value.parse().unwrap());
        let checked = open_guard().check(&Method::GET, Some("/v1/query"), &headers);
        assert_eq!(checked.is_ok(), is_let_in, "{name}: {value}");
    }
    let (mut made, text) = key(Role::Read);
    made.expires_at = Some(Timestamp(10));
    sender.send_replace(snapshot(&[&Arc::new(made)]));
    let bearer = format!("Bearer {text}");
    assert!(ask(&nobody, &bearer).is_ok());
    clock.set(Timestamp(10));
    assert_eq!(refused(&nobody, &bearer), (401, "key_expired"));
}

#[tokio::test]
async fn a_rate_limit_is_kept_and_the_headers_show_it() {
    let (mut made, text) = key(Role::Read);
    made.requests_per_s = NonZeroU32::new(3);
    let (guard, ..) = guard(&[&Arc::new(made)]);
    let bearer = format!("Bearer {text}");
    let mut headers = HeaderMap::new();
    headers.insert(header::AUTHORIZATION, bearer.parse().unwrap());
    let passed = guard.check(&Method::GET, Some("/v1/query"), &headers).unwrap();
    let mut headers = HeaderMap::new();
    passed.spent.unwrap().write_headers(&mut headers);
    assert_eq!(headers["ratelimit-policy"], "\"key\";q=3;w=1");
    assert_eq!(headers["ratelimit"], "\"key\";r=2;t=1");
    // A token comes back every third of a second: ten at once are more than there can be.
    let refusal = (0..10).find_map(|_| ask(&guard, &bearer).err()).unwrap();
    let response = refusal.into_response();
    assert_eq!(response.status(), 429);
    assert_eq!(response.headers()["retry-after"], "1");
    assert_eq!(response.headers()["ratelimit"], "\"key\";r=0;t=1");
}

#[tokio::test]
async fn a_request_under_way_ends_when_its_key_is_revoked() {
    let (made, _) = key(Role::Read);
    let made = Arc::new(made);
    let (guard, sender, _) = guard(&[&made]);
    let mut ended = Box::pin(guard.clone().until_revoked(Some(Arc::clone(&made))));
    assert!(futures::poll!(&mut ended).is_pending());
    sender.send_replace(snapshot(&[&made]));
    assert!(futures::poll!(&mut ended).is_pending(), "other news end nothing");
    sender.send_replace(snapshot(&[]));
    ended.await;
    let mut ended = Box::pin(guard.until_revoked(None));
    assert!(futures::poll!(&mut ended).is_pending());
    sender.send_replace(snapshot(&[&made]));
    ended.await;
}

#[test]
fn problems_of_keys_say_how_to_bring_one() {
    let problem: Problem = Problem::new(ErrorCode::KeyMissing, "y");
    let response = problem.into_response();
    let challenges: Vec<_> = response.headers().get_all("www-authenticate").iter().collect();
    assert_eq!(challenges.len(), 2);
}

/// A service of one route behind a guard: it follows, or says how much it was sent.
fn service(guard: &AccessGuard) -> Router {
    let read = async |request: Request<Body>| {
        let mut body = request.into_body();
        let mut read = 0;
        while let Some(Ok(frame)) = body.frame().await {
            read += frame.into_data().unwrap().len();
        }
        // A route may go on reading what has failed.
        merganser_api::request::discard(&mut body).await;
        read.to_string()
    };
    let follow = async || {
        let never = futures::stream::pending::<Result<Bytes, std::io::Error>>();
        ([(header::CONTENT_TYPE, "text/event-stream")], Body::from_stream(never))
    };
    let guard = guard.clone();
    Router::new()
        .route("/v1/query", get(follow).post(read))
        .layer(layer_fn(move |route| AuthService::new(route, guard.clone())))
}

fn request(method: Method, key: &str, body: Body) -> Request<Body> {
    let request = Request::builder().method(method).uri("/v1/query");
    request.header(header::AUTHORIZATION, format!("Bearer {key}")).body(body).unwrap()
}

#[tokio::test]
async fn a_body_that_arrives_after_its_key_was_revoked_does_not_count() {
    let (made, text) = key(Role::Admin);
    let made = Arc::new(made);
    for is_revoked in [false, true] {
        let (guard, keys, _) = guard(&[&made]);
        let (mut pieces, body) = futures::channel::mpsc::channel::<Result<Bytes, BoxError>>(1);
        let body = Body::from_stream(body);
        let answer = service(&guard).oneshot(request(Method::POST, &text, body));
        let answer = tokio::spawn(answer);
        pieces.send(Ok("early".into())).await.unwrap();
        if is_revoked {
            keys.send(snapshot(&[])).unwrap();
        } else {
            pieces.send(Ok("late".into())).await.unwrap();
            drop(pieces);
        }
        let status = answer.await.unwrap().unwrap().status();
        assert_eq!(status.as_u16(), if is_revoked { 401 } else { 200 });
    }
}

#[tokio::test]
async fn a_key_holds_so_many_streams_open_and_no_more() {
    let (made, text) = key(Role::Read);
    let (guard, _keys, _) = guard(&[&Arc::new(made)]);
    let service = service(&guard);
    let open = async || {
        let follow = request(Method::GET, &text, Body::empty());
        service.clone().oneshot(follow).await.unwrap()
    };
    let mut streams = Vec::new();
    loop {
        let stream = open().await;
        if stream.status() == 429 {
            break;
        }
        assert_eq!(stream.status(), 200);
        streams.push(stream);
    }
    assert_eq!(streams.len(), 100);
    streams.pop();
    assert_eq!(open().await.status(), 200, "a place is free");
}

#[tokio::test]
async fn only_operators_see_why_the_service_fails() {
    let (reader, read) = key(Role::Read);
    let (runner, run) = key(Role::Admin);
    let (guard, keys, _) = guard(&[&Arc::new(reader), &Arc::new(runner)]);
    let fail = async || {
        Problem::new(ErrorCode::Internal, "/var/lib/x is gone").with_public_detail("a fault")
    };
    let service = Router::new()
        .route("/v1/query", get(fail))
        .layer(layer_fn(move |route| AuthService::new(route, guard.clone())));
    let body_for = async |key: &str| {
        let answer = service.clone().oneshot(request(Method::GET, key, Body::empty())).await;
        let body = answer.unwrap().into_body().collect().await.unwrap().to_bytes();
        String::from_utf8(body.to_vec()).unwrap()
    };
    assert!(body_for(&read).await.contains(r#""detail":"a fault""#));
    assert!(body_for(&run).await.contains("/var/lib/x"));
    keys.send_replace(snapshot(&[]));
    assert!(body_for("").await.contains("no_keys"), "this guard is closed without keys");
}
