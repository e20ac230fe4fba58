//! `/v1/query:explain`: figures are those of the read, and the answer is that of the query.

use serde_json::{Value, json};

use crate::http::number;
use crate::in_both_stores;
use crate::oracle::january;
use crate::server::{Place, Store};

fn an_explanation_names_what_was_read(store: Store) {
    let lines = january();
    // Both parts hold events of every day.
    let of = |third: usize| lines.iter().skip(third).step_by(3).cloned().collect::<Vec<_>>();
    let (early, late) = ([of(0), of(1)].concat(), of(2));
    let place = Place::new(store);
    let server = place.start();
    server.http.send(&early);
    server.run("full");
    server.http.send(&late);
    let query = json!({
        "metric": "flights", "measures": ["departures"], "granularity": "day",
        "timezone": "America/New_York", "group_by": ["carrier"], "group_limit": 2,
        "order_by": ["time", "-departures"], "window": "7d", "totals": true,
        "from": "2013-01-10", "to": "2013-01-20",
    });
    let explain = || {
        let reply = server.http.post("/v1/query:explain", &query);
        assert_eq!(reply.status, 200, "{}", reply.body);
        reply.body
    };
    let explained = explain();
    let pieces = pieces(&explained);
    assert!(!pieces.is_empty(), "{explained}");
    assert!(pieces.iter().all(|piece| piece["cached"] == false), "{explained}");
    assert!(pieces.iter().all(|piece| number(&piece["files"]) > 0), "{explained}");
    assert!(pieces.iter().any(|piece| number(&piece["rows_read"]) > 0), "{explained}");
    let speed = &explained["speed"];
    assert_eq!(speed["store"], if store == Store::Memory { "memory" } else { "redis" });
    assert!(number(&speed["rows_read"]) > 0, "{explained}");
    assert_eq!(number(&speed["events"]), late.len());
    for time in ["/elapsed_ms", "/merge_ms", "/speed/elapsed_ms", "/batch/pieces/0/elapsed_ms"] {
        assert!(explained.pointer(time).unwrap().as_f64().unwrap() >= 0.0, "{explained}");
    }
    let asked = &explained["query"];
    assert_eq!(asked["from"], "2013-01-10T00:00:00-05:00");
    assert_eq!(
        (&asked["fill"], &asked["limit"], &asked["other"]),
        (&json!("none"), &json!(10_000), &json!(false))
    );

    let answer = server.http.post("/v1/query", &query).body;
    assert_eq!(number(&explained["rows"]), answer["rows"].as_array().unwrap().len());
    assert!(number(&explained["groups"]) > number(&explained["rows"]));
    assert_eq!(
        explained["provenance"]["speed"]["through"],
        answer["provenance"]["speed"]["through"]
    );
    assert_eq!(explained["cached"], false);
    let again = explain();
    assert_eq!(again["cached"], true);
    for piece in self::pieces(&again) {
        assert_eq!(piece["cached"], true);
        assert!(piece.get("rows_read").is_none() && piece.get("elapsed_ms").is_none(), "{piece}");
    }
    let (path, plain) =
        ("/v1/query:explain?metric=flights&measures=departures", "/v1/query?metric=flight");
    assert_eq!(server.http.get(path).body["rows"], 1);
    let refused = server.http.get(&plain.replace("query?", "query:explain?"));
    assert_eq!((refused.status, &refused.body["code"]), (404, &json!("unknown_metric")));
    server.stop();
    place.check_log(&[]);
}

in_both_stores!(an_explanation_names_what_was_read);

fn pieces(explained: &Value) -> Vec<Value> {
    explained["batch"]["pieces"].as_array().unwrap().clone()
}

/// A key with a filter does not learn how much there is besides what it sees.
#[test]
fn a_bound_key_sees_no_figures_of_others() {
    let place = Place::new(Store::Memory);
    let server = place.start();
    server.http.send(&january()[..2_000]);
    server.run("full");
    let make = |http: &crate::http::Http, key: &Value| {
        let made = http.post("/v1/keys", key).body;
        server.http.with_key(made["key"].as_str().unwrap())
    };
    let admin = make(&server.http, &json!({ "role": "admin" }));
    let bound = json!({ "role": "read", "metrics": ["flights"], "filter": "carrier = 'UA'" });
    let bound = make(&admin, &bound);
    let explained = bound.get("/v1/query:explain?metric=flights&measures=departures").body;
    let all = admin.get("/v1/query:explain?metric=flights&measures=departures").body;
    assert!(all["speed"].get("rows_read").is_some(), "{all}");
    assert!(explained["speed"].get("rows_read").is_none(), "{explained}");
    for piece in pieces(&explained) {
        for hidden in ["from", "to", "files", "rows_read"] {
            assert!(piece.get(hidden).is_none(), "{hidden}: {explained}");
        }
    }
    server.stop();
}
