//! Previews of definitions over HTTP: equal to what the metric answers once it is defined, in both
//! stores, also where a run has taken every event out of the journal's way.

use std::time::Duration;

use serde_json::{Value, json};

use crate::http::Http;
use crate::in_both_stores;
use crate::server::{Place, Store};
use crate::wait::until;

in_both_stores!(a_preview_is_what_the_metric_answers_then);

const LONG: Duration = Duration::from_secs(60);

fn definition() -> Value {
    json!({
        "name": "tips", "event": "bill", "dimensions": ["place"],
        "measures": {
            "bills": { "kind": "count" },
            "tips": { "kind": "sum", "of": "tip" },
            "guests": { "kind": "distinct", "of": "guest" },
            "median": { "kind": "quantile", "of": "tip", "q": 0.5 },
        },
    })
}

/// Events without ids: no window of ids keeps them in the journal.
fn send(http: &Http, from: usize, to: usize) {
    let bill = |n: usize| {
        let place = ["a", "b"][n % 2];
        let properties = json!({ "tip": n as f64 / 8.0, "guest": n % 7, "place": place });
        let time = format!("2026-03-01T{:02}:00:00Z", n % 24);
        json!({ "event": "bill", "time": time, "properties": properties }).to_string()
    };
    let lines: Vec<String> = (from..to).map(bill).collect();
    let sent = http.try_send(&lines, "applied").unwrap();
    assert_eq!(sent.status, 200, "{}", sent.body);
}

fn a_preview_is_what_the_metric_answers_then(store: Store) {
    let place = Place::new(store);
    let server = place.start();
    let http = &server.http;
    let empty = http.post("/v1/metrics:preview", &definition());
    assert_eq!(empty.status, 200, "{}", empty.body);
    assert_eq!(empty.body["events"]["read"], 0);
    assert_eq!(
        empty.body["rows"],
        json!([{ "bills": 0, "tips": null, "guests": 0, "median": null }])
    );
    send(http, 0, 300);
    server.run("incremental");
    send(http, 300, 400);
    server.run("full");
    let parameters = "granularity=hour&group_by=place&limit=1000";
    let preview = http.post(&format!("/v1/metrics:preview?{parameters}"), &definition());
    assert_eq!(preview.status, 200, "{}", preview.body);
    let events = &preview.body["events"];
    assert_eq!((&events["read"], &events["matched"]), (&json!(400), &json!(400)));
    assert_eq!(events["first_time"], "2026-03-01T00:00:00Z");
    let before = http.get("/v1/status").body["generation"].clone();
    assert!(http.get("/v1/metrics/tips").status == 404, "no version is made");
    assert_eq!(http.get("/v1/status").body["generation"], before);
    let newest = http.post("/v1/metrics:preview?events=10", &definition());
    assert_eq!(newest.body["rows"][0]["bills"], 10, "{}", newest.body);

    http.put("/v1/metrics/tips", &definition());
    let answer = until("the metric answers", LONG, || {
        let answer = http.get(&format!("/v1/query?metric=tips&{parameters}"));
        (answer.status == 200).then_some(answer.body)
    });
    assert_eq!(preview.body["rows"], answer["rows"]);
    assert_eq!(preview.body["columns"], answer["columns"]);
    assert_eq!(preview.body["total_rows"], answer["total_rows"]);
    let again = http.put("/v1/metrics/tips", &preview.body["definition"]);
    assert_eq!(again.status, 200, "what was previewed is what stands: {}", again.body);

    let properties = http.get("/v1/properties?event=bill&limit=2").body;
    assert_eq!(properties["events"], json!({ "read": 400, "matched": 400 }));
    assert_eq!(properties["properties"].as_array().unwrap().len(), 2);
    assert_eq!(http.get("/v1/properties?event=none").body["properties"], json!([]));
    server.stop();
}

#[test]
fn what_is_wrong_with_a_definition_is_told_with_its_place() {
    let place = Place::new(Store::Memory);
    let server = place.start();
    let http = &server.http;
    let mut wrong = definition();
    wrong["measures"]["tips"]["of"] = json!("tip +");
    let refused = http.post("/v1/metrics:preview", &wrong);
    let found = (refused.status, refused.body["code"].as_str().unwrap());
    assert_eq!(found, (422, "invalid_definition"), "{}", refused.body);
    assert_eq!(refused.body["pointer"], "/measures/tips/of");
    let toml =
        |text: &str| http.post_as("/v1/metrics:preview", "application/toml", text.as_bytes());
    let text = "# mine\n[[metric]]\nevent = \"bill\"\n[metric.measures]\n\
                tips = { kind = \"sum\", of = \"tip +\" }\n";
    let refused = toml(text);
    assert_eq!((refused.status, &refused.body["pointer"]), (422, &json!("/measures/tips/of")));
    assert_eq!((&refused.body["line"], &refused.body["column"]), (&json!(5), &json!(24)));
    let refused = toml("[[metric]]\nevent = bill\n");
    assert_eq!((refused.status, &refused.body["line"]), (422, &json!(2)), "{}", refused.body);
    let right = toml(&text.replace("tip +", "tip"));
    assert_eq!((right.status, &right.body["groups"]), (200, &json!(0)), "{}", right.body);
    for (query, code) in [
        ("events=0", "invalid_parameter"),
        ("events=10001", "invalid_parameter"),
        ("limit=1001", "invalid_parameter"),
        ("group_by=plaze", "unknown_dimension"),
        ("granularity=fortnight", "unknown_granularity"),
        ("groupby=place", "unknown_parameter"),
    ] {
        let refused = http.post(&format!("/v1/metrics:preview?{query}"), &definition());
        assert_eq!(refused.body["code"], code, "{query}: {}", refused.body);
    }
    server.stop();
}
