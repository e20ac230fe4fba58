//! Dashboards, over HTTP and by command, and where they go with a back-up.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::Stdio;

use serde_json::{Value, json};

use crate::command_line::outcome;
use crate::http::Http;
use crate::server::{Place, Process, Store, merganser};

fn document(title: &str) -> Value {
    let query = json!({ "metric": "sales", "measures": ["orders"], "granularity": "day" });
    json!({ "title": title, "from": "now-7d", "charts": [{ "chart": "line", "query": query }] })
}

#[test]
fn a_dashboard_is_kept_by_its_version_and_restarts_and_back_ups_have_it() {
    let place = Place::new(Store::Memory);
    let server = place.start();
    let http = &server.http;
    assert_eq!(http.get("/v1/dashboards").body, json!({ "dashboards": [] }));
    let path = "/v1/dashboards/sales";
    let put =
        |title: &str, condition: (&str, &str)| http.put_with(path, &[condition], &document(title));
    let made = put("One", ("if-none-match", "*"));
    assert_eq!(made.status, 201, "{}", made.body);
    let first = made.etag.unwrap();
    assert_eq!((&made.body["name"], &made.body["charts"]), (&json!("sales"), &json!(1)));
    let refused = put("Two", ("if-none-match", "*"));
    assert_eq!((refused.status, &refused.body["code"]), (412, &json!("precondition_failed")));
    let second = put("Two", ("if-match", &first));
    assert_eq!((second.status, second.etag.as_ref() != Some(&first)), (200, true));
    assert_eq!(put("Three", ("if-match", &first)).status, 412);
    assert_eq!(put("Three", ("if-match", "nonsense")).status, 412);
    let shown = http.get(path);
    assert_eq!(
        (shown.status, &shown.body["title"], &shown.etag),
        (200, &json!("Two"), &second.etag)
    );
    assert_eq!(shown.body["charts"][0]["width"], 6, "what was left out is filled in");
    assert_eq!(http.put(path, &shown.body).etag, second.etag, "the same again is no new version");
    let known = http.get_with(path, &[("if-none-match", second.etag.as_ref().unwrap())]);
    assert_eq!((known.status, known.body), (304, json!("")));

    for (name, body, status, code, pointer) in [
        ("sales", json!({ "title": "" }), 422, "invalid_dashboard", json!("/title")),
        ("sales", json!([]), 422, "invalid_dashboard", json!("")),
        ("Sales", document("x"), 422, "invalid_dashboard", json!(null)),
    ] {
        let refused = http.put(&format!("/v1/dashboards/{name}"), &body);
        let found = (refused.status, refused.body["code"].as_str().unwrap());
        assert_eq!(found, (status, code), "{}", refused.body);
        assert_eq!(refused.body["pointer"], pointer, "{}", refused.body);
    }
    let mut wrong = document("Wrong");
    wrong["charts"][0]["query"]["granularity"] = json!("fortnight");
    let refused = http.put(path, &wrong);
    assert_eq!(refused.body["pointer"], "/charts/0/query/granularity", "{}", refused.body);
    let large = http.put(path, &json!({ "title": "x", "description": "x".repeat(256 << 10) }));
    assert_eq!((large.status, &large.body["code"]), (413, &json!("body_too_large")));
    let unknown = http.get("/v1/dashboards/sale");
    assert_eq!((unknown.status, &unknown.body["code"]), (404, &json!("unknown_dashboard")));
    assert!(unknown.body["detail"].as_str().unwrap().contains("`sales`"), "{}", unknown.body);

    let copy = place.dir.path().join("copy");
    let mut backup = merganser();
    backup.args(["backup", "--server", &place.url()]).arg(&copy);
    assert_eq!(outcome(&mut backup).0, 0);
    assert_eq!(http.delete("/v1/dashboards/other").status, 404);
    assert_eq!(http.put("/v1/dashboards/other", &document("Other")).status, 201);
    server.stop();
    let server = place.start();
    let listed = server.http.get("/v1/dashboards").body;
    let names = listed["dashboards"].as_array().unwrap().iter().map(|one| one["name"].clone());
    assert_eq!(names.collect::<Vec<_>>(), ["other", "sales"]);
    assert_eq!(server.http.get(path).etag, second.etag);
    assert_eq!(server.http.delete(path).status, 204);
    assert_eq!(server.http.get(path).status, 404);
    server.stop();
    let other = Place::new(Store::Memory);
    fs::rename(&copy, other.data_dir()).unwrap();
    let restored = other.start();
    assert_eq!(restored.http.get(path).etag, second.etag);
    assert_eq!(restored.http.get("/v1/dashboards/other").status, 404);
    restored.stop();
}

#[test]
fn dashboards_are_applied_from_files_and_printed_as_such() {
    let place = Place::new(Store::Memory);
    let server = place.start();
    let run = |arguments: &[&str]| {
        let mut command = merganser();
        command.arg("dashboards").args(arguments).env("MERGANSER_SERVER", place.url());
        outcome(&mut command)
    };
    let file = place.dir.path().join("sales.json");
    let file = file.to_str().unwrap();
    fs::write(file, document("Sales").to_string()).unwrap();
    let (code, said, error) = run(&["apply", file]);
    assert_eq!((code, &*error), (0, ""));
    assert!(said.contains(&format!("{}/ui/d/sales", place.url())), "{said}");
    let (code, said, _) = run(&["apply", file, "--name", "again", "--output", "json"]);
    assert_eq!(code, 0);
    assert_eq!(serde_json::from_str::<Value>(&said).unwrap()["name"], "again");
    let (_, listed, _) = run(&["list"]);
    assert!(listed.contains("sales") && listed.contains("again") && listed.contains("Sales"));
    // What is printed can be applied.
    let (_, printed, _) = run(&["get", "sales"]);
    fs::write(file, &printed).unwrap();
    assert_eq!(run(&["apply", file]).0, 0);
    assert_eq!(run(&["get", "sales"]).1, printed);
    fs::write(file, r#"{"title":"a","title":"b"}"#).unwrap();
    let (code, _, error) = run(&["apply", file]);
    assert!(code == 1 && error.contains("duplicate field"), "{error}");
    fs::write(file, "title = 'a'").unwrap();
    let (code, _, error) = run(&["apply", file]);
    assert!(code == 1 && error.contains("not JSON"), "{error}");
    let (code, _, error) = run(&["delete", "sales"]);
    assert!(code == 2 && error.contains("--yes"), "{error}");
    assert_eq!(run(&["delete", "sales", "--yes"]).0, 0);
    let (code, _, error) = run(&["delete", "sales", "--yes"]);
    assert!(code == 1 && error.contains("unknown_dashboard"), "{error}");
    server.stop();
}

/// The demo says where its dashboard is, and each of its charts has an answer.
#[test]
fn the_demo_opens_on_a_dashboard_whose_charts_answer() {
    let mut command = merganser();
    command.args(["demo", "--listen", "127.0.0.1:0"]).stdout(Stdio::piped());
    let mut demo = Process(command.stderr(Stdio::null()).spawn().unwrap());
    let mut lines = BufReader::new(demo.0.stdout.take().unwrap()).lines();
    let said = lines.find_map(|line| {
        let line = line.unwrap();
        let end = line.find("/ui/d/flights")?;
        let begin = line[..end].rfind("http://")?;
        Some(line[begin..end].to_owned())
    });
    let http = Http::new(said.expect("the demo says where its dashboard is"));
    assert!(http.get("/ui/d/flights").body.as_str().unwrap().contains("<html"));
    let dashboard = http.get("/v1/dashboards/flights").body;
    let charts = dashboard["charts"].as_array().unwrap();
    assert!(charts.len() > 5);
    for chart in charts {
        let mut query = chart["query"].clone();
        for name in ["from", "to", "timezone"] {
            if query[name].is_null() {
                query[name] = dashboard[name].clone();
            }
        }
        let rows = http.query(&query)["rows"].clone();
        assert!(!rows.as_array().unwrap().is_empty(), "{query}");
    }
}
