//! `docs/http.md` is what the service says of itself: its description at `/openapi.json`, and whom
//! it lets use what. Its head is written by hand.
//!
//! `MERGANSER_WRITE_DOCS=1 cargo test --test system reference` writes the rest anew.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::Path;
use std::process::Command;
use std::time::Duration;
use std::{env, fs};

use serde_json::{Value, json};

use crate::http::Http;
use crate::server::{Place, Store};
use crate::wait::until;

/// Set to write the file instead of comparing it.
const WRITE: &str = "MERGANSER_WRITE_DOCS";

const METHODS: [&str; 4] = ["get", "post", "put", "delete"];

/// The line in the file below which everything is made.
const MARK: &str = "<!-- What is below is made by tests/system/reference.rs. -->";

#[test]
fn the_reference_is_what_the_service_describes() {
    let place = Place::new(Store::Memory);
    let server = place.start();
    let made = reference(&server.http);
    server.stop();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/http.md");
    let written = fs::read_to_string(&path).unwrap();
    let (head, _) = written.split_once(MARK).expect("docs/http.md has the line");
    let made = format!("{head}{MARK}\n{made}");
    if env::var_os(WRITE).is_some() {
        fs::write(&path, made).unwrap();
        return;
    }
    let differs = |(one, other): &(&str, &str)| one != other;
    let first = written.lines().zip(made.lines()).find(differs);
    assert!(
        written == made,
        "docs/http.md is not what is described, first in {first:?}; write it anew with {WRITE}=1"
    );
}

/// What `/docs` opens with can be typed as it stands.
#[test]
fn the_first_three_requests_define_send_and_ask() {
    let place = Place::new(Store::Memory);
    let server = place.start();
    let text = server.http.get("/openapi.json").body["info"]["description"].clone();
    let parts: Vec<&str> = say(&text).split("```").collect();
    let mut replies = Vec::new();
    for command in parts.iter().filter_map(|part| part.strip_prefix("sh\n")) {
        let command = command.replace("http://127.0.0.1:8080", &place.url());
        let output = Command::new("sh").args(["-ec", &command]).output().unwrap();
        assert!(output.status.success(), "{command}: {output:?}");
        replies.push(serde_json::from_slice::<Value>(&output.stdout).unwrap());
        // A metric answers once it is defined; here there is nothing to be computed before.
        until("the metric answers", Duration::from_secs(60), || {
            (server.http.get("/v1/query?metric=sales").status == 200).then_some(())
        });
    }
    let [defined, sent, answer] = &replies[..] else { panic!("{replies:?}") };
    assert_eq!((&defined["name"], &sent["accepted"]), (&json!("sales"), &json!(2)));
    assert_eq!(sent["applied"], true);
    let rows = json!([
        { "country": "DE", "orders": 1, "revenue": 19.99 },
        { "country": "FR", "orders": 1, "revenue": 0.01 },
    ]);
    assert_eq!(answer["rows"], rows);
    server.stop();
}

fn reference(http: &Http) -> String {
    let document = http.get("/openapi.json").body;
    let mut operations = Vec::new();
    for (path, methods) in fields(&document["paths"]) {
        for method in METHODS.into_iter().filter(|method| methods[*method].is_object()) {
            operations.push((method, path, &methods[method]));
        }
    }
    let whose = whose(http, &operations);
    let mut text = "\n## Operations\n\n| operation | | for |\n|---|---|---|\n".to_owned();
    for ((method, path, operation), whose) in operations.iter().zip(&whose) {
        let title = format!("{} {path}", method.to_uppercase());
        let summary = say(&operation["summary"]);
        writeln!(text, "| [`{title}`](#{}) | {summary} | {whose} |", anchor(&title)).unwrap();
    }
    for ((method, path, operation), whose) in operations.iter().zip(&whose) {
        let title = format!("{} {path}", method.to_uppercase());
        let summary = say(&operation["summary"]);
        write!(text, "\n### `{title}`\n\n{summary}. For {whose}.\n").unwrap();
        describe(operation, &mut text);
    }
    text.push_str("\n## Shapes\n");
    for (name, shape) in fields(&document["components"]["schemas"]) {
        let description = meaning(shape);
        let description = description.trim_end_matches('.');
        write!(text, "\n### {name}\n\n{description}.\n").unwrap();
        let mut rows = String::new();
        list(shape, "", &mut rows);
        match rows.is_empty() {
            true => write!(text, "\nType: {}\n", kind(shape)).unwrap(),
            false => {
                write!(text, "\n| field | type | required | meaning |\n|---|---|---|---|\n{rows}")
                    .unwrap()
            }
        }
    }
    text
}

/// Which roles may use each operation, by the refusal of a key that only sends events.
fn whose(http: &Http, operations: &[(&str, &str, &Value)]) -> Vec<String> {
    let make = |http: &Http, role: &str| {
        let made = http.post("/v1/keys", &json!({ "role": role })).body;
        http.with_key(made["key"].as_str().unwrap())
    };
    let sender = make(&make(http, "admin"), "ingest");
    let ask = |method: &str, path: &str, operation: &Value| {
        if operation["security"] == json!([]) {
            return "everybody".to_owned();
        }
        let path = path.replace(['{', '}'], "");
        let reply = match method {
            "get" => sender.get(&path),
            "post" => sender.post(&path, &json!({})),
            "put" => sender.put(&path, &json!({})),
            _ => sender.delete(&path),
        };
        if reply.status != 403 {
            return "role `ingest`".to_owned();
        }
        let (_, needed) = say(&reply.body["detail"]).split_once("; this needs ").unwrap();
        needed.to_owned()
    };
    operations.iter().map(|(method, path, operation)| ask(method, path, operation)).collect()
}

/// Parameters, body, answers and problems.
fn describe(operation: &Value, text: &mut String) {
    let parameters = operation["parameters"].as_array();
    if let Some(parameters) = parameters.filter(|parameters| !parameters.is_empty()) {
        text.push_str(
            "\n| parameter | in | required | values | meaning |\n|---|---|---|---|---|\n",
        );
        for parameter in parameters {
            let place = say(&parameter["in"]);
            let required = if parameter["required"] == true { "yes" } else { "" };
            let (values, meaning) = (kind(&parameter["schema"]), say(&parameter["description"]));
            let name = say(&parameter["name"]);
            writeln!(text, "| `{name}` | {place} | {required} | {values} | {meaning} |").unwrap();
        }
    }
    let body = &operation["requestBody"];
    if body.is_object() {
        write!(text, "\nBody: {}.\n\n", say(&body["description"])).unwrap();
        text.push_str("| content type | shape |\n|---|---|\n");
        for (name, content) in fields(&body["content"]) {
            writeln!(text, "| `{name}` | {} |", kind(&content["schema"])).unwrap();
        }
    }
    text.push_str("\n| status | meaning | body |\n|---|---|---|\n");
    let (mut problems, responses) = (BTreeSet::new(), fields(&operation["responses"]));
    for (status, response) in responses {
        if !status.starts_with('2') {
            problems.insert(status);
            continue;
        }
        let contents = fields(&response["content"]);
        let bodies = contents.iter().map(|(name, content)| match &content["schema"]["$ref"] {
            Value::String(_) => format!("`{name}`: {}", kind(&content["schema"])),
            _ => format!("`{name}`"),
        });
        let bodies = bodies.collect::<Vec<_>>().join(", ");
        writeln!(text, "| {status} | {} | {bodies} |", say(&response["description"])).unwrap();
    }
    if !problems.is_empty() {
        let problems = problems.into_iter().collect::<Vec<_>>().join(", ");
        write!(text, "\nProblems: {problems}.\n").unwrap();
    }
}

/// A line for each field of a shape, and of what is in it.
fn list(shape: &Value, before: &str, text: &mut String) {
    let required: BTreeSet<&str> =
        shape["required"].as_array().into_iter().flatten().map(say).collect();
    for (name, field) in fields(&shape["properties"]) {
        let path = format!("{before}{name}");
        let must = if required.contains(name) { "yes" } else { "" };
        let meaning = meaning(field);
        writeln!(text, "| `{path}` | {} | {must} | {meaning} |", kind(field)).unwrap();
        list_below(field, &path, text);
    }
}

/// What a field is for, which stands beside a reference where it can also be null.
fn meaning(field: &Value) -> String {
    let choices = field["oneOf"].as_array().into_iter().flatten();
    let mut told = [field].into_iter().chain(choices).map(|one| say(&one["description"]));
    told.find(|text| !text.is_empty()).unwrap_or_default().replace('\n', " ")
}

/// The same for whatever a field can be.
fn list_below(field: &Value, path: &str, text: &mut String) {
    list(field, &format!("{path}."), text);
    for choice in field["oneOf"].as_array().into_iter().flatten() {
        list_below(choice, path, text);
    }
    if field["items"].is_object() {
        list_below(&field["items"], &format!("{path}[]"), text);
    }
}

/// What a value can be.
fn kind(schema: &Value) -> String {
    if let Some(name) = schema["$ref"].as_str().and_then(|name| name.rsplit('/').next()) {
        return format!("[{name}](#{})", anchor(name));
    }
    if let Some(choices) = schema["oneOf"].as_array() {
        return choices.iter().map(kind).collect::<Vec<_>>().join(" or ");
    }
    if let Some(values) = schema["enum"].as_array() {
        let values = values.iter().map(|value| format!("`{}`", say(value)));
        return values.collect::<Vec<_>>().join(", ");
    }
    let types: Vec<&str> = match &schema["type"] {
        Value::Array(types) => types.iter().map(say).collect(),
        one => vec![say(one)],
    };
    let named = |name: &str| match name {
        "array" => format!("array of {}", kind(&schema["items"])),
        "object" if schema["additionalProperties"].is_object() => {
            format!("object of {}", kind(&schema["additionalProperties"]))
        }
        other => other.to_owned(),
    };
    let names = types.into_iter().map(named).collect::<Vec<_>>().join(" or ");
    let bounds = bounds(schema);
    if bounds.is_empty() { names } else { format!("{names} ({})", bounds.join(", ")) }
}

fn bounds(schema: &Value) -> Vec<String> {
    let mut bounds = Vec::new();
    for (least, most, unit) in
        [("minimum", "maximum", ""), ("minLength", "maxLength", " characters")]
    {
        match (schema.get(least), schema.get(most)) {
            (Some(least), Some(most)) => bounds.push(format!("{least} to {most}{unit}")),
            (None, Some(most)) => bounds.push(format!("at most {most}{unit}")),
            (_, None) => {}
        }
    }
    // How a program may hold a number says nothing of the number.
    let widths = ["int32", "int64", "double"];
    if let Some(format) = schema["format"].as_str().filter(|format| !widths.contains(format)) {
        bounds.push(format.to_owned());
    }
    if let Some(pattern) = schema["pattern"].as_str() {
        bounds.push(format!("`{pattern}`"));
    }
    bounds
}

/// The fields of an object by name; none of anything else.
fn fields(value: &Value) -> BTreeMap<&str, &Value> {
    let fields = value.as_object().into_iter().flatten();
    fields.map(|(name, value)| (name.as_str(), value)).collect()
}

/// A text; none is empty.
fn say(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// Where a heading is, as Markdown's readers make it.
fn anchor(title: &str) -> String {
    let kept = |c: &char| c.is_alphanumeric() || "-_ ".contains(*c);
    title.to_lowercase().chars().filter(kept).map(|c| if c == ' ' { '-' } else { c }).collect()
}
