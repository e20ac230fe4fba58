//! Totals, other groups and windows over HTTP: their place in an answer, and their refusals.

use super::*;

const DAY: &str = "metric=sales&granularity=day";

#[tokio::test]
async fn sums_stand_before_the_rows_with_all_their_digits() {
    let path = "/v1/query?metric=sales&measures=orders,total&granularity=hour&group_by=country\
        &group_limit=1&other=true&totals=true&window=2h";
    let text = get(path).await.text();
    let want = concat!(
        r#"{"metric":"sales","from":"2013-04-05T02:00:00Z","to":"2013-04-05T06:00:00Z","#,
        r#""granularity":"hour","window":"2h","timezone":"UTC","#,
        r#""columns":[{"name":"time","type":"timestamp"},{"name":"country","type":"text"},"#,
        r#"{"name":"orders","type":"integer"},{"name":"total","type":"decimal"}],"#,
        r#""totals":{"orders":6,"total":12345678901234567883.423456789},"#,
        r#""other":[{"time":"2013-04-05T02:00:00Z","orders":1,"total":null},"#,
        r#"{"time":"2013-04-05T03:00:00Z","orders":2,"total":-7},"#,
        r#"{"time":"2013-04-05T04:00:00Z","orders":2,"total":12345678901234567883.123456789},"#,
        r#"{"time":"2013-04-05T05:00:00Z","orders":1,"total":12345678901234567890.123456789}],"#,
        r#""rows":[{"time":"2013-04-05T03:00:00Z","country":"DE","orders":1,"total":null},"#,
        r#"{"time":"2013-04-05T04:00:00Z","country":"DE","orders":1,"total":null},"#,
        r#"{"time":"2013-04-05T05:00:00Z","country":"DE","orders":2,"total":0.3}],"#,
        r#""total_rows":3,"provenance":{"#,
    );
    assert!(text.starts_with(want), "{text}\n{want}");
}

#[tokio::test]
async fn without_rows_there_are_totals_and_no_others() {
    let path = "/v1/query?metric=sales&measures=orders,total&group_by=country&limit=1&other=true\
        &totals=true&filter=country%3D'none'";
    let answer = get(path).await.json();
    assert_eq!(answer["totals"], json!({"orders": 0, "total": null}));
    assert_eq!((&answer["other"], &answer["rows"]), (&json!([]), &json!([])));
    assert!(answer.get("window").is_none());
}

#[tokio::test]
async fn what_means_nothing_is_told_what_would() {
    for (query, code, hint) in [
        ("metric=sales&totals=yes", "invalid_parameter", "true or false"),
        ("metric=sales&group_by=plan&group_limit=0", "invalid_parameter", "from 1 to 10000"),
        ("metric=sales&group_by=plan&group_limit=10001", "invalid_parameter", "10000"),
        ("metric=sales&group_limit=2", "invalid_parameter", "`group_limit` needs `group_by`"),
        ("metric=sales&other=true&limit=2", "invalid_parameter", "`other` needs `group_by`"),
        ("metric=sales&other=true&group_by=plan", "invalid_parameter", "`limit` or `group_limit`"),
        ("metric=sales&window=7d", "invalid_parameter", "`window` needs a `granularity`"),
        ("metric=sales&others=true", "unknown_parameter", "`other`"),
        ("metric=sales&rolling=7d", "unknown_parameter", "`window`"),
        ("metric=sales&total=true", "unknown_parameter", "`totals`"),
        ("metric=sales&granularity=7m", "unknown_granularity", "`6m`"),
        ("metric=sales&granularity=5h", "unknown_granularity", "`10m` or `6h`"),
        ("metric=sales&granularity=010m", "unknown_granularity", "`10m` or `6h`"),
    ] {
        refused(query, code, hint).await;
    }
    for (rest, hint) in [
        ("window=7x", "as `28d`"),
        ("window=d", "as `28d`"),
        ("window=0d", "as `28d`"),
        ("window=401y", "400 years"),
        ("window=99999999999d", "400 years"),
        ("window=36h", "`1d` or `2d` would do"),
        ("window=6h", "`1d` would do"),
        ("granularity=week&window=10d", "`1w` or `2w` would do"),
        ("granularity=week&window=1M", "`4w` would do"),
        ("granularity=month&window=28d", "`1M` would do"),
        ("granularity=quarter&window=4M", "`3M` or `6M` would do"),
        ("granularity=year&window=1M", "`12M` would do"),
        ("granularity=15m&window=10m", "`15m` would do"),
        ("granularity=6h&window=9h", "`6h` or `12h` would do"),
    ] {
        let query = match rest.starts_with("granularity") {
            true => format!("metric=sales&{rest}"),
            false => format!("{DAY}&{rest}"),
        };
        refused(&query, "invalid_parameter", hint).await;
    }
}

async fn refused(query: &str, code: &str, hint: &str) {
    let reply = get(&format!("/v1/query?{query}")).await;
    let text = reply.text();
    assert_eq!((reply.status.as_u16(), &reply.json()["code"]), (400, &json!(code)), "{text}");
    assert!(reply.json()["detail"].as_str().unwrap().contains(hint), "{query}: {text}");
}

#[tokio::test]
async fn formats_of_rows_alone_have_windows_and_no_sums() {
    for format in ["csv", "ndjson", "arrow", "parquet"] {
        for sum in ["totals=true", "other=true&limit=1"] {
            let query = format!("metric=sales&group_by=plan&{sum}&format={format}");
            let name = format!("`{}` stands beside", sum.split_once('=').unwrap().0);
            refused(&query, "invalid_parameter", &name).await;
            refused(&query, "invalid_parameter", "`format=json` is right").await;
        }
        let query = format!("{DAY}&group_by=plan&group_limit=1&window=7d&format={format}");
        assert_eq!(get(&format!("/v1/query?{query}")).await.status, StatusCode::OK);
    }
    let asked = Request::get("/v1/query?metric=sales&totals=true")
        .header(header::ACCEPT, "text/csv")
        .body(Body::empty());
    let reply = send(&world(), asked.unwrap()).await;
    assert_eq!(reply.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn event_streams_carry_sums() {
    let asked = Request::get(
        "/v1/query?metric=sales&measures=orders&group_by=plan&limit=1\
        &other=true&totals=true",
    )
    .header(header::ACCEPT, "text/event-stream")
    .body(Body::empty());
    let response = router(&world()).oneshot(asked.unwrap()).await.unwrap();
    let (mut body, mut text) = (response.into_body(), String::new());
    while !text.ends_with("\n\n") {
        let frame = body.frame().await.unwrap().unwrap().into_data().unwrap();
        text += std::str::from_utf8(&frame).unwrap();
    }
    assert!(text.contains(r#""totals":{"orders":6},"other":[{"orders":4}],"rows":["#), "{text}");
}
