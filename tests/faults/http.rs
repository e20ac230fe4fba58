//! A small HTTP client; no answer within the time limit is an error like any other.

use std::time::Duration;

use serde_json::Value;
use ureq::{Agent, RequestBuilder};

/// What came back.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) location: Option<String>,
    pub(crate) text: String,
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or(Value::Null)
    }

    /// The stable code of a problem.
    pub(crate) fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }
}

/// Talks to one service.
#[derive(Clone, Debug)]
pub(crate) struct Http {
    agent: Agent,
    url: String,
    /// With which key, if with one.
    key: Option<String>,
}

impl Http {
    pub(crate) fn new(url: String) -> Self {
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(30)))
            .proxy(None)
            .build()
            .new_agent();
        Self { agent, url, key: None }
    }

    /// The same with a key.
    pub(crate) fn with_key(&self, key: &str) -> Self {
        Self { key: Some(key.to_owned()), ..self.clone() }
    }

    fn with<B>(&self, request: RequestBuilder<B>) -> RequestBuilder<B> {
        match &self.key {
            Some(key) => request.header("authorization", format!("Bearer {key}")),
            None => request,
        }
    }

    pub(crate) fn get(&self, path: &str) -> Result<Reply, ureq::Error> {
        self.with(self.agent.get(format!("{}{path}", self.url))).call().and_then(read)
    }

    pub(crate) fn delete(&self, path: &str) -> Result<Reply, ureq::Error> {
        self.with(self.agent.delete(format!("{}{path}", self.url))).call().and_then(read)
    }

    pub(crate) fn post(&self, path: &str, kind: &str, body: &[u8]) -> Result<Reply, ureq::Error> {
        let request = self.with(self.agent.post(format!("{}{path}", self.url)));
        request.content_type(kind).send(body).and_then(read)
    }

    /// As [`Http::post`], of a body that is compressed.
    pub(crate) fn post_encoded(
        &self,
        path: &str,
        kind: &str,
        encoding: &str,
        body: &[u8],
    ) -> Result<Reply, ureq::Error> {
        let request = self.with(self.agent.post(format!("{}{path}", self.url)));
        let request = request.content_type(kind).header("content-encoding", encoding);
        request.send(body).and_then(read)
    }

    pub(crate) fn put(&self, path: &str, body: &Value) -> Result<Reply, ureq::Error> {
        self.with(self.agent.put(format!("{}{path}", self.url))).send_json(body).and_then(read)
    }

    /// Starts a run; `None` when one is active or the service is away.
    pub(crate) fn start_run(&self, mode: &str) -> Option<String> {
        let body = format!(r#"{{"mode":"{mode}"}}"#);
        let reply = self.post("/v1/runs", "application/json", body.as_bytes()).ok()?;
        if reply.status == 202 { reply.location } else { None }
    }
}

fn read(mut response: ureq::http::Response<ureq::Body>) -> Result<Reply, ureq::Error> {
    let location = response.headers().get("location");
    let location = location.and_then(|value| value.to_str().ok()).map(str::to_owned);
    let status = response.status().as_u16();
    let text = response.body_mut().with_config().limit(1 << 28).read_to_string()?;
    Ok(Reply { status, location, text })
}
