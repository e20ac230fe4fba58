//! What is read of a request beside the query itself: the `Accept` header, stray parameters, and
//! fields that are there twice.

use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use merganser_core::time::Timestamp;
use merganser_metric::views::StoreFailure;
use serde_json::json;
use tower::ServiceExt;

use super::{Reply, get, put, router, send, world};
use crate::testing::NOW;

#[tokio::test]
async fn the_best_liked_format_is_sent_and_a_stream_only_to_those_who_like_it_best() {
    for (accept, content_type) in [
        ("text/event-stream", "text/event-stream"),
        ("text/event-stream, application/json;q=0.5", "text/event-stream"),
        ("text/event-stream;q=0", "application/json"),
        ("application/json, text/event-stream;q=0.1", "application/json"),
        ("application/json;q=0, text/csv", "text/csv; charset=utf-8"),
        ("text/csv;q=0.1, application/x-ndjson;q=0.2", "application/x-ndjson"),
        ("*/*", "application/json"),
        ("image/png", "application/json"),
    ] {
        let request = Request::get("/v1/query?metric=sales").header(header::ACCEPT, accept);
        let request = request.body(Body::empty()).unwrap();
        let response = router(&world()).oneshot(request).await.unwrap();
        assert_eq!(response.headers()[header::CONTENT_TYPE], content_type, "{accept}");
        let body = r#"{"metric":"sales"}"#;
        let request = Request::post("/v1/query").header(header::ACCEPT, accept).body(body.into());
        let posted = send(&world(), request.unwrap()).await.content_type;
        let is_stream = content_type == "text/event-stream";
        assert_eq!(posted, if is_stream { "application/json" } else { content_type }, "{accept}");
    }
}

async fn post(path: &str, body: &str) -> Reply {
    send(&world(), Request::post(path).body(Body::from(body.to_owned())).unwrap()).await
}

#[tokio::test]
async fn parameters_that_would_be_ignored_are_refused_by_name() {
    let twice = post("/v1/query", r#"{"metric":"sales","limit":1,"limit":2}"#).await;
    assert_eq!(
        (twice.status, &twice.json()["parameter"]),
        (StatusCode::BAD_REQUEST, &json!("limit"))
    );
    let stray = post("/v1/query?limit=1", r#"{"metric":"sales"}"#).await;
    for (what, reply) in [
        ("POST /v1/query", stray),
        ("GET /v1/metrics", get("/v1/metrics?limit=1").await),
        ("GET /v1/metrics/sales", get("/v1/metrics/sales?limit=1").await),
        ("GET /v1/status", get("/v1/status?limit=1").await),
        ("PUT /v1/metrics/sales", put("sales?limit=1", super::METRIC).await),
    ] {
        assert_eq!(reply.status, StatusCode::BAD_REQUEST, "{what}");
        assert_eq!(reply.json()["code"], "unknown_parameter", "{what}");
        assert_eq!(reply.json()["parameter"], "limit", "{what}");
    }
}

#[tokio::test]
async fn definitions_are_refused_in_their_own_words() {
    for (body, pointer, words) in [
        (
            r#"{"event":"e","measures":{"n":{"kind":"count"},"n":{"kind":"sum","of":"v"}}}"#,
            "/measures/n",
            "named twice",
        ),
        (
            r#"{"event":"e","measures":{"s1":{"kind":"count"},"S2":{"kind":"expr","expr":"S1"}}}"#,
            "/measures/S2",
            "a name",
        ),
        (
            r#"{"event":"e","measures":{"s1":{"kind":"count"},"x1":{"kind":"expr","expr":"X1"}}}"#,
            "/measures/x1/expr",
            "did you mean `s1`?",
        ),
        (
            r#"{"event":"e","measures":{"x1":{"kind":"expr","expr":"x1 + 1"}}}"#,
            "/measures/x1/expr",
            "depends on itself",
        ),
        (
            r#"{"event":"e","measures":{"s1":{"kind":"count"},"x":{"kind":"expr","expr":"S1"}}}"#,
            "/measures/x/expr",
            "did you mean `s1`?",
        ),
        ("[]", "", "a definition, as"),
    ] {
        let reply = put("x", body).await;
        assert_eq!(reply.status, StatusCode::UNPROCESSABLE_ENTITY, "{body}: {}", reply.text());
        assert_eq!(reply.json()["pointer"], pointer, "{body}: {}", reply.text());
        assert!(reply.json()["detail"].as_str().unwrap().contains(words), "{}", reply.text());
    }
}

#[tokio::test]
async fn the_status_page_tells_of_a_store_that_fails() {
    let world = world();
    let status = async || {
        let request = Request::get("/v1/status").body(Body::empty()).unwrap();
        send(&world, request).await.json()["speed_store"].clone()
    };
    assert_eq!(status().await["state"], "ok");
    assert_eq!(status().await["reason"], json!(null));
    let since = Timestamp(NOW.0 - 7_000_000);
    let begun = Instant::now().checked_sub(Duration::from_secs(7)).unwrap();
    let failure = StoreFailure { since, begun, reason: "it does not answer".to_owned() };
    *world.failure.lock().unwrap() = Some(failure);
    let reading = status().await;
    assert_eq!(reading["state"], "failing");
    let lag_ms = reading["lag_ms"].as_u64().unwrap();
    assert!((7_000..60_000).contains(&lag_ms), "{reading}");
    assert_eq!(reading["reason"], "it does not answer");
    assert_eq!(reading["failing_since"], "2013-04-05T06:07:01Z");
}
