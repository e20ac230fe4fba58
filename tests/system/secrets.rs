//! No answer names what its key does not see: every route of the API's description gets requests
//! with every kind of key, right and wrong ones. New routes are included without a change here.
//!
//! No request holds the names that its answer must not: the requests name things that are nearly
//! the same, so that a suggestion of the nearest name, or a list of names, shows.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::{Value, json};

use crate::http::Http;
use crate::server::{Place, Server, Store};

/// Of the metric without the dimension that filters are over.
const FLOOR: [&str; 7] = [
    "shopfloor",
    "machinestate",
    "machinename",
    "spindlehours",
    "runninghours",
    "plantcode",
    "lathe77",
];
/// Of the metric with it.
const WAGES: [&str; 6] =
    ["salaries", "payslip", "employeegrade", "payrolltotal", "grosspay", "principal9"];
/// Of the other tenant's events.
const OTHERS: [&str; 5] = ["zetacorp", "zembla", "1987-05-05", "31337", "nonumber"];
/// What no metric reads, what was refused, and what is noted of a key.
const HIDDEN: [&str; 4] = ["discountcode", "springsale", "quarantinedtext", "auditornote"];

/// A key, as a request brings it, and the names that its answers must not have.
struct TestCaller {
    name: &'static str,
    key: Option<String>,
    secrets: Vec<String>,
}

fn send(http: &Http) {
    let event = |n: usize, event: &str, time: &str, properties: Value| {
        json!({ "id": format!("e-{n}"), "event": event, "time": time, "properties": properties })
            .to_string()
    };
    let now = "2026-03-01T10:00:00Z";
    let mut events = Vec::new();
    for n in 0..20 {
        let own = json!({ "tenant": "acme", "country": "norway", "amount": n });
        events.push(event(10 * n, "sale", now, own));
        let other = json!({
            "tenant": "zetacorp", "country": "zembla", "amount": 31337,
            "discountcode": "springsale",
        });
        events.push(event(10 * n + 1, "sale", "1987-05-05T01:02:00Z", other));
        let state = json!({ "machinename": "lathe77", "runninghours": 3, "plantcode": "p" });
        events.push(event(10 * n + 2, "machinestate", now, state));
        let slip = json!({ "tenant": "acme", "employeegrade": "principal9", "grosspay": 5 });
        events.push(event(10 * n + 3, "payslip", now, slip));
    }
    let wrong = json!({ "tenant": "zetacorp", "country": "zembla", "amount": "nonumber" });
    events.push(event(9_999, "sale", "1987-05-05T01:02:00Z", wrong));
    http.send(&events);
    let invalid = json!({ "event": "sale", "time": "quarantinedtext" }).to_string();
    assert_eq!(http.try_send(&[invalid], "applied").unwrap().status, 422);
}

fn define(http: &Http) {
    for (name, definition) in [
        (
            "sales",
            json!({
                "event": "sale", "dimensions": ["tenant", "country"],
                "measures": {
                    "orders": { "kind": "count" },
                    "revenue": { "kind": "sum", "of": "amount" },
                    "last": { "kind": "latest", "of": "country" },
                },
            }),
        ),
        (
            "shopfloor",
            json!({
                "event": "machinestate", "filter": "plantcode = 'p'", "granularity": "day",
                "dimensions": ["machinename"],
                "measures": { "spindlehours": { "kind": "sum", "of": "runninghours" } },
            }),
        ),
        (
            "salaries",
            json!({
                "event": "payslip", "dimensions": ["tenant", "employeegrade"],
                "measures": { "payrolltotal": { "kind": "sum", "of": "grosspay" } },
            }),
        ),
    ] {
        let reply = http.put(&format!("/v1/metrics/{name}"), &definition);
        assert!([200, 202].contains(&reply.status), "{}", reply.body);
    }
}

/// Makes keys of all kinds.
fn callers(server: &Server, place: &Place) -> Vec<TestCaller> {
    let made = server.http.post("/v1/keys", &json!({ "role": "admin", "note": "auditornote" }));
    assert_eq!(made.status, 201, "{}", made.body);
    let admin = made.body["key"].as_str().unwrap().to_owned();
    let http = server.http.with_key(&admin);
    let runs = http.get("/v1/runs").body;
    let runs = runs["runs"].as_array().unwrap().iter();
    let runs: Vec<String> = runs.map(|run| run["id"].as_str().unwrap().to_owned()).collect();
    let text = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    // Long enough not to be in an answer by chance.
    let runs: Vec<String> = runs.into_iter().filter(|id| id.len() > 8).collect();
    let path = place.dir.path().to_str().unwrap().to_owned();
    let always = [text(&HIDDEN), vec![admin.clone(), path]].concat();
    let bound = |more: &[&str]| [always.clone(), runs.clone(), text(more)].concat();
    let (metrics, filter) = (json!(["sales"]), json!("tenant = 'acme'"));
    let set = json!({ "tenant": "acme" });
    let every = [&FLOOR[..], &WAGES, &OTHERS, &["revenue", "orders"]].concat();
    let mut callers = Vec::new();
    for (name, request, secrets) in [
        (
            "metrics",
            json!({ "role": "read", "metrics": metrics }),
            bound(&[&FLOOR[..], &WAGES, &["nonumber"]].concat()),
        ),
        (
            "filter",
            json!({ "role": "read", "filter": filter }),
            bound(&[&FLOOR[..], &OTHERS].concat()),
        ),
        (
            "both",
            json!({ "role": "read", "metrics": metrics, "filter": filter }),
            bound(&[&FLOOR[..], &WAGES, &OTHERS].concat()),
        ),
        ("ingest", json!({ "role": "ingest" }), bound(&every)),
        ("set", json!({ "role": "ingest", "set": set }), bound(&every)),
        ("reader", json!({ "role": "read" }), text(&["quarantinedtext", "auditornote"])),
    ] {
        let made = http.post("/v1/keys", &request);
        assert_eq!(made.status, 201, "{name}: {}", made.body);
        let key = made.body["key"].as_str().map(str::to_owned);
        callers.push(TestCaller { name, key, secrets });
    }
    callers.push(TestCaller { name: "nobody", key: None, secrets: bound(&every) });
    let wrong = Some("mgs_auditor_0".to_owned());
    callers.push(TestCaller { name: "wrong", key: wrong, secrets: bound(&every) });
    // No key sees the names of other keys.
    let ids: Vec<Option<String>> = callers.iter().map(|caller| caller.key.clone()).collect();
    for (at, caller) in callers.iter_mut().enumerate() {
        let others = ids.iter().enumerate().filter(|(other, _)| *other != at);
        let id = |key: &Option<String>| Some(key.as_ref()?.split('_').nth(1)?.to_owned());
        caller.secrets.extend(others.filter_map(|(_, key)| id(key)).filter(|id| id != "auditor"));
    }
    callers
}

/// A request: method, address, more headers and body.
type Request = (String, String, String, String);

/// The whole of an answer; of a stream, its first event.
fn answer(place: &Place, key: Option<&str>, request: &Request) -> String {
    let (method, address, headers, body) = request;
    let key = key.map(|key| format!("Authorization: Bearer {key}\r\n")).unwrap_or_default();
    let length = body.len();
    let text = format!(
        "{method} {address} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{key}{headers}\
         Content-Length: {length}\r\n\r\n{body}"
    );
    let mut stream = TcpStream::connect(place.url().trim_start_matches("http://")).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    stream.write_all(text.as_bytes()).unwrap();
    let (mut said, mut piece) = (Vec::new(), [0; 1 << 16]);
    loop {
        let count = stream.read(&mut piece).unwrap_or_else(|error| panic!("{text}: {error}"));
        said.extend_from_slice(&piece[..count]);
        let text = String::from_utf8_lossy(&said);
        let is_stream = text.contains("content-type: text/event-stream");
        if count == 0 || (is_stream && text.contains("data:") && text.contains("\n\n")) {
            return text.to_lowercase();
        }
    }
}

/// Fails if an answer names what it must not. Its status.
fn check(place: &Place, caller: &TestCaller, request: &Request) -> u16 {
    let said = answer(place, caller.key.as_deref(), request);
    let sent = format!("{request:?}").to_lowercase();
    for secret in &caller.secrets {
        let is_named = said.contains(&secret.to_lowercase()) && !sent.contains(secret);
        assert!(!is_named, "`{}` sees `{secret}`: {request:?}\n{said}", caller.name);
    }
    said.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default()
}

/// As an address has it.
fn coded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// What is nearly a secret, and what is nothing at all.
fn near() -> Vec<String> {
    let names = FLOOR[..4].iter().chain(&WAGES[..4]).chain(&HIDDEN[..2]).chain(&OTHERS[..2]);
    let near = names.map(|name| name[..name.len() - 1].to_owned());
    let odd = ["zzz", "", "'", "sales", "tenan"];
    near.chain(odd.map(str::to_owned)).collect()
}

/// The operations of the API's description, with parameters that are nearly right.
fn described(http: &Http) -> Vec<Request> {
    let document = http.get("/openapi.json").body;
    let mut requests = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let method = method.to_uppercase();
            for value in near() {
                let mut address = String::new();
                for part in path.split_inclusive('}') {
                    let (before, name) = part.split_once('{').unwrap_or((part, ""));
                    address += before;
                    let is_known = name == "name}" && path.contains("dimensions");
                    match (name, is_known) {
                        ("", _) => {}
                        // The dimension of an existing metric.
                        (_, true) => address += "sales",
                        (_, false) => address += &coded(&value),
                    }
                }
                let kinds = ["", "Accept: text/event-stream\r\n", "Accept: text/csv\r\n"];
                let kinds = if method == "GET" { &kinds[..] } else { &kinds[..1] };
                for headers in kinds {
                    let kind = "Content-Type: application/json\r\n";
                    let body = json!({
                        "metric": value, "name": value, "event": value, "type": value,
                        "mode": "full", "metrics": [value], "writeKey": value,
                    });
                    let bodies = if method == "GET" { vec![] } else { vec![body.to_string()] };
                    for body in [String::new()].into_iter().chain(bodies) {
                        let headers = format!("{headers}{kind}");
                        requests.push((method.clone(), address.clone(), headers, body));
                    }
                }
                let parameters = operation["parameters"].as_array();
                for parameter in parameters.into_iter().flatten() {
                    if parameter["in"] == "query" {
                        let name = parameter["name"].as_str().unwrap();
                        let metric = if path == "/v1/query" && name != "metric" {
                            "metric=sales&"
                        } else {
                            ""
                        };
                        let address = format!("{address}?{metric}{name}={}", coded(&value));
                        requests.push((method.clone(), address, String::new(), String::new()));
                    }
                }
            }
        }
    }
    assert!(requests.len() > 1_000, "{}", requests.len());
    requests
}

/// Questions about metrics inside and outside of what a key sees, most of them wrong.
fn questions() -> Vec<Request> {
    let mut requests = Vec::new();
    let get = |address: String, headers: &str| {
        ("GET".to_owned(), address, headers.to_owned(), String::new())
    };
    for metric in ["sales", "shopfloor", "salaries", "shopfloo", "salarie", "zzz"] {
        for rest in [
            "",
            "measures=zzz",
            "measures=sum(zzz)",
            "measures=spindlehour",
            "group_by=zzz",
            "group_by=machinenam",
            "group_by=tenant,country",
            "group_by=country&granularity=day",
            "granularity=minute",
            "granularity=day",
            "granularity=minut",
            "filter=zzz%20%3D%201",
            "filter=tenant%20%3D%20%27zetacor%27",
            "filter=(",
            "having=zzz%20%3E%201",
            "having=spindlehour%20%3E%201",
            "order_by=zzz",
            "order_by=-payrolltota",
            "compare=previous_period&granularity=day",
            "compare=previous_year&from=1988-01-01&to=1989-01-01",
            "fill=zero&granularity=year",
            "fill=previous&granularity=month&group_by=country",
            "timezone=Asia/Kathmandu&granularity=day",
            "timezone=Africa/Monrovia&granularity=day&group_by=tenant",
            "limit=0&limit_per_bucket=true&granularity=day",
            "from=tomorrow&to=now",
            "after=0:999999999999",
            "after=7:1",
            "zzz=1",
        ] {
            if rest.starts_with("after=0") && metric != "sales" {
                // It is waited for.
                continue;
            }
            for format in ["json", "csv", "arrow"] {
                let address = format!("/v1/query?metric={metric}&{rest}&format={format}");
                if !rest.starts_with("after=0") || format == "json" {
                    requests.push(get(format!("{address}&partial=allow"), ""));
                }
            }
            let address = format!("/v1/query?metric={metric}&{rest}");
            if !rest.starts_with("after=0") {
                requests.push(get(address, "Accept: text/event-stream\r\n"));
            }
        }
        for rest in ["", "/dimensions/zzz", "/dimensions/machinenam", "/dimensions/tenant", "?x=1"]
        {
            requests.push(get(format!("/v1/metrics/{metric}{rest}"), ""));
        }
        for prefix in ["z", "zet", "zz"] {
            let address = format!("/v1/metrics/{metric}/dimensions/tenant?prefix={prefix}");
            requests.push(get(address, ""));
        }
    }
    requests
}

#[test]
fn no_answer_names_what_its_key_does_not_see() {
    let place = Place::new(Store::Redis);
    let server = place.start();
    define(&server.http);
    send(&server.http);
    server.run("incremental");
    let callers = callers(&server, &place);
    let (described, questions) = (described(&server.http), questions());
    for caller in &callers {
        let mut answered = 0;
        for request in described.iter().chain(&questions) {
            answered += usize::from(check(&place, caller, request) == 200);
        }
        println!("{}: {answered} of {}", caller.name, described.len() + questions.len());
        assert!(answered > 10, "{}", caller.name);
    }
    // Only operators see why a store is away.
    let ask = |rest: &str| {
        let address = format!("/v1/query?metric=sales&{rest}");
        ("GET".to_owned(), address, String::new(), String::new())
    };
    let redis = place.redis.as_ref().unwrap();
    let address = redis.url().rsplit('/').find(|part| part.contains(':')).unwrap().to_owned();
    let mut place = place;
    place.redis.as_mut().unwrap().kill();
    for caller in callers {
        let secrets = [caller.secrets, vec![address.clone(), "redis".to_owned()]].concat();
        let caller = TestCaller { secrets, ..caller };
        for (rest, away) in [("limit=17", 503), ("limit=17&partial=allow", 200)] {
            let status = check(&place, &caller, &ask(rest));
            let is_reader = ["metrics", "filter", "both", "reader"].contains(&caller.name);
            assert_eq!(status == away, is_reader, "{}: {rest}: {status}", caller.name);
        }
        if caller.name != "reader" {
            let ready = ("GET".to_owned(), "/readyz".to_owned(), String::new(), String::new());
            check(&place, &caller, &ready);
        }
    }
}
