//! Requests that another process answers: handed on as they came, and answered as it answers.

use std::error::Error;
use std::time::Duration;

use anyhow::Context;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use merganser_api::error_code::ErrorCode;
use merganser_api::problem::Problem;

use crate::access::{CLUSTER_KEY, CLUSTER_SECRET, ClusterSecret, SenderKey};

/// How long a connection to another process may take to be made.
const CONNECT: Duration = Duration::from_secs(2);
/// How long a connection that nothing goes over is kept.
const IDLE: Duration = Duration::from_secs(30);

/// Headers of a connection and not of what goes over it (RFC 9110, 7.6.1), and those that the
/// client of a handed-on request writes itself.
const OF_CONNECTION: [HeaderName; 9] = [
    header::CONNECTION,
    header::EXPECT,
    header::HOST,
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// Hands requests on. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Forwarder {
    client: reqwest::Client,
    secret: ClusterSecret,
}

impl Forwarder {
    /// Hands on with this secret.
    ///
    /// # Errors
    /// When the system's certificates cannot be read.
    pub(crate) fn new(secret: ClusterSecret) -> anyhow::Result<Self> {
        let client = reqwest::Client::builder()
            .connect_timeout(CONNECT)
            .pool_idle_timeout(IDLE)
            .redirect(reqwest::redirect::Policy::none())
            .tcp_nodelay(true)
            .build()
            .context("the client for other processes")?;
        metrics::describe_counter!(
            "merganser_requests_forwarded_total",
            metrics::Unit::Count,
            "Requests that were handed on to another process, by whether it answered"
        );
        for outcome in ["answered", "failed"] {
            count(outcome, 0);
        }
        Ok(Self { client, secret })
    }

    /// Whether a request was handed on by another process: it goes no further.
    pub(crate) fn is_forwarded(&self, headers: &HeaderMap) -> bool {
        self.secret.is_in(headers)
    }

    /// Hands a request on to the process at `url`.
    pub(crate) async fn forward(&self, url: &str, request: Request) -> Response {
        let (parts, body) = request.into_parts();
        let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
        let mut headers = parts.headers;
        OF_CONNECTION.iter().for_each(|name| drop(headers.remove(name)));
        headers.insert(CLUSTER_SECRET, self.secret.value());
        headers.remove(CLUSTER_KEY);
        if let Some(SenderKey(key)) = parts.extensions.get()
            && let Ok(id) = HeaderValue::from_str(&key.id)
        {
            headers.insert(CLUSTER_KEY, id);
        }
        let sent = self
            .client
            .request(parts.method, format!("{url}{path}"))
            .headers(headers)
            .body(reqwest::Body::wrap_stream(body.into_data_stream()))
            .send()
            .await;
        match sent {
            Ok(answer) => {
                count("answered", 1);
                response(answer)
            }
            Err(error) => {
                count("failed", 1);
                failure(url, &error).into_response()
            }
        }
    }
}

fn count(outcome: &'static str, requests: u64) {
    metrics::counter!("merganser_requests_forwarded_total", "outcome" => outcome)
        .increment(requests);
}

/// Another process's answer as this one's.
fn response(answer: reqwest::Response) -> Response {
    let (status, headers) = (answer.status(), answer.headers().clone());
    let mut response = Response::new(Body::from_stream(answer.bytes_stream()));
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    OF_CONNECTION.iter().for_each(|name| drop(response.headers_mut().remove(name)));
    response
}

fn failure(url: &str, error: &reqwest::Error) -> Problem {
    let cause = error.source().map(ToString::to_string).unwrap_or_default();
    let done = match error.is_connect() {
        true => "nothing of it was done",
        false => "whether it was carried out is not known",
    };
    let detail =
        format!("the process at {url} that does this did not answer: {done}; {error} {cause}");
    let public = format!("the process that does this did not answer: {done}");
    Problem::new(ErrorCode::NotReady, detail).retry_after_s(1).with_public_detail(public)
}
