//! The Segment API as browsers, apps and people write its calls: what is answered with success is
//! counted.

use std::io::Write;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use ureq::Agent;

use crate::command_line::outcome;
use crate::in_both_stores;
use crate::server::{Place, Store, merganser};
use crate::wait::until;

const PAGE: &str = "http://shop.example";

/// A response: its status, the headers that tell browsers what they may, and its body.
struct SegmentReply {
    status: u16,
    allow_origin: Option<String>,
    allow_headers: Option<String>,
    body: Value,
}

fn call(method: &str, url: &str, headers: &[(&str, &str)], body: &[u8]) -> SegmentReply {
    let agent = Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(Duration::from_secs(60)))
        .proxy(None)
        .build()
        .new_agent();
    let mut request = ureq::http::Request::builder().method(method).uri(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let mut response = agent.run(request.body(body.to_vec()).unwrap()).unwrap();
    let header = |name: &str| {
        response.headers().get(name).map(|value| value.to_str().unwrap().to_ascii_lowercase())
    };
    let (allow_origin, allow_headers) =
        (header("access-control-allow-origin"), header("access-control-allow-headers"));
    let status = response.status().as_u16();
    let text = response.body_mut().read_to_string().unwrap();
    let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
    SegmentReply { status, allow_origin, allow_headers, body }
}

fn key(place: &Place, admin: Option<&str>, arguments: &[&str]) -> String {
    let mut command = merganser();
    command.args(["keys", "create"]).args(arguments).env("MERGANSER_SERVER", place.url());
    if let Some(admin) = admin {
        command.env("MERGANSER_KEY", admin);
    }
    let (code, text, said) = outcome(&mut command);
    assert_eq!(code, 0, "{said}");
    text.trim().to_owned()
}

in_both_stores!(success_says_that_something_is_counted);

fn success_says_that_something_is_counted(store: Store) {
    let place = Place::new(store);
    let server = place.start();
    let definition = json!({
        "event": "*", "dimensions": ["kind", { "name": "event", "expr": "event" }],
        "measures": { "n": { "kind": "count" } },
    });
    server.http.put("/v1/metrics/calls", &definition);
    let text = [("content-type", "text/plain")];
    let post = |path: &str, body: &Value| {
        call("POST", &format!("{}{path}", place.url()), &text, body.to_string().as_bytes())
    };
    let mut sent = 0;
    // Without `messageId`, and with all that clients send for nothing.
    let bare = json!({
        "event": "signup", "messageId": null, "userId": "u", "timestamp": null, "properties": [],
        "traits": null, "context": null, "integrations": null, "sentAt": "2026-01-01T00:00:00Z",
    });
    let short = ["t", "p", "s", "i", "g", "a"];
    let long = ["track", "page", "screen", "identify", "group", "alias"];
    for prefix in ["/v1", "/v1/segment", "/v1/segment/v1"] {
        let names = short.iter().chain(long.iter().filter(|_| prefix != "/v1"));
        for name in names {
            let reply = post(&format!("{prefix}/{name}"), &bare);
            assert_eq!(reply.status, 200, "{prefix}/{name}: {}", reply.body);
            assert_eq!(reply.body["accepted"], 1, "{prefix}/{name}: {}", reply.body);
            sent += 1;
        }
        // Each of the same message again is an event again: there is no id to know it by.
        let batch = json!({ "batch": [
            { "type": "track", "event": "signup" }, { "event": "signup" }, { "type": "page" },
            { "type": "nonsense" }, {}, 7,
        ], "sentAt": "2026-01-01T00:00:00Z" });
        for name in ["b", "batch", "import"] {
            let reply = post(&format!("{prefix}/{name}"), &batch);
            assert_eq!(reply.status, 200, "{prefix}/{name}: {}", reply.body);
            assert_eq!(
                (&reply.body["success"], &reply.body["accepted"]),
                (&json!(true), &json!(3))
            );
            assert_eq!(reply.body["invalid"].as_array().unwrap().len(), 3);
            sent += 3;
        }
    }
    // Where nothing is counted there is no success.
    for (path, body) in [
        ("/v1/t", json!({ "userId": "u" })),
        ("/v1/t", json!({ "event": "x", "timestamp": "yesterday" })),
        ("/v1/b", json!({ "batch": [{}, { "type": "shout" }] })),
        ("/v1/segment/batch", json!({ "batch": [1, null] })),
    ] {
        let reply = post(path, &body);
        assert_eq!((reply.status, &reply.body["success"]), (400, &json!(false)), "{}", reply.body);
        assert_eq!(reply.body["code"], "invalid_events");
        assert!(!reply.body["invalid"].as_array().unwrap().is_empty());
    }
    // With an id a retry is a duplicate, as ever.
    let identified = json!({ "event": "signup", "messageId": "m-1" });
    let first = post("/v1/t", &identified).body["accepted"].clone();
    let again = post("/v1/segment/t?wait=applied", &identified).body;
    assert_eq!((first, &again["duplicates"], &again["accepted"]), (json!(1), &json!(1), &json!(0)));
    sent += 1;
    let answer = server.http.query(&json!({ "metric": "calls" }));
    assert_eq!(answer["rows"][0]["n"], sent);
    server.stop();
}

#[test]
fn a_page_of_a_configured_origin_sends_with_a_write_key_in_the_body() {
    let place = Place::new(Store::Memory);
    let server = place.start_with(&["--cors-origins", PAGE]);
    let url = format!("{}/v1/t", place.url());
    let track = |key: &str| json!({ "writeKey": key, "event": "signup", "messageId": null });
    let text = ("content-type", "text/plain");
    let from = |origin| [text, ("origin", origin), ("sec-fetch-site", "cross-site")];
    let send = |headers: &[(&str, &str)], body: &Value| {
        call("POST", &url, headers, body.to_string().as_bytes())
    };
    // Without keys a page that is named may send, and another may not.
    let reply = send(&from(PAGE), &track(""));
    assert_eq!((reply.status, reply.allow_origin.as_deref()), (200, Some(PAGE)), "{}", reply.body);
    assert_eq!(send(&from("http://evil.example"), &track("")).status, 403);

    let admin = key(&place, None, &["--role", "admin"]);
    let ingest = key(&place, Some(&admin), &["--role", "ingest", "--requests-per-s", "1000"]);
    let reader = key(&place, Some(&admin), &["--role", "read"]);
    // The preflight of a browser before it sends `Authorization`, or says which try it is.
    let wanted = "authorization,content-type,x-retry-count";
    let preflight = [
        ("origin", PAGE),
        ("access-control-request-method", "POST"),
        ("access-control-request-headers", wanted),
    ];
    for path in ["/v1/t", "/v1/b", "/v1/segment/batch"] {
        let reply = call("OPTIONS", &format!("{}{path}", place.url()), &preflight, b"");
        assert_eq!((reply.status, reply.allow_origin.as_deref()), (200, Some(PAGE)), "{path}");
        let allowed = reply.allow_headers.unwrap();
        assert!(wanted.split(',').all(|name| allowed.contains(name)), "{allowed}");
    }
    let reply = send(&from(PAGE), &track(&ingest));
    assert_eq!((reply.status, &reply.body["accepted"]), (200, &json!(1)), "{}", reply.body);
    assert_eq!(reply.allow_origin.as_deref(), Some(PAGE));
    let basic = |key: &str| {
        use base64::Engine;
        let name = base64::engine::general_purpose::STANDARD.encode(format!("{key}:"));
        format!("Basic {name}")
    };
    let (good, bad) = (basic(&ingest), basic("mgs_0_0"));
    let reply = send(&[text, ("origin", PAGE), ("authorization", &good)], &track(""));
    assert_eq!((reply.status, &reply.body["accepted"]), (200, &json!(1)), "{}", reply.body);
    // What `Authorization` says counts, whatever is in the body.
    assert_eq!(send(&[text, ("authorization", &bad)], &track(&ingest)).status, 401);
    for (wrong, status, code) in
        [("", 401, "key_missing"), ("mgs_0_0", 401, "key_unknown"), (&*reader, 403, "forbidden")]
    {
        let reply = send(&from(PAGE), &track(wrong));
        assert_eq!((reply.status, &reply.body["code"]), (status, &json!(code)), "{}", reply.body);
        assert_eq!(
            reply.allow_origin.as_deref(),
            Some(PAGE),
            "so that the page can read the error"
        );
    }
    for body in [&b"nope"[..], b"", b"[]", b"{\"writeKey\":7}"] {
        assert_eq!(call("POST", &url, &[text], body).status, 401);
    }
    // The key in the body opens nothing else.
    let events = format!("{}/v1/events", place.url());
    let body = track(&ingest).to_string();
    let reply = call("POST", &events, &[("content-type", "application/json")], body.as_bytes());
    assert_eq!(reply.status, 401);
    server.stop();
    place.check_log(&[]);
}

#[test]
fn a_write_key_is_found_in_a_batch_that_is_not_too_large() {
    let place = Place::new(Store::Memory);
    let server = place.start();
    let admin = key(&place, None, &["--role", "admin"]);
    let ingest = key(&place, Some(&admin), &["--role", "ingest"]);
    let text = ("content-type", "text/plain");
    // A batch, compressed, with the key beside it; and one that is too large to be read before
    // its sender is known.
    let batch = json!([{ "type": "page" }, { "type": "track", "event": "x" }]);
    let batch = json!({ "writeKey": ingest, "batch": batch });
    let body = zstd::encode_all(batch.to_string().as_bytes(), 1).unwrap();
    let url = format!("{}/v1/b", place.url());
    let reply = call("POST", &url, &[text, ("content-encoding", "zstd")], &body);
    assert_eq!((reply.status, &reply.body["accepted"]), (200, &json!(2)), "{}", reply.body);
    let large =
        format!("{{\"writeKey\":\"{ingest}\",\"batch\":[],\"x\":\"{}\"}}", "y".repeat(2 << 20));
    assert_eq!(call("POST", &url, &[text], large.as_bytes()).status, 413);
    let bearer = format!("Bearer {ingest}");
    let reply = call("POST", &url, &[text, ("authorization", &bearer)], large.as_bytes());
    assert_eq!(reply.status, 200, "{}", reply.body);
    server.stop();
    place.check_log(&[]);
}

/// Two events, one of which says that it is of another tenant.
const NATIVE: &str =
    r#"[{"id":"1","event":"x","properties":{"tenant":"evil","amount":2}},{"id":"2","event":"x"}]"#;

/// Sends events in all shapes with a key; how many were accepted.
fn in_every_shape(place: &Place, acme: &str) -> u64 {
    let bearer = format!("Bearer {acme}");
    let events = format!("{}/v1/events", place.url());
    let post = |kind: &str, more: &[(&str, &str)], body: &[u8]| {
        let headers = [&[("content-type", kind), ("authorization", &*bearer)][..], more].concat();
        let reply = call("POST", &events, &headers, body);
        assert_eq!(reply.status, 200, "{kind}: {}", reply.body);
        reply.body
    };
    let accepted = |body: Value| body["accepted"].as_u64().unwrap();
    let (json, evil) = ("application/json", r#""properties":{"tenant":"evil","amount":2}"#);
    let mut sent = accepted(post(json, &[], NATIVE.as_bytes()));
    assert_eq!(sent, 2);
    let again = post(json, &[], NATIVE.as_bytes());
    assert_eq!((&again["duplicates"], &again["conflicts"]), (&json!(2), &json!([])));
    let cloud =
        r#"{"specversion":"1.0","id":"3","source":"s","type":"x","data":{"tenant":"evil"}}"#;
    sent += accepted(post("application/cloudevents+json", &[], cloud.as_bytes()));
    let binary = [("ce-specversion", "1.0"), ("ce-id", "4"), ("ce-source", "s"), ("ce-type", "x")];
    sent += accepted(post(json, &binary, br#"{"tenant":"evil","source":["evil"]}"#));
    let track = format!(r#"{{"event":"x","messageId":"5",{evil},"writeKey":"{acme}"}}"#);
    let reply = call("POST", &format!("{}/v1/t", place.url()), &[], track.as_bytes());
    sent += accepted(reply.body);
    let lines = format!("{{\"id\":\"6\",\"event\":\"x\",{evil}}}\nnope {evil}\n");
    sent += accepted(post("application/x-ndjson", &[], lines.as_bytes()));
    sent
}

in_both_stores!(fixed_properties_replace_those_that_were_sent);

fn fixed_properties_replace_those_that_were_sent(store: Store) {
    let place = Place::new(store);
    let server = place.start();
    let definition = json!({
        "event": "*", "dimensions": ["tenant", "source"],
        "measures": { "n": { "kind": "count" }, "amount": { "kind": "sum", "of": "amount" } },
    });
    server.http.put("/v1/metrics/tenants", &definition);
    let admin = key(&place, None, &["--role", "admin"]);
    let set = ["--role", "ingest", "--set", "tenant=acme", "--set", "source=web"];
    let acme = key(&place, Some(&admin), &set);
    let zeta = key(&place, Some(&admin), &["--role", "ingest", "--set", "tenant=zeta"]);
    assert_eq!(in_every_shape(&place, &acme), 6);
    // Another tenant with the same event: another content.
    let other = server.http.with_key(&zeta).post("/v1/events", &json!({ "id": "1", "event": "x" }));
    assert_eq!(other.body["conflicts"][0]["id"], "1", "{}", other.body);
    let other = json!({ "id": "z", "event": "x", "properties": { "source": "own" } });
    let other = server.http.with_key(&zeta).post("/v1/events?wait=applied", &other);
    assert_eq!(other.body["accepted"], 1);

    let all = server.http.with_key(&admin);
    let rows = || {
        all.query(&json!({ "metric": "tenants", "group_by": ["tenant", "source"] }))["rows"].clone()
    };
    let expected = json!([
        { "tenant": "acme", "source": "web", "n": 6, "amount": 6 },
        { "tenant": "zeta", "source": "own", "n": 1, "amount": null },
    ]);
    assert_eq!(rows(), expected);
    let page = all.get("/v1/quarantine?code=malformed_event").body;
    let raw = page["entries"][0]["raw"].as_str().unwrap();
    assert!(raw.starts_with("nope") && raw.contains("evil"), "as it was sent: {raw}");
    let keys = all.get("/v1/keys").body;
    let listed = keys["keys"].as_array().unwrap().iter().map(|key| key["set"].clone());
    let wanted =
        [Value::Null, json!({ "tenant": "acme", "source": "web" }), json!({ "tenant": "zeta" })];
    assert_eq!(listed.collect::<Vec<_>>(), wanted);
    let mut list = merganser();
    list.args(["keys", "list"]).env("MERGANSER_SERVER", place.url()).env("MERGANSER_KEY", &admin);
    let (_, table, _) = outcome(&mut list);
    assert!(table.contains("source=web, tenant=acme"), "{table}");
    server.stop();

    // After a restart the key still sets it, and what was sent is still a duplicate.
    let server = place.start();
    let again =
        server.http.with_key(&acme).post("/v1/events", &serde_json::from_str(NATIVE).unwrap());
    assert_eq!(again.body["accepted"], 0, "{}", again.body);
    let all = server.http.with_key(&admin);
    let run = all.post("/v1/runs", &json!({ "mode": "full" })).location.unwrap();
    crate::wait::until("the run has ended", Duration::from_secs(60), || {
        (all.get(&run).body["state"] == "succeeded").then_some(())
    });
    let answer = all.query(&json!({ "metric": "tenants", "group_by": ["tenant", "source"] }));
    assert_eq!(answer["rows"], expected);
}

#[test]
fn properties_that_cannot_be_fixed_are_refused() {
    let place = Place::new(Store::Memory);
    let _server = place.start();
    let admin = key(&place, None, &["--role", "admin"]);
    for (arguments, words) in [
        (&["--role", "read", "--set", "a=b"][..], "only `ingest`"),
        (&["--role", "admin", "--set", "a=b"], "only `ingest`"),
        (&["--role", "ingest", "--set", "a.b=c"], "A-Za-z0-9_-"),
        (&["--role", "ingest", "--set", "tenant"], "NAME=VALUE"),
        (&["--role", "ingest", "--set", "a=b", "--set", "a=c"], "given twice"),
    ] {
        let mut command = merganser();
        command.args(["keys", "create"]).args(arguments).env("MERGANSER_KEY", &admin);
        let (code, _, said) = outcome(command.env("MERGANSER_SERVER", place.url()));
        assert!(code != 0 && said.contains(words), "{arguments:?}: {said}");
    }
}

#[test]
fn slow_clients_without_a_key_keep_no_other_out() {
    let place = Place::new(Store::Memory);
    let server = place.start();
    let admin = key(&place, None, &["--role", "admin"]);
    let ingest = key(&place, Some(&admin), &["--role", "ingest"]);
    let slow = || {
        let mut stream = TcpStream::connect(place.url().trim_start_matches("http://")).unwrap();
        let head = "POST /v1/t HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{";
        stream.write_all(head.as_bytes()).unwrap();
        stream
    };
    let mut slow_ones: Vec<TcpStream> = (0..200).map(|_| slow()).collect();
    let body = json!({ "writeKey": ingest, "event": "signup" }).to_string();
    let url = format!("{}/v1/t", place.url());
    let send = || call("POST", &url, &[("content-type", "text/plain")], body.as_bytes());
    let begun = Instant::now();
    until("one that knows a key is let in", Duration::from_secs(2), || {
        (send().status == 200).then_some(())
    });
    // Those that went on trying got the places that were left; they have none for long.
    for _ in 0..20 {
        until("the next one is too", Duration::from_secs(2), || {
            slow_ones.push(slow());
            (send().status == 200).then_some(())
        });
    }
    assert!(begun.elapsed() < Duration::from_secs(8), "not when the slow ones were given up");
    drop(slow_ones);
    server.stop();
    place.check_log(&[]);
}
