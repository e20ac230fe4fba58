//! Documents that are dashboards, and documents that are not.

use serde_json::json;

use super::*;

fn refused(document: &Value) -> (String, String) {
    let DashboardRejection { pointer, message } =
        from_json(document.to_string().as_bytes()).unwrap_err();
    (pointer, message)
}

fn with(name: &str, value: Value) -> Value {
    let mut document = json!({ "title": "Sales", "charts": [chart()] });
    document[name] = value;
    document
}

fn chart() -> Value {
    json!({ "chart": "line", "query": { "metric": "sales", "measures": ["orders"] } })
}

fn with_chart(name: &str, value: Value) -> Value {
    let mut document = with("from", json!("2026-01-01"));
    document["charts"][0][name] = value;
    document
}

fn with_query(name: &str, value: Value) -> Value {
    let mut document = with("filter", json!("country = 'DE'"));
    document["charts"][0]["query"][name] = value;
    document
}

#[test]
fn what_is_left_out_is_filled_in_and_stands_in_the_document() {
    let dashboard = from_json(with("to", json!("now")).to_string().as_bytes()).unwrap();
    assert_eq!((dashboard.charts[0].width, dashboard.charts[0].height), (6, 2));
    let text = serde_json::to_vec(&dashboard).unwrap();
    assert_eq!(from_json(&text).unwrap(), dashboard, "what is shown can be sent back");
    for kind in ["line", "area", "stacked", "bar", "number", "table"] {
        assert!(from_json(with_chart("chart", json!(kind)).to_string().as_bytes()).is_ok());
    }
    let own = with_query("filter", json!("plan = 'pro'"));
    let own = from_json(own.to_string().as_bytes()).unwrap();
    let read = read(&own, own.charts[0].query.clone()).unwrap();
    assert_eq!(read.filter.as_deref(), Some("(country = 'DE') AND (plan = 'pro')"));
}

#[test]
fn what_is_wrong_is_named_with_its_place() {
    for (document, pointer, words) in [
        (json!([]), "", "an object"),
        (json!({ "charts": [] }), "", "`title`"),
        (with("title", json!(" ")), "/title", "empty"),
        (with("title", json!("x".repeat(201))), "/title", "200"),
        (with("titel", json!("x")), "/titel", "unknown field"),
        (with("filter", json!("x".repeat(4097))), "/filter", "4096"),
        (with("timezone", json!("Mars/Olympus")), "/timezone", "Mars/Olympus"),
        (with("from", json!("yesterdya")), "/from", "yesterday"),
        (with("compare", json!("previous")), "/compare", "previous"),
        (with("charts", json!(vec![chart(); 65])), "/charts", "64"),
        (with_chart("chart", json!("pie")), "/charts/0/chart", "pie"),
        (with_chart("width", json!(13)), "/charts/0/width", "1 to 12"),
        (with_chart("width", json!(0)), "/charts/0/width", "1 to 12"),
        (with_chart("height", json!(9)), "/charts/0/height", "1 to 8"),
        (with_chart("color", json!("red")), "/charts/0/color", "unknown field"),
        (with_chart("query", json!({})), "/charts/0/query", "metric"),
        (with_chart("query", json!("x")), "/charts/0/query", "parameters of a query"),
        (with_query("measure", json!("n")), "/charts/0/query/measure", "measures"),
        (with_query("granularity", json!("dya")), "/charts/0/query/granularity", "day"),
        (with_query("to", json!("later")), "/charts/0/query/to", "later"),
        (with_query("filter", json!(7)), "/charts/0/query/filter", "7"),
        (with_query("a/b~c", json!(7)), "/charts/0/query/a~1b~0c", "a/b~c"),
    ] {
        let (found, message) = refused(&document);
        assert_eq!(found, pointer, "{document}: {message}");
        assert!(message.contains(words), "{document}: {message}");
    }
    let twice = r#"{"title":"x","charts":[{"chart":"bar","query":{"metric":"a","metric":"b"}}]}"#;
    let twice = from_json(twice.as_bytes()).unwrap_err();
    assert!(twice.pointer.starts_with("/charts/0/query"), "{twice:?}");
    assert!(twice.message.contains("twice"), "{twice:?}");
    assert!(from_json(b"{\"title\":\"x\"} {}").is_err());
}

#[test]
fn names_fit_paths_and_files() {
    for right in ["a", "flights", "a-b_c9", &"a".repeat(64)] {
        assert!(is_name(right), "{right}");
    }
    for wrong in ["", "A", "9a", "-a", "a b", "a.b", "a/b", "é", &"a".repeat(65)] {
        assert!(!is_name(wrong), "{wrong}");
    }
}
