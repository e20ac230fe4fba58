//! Every operation answers in JSON what the document says and its type holds: the same bytes when
//! it is read and written again, and no field that is not described.

use axum::body::to_bytes;
use merganser_api::answer::AnswerDocument;
use merganser_api::dashboard::{Dashboard, DashboardItem, DashboardList};
use merganser_api::explain::QueryExplanation;
use merganser_api::key::{KeyDocument, KeyList};
use merganser_api::metric::{DimensionValues, MetricDocument, MetricList};
use merganser_api::preview::{PreviewDocument, PropertyList};
use merganser_api::quarantine::{QuarantineItem, QuarantineListing};
use merganser_api::receipt::Receipt;
use merganser_api::run::{RunList, RunRecord};
use merganser_api::schedule::ScheduleDocument;
use merganser_api::session::SessionDocument;
use merganser_api::status::{ProcessState, ServiceStatus};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::*;

/// Reads an answer as its type and writes it again.
type Rewrite = fn(&[u8]) -> String;

fn rewrite<T: DeserializeOwned + Serialize>(answer: &[u8]) -> String {
    serde_json::to_string(&serde_json::from_slice::<T>(answer).unwrap()).unwrap()
}

/// The same for what is kept as it was sent, its fields in alphabetical order.
fn rewrite_sorted<T: DeserializeOwned + Serialize>(answer: &[u8]) -> String {
    serde_json::to_value(serde_json::from_slice::<T>(answer).unwrap()).unwrap().to_string()
}

/// What is asked: method, path, body, and what the answer is.
type Exchange = (&'static str, &'static str, &'static str, Rewrite);

const EVENTS: &str = r#"[
    {"id":"a","event":"sale","time":"2020-11-27T10:20:00Z","properties":{"x":1.5,"tenant":"acme"}},
    {"id":"b","event":"sale","time":"2020-10-27T10:20:00Z","properties":{"x":"?","tenant":null}},
    {"id":"a","event":"sale","properties":{}},
    {"event":3}]"#;

const METRIC: &str = r#"{"event":"sale","description":"Sales","filter":"x > 0 OR x IS NULL",
    "dimensions":["tenant",{"name":"hour","expr":"date_part('hour', time)"}],
    "measures":{"total":{"kind":"sum","of":"x","places":2},"n":{"kind":"count"},
        "tenants":{"kind":"distinct","of":"tenant"},
        "median":{"kind":"quantile","of":"x","q":0.5},
        "last":{"kind":"latest","of":"x","type":"number"},
        "share":{"kind":"expr","expr":"total / n"}}}"#;

/// In an order in which each has something to show. `{run}` is the run that was started last.
const EXCHANGES: [Exchange; 44] = [
    ("get", "/healthz", "", rewrite::<ProcessState>),
    ("get", "/readyz", "", rewrite::<ProcessState>),
    ("put", "/v1/metrics/{name}", METRIC, rewrite::<MetricDocument>),
    ("put", "/v1/metrics/{name}", METRIC, rewrite::<MetricDocument>),
    ("post", "/v1/events?wait=applied", EVENTS, rewrite::<Receipt>),
    ("post", "/v1/events", "[]", rewrite::<Receipt>),
    ("post", "/v1/segment/{call}", CALL, rewrite::<Receipt>),
    ("post", "/v1/segment/v1/{call}", CALL, rewrite::<Receipt>),
    ("post", "/v1/t", CALL, rewrite::<Receipt>),
    ("post", "/v1/p", CALL, rewrite::<Receipt>),
    ("post", "/v1/s", CALL, rewrite::<Receipt>),
    ("post", "/v1/i", CALL, rewrite::<Receipt>),
    ("post", "/v1/g", CALL, rewrite::<Receipt>),
    ("post", "/v1/a", CALL, rewrite::<Receipt>),
    ("post", "/v1/b", CALLS, rewrite::<Receipt>),
    ("post", "/v1/batch", CALLS, rewrite::<Receipt>),
    ("post", "/v1/import", CALLS, rewrite::<Receipt>),
    ("get", "/v1/quarantine?limit=1", "", rewrite::<QuarantineListing>),
    ("get", "/v1/quarantine/{id}", "", rewrite::<QuarantineItem>),
    ("get", "/v1/metrics", "", rewrite::<MetricList>),
    ("get", "/v1/metrics/{name}", "", rewrite::<MetricDocument>),
    ("get", "/v1/metrics/{name}/dimensions/{dimension}", "", rewrite::<DimensionValues>),
    ("get", "/v1/query?metric=name", "", rewrite::<AnswerDocument>),
    ("post", "/v1/query", QUERY, rewrite::<AnswerDocument>),
    ("post", "/v1/metrics:preview?group_by=tenant", METRIC, rewrite::<PreviewDocument>),
    ("get", "/v1/properties", "", rewrite::<PropertyList>),
    ("put", "/v1/dashboards/{name}", DASHBOARD, rewrite::<DashboardItem>),
    ("get", "/v1/dashboards/{name}", "", rewrite_sorted::<Dashboard>),
    ("get", "/v1/dashboards", "", rewrite::<DashboardList>),
    ("post", "/v1/query?", SUMS, rewrite::<AnswerDocument>),
    ("get", "/v1/query:explain?metric=name", "", rewrite::<QueryExplanation>),
    ("post", "/v1/query:explain", SUMS, rewrite::<QueryExplanation>),
    ("get", "/v1/schedule", "", rewrite::<ScheduleDocument>),
    ("put", "/v1/schedule", SCHEDULE, rewrite::<ScheduleDocument>),
    ("get", "/v1/status", "", rewrite::<ServiceStatus>),
    ("post", "/v1/runs", r#"{"mode":"incremental","metrics":["name"]}"#, rewrite::<RunRecord>),
    ("get", "/v1/runs", "", rewrite::<RunList>),
    ("get", "/v1/runs/{run}", "", rewrite::<RunRecord>),
    ("post", "/v1/runs", r#"{"mode":"full"}"#, rewrite::<RunRecord>),
    ("delete", "/v1/runs/{run}", "", rewrite::<RunRecord>),
    ("post", "/v1/keys", KEY, rewrite::<KeyDocument>),
    ("get", "/v1/keys", "", rewrite::<KeyList>),
    ("post", "/v1/session", r#"{"key":"{key}"}"#, rewrite::<SessionDocument>),
    ("get", "/v1/session", "", rewrite::<SessionDocument>),
];

const CALL: &str = r#"{"event":"sale","name":"x","userId":"u","groupId":"g","previousId":"p",
    "properties":{"x":2}}"#;
const CALLS: &str = r#"{"batch":[{"type":"track","event":"sale","userId":"u"},{"type":"odd"}]}"#;
const QUERY: &str = r#"{"metric":"name","from":"2020-11-01T00:30:00Z","to":"2020-11-28",
    "granularity":"day","group_by":["tenant"],"fill":"null","compare":"previous_period"}"#;
const DASHBOARD: &str = r#"{"title":"Sales","charts":[{"chart":"line",
    "query":{"metric":"name","measures":["n"],"granularity":"day"}}]}"#;
const SUMS: &str = r#"{"metric":"name","from":"2020-11-01","to":"2020-11-28","granularity":"day",
    "group_by":["tenant"],"limit":1,"totals":true,"other":true,"window":"2d",
    "filter":"tenant = 'acme' OR tenant IS NULL","having":"n >= 0","compare":"previous_period"}"#;
const SCHEDULE: &str = r#"{"incremental":"","full":"0 3 * * *","timezone":"Europe/Berlin",
    "next":{"full":null}}"#;
const KEY: &str = r#"{"role":"admin","expires":"90d","requests_per_s":100,"note":"first"}"#;

async fn exchange(
    routes: &HttpService,
    (method, path, body): (&str, &str, &str),
    key: Option<&str>,
) -> (u16, Vec<u8>) {
    let request = Request::builder().method(&*method.to_uppercase()).uri(path);
    let request = request.header(header::CONTENT_TYPE, "application/json");
    // As the service's own page asks.
    let request = request.header("sec-fetch-site", "same-origin");
    let request = match key {
        Some(key) => request.header(header::AUTHORIZATION, format!("Bearer {key}")),
        None => request,
    };
    let request = request.body(Body::from(body.to_owned())).unwrap();
    let response = routes.clone().oneshot(request).await.unwrap();
    let status = response.status().as_u16();
    (status, to_bytes(response.into_body(), usize::MAX).await.unwrap().to_vec())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_is_of_its_type_and_as_it_is_described() {
    let dir = TempDir::new().unwrap();
    let service = start(&dir).await;
    service.wait_until_ready().await.unwrap();
    let routes = HttpService::new(parts(&service), &configure::http(&Settings::default()));
    let document: Value = serde_json::from_str(&http::openapi_text()).unwrap();
    let (mut run, mut key, mut seen) = (String::new(), None, BTreeSet::new());
    for (method, address, body, rewrite) in EXCHANGES {
        let path = address.split('?').next().unwrap();
        let described = path.replace("{run}", "{id}");
        let values = [("{name}", "name"), ("{call}", "track"), ("{dimension}", "tenant")];
        let at = values
            .into_iter()
            .fold(address.to_owned(), |at, (name, value)| at.replace(name, value));
        let at = at.replace("{run}", &run).replace("{id}", "q-1");
        let body = body.replace("{key}", key.as_deref().unwrap_or_default());
        if method != "delete" {
            settle(&service).await;
        }
        let (status, answer) = exchange(&routes, (method, &at, &body), key.as_deref()).await;
        let text = String::from_utf8(answer.clone()).unwrap();
        // A run that is short may have ended by then.
        if (method, status) == ("delete", 409) {
            seen.insert((method.to_owned(), described));
            continue;
        }
        assert!((200..300).contains(&status), "{method} {at}: {status} {text}");
        assert_eq!(rewrite(&answer), text, "{method} {at}");
        let responses = &document["paths"][&described][method]["responses"];
        let schema = &responses[status.to_string()]["content"]["application/json"]["schema"];
        let value: Value = serde_json::from_str(&text).unwrap();
        if let Err(why) = Described(&document).check(schema, &value, "") {
            panic!("{method} {at}: {why} in {text}");
        }
        if path == "/v1/runs" && method == "post" {
            run = value["id"].as_str().unwrap().to_owned();
        }
        if let Some(text) = value["key"].as_str() {
            key = Some(text.to_owned());
        }
        seen.insert((method.to_owned(), described));
    }
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let mut success = operation["responses"].as_object().unwrap().iter();
            let is_json = success.any(|(status, response)| {
                status.starts_with('2') && response["content"]["application/json"].is_object()
            });
            let is_seen = seen.contains(&(method.clone(), path.clone()));
            assert_eq!(is_json, is_seen, "{method} {path}");
        }
    }
    // What went wrong is of one shape everywhere, with more fields where the case has them.
    let (_, answer) = exchange(&routes, ("get", "/v1/metrics/nope", ""), key.as_deref()).await;
    let value: Value = serde_json::from_slice(&answer).unwrap();
    let problem = &document["components"]["schemas"]["Problem"];
    Described(&document).check(problem, &value, "").unwrap();
    service.stop().await.unwrap();
}

/// Waits until no run is active: metrics answer, and another run can be started.
async fn settle(service: &RunningService) {
    for run in service.runs.queue().list() {
        let mut record = service.runs.queue().follow(&run.id).unwrap();
        record.wait_for(|record| record.state.is_final()).await.unwrap();
    }
}

/// A document, by which answers are checked.
struct Described<'a>(&'a Value);

impl Described<'_> {
    /// Whether a value is as a schema says, every field of it described.
    fn check(&self, schema: &Value, value: &Value, at: &str) -> Result<(), String> {
        if let Some(name) = schema["$ref"].as_str() {
            let pointer = name.strip_prefix('#').ok_or("a reference leads out")?;
            let target = self.0.pointer(pointer).ok_or_else(|| format!("{name} leads nowhere"))?;
            return self.check(target, value, at);
        }
        if let Some(choices) = schema["oneOf"].as_array() {
            let wrong: Vec<String> =
                choices.iter().filter_map(|one| self.check(one, value, at).err()).collect();
            let is_one = wrong.len() + 1 == choices.len();
            return if is_one { Ok(()) } else { Err(format!("{at}: {wrong:?}")) };
        }
        // A value of any type.
        if schema.as_object().is_some_and(|rules| rules.is_empty()) {
            return Ok(());
        }
        let kinds: Vec<&str> = match &schema["type"] {
            Value::String(kind) => vec![kind],
            Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
            other => return Err(format!("{at}: its type is {other}")),
        };
        let is_kind = |kind: &&str| match *kind {
            "null" => value.is_null(),
            "string" => value.is_string(),
            "boolean" => value.is_boolean(),
            "integer" => value.is_i64() || value.is_u64(),
            "number" => value.is_number(),
            "array" => value.is_array(),
            "object" => value.is_object(),
            _ => false,
        };
        if !kinds.iter().any(is_kind) {
            return Err(format!("{at}: {value} is none of {kinds:?}"));
        }
        if schema["enum"].as_array().is_some_and(|names| !names.contains(value)) {
            return Err(format!("{at}: {value} is not listed"));
        }
        if let (Some(text), Some("date-time")) = (value.as_str(), schema["format"].as_str())
            && chrono::DateTime::parse_from_rfc3339(text).is_err()
        {
            return Err(format!("{at}: {text} is no time"));
        }
        if let Some(number) = value.as_f64() {
            let is_within = schema["minimum"].as_f64().is_none_or(|least| number >= least)
                && schema["maximum"].as_f64().is_none_or(|most| number <= most);
            if !is_within {
                return Err(format!("{at}: {number} is out of bounds"));
            }
        }
        for (place, item) in value.as_array().into_iter().flatten().enumerate() {
            self.check(&schema["items"], item, &format!("{at}/{place}"))?;
        }
        self.check_fields(schema, value, at)
    }

    fn check_fields(&self, schema: &Value, value: &Value, at: &str) -> Result<(), String> {
        let Some(fields) = value.as_object() else { return Ok(()) };
        for name in schema["required"].as_array().into_iter().flatten() {
            if !fields.contains_key(name.as_str().unwrap_or_default()) {
                return Err(format!("{at}: {name} is missing"));
            }
        }
        for (name, field) in fields {
            let at = format!("{at}/{name}");
            let described = schema["properties"].get(name);
            match described.or(Some(&schema["additionalProperties"]).filter(|s| s.is_object())) {
                Some(described) => self.check(described, field, &at)?,
                // An object of which nothing is described can hold anything: a row.
                None if schema["properties"].is_null() => {}
                None => return Err(format!("{at} is not described")),
            }
        }
        Ok(())
    }
}
