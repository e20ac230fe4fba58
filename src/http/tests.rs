//! What every route has in common, on a service without layers but with routes that misbehave.

use std::io::Read;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::{Json as JsonBody, Path};
use axum::http::{Request, StatusCode};
use axum::routing::post;
use metrics_exporter_prometheus::PrometheusBuilder;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use super::*;

fn service() -> (HttpService, Readiness) {
    let layers = Router::new()
        .route("/v1/panic", get(async || -> &'static str { panic!("on purpose") }))
        .route("/v1/never", get(std::future::pending::<&'static str>))
        .route("/v1/typed", post(async |JsonBody(_): JsonBody<Vec<u64>>| "fine"))
        .route("/v1/named/{name}", get(async |Path(name): Path<String>| name))
        .route("/v1/large", get(async || "merganser ".repeat(1000)));
    let readiness = Readiness::new();
    let figures = PrometheusBuilder::new().build_recorder().handle();
    let guard = crate::access::open_guard();
    let parts = HttpParts { layers, readiness: readiness.clone(), figures, guard };
    let front = HttpSettings {
        answer_within: Duration::from_millis(500),
        origins: "https://a.example".parse().unwrap(),
        is_traced: false,
    };
    (HttpService::new(parts, &front), readiness)
}

pub(super) async fn call(request: Request<Body>) -> (StatusCode, axum::http::HeaderMap, Vec<u8>) {
    let response = service().0.oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    (parts.status, parts.headers, to_bytes(body, 1 << 24).await.unwrap().to_vec())
}

async fn problem(method: &str, path: &str, body: &'static str) -> (StatusCode, Value) {
    let request = Request::builder().method(method).uri(path);
    let request = request.header("content-type", "application/json").body(body.into()).unwrap();
    let (status, headers, body) = call(request).await;
    assert_eq!(headers["content-type"], "application/problem+json", "{method} {path}");
    let document: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(document["status"], status.as_u16());
    (status, document)
}

#[tokio::test]
async fn every_error_is_a_problem_document() {
    for (method, path, body, status, code, words) in [
        ("GET", "/v1/nope", "", 404, "not_found", "`/v1/nope`"),
        ("GET", "/", "", 404, "not_found", "/docs"),
        ("PATCH", "/v1/typed", "", 405, "method_not_allowed", "it takes POST"),
        ("DELETE", "/healthz", "", 405, "method_not_allowed", "GET"),
        ("GET", "/v1/panic", "", 500, "internal", "fault"),
        ("GET", "/v1/never", "", 504, "timed_out", "0.5 s"),
        ("POST", "/v1/typed", "[nope", 400, "bad_request", "parse"),
        ("POST", "/v1/typed", "{}", 422, "invalid_request", "sequence"),
    ] {
        let (got, document) = problem(method, path, body).await;
        assert_eq!(got.as_u16(), status, "{method} {path}: {document}");
        assert_eq!(document["code"], code, "{method} {path}: {document}");
        assert!(document["detail"].as_str().unwrap().contains(words), "{document}");
    }
}

#[tokio::test]
async fn a_refusal_is_reworded_before_it_is_compressed() {
    let request = Request::builder().uri("/v1/named/%ff").header("accept-encoding", "gzip");
    let (status, headers, body) = call(request.body(Body::empty()).unwrap()).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert_eq!(headers["content-type"], "application/problem+json");
    let mut text = String::new();
    flate2::read::GzDecoder::new(&*body).read_to_string(&mut text).unwrap();
    assert!(text.contains("UTF-8"), "{text}");
}

#[tokio::test]
async fn an_address_that_is_too_long_is_refused() {
    let path = |bytes: usize| format!("/v1/large?{}", "x".repeat(bytes - "/v1/large".len()));
    let (status, document) = problem("GET", &path(32 * 1024 + 1), "").await;
    assert_eq!((status.as_u16(), &document["code"]), (414, &"uri_too_long".into()));
    assert_eq!(document["limit_bytes"], 32 * 1024);
    let fits = Request::builder().uri(path(32 * 1024)).body(Body::empty()).unwrap();
    assert_eq!(call(fits).await.0, StatusCode::OK);
}

#[tokio::test]
async fn figures_have_no_labels_that_clients_make_up() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let figures = recorder.handle();
    let _here = metrics::set_default_local_recorder(&recorder);
    for n in 0..20 {
        let method = format!("X{n}");
        let path = format!("/v1/{n}");
        let request = Request::builder().method(&*method).uri("/v1/typed").body(Body::empty());
        call(request.unwrap()).await;
        let request = Request::builder().method(&*method).uri(path).body(Body::empty());
        call(request.unwrap()).await;
    }
    call(Request::builder().uri("/v1/large").body(Body::empty()).unwrap()).await;
    let text = figures.render();
    let counts = text.lines().filter(|line| line.starts_with("merganser_http_requests_total{"));
    let mut counts: Vec<&str> = counts.collect();
    counts.sort_unstable();
    assert_eq!(
        counts,
        [
            r#"merganser_http_requests_total{method="GET",path="/v1/large",status="200"} 1"#,
            r#"merganser_http_requests_total{method="other",path="/v1/typed",status="405"} 20"#,
            r#"merganser_http_requests_total{method="other",path="unknown",status="404"} 20"#,
        ]
    );
}

#[tokio::test]
async fn a_wrong_method_still_says_which_are_right() {
    let request = Request::builder().method("PUT").uri("/v1/typed").body(Body::empty()).unwrap();
    let (status, headers, _) = call(request).await;
    assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(headers["allow"], "POST");
}

#[tokio::test]
async fn readiness_lists_what_is_waited_for() {
    let (service, readiness) = service();
    let ask = || Request::builder().uri("/readyz").body(Body::empty()).unwrap();
    readiness.set_not_ready("journal", "recovering");
    readiness.set_not_ready("runs", "finishing run 7");
    let response = service.clone().oneshot(ask()).await.unwrap();
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(response.headers().contains_key("retry-after"));
    let body = to_bytes(response.into_body(), 1 << 16).await.unwrap();
    let document: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(document["reasons"][0], "journal: recovering");
    assert_eq!(document["reasons"][1], "runs: finishing run 7");

    let waiting = tokio::spawn({
        let readiness = readiness.clone();
        async move { readiness.wait_until_ready().await }
    });
    readiness.set_ready("journal");
    readiness.set_ready("runs");
    waiting.await.unwrap();
    let response = service.oneshot(ask()).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
}

#[tokio::test]
async fn answers_are_compressed_for_clients_that_accept_it() {
    let request = |encoding: &str| {
        let builder = Request::builder().uri("/v1/large").header("accept-encoding", encoding);
        builder.body(Body::empty()).unwrap()
    };
    let (_, headers, body) = call(request("gzip")).await;
    assert_eq!(headers["content-encoding"], "gzip");
    assert!(body.len() < 1000);
    let (_, headers, body) = call(request("identity")).await;
    assert!(!headers.contains_key("content-encoding"));
    assert_eq!(body.len(), 10_000);
}

#[tokio::test]
async fn the_api_is_described_and_shown() {
    let get = |path: &str| Request::builder().uri(path).body(Body::empty()).unwrap();
    let (status, _, body) = call(get("/openapi.json")).await;
    assert_eq!(status, StatusCode::OK);
    let document: Value = serde_json::from_slice(&body).unwrap();
    assert!(document["openapi"].as_str().unwrap().starts_with("3."));
    let (status, headers, body) = call(get("/docs/")).await;
    assert_eq!(status, StatusCode::OK);
    assert!(headers["content-type"].to_str().unwrap().starts_with("text/html"));
    assert!(!String::from_utf8_lossy(&body).contains("https://"), "scripts come from this server");
    let (status, ..) = call(get("/healthz")).await;
    assert_eq!(status, StatusCode::OK);
}

#[tokio::test]
async fn every_answer_has_the_name_of_its_request() {
    for (path, own) in [("/healthz", "a-1"), ("/v1/panic", "b:2"), ("/nope", "c/3")] {
        let request = Request::builder().uri(path).header("x-request-id", own);
        let (_, headers, _) = call(request.body(Body::empty()).unwrap()).await;
        assert_eq!(headers["x-request-id"], own);
    }
    let request = Request::builder().uri("/healthz").header("x-request-id", "no blanks");
    let (_, headers, _) = call(request.body(Body::empty()).unwrap()).await;
    assert!(headers["x-request-id"].to_str().unwrap().contains('-'));
}

#[tokio::test]
async fn browsers_get_the_origins_that_may_use_the_service() {
    let ask = async |origin: &str| {
        let request = Request::builder().method("OPTIONS").uri("/v1/typed");
        let request = request
            .header("origin", origin)
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "authorization,content-type");
        call(request.body(Body::empty()).unwrap()).await
    };
    let (status, headers, _) = ask("https://a.example").await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(headers["access-control-allow-origin"], "https://a.example");
    let allowed = headers["access-control-allow-headers"].to_str().unwrap();
    assert!(allowed.contains("authorization") && allowed.contains("content-type"), "{allowed}");
    let (_, headers, _) = ask("https://b.example").await;
    assert!(!headers.contains_key("access-control-allow-origin"));
    let request = Request::builder().uri("/healthz").header("origin", "https://a.example");
    let (status, headers, _) = call(request.body(Body::empty()).unwrap()).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(headers["access-control-allow-origin"], "https://a.example");
    // What an answer says beside its rows, a page of another site may read.
    let shown = headers["access-control-expose-headers"].to_str().unwrap();
    for name in ["total-rows", "provenance", "warnings", "from", "to"] {
        assert!(shown.split(',').any(|one| one == format!("merganser-{name}")), "{name}: {shown}");
    }
}

/// What a service answers to these bytes until it closes the connection.
async fn exchange(bytes: &str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let bounds = ConnectionSettings { connections_max: 10, idle_timeout: Duration::from_secs(1) };
    let serving = serve(listener, None, service().0, bounds, CancellationToken::new());
    let serving = tokio::spawn(serving);
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(bytes.as_bytes()).await.unwrap();
    let mut said = Vec::new();
    let read = timeout(Duration::from_secs(20), stream.read_to_end(&mut said)).await;
    read.expect("the connection is closed").unwrap();
    serving.abort();
    String::from_utf8(said).unwrap()
}

const FINE: &str = "GET /v1/named/fine HTTP/1.1\r\nHost: x\r\n\r\n";

#[tokio::test]
async fn a_request_that_can_be_read_in_two_ways_is_refused_and_nothing_after_it_is_answered() {
    let chunks = "\r\n\r\n2\r\n[]\r\n0\r\n\r\n";
    let twice = |lengths: &str| {
        let head = "POST /v1/typed HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n";
        format!("{head}{lengths}{chunks}")
    };
    for (request, code) in [
        ("GET /healthz HTTP/1.1\r\n\r\n".to_owned(), "host_missing"),
        ("GET http://x/healthz HTTP/1.1\r\n\r\n".to_owned(), "host_missing"),
        ("POST /v1/typed HTTP/1.1\r\nContent-Length: 2\r\n\r\n[]".to_owned(), "host_missing"),
        ("GET /healthz HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n".to_owned(), "host_twice"),
        ("GET /healthz HTTP/1.0\r\nHost: a\r\nhost: b\r\n\r\n".to_owned(), "host_twice"),
        ("GET /healthz HTTP/1.1\r\nHost:\r\n\r\n".to_owned(), "host_invalid"),
        ("GET /healthz HTTP/1.1\r\nHost: a/b\r\n\r\n".to_owned(), "host_invalid"),
        (twice("Transfer-Encoding: chunked\r\nContent-Length: 2"), "two_lengths"),
        (twice("Content-Length: 17\r\nTransfer-Encoding: chunked"), "two_lengths"),
        (twice("Content-Length: 0\r\nTransfer-Encoding: gzip, chunked"), "two_lengths"),
    ] {
        for before in ["", FINE, &format!("{FINE}{FINE}")] {
            let said = exchange(&format!("{before}{request}{FINE}")).await;
            let (fine, refused) = said.rsplit_once(" 400 Bad Request\r\n").unwrap();
            assert_eq!(fine.matches("\r\n\r\nfine").count(), before.len() / FINE.len(), "{said}");
            let (head, body) = refused.split_once("\r\n\r\n").unwrap();
            assert!(head.contains("connection: close"), "{head}");
            assert!(head.contains("application/problem+json") && head.contains("x-request-id"));
            let document: Value = serde_json::from_str(body).unwrap();
            assert_eq!((&document["code"], &document["status"]), (&code.into(), &400.into()));
        }
    }
}

#[tokio::test]
async fn a_request_that_hyper_cannot_read_ends_the_connection() {
    for wrong in [
        "Content-Length: 2\r\nContent-Length: 3\r\n\r\n[]",
        "Content-Length: 2, 2\r\n\r\n[]",
        "Content-Length: +2\r\n\r\n[]",
        "Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
        "Content-Length : 2\r\n\r\n[]",
    ] {
        let said = exchange(&format!("POST /v1/typed HTTP/1.1\r\nHost: x\r\n{wrong}{FINE}")).await;
        assert!(
            said.starts_with("HTTP/1.1 400 ") && said.matches("HTTP/1.").count() == 1,
            "{said}"
        );
    }
}

#[tokio::test]
async fn requests_of_which_there_is_no_doubt_follow_each_other_on_a_connection() {
    let typed = "POST /v1/typed HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n";
    let chunked = format!("{typed}Transfer-Encoding: chunked\r\n\r\n2\r\n[]\r\n0\r\n\r\n");
    let sized = format!("{typed}Content-Length: 2\r\nContent-Length: 2\r\n\r\n[]");
    // Before HTTP/1.1 nobody had to say the host.
    let old = "GET /v1/named/fine HTTP/1.0\r\n\r\n";
    let said = exchange(&format!("{chunked}{sized}{FINE}{chunked}{old}")).await;
    assert_eq!(said.matches(" 200 OK").count(), 5, "{said}");
}
