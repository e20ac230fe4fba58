//! The routes, called as a client would call them, without a network.

use std::io::Write;
use std::sync::Mutex;

use arrow::array::RecordBatch;
use async_trait::async_trait;
use axum::http::{Method, StatusCode};
use http_body_util::BodyExt;
use merganser_core::ids::{MetricId, Offset};
use merganser_core::journal::JournalError;
use merganser_core::omissions::MetricOmissions;
use merganser_core::testing::MemoryJournal;
use merganser_metric::catalog::MetricVersion;
use merganser_metric::views::{SpeedReadRequest, SpeedViewError, SpeedViewLag, SpeedViewStates};
use serde_json::{Value, json};
use tempfile::TempDir;
use tower::ServiceExt;

use super::*;
use crate::intake::testing::{settings, start};
use crate::intake::{IntakeLimits, IntakeSettings};

const NDJSON: &str = "application/x-ndjson";
const JSON: &str = "application/json";

/// Views that have applied everything below an offset.
#[derive(Default)]
struct Applied(Mutex<Offset>);

#[async_trait]
impl SpeedViews for Applied {
    fn kind(&self) -> &'static str {
        "memory"
    }
    async fn read(
        &self,
        _: &MetricVersion,
        _: SpeedReadRequest,
    ) -> Result<SpeedViewStates, SpeedViewError> {
        let states: Vec<RecordBatch> = Vec::new();
        Ok(SpeedViewStates {
            through: Offset::ZERO,
            reach: Offset::ZERO,
            states,
            missing: Vec::new(),
            omissions: MetricOmissions::default(),
        })
    }
    fn lag(&self, _: MetricId) -> SpeedViewLag {
        SpeedViewLag::default()
    }
    async fn wait_applied(&self, offset: Offset, _: Duration) -> bool {
        offset <= *self.0.lock().unwrap()
    }
    fn mismatches(&self, _: MetricId) -> u64 {
        0
    }
    fn groups(&self, _: MetricId) -> u64 {
        0
    }
}

struct Server {
    router: Router,
    intake: IntakeHandle,
    journal: Arc<MemoryJournal>,
    views: Arc<Applied>,
    _feed: tokio::sync::mpsc::Receiver<Arc<merganser_core::journal::CommittedBatch>>,
    _directory: TempDir,
}

struct Reply {
    status: StatusCode,
    content_type: String,
    retry_after: Option<String>,
    body: Value,
}

impl Server {
    fn new() -> Self {
        Self::with(settings())
    }

    fn with(settings: IntakeSettings) -> Self {
        let directory = TempDir::new().unwrap();
        let journal = Arc::new(MemoryJournal::default());
        let (intake, feed) = start(settings, &journal, directory.path());
        let views = Arc::new(Applied::default());
        let router = routes(intake.clone(), Arc::clone(&views) as Arc<dyn SpeedViews>);
        Self { router, intake, journal, views, _feed: feed, _directory: directory }
    }

    async fn call(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> Reply {
        let mut request = axum::http::Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(body.into()).unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let header = |name: &str| {
            response.headers().get(name).map(|value| value.to_str().unwrap().to_owned())
        };
        let (content_type, retry_after) =
            (header("content-type").unwrap_or_default(), header("retry-after"));
        let status = response.status();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        Reply { status, content_type, retry_after, body }
    }

    async fn post(&self, path: &str, content_type: &str, body: impl Into<Body>) -> Reply {
        self.call(Method::POST, path, &[("content-type", content_type)], body).await
    }

    async fn get(&self, path: &str) -> Reply {
        self.call(Method::GET, path, &[], Body::empty()).await
    }
}

impl Reply {
    fn is_problem(&self, status: u16, code: &str) -> bool {
        self.status.as_u16() == status
            && self.content_type == "application/problem+json"
            && self.body["code"] == code
            && self.body["detail"].is_string()
    }
}

fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test]
async fn the_answer_has_the_shape_of_the_contract() {
    let server = Server::new();
    let body = concat!(
        r#"[{"event":"e","id":"a"},{"event":"e","id":"a"},{"event":"e","id":"b"},"#,
        r#"{"event":"other","id":"a"},{"event":"e","time":"x"}]"#,
    );
    let reply = server.post("/v1/events", JSON, body).await;
    assert_eq!(reply.status, StatusCode::OK);
    assert_eq!(reply.content_type, "application/json");
    let message = reply.body["invalid"][0]["message"].as_str().unwrap();
    assert!(message.contains("RFC 3339"), "{message}");
    let expected = json!({
        "accepted": 2,
        "duplicates": 1,
        "conflicts": [{"index": 3, "id": "a", "quarantine_id": "q-2"}],
        "invalid": [
            {"index": 4, "code": "invalid_time", "message": message, "quarantine_id": "q-1"}
        ],
        "position": {"0": 2},
        "journal": server.intake.journal(),
    });
    assert_eq!(reply.body, expected);
    for (empty, content_type) in [("[]", JSON), ("", JSON), ("", NDJSON), (" \n\n", NDJSON)] {
        let reply = server.post("/v1/events", content_type, empty).await;
        let zeros = json!({"accepted": 0, "duplicates": 0, "conflicts": [], "invalid": [],
                           "position": {"0": 2}, "journal": server.intake.journal()});
        assert_eq!((reply.status, reply.body), (StatusCode::OK, zeros), "{empty:?}");
    }
}

/// A request that is refused: its name, body, headers and query, and the status and code it gets.
type Refusal =
    (&'static str, Vec<u8>, Vec<(&'static str, &'static str)>, &'static str, u16, &'static str);

fn refusals_of_bodies() -> Vec<Refusal> {
    let lines = |encoding| vec![("content-type", NDJSON), ("content-encoding", encoding)];
    let plain = |content_type| vec![("content-type", content_type)];
    let reject = &b"{\"event\":\"other\",\"id\":\"bad-1\"}\n{}\n"[..];
    let good = &br#"{"event":"other","id":"bad-2"}"#[..];
    let bomb = gzip(&b"\n".repeat(200 << 20));
    let no_utf8 = &b"{\"event\":\"x\xff\"}"[..];
    vec![
        ("not json", b"{nope".into(), plain(JSON), "", 400, "malformed_body"),
        ("bad gzip", b"xx".into(), lines("gzip"), "", 400, "malformed_body"),
        ("odd type", b"a=b".into(), plain("text/html"), "", 415, "unsupported_media"),
        ("no type", b"{}".into(), vec![], "", 415, "unsupported_media"),
        ("odd encoding", b"x".into(), lines("br"), "", 415, "unsupported_media"),
        ("bomb", bomb, lines("gzip"), "", 413, "decompressed_body_too_large"),
        ("invalid utf-8", no_utf8.into(), plain(JSON), "", 400, "malformed_body"),
        ("utf-8 line", no_utf8.into(), plain(NDJSON), "", 422, "invalid_events"),
        ("no line", b"not\njson\n".into(), plain(NDJSON), "", 422, "invalid_events"),
        ("reject", reject.into(), plain(NDJSON), "?on_invalid=reject", 422, "invalid_events"),
        ("option", good.into(), plain(NDJSON), "?wait=maybe", 400, "invalid_parameter"),
        ("unknown", good.into(), plain(NDJSON), "?color=red", 400, "unknown_parameter"),
    ]
}

fn refusals_of_events() -> Vec<Refusal> {
    let deep = format!("{}1{}", r#"{"a":"#.repeat(200), "}".repeat(200));
    let large = "z".repeat(70_000);
    let events = [
        ("no event name", r#"{"id":"1"}"#.to_owned()),
        ("bad time", r#"{"event":"x","time":"yesterday"}"#.to_owned()),
        ("far future", r#"{"event":"x","time":"2999-01-01T00:00:00Z"}"#.to_owned()),
        ("extra field", r#"{"event":"x","amount":3}"#.to_owned()),
        ("properties a list", r#"{"event":"x","properties":[1]}"#.to_owned()),
        ("duplicate keys", r#"{"event":"x","properties":{"a":1,"a":2}}"#.to_owned()),
        ("too deep", format!(r#"{{"event":"x","properties":{deep}}}"#)),
        ("too large", format!(r#"{{"event":"x","properties":{{"a":"{large}"}}}}"#)),
    ];
    let refusal = |(name, body): (&'static str, String)| {
        (name, body.into_bytes(), vec![("content-type", JSON)], "", 422, "invalid_events")
    };
    events.into_iter().map(refusal).collect()
}

#[tokio::test]
async fn bad_input_is_refused_with_a_problem_document() {
    let server = Server::new();
    for refusal in refusals_of_bodies().into_iter().chain(refusals_of_events()) {
        let (name, body, headers, query, status, code) = refusal;
        let path = format!("/v1/events{query}");
        let reply = server.call(Method::POST, &path, &headers, body).await;
        assert!(reply.is_problem(status, code), "{name}: {} {}", reply.status, reply.body);
    }
    assert!(server.journal.events().is_empty());
}

#[tokio::test]
async fn a_partly_bad_batch_is_partly_taken_and_its_rest_can_be_seen() {
    let server = Server::new();
    let body = concat!(
        r#"{"event":"other","id":"bad-3"}"#,
        "\nnot json\n",
        r#"{"event":"x y"}"#,
        "\n",
        r#"{"event":"other","id":"bad-4"}"#,
        "\n",
    );
    let reply = server.post("/v1/events", NDJSON, body).await;
    assert_eq!((reply.status.as_u16(), &reply.body["accepted"]), (200, &json!(2)));
    let indices: Vec<_> =
        reply.body["invalid"].as_array().unwrap().iter().map(|i| &i["index"]).collect();
    assert_eq!(indices, [&json!(1), &json!(2)]);

    let reply = server.get("/v1/quarantine?limit=1").await;
    let entry = json!({
        "id": "q-1", "received_at": "2026-11-22T00:00:00Z", "kind": "invalid",
        "code": "malformed_event", "message": reply.body["entries"][0]["message"], "index": 1,
        "raw": "not json", "raw_truncated": false, "count": 1,
        "last_received_at": "2026-11-22T00:00:00Z",
    });
    let one = json!({"entries": 1, "dropped": 0});
    let codes = json!({"malformed_event": one, "invalid_event": one});
    let page = json!({
        "entries": [entry], "next": "q-1", "total": 2, "dropped": 0, "codes": codes,
    });
    assert_eq!(reply.body, page);
    assert_eq!(server.get("/v1/quarantine/q-1").await.body, entry);
    let reply = server.get("/v1/quarantine?code=invalid_event").await;
    assert_eq!((&reply.body["entries"][0]["id"], &reply.body["total"]), (&json!("q-2"), &json!(2)));
    let reply = server.get("/v1/quarantine?code=invalid").await;
    assert!(reply.is_problem(400, "invalid_parameter"), "{}", reply.body);
    let reply = server.get("/v1/quarantine?limit=1&after=q-1").await;
    assert_eq!(reply.body["entries"][0]["raw"], r#"{"event":"x y"}"#);
    assert_eq!(reply.body["next"], Value::Null);

    for (id, status) in [("q-1", 204), ("q-1", 404), ("nope", 404)] {
        let path = format!("/v1/quarantine/{id}");
        let reply = server.call(Method::DELETE, &path, &[], Body::empty()).await;
        assert_eq!(reply.status.as_u16(), status, "{id}");
        assert!(status == 204 || reply.is_problem(404, "unknown_quarantine_entry"));
        let reply = server.get(&path).await;
        assert!(reply.is_problem(404, "unknown_quarantine_entry"), "{}", reply.body);
    }
    assert_eq!(server.get("/v1/quarantine").await.body["total"], 1);
    assert!(server.get("/v1/quarantine?limit=0").await.is_problem(400, "invalid_parameter"));
}

#[tokio::test]
async fn when_every_event_is_invalid_the_problem_holds_the_verdicts() {
    let server = Server::new();
    let reply = server.post("/v1/events", NDJSON, "nope\n{}\n").await;
    assert!(reply.is_problem(422, "invalid_events"), "{}", reply.body);
    assert_eq!(reply.body["accepted"], 0);
    assert_eq!(reply.body["position"], json!({"0": 0}));
    assert_eq!(reply.body["invalid"][1]["code"], "invalid_event");
    assert_eq!(reply.body["invalid"][1]["quarantine_id"], "q-2");
    assert_eq!(reply.body["status"], 422);

    let body = "{\"event\":\"e\"}\n{}\n";
    let reply = server.post("/v1/events?on_invalid=reject", NDJSON, body).await;
    assert_eq!(reply.body["invalid"][0]["index"], 1);
    assert_eq!(reply.body["invalid"][0].get("quarantine_id"), None);
    assert_eq!(server.get("/v1/quarantine").await.body["total"], 2);
}

#[tokio::test]
async fn exceeded_limits_are_named_with_their_values() {
    let limits = IntakeLimits {
        body_max_bytes: 100,
        decompressed_max_bytes: 1000,
        request_max_events: 3,
        ..IntakeLimits::default()
    };
    let server = Server::with(IntakeSettings { limits, ..settings() });
    let piece = || Ok::<_, std::io::Error>(bytes::Bytes::from_static(&[b'\n'; 60]));
    let streamed = Body::from_stream(futures::stream::iter([piece(), piece()]));
    let gzipped = gzip(&b"\n".repeat(1001));
    let headers = [("content-type", NDJSON), ("content-encoding", "gzip")];
    for (reply, code, limit, value) in [
        (
            server.post("/v1/events", NDJSON, vec![b'\n'; 101]).await,
            "body_too_large",
            "body_max_bytes",
            100,
        ),
        (
            server.post("/v1/events", NDJSON, streamed).await,
            "body_too_large",
            "body_max_bytes",
            100,
        ),
        (
            server.call(Method::POST, "/v1/events", &headers, gzipped).await,
            "decompressed_body_too_large",
            "decompressed_max_bytes",
            1000,
        ),
        (
            server.post("/v1/events", JSON, "[1,2,3,4]").await,
            "too_many_events",
            "request_max_events",
            3,
        ),
    ] {
        assert!(reply.is_problem(413, code), "{code}: {}", reply.body);
        assert_eq!(reply.body["limit"], limit);
        assert_eq!(reply.body["limit_value"], value);
        assert!(reply.body["detail"].as_str().unwrap().contains(&value.to_string()));
    }
    let streamed = Body::from_stream(futures::stream::iter([
        piece().map(|piece| piece.slice(..20)),
        Ok(bytes::Bytes::from_static(b"{\"event\"")),
        Ok(bytes::Bytes::from_static(b":\"e\"}")),
    ]));
    let reply = server.post("/v1/events", NDJSON, streamed).await;
    assert_eq!(reply.body["accepted"], 1, "a body may come in pieces");
}

#[tokio::test]
async fn a_body_that_breaks_off_is_malformed_and_one_that_stalls_times_out() {
    let limits = IntakeLimits { body_time_max_ms: 20, ..IntakeLimits::default() };
    let server = Server::with(IntakeSettings { limits, ..settings() });
    let pieces = [Ok(bytes::Bytes::from_static(b"{}")), Err(std::io::Error::other("reset"))];
    let reply =
        server.post("/v1/events", NDJSON, Body::from_stream(futures::stream::iter(pieces))).await;
    assert!(reply.is_problem(400, "malformed_body"), "{}", reply.body);

    let never = futures::stream::pending::<Result<bytes::Bytes, std::io::Error>>();
    let reply = server.post("/v1/events", NDJSON, Body::from_stream(never)).await;
    assert!(reply.is_problem(408, "body_timeout"), "{}", reply.body);
}

#[tokio::test]
async fn wait_applied_says_whether_queries_include_the_events() {
    let server = Server::new();
    let event = r#"{"event":"e","id":"a"}"#;
    let reply = server.post("/v1/events?wait=applied", JSON, event).await;
    assert_eq!((reply.status.as_u16(), &reply.body["applied"]), (200, &json!(false)));
    *server.views.0.lock().unwrap() = Offset(1);
    let reply = server.post("/v1/events?wait=applied", JSON, event).await;
    assert_eq!((&reply.body["duplicates"], &reply.body["applied"]), (&json!(1), &json!(true)));
    let reply = server.post("/v1/events?wait=durable", JSON, event).await;
    assert_eq!(reply.body.get("applied"), None);
    let reply = server.post("/v1/events?wait=applied", JSON, "[{}]").await;
    assert!(reply.is_problem(422, "invalid_events"), "{}", reply.body);
    assert_eq!(reply.body["applied"], true);
}

#[tokio::test]
async fn events_that_are_not_stored_are_not_acknowledged() {
    let event = r#"{"event":"e","id":"a"}"#;
    let server = Server::new();
    server.journal.fail(vec![JournalError::Full("no room".to_owned())]);
    assert!(server.post("/v1/events", JSON, event).await.is_problem(507, "disk_full"));
    server.journal.fail(vec![JournalError::Io("too many open files".to_owned())]);
    let reply = server.post("/v1/events", JSON, event).await;
    assert!(reply.is_problem(503, "journal_unavailable"), "{}", reply.body);
    assert_eq!(reply.retry_after.as_deref(), Some("1"));
    assert_eq!(server.post("/v1/events", JSON, event).await.status.as_u16(), 200, "the same again");
    let event = r#"{"event":"e","id":"b"}"#;
    server.journal.fail(vec![JournalError::Uncertain("fsync failed".to_owned())]);
    for _ in 0..2 {
        let reply = server.post("/v1/events", JSON, event).await;
        assert!(reply.is_problem(503, "journal_stopped"), "{}", reply.body);
    }

    let server = Server::with(IntakeSettings { pending_max_bytes: 10, ..settings() });
    let reply = server.post("/v1/events", JSON, event).await;
    assert!(reply.is_problem(503, "overloaded"), "{}", reply.body);
    assert_eq!(reply.retry_after.as_deref(), Some("1"));

    let server = Server::with(IntakeSettings { backlog_max_events: 1, ..settings() });
    let two = "[{\"event\":\"e\"},{\"event\":\"e\"}]";
    assert_eq!(server.post("/v1/events", JSON, two).await.status.as_u16(), 200);
    let reply = server.post("/v1/events", JSON, event).await;
    assert!(reply.is_problem(503, "backlog_full"), "{}", reply.body);
    assert_eq!(reply.retry_after.as_deref(), Some("60"));

    let server = Server::new();
    server.intake.shutdown().await;
    let reply = server.post("/v1/events", JSON, event).await;
    assert!(reply.is_problem(503, "shutting_down"), "{}", reply.body);

    let server = Server::with(IntakeSettings { disk_floor_bytes: u64::MAX, ..settings() });
    assert!(server.post("/v1/events", JSON, event).await.is_problem(507, "disk_full"));
}
