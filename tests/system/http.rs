//! A small HTTP client. Every call has a time limit.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::value::RawValue;
use serde_json::{Value, json};
use ureq::http::{Request, Response};
use ureq::middleware::MiddlewareNext;
use ureq::{Agent, Body, RequestBuilder, SendBody};

/// What came back.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) location: Option<String>,
    pub(crate) etag: Option<String>,
    /// Name and value of the cookie that it sets.
    pub(crate) cookie: Option<String>,
    pub(crate) body: Value,
}

/// Talks to one server.
#[derive(Clone, Debug)]
pub(crate) struct Http {
    agent: Agent,
    url: String,
}

impl Http {
    pub(crate) fn new(url: String) -> Self {
        Self::bearing(url, None)
    }

    /// With this `Authorization`.
    pub(crate) fn bearing(url: String, authorization: Option<String>) -> Self {
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(60)))
            .proxy(None)
            .middleware(move |mut request: Request<SendBody<'_>>, next: MiddlewareNext<'_>| {
                if let Some(value) = &authorization {
                    request.headers_mut().insert("authorization", value.parse().unwrap());
                }
                next.handle(request)
            })
            .build()
            .new_agent();
        Self { agent, url }
    }

    /// The same server, with this key.
    pub(crate) fn with_key(&self, key: &str) -> Self {
        Self::bearing(self.url.clone(), Some(format!("Bearer {key}")))
    }

    /// An error says that there was no reply: the server is away.
    pub(crate) fn try_get(&self, path: &str) -> Result<Reply, ureq::Error> {
        self.agent.get(self.at(path)).call().and_then(read)
    }

    pub(crate) fn get(&self, path: &str) -> Reply {
        self.try_get(path).unwrap()
    }

    pub(crate) fn delete(&self, path: &str) -> Reply {
        self.agent.delete(self.at(path)).call().and_then(read).unwrap()
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Reply {
        self.agent.post(self.at(path)).send_json(body).and_then(read).unwrap()
    }

    /// Sends a body as what it is said to be.
    pub(crate) fn post_as(&self, path: &str, content_type: &str, body: &[u8]) -> Reply {
        let request = self.agent.post(self.at(path)).content_type(content_type);
        request.send(body).and_then(read).unwrap()
    }

    pub(crate) fn put(&self, path: &str, body: &Value) -> Reply {
        self.agent.put(self.at(path)).send_json(body).and_then(read).unwrap()
    }

    /// The same with these headers.
    pub(crate) fn put_with(&self, path: &str, headers: &[(&str, &str)], body: &Value) -> Reply {
        with(self.agent.put(self.at(path)), headers).send_json(body).and_then(read).unwrap()
    }

    /// As [`Http::post`], with these headers.
    pub(crate) fn post_with(&self, path: &str, headers: &[(&str, &str)], body: &Value) -> Reply {
        with(self.agent.post(self.at(path)), headers).send_json(body).and_then(read).unwrap()
    }

    /// As [`Http::delete`], with these headers.
    pub(crate) fn delete_with(&self, path: &str, headers: &[(&str, &str)]) -> Reply {
        with(self.agent.delete(self.at(path)), headers).call().and_then(read).unwrap()
    }

    /// As [`Http::get`], with these headers.
    pub(crate) fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> Reply {
        with(self.agent.get(self.at(path)), headers).call().and_then(read).unwrap()
    }

    /// Sends events, one a line.
    pub(crate) fn try_send(&self, lines: &[String], wait: &str) -> Result<Reply, ureq::Error> {
        let request = self.agent.post(self.at(&format!("/v1/events?wait={wait}")));
        request.content_type("application/x-ndjson").send(lines.join("\n")).and_then(read)
    }

    /// Sends events in requests of 5,000, the last one until it is applied, and returns how many
    /// were accepted and how many were duplicates.
    pub(crate) fn send(&self, lines: &[String]) -> (usize, usize) {
        let (mut accepted, mut duplicates) = (0, 0);
        let chunks = lines.chunks(5_000);
        let last = chunks.len().saturating_sub(1);
        for (i, chunk) in chunks.enumerate() {
            let wait = if i == last { "applied" } else { "durable" };
            let reply = self.try_send(chunk, wait).unwrap();
            assert_eq!(reply.status, 200, "{}", reply.body);
            assert_eq!(reply.body["invalid"], json!([]), "{}", reply.body);
            assert_eq!(reply.body["conflicts"], json!([]), "{}", reply.body);
            if i == last {
                assert_eq!(reply.body["applied"], true, "{}", reply.body);
            }
            accepted += number(&reply.body["accepted"]);
            duplicates += number(&reply.body["duplicates"]);
        }
        (accepted, duplicates)
    }

    /// An answer that must be given, whole.
    pub(crate) fn query(&self, query: &Value) -> Value {
        let reply = self.post("/v1/query", query);
        assert_eq!(reply.status, 200, "{query}: {}", reply.body);
        assert_eq!(reply.body["provenance"]["complete"], true, "{query}: {}", reply.body);
        reply.body
    }

    /// The rows of an answer that must be given, whole, with values as they were spelt; and their
    /// total number.
    pub(crate) fn rows(&self, query: &Value) -> (usize, Vec<BTreeMap<String, Box<RawValue>>>) {
        #[derive(serde::Deserialize)]
        struct Answer {
            rows: Vec<BTreeMap<String, Box<RawValue>>>,
            total_rows: usize,
        }
        let answer: Answer = serde_json::from_str(&self.answer_text(query)).unwrap();
        (answer.total_rows, answer.rows)
    }

    /// The text of an answer that must be given, whole.
    pub(crate) fn answer_text(&self, query: &Value) -> String {
        let mut response = self.agent.post(self.at("/v1/query")).send_json(query).unwrap();
        let status = response.status().as_u16();
        let text = response.body_mut().with_config().limit(1 << 28).read_to_string().unwrap();
        assert_eq!(status, 200, "{query}: {text}");
        text
    }

    fn at(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }
}

/// A whole number that must be one.
pub(crate) fn number(value: &Value) -> usize {
    usize::try_from(value.as_u64().unwrap_or_else(|| panic!("{value} is no number"))).unwrap()
}

/// A request with these headers.
fn with<T>(request: RequestBuilder<T>, headers: &[(&str, &str)]) -> RequestBuilder<T> {
    headers.iter().fold(request, |request, (name, value)| request.header(*name, *value))
}

fn read(mut response: Response<Body>) -> Result<Reply, ureq::Error> {
    let header =
        |name: &str| response.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
    let (location, kind, etag) = (header("location"), header("content-type"), header("etag"));
    let cookie = header("set-cookie").and_then(|set| Some(set.split(';').next()?.to_owned()));
    let status = response.status().as_u16();
    let text = response.body_mut().with_config().limit(1 << 28).read_to_string()?;
    if status >= 400 {
        assert_eq!(kind.as_deref(), Some("application/problem+json"), "{status}: {text}");
    }
    let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
    Ok(Reply { status, location, etag, cookie, body })
}
