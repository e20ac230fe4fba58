//! What answers say of values that are not in them.

use serde_json::{Value, json};

use crate::command_line::outcome;
use crate::http::Http;
use crate::in_both_stores;
use crate::server::{Place, Store, merganser};

fn call(n: usize, properties: &Value) -> String {
    let time = format!("2026-03-0{}T10:00:00Z", 1 + n % 5);
    json!({ "id": format!("c-{n}"), "event": "call", "time": time, "properties": properties })
        .to_string()
}

/// Calls of two tenants. Three tell their tokens as texts, of whom one is a test and not counted.
fn calls() -> Vec<String> {
    let ok =
        |tenant: &str, tokens: Value| json!({ "tenant": tenant, "tokens": tokens, "ok": true });
    let mut calls: Vec<Value> = (0..20).map(|n| ok(["a", "b"][n % 2], json!(n))).collect();
    calls.extend([ok("b", json!("secret-7")), ok("b", json!("12")), ok("a", json!({ "in": 3 }))]);
    calls.push(json!({ "tenant": "a", "tokens": "1", "ok": false, "amount_eur": 3 }));
    calls.iter().enumerate().map(|(n, properties)| call(n, properties)).collect()
}

fn define(http: &Http) -> Value {
    let definition = json!({
        "event": "call", "filter": "ok", "dimensions": ["tenant"],
        "measures": {
            "n": { "kind": "count" },
            "tokens": { "kind": "sum", "of": "tokens" },
            "share": { "kind": "expr", "expr": "tokens / n" },
            "amount": { "kind": "max", "of": "amounteur" },
        },
    });
    let reply = http.put("/v1/metrics/calls", &definition);
    assert!([200, 202].contains(&reply.status), "{}", reply.body);
    reply.body
}

fn warnings(http: &Http, query: &str) -> Vec<String> {
    let reply = http.get(&format!("/v1/query?metric=calls&{query}"));
    assert_eq!(reply.status, 200, "{}", reply.body);
    let warnings = reply.body["warnings"].as_array().cloned().unwrap_or_default();
    warnings.iter().map(|text| text.as_str().unwrap().to_owned()).collect()
}

fn check(http: &Http) {
    assert_eq!(warnings(http, "measures=n"), [""; 0]);
    for query in ["measures=tokens", "measures=share&group_by=tenant", "measures=n&order_by=tokens"]
    {
        let found = warnings(http, query);
        assert_eq!(found.len(), 1, "{found:?}");
        let start =
            "tokens: 3 values were not numbers and are not in the sum, for example an object";
        assert!(found[0].starts_with(start), "{found:?}");
    }
    let found = warnings(http, "measures=amount");
    let absent = "amount: no event has the property `amounteur`; did you mean `amount_eur`?";
    assert_eq!(found, [absent]);
    let shown = http.get("/v1/metrics/calls").body;
    assert_eq!(shown["type_mismatches"], 4, "{shown}");
    let omissions = shown["omissions"].as_array().unwrap();
    let tokens = omissions.iter().find(|line| line["use"] == "measure:tokens").unwrap();
    assert_eq!(
        *tokens,
        json!({ "use": "measure:tokens", "kind": "mismatched", "property": "tokens",
            "read_as": "number", "count": 3, "example": { "type": "object", "json": "{" } })
    );
    assert_eq!(shown["warnings"].as_array().unwrap().len(), 2, "{shown}");
}

/// The warnings are the same whichever layer holds the events, whichever run made the view, and
/// after a start.
fn warnings_name_values_that_an_answer_leaves_out(store: Store) {
    let place = Place::new(store);
    let server = place.start();
    assert!(define(&server.http)["warnings"].is_null(), "without events nothing is doubtful");
    assert_eq!(warnings(&server.http, ""), [""; 0]);
    let calls = calls();
    server.http.send(&calls[..10]);
    server.http.send(&calls[10..22]);
    let found = warnings(&server.http, "measures=tokens");
    assert!(found[0].contains("2 values") && found[0].contains("the text \"12\""), "{found:?}");
    server.http.send(&calls[22..]);
    check(&server.http);
    server.run("incremental");
    check(&server.http);
    assert_eq!(server.http.send(&calls), (0, calls.len()));
    check(&server.http);
    server.stop();
    let server = place.start();
    check(&server.http);
    let more = json!({ "tenant": "a", "tokens": [1], "ok": true });
    server.http.send(&[call(100, &more)]);
    let found = warnings(&server.http, "measures=tokens");
    assert!(found[0].starts_with("tokens: 4 values"), "{found:?}");
    server.run("incremental");
    let found = warnings(&server.http, "measures=tokens");
    server.run("full");
    assert_eq!(warnings(&server.http, "measures=tokens"), found);
    server.kill();
    let server = place.start();
    assert_eq!(warnings(&server.http, "measures=tokens"), found);
    server.stop();
    place.check_log(&[]);
}

in_both_stores!(warnings_name_values_that_an_answer_leaves_out);

#[test]
fn a_definition_over_what_no_event_has_is_doubted_at_once() {
    let place = Place::new(Store::Memory);
    let server = place.start();
    server.http.send(&calls());
    let warned = define(&server.http)["warnings"].clone();
    let amount = "amount: none of the newest events of its type has the property `amounteur`; \
                  did you mean `amount_eur`?";
    assert_eq!(warned, json!([amount]));
    let file = place.dir.path().join("more.toml");
    let text = "[[metric]]\nname = 'more'\nevent = 'cal'\nmeasures.n = { kind = 'count' }\n\
                [[metric]]\nname = 'nested'\nevent = 'call'\ndimensions = ['tenants']\n\
                measures.n = { kind = 'count' }\n";
    std::fs::write(&file, text).unwrap();
    let mut apply = merganser();
    apply.args(["metrics", "apply", "--server", &place.url()]).arg(&file);
    let (code, _, said) = outcome(&mut apply);
    assert_eq!(code, 0, "{said}");
    assert!(
        said.contains(
            "more: warning: event: none of the newest events is of type `cal`; did you mean `call`?"
        ),
        "{said}"
    );
    assert!(said.contains("nested: warning: tenants: none") && said.contains("`tenant`"), "{said}");
    server.stop();
    place.check_log(&[]);
}

/// What was seen may be of events that a key does not see.
#[test]
fn a_bound_key_learns_neither_values_nor_their_number() {
    let place = Place::new(Store::Memory);
    let server = place.start();
    define(&server.http);
    let secret = json!({ "tenant": "b", "tokens": "s3cret", "ok": true });
    server
        .http
        .send(&[call(1, &json!({ "tenant": "a", "tokens": 1, "ok": true })), call(2, &secret)]);
    assert!(warnings(&server.http, "measures=tokens")[0].contains("the text \"s3cret\""));
    let key = |arguments: &[&str], admin: &str| {
        let mut command = merganser();
        command.args(["keys", "create", "--server", &place.url()]).args(arguments);
        if !admin.is_empty() {
            command.args(["--key", admin]);
        }
        outcome(&mut command).1.trim().to_owned()
    };
    let admin = key(&["--role", "admin"], "");
    // A metric's own filter may leave out what a key for the metric is not to see.
    for bounds in [["--filter", "tenant = 'a'"], ["--metrics", "calls"]] {
        let bound = key(&[&["--role", "read"][..], &bounds[..]].concat(), &admin);
        let bound = server.http.with_key(&bound);
        let found = warnings(&bound, "measures=tokens,amount");
        assert_eq!(found[0], "amount: no event has the property `amounteur`");
        assert!(found[1].starts_with("tokens: some values were not numbers"), "{found:?}");
        let shown = bound.get("/v1/metrics/calls").body;
        assert!(shown["omissions"].is_null(), "{shown}");
        assert_eq!(shown["type_mismatches"].is_null(), bounds[0] == "--filter", "{shown}");
        for said in [found.concat(), shown.to_string()] {
            assert!(!said.contains("s3cret") && !said.contains("1 value"), "{said}");
        }
    }
    let all = server.http.with_key(&admin);
    assert!(warnings(&all, "measures=tokens")[0].contains("1 value was not a number"));
    server.stop();
    place.check_log(&[]);
}
