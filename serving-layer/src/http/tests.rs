//! The routes as a client sees them.

mod bound;
mod exports;
mod reading;
mod sums;

use std::sync::Arc;

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use axum::{Extension, Router};
use http_body_util::BodyExt;
use merganser_core::access::AccessScope;
use merganser_core::event::Event;
use merganser_core::testing::event;
use merganser_core::time::HOUR_US;
use proptest::prelude::*;
use serde_json::{Value, json};
use tower::ServiceExt;

use super::routes;
use crate::testing::{NOW, World, metric};

const METRIC: &str = r#"{"name":"sales","event":"e","dimensions":["country","plan"],
    "measures":{"orders":{"kind":"count"},"total":{"kind":"sum","of":"amount"},
    "mean":{"kind":"avg","of":"amount"}}}"#;

fn world() -> Arc<World> {
    let rows = [
        (1, r#"{"country":"DE","plan":"a%b","amount":0.1}"#),
        (1, r#"{"country":"DE","plan":"a_b","amount":0.2}"#),
        (2, r#"{"country":"FR","plan":"it's","amount":12345678901234567890.123456789}"#),
        (3, r#"{"amount":-7}"#),
        (3, r#"{"country":"DE","plan":"a%b"}"#),
        (4, r#"{"country":"=1+1","plan":"x\"y,z"}"#),
    ];
    let events: Vec<Event> =
        rows.iter().map(|(at, text)| event("e", NOW.0 - at * HOUR_US, Some(text))).collect();
    World::new(metric(METRIC), events, 3)
}

fn router(world: &Arc<World>) -> Router {
    let everything: Arc<AccessScope> = Arc::default();
    routes(world.subscriptions()).layer(Extension(everything))
}

struct Reply {
    status: StatusCode,
    content_type: String,
    location: Option<String>,
    body: Vec<u8>,
}

impl Reply {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }
}

async fn send(world: &Arc<World>, request: Request<Body>) -> Reply {
    let response = router(world).oneshot(request).await.unwrap();
    let text = |name| response.headers().get(name).map(|v| v.to_str().unwrap().to_owned());
    Reply {
        status: response.status(),
        content_type: text(header::CONTENT_TYPE).unwrap_or_default(),
        location: text(header::LOCATION),
        body: response.into_body().collect().await.unwrap().to_bytes().to_vec(),
    }
}

async fn get(path: &str) -> Reply {
    send(&world(), Request::get(path).body(Body::empty()).unwrap()).await
}

async fn post(body: &Value) -> Reply {
    let body = Body::from(body.to_string());
    send(&world(), Request::post("/v1/query").body(body).unwrap()).await
}

async fn put(name: &str, body: &str) -> Reply {
    let request = Request::put(format!("/v1/metrics/{name}")).body(Body::from(body.to_owned()));
    send(&world(), request.unwrap()).await
}

#[tokio::test]
async fn an_answer_keeps_all_digits_and_the_shape_of_the_contract() {
    let reply =
        get("/v1/query?metric=sales&granularity=hour&group_by=country&timezone=Europe%2FBerlin")
            .await;
    assert_eq!((reply.status, &*reply.content_type), (StatusCode::OK, "application/json"));
    let text = reply.text();
    let want = concat!(
        r#"{"metric":"sales","from":"2013-04-05T04:00:00+02:00","to":"2013-04-05T08:00:00+02:00","#,
        r#""granularity":"hour","timezone":"Europe/Berlin","#,
        r#""columns":[{"name":"time","type":"timestamp"},{"name":"country","type":"text"},"#,
        r#"{"name":"orders","type":"integer"},{"name":"total","type":"decimal"},"#,
        r#"{"name":"mean","type":"decimal"}],"#,
        r#""rows":[{"time":"2013-04-05T04:00:00+02:00","country":"=1+1","orders":1,"#,
        r#""total":null,"mean":null},"#,
        r#"{"time":"2013-04-05T05:00:00+02:00","country":"DE","orders":1,"#,
        r#""total":null,"mean":null},"#,
        r#"{"time":"2013-04-05T05:00:00+02:00","country":null,"orders":1,"total":-7,"mean":-7},"#,
        r#"{"time":"2013-04-05T06:00:00+02:00","country":"FR","orders":1,"#,
        r#""total":12345678901234567890.123456789,"mean":12345678901234567890.123456789},"#,
        r#"{"time":"2013-04-05T07:00:00+02:00","country":"DE","orders":2,"#,
        r#""total":0.3,"mean":0.15}],"total_rows":5,"provenance":{"generation":1,"#,
    );
    assert!(text.starts_with(want), "{text}\n{want}");
}

#[tokio::test]
async fn get_and_post_ask_the_same() {
    let query = json!({
        "metric": "sales", "measures": ["total", "orders"], "group_by": ["country", "plan"],
        "order_by": ["-total", "country"], "filter": "country IS NOT NULL", "limit": 2, "offset": 1,
        "from": null, "timezone": "UTC"
    });
    let by_post = post(&query);
    let by_get = get("/v1/query?metric=sales&measures=total,orders&group_by=country,plan\
        &order_by=-total,country&filter=country%20IS%20NOT%20NULL&limit=2&offset=1&to=");
    let (by_post, by_get) = (by_post.await, by_get.await);
    assert_eq!(by_post.text(), by_get.text());
    let answer = by_get.json();
    assert_eq!(answer["total_rows"], 4);
    assert_eq!(
        answer["rows"],
        json!([
            {"country": "DE", "plan": "a_b", "total": 0.2, "orders": 1},
            {"country": "DE", "plan": "a%b", "total": 0.1, "orders": 2},
        ])
    );
}

#[tokio::test]
async fn a_total_always_has_one_row() {
    let answer = get("/v1/query?metric=sales&filter=country%3D'none'").await.json();
    assert_eq!(answer["rows"], json!([{"orders": 0, "total": null, "mean": null}]));
    assert_eq!(answer["total_rows"], 1);
}

#[tokio::test]
async fn errors_of_bad_queries_say_what_would_be_right() {
    for (query, status, code, hint) in [
        ("metric=sale", 404, "unknown_metric", "`sales`"),
        ("", 400, "invalid_parameter", "metric"),
        ("metric=sales&measures=order", 400, "unknown_measure", "`orders`"),
        ("metric=sales&group_by=contry", 400, "unknown_dimension", "`country`"),
        ("metric=sales&granularity=fortnight", 400, "unknown_granularity", "`week`"),
        ("metric=sales&granularity=days", 400, "unknown_granularity", "`day`"),
        ("metric=sales&timezone=Europe/Berlim", 400, "unknown_timezone", "Europe/Berlin"),
        ("metric=sales&timezone=Mars/Base", 400, "unknown_timezone", "IANA"),
        ("metric=sales&from=2014-01-01&to=2013-01-01", 400, "empty_range", "earlier"),
        ("metric=sales&from=2013-01-01&to=2013-01-01", 400, "empty_range", "earlier"),
        ("metric=sales&from=noon", 400, "invalid_time", "RFC 3339"),
        ("metric=sales&filter=country%20%3D", 400, "invalid_filter", "filter"),
        ("metric=sales&filter=(select%201)%3D1", 400, "invalid_filter", "filter"),
        ("metric=sales&filter=orders%20%3E%201", 400, "invalid_filter", "dimension"),
        ("metric=sales&having=country%20%3D%20'DE'", 400, "invalid_having", "measure"),
        ("metric=sales&limit=-1", 400, "invalid_parameter", "100000"),
        ("metric=sales&limit=100001", 400, "invalid_parameter", "100000"),
        ("metric=sales&offset=x", 400, "invalid_parameter", "offset"),
        ("metric=sales&colour=red", 400, "unknown_parameter", "colour"),
        ("metric=sales&mesures=orders", 400, "unknown_parameter", "`measures`"),
        ("metric=sales&metric=sales", 400, "invalid_parameter", "twice"),
        ("metric=sales&measures=orders,orders", 400, "invalid_parameter", "twice"),
        ("metric=sales&order_by=time", 400, "unknown_column", "granularity"),
        ("metric=sales&order_by=country", 400, "unknown_column", "group_by"),
        ("metric=sales&order_by=-totl", 400, "unknown_column", "`total`"),
        ("metric=sales&partial=maybe", 400, "invalid_parameter", "allow"),
        ("metric=sales&after=5", 400, "invalid_parameter", "0:123456"),
        ("metric=sales&limit_per_bucket=1", 400, "invalid_parameter", "true or false"),
        ("metric=sales&fill=zeros", 400, "invalid_parameter", "`zero`"),
        ("metric=sales&format=xml", 400, "invalid_parameter", "csv"),
        ("metric=sales&csv=spreadsheets", 400, "invalid_parameter", "`spreadsheet`"),
    ] {
        let reply = get(&format!("/v1/query?{query}")).await;
        let text = reply.text();
        assert_eq!(reply.status.as_u16(), status, "{query}: {text}");
        assert_eq!(reply.content_type, "application/problem+json", "{query}");
        assert_eq!(reply.json()["code"], code, "{query}: {text}");
        assert!(reply.json()["detail"].as_str().unwrap().contains(hint), "{query}: {text}");
    }
}

#[tokio::test]
async fn the_format_comes_from_the_parameter_or_the_accept_header() {
    let ask = async |rest: &str, accept: &str| {
        let path = format!("/v1/query?metric=sales&measures=orders&group_by=country{rest}");
        let request = Request::get(path).header(header::ACCEPT, accept).body(Body::empty());
        let reply = send(&world(), request.unwrap()).await;
        assert_eq!(reply.status, StatusCode::OK);
        reply
    };
    for (rest, accept, content_type) in [
        ("", "*/*", "application/json"),
        ("", "text/html, text/csv;q=0.9", "text/csv; charset=utf-8"),
        ("&format=csv", "application/json", "text/csv; charset=utf-8"),
        ("&format=ndjson", "", "application/x-ndjson"),
        ("", "application/vnd.apache.arrow.stream", "application/vnd.apache.arrow.stream"),
        ("&format=parquet", "*/*", "application/vnd.apache.parquet"),
    ] {
        assert_eq!(ask(rest, accept).await.content_type, content_type, "{rest} {accept}");
    }
    let csv = ask("&format=csv", "").await.text();
    assert_eq!(csv, "country,orders\r\n=1+1,1\r\nDE,3\r\nFR,1\r\n,1\r\n");
    let csv = ask("&format=csv&csv=spreadsheet", "").await.text();
    assert_eq!(csv, "country,orders\r\n\"'=1+1\",1\r\nDE,3\r\nFR,1\r\n,1\r\n");
}

#[tokio::test]
async fn a_query_is_followed_as_an_event_stream() {
    let request = Request::get("/v1/query?metric=sales&measures=orders")
        .header(header::ACCEPT, "text/event-stream");
    let router = router(&world());
    let response = router.oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(response.headers()[header::CONTENT_TYPE], "text/event-stream");
    let (mut body, mut text) = (response.into_body(), String::new());
    while !text.ends_with("\n\n") {
        let frame = body.frame().await.unwrap().unwrap().into_data().unwrap();
        text += std::str::from_utf8(&frame).unwrap();
    }
    assert!(text.starts_with("event: answer\ndata: {\"metric\":\"sales\""), "{text}");
    assert!(text.ends_with("}\n\n"), "{text}");
    let refused = Request::get("/v1/query?metric=sale").header(header::ACCEPT, "text/event-stream");
    let refused = send(&world(), refused.body(Body::empty()).unwrap()).await;
    assert_eq!(refused.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn bodies_that_are_no_query_are_refused() {
    let send = async |body: String| {
        send(&world(), Request::post("/v1/query").body(Body::from(body)).unwrap()).await
    };
    for (body, status, code) in [
        ("{".to_owned(), 400, "malformed_body"),
        ("[]".to_owned(), 400, "malformed_body"),
        ("{}".to_owned(), 400, "invalid_parameter"),
        (r#"{"metric":7}"#.to_owned(), 400, "invalid_parameter"),
        (r#"{"metric":"sales","measures":[1]}"#.to_owned(), 400, "invalid_parameter"),
        (r#"{"metric":"sales","limit":1.5}"#.to_owned(), 400, "invalid_parameter"),
        (r#"{"metric":"sales","after":[1]}"#.to_owned(), 400, "invalid_parameter"),
        (format!("{{\"metric\":\"{}\"}}", "x".repeat(900_000)), 404, "unknown_metric"),
        (" ".repeat(1 << 21), 413, "body_too_large"),
    ] {
        let reply = send(body.clone()).await;
        let what = &body[..body.len().min(60)];
        assert_eq!(reply.status.as_u16(), status, "{what}: {}", reply.text());
        assert_eq!(reply.json()["code"], code, "{what}");
        assert_eq!(reply.content_type, "application/problem+json", "{what}");
    }
}

#[tokio::test]
async fn metrics_are_listed_shown_and_defined() {
    let list = get("/v1/metrics").await.json();
    assert_eq!(list["metrics"][0]["name"], "sales");
    let shown = get("/v1/metrics/sales").await.json();
    assert_eq!(shown["state"], "active");
    assert_eq!(shown["version"], 1);
    assert_eq!(shown["type_mismatches"], 2);
    assert_eq!(shown["definition"]["measures"]["total"]["of"], "amount");
    assert_eq!(shown["first_bucket"], "2013-04-05T02:07:00Z");
    assert_eq!(shown["last_bucket"], "2013-04-05T05:07:00Z");
    assert_eq!(get("/v1/metrics/sale").await.status, StatusCode::NOT_FOUND);

    assert_eq!(put("sales", METRIC).await.status, StatusCode::OK);
    let changed = METRIC.replace("amount", "price");
    let reply = put("sales", &changed).await;
    assert_eq!(reply.status, StatusCode::ACCEPTED);
    assert_eq!(reply.location.as_deref(), Some("/v1/runs/r1"));
    let reply = put("refunds", r#"{"event":"r","measures":{"n":{"kind":"count"}}}"#).await;
    assert_eq!(reply.status, StatusCode::ACCEPTED);
    assert_eq!(reply.json()["name"], "refunds");
    let gone = Request::delete("/v1/metrics/sales").body(Body::empty()).unwrap();
    assert_eq!(send(&world(), gone).await.status, StatusCode::NO_CONTENT);
    let gone = Request::delete("/v1/metrics/nope").body(Body::empty()).unwrap();
    assert_eq!(send(&world(), gone).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn bad_definitions_are_pointed_at() {
    for (name, body, status, pointer) in [
        ("x", "nope", 400, None),
        ("x", r#"{"name":"x"}"#, 422, Some("")),
        (
            "sales",
            r#"{"name":"x","event":"e","measures":{"n":{"kind":"count"}}}"#,
            422,
            Some("/name"),
        ),
        ("x", r#"{"event":"e","measures":{"m":{"kind":"median"}}}"#, 422, Some("/measures/m/kind")),
        ("x", r#"{"event":"e","measures":{"m":{"kind":"sum"}}}"#, 422, Some("/measures/m/of")),
        (
            "x",
            r#"{"event":"e","filter":"a = ","measures":{"m":{"kind":"count"}}}"#,
            422,
            Some("/filter"),
        ),
        ("X", r#"{"event":"e","measures":{"n":{"kind":"count"}}}"#, 422, Some("/name")),
    ] {
        let reply = put(name, body).await;
        assert_eq!(reply.status.as_u16(), status, "{body}: {}", reply.text());
        assert_eq!(reply.content_type, "application/problem+json");
        assert_eq!(reply.json()["pointer"].as_str(), pointer, "{body}: {}", reply.text());
        assert!(!reply.json()["detail"].as_str().unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_dimensions_values_come_most_frequent_first() {
    let values = async |rest: &str| {
        let reply = get(&format!("/v1/metrics/sales/dimensions/{rest}")).await;
        assert_eq!(reply.status, StatusCode::OK, "{}", reply.text());
        reply.json()["values"].clone()
    };
    assert_eq!(
        values("country?limit=2").await,
        json!([{"value": "DE", "count": 3}, {"value": "=1+1", "count": 1}])
    );
    assert_eq!(values("plan?prefix=a_").await, json!([{"value": "a_b", "count": 1}]));
    assert_eq!(values("plan?prefix=a%25").await, json!([{"value": "a%b", "count": 2}]));
    assert_eq!(values("plan?prefix=it's").await, json!([{"value": "it's", "count": 1}]));
    assert_eq!(values("plan?prefix=%5C").await, json!([]));
    assert_eq!(get("/v1/metrics/sales/dimensions/nope").await.status, StatusCode::NOT_FOUND);
    let odd = get("/v1/metrics/sales/dimensions/plan?order=1").await;
    assert_eq!(odd.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn the_status_page_shows_positions_and_lags() {
    let status = get("/v1/status").await.json();
    assert_eq!(status["generation"], 1);
    assert_eq!(status["journal"]["position"], json!({"0": 6}));
    assert_eq!(status["speed_store"]["kind"], "memory");
    assert_eq!(status["metrics"][0]["boundary"]["offset"], 3);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Good queries with a part replaced by something else: an answer or a reason, never a fault.
    #[test]
    fn mutated_queries_are_never_a_fault(
        at in 0..19_usize,
        odd in prop_oneof![
            "[-a-z0-9 ,.:%']{0,12}".prop_map(Value::from),
            "\\PC{0,20}".prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            Just(json!(null)), Just(json!(true)), Just(json!([])), Just(json!({})),
            Just(json!(["orders"])), Just(json!("orders")), Just(json!("now-7d")),
            Just(json!([null])), Just(json!({"0": 3})), Just(json!({"0": -3})),
        ],
    ) {
        let names = super::super::query::tests::names();
        let mut query = json!({
            "metric": "sales", "measures": ["orders"], "granularity": "day", "group_by": ["plan"],
            "from": "2013-04-01", "to": "2013-04-07", "timezone": "Asia/Tokyo",
            "having": "orders > 0", "order_by": ["-orders"], "fill": "previous",
        });
        query[names[at]] = odd;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let reply = runtime.block_on(post(&query));
        prop_assert!(reply.status.as_u16() < 500 || reply.status == 504, "{}", query);
        if reply.status != 200 {
            prop_assert_eq!(&*reply.content_type, "application/problem+json");
        }
    }

    /// Likewise for definitions.
    #[test]
    fn mutated_definitions_are_never_a_fault(
        place in 0..10_usize,
        odd in prop_oneof![
            "[-a-z0-9 ,.:%'()*+/=]{0,16}".prop_map(Value::from),
            "\\PC{0,20}".prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            Just(json!(null)), Just(json!(true)), Just(json!([])), Just(json!({})),
            Just(json!("count")), Just(json!("a + ")), Just(json!("(SELECT 1)")),
            Just(json!("now()")), Just(json!(["x", "x"])), Just(json!("o / o")),
        ],
    ) {
        let places = ["name", "event", "filter", "granularity", "dimensions", "measures",
            "/measures/n", "/measures/n/kind", "/measures/n/of", "/measures/o/expr"];
        let mut definition = json!({
            "name": "x", "event": ["e", "f"], "filter": "a > 1", "granularity": "hour",
            "dimensions": ["a", {"name": "b", "expr": "upper(c)"}],
            "measures": {
                "n": {"kind": "sum", "of": "v * 2"},
                "o": {"kind": "expr", "expr": "n / 2"},
            },
        });
        match definition.pointer_mut(places[place]) {
            Some(value) => *value = odd,
            None => definition[places[place].trim_start_matches('/')] = odd,
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let reply = runtime.block_on(put("x", &definition.to_string()));
        let known = [200, 201, 202, 422].contains(&reply.status.as_u16());
        prop_assert!(known, "{}: {}", definition, reply.text());
        if reply.status == 422 {
            prop_assert!(reply.json()["pointer"].is_string(), "{}", reply.text());
            prop_assert!(!reply.json()["detail"].as_str().unwrap().is_empty());
        }
    }
}
