//! Keys, as they are made by commands and hold on a running service.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::command_line::outcome;
use crate::http::Http;
use crate::server::{Place, Process, Store, merganser};

/// Sales of two tenants, of whom only the filter of a key tells one from the other.
fn sales() -> Vec<String> {
    let sale = |n: usize| {
        let (tenant, country) = (["acme", "zeta"][n % 2], ["DE", "FR", "US"][n % 3]);
        let properties = json!({ "tenant": tenant, "country": country });
        let time = format!("2026-03-0{}T10:00:00Z", 1 + n % 5);
        json!({ "id": format!("s-{n}"), "event": "sale", "time": time, "properties": properties })
    };
    (0..60).map(|n| sale(n).to_string()).collect()
}

fn define(http: &Http, name: &str, dimensions: &[&str]) {
    let definition = json!({
        "event": "sale", "dimensions": dimensions, "measures": { "orders": { "kind": "count" } },
    });
    let reply = http.put(&format!("/v1/metrics/{name}"), &definition);
    assert!([200, 202].contains(&reply.status), "{}", reply.body);
}

/// Makes a key by the command; its text.
fn create(place: &Place, admin: Option<&str>, arguments: &[&str]) -> Result<String, String> {
    let mut command = merganser();
    command.args(["keys", "create"]).args(arguments).env("MERGANSER_SERVER", place.url());
    if let Some(key) = admin {
        command.env("MERGANSER_KEY", key);
    }
    match outcome(&mut command) {
        (0, key, _) => Ok(key.trim().to_owned()),
        (_, _, error) => Err(error),
    }
}

fn orders(http: &Http, query: &str) -> Value {
    let reply = http.get(&format!("/v1/query?metric=sales&{query}"));
    assert_eq!(reply.status, 200, "{}", reply.body);
    reply.body["rows"].clone()
}

#[test]
fn a_reader_sees_what_its_key_is_bound_to_and_nothing_widens_it() {
    let place = Place::new(Store::Memory);
    let server = place.start();
    define(&server.http, "sales", &["tenant", "country"]);
    define(&server.http, "countries", &["country"]);
    server.http.send(&sales());
    let refused = create(&place, None, &["--role", "read"]).unwrap_err();
    assert!(refused.contains("has to have role `admin`"), "{refused}");
    let admin = create(&place, None, &["--role", "admin", "--note", "the first"]).unwrap();
    assert!(admin.starts_with("mgs_"), "{admin}");
    assert_eq!(server.http.get("/v1/metrics").status, 401, "from now on a key is needed");
    assert_eq!(server.http.get("/readyz").status, 200);
    let refused = create(&place, None, &["--role", "read"]).unwrap_err();
    assert!(refused.contains("key_missing, HTTP 401"), "{refused}");
    let filter = ["--role", "read", "--filter", "tenant = 'acme'"];
    let acme = create(&place, Some(&admin), &filter).unwrap();
    let bound = [&filter[..], &["--metrics", "sales"]].concat();
    let bound = create(&place, Some(&admin), &bound).unwrap();
    for (wrong, words) in [
        (&["--role", "read", "--filter", "nope = 1"][..], "nope"),
        (&["--role", "read", "--filter", "tenant = 'a') OR ('b' = 'b'"], "filter"),
        (&["--role", "read", "--metrics", "countries", "--filter", "tenant = 'a'"], "countries"),
        (&["--role", "read", "--metrics", "sale"], "did you mean `sales`"),
        (&["--role", "ingest", "--metrics", "sales"], "only `read`"),
        (&["--role", "read", "--expires", "yesterday"], "90d"),
        (&["--role", "king"], "ingest, read or admin"),
    ] {
        let said = create(&place, Some(&admin), wrong).unwrap_err();
        assert!(said.contains(words), "{wrong:?}: {said}");
    }

    let (all, acme, bound) =
        (server.http.with_key(&admin), server.http.with_key(&acme), server.http.with_key(&bound));
    // All keys send the same queries, one after the other and again, so that answers are cached.
    for _ in 0..3 {
        assert_eq!(orders(&all, ""), json!([{ "orders": 60 }]));
        for http in [&acme, &bound] {
            assert_eq!(orders(http, ""), json!([{ "orders": 30 }]));
            let by_tenant = orders(http, "group_by=tenant&order_by=tenant");
            assert_eq!(by_tenant, json!([{ "tenant": "acme", "orders": 30 }]));
            assert_eq!(orders(http, "filter=tenant%20%3D%20%27zeta%27"), json!([{ "orders": 0 }]));
            for wider in ["1 = 1) OR (1 = 1", "tenant = 'zeta' OR tenant IS NOT NULL", "true --"] {
                let query = json!({ "metric": "sales", "filter": wider });
                let reply = http.post("/v1/query", &query);
                let rows = &reply.body["rows"];
                assert!(reply.status == 400 || *rows == json!([{ "orders": 30 }]), "{rows}");
            }
        }
        server.http.with_key(&admin).post("/v1/runs", &json!({ "mode": "incremental" }));
    }
    let values = acme.get("/v1/metrics/sales/dimensions/tenant").body;
    assert_eq!(values["values"], json!([{ "value": "acme", "count": 30 }]));
    assert_eq!(acme.get("/v1/metrics/sales/dimensions/tenant?prefix=z").body["values"], json!([]));
    let shown = acme.get("/v1/metrics/sales").body;
    assert!(shown["definition"].is_object() && shown["groups"].is_null(), "{shown}");
    let beyond = acme.get("/v1/query?metric=countries");
    assert_eq!((beyond.status, &beyond.body["code"]), (403, &json!("beyond_scope")));
    let unseen = bound.get("/v1/query?metric=countris");
    assert_eq!(unseen.status, 404);
    assert!(!unseen.body.to_string().contains("countries"), "{}", unseen.body);
    assert_eq!(bound.get("/v1/metrics").body["metrics"].as_array().unwrap().len(), 1);
    assert_eq!(bound.get("/v1/status").status, 403);
    server.stop();

    // Keys outlast a restart.
    let server = place.start();
    assert_eq!(orders(&server.http.with_key(&admin), ""), json!([{ "orders": 60 }]));
    assert_eq!(server.http.get("/v1/query?metric=sales").status, 401);
}

#[test]
fn a_stream_ends_when_its_key_is_revoked() {
    let place = Place::new(Store::Memory);
    let server = place.start();
    define(&server.http, "sales", &["tenant"]);
    server.http.send(&sales());
    let admin = create(&place, None, &["--role", "admin"]).unwrap();
    let reader =
        create(&place, Some(&admin), &["--role", "read", "--filter", "tenant = 'acme'"]).unwrap();
    let mut stream = TcpStream::connect(place.url().trim_start_matches("http://")).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let head = format!(
        "GET /v1/query?metric=sales HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n\
         Authorization: Bearer {reader}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).unwrap();
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    assert!(lines.any(|line| line.contains(r#""rows":[{"orders":30}]"#)));
    let id = reader.split('_').nth(1).unwrap();
    let mut revoke = merganser();
    revoke.args(["keys", "revoke", id]).env("MERGANSER_SERVER", place.url());
    let (code, _, said) = outcome(revoke.env("MERGANSER_KEY", &admin));
    assert_eq!(code, 0, "{said}");
    // The last chunk of a body, and not the end of the connection or of its time.
    assert!(lines.any(|line| line == "0"), "the stream ends in order");
    assert_eq!(server.http.with_key(&reader).get("/v1/metrics").status, 401);
    let mut list = merganser();
    list.args(["keys", "list"]).env("MERGANSER_SERVER", place.url()).env("MERGANSER_KEY", &admin);
    let (_, listed, _) = outcome(&mut list);
    assert!(listed.contains("admin") && !listed.contains(id), "{listed}");
}

#[test]
fn nobody_listens_beyond_loopback_without_a_key_by_accident() {
    let place = Place::new(Store::Memory);
    let (code, _, said) = outcome(&mut place.serve_on("0.0.0.0"));
    assert!(code == 1 && said.contains("--insecure") && said.contains("keys create"), "{said}");

    let dir = place.data_dir();
    let offline = ["--role", "admin", "--data-dir", dir.to_str().unwrap()];
    let admin = create(&place, None, &offline).unwrap();
    let server = place.start();
    let refused = create(&place, None, &offline).unwrap_err();
    assert!(refused.contains("process"), "the directory is in use: {refused}");
    assert_eq!(server.http.get("/v1/metrics").status, 401);
    assert_eq!(server.http.with_key(&admin).get("/v1/metrics").status, 200);
    let basic = format!("Basic {}", STANDARD.encode(format!("merganser:{admin}")));
    assert_eq!(Http::bearing(place.url(), Some(basic)).get("/v1/metrics").status, 200);
    server.stop();

    let (_, line, _) = start_and_ask(&mut place.serve_on("0.0.0.0"), &place);
    assert!(line.contains("ready"), "with a key it listens everywhere: {line}");
}

#[test]
fn an_insecure_service_says_so_and_listens() {
    let place = Place::new(Store::Memory);
    let mut command = place.serve_on("0.0.0.0");
    let (status, _, said) = start_and_ask(command.arg("--insecure"), &place);
    assert_eq!(status, 200);
    assert!(said.contains("there are no keys"), "{said}");
}

/// What a server answers without a key, the line that it begins with, and its log.
fn start_and_ask(command: &mut Command, place: &Place) -> (u16, String, String) {
    let started = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut started = Process(started);
    let mut line = String::new();
    BufReader::new(started.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let status = Http::new(place.url()).get("/v1/metrics").status;
    started.0.kill().unwrap();
    let mut said = String::new();
    started.0.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    (status, line, said)
}
