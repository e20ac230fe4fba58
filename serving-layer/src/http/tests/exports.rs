//! Answers in formats of rows alone: never cut without a word, and what they cannot hold is in
//! their headers.

use std::sync::Arc;

use arrow::ipc::reader::StreamReader;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt;
use merganser_core::event::Event;
use merganser_core::testing::event;
use merganser_core::time::HOUR_US;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::{Value, json};
use tower::ServiceExt;

use super::{METRIC, router, world};
use crate::testing::{NOW, World, metric};

const FORMATS: [&str; 4] = ["csv", "ndjson", "arrow", "parquet"];

/// Every minute of so many days, whether it has events or not: 1,440 rows a day.
fn minutes(days: u64, rest: &str) -> String {
    let first = chrono::NaiveDate::from_ymd_opt(2013, 1, 1).unwrap();
    let end = first + chrono::Days::new(days);
    let range = format!("from={first}&to={end}");
    format!("/v1/query?metric=sales&granularity=minute&fill=zero&{range}{rest}")
}

async fn ask(router: &Router, path: &str) -> (StatusCode, HeaderMap, Bytes) {
    let request = Request::get(path).body(Body::empty()).unwrap();
    let response = router.clone().oneshot(request).await.unwrap();
    let (head, body) = response.into_parts();
    (head.status, head.headers, body.collect().await.unwrap().to_bytes())
}

fn rows(format: &str, body: Bytes) -> usize {
    match format {
        "csv" => body.iter().filter(|byte| **byte == b'\n').count() - 1,
        "ndjson" => body.iter().filter(|byte| **byte == b'\n').count(),
        "arrow" => {
            StreamReader::try_new(&*body, None).unwrap().map(|rows| rows.unwrap().num_rows()).sum()
        }
        "parquet" => {
            let file = ParquetRecordBatchReaderBuilder::try_new(body).unwrap();
            file.build().unwrap().map(|rows| rows.unwrap().num_rows()).sum()
        }
        _ => serde_json::from_slice::<Value>(&body).unwrap()["rows"].as_array().unwrap().len(),
    }
}

#[tokio::test]
async fn an_export_has_all_rows_and_json_says_how_many_there_are() {
    let router = router(&world());
    let (status, _, body) = ask(&router, &minutes(10, "")).await;
    let answer: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!((status, &answer["total_rows"]), (StatusCode::OK, &json!(14_400)));
    assert_eq!(answer["rows"].as_array().unwrap().len(), 10_000);
    for format in FORMATS {
        for (rest, want) in [("", 14_400), ("&offset=400", 14_000), ("&limit=5&offset=1", 5)] {
            let path = minutes(10, &format!("&format={format}{rest}"));
            let (status, headers, body) = ask(&router, &path).await;
            assert_eq!((status, rows(format, body)), (StatusCode::OK, want), "{path}");
            assert_eq!(headers["merganser-total-rows"], "14400", "{path}");
            assert_eq!(headers["merganser-from"], "2013-01-01T00:00:00Z", "{path}");
            assert_eq!(headers["merganser-to"], "2013-01-11T00:00:00Z", "{path}");
        }
    }
}

#[tokio::test]
async fn an_export_of_too_many_rows_is_refused_unless_the_query_limits_it() {
    let router = router(&world());
    let whole = async |rest: &str| ask(&router, &minutes(70, rest)).await;
    for format in FORMATS {
        // Were it kept for the same question without a limit, that one would be cut.
        let (_, headers, body) = whole(&format!("&format={format}&limit=100000")).await;
        assert_eq!(rows(format, body), 100_000, "{format}");
        assert_eq!(headers["merganser-total-rows"], "100800", "{format}");
        for rest in ["", "&offset=799", "&limit_per_bucket=true"] {
            let (status, _, body) = whole(&format!("&format={format}{rest}")).await;
            let problem: Value = serde_json::from_slice(&body).unwrap();
            let code = &problem["code"];
            assert_eq!((status.as_u16(), code), (413, &json!("too_many_rows")), "{format}{rest}");
            let detail = problem["detail"].as_str().unwrap();
            let count = if rest == "&offset=799" { "100001 rows" } else { "rows" };
            assert!(detail.contains(count) && detail.contains("`limit`"), "{detail}");
            assert_eq!(problem["limit"], 100_000);
        }
        let (status, _, body) = whole(&format!("&format={format}&offset=800")).await;
        assert_eq!((status, rows(format, body)), (StatusCode::OK, 100_000), "{format}");
    }
    let (status, _, body) = whole("").await;
    assert_eq!((status, rows("json", body)), (StatusCode::OK, 10_000));
}

/// Sums beyond 38 digits, in the range of the query and in the range that it is compared with.
fn beyond() -> Arc<World> {
    let most = r#"{"country":"DE","amount":60000000000000000000000000000}"#;
    let hours = [1, 1, 1, 25, 25, 25];
    let events: Vec<Event> =
        hours.iter().map(|at| event("e", NOW.0 - at * HOUR_US, Some(most))).collect();
    World::new(metric(METRIC), events, 3)
}

#[tokio::test]
async fn warnings_come_with_every_format_and_for_values_that_are_only_read() {
    let router = router(&beyond());
    let range = "metric=sales&from=2013-04-05&to=2013-04-06";
    for (rest, whose) in [
        ("measures=total", vec!["`total` does not fit"]),
        (
            "measures=total&compare=previous_period",
            vec!["`total` does not fit", "`compare`: `total`"],
        ),
        ("measures=orders&having=total%20%3E%201", vec!["`having`: `total`"]),
        ("measures=orders&group_by=country&order_by=-total", vec!["`order_by`: `total`"]),
    ] {
        let path = format!("/v1/query?{range}&{rest}");
        let (status, _, body) = ask(&router, &path).await;
        let warnings = serde_json::from_slice::<Value>(&body).unwrap()["warnings"].clone();
        assert_eq!(status, StatusCode::OK, "{path}");
        assert_eq!(warnings.as_array().unwrap().len(), whose.len(), "{path}: {warnings}");
        for (warning, whose) in warnings.as_array().unwrap().iter().zip(&whose) {
            assert!(warning.as_str().unwrap().starts_with(whose), "{path}: {warning}");
        }
        for format in FORMATS {
            let (_, headers, _) = ask(&router, &format!("{path}&format={format}")).await;
            let header = headers["merganser-warnings"].to_str().unwrap();
            assert_eq!(serde_json::from_str::<Value>(header).unwrap(), warnings, "{format}");
        }
    }
}

#[tokio::test]
async fn the_provenance_of_a_partial_answer_names_what_is_missing_in_every_format() {
    let (world, missing) = (world(), "speed: epoch 7 ist weg – „7“");
    *world.missing.lock().unwrap() = vec![missing.to_owned()];
    let router = router(&world);
    for format in FORMATS {
        let path = format!("/v1/query?metric=sales&partial=allow&format={format}");
        let (status, headers, _) = ask(&router, &path).await;
        let header = headers["merganser-provenance"].to_str().unwrap();
        let provenance: Value = serde_json::from_str(header).unwrap();
        assert_eq!((status, &provenance["complete"]), (StatusCode::OK, &json!(false)), "{format}");
        assert_eq!(provenance["missing"], json!([missing]), "{format}");
    }
    let path = "/v1/metrics/sales/dimensions/country?partial=allow";
    let (_, _, body) = ask(&router, path).await;
    let values: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!((&values["complete"], &values["missing"]), (&json!(false), &json!([missing])));
}
